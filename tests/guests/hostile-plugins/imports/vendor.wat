;; Imports another vendor's interface.
(import "other:vendor/thing@1.0.0" (instance))
