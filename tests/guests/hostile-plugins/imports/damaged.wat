;; Is cut in the middle.
@cut
