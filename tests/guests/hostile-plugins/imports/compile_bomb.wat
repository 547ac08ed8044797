;; Takes the compiler as much time and memory as so few bytes can.
(core module $bomb
  @repeat 40
  (func (param i32) (result i32) (local i64 i64 i64 i64 i64 i64 i64 i64)
    @repeat 3000
    (local.set 1 (i64.mul (local.get 2) (i64.add (local.get 3) (local.get 1))))
    (block (br_if 0 (local.get 0)) (local.set 2 (i64.xor (local.get 1) (local.get 4))) (local.set 3 (i64.rotl (local.get 2) (local.get 1))))
    @end
    (i32.wrap_i64 (local.get 1)))
  @end
)
