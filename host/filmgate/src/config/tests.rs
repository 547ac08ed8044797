use std::fs;
use std::time::Duration;

use super::*;
use crate::limits::{GIB, MIB};
use crate::policy::Unlisted;
use crate::storage::Mode;
use crate::url::UrlMode;

/// Stands for every secret: no message may hold it.
const CANARY: &str = "canary-SECRET+x1";

const S3: [(&str, &str); 4] = [
    ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", CANARY),
    ("AWS_REGION", "eu-central-1"),
    ("S3_BUCKET_NAME", "videos.example"),
];

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with_file(text: &str) -> Self {
        let place = Self::new();
        fs::write(place.0.path().join("filmgate.toml"), text).unwrap();
        place
    }

    fn load(&self, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let result = Config::load(&Sources::of_variables(variables.iter().copied(), self.0.path()));
        let shown = match &result {
            Ok(config) => format!("{config:?}"),
            Err(error) => format!("{error} {error:?}"),
        };
        assert!(!shown.contains(CANARY), "a secret is shown: {shown}");
        result
    }

    fn faults(&self, variables: &[(&str, &str)]) -> Vec<String> {
        let error = self.load(variables).unwrap_err();
        error.problems().iter().map(ToString::to_string).collect()
    }
}

fn s3_with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    S3.iter().chain(more).copied().collect()
}

fn s3(config: &Config) -> &S3Config {
    match &config.storage {
        StorageConfig::S3(s3) => s3,
        other => panic!("{other:?}"),
    }
}

fn is_local(config: &Config) -> bool {
    matches!(config.storage, StorageConfig::Local { .. })
}

#[test]
fn b1_nothing_set_is_local_storage_inside_the_data_directory() {
    let place = Place::new();
    let config = place.load(&[]).unwrap();
    assert_eq!(config.data_dir, place.0.path().join("filmgate-data"));
    let StorageConfig::Local { root } = &config.storage else { panic!("{:?}", config.storage) };
    assert_eq!(*root, place.0.path().join("filmgate-data/storage"));
    assert_eq!(config.storage_reason, "no bucket is set");
    assert_eq!(config.layouts.default_name().as_str(), "recap");
    assert_eq!((config.urls.mode, config.urls.base), (UrlMode::Automatic, None));
    assert!(config.settings.iter().all(|setting| setting.origin == Origin::Default), "{:#?}", config.settings);
}

#[test]
fn a2_the_four_variables_are_enough_for_s3() {
    let config = Place::new().load(&S3).unwrap();
    let s3 = s3(&config);
    assert_eq!((s3.bucket.as_str(), s3.region.as_str(), s3.path_style), ("videos.example", "eu-central-1", None));
    let CredentialSource::Environment { access_key_id, secret_access_key, session_token } = &s3.credentials else {
        panic!("{:?}", s3.credentials)
    };
    assert_eq!((access_key_id.reveal(), secret_access_key.reveal()), ("AKIAEXAMPLE", CANARY));
    assert!(session_token.is_none());
    assert_eq!(config.storage_reason, "S3_BUCKET_NAME is set");
    assert_eq!((s3.retries, s3.part_bytes, s3.concurrency), (3, 8 * MIB, 16));
}

#[test]
fn a2_every_missing_and_malformed_variable_is_named_in_one_message() {
    let faults = Place::new().faults(&[("USE_S3", "true")]);
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "S3_BUCKET_NAME"] {
        let named = faults.iter().filter(|fault| fault.starts_with(&format!("{name}: is not set"))).count();
        assert_eq!(named, 1, "{name}: {faults:#?}");
    }
    assert_eq!(faults.len(), 4, "{faults:#?}");

    let faults = Place::new().faults(&[
        ("AWS_ACCESS_KEY_ID", "\"AKIA\""),
        ("AWS_SECRET_ACCESS_KEY", "canary-SECRET+x1\n"),
        ("AWS_SESSION_TOKEN", "canary-SECRET+x1 x"),
        ("AWS_REGION", "eu central"),
        ("S3_BUCKET_NAME", "Videos_Bucket"),
        ("AWS_ENDPOINT_URL_S3", "s3.example:9000"),
        ("FILMGATE_S3_PATH_STYLE", "perhaps"),
        ("FILMGATE_URL", "private"),
        ("S3_PUBLIC_BASE_URL", "https://user:canary-SECRET+x1@cdn.example"),
        ("HTTPS_PROXY", "socks5://user:canary-SECRET+x1@proxy"),
        ("S3_KEY_PREFIX", "../up"),
    ]);
    let expected = [
        "AWS_REGION: is no region",
        "S3_BUCKET_NAME: \"Videos_Bucket\" is no bucket name",
        "AWS_ACCESS_KEY_ID: is wrapped in quotes",
        "AWS_SECRET_ACCESS_KEY: has spaces, line ends",
        "AWS_SESSION_TOKEN: has spaces",
        "AWS_ENDPOINT_URL_S3: is no endpoint",
        "FILMGATE_S3_PATH_STYLE: switch \"perhaps\"",
        "FILMGATE_URL: URL mode \"private\" is unknown; allowed: automatic, presigned, public",
        "S3_PUBLIC_BASE_URL: public base URL has a user name or password",
        "HTTPS_PROXY: is no proxy address",
        "S3_KEY_PREFIX: key prefix \"../up\"",
    ];
    for start in expected {
        assert_eq!(faults.iter().filter(|fault| fault.starts_with(start)).count(), 1, "{start}: {faults:#?}");
    }
    assert_eq!(faults.len(), expected.len(), "{faults:#?}");
}

#[test]
fn a2_an_empty_variable_counts_as_not_set() {
    let place = Place::new();
    assert!(is_local(&place.load(&[("S3_BUCKET_NAME", ""), ("USE_S3", "")]).unwrap()));
    let mut variables = S3;
    variables[1].1 = "";
    assert_eq!(place.faults(&variables).len(), 1);
}

#[test]
fn a2_the_bucket_has_aliases_that_must_agree() {
    let place = Place::new();
    for alias in ["S3_BUCKET", "AWS_S3_BUCKET"] {
        let mut variables = S3;
        variables[3].0 = alias;
        let config = place.load(&variables).unwrap();
        assert_eq!(s3(&config).bucket, "videos.example");
        assert_eq!(config.storage_reason, format!("{alias} is set"));
    }
    assert!(place.load(&s3_with(&[("S3_BUCKET", "videos.example")])).is_ok());
    let faults = place.faults(&s3_with(&[("AWS_S3_BUCKET", "other")]));
    assert_eq!(
        faults,
        ["S3_BUCKET_NAME and AWS_S3_BUCKET: mean the same but have different values; set one, or all to the same"]
    );
}

#[test]
fn b1_the_choice_of_storage_follows_its_order_and_says_why() {
    let place = Place::new();
    let local =
        |variables: &[(&str, &str)]| place.load(variables).map(|config| (is_local(&config), config.storage_reason));
    assert_eq!(local(&s3_with(&[("USE_S3", "false")])).unwrap(), (true, "USE_S3=false says so".to_owned()));
    assert!(local(&s3_with(&[("USE_LOCAL_STORAGE", "1")])).unwrap().0);
    assert!(!local(&s3_with(&[("USE_LOCAL_STORAGE", "false")])).unwrap().0);
    assert_eq!(
        local(&s3_with(&[("FILMGATE_STORAGE", "local")])).unwrap(),
        (true, "FILMGATE_STORAGE=local says so".to_owned())
    );

    let place = Place::with_file("[storage]\npolicy = \"local\"");
    assert!(is_local(&place.load(&S3).unwrap()));
    let config = place.load(&s3_with(&[("FILMGATE_STORAGE", "s3")])).unwrap();
    assert!(!is_local(&config), "the environment wins over the file");
    assert_eq!(place.faults(&s3_with(&[("USE_S3", "true")])).len(), 1);
}

#[test]
fn settings_that_disagree_about_the_storage_are_refused() {
    let place = Place::new();
    let disagree = "disagree about the storage; keep one of them";
    for (first, second) in [
        (("FILMGATE_STORAGE", "local"), ("USE_S3", "true")),
        (("FILMGATE_STORAGE", "s3"), ("USE_LOCAL_STORAGE", "true")),
        (("USE_S3", "true"), ("USE_LOCAL_STORAGE", "yes")),
        (("USE_S3", "false"), ("USE_LOCAL_STORAGE", "false")),
    ] {
        let expected = format!("{}={} and {}={}: {disagree}", first.0, first.1, second.0, second.1);
        assert_eq!(place.faults(&s3_with(&[first, second])), [expected]);
    }
}

#[test]
fn e1_both_stores_are_chosen_by_name_and_need_what_each_needs() {
    let place = Place::new();
    for (name, expected) in [("s3-with-local-fallback", Mode::Fallback), ("mirror", Mode::Mirror)] {
        for more in [vec![], vec![("USE_S3", "true")], vec![("USE_LOCAL_STORAGE", "false")]] {
            let named = [("FILMGATE_STORAGE", name), ("LOCAL_STORAGE_PATH", "kept")];
            let config = place.load(&s3_with(&[&named[..], &more].concat())).unwrap();
            let StorageConfig::Both { root, s3, mode } = &config.storage else { panic!("{:?}", config.storage) };
            assert_eq!((root, s3.bucket.as_str()), (&place.0.path().join("kept"), "videos.example"));
            assert_eq!((*mode, mode.to_string().as_str()), (expected, name));
            assert_eq!(config.storage_reason, format!("FILMGATE_STORAGE={name} says so"));
        }
        let faults = place.faults(&[("FILMGATE_STORAGE", name), ("LOCAL_STORAGE_PATH", ".")]);
        assert!(faults.iter().any(|fault| fault.starts_with("LOCAL_STORAGE_PATH: ")), "{faults:#?}");
        assert!(faults.iter().any(|fault| fault.starts_with("S3_BUCKET_NAME: is not set")), "{faults:#?}");
        for against in [("USE_S3", "false"), ("USE_LOCAL_STORAGE", "true")] {
            let faults = place.faults(&s3_with(&[("FILMGATE_STORAGE", name), against]));
            assert!(faults[0].contains("disagree about the storage"), "{faults:#?}");
        }
    }
    let file = Place::with_file("[storage]\npolicy = \"mirror\"");
    assert!(matches!(file.load(&S3).unwrap().storage, StorageConfig::Both { mode: Mode::Mirror, .. }));
    let faults = Place::new().faults(&[("FILMGATE_STORAGE", "S3")]);
    let allowed = "local, s3, s3-with-local-fallback, mirror";
    assert_eq!(faults, [format!("FILMGATE_STORAGE: the policy \"S3\" is unknown; allowed: {allowed}")]);
}

#[test]
fn variables_of_aws_tools_mean_what_their_users_expect_or_are_refused() {
    let place = Place::new();
    let load = |more: &[(&str, &str)]| place.load(&s3_with(more)).unwrap();
    let config = load(&[("AWS_DEFAULT_REGION", "us-east-1")]);
    assert_eq!(s3(&config).region, "eu-central-1");
    let only_default: Vec<_> = S3
        .iter()
        .copied()
        .filter(|(name, _)| *name != "AWS_REGION")
        .chain([("AWS_DEFAULT_REGION", "us-east-1")])
        .collect();
    assert_eq!(s3(&place.load(&only_default).unwrap()).region, "us-east-1");

    let config = load(&[("AWS_ENDPOINT_URL", "http://general:1"), ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:3900")]);
    assert_eq!(s3(&config).endpoint.as_ref().unwrap().as_str(), "http://127.0.0.1:3900/");
    let config = load(&[("AWS_ENDPOINT_URL", "http://general:1"), ("AWS_SESSION_TOKEN", CANARY)]);
    assert_eq!(s3(&config).endpoint.as_ref().unwrap().host_str(), Some("general"));
    assert!(matches!(&s3(&config).credentials, CredentialSource::Environment { session_token: Some(_), .. }));

    let faults = place.faults(&s3_with(&[("AWS_PROFILE", "work")]));
    assert!(faults.len() == 1 && faults[0].starts_with("AWS_PROFILE: is not used"), "{faults:?}");
    assert!(faults[0].contains("FILMGATE_AWS_CREDENTIALS=default"), "{faults:?}");
    let faults = place.faults(&s3_with(&[("AWS_USE_FIPS_ENDPOINT", "true")]));
    assert!(faults[0].starts_with("AWS_USE_FIPS_ENDPOINT: is not followed"), "{faults:?}");

    let chain = [
        ("S3_BUCKET_NAME", "videos"),
        ("AWS_REGION", "eu-central-1"),
        ("FILMGATE_AWS_CREDENTIALS", "default"),
        ("AWS_PROFILE", "work"),
    ];
    let config = place.load(&chain).unwrap();
    let CredentialSource::DefaultChain { profile } = &s3(&config).credentials else { panic!() };
    assert_eq!(profile.as_deref(), Some("work"));
}

#[test]
fn a_proxy_is_that_of_the_endpoints_scheme() {
    let place = Place::new();
    let proxies = [("HTTPS_PROXY", "http://u:canary-SECRET+x1@p.example:3128"), ("NO_PROXY", "localhost")];
    let config = place.load(&s3_with(&proxies)).unwrap();
    let proxy = s3(&config).proxy.as_ref().unwrap();
    assert_eq!((proxy.url.host_str(), proxy.no_proxy.as_deref()), (Some("p.example"), Some("localhost")));
    assert_eq!(proxy.url.password(), Some(CANARY));

    let plain = [("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9"), proxies[0]];
    assert_eq!(s3(&place.load(&s3_with(&plain)).unwrap()).proxy, None);
}

#[test]
fn a_certificate_bundle_is_read_and_must_be_one() {
    let place = Place::new();
    let path = place.0.path().join("ca.pem");
    let variables = s3_with(&[("AWS_CA_BUNDLE", "ca.pem")]);
    assert!(place.faults(&variables)[0].starts_with("AWS_CA_BUNDLE: read "));
    fs::write(&path, "nothing").unwrap();
    assert!(place.faults(&variables)[0].contains("holds no certificate in PEM form"));
    fs::write(&path, "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n").unwrap();
    assert!(s3(&place.load(&variables).unwrap()).ca_bundle.is_some());
}

const WHOLE_FILE: &str = r#"
data_dir = "work"
layout = "mine"
key_prefix = "prod"

[storage.local]
path = "objects"

[storage.s3]
bucket = "from-file"
region = "eu-west-1"
endpoint = "https://minio.example"
path_style = true
retries = 0
multipart_threshold = "100 MB"
part_size = "10 MB"
concurrency = 10
connect_timeout = "2s"
request_timeout = "10s"
complete_timeout = "1m"
slowest_line = "64 KiB"
bandwidth = "50 MB"
bandwidth_per_user = "5 MB"
encryption = { mode = "sse-kms", key = "alias/videos" }
storage_class = "INTELLIGENT_TIERING"
cache_control = "public, max-age=31536000"
tags = { product = "recap" }

[urls]
mode = "presigned"
public_base = "https://cdn.example/v"
show_to_plugins = false
lifetimes = { final = "7d" }

[budget]
memory = "1 GiB"
cpu = "2m"
stores_in_flight = 4
published = "1 GiB"

[log]
filter = "debug"
format = "json"

[layouts.mine]
main = "video"
[layouts.mine.slots.video]
key = "{job}/v.{extension}"
kinds = ["mp4"]
class = "final"
"#;

#[test]
fn the_file_sets_everything_but_keys_of_access() {
    let place = Place::with_file(WHOLE_FILE);
    let config = place.load(&S3[..2]).unwrap();
    let s3 = s3(&config);
    assert_eq!((s3.bucket.as_str(), s3.region.as_str(), s3.path_style), ("from-file", "eu-west-1", Some(true)));
    assert_eq!((s3.retries, s3.multipart_threshold, s3.part_bytes, s3.concurrency), (0, 100_000_000, 10_000_000, 10));
    assert_eq!(s3.encryption, Some(EncryptionConfig::Kms(Some("alias/videos".to_owned()))));
    let limit = |limit: Option<std::num::NonZeroU64>| limit.map(std::num::NonZeroU64::get);
    assert_eq!((limit(s3.bandwidth), limit(s3.bandwidth_per_user)), (Some(50_000_000), Some(5_000_000)));
    let TimeoutConfig { connect, request, complete, slowest_line } = s3.timeouts;
    let seconds = [connect, request, complete].map(|time| time.as_secs());
    assert_eq!((seconds, slowest_line.get()), ([2, 10, 60], 64 << 10));
    assert_eq!(s3.tags.len(), 1);
    assert_eq!(config.data_dir, place.0.path().join("work"));
    assert_eq!(config.storage_reason, "storage.s3.bucket is set");
    assert_eq!((config.layouts.default_name().as_str(), config.plugins_see_urls), ("mine", false));
    assert_eq!((config.urls.mode, config.urls.lifetimes.of(UrlClass::Final).as_secs()), (UrlMode::Presigned, 604_800));
    assert_eq!(
        (config.budget.memory_bytes, config.budget.cpu, config.budget.stores_in_flight),
        (GIB, Duration::from_secs(120), 4)
    );
    assert_eq!((config.published_bytes, config.budget.wall), (GIB, Duration::from_secs(900)));
    assert_eq!(config.log, LogConfig { filter: "debug".to_owned(), format: LogFormat::Json });

    let local = place.load(&[("USE_S3", "false")]).unwrap();
    let StorageConfig::Local { root } = local.storage else { panic!() };
    assert_eq!(root, place.0.path().join("objects"));
}

#[test]
fn the_environment_wins_over_the_file_and_the_command_line_over_both() {
    let place = Place::with_file(WHOLE_FILE);
    let variables = s3_with(&[
        ("FILMGATE_DATA_DIR", "elsewhere"),
        ("FILMGATE_BUDGET_MEMORY", "64 MiB"),
        ("FILMGATE_LAYOUT", "jobs"),
    ]);
    let sources = Sources::of_variables(variables, place.0.path());
    let config = Config::load(&sources).unwrap();
    assert_eq!(s3(&config).bucket, "videos.example");
    assert_eq!(config.data_dir, place.0.path().join("elsewhere"));
    assert_eq!((config.budget.memory_bytes, config.layouts.default_name().as_str()), (64 * MIB, "jobs"));
    let origin = |key: &str| config.settings.iter().find(|setting| setting.key == key).unwrap().origin.clone();
    assert_eq!(origin("budget.memory"), Origin::Environment("FILMGATE_BUDGET_MEMORY"));
    assert_eq!(origin("budget.cpu"), Origin::File(place.0.path().join("filmgate.toml")));
    assert_eq!(origin("budget.handles"), Origin::Default);

    let config = Config::load(&sources.with_data_dir(Some("/given".into()))).unwrap();
    assert_eq!(config.data_dir, Path::new("/given"));
}

#[test]
fn each_setting_has_one_line() {
    let place = Place::with_file(WHOLE_FILE);
    let config = place.load(&s3_with(&[("HTTPS_PROXY", "http://p:1")])).unwrap();
    let mut keys: Vec<_> = config.settings.iter().map(|setting| setting.key).collect();
    keys.sort_unstable();
    let all = keys.len();
    keys.dedup();
    assert_eq!(keys.len(), all);
}

#[test]
fn a_fault_in_the_file_names_the_line_and_does_not_quote_it() {
    let cases = [
        (
            "layout = \"x\"\n[storage.s3]\nsecret_access_key = \"canary-SECRET+x1\"\n",
            "line 3: unknown field `secret_access_key`",
        ),
        ("\n\nstorag = 1", "line 3: unknown field `storag`, expected one of `data_dir`"),
        ("data_dir = ", "line 1: "),
        ("[budget]\nmemory = \"lots\"", "line 2: size \"lots\" is no number of bytes; allowed: a whole number with"),
        ("[budget]\nmemory = 64", "line 2: invalid type: integer `64`"),
        ("[layouts.mine]\nmain = \"Video\"\nslots = {}", "line 2: slot \"Video\" has the character 'V'"),
    ];
    for (text, expected) in cases {
        let faults = Place::with_file(text).faults(&[]);
        assert!(
            faults.len() == 1 && faults[0].contains("filmgate.toml, ") && faults[0].contains(expected),
            "{faults:?}"
        );
    }
}

#[test]
fn a_value_out_of_range_names_its_place_and_the_range() {
    let faults = Place::with_file("[budget]\nstores_in_flight = 9").faults(&[("FILMGATE_BUDGET_CPU", "8d")]);
    assert_eq!(faults[0], "FILMGATE_BUDGET_CPU: 8d is out of range; allowed: 10ms to 7d");
    assert!(
        faults[1].starts_with("budget.stores_in_flight in ")
            && faults[1].ends_with("filmgate.toml: 9 is out of range; allowed: 1 to 8")
    );
    let faults = Place::new().faults(&s3_with(&[("FILMGATE_S3_PART_SIZE", "4 MiB"), ("FILMGATE_S3_CONCURRENCY", "0")]));
    assert_eq!(
        faults,
        [
            "FILMGATE_S3_PART_SIZE: 4 MiB is out of range; allowed: 5 MiB to 5 GiB",
            "FILMGATE_S3_CONCURRENCY: 0 is out of range; allowed: 1 to 64"
        ]
    );
    let impatient = [("FILMGATE_S3_REQUEST_TIMEOUT", "10ms"), ("FILMGATE_S3_SLOWEST_LINE", "1 B")];
    assert_eq!(
        Place::new().faults(&s3_with(&impatient)),
        [
            "FILMGATE_S3_REQUEST_TIMEOUT: 10ms is out of range; allowed: 100ms to 1h",
            "FILMGATE_S3_SLOWEST_LINE: 1 B is out of range; allowed: 1 KiB to 1 GiB"
        ]
    );
    let faults = Place::new().faults(&[("FILMGATE_URL_LIFETIME_FINAL", "8d"), ("FILMGATE_LOG", "a=b=c")]);
    assert!(
        faults[0].starts_with("FILMGATE_URL_LIFETIME_FINAL: ") && faults[1].starts_with("FILMGATE_LOG: "),
        "{faults:?}"
    );
}

#[test]
fn a_named_file_must_be_there_and_an_unknown_variable_is_no_setting() {
    let place = Place::new();
    let faults = place.faults(&[("FILMGATE_CONFIG", "nowhere.toml")]);
    assert!(faults[0].starts_with("FILMGATE_CONFIG: read ") && faults[0].contains("nowhere.toml"), "{faults:?}");
    let sources = Sources::of_variables([("FILMGATE_CONFIG", "a.toml")], place.0.path());
    let error = Config::load(&sources.with_config_file(Some("b.toml".into()))).unwrap_err().to_string();
    assert!(error.starts_with("--config: read ") && error.contains("b.toml"), "{error}");

    let faults = place.faults(&[("FILMGATE_STORGE", "s3")]);
    assert!(faults[0].starts_with("FILMGATE_STORGE: is no setting; known: ") && faults[0].contains("FILMGATE_STORAGE"));
}

#[test]
fn local_storage_does_not_mix_with_the_hosts_own_work() {
    let place = Place::new();
    for path in ["filmgate-data", ".", "filmgate-data/jobs", "filmgate-data/./staging/x"] {
        let faults = place.faults(&[("LOCAL_STORAGE_PATH", path)]);
        assert!(
            faults[0].starts_with("LOCAL_STORAGE_PATH: ") && faults[0].contains("choose a directory"),
            "{faults:?}"
        );
    }
    let config = place.load(&[("LOCAL_STORAGE_PATH", "public")]).unwrap();
    let StorageConfig::Local { root } = config.storage else { panic!() };
    assert_eq!(root, place.0.path().join("public"));
}

#[test]
fn p3_plugins_have_tables_of_their_own() {
    let digest = format!("sha256:{}", "0a".repeat(32));
    let place = Place::with_file(&format!(
        "[plugins]\nunlisted = \"refuse\"\n[plugins.recap]\ndigests = [\"{digest}\"]\nmedia = [\"mp4\"]\nshow_urls = false\n\
         [plugins.recap.limits]\nmemory = \"64 MiB\"\n[plugins.\"{digest}\"]\n"
    ));
    let config = place.load(&[]).unwrap();
    assert_eq!((config.plugins.unlisted(), config.plugins.rules().len()), (Unlisted::Refuse, 2));
    let value = |key: &str| config.settings.iter().find(|one| one.key == key).map(|one| one.value.clone()).unwrap();
    assert_eq!((value("plugins.unlisted").as_str(), value("plugins")), ("refuse", format!("{digest}, recap")));
    // The environment wins.
    let config = place.load(&[("FILMGATE_PLUGINS_UNLISTED", "allow")]).unwrap();
    assert_eq!(config.plugins.unlisted(), Unlisted::Allow);
    assert_eq!(Place::new().load(&[]).unwrap().plugins, PluginPolicy::default());
}

#[test]
fn p3_faults_of_a_plugins_table_name_their_line_or_key() {
    for (text, expected) in [
        ("[plugins.recap]\nlimit = 1\n", "filmgate.toml, line 2: unknown field `limit`, expected one of `digests`"),
        ("[plugins.recap.limits]\nram = 1\n", "filmgate.toml, line 2: unknown field `ram`, expected one of `memory`"),
        ("[plugins.Recap]\n", "plugin id \"Recap\" does not begin with a letter; allowed: 1 to 64"),
        ("[plugins.\"sha256:00\"]\n", "digest \"sha256:00\" is no SHA-256; allowed: sha256: and 64 digits"),
        ("[plugins]\nunlisted = \"ask\"\n", "line 2: unknown variant `ask`, expected `allow` or `refuse`"),
        (
            "[plugins.recap.limits]\nlog = \"2 GiB\"\n",
            "plugins.\"recap\".limits: log 2 GiB is out of range; allowed: 0 B to 1 GiB",
        ),
        (
            "[plugins]\nunlisted = \"refuse\"\n[plugins.recap]\n",
            "plugins.\"recap\".digests: is not set; while plugins.unlisted is refuse an id needs it",
        ),
    ] {
        let faults = Place::with_file(text).faults(&[]);
        assert!(faults.len() == 1 && faults[0].contains(expected), "{faults:?}");
    }
    let faults = Place::new().faults(&[("FILMGATE_PLUGINS_UNLISTED", "ask")]);
    assert_eq!(faults, ["FILMGATE_PLUGINS_UNLISTED: choice \"ask\" is unknown; allowed: allow, refuse"]);
}
