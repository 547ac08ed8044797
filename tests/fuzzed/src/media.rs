use facts::{Kind, examine};
use filmgate::media::{MediaFacts, MediaKind};

const KINDS: [(Kind, MediaKind); 9] = [
    (Kind::Mp4, MediaKind::Mp4),
    (Kind::Mov, MediaKind::Mov),
    (Kind::Webm, MediaKind::Webm),
    (Kind::Png, MediaKind::Png),
    (Kind::Jpeg, MediaKind::Jpeg),
    (Kind::Gif, MediaKind::Gif),
    (Kind::Mp3, MediaKind::Mp3),
    (Kind::Wav, MediaKind::Wav),
    (Kind::Json, MediaKind::Json),
];

/// A file: the first byte chooses what it is to be, the rest is examined, here without a sandbox.
///
/// There are facts, and the host believes them: both sides have the same record.
pub fn media(bytes: &[u8]) {
    let Some((choice, mut file)) = bytes.split_first() else { return };
    MediaKind::sniff(file);
    let (kind, host_kind) = KINDS[usize::from(*choice) % KINDS.len()];
    let facts = examine(&mut file, kind).expect("memory can be read");
    let answer = serde_json::to_string(&facts).expect("facts can be written");
    let believed = MediaFacts::parse(&answer, host_kind).unwrap_or_else(|error| panic!("{error}: {answer}"));
    assert_eq!(serde_json::to_string(&believed).expect("and written again"), answer);
}
