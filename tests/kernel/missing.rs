//! Machines without a layer of the jail: `strace` answers in the kernel's place that it has none.

use std::process::Command;

use filmgate_tests::cli::{self, Ended, Filmgate};

/// Runs the binary on a machine where `call` fails.
fn run_without(place: &Filmgate, call: &str, arguments: &[&str]) -> Ended {
    let run = place.command(arguments);
    let mut traced = Command::new("strace");
    traced.args(["-f", "-o", "/dev/null"]);
    traced.args(["-e", &format!("trace={call}"), "-e", &format!("inject={call}:error=ENOSYS")]);
    traced.arg(run.get_program()).args(run.get_args()).current_dir(place.folder()).env_clear();
    traced.envs(run.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Ended::of(traced.output().expect("start strace; tests/tools/install.sh system_packages installs it"))
}

fn job() -> [&'static str; 6] {
    let plugin = cli::probe().to_str().expect("a path in UTF-8");
    ["run", plugin, "--user", "ana", "--params", r#"{"do": "store", "files": [{}]}"#]
}

#[test]
fn m2_a_missing_layer_is_an_error_unless_it_is_allowed_by_name() {
    for (call, layer, other) in [("landlock_create_ruleset", "landlock", "seccomp"), ("seccomp", "seccomp", "landlock")]
    {
        let arguments: Vec<_> = job().into_iter().chain(["--json"]).collect();
        for place in [Filmgate::new(), Filmgate::new().with("FILMGATE_RUNNER_ALLOW_MISSING", other)] {
            let ended = run_without(&place, call, &arguments);
            assert_eq!(ended.code, Some(21), "{layer}: {ended:#?}");
            let problem = ended.json();
            assert_eq!(problem["code"], "jail-missing", "{problem}");
            assert!(problem["next_step"].as_str().is_some_and(|text| text.contains(layer)), "{problem}");
        }
        let place = Filmgate::new().with("FILMGATE_RUNNER_ALLOW_MISSING", layer);
        let ended = run_without(&place, call, &arguments);
        assert_eq!(ended.code, Some(0), "{layer}: {ended:#?}");
        let ended = run_without(&place, call, &["check"]);
        assert_eq!(ended.code, Some(0), "{layer}: {ended:#?}");
        assert!(ended.stdout.contains(&format!("note  jail: {layer}")), "{ended:#?}");
        let ended = run_without(&Filmgate::new(), call, &["check"]);
        assert_eq!(ended.code, Some(21), "{layer}: {ended:#?}");
        assert!(ended.stdout.contains(&format!("FAIL  jail: {layer}")), "{ended:#?}");
    }
}
