;; Has four modules that each grow a memory of their own until they are refused, and then breaks.
(core module $grower
  (memory 1)
  (func (export "grow") (loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))))
@repeat 4
(core instance $grower@i (instantiate $grower))
@end
(core module $main
  (import "a" "grow" (func $a)) (import "b" "grow" (func $b))
  (import "c" "grow" (func $c)) (import "d" "grow" (func $d))
  (memory (export "memory") 1)
  (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func (export "render") (param @job) (result i32) (call $a) (call $b) (call $c) (call $d) unreachable))
@with (with "a" (instance $grower0)) (with "b" (instance $grower1)) (with "c" (instance $grower2)) (with "d" (instance $grower3))
