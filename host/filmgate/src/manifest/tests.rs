use std::fs;

use super::*;
use crate::limits::MIB;
use crate::policy::Limit;

const HEAD: &str = "id = \"recap\"\nversion = \"1.0.0\"\nworld = \"0.1.0\"\n";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    /// The fault of a manifest of these lines, without its folder.
    fn fault(&self, lines: &str) -> String {
        let path = self.write("recap.toml", lines);
        let error = Manifest::read(&path).expect_err("the manifest is accepted").to_string();
        error.replace(&format!("{}/", self.0.path().display()), "")
    }
}

#[test]
fn the_manifest_is_found_beside_its_component() {
    let folder = Folder::new();
    let component = folder.path("recap.wasm");
    assert!(Manifest::beside(&component).unwrap().is_none());
    folder.write("recap.toml", HEAD);
    let manifest = Manifest::beside(&component).unwrap().unwrap();
    assert_eq!((manifest.id().as_str(), manifest.version().as_str()), ("recap", "1.0.0"));
    assert_eq!((manifest.world().as_str(), manifest.path()), ("0.1.0", folder.path("recap.toml").as_path()));
    assert!(manifest.limits().is_empty() && manifest.media().is_none() && manifest.params().is_none());
    // A component of another name has another manifest.
    assert!(Manifest::beside(&folder.path("other.wasm")).unwrap().is_none());
}

#[test]
fn everything_that_can_be_said_is_read() {
    let folder = Folder::new();
    folder.write("schema.json", r#"{"type": "object", "required": ["a"]}"#);
    let text = format!(
        "{HEAD}media = [\"mp4\", \"jpeg\"]\nparams_schema = \"schema.json\"\n[limits]\nmemory = \"256 MiB\"\ncpu = \"90s\"\n"
    );
    let manifest = Manifest::read(&folder.write("p.toml", text)).unwrap();
    assert_eq!(manifest.media(), Some(&BTreeSet::from([MediaKind::Mp4, MediaKind::Jpeg])));
    assert_eq!(manifest.limits().get(Limit::Memory), Some(256 * MIB));
    assert_eq!(manifest.limits().get(Limit::Cpu), Some(90_000));
    assert!(manifest.params().unwrap().check(&"{\"a\": 1}".parse().unwrap()).is_ok());
    assert!(manifest.params().unwrap().check(&"{}".parse().unwrap()).is_err());

    let inline = format!("{HEAD}[params_schema]\ntype = \"object\"\n[params_schema.properties.fps]\nmaximum = 60\n");
    let manifest = Manifest::read(&folder.write("q.toml", inline)).unwrap();
    let fault = manifest.params().unwrap().check(&"{\"fps\": 61}".parse().unwrap()).unwrap_err();
    assert_eq!(fault.to_string(), "params.fps is too large; allowed: at most 60");
}

#[test]
fn faults_name_file_place_and_what_is_allowed() {
    let folder = Folder::new();
    folder.write("broken.json", "{\n  \"secret\": canary\n}");
    folder.write("no-schema.json", "{\"typ\": 1}");
    let in_it = |line: &str| format!("{HEAD}{line}\n");
    for (lines, expected) in [
        ("id = \"recap\"".to_owned(), "manifest \"recap.toml\", line 1: missing field `version`"),
        (
            in_it("licence = \"MIT\""),
            "manifest \"recap.toml\", line 4: unknown field `licence`, expected one of `id`, `version`",
        ),
        (
            in_it("[limits]\nmem = \"1 MiB\""),
            "manifest \"recap.toml\", line 5: unknown field `mem`, expected one of `memory`",
        ),
        (
            in_it("[limits]\nmemory = \"1 GB x\""),
            "manifest \"recap.toml\", line 5: size \"1 GB x\" is no number of bytes; allowed: ",
        ),
        (
            in_it("[limits]\nwall = \"8d\""),
            "manifest \"recap.toml\", limits: wall 8d is out of range; allowed: 10ms to 7d",
        ),
        (in_it("media = []"), "manifest \"recap.toml\", media: names no kind; allowed: one kind or more"),
        (
            in_it("media = [\"avi\"]"),
            "manifest \"recap.toml\", line 4: unknown variant `avi`, expected one of `mp4`, `mov`",
        ),
        (
            HEAD.replace("recap", "Recap"),
            "manifest \"recap.toml\", line 1: plugin id \"Recap\" does not begin with a letter; allowed: ",
        ),
        (HEAD.replace("1.0.0", ""), "manifest \"recap.toml\", line 2: version \"\" is empty; allowed: 1 to 64"),
        (
            in_it("params_schema = \"../x.json\""),
            "manifest \"recap.toml\", params_schema: \"../x.json\" is not allowed; allowed: the name",
        ),
        (
            in_it("params_schema = \"/etc/passwd\""),
            "manifest \"recap.toml\", params_schema: \"/etc/passwd\" is not allowed",
        ),
        (
            in_it("params_schema = \"none.json\""),
            "manifest \"recap.toml\", params_schema: read \"none.json\": No such file",
        ),
        (in_it("params_schema = 5"), "manifest \"recap.toml\", line 4: expected the name of a JSON file"),
        (in_it("params_schema = \"broken.json\""), "manifest \"broken.json\": expected value at line 2 column 13"),
        (
            in_it("params_schema = \"no-schema.json\""),
            "manifest \"no-schema.json\", params schema: at \"/typ\": is a keyword",
        ),
    ] {
        let fault = folder.fault(&lines);
        assert!(fault.starts_with(expected), "{fault}");
        assert!(!fault.contains("canary"), "{fault}");
    }
}

#[test]
fn p3_only_small_files_are_read() {
    let folder = Folder::new();
    let fault = folder.fault(&format!("{HEAD}#{}", "x".repeat(64 * 1024)));
    assert_eq!(fault, "manifest \"recap.toml\": is longer than 64 KiB");
    // A pipe that nobody writes to would be waited for.
    let pipe = folder.path("pipe.json");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
    let fault = folder.fault(&format!("{HEAD}params_schema = \"pipe.json\"\n"));
    assert_eq!(fault, "manifest \"pipe.json\": is not a file");
    assert!(Manifest::read(Path::new("/dev/zero")).is_err());
}

#[test]
fn a_manifest_of_another_world_is_refused() {
    let folder = Folder::new();
    let manifest = Manifest::read(&folder.write("recap.toml", HEAD)).unwrap();
    let component = |world: Option<&str>| filmgate_runner::Inspection {
        kind: filmgate_runner::Kind::Component,
        imports: Vec::new(),
        exports: Vec::new(),
        world_version: world.map(str::to_owned),
        bytes: 0,
    };
    assert!(manifest.check(&component(Some("0.1.0"))).is_ok());
    assert!(manifest.check(&component(None)).is_ok());
    let error = manifest.check(&component(Some("0.2.0"))).unwrap_err().to_string();
    assert!(error.ends_with("world: says 0.1.0, but the component was built for 0.2.0"), "{error}");
}

#[test]
fn the_reference_plugin_has_a_manifest() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guest/recap/plugin.toml");
    let manifest = Manifest::read(&path).unwrap();
    assert_eq!(manifest.id().as_str(), "recap");
    assert!(manifest.params().is_some());
}
