;; Wants memory of 64-bit addresses.
(core module (memory i64 1))
