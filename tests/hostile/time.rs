//! Using up time: the guest ends by the budget it spends, CPU where it computes and the wall clock where it waits (P3).

use std::time::Duration;

use filmgate::Exhausted;

use crate::arena::Arena;
use crate::guests::{Guest, time as guests};

/// What a job may compute that never stops.
const CPU: Duration = Duration::from_millis(300);

/// How long one may last that only waits.
const SHORT: Duration = Duration::from_millis(1500);

/// How long one may last that does something before it waits: also where others keep it from the processor.
const LONG: Duration = Duration::from_secs(6);

fn ends_by_cpu(guest: Guest) {
    Arena::of(guest).budget(|budget| budget.cpu = CPU).fight(|fight| {
        fight.exhausted(Exhausted::Cpu);
        assert!(fight.usage().cpu >= CPU, "{:?}", fight.usage());
    });
}

fn ends_by_wall(guest: Guest) {
    Arena::of(guest).budget(|budget| budget.wall = SHORT).fight(|fight| {
        fight.exhausted(Exhausted::Wall);
        assert!(fight.usage().cpu < SHORT / 2, "waiting costs no CPU time: {:?}", fight.usage());
    });
}

#[test]
fn spin() {
    ends_by_cpu(guests::SPIN);
}

#[test]
fn fill_memory() {
    ends_by_cpu(guests::FILL_MEMORY);
}

#[test]
fn poll_busy() {
    ends_by_cpu(guests::POLL_BUSY);
}

#[test]
fn zero_timers() {
    ends_by_cpu(guests::ZERO_TIMERS);
}

#[test]
fn asks_for_ever() {
    ends_by_cpu(guests::ASKS_FOR_EVER);
}

#[test]
fn stat_loop() {
    ends_by_cpu(guests::STAT_LOOP);
}

#[test]
fn random_loop() {
    ends_by_cpu(guests::RANDOM_LOOP);
}

#[test]
fn endless_start() {
    ends_by_cpu(guests::ENDLESS_START);
}

#[test]
fn endless_realloc() {
    ends_by_cpu(guests::ENDLESS_REALLOC);
}

#[test]
fn endless_post_return() {
    ends_by_cpu(guests::ENDLESS_POST_RETURN);
}

#[test]
fn sleep_forever() {
    ends_by_wall(guests::SLEEP_FOREVER);
}

#[test]
fn poll_forever() {
    ends_by_wall(guests::POLL_FOREVER);
}

#[test]
fn far_instants() {
    Arena::of(guests::FAR_INSTANTS).budget(|budget| budget.wall = LONG).fight(|fight| {
        fight.exhausted(Exhausted::Wall);
        fight.said("false false false");
    });
}

/// Which of the two it is depends on the disk.
#[test]
fn sync_loop() {
    Arena::of(guests::SYNC_LOOP).budget(|budget| (budget.cpu, budget.wall) = (CPU, SHORT)).fight(|fight| {
        let filmgate::report::JobFault::Exhausted { limit, .. } = &fight.ended.as_ref().unwrap_err().fault else {
            panic!("{:?}", fight.ended)
        };
        assert!(matches!(limit, Exhausted::Cpu | Exhausted::Wall), "{limit:?}");
    });
}

#[test]
fn deaf() {
    Arena::of(guests::DEAF).help(|outside| outside.cancel()).fight(|fight| fight.cancelled());
}

#[test]
fn cancelled_asleep() {
    Arena::of(guests::CANCELLED_ASLEEP).help(|outside| outside.cancel()).fight(|fight| fight.cancelled());
}

#[test]
fn waits_for_input() {
    Arena::of(guests::WAITS_FOR_INPUT).fight(|fight| {
        fight.said("0 bytes, true");
        fight.published_nothing();
    });
}
