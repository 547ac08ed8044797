;; Has sixty tables of two thousand elements each.
(core module $table (table 2000 funcref))
@repeat 60
(core instance (instantiate $table))
@end
