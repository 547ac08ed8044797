;; Has two thousand components in one another.
@whole
@nest 2000
(component)
