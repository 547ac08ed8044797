//! Help, version, completions, usage errors: what never touches a setting.

use filmgate_tests::cli::Filmgate;

#[test]
fn help_shows_examples_and_every_exit_code() {
    let place = Filmgate::new().with("FILMGATE_STORAGE", "nonsense");
    let help = place.run(["--help"]);
    assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
    for text in
        ["filmgate run recap.wasm --user ana", "AWS_SECRET_ACCESS_KEY", "130  SIGINT", "19  storage unreachable"]
    {
        assert!(help.stdout.contains(text), "{text}: {}", help.stdout);
    }
    for command in ["run", "publish", "plugin inspect", "check", "completions"] {
        let help = place.run(command.split(' ').chain(["--help"]));
        assert_eq!(help.code, Some(0), "{command}");
        assert!(help.stdout.contains("Usage: filmgate"), "{}", help.stdout);
    }
    assert!(place.run(["--version"]).stdout.starts_with("filmgate "));
}

#[test]
fn every_shell_gets_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = Filmgate::new().run(["completions", shell]);
        assert_eq!(ended.code, Some(0), "{shell}");
        assert!(ended.stdout.contains("publish") && ended.stdout.contains("data-dir"), "{shell}");
    }
}

#[test]
fn a_wrong_command_line_ends_with_2_in_text_and_in_json() {
    let wrong: [&[&str]; 4] = [&[], &["render"], &["run", "a.wasm"], &["run", "a.wasm", "--user", "a", "--colour"]];
    for arguments in wrong {
        let ended = Filmgate::new().run(arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:#?}");
        assert!(ended.stderr.contains("Usage: filmgate"), "{ended:#?}");
    }
    let ended = Filmgate::new().run(["run", "a.wasm", "--json"]);
    assert_eq!(ended.code, Some(2));
    let problem = ended.json();
    assert_eq!((problem["code"].as_str(), problem["exit_code"].as_i64()), (Some("usage"), Some(2)), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("--user"), "{problem}");
}

#[test]
fn inspecting_tells_what_a_file_is_without_running_it() {
    let place = Filmgate::new();
    place.write("core.wasm", b"\0asm\x01\0\0\0");
    let ended = place.run(["plugin", "inspect", "core.wasm"]);
    assert_eq!(ended.code, Some(10), "{ended:#?}");
    assert!(ended.stdout.contains("kind      core module") && ended.stdout.contains("sha256:"), "{ended:#?}");
    assert!(ended.last_line().starts_with("verdict   refused: a core module, not a component"), "{ended:#?}");

    let json = place.run(["plugin", "inspect", "core.wasm", "--json"]);
    assert_eq!(json.code, Some(10));
    assert_eq!((json.json()["accepted"].as_bool(), json.json()["size"].as_i64()), (Some(false), Some(8)));

    place.write("text.wasm", "text");
    let ended = place.run(["plugin", "inspect", "text.wasm"]);
    assert_eq!(ended.code, Some(10), "{ended:#?}");
    assert!(ended.stderr.contains("not WebAssembly"), "{ended:#?}");
    assert_eq!(place.run(["plugin", "inspect", "missing.wasm"]).code, Some(2));
}
