;; Computes for ever after it has answered, where it is told to clean up.
@post-return
(core module $main
  (memory (export "memory") 1)
  (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "render") (param @job) (result i32) (i32.const 16))
  (func (export "post-return") (param i32) (loop $l (br $l))))
