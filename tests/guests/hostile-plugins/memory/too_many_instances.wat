;; Instantiates an empty module a thousand times.
(core module $empty)
@repeat 1000
(core instance (instantiate $empty))
@end
