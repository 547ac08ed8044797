;; Imports the plugin world of a later version.
(import "filmgate:plugin/store-video@0.2.0" (instance))
