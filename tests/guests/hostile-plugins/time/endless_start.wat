;; Computes for ever before it is called: in its start function.
(core module $bad (func $f (loop $l (br $l))) (start $f))
(core instance (instantiate $bad))
