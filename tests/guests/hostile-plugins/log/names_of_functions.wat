;; Breaks in functions whose names forge lines, steer a terminal, and unfold to millions of characters.
(core module $main
  (memory (export "memory") 1)
  (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func $"\0a\0aerror: forged\0anext step: run this\0a" unreachable)
  (func $"\1b[2J\1b]0;title\07" call 1)
  (func $"\e2\80\aetxet\e2\81\a6" call 2)
  (func $"_RMC0TTTTTTTTTTTTTTTTppEB_B_B_EB0_B0_B0_EB1_B1_B1_EB2_B2_B2_EB3_B3_B3_EB4_B4_B4_EB5_B5_B5_EB6_B6_B6_EE" call 3)
  (func (export "render") (param @job) (result i32) call 4 unreachable))
