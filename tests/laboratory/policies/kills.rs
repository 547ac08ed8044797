//! Processes that are killed while they publish to two stores, or move what waited.

use std::collections::BTreeMap;
use std::sync::Mutex;

use filmgate::storage::Mode;
use filmgate_tests::embedder::{Ended, Said};
use filmgate_tests::fault_proxy::Rule;
use proptest::prelude::{Just, Strategy, any, prop_oneof};

use super::outage;
use crate::bench::Bench;
use crate::cell::Server;
use crate::crash::{Death, World};
use crate::kills::{BYTES, death, name_of};
use crate::model;
use crate::schedule::{self, first_seed};

/// More than any move has.
const STEPS_MAX: usize = 40;
/// Worlds at once.
const AT_ONCE: u64 = 4;
/// Where nobody asks for more.
const TRIALS: u64 = 30;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m3_e1_a_move_that_is_killed_at_any_edge_or_request_is_settled() {
    let (edges, before, after) = tokio::join!(
        every_step(Death::Edge),
        every_step(|request| Death::Request(request, false)),
        every_step(|request| Death::Request(request, true)),
    );
    // A fallback notes two steps, each with an edge before and behind it; the put and its proof are two requests.
    assert!(edges >= 4 && before >= 2 && after >= 2, "{edges} edges, {before} and {after} requests");
}

/// Answers how many steps a fallback's move has.
async fn every_step(death: impl Fn(usize) -> Death) -> usize {
    let bench = Bench::new(Server::Garage, false).await;
    let mut steps = 0;
    for (mode, bytes) in [(Mode::Mirror, BYTES[0]), (Mode::Fallback, BYTES[0]), (Mode::Fallback, BYTES[1])] {
        for step in 0..STEPS_MAX {
            let world = World::of_two(&bench, mode, bytes);
            let first = world.publish(Death::Never, &outage()).await;
            assert!(matches!(first, Ended::Said(Said::Answer { .. })), "{first:?}");
            let moved = world.recover(death(step), &[]).await;
            let settled = world.settle(&first).await;
            settled.unwrap_or_else(|said| panic!("{mode}, {bytes} bytes, {:?}: {said}", death(step)));
            world.clear().await;
            if matches!(moved, Ended::Said(_)) {
                steps = step;
                break;
            }
        }
    }
    assert!(steps < STEPS_MAX, "{steps} steps");
    steps
}

/// One random world.
#[derive(Debug, Clone)]
struct Fate {
    server: Server,
    mode: Mode,
    bytes: usize,
    faults: Vec<Rule>,
    deaths: Vec<Death>,
}

fn fate() -> impl Strategy<Value = Fate> {
    let server = prop_oneof![Just(Server::Garage), Just(Server::S3s)];
    let mode = prop_oneof![2 => Just(Mode::Fallback), 1 => Just(Mode::Mirror)];
    let bytes = proptest::sample::select(BYTES.to_vec());
    let faults =
        (model::quick_faults(), any::<bool>()).prop_map(|(faults, is_away)| if is_away { outage() } else { faults });
    // The first life may come to its end, so that the others are killed while they move.
    let first = prop_oneof![1 => Just(Death::Never), 2 => death()];
    (server, mode, bytes, faults, first, proptest::collection::vec(death(), 0..4)).prop_map(
        |(server, mode, bytes, faults, first, mut deaths)| {
            deaths.insert(0, first);
            Fate { server, mode, bytes, faults, deaths }
        },
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m3_e1_random_kills_of_two_stores_are_settled() {
    let (first, count) = (first_seed(), schedule::schedules_or(TRIALS));
    let tally: Mutex<BTreeMap<&str, u64>> = Mutex::default();
    let place = async || [Bench::new(Server::Garage, false).await, Bench::new(Server::S3s, false).await];
    let one = async |[garage, s3s]: &[Bench; 2], seed| {
        let (_, fate) = schedule::tree_of(seed, &fate());
        let bench = if fate.server == Server::Garage { garage } else { s3s };
        let met = meet(bench, &fate).await;
        let end = met.map_err(|said| format!("FILMGATE_LABORATORY_SEED={seed}: {said}\n{fate:#?}"))?;
        *tally.lock().expect("the tally").entry(end).or_default() += 1;
        Ok(())
    };
    let tried = schedule::try_all((first, count), AT_ONCE, place, one).await;
    tried.unwrap_or_else(|said| panic!("{said}"));
    let tally = tally.into_inner().expect("the tally");
    schedule::trials("two stores: random kills", first, count, &format!("{tally:?}"));
}

async fn meet(bench: &Bench, fate: &Fate) -> Result<&'static str, String> {
    let world = World::of_two(bench, fate.mode, fate.bytes);
    let (death, later) = fate.deaths.split_first().expect("a death");
    let first = world.publish(*death, &fate.faults).await;
    for death in later {
        world.recover(*death, &[]).await;
    }
    let settled = world.settle(&first).await;
    world.clear().await;
    settled.map(|()| name_of(&first))
}
