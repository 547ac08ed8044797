use super::*;
use crate::job::RefId;
use crate::limits::KEY_BYTES_MAX;

fn layouts() -> Layouts {
    Layouts::shipped()
}

fn layout(name: &str) -> Layout {
    layouts().get(Some(&name.parse().unwrap())).unwrap().as_ref().clone()
}

/// A job with the longest and oddest ids that its types let in.
struct Job {
    id: JobId,
    user: UserId,
    refs: Refs,
    accepted_at: Timestamp,
    period: Option<Period>,
}

const JOB: &str = "019aa1b2-c3d4-7e5f-8a6b-0123456789ab";

impl Job {
    fn new(user: &str) -> Self {
        let refs = [
            (RefName::Generation, "gen_20260101T000000000Z_ab12"),
            (RefName::Composition, "comp_20260101T000000000Z_cd34"),
            (RefName::Upload, "upload_20260101T000000000Z_ef56"),
        ];
        Self {
            id: JOB.parse().unwrap(),
            user: user.parse().unwrap(),
            refs: refs.into_iter().map(|(name, id)| (name, id.parse::<RefId>().unwrap())).collect(),
            accepted_at: "2026-11-20T12:45:00.123456Z".parse().unwrap(),
            period: Some("2026-03".parse().unwrap()),
        }
    }

    fn key(
        &self,
        layout: &Layout,
        slot: &str,
        sequence: Option<u32>,
        kind: MediaKind,
    ) -> Result<ObjectKey, LayoutError> {
        let slot: Slot = slot.parse().unwrap();
        layout.key(&KeyContext {
            job: self.id,
            user: &self.user,
            accepted_at: self.accepted_at,
            period: self.period,
            refs: &self.refs,
            slot: Some(&slot),
            sequence: sequence.map(|number| Sequence::try_from(number).unwrap()),
            kind,
        })
    }
}

fn assert_keys(name: &str, cases: &[(&str, Option<u32>, MediaKind, &str)]) {
    let (layout, job) = (layout(name), Job::new("ana+b@example.org"));
    for (slot, sequence, kind, expected) in cases {
        let key = job.key(&layout, slot, *sequence, *kind).unwrap();
        assert_eq!(key.as_str(), *expected, "layout {name}, slot {slot}");
    }
    let tested: BTreeSet<_> = cases.iter().map(|case| case.0.to_owned()).collect();
    let named = layout.slots().map(|rule| rule.slot().to_string()).chain(layout.aliases.keys().map(Slot::to_string));
    assert_eq!(tested, named.collect(), "every slot and alias of {name} has its expected key");
}

#[test]
fn a4_the_recap_layout_is_exactly_that_of_the_source() {
    let at = "videos/ana+b@example.org/2026/03/recap-2026-03-20261120T124500123Z";
    assert_keys(
        "recap",
        &[
            ("video", None, MediaKind::Mp4, &format!("{at}.mp4")),
            ("video", None, MediaKind::Webm, &format!("{at}.webm")),
            ("video", Some(2), MediaKind::Mp4, &format!("{at}-video-002.mp4")),
            ("thumbnail", None, MediaKind::Jpeg, &format!("{at}-thumbnail.jpg")),
            ("thumbnail", Some(0), MediaKind::Png, &format!("{at}-thumbnail-000.png")),
            ("audio", None, MediaKind::Mp3, &format!("{at}-audio.mp3")),
            ("metadata", Some(999), MediaKind::Json, &format!("{at}-metadata-999.json")),
        ],
    );
}

#[test]
fn a4_without_a_period_the_month_is_that_of_the_acceptance() {
    let mut job = Job::new("ana");
    job.period = None;
    job.accepted_at = "2026-01-01T00:30:00+01:00".parse().unwrap();
    let key = job.key(&layout("recap"), "video", None, MediaKind::Mp4).unwrap();
    assert_eq!(key.as_str(), "videos/ana/2025/12/recap-2025-12-20251231T233000000Z.mp4");
}

#[test]
fn b2_the_pipeline_layout_is_exactly_that_of_the_source() {
    let composition = "compositions/comp_20260101T000000000Z_cd34";
    let generation = "generations/gen_20260101T000000000Z_ab12";
    let upload = "uploads/ana+b@example.org/upload_20260101T000000000Z_ef56";
    assert_keys(
        "pipeline",
        &[
            ("final", None, MediaKind::Mp4, &format!("{composition}/final.mp4")),
            ("video", None, MediaKind::Mp4, &format!("{composition}/final.mp4")),
            ("thumbnail", None, MediaKind::Jpeg, &format!("{composition}/thumbnail.jpg")),
            ("timeline", None, MediaKind::Json, &format!("{composition}/timeline.json")),
            ("metadata", None, MediaKind::Json, &format!("{composition}/metadata.json")),
            ("clip", Some(7), MediaKind::Mp4, &format!("{generation}/clips/clip_007.mp4")),
            ("clip-thumbnail", Some(7), MediaKind::Jpeg, &format!("{generation}/thumbnails/clip_007.jpg")),
            ("audio", None, MediaKind::Mp3, &format!("{generation}/audio/background.mp3")),
            ("generation-metadata", None, MediaKind::Json, &format!("{generation}/metadata.json")),
            ("upload", None, MediaKind::Png, &format!("{upload}/original.png")),
            ("upload-metadata", None, MediaKind::Json, &format!("{upload}/metadata.json")),
            ("processing", None, MediaKind::Wav, &format!("temp/{JOB}/processing/processing.wav")),
            ("processing", Some(3), MediaKind::Mp4, &format!("temp/{JOB}/processing/processing-003.mp4")),
        ],
    );
}

#[test]
fn d1_the_jobs_layout_sorts_by_user_and_job() {
    let at = format!("ana+b@example.org/{JOB}");
    assert_keys(
        "jobs",
        &[
            ("video", None, MediaKind::Mp4, &format!("{at}/video.mp4")),
            ("final", Some(1), MediaKind::Mov, &format!("{at}/video-001.mov")),
            ("thumbnail", None, MediaKind::Jpeg, &format!("{at}/thumbnail.jpg")),
            ("clip", Some(12), MediaKind::Mp4, &format!("{at}/clip-012.mp4")),
            ("clip-thumbnail", Some(12), MediaKind::Png, &format!("{at}/clip-thumbnail-012.png")),
            ("audio", None, MediaKind::Wav, &format!("{at}/audio.wav")),
            ("timeline", None, MediaKind::Json, &format!("{at}/timeline.json")),
            ("metadata", None, MediaKind::Json, &format!("{at}/metadata.json")),
        ],
    );
}

#[test]
fn b2_no_two_files_of_a_job_share_a_key_in_any_shipped_layout() {
    for layout in layouts().iter() {
        layout.check_keys_differ().unwrap();
    }
}

#[test]
fn hostile_ids_stay_inside_their_segment_and_the_key_under_its_limit() {
    let longest = "x".repeat(128);
    let prefix: KeyPrefix = format!("{}/", "p".repeat(255)).parse().unwrap();
    let layouts = Layouts::new(BTreeMap::new(), None, Some(&prefix)).unwrap();
    for user in ["...", ".hidden", "a..b", "-rf", "=cmd", "temp@", &longest] {
        let mut job = Job::new(user);
        for id in job.refs.values_mut() {
            *id = user.parse().unwrap();
        }
        for layout in layouts.iter() {
            for rule in layout.slots() {
                let sequence = (rule.sequence_rule() != SequenceRule::Never).then_some(999);
                let key = job.key(layout, rule.slot().as_str(), sequence, rule.kinds()[0]).unwrap();
                assert!(key.as_str().starts_with(&prefix.to_string()) && key.as_str().len() <= KEY_BYTES_MAX);
                let template = rule.template().clone();
                let segments = key.as_str().matches('/').count();
                let other = Job::new("ana").key(layout, rule.slot().as_str(), sequence, rule.kinds()[0]).unwrap();
                assert_eq!(segments, other.as_str().matches('/').count(), "{template:?}");
            }
        }
    }
}

#[test]
fn b3_ids_a_layout_needs_are_made_at_acceptance_unless_given() {
    let now: Timestamp = "2026-11-20T12:45:00.123Z".parse().unwrap();
    assert_eq!(layout("recap").complete_refs(&Refs::new(), now).unwrap(), Refs::new());

    let refs = layout("pipeline").complete_refs(&Refs::new(), now).unwrap();
    assert_eq!(refs.keys().copied().collect::<Vec<_>>(), [RefName::Generation, RefName::Composition, RefName::Upload]);
    assert!(refs[&RefName::Composition].as_str().starts_with("comp_20261120T124500123Z_"));

    let given: Refs = [(RefName::Generation, "mine".parse().unwrap()), (RefName::Scene, "s".parse().unwrap())].into();
    let refs = layout("pipeline").complete_refs(&given, now).unwrap();
    assert_eq!((refs[&RefName::Generation].as_str(), refs[&RefName::Scene].as_str(), refs.len()), ("mine", "s", 4));
}

#[test]
fn a_file_that_has_no_place_is_refused_with_what_is_allowed() {
    let job = Job::new("ana");
    let cases = [
        (
            "recap",
            "clip",
            None,
            MediaKind::Mp4,
            "layout recap has no slot clip; allowed: audio, metadata, thumbnail, video",
        ),
        (
            "recap",
            "video",
            None,
            MediaKind::Png,
            "slot video of layout recap takes no image/png; allowed: video/mp4, video/quicktime, video/webm",
        ),
        ("pipeline", "clip", None, MediaKind::Mp4, "slot clip of layout pipeline needs a sequence; allowed: 0 to 999"),
        (
            "pipeline",
            "video",
            Some(1),
            MediaKind::Mp4,
            "slot final of layout pipeline holds one file and takes no sequence",
        ),
    ];
    for (name, slot, sequence, kind, expected) in cases {
        assert_eq!(job.key(&layout(name), slot, sequence, kind).unwrap_err().to_string(), expected);
    }
    let unknown = layouts().get(Some(&"cinema".parse().unwrap())).unwrap_err();
    assert_eq!(unknown.to_string(), "layout cinema is unknown; allowed: jobs, pipeline, recap");
}

fn own(text: &str) -> Result<Layouts, LayoutError> {
    let definition: LayoutDefinition = toml::from_str(text).unwrap();
    Layouts::new([("mine".parse().unwrap(), definition)].into(), Some("mine".parse().unwrap()), None)
}

fn own_slot(key: &str) -> Result<Layouts, LayoutError> {
    own(&format!("main = \"video\"\n[slots.video]\nkey = {key:?}\nkinds = [\"mp4\"]\nclass = \"final\"\n"))
}

#[test]
fn an_operators_own_layout_works_and_names_what_only_the_caller_can_give() {
    let layouts = own_slot("{session}/{scene}/{timestamp}{part}.{extension}").unwrap();
    let layout = layouts.get(None).unwrap();
    assert_eq!(layout.main_slot().as_str(), "video");
    let error = layout.complete_refs(&Refs::new(), Timestamp::UNIX_EPOCH).unwrap_err();
    assert_eq!(
        error.to_string(),
        "layout mine needs the reference session: give it with the job, for example session=ID"
    );
    let mut job = Job::new("ana");
    assert!(matches!(job.key(layout, "video", None, MediaKind::Mp4), Err(LayoutError::MissingRef { .. })));
    job.refs.insert(RefName::Session, "s1".parse().unwrap());
    job.refs.insert(RefName::Scene, "c2".parse().unwrap());
    let key = job.key(layout, "video", Some(4), MediaKind::Mp4).unwrap();
    assert_eq!(key.as_str(), "s1/c2/20261120T124500123Z-video-004.mp4");
}

#[test]
fn a_bad_template_is_refused_when_it_is_loaded() {
    let cases = [
        ("{usr}/{job}.mp4", "the variable {usr} is unknown; allowed: {user} {job} {year}"),
        ("{job}/{}.mp4", "the variable {} is unknown"),
        ("{job}/{slot:03}.mp4", "the variable {slot:03} is unknown"),
        ("{job}/{slot.mp4", "has an open brace"),
        ("{job}/slot}.mp4", "has the character '}'"),
        ("../{job}.mp4", "has a segment \"..\" that can be empty or lead elsewhere"),
        ("/{job}.mp4", "has a segment \"\" that"),
        ("{job}//a.mp4", "has a segment \"\" that"),
        ("{job}/{part}/a.mp4", "has a segment \"{part}\" that"),
        ("{job}/.{part}./a.mp4", "has a segment \".{part}.\" that"),
        ("{job}/./a.mp4", "has a segment \".\" that"),
        ("{job}\\a.mp4", "has the character '\\\\'"),
        ("{job}/a b.mp4", "has the character ' '"),
        ("{job}/a%2f.mp4", "has the character '%'"),
        ("{user}/{slot}.mp4", "is the same for every job; allowed: a key with {job}, {timestamp}"),
        ("{session}/video.mp4", "is the same for every job"),
        ("{job}/{user}{generation}.mp4", "can become too long; allowed: 768 bytes in all and 255 a segment"),
        ("{job}/{user}/{user}/{user}/{user}/{user}/{user}.mp4", "can become too long"),
        ("{job}/video", "does not end like the files it is for; allowed: a key that ends in .{extension}"),
        ("{job}/video.mov", "does not end like the files it is for"),
        ("{job}/video{extension}", "does not end like the files it is for"),
        ("", "has a segment \"\" that"),
    ];
    for (key, expected) in cases {
        let error = own_slot(key).unwrap_err().to_string();
        assert!(error.starts_with("layout mine, slot video: ") && error.contains(expected), "{key}: {error}");
    }
}

#[test]
fn slots_that_could_share_a_key_are_refused() {
    let two = |first: &str, second: &str| {
        own(&format!(
            "main = \"video\"\n[slots.video]\nkey = \"{{job}}/{{name}}.mp4\"\nkinds = [\"mp4\"]\nclass = \"final\"\n\
             [slots.{first}]\nkey = {second:?}\nkinds = [\"mp4\"]\nclass = \"final\"\n"
        ))
    };
    for (slot, key) in
        [("clip", "{job}/video.mp4"), ("video-007", "{job}/{name}.mp4"), ("clip", "{job}/video-{sequence}.{extension}")]
    {
        let error = two(slot, key).unwrap_err().to_string();
        assert!(error.contains("its keys can be those of slot"), "{error}");
    }
    assert!(two("clip", "{job}/{name}.mp4").is_ok());
}

#[test]
fn a_layout_is_whole() {
    let slot = "key = \"{job}/a.mp4\"\nkinds = [\"mp4\"]\nclass = \"final\"\n";
    let cases = [
        (
            format!("main = \"film\"\n[slots.video]\n{slot}"),
            "the main slot film is not among the slots; allowed: video",
        ),
        (format!("main = \"video\"\n[slots.video]\n{slot}aliases = [\"video\"]"), "the alias video is taken"),
        (
            "main = \"video\"\n[slots.video]\nkey = \"{job}/a.mp4\"\nkinds = []\nclass = \"final\"".to_owned(),
            "it takes no kind of file",
        ),
    ];
    for (text, expected) in cases {
        let error = own(&text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    for text in ["main = \"Video\"\n[slots.video]\n", "colour = 1"] {
        assert!(toml::from_str::<LayoutDefinition>(text).is_err(), "{text}");
    }
    let definition: LayoutDefinition = toml::from_str(&format!("main = \"video\"\n[slots.video]\n{slot}")).unwrap();
    let error = Layouts::new([("recap".parse().unwrap(), definition)].into(), None, None).unwrap_err();
    assert_eq!(error.to_string(), "layout recap, slot -: the name is that of a shipped layout; allowed: another name");
}

#[test]
fn a_prefix_stands_before_every_key() {
    let layouts = Layouts::new(BTreeMap::new(), None, Some(&"prod/eu".parse().unwrap())).unwrap();
    let key = Job::new("ana").key(layouts.get(None).unwrap(), "video", None, MediaKind::Mp4).unwrap();
    assert!(key.as_str().starts_with("prod/eu/videos/ana/"), "{key}");
    assert_eq!("prod/".parse::<KeyPrefix>().unwrap().to_string(), "prod/");
    for bad in ["", "/", "/prod", "a//b", "../a", "a/..", "a b", "é", "a%2f", "a\0", &"x".repeat(256)] {
        assert!(bad.parse::<KeyPrefix>().is_err(), "{bad:?}");
    }
}
