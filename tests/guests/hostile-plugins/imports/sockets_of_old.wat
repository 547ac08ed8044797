;; Imports sockets of a version that nobody denies.
(import "wasi:sockets/tcp@0.1.0" (instance))
