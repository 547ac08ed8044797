;; Is no component but a core module.
@whole
(module (func (export "render")))
