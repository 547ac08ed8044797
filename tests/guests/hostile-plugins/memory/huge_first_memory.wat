;; Wants the whole 4 GiB before it starts.
(core module $huge (memory 65536))
(core instance (instantiate $huge))
