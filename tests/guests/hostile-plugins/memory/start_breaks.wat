;; Breaks before it is called: in its start function.
(core module $bad (func $f unreachable) (start $f))
(core instance (instantiate $bad))
