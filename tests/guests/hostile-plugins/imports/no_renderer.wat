;; Is a component that renders nothing.
@whole
(component)
