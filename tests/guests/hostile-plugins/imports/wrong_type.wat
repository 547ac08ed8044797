;; Imports a granted function under another type.
(import "filmgate:plugin/progress@0.1.0" (instance (export "cancelled" (func (result u64)))))
