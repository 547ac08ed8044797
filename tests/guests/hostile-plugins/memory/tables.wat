;; Grows a table until it is refused, and then breaks.
(core module $main
  (memory (export "memory") 1)
  (table $t 1 funcref)
  (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "render") (param @job) (result i32)
    (loop $more (br_if $more (i32.ne (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1))))
    unreachable))
