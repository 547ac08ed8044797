//! What is accepted as a plugin and what a refusal says (P1).

use filmgate_runner::{Artifact, COMPONENT_BYTES_MAX, Kind, PluginRefusal, WORLD_VERSION, granted_imports, inspect};

use crate::support::{engine, hostile_bytes};

fn wasm(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("assemble the text")
}

/// A component that exports the renderer of `version` with an instance of nothing in it.
fn empty_renderer(version: &str) -> String {
    format!(r#"(instance $r) (export "filmgate:plugin/renderer@{version}" (instance $r))"#)
}

fn refusal(bytes: &[u8]) -> PluginRefusal {
    match Artifact::compile(engine(), bytes) {
        Ok(_) => panic!("the component was accepted"),
        Err(refusal) => refusal,
    }
}

#[test]
fn built_plugin_is_described() {
    let inspection = inspect(hostile_bytes()).expect("inspect");
    assert_eq!(inspection.kind, Kind::Component);
    assert_eq!(inspection.bytes, hostile_bytes().len());
    assert_eq!(inspection.world_version.as_deref(), Some(WORLD_VERSION));
    assert_eq!(inspection.exports, ["filmgate:plugin/renderer@0.1.0"]);
    assert!(inspection.imports.iter().all(|import| import.granted), "{:?}", inspection.imports);
    assert!(inspection.imports.iter().any(|import| import.name == "filmgate:plugin/store-video@0.1.0"));
}

#[test]
fn every_grant_is_linked() {
    for name in granted_imports() {
        let text = format!(r#"(component (import "{name}" (instance)) {})"#, empty_renderer(WORLD_VERSION));
        // Only the renderer is missing its function, so all imports were found.
        let refusal = refusal(&wasm(&text));
        let PluginRefusal::Mismatch(error) = refusal else { panic!("{name}: {refusal}") };
        assert!(format!("{error:#}").contains("render"), "{name}: {error:#}");
    }
}

#[test]
fn not_wasm_is_refused() {
    for bytes in [&b""[..], b"\0as", b"#!/bin/sh\n", b"(component)", b"MZ\x90\0"] {
        assert!(matches!(refusal(bytes), PluginRefusal::NotWasm), "{bytes:?}");
        assert!(matches!(inspect(bytes), Err(PluginRefusal::NotWasm)), "{bytes:?}");
    }
}

#[test]
fn core_module_is_refused_and_described() {
    let bytes = wasm(r#"(module (import "env" "f" (func)) (func (export "render")))"#);
    assert!(matches!(refusal(&bytes), PluginRefusal::CoreModule));
    let inspection = inspect(&bytes).expect("inspect");
    assert_eq!((inspection.kind, inspection.imports.len()), (Kind::CoreModule, 0));
}

#[test]
fn damaged_component_is_refused() {
    let whole = hostile_bytes();
    for length in [8, 9, 100, whole.len() / 2, whole.len() - 1] {
        let refusal = refusal(&whole[..length]);
        let plausible =
            matches!(refusal, PluginRefusal::Malformed(_) | PluginRefusal::NoRenderer | PluginRefusal::Compile(_));
        assert!(plausible, "{length} bytes: {refusal}");
    }
}

#[test]
fn import_beyond_the_grants_is_named() {
    let names = [
        "wasi:http/outgoing-handler@0.2.12",
        "wasi:keyvalue/store@0.2.0",
        "wasi:filesystem/types@0.3.0",
        "wasi:filesystem/types@1.0.0",
        "wasi:cli/run@0.2.12",
        "other:vendor/thing@1.0.0",
    ];
    for name in names {
        let bytes = wasm(&format!(r#"(component (import "{name}" (instance)) {})"#, empty_renderer(WORLD_VERSION)));
        let refusal = refusal(&bytes);
        assert!(matches!(&refusal, PluginRefusal::NotGranted { import } if import == name), "{refusal}");
        let message = refusal.to_string();
        assert!(message.contains(name) && message.contains("wasi:filesystem/types@0.2.12"), "{message}");
        let inspection = inspect(&bytes).expect("inspect a refused component");
        assert_eq!((inspection.imports[0].name.as_str(), inspection.imports[0].granted), (name, false));
    }
}

#[test]
fn plain_function_import_is_not_granted() {
    let bytes = wasm(&format!(r#"(component (import "run" (func)) {})"#, empty_renderer(WORLD_VERSION)));
    assert!(matches!(refusal(&bytes), PluginRefusal::NotGranted { import } if import == "run"));
}

#[test]
fn other_world_version_is_named_on_both_sides() {
    for version in ["0.2.0", "1.0.0", "0.0.1", "0.1.0-rc.1"] {
        let refusal = refusal(&wasm(&format!("(component {})", empty_renderer(version))));
        assert!(matches!(refusal, PluginRefusal::WorldVersion { .. }), "{refusal}");
        let message = refusal.to_string();
        assert!(message.contains(version) && message.contains(WORLD_VERSION), "{message}");
    }
    let import = r#"(component (import "filmgate:plugin/progress@0.9.0" (instance)))"#;
    assert!(matches!(refusal(&wasm(import)), PluginRefusal::WorldVersion { .. }));
}

#[test]
fn component_without_renderer_is_refused() {
    assert!(matches!(refusal(&wasm("(component)")), PluginRefusal::NoRenderer));
    let import_only = r#"(component (import "filmgate:plugin/progress@0.1.0" (instance)))"#;
    assert!(matches!(refusal(&wasm(import_only)), PluginRefusal::NoRenderer));
}

#[test]
fn imported_function_of_another_type_is_a_mismatch() {
    let text = format!(
        r#"(component (import "filmgate:plugin/progress@0.1.0" (instance (export "cancelled" (func (result u64))))) {})"#,
        empty_renderer(WORLD_VERSION)
    );
    let refusal = refusal(&wasm(&text));
    let PluginRefusal::Mismatch(error) = refusal else { panic!("{refusal}") };
    assert!(format!("{error:#}").contains("cancelled"), "{error:#}");
}

#[test]
fn proposals_that_are_off_do_not_compile() {
    let modules = [
        "(module (memory i64 1))",
        "(module (memory 1) (memory 1))",
        "(module (func return_call 0))",
        "(module (memory 1 1 shared))",
    ];
    for module in modules {
        let body = module.trim_start_matches("(module");
        let text = format!("(component (core module {body} {})", empty_renderer(WORLD_VERSION));
        let refusal = refusal(&wasm(&text));
        assert!(matches!(refusal, PluginRefusal::Compile(_)), "{module}: {refusal}");
    }
}

#[test]
fn name_made_to_deceive_is_escaped_and_cut() {
    let long = "a".repeat(5000);
    let bytes = wasm(&format!(r#"(component (import "v:v/{long}@1.0.0" (instance)))"#));
    assert!(refusal(&bytes).to_string().len() < 3000);
}

#[test]
fn size_is_limited() {
    let mut bytes = hostile_bytes().to_vec();
    bytes.resize(COMPONENT_BYTES_MAX + 1, 0);
    assert!(matches!(refusal(&bytes), PluginRefusal::TooLarge { .. }));
}
