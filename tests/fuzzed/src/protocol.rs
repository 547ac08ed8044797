use filmgate::job::{Sequence, Slot, is_steering, printable};
use filmgate::media::MediaKind;
use filmgate_protocol::{FRAME_BYTES_MAX, FromRunner, Outcome, StoreRequest, ToRunner, decode, encode};
use serde_json::Value;

/// A frame from a runner that strangers have taken over, and one from a host.
///
/// Either is refused, or is a message that is the same after one more trip; everything in it can be taken further.
pub fn protocol(bytes: &[u8]) {
    if let Ok(message) = decode::<FromRunner>(bytes) {
        assert!(bytes.len() <= FRAME_BYTES_MAX);
        // A number in more bytes than it needs is written in fewer, so that the first trip may change the frame.
        let frame = encode(&message).expect("what was read can be written");
        let again: FromRunner = decode(&frame).expect("what was written can be read");
        assert_eq!(encode(&again).expect("and written again"), frame);
        take(message);
    }
    if let Ok(message) = decode::<ToRunner>(bytes) {
        let frame = encode(&message).expect("what was read can be written");
        assert_eq!(decode::<ToRunner>(&frame).expect("what was written can be read"), message);
    }
}

/// What a host makes of a message.
fn take(message: FromRunner) {
    match message {
        FromRunner::Log { text, .. } | FromRunner::Progress { stage: text, .. } => show(&text),
        FromRunner::Usage(_) => {}
        FromRunner::Store(request) => store(request),
        FromRunner::Finished { outcome, .. } => match outcome {
            Outcome::Returned(text) => drop(serde_json::from_str::<Value>(&text)),
            Outcome::Failed(error) => show(&error.to_string()),
            Outcome::Trapped(text) | Outcome::NotInstantiated(text) | Outcome::Fault(text) => show(&text),
            Outcome::Exhausted { detail, .. } => show(&detail),
            Outcome::Exited(_) | Outcome::Cancelled => {}
        },
    }
}

fn show(text: &str) {
    assert!(!printable(text).chars().any(|c| is_steering(c) && c != '\n' && c != '\t'), "{text:?}");
}

fn store(request: StoreRequest) {
    let options = request.options;
    if let Some(Ok(slot)) = options.slot.map(Slot::try_from) {
        assert!((1..=32).contains(&slot.as_str().len()));
    }
    if let Some(Ok(sequence)) = options.sequence.map(Sequence::try_from) {
        assert!(sequence.get() <= Sequence::MAX);
    }
    if let Some(declared) = options.content_type {
        MediaKind::Mp4.is_declared_by(&declared);
    }
}
