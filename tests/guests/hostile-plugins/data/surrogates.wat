;; Answers a summary with half a surrogate pair, as careless encoders write it.
(core module $main
  (memory (export "memory") 1)
  (data (i32.const 40) "\"\ed\a0\80\"")
  (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "render") (param @job) (result i32)
    (i32.store (i32.const 20) (i32.const 40))
    (i32.store (i32.const 24) (i32.const 5))
    (i32.const 16)))
