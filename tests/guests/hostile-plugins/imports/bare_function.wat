;; Imports a function that belongs to no interface.
(import "run" (func))
