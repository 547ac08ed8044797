;; Wants a table of ten million elements before it starts.
(core module $huge (table 10000000 funcref))
(core instance (instantiate $huge))
