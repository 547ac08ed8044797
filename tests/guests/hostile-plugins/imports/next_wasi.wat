;; Imports the file system of a WASI that is not served.
(import "wasi:filesystem/types@0.3.0" (instance))
