;; Answers a summary of 4 GiB, most of which is outside of its memory.
(core module $main
  (memory (export "memory") 1)
  (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "render") (param @job) (result i32)
    (i32.store (i32.const 20) (i32.const 65528))
    (i32.store (i32.const 24) (i32.const -1))
    (i32.const 16)))
