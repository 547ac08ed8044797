;; Breaks inside of a host call: where the host asks it for memory.
(core module $main
  (memory (export "memory") 1)
  (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable)
  (func (export "render") (param @job) (result i32) (i32.const 16)))
