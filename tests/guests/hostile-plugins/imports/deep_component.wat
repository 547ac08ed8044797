;; Has two thousand components in one another.
@repeat 2000
(component
@end
@repeat 2000
)
@end
