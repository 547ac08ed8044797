//! Files with some bytes changed, cut out, doubled or put elsewhere: there are facts or faults, never anything else.

use facts::Kind;
use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_assert, prop_oneof, proptest};
use proptest::sample::{Index, select};

use crate::made::{KINDS, look, whole};

#[derive(Debug, Clone)]
enum Change {
    Set(Index, u8),
    /// A number as sizes are written, of one of the values that sizes go wrong at.
    Number(Index, u32),
    Cut(Index, Index),
    Double(Index, Index),
    Swap(Index, Index),
}

fn change() -> impl Strategy<Value = Change> {
    let edges = select(vec![0, 1, 7, 8, 15, 16, 255, 0x7fff_ffff, 0x8000_0000, u32::MAX - 8, u32::MAX]);
    prop_oneof![
        4 => (any::<Index>(), any::<u8>()).prop_map(|(at, value)| Change::Set(at, value)),
        3 => (any::<Index>(), prop_oneof![edges, any::<u32>()]).prop_map(|(at, value)| Change::Number(at, value)),
        1 => any::<(Index, Index)>().prop_map(|(from, to)| Change::Cut(from, to)),
        1 => any::<(Index, Index)>().prop_map(|(from, to)| Change::Double(from, to)),
        1 => any::<(Index, Index)>().prop_map(|(one, other)| Change::Swap(one, other)),
    ]
}

impl Change {
    fn apply(&self, file: &mut Vec<u8>) {
        if file.is_empty() {
            return;
        }
        let range = |from: &Index, to: &Index| {
            let (from, to) = (from.index(file.len()), to.index(file.len()));
            from.min(to)..from.max(to)
        };
        match self {
            Self::Set(at, value) => {
                let at = at.index(file.len());
                file[at] = *value;
            }
            Self::Number(at, value) => {
                let at = at.index(file.len());
                for (place, byte) in file[at..].iter_mut().zip(value.to_be_bytes()) {
                    *place = byte;
                }
            }
            Self::Cut(from, to) => drop(file.drain(range(from, to))),
            Self::Double(from, to) => {
                let piece = file[range(from, to)].to_vec();
                let at = to.index(file.len());
                file.splice(at..at, piece);
            }
            Self::Swap(one, other) => {
                let (one, other) = (one.index(file.len()), other.index(file.len()));
                file.swap(one, other);
            }
        }
    }
}

fn examined(kind: Kind, file: &[u8]) -> Result<(), proptest::test_runner::TestCaseError> {
    let facts = look(kind, file);
    let text = serde_json::to_string(&facts).expect("a record");
    prop_assert!(text.len() < 64 * 1024 && text.is_ascii(), "{}", text);
    prop_assert!(facts.faults.iter().all(|fault| (1..=200).contains(&fault.detail.len())), "{:?}", facts);
    prop_assert!(facts.video.len() + facts.audio.len() <= facts::TRACKS_MAX);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn p3_a_changed_file_ends_in_facts_or_faults(
        (kind, extension) in select(KINDS.to_vec()),
        changes in vec(change(), 1..8),
    ) {
        let mut file = whole(extension);
        changes.iter().for_each(|change| change.apply(&mut file));
        examined(kind, &file)?;
    }

    #[test]
    fn p3_any_bytes_end_in_facts_or_faults(
        (kind, extension) in select(KINDS.to_vec()),
        kept in prop_oneof![Just(0_usize), 0..64_usize],
        bytes in vec(any::<u8>(), 0..2000),
    ) {
        let file = [&whole(extension)[..kept], &bytes].concat();
        examined(kind, &file)?;
    }
}
