;; Renders for a version of the world that is not served.
@whole
(component (instance $r) (export "filmgate:plugin/renderer@0.9.0" (instance $r)))
