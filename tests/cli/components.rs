//! Components are compiled once, under limits, and their code is used only where this host made it (P1, P3).

use std::path::PathBuf;
use std::process::Stdio;

use filmgate_tests::cli::{Ended, Filmgate, probe};
use wasm_encoder::{
    CodeSection, Component, ComponentExportKind, ComponentExportSection, ComponentInstanceSection, Function,
    FunctionSection, InstanceSection, Module, ModuleArg, ModuleSection, TypeSection, ValType,
};

const NONE: [PathBuf; 0] = [];
const COMPILED: &str = "component compiled";
const UNUSABLE: &str = "cannot be used and is compiled again";

/// A place whose log tells when something is compiled; the host's own component, which examines files, is not.
fn place() -> Filmgate {
    Filmgate::new().with("FILMGATE_LOG", "filmgate=info").with("FILMGATE_MEDIA_FACTS", "off")
}

fn run(place: &Filmgate) -> Ended {
    let store = r#"{"do": "store", "files": [{"kind": "mp4"}]}"#;
    place.run(["run", probe().to_str().expect("a path in UTF-8"), "--user", "ana", "--params", store])
}

/// The place's one compiled component.
fn entry(place: &Filmgate) -> PathBuf {
    let [path] = <[PathBuf; 1]>::try_from(place.compiled()).expect("one compiled component");
    path
}

#[test]
fn a_component_is_compiled_once() {
    let place = place();
    let first = run(&place);
    assert_eq!((first.code, first.stderr.matches(COMPILED).count()), (Some(0), 1), "{first:#?}");
    entry(&place);
    let second = run(&place);
    assert_eq!((second.code, second.stderr.matches(COMPILED).count()), (Some(0), 0), "{second:#?}");

    // Kept by nobody.
    let place = place.with("FILMGATE_COMPILE_CACHE", "0 B").with("FILMGATE_DATA_DIR", "other");
    for _ in 0..2 {
        assert_eq!(run(&place).stderr.matches(COMPILED).count(), 1);
    }
}

#[test]
fn processes_that_start_together_compile_it_once() {
    let place = place();
    let wasm = probe().to_str().expect("a path in UTF-8");
    let start = |user: &str| {
        let mut command = place.command(["plugin", "precompile", wasm, "--json"]);
        command.env("UNRELATED", user).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let started = ["a", "b", "c"].map(start);
    let ended = started.map(|child| Ended::of(child.wait_with_output().unwrap()));
    let compiled: usize = ended.iter().map(|ended| ended.stderr.matches(COMPILED).count()).sum();
    assert_eq!(compiled, 1, "{ended:#?}");
    let told = ended.iter().filter(|ended| ended.json()["plugins"][0]["compiled"] == true).count();
    assert!(ended.iter().all(|ended| ended.code == Some(0)) && told == 1, "{ended:#?}");
}

#[test]
fn p1_code_that_was_changed_is_told_and_made_anew() {
    let place = place();
    assert_eq!(run(&place).code, Some(0));
    let path = entry(&place);
    let good = std::fs::read(&path).unwrap();
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for bad in [&flipped[..], &good[..good.len() / 2], &[], b"\x7fELF"] {
        std::fs::write(&path, bad).unwrap();
        let ended = run(&place);
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        assert_eq!(
            (ended.stderr.matches(UNUSABLE).count(), ended.stderr.matches(COMPILED).count()),
            (1, 1),
            "{ended:#?}"
        );
        assert_eq!(std::fs::read(&path).unwrap().len(), good.len());
    }
    // Whoever has another key cannot make entries for this host.
    std::fs::write(path.with_file_name("key"), [7; 32]).unwrap();
    let ended = run(&place);
    assert_eq!((ended.code, ended.stderr.matches(UNUSABLE).count()), (Some(0), 1), "{ended:#?}");
}

#[test]
fn a_folder_that_cannot_be_used_costs_time_only() {
    let place = place();
    std::fs::create_dir(place.folder().join("filmgate-data")).unwrap();
    place.write("filmgate-data/components", "a file");
    let ended = run(&place);
    assert_eq!((ended.code, ended.stderr.matches("cannot be kept").count()), (Some(0), 1), "{ended:#?}");
}

#[test]
fn precompiling_leaves_nothing_to_compile() {
    let place = place();
    let wasm = probe().to_str().expect("a path in UTF-8");
    let ended = place.run(["plugin", "precompile", wasm]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(
        ended.last_line().contains("probe.wasm: compiled, ") && ended.last_line().contains("sha256:"),
        "{ended:#?}"
    );
    assert_eq!(run(&place).stderr.matches(COMPILED).count(), 0);
    let again = place.run(["plugin", "precompile", wasm, wasm, "--json"]).json();
    assert_eq!(again["plugins"].as_array().unwrap().len(), 2, "{again}");
    assert_eq!((&again["plugins"][1]["compiled"], again["plugins"][0]["code_bytes"].is_u64()), (&false.into(), true));

    place.write("text.wasm", "text");
    let ended = place.run(["plugin", "precompile", "text.wasm", "--json"]);
    assert_eq!((ended.code, ended.json()["code"].as_str()), (Some(10), Some("plugin-refused")), "{ended:#?}");
    assert_eq!(place.run(["plugin", "precompile"]).code, Some(2));
}

/// A component with functions of many rounds, each a branch around hundreds of instructions of one byte, all of which the
/// result needs. Nothing of it is executed; the export makes it look like a plugin.
fn bomb(functions: u32, rounds: usize) -> Vec<u8> {
    // block, local.get 0, br_if 0, local.get 1, 240 times (i32.clz, i32.ctz, i32.popcnt), local.set 1, end
    let counting = [0x67, 0x68, 0x69].repeat(240);
    let round = [&[0x02, 0x40, 0x20, 0, 0x0d, 0, 0x20, 1][..], &counting, &[0x21, 1, 0x0b]].concat();
    let body = round.repeat(rounds);
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32], [ValType::I32]);
    let (mut declared, mut code) = (FunctionSection::new(), CodeSection::new());
    for _ in 0..functions {
        declared.function(0);
        let mut function = Function::new([(1, ValType::I32)]);
        function.raw(body.iter().copied());
        function.instructions().local_get(1).end();
        code.function(&function);
    }
    let mut module = Module::new();
    module.section(&types).section(&declared).section(&code);
    let mut instances = ComponentInstanceSection::new();
    instances.export_items(Vec::<(&str, ComponentExportKind, u32)>::new());
    let mut exports = ComponentExportSection::new();
    exports.export("filmgate:plugin/renderer@0.1.0", ComponentExportKind::Instance, 0, None);
    let mut component = Component::new();
    // Instantiated, or it would be left out.
    let mut core = InstanceSection::new();
    core.instantiate(0, Vec::<(&str, ModuleArg)>::new());
    component.section(&ModuleSection(&module)).section(&core).section(&instances).section(&exports);
    component.finish()
}

#[test]
fn p3_a_component_that_takes_for_ever_to_compile_is_given_up() {
    let place = place().with("FILMGATE_COMPILE_CPU", "1s");
    place.write("bomb.wasm", bomb(8, 1_400));
    for command in [&["run", "bomb.wasm", "--user", "ana"][..], &["plugin", "precompile", "bomb.wasm"]] {
        let ended = place.run(command.iter().chain(&["--json"]));
        assert_eq!((ended.code, ended.json()["code"].as_str()), (Some(10), Some("compile-limit")), "{ended:#?}");
        assert!(ended.stdout.contains("takes more than the time it may have"), "{ended:#?}");
        assert!(ended.json()["next_step"].as_str().unwrap().contains("compile.cpu"), "{ended:#?}");
    }
    let ended = place.run(["plugin", "inspect", "bomb.wasm"]);
    assert_eq!(ended.code, Some(10), "{ended:#?}");
    assert!(ended.last_line().starts_with("verdict   refused: compiling the component takes more than"), "{ended:#?}");
    assert_eq!(place.compiled(), NONE);
    // It harmed nobody else.
    assert_eq!(run(&place.with("FILMGATE_COMPILE_CPU", "5m")).code, Some(0));
}

#[test]
fn p3_a_component_that_takes_all_memory_to_compile_is_given_up() {
    let place = place().with("FILMGATE_COMPILE_MEMORY", "128 MiB");
    place.write("bomb.wasm", bomb(1, 9_800));
    let ended = place.run(["run", "bomb.wasm", "--user", "ana", "--json"]);
    assert_eq!((ended.code, ended.json()["code"].as_str()), (Some(10), Some("compile-limit")), "{ended:#?}");
    assert!(ended.stdout.contains("takes more than the memory it may have"), "{ended:#?}");
    assert_eq!(place.compiled(), NONE);
}
