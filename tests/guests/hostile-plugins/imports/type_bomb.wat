;; Has a type that doubles forty times.
(type $t0 (tuple u64 u64))
@repeat 40
(type $t@next (tuple $t@i $t@i))
@end
(import "filmgate:plugin/progress@0.1.0" (instance (export "cancelled" (func (result $t40)))))
