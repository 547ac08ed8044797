;; Imports a key-value store.
(import "wasi:keyvalue/store@0.2.0" (instance))
