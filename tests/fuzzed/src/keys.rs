use std::collections::BTreeMap;

use filmgate::job::{JobId, Refs, Sequence, Slot, UserId};
use filmgate::key::ObjectKey;
use filmgate::layout::{KeyContext, KeyPrefix, LayoutDefinition, LayoutName, Layouts, SequenceRule, SlotDefinition};
use filmgate::limits::KEY_BYTES_MAX;
use filmgate::media::MediaKind;
use filmgate::url::{PublicBase, UrlClass};
use jiff::Timestamp;

/// Keys: the first line is one, the second a prefix, the third the base of a CDN, the fourth and fifth are templates of a
/// layout's two slots.
///
/// No key leaves its prefix or its bounds, whatever a template says, and no two files of a job share one.
pub fn keys(bytes: &[u8]) {
    let lines = crate::lines(bytes);
    let line = |number: usize| lines.get(number).cloned().unwrap_or_default();
    if let Ok(key) = ObjectKey::try_from(line(0)) {
        check(&key);
    }
    drop(line(2).parse::<PublicBase>());
    let prefix = line(1).parse::<KeyPrefix>().ok();
    let slots = [("video", line(3)), ("clip", line(4))].map(|(name, key)| {
        let slot = SlotDefinition {
            key,
            kinds: vec![MediaKind::Mp4],
            codecs: Vec::new(),
            class: UrlClass::Final,
            retention: None,
            aliases: Vec::new(),
        };
        (word(name), slot)
    });
    let definition = LayoutDefinition { description: String::new(), main: word("video"), slots: slots.into() };
    let name: LayoutName = "fuzzed".parse().expect("a name");
    let own = BTreeMap::from([(name.clone(), definition)]);
    if let Ok(layouts) = Layouts::new(own, Some(name), prefix.as_ref()) {
        render(&layouts, prefix.as_ref());
    }
}

fn render(layouts: &Layouts, prefix: Option<&KeyPrefix>) {
    let layout = layouts.get(None).expect("the default");
    let now = Timestamp::UNIX_EPOCH;
    // A session or scene is the caller's to give.
    let Ok(refs) = layout.complete_refs(&Refs::new(), now) else { return };
    let user: UserId = "a".repeat(128).parse().expect("the longest user id");
    let mut seen = BTreeMap::new();
    for rule in layout.slots() {
        let numbers = match rule.sequence_rule() {
            SequenceRule::Never => vec![None],
            SequenceRule::Optional => vec![None, Some(0), Some(999)],
            SequenceRule::Required => vec![Some(0), Some(999)],
        };
        for number in numbers {
            let context = KeyContext {
                job: "01890a5d-ac96-774b-bcce-b302099a8057".parse::<JobId>().expect("an id"),
                user: &user,
                accepted_at: now,
                period: None,
                refs: &refs,
                slot: Some(rule.slot()),
                sequence: number.map(|number: u32| Sequence::try_from(number).expect("in bounds")),
                kind: MediaKind::Mp4,
            };
            let key = layout.key(&context).expect("a layout that was loaded makes keys");
            check(&key);
            assert!(prefix.is_none_or(|prefix| key.as_str().starts_with(&prefix.to_string())), "{key}");
            assert_eq!(seen.insert(key.clone(), (rule.slot(), number)), None, "{key} is that of two files");
        }
    }
}

fn check(key: &ObjectKey) {
    assert!((1..=KEY_BYTES_MAX).contains(&key.as_str().len()), "{key}");
    assert!(!key.as_str().contains('\\') && !key.as_str().chars().any(char::is_control), "{key}");
    assert!(!key.segments().any(|segment| matches!(segment, "" | "." | "..")), "{key}");
}

fn word(text: &str) -> Slot {
    text.parse().expect("a slot")
}
