;; Imports HTTP.
(import "wasi:http/outgoing-handler@0.2.12" (instance))
