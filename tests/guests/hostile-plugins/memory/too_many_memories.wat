;; Has forty memories of no page at all, each of which reserves address space.
(core module $small (memory 0))
@repeat 40
(core instance (instantiate $small))
@end
