use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::limits::{GIB, MIB};

fn manifest(text: &str) -> Manifest {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plugin.toml");
    std::fs::write(&path, format!("id = \"recap\"\nversion = \"1.0.0\"\nworld = \"0.1.0\"\n{text}")).unwrap();
    Manifest::read(&path).unwrap()
}

fn digest(component: &[u8]) -> PluginDigest {
    PluginDigest::of(component)
}

fn defaults() -> Defaults {
    Defaults { allowance: Allowance::default(), show_urls: true }
}

/// The policy of a settings file, as the settings read it.
fn policy(text: &str) -> PluginPolicy {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("filmgate.toml"), text).unwrap();
    let none: [(&str, &str); 0] = [];
    let sources = crate::config::Sources::of_variables(none, Path::new(folder.path()));
    crate::config::Config::load(&sources).unwrap_or_else(|error| panic!("{text}\n{error}")).plugins
}

/// Refused with this; granted when what the refusal says is written into the settings.
fn refused_until_added(settings: &str, manifest: Option<&Manifest>, expected: &str) -> Grants {
    let refusal = policy(settings).grant(&defaults(), digest(b"a"), manifest).unwrap_err();
    assert_eq!(refusal.to_string(), expected);
    let mut text = settings.to_owned();
    for edit in refusal.edits() {
        assert!(!edit.is_there, "{edit:?}");
        text = format!("{text}\n{edit}\n");
    }
    assert!(
        refusal.advice().starts_with("to allow this, add to the end of filmgate.toml:\n[plugins.\""),
        "{refusal:?}"
    );
    policy(&text).grant(&defaults(), digest(b"a"), manifest).unwrap_or_else(|error| panic!("{text}\n{error}"))
}

#[test]
fn p3_a_job_gets_the_least_of_what_is_asked_and_granted() {
    let nothing = PluginPolicy::default().grant(&defaults(), digest(b"a"), None).unwrap();
    assert_eq!(nothing, Grants::of(&defaults()));

    let asks = manifest("[limits]\nmemory = \"64 MiB\"\ncpu = \"1s\"\nhandles = 100\n");
    let grants = PluginPolicy::default().grant(&defaults(), digest(b"a"), Some(&asks)).unwrap();
    assert_eq!(grants.allowance.get(Limit::Memory), 64 * MIB);
    assert_eq!(grants.allowance.get(Limit::Cpu), 1000);
    assert_eq!(grants.allowance.get(Limit::Handles), 100);
    assert_eq!(grants.allowance.get(Limit::Wall), Allowance::default().get(Limit::Wall), "not named: as for everyone");

    // A plugin's own table counts instead of what everyone gets, upwards and downwards.
    let policy = policy("[plugins.recap.limits]\nmemory = \"2 GiB\"\nwall = \"1m\"\npublished = \"10 MiB\"\n");
    let grants = policy.grant(&defaults(), digest(b"a"), Some(&asks)).unwrap();
    assert_eq!((grants.allowance.get(Limit::Memory), grants.allowance.get(Limit::Wall)), (64 * MIB, 60_000));
    assert_eq!(grants.allowance.published_bytes, 10 * MIB);
    assert_eq!(grants.rule, Some("recap".parse().unwrap()));
    let asks_more = manifest("[limits]\nmemory = \"1 GiB\"\n");
    let grants = policy.grant(&defaults(), digest(b"a"), Some(&asks_more)).unwrap();
    assert_eq!(grants.allowance.get(Limit::Memory), GIB);
}

#[test]
fn p1_asking_for_more_names_the_lines_that_grant_it() {
    let asks = manifest("[limits]\nmemory = \"1 GiB\"\nstore_calls = 65\n");
    let expected = "plugin recap asks for the limit memory 1 GiB, granted is 512 MiB; \
                    it asks for the limit store_calls 65, granted is 64";
    let grants = refused_until_added("", Some(&asks), expected);
    assert_eq!((grants.allowance.get(Limit::Memory), grants.allowance.get(Limit::StoreCalls)), (GIB, 65));
    // A table of the plugin is there already, but none of its limits.
    refused_until_added("[plugins.\"recap\"]\nshow_urls = false\n", Some(&asks), expected);

    let settings =
        "[plugins.recap]\nmedia = [\"mp4\"]\n[plugins.recap.limits]\nmemory = \"600 MiB\"\nstore_calls = 65\n";
    let asks = manifest("media = [\"mp4\", \"jpeg\"]\n[limits]\nmemory = \"1 GiB\"\nstore_calls = 65\n");
    let refusal = policy(settings).grant(&defaults(), digest(b"a"), Some(&asks)).unwrap_err();
    assert_eq!(
        refusal.advice(),
        "to allow this, write in the table [plugins.\"recap\"] of filmgate.toml:\nmedia = [\"mp4\", \"jpeg\"]\n\
         to allow this, write in the table [plugins.\"recap\".limits] of filmgate.toml:\nmemory = \"1 GiB\""
    );
    let mended = settings.replace("[\"mp4\"]", "[\"mp4\", \"jpeg\"]").replace("600 MiB", "1 GiB");
    policy(&mended).grant(&defaults(), digest(b"a"), Some(&asks)).unwrap();
}

#[test]
fn p1_unlisted_plugins_run_unless_the_operator_says_no() {
    let refuse = "[plugins]\nunlisted = \"refuse\"\n";
    let own = digest(b"a");
    refused_until_added(refuse, None, &format!("plugin {own} ({own}) is not listed, and plugins.unlisted is refuse"));
    let asks = manifest("[limits]\nmemory = \"1 GiB\"\n");
    let expected = format!(
        "plugin recap ({own}) is not listed, and plugins.unlisted is refuse; \
         it asks for the limit memory 1 GiB, granted is 512 MiB"
    );
    let grants = refused_until_added(refuse, Some(&asks), &expected);
    assert_eq!(grants.rule, Some("recap".parse().unwrap()));
    // Listed by digest, and by nothing else.
    let listed = policy(&format!("{refuse}[plugins.\"{own}\"]\n"));
    assert!(listed.grant(&defaults(), own, None).is_ok());
    assert!(listed.grant(&defaults(), digest(b"b"), None).is_err());
}

#[test]
fn p1_another_component_cannot_take_a_pinned_id() {
    let (own, other) = (digest(b"a"), digest(b"b"));
    let pinned = policy(&format!("[plugins.recap]\ndigests = [\"{own}\"]\n"));
    let asks = manifest("");
    assert!(pinned.grant(&defaults(), own, Some(&asks)).is_ok());
    let refusal = pinned.grant(&defaults(), other, Some(&asks)).unwrap_err();
    assert_eq!(refusal.to_string(), format!("plugin recap has the digest {other}, pinned is {own}"));
    let line = format!("digests = [\"{own}\", \"{other}\"]");
    assert_eq!(
        refusal.edits(),
        [Edit { table: "plugins.\"recap\"".to_owned(), is_there: true, lines: vec![line.clone()] }]
    );
    let both = policy(&format!("[plugins.recap]\n{line}\n"));
    assert!(both.grant(&defaults(), other, Some(&asks)).is_ok());
}

#[test]
fn a_rule_by_digest_wins_over_one_by_id() {
    let own = digest(b"a");
    let both = policy(&format!("[plugins.recap]\nshow_urls = false\n[plugins.\"{own}\"]\nmedia = [\"mp4\"]\n"));
    let asks = manifest("");
    let grants = both.grant(&defaults(), own, Some(&asks)).unwrap();
    assert_eq!((grants.show_urls, grants.media), (true, Some(BTreeSet::from([MediaKind::Mp4]))));
    let grants = both.grant(&defaults(), digest(b"b"), Some(&asks)).unwrap();
    assert_eq!((grants.show_urls, grants.media), (false, None));
}

#[test]
fn media_kinds_are_those_that_both_sides_name() {
    let kinds = |names: &[MediaKind]| Some(names.iter().copied().collect::<BTreeSet<_>>());
    let asks = manifest("media = [\"mp4\"]\n");
    let grants = PluginPolicy::default().grant(&defaults(), digest(b"a"), Some(&asks)).unwrap();
    assert_eq!(grants.media, kinds(&[MediaKind::Mp4]));
    let wider = policy("[plugins.recap]\nmedia = [\"mp4\", \"png\"]\n");
    let grants = wider.grant(&defaults(), digest(b"a"), Some(&asks)).unwrap();
    assert_eq!(grants.media, kinds(&[MediaKind::Mp4]));
    let grants = wider.grant(&defaults(), digest(b"a"), Some(&manifest(""))).unwrap();
    assert_eq!(grants.media, kinds(&[MediaKind::Mp4, MediaKind::Png]));
    let other = manifest("media = [\"gif\"]\n");
    let refusal = wider.grant(&defaults(), digest(b"a"), Some(&other)).unwrap_err();
    assert_eq!(refusal.to_string(), "plugin recap asks for the media kinds gif, granted are mp4, png");
}

#[test]
fn rules_that_contradict_themselves_are_refused() {
    let own = digest(b"a");
    let rule = |key: &str, rule: PluginRule| BTreeMap::from([(key.parse().unwrap(), rule)]);
    let fault = |unlisted, rules| PluginPolicy::new(unlisted, rules).unwrap_err().to_string();
    let pinned = |digests: &[PluginDigest]| PluginRule {
        digests: Some(digests.iter().copied().collect()),
        ..PluginRule::default()
    };
    let text = fault(Unlisted::Allow, rule(&own.to_string(), pinned(&[own])));
    assert!(text.ends_with(".digests: the name of the table is a digest already; leave it out"), "{text}");
    let text = fault(Unlisted::Allow, rule("recap", pinned(&[])));
    assert!(text.starts_with("plugins.\"recap\".digests: pins nothing"), "{text}");
    // An id is the plugin's own word.
    let text = fault(Unlisted::Refuse, rule("recap", PluginRule::default()));
    assert!(text.starts_with("plugins.\"recap\".digests: is not set; while plugins.unlisted is refuse"), "{text}");
    let text = fault(Unlisted::Allow, rule("recap", PluginRule { media: Some(BTreeSet::new()), ..Default::default() }));
    assert!(text.starts_with("plugins.\"recap\".media: allows nothing"), "{text}");
    let limits = Limits::default().with(Limit::Handles, 1);
    let text = fault(Unlisted::Allow, rule("recap", PluginRule { limits: Some(limits), ..Default::default() }));
    assert_eq!(text, "plugins.\"recap\".limits: handles 1 is out of range; allowed: 64 to 1000000");
}

#[test]
fn keys_are_ids_or_digests() {
    let own = digest(b"a");
    assert_eq!(own.to_string().parse::<PluginKey>(), Ok(PluginKey::Digest(own)));
    assert!(matches!("recap.v2-x".parse::<PluginKey>(), Ok(PluginKey::Id(_))));
    for bad in
        ["", "Recap", "9a", "a b", "unlisted", "sha256:", "sha256:abc", "md5:00", &own.to_string().to_uppercase()]
    {
        let error = bad.parse::<PluginKey>().unwrap_err().to_string();
        assert!(error.contains("; allowed: "), "{bad}: {error}");
    }
}
