;; Instantiates an empty module three hundred times.
(core module $empty)
@repeat 300
(core instance (instantiate $empty))
@end
