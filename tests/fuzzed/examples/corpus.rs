//! Writes the corpus that fuzzing and replaying begin with: one honest input for each thing a target can take.
//!
//! ```sh
//! cargo run -p fuzzed --example corpus
//! ```
//!
//! To be run again when the messages of the protocol change. What a fuzzer has found is kept beside it, under other names.

#[path = "../../guests/probe/src/sample.rs"]
mod sample;

use std::path::Path;
use std::time::Duration;

use filmgate_protocol::{
    Exhausted, FromRunner, JobInput, LogStream, Outcome, Period, PluginError, StoreOptions, StoreRequest, Stored,
    ToRunner, Usage, encode,
};

fn main() {
    for (target, inputs) in [
        ("job", texts(&JOBS)),
        ("keys", texts(&KEYS)),
        ("manifest", texts(&MANIFESTS)),
        ("media", media()),
        ("paths", texts(&PATHS)),
        ("protocol", frames()),
        ("settings", texts(&SETTINGS)),
    ] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
        std::fs::create_dir_all(&folder).expect("make the folder");
        for (name, bytes) in inputs {
            std::fs::write(folder.join(name), bytes).expect("write an input");
        }
    }
}

type Inputs = Vec<(String, Vec<u8>)>;

fn texts(inputs: &[(&str, &str)]) -> Inputs {
    inputs.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect()
}

const JOBS: [(&str, &str); 5] = [
    ("number", "ana\n\n\n\n\n[1, -2.5e3333]"),
    ("plain", "ana\n2026-03\nphoto.jpg\ngeneration\ngen_1\n{\"size\": \"480p\"}"),
    ("odd", "a.b_c@d+e=f-g\n9999-12\né 漢.png\nscene\n1\n[1, -2.5e3, \"\\u00e9\", null, true]"),
    ("empty", "\n\n\n\n\n"),
    ("hostile", "../x\n0000-13\n..\n__proto__\n%2f\n{\"a\":{\"a\":{\"a\":[[[]]]}}}"),
];

const KEYS: [(&str, &str); 5] = [
    (
        "recap",
        "videos/ana/2026/03/recap.mp4\nproduction/\nhttps://cdn.example/v\n\
         videos/{user}/{year}/{month}/recap-{year}-{month}-{timestamp}{part}.{extension}\n\
         generations/{generation}/clips/clip_{sequence}.{extension}",
    ),
    ("jobs", "a/b/c\na/b/\nhttp://localhost:8080\n{user}/{job}/{name}.{extension}\n{user}/{job}/{name}-2.{extension}"),
    (
        "composition",
        "é/漢.mp4\nx/\nhttps://x\ncompositions/{composition}/final.mp4\ntemp/{job}/processing/{name}.{extension}",
    ),
    ("hostile", "../../etc/passwd\n../\njavascript:alert(1)\n../{user}/{user}.mp4\n{session}/{scene}/{slot}.mp4"),
    ("broken", "a\\b\n/\nhttps://u:p@x/?q#f\n{}{{}}\n{user"),
];

const PATHS: [(&str, &str); 8] = [
    ("plain", "x"),
    ("folder", "a/b/x"),
    ("odd", "é.gif"),
    ("dots", "..."),
    ("up", "a/../x"),
    ("link", "folder/x"),
    ("root", "root/etc/passwd"),
    ("descriptor", "fd/0"),
];

const SETTINGS: [(&str, &str); 4] = [
    (
        "file",
        "\n\nlayout = \"pipeline\"\nkey_prefix = \"production/\"\n[storage]\npolicy = \"local\"\n[storage.local]\npath = \"x\"\n\
         [urls]\nmode = \"public\"\npublic_base = \"https://cdn.example\"\n[urls.lifetimes]\nfinal = \"1h\"\n\
         [budget]\nmemory = \"256 MiB\"\ncpu = \"90s\"\nhandles = 100\n[media]\nfacts = \"record\"\n[log]\nformat = \"json\"\n",
    ),
    (
        "bucket",
        "S3_BUCKET_NAME=videos.example\nAWS_REGION=eu-central-1\nFILMGATE_S3_ENCRYPTION=sse-kms:key\n\
         AWS_ENDPOINT_URL_S3=https://s3.example\nNO_PROXY=a,b\nHTTPS_PROXY=http://u:p@proxy:1\n\n\
         [storage.s3]\npart_size = \"16 MiB\"\nconcurrency = 8\nretries = 0\n[storage.s3.tags]\na = \"b\"\n",
    ),
    (
        "layout",
        "\n\n[layouts.own]\nmain = \"video\"\n[layouts.own.slots.video]\nkey = \"v/{user}/{job}.{extension}\"\n\
         kinds = [\"mp4\"]\ncodecs = [\"h264\", \"aac\"]\nclass = \"final\"\n",
    ),
    (
        "wrong",
        "FILMGATE_NOTHING=1\nUSE_S3=maybe\nFILMGATE_BUDGET_CPU=-1\n\n[budget]\nmemory = \"1 YiB\"\nlog = 5\n[nothing]\n",
    ),
];

const MANIFESTS: [(&str, &str); 4] = [
    (
        "limits",
        "id = \"a.b-c\"\nversion = \"1\"\nworld = \"0.1.0\"\nmedia = [\"mp4\", \"png\"]\n[limits]\nmemory = \"64 MiB\"\n\
         cpu = \"90s\"\nhandles = 100\n",
    ),
    (
        "schema",
        "id = \"a\"\nversion = \"1\"\nworld = \"0.1.0\"\n[params_schema]\ntype = \"object\"\nrequired = [\"a\"]\n\
         additionalProperties = false\n[params_schema.properties.a]\nanyOf = [{ \"$ref\" = \"#/$defs/b\" }, { const = 1 }]\n\
         [params_schema.properties.c]\nprefixItems = [{ multipleOf = 0.5 }, { enum = [true, \"x\"] }]\nuniqueItems = true\n\
         [params_schema.\"$defs\".b]\npattern = \"^(a|b)*$\"\nmaxLength = 9\nif = { minLength = 2 }\nthen = { not = { const = \"ab\" } }\n\
         ====\n{\"a\": \"abba\", \"c\": [1.5, \"x\"]}",
    ),
    (
        "circle",
        "id = \"a\"\nversion = \"1\"\nworld = \"0.1.0\"\n[params_schema]\nallOf = [{ \"$ref\" = \"#\" }, { \"$ref\" = \"#\" }]\n\
         ====\n[[[[]]]]",
    ),
    ("wrong", "id = \"A\"\nversion = \"\"\nworld = 1\nparams_schema = \"../x\"\n[limits]\nmem = 5\n"),
];

fn media() -> Inputs {
    let extensions = ["mp4", "mov", "webm", "png", "jpg", "gif", "mp3", "wav", "json"];
    let files = extensions.iter().zip(0_u8..).map(|(extension, kind)| {
        let file = [vec![kind], sample::whole(extension, 750)].concat();
        ((*extension).to_owned(), file)
    });
    files.collect()
}

fn frames() -> Inputs {
    let from_runner = from_runner().into_iter().map(|(name, message)| (name.to_owned(), encode(&message)));
    let to_runner = to_runner().into_iter().map(|(name, message)| (name.to_owned(), encode(&message)));
    from_runner.chain(to_runner).map(|(name, frame)| (name, frame.expect("a small message"))).collect()
}

fn from_runner() -> Vec<(&'static str, FromRunner)> {
    let options = StoreOptions {
        slot: Some("video".to_owned()),
        sequence: Some(7),
        content_type: Some("video/mp4".to_owned()),
        metadata: vec![("title".to_owned(), "March".to_owned())],
    };
    let request = StoreRequest { call: 1, path: "a/recap.mp4".to_owned(), options, wait: true };
    let finished = |outcome| FromRunner::Finished {
        outcome,
        usage: Usage { cpu: Duration::from_millis(1500), ..Usage::default() },
    };
    let detail = "in render".to_owned();
    vec![
        ("log", FromRunner::Log { stream: LogStream::Stderr, text: "hello\n".to_owned() }),
        ("progress", FromRunner::Progress { fraction: 0.5, stage: "encoding".to_owned() }),
        ("store", FromRunner::Store(request)),
        ("returned", finished(Outcome::Returned("{}".to_owned()))),
        ("failed", finished(Outcome::Failed(error()))),
        ("exhausted", finished(Outcome::Exhausted { limit: Exhausted::Cpu, detail })),
    ]
}

fn to_runner() -> Vec<(&'static str, ToRunner)> {
    let job = JobInput {
        id: "01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
        user_id: "ana".to_owned(),
        period: Some(Period { year: 2026, month: 3 }),
        params: "{}".to_owned(),
        inputs: vec!["photo.jpg".to_owned()],
        refs: vec![("generation".to_owned(), "gen_1".to_owned())],
    };
    let stored = Stored {
        id: "01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
        url: Some("https://cdn.example/a.mp4".to_owned()),
        expires_at: Some(1_800_000_000),
        size: 1000,
        checksum: "crc64nvme:0123456789abcdef".to_owned(),
        durability: "s3".to_owned(),
    };
    vec![
        ("start", ToRunner::Start(Box::new(job))),
        ("claimed", ToRunner::Claimed { call: 1, result: Err(error()) }),
        ("stored", ToRunner::Stored { call: 1, result: Ok(stored) }),
        ("cancel", ToRunner::Cancel),
    ]
}

fn error() -> PluginError {
    PluginError { code: "no-data".to_owned(), message: "nothing to show".to_owned(), retryable: false }
}
