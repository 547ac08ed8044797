//! Generated from `wit/plugin.wit`; WASI comes from `wasmtime-wasi`.

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "filmgate:plugin/render-plugin",
    imports: {
        "filmgate:plugin/store-video.store-video": async | trappable,
        "filmgate:plugin/store-video.submit": async | trappable,
        default: trappable,
    },
    exports: { default: async },
    with: {
        "wasi": wasmtime_wasi::p2::bindings,
        "filmgate:plugin/store-video.publication": crate::store_video::Publication,
    },
});
