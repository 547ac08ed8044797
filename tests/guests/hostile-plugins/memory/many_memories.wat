;; Has eight memories of 32 MiB each: every one below the budget, not all together.
(core module $big (memory 512))
@repeat 8
(core instance (instantiate $big))
@end
