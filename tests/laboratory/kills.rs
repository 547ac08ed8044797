//! Kills at every edge of the journal, at every request, and at random.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use filmgate_tests::embedder::{Ended, Said};
use filmgate_tests::fault_proxy::{Fault, Operation, Rule};
use proptest::prelude::{Just, Strategy, any, prop_oneof};

use crate::bench::Bench;
use crate::cell::Server;
use crate::crash::{Death, World};
use crate::model;
use crate::schedule::{self, first_seed, schedules};

/// One request, and parts.
pub(crate) const BYTES: [usize; 2] = [990, 200_000];
/// More than any life has.
const STEPS_MAX: usize = 64;
/// Worlds at once.
const AT_ONCE: u64 = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m3_a_kill_at_every_edge_on_local_storage_is_recovered() {
    every_edge(None, BYTES[0]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m3_a_kill_at_every_edge_on_garage_is_recovered() {
    let bench = Bench::new(Server::Garage, false).await;
    for bytes in BYTES {
        every_edge(Some(&bench), bytes).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m3_a_kill_at_every_edge_on_s3s_is_recovered() {
    let bench = Bench::new(Server::S3s, false).await;
    for bytes in BYTES {
        every_edge(Some(&bench), bytes).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m3_a_kill_at_every_request_is_recovered() {
    for server in [Server::Garage, Server::S3s] {
        let bench = Bench::new(server, false).await;
        for bytes in BYTES {
            every_request(&bench, bytes).await;
        }
    }
}

/// The journal says that an upload is open, and the store has ended it: Garage does not know it any more, s3s-fs lets nobody
/// touch it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m3_an_upload_that_ended_behind_the_journals_back_is_begun_anew() {
    for server in [Server::Garage, Server::S3s] {
        let bench = Bench::new(server, false).await;
        let world = World::new(Some(&bench), BYTES[1], false);
        let operation = Operation::UploadPart;
        let refused = Rule { operation, fault: Fault::Error(403, "AccessDenied"), after_commit: false, times: 1 };
        // A look at the key, the creation, the part, and the abort that follows from its refusal.
        let first = world.publish(Death::Request(3, true), &[refused]).await;
        assert!(matches!(first, Ended::Killed(None)), "{first:?}");
        world.settle(&first).await.unwrap_or_else(|said| panic!("{server:?}: {said}"));
        world.clear().await;
    }
}

/// Kills the publishing process at each edge in turn; then also the recovering one, at the edge of the same number.
async fn every_edge(bench: Option<&Bench>, bytes: usize) {
    for again in [false, true] {
        let mut edges = 0;
        for edge in 0..STEPS_MAX {
            let world = World::new(bench, bytes, false);
            let first = world.publish(Death::Edge(edge), &[]).await;
            if again {
                world.recover(Death::Edge(edge / 2), &[]).await;
            }
            let settled = world.settle(&first).await;
            settled.unwrap_or_else(|said| panic!("edge {edge}, recovery killed: {again}: {said}"));
            world.clear().await;
            if matches!(first, Ended::Said(_)) {
                edges = edge;
                break;
            }
        }
        // Intent, completing, verified, recorded, deleted, replied; before and after each.
        assert!((12..STEPS_MAX).contains(&edges), "{edges} edges");
    }
}

async fn every_request(bench: &Bench, bytes: usize) {
    for after_commit in [false, true] {
        let mut requests = 0;
        for request in 0..STEPS_MAX {
            let world = World::new(Some(bench), bytes, false);
            let first = world.publish(Death::Request(request, after_commit), &[]).await;
            let settled = world.settle(&first).await;
            settled.unwrap_or_else(|said| panic!("request {request}, carried out: {after_commit}: {said}"));
            world.clear().await;
            if matches!(first, Ended::Said(_)) {
                requests = request;
                break;
            }
        }
        // At least a put and its proof.
        assert!((2..STEPS_MAX).contains(&requests), "{requests} requests");
    }
}

/// One random world.
#[derive(Debug, Clone)]
struct Fate {
    store: Option<Server>,
    bytes: usize,
    faults: Vec<Rule>,
    deaths: Vec<Death>,
}

pub(crate) fn death() -> impl Strategy<Value = Death> {
    prop_oneof![
        (0..24usize).prop_map(Death::Edge),
        (0..14usize, any::<bool>()).prop_map(|(at, after_commit)| Death::Request(at, after_commit)),
        (0..150_000u64).prop_map(|micros| Death::After(Duration::from_micros(micros))),
    ]
}

fn fate() -> impl Strategy<Value = Fate> {
    let store = prop_oneof![
        1 => Just(None),
        2 => Just(Some(Server::Garage)),
        2 => Just(Some(Server::S3s)),
    ];
    let bytes = proptest::sample::select(BYTES.to_vec());
    (store, bytes, model::quick_faults(), proptest::collection::vec(death(), 1..4))
        .prop_map(|(store, bytes, faults, deaths)| Fate { store, bytes, faults, deaths })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m3_random_kills_are_recovered() {
    let (first, count) = (first_seed(), schedules());
    let tally: Mutex<BTreeMap<&str, u64>> = Mutex::default();
    let place = async || [Bench::new(Server::Garage, false).await, Bench::new(Server::S3s, false).await];
    let one = async |[garage, s3s]: &[Bench; 2], seed| {
        let (_, fate) = schedule::tree_of(seed, &fate());
        let bench = fate.store.map(|server| if server == Server::Garage { garage } else { s3s });
        let met = meet(bench, &fate).await;
        let end = met.map_err(|said| format!("FILMGATE_LABORATORY_SEED={seed}: {said}\n{fate:#?}"))?;
        *tally.lock().expect("the tally").entry(end).or_default() += 1;
        Ok(())
    };
    let tried = schedule::try_all((first, count), AT_ONCE, place, one).await;
    tried.unwrap_or_else(|said| panic!("{said}"));
    let tally = tally.into_inner().expect("the tally");
    schedule::trials("random kills", first, count, &format!("{tally:?}"));
}

async fn meet(bench: Option<&Bench>, fate: &Fate) -> Result<&'static str, String> {
    let world = World::new(bench, fate.bytes, false);
    let (death, later) = fate.deaths.split_first().expect("a death");
    let first = world.publish(*death, &fate.faults).await;
    for death in later {
        world.recover(*death, &[]).await;
    }
    let settled = world.settle(&first).await;
    world.clear().await;
    settled.map(|()| name_of(&first))
}

pub(crate) fn name_of(ended: &Ended) -> &'static str {
    match ended {
        Ended::Killed(None) => "killed",
        Ended::Killed(Some(_)) => "killed after the answer",
        Ended::Said(Said::Failed { .. }) => "failed",
        Ended::Said(_) => "published",
        Ended::Broke(_) => "broke",
    }
}
