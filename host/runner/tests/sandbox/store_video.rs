//! Handing files over: what reaches the host, what comes back, and what is refused on the way.

use std::time::Duration;

use filmgate_protocol::{Exhausted, Outcome, PluginError, StoreOptions, ToRunner};

use crate::support::{Job, Ran, block_on, run, run_with, stored};

#[test]
fn request_and_answer_travel_whole() {
    let ran = run("store");
    let [request] = ran.requests.as_slice() else { panic!("expected one request: {ran:?}") };
    assert_eq!((request.call, request.path.as_str(), request.wait), (0, "video.mp4", true));
    let options = StoreOptions {
        slot: Some("video".into()),
        sequence: Some(7),
        content_type: Some("video/mp4".into()),
        metadata: vec![("title".into(), "March".into())],
    };
    assert_eq!(request.options, options);
    for part in ["publish-0", "https://example.com/v", "1800000000", "size: 4", "crc64nvme:0", "local"] {
        assert!(ran.summary().contains(part), "{part} is missing in {}", ran.summary());
    }
}

#[test]
fn refusal_reaches_the_guest_as_it_is() {
    let ran = answer_all(&Job::new("store"), |call| {
        let error = PluginError { code: "busy".into(), message: "still open".into(), retryable: true };
        vec![ToRunner::Stored { call, result: Err(error) }]
    });
    let Some(Outcome::Failed(error)) = &ran.outcome else { panic!("expected an error: {ran:?}") };
    assert_eq!(error.message, "busy (true)");
}

#[test]
fn a_hundred_thousand_calls_are_refused_by_the_quota() {
    let ran = run("store-many 100000");
    assert_eq!(ran.summary(), r#"{"ok": 8, "quota-exceeded": 99992}"#);
    assert_eq!((ran.requests.len(), ran.usage.store_calls), (8, 100_000));
}

#[test]
fn publications_in_flight_are_limited() {
    let ran = answer_all(&Job::new("submit-many 5"), |call| {
        // The first two are stored before the third is claimed, so there is room again when the guest goes on.
        let stored_of = |call| ToRunner::Stored { call, result: Ok(stored(call)) };
        let claimed = ToRunner::Claimed { call, result: Ok(()) };
        match call {
            0 | 1 => vec![claimed],
            2 => vec![stored_of(0), stored_of(1), claimed, stored_of(2)],
            _ => vec![claimed, stored_of(call)],
        }
    });
    assert_eq!(ran.summary(), r#"{"ok": 5}"#);
    let ran = never_stored("submit-many 5");
    assert_eq!(ran.requests.len(), 3);
    ran.exhausted(Exhausted::Wall);
}

#[test]
fn submitted_files_report_their_outcomes_in_any_order() {
    let ran = answer_all(&Job::new("submit-and-wait 3"), |call| {
        let mut answers = vec![ToRunner::Claimed { call, result: Ok(()) }];
        if call == 2 {
            let failed = PluginError { code: "upload-failed".into(), message: String::new(), retryable: false };
            answers.push(ToRunner::Stored { call: 2, result: Ok(stored(2)) });
            answers.push(ToRunner::Stored { call: 0, result: Err(failed) });
            answers.push(ToRunner::Stored { call: 1, result: Ok(stored(1)) });
        }
        answers
    });
    assert!(ran.summary().ends_with(": upload-failed (false) publish-1 publish-2"), "{}", ran.summary());
}

#[test]
fn refused_claim_is_no_publication() {
    let ran = answer_all(&Job::new("submit-many 4"), |call| {
        let error = PluginError { code: "not-found".into(), message: String::new(), retryable: false };
        vec![ToRunner::Claimed { call, result: Err(error) }]
    });
    assert_eq!(ran.summary(), r#"{"not-found": 4}"#);
}

#[test]
fn return_waits_for_what_is_under_way() {
    block_on(async {
        let job = Job::new("submit-and-return 2");
        let mut host = job.begin().await;
        let mut ran = Ran::default();
        while ran.requests.len() < 2 {
            assert!(ran.take(host.recv().await.expect("a message")), "ended early: {ran:?}");
            if let Some(request) = ran.unanswered.take() {
                let claimed = ToRunner::Claimed { call: request.call, result: Ok(()) };
                host.send(&claimed).await.expect("answer the claim");
            }
        }
        let early = tokio::time::timeout(Duration::from_millis(200), host.recv()).await;
        assert!(early.is_err(), "ended before the outcomes: {early:?}");
        for call in [1, 0] {
            host.send(&ToRunner::Stored { call, result: Ok(stored(call)) }).await.expect("answer");
        }
        while ran.take(host.recv().await.expect("a message")) {}
        assert_eq!(ran.summary(), "returned");
    });
}

#[test]
fn trap_does_not_wait_for_what_is_under_way() {
    let ran = never_stored("submit-and-trap");
    ran.trapped();
}

#[test]
fn guest_blocked_in_a_call_ends_with_the_wall_clock() {
    let job = Job::new("store").budget(|budget| budget.wall = Duration::from_millis(300));
    answer_all(&job, |_| Vec::new()).exhausted(Exhausted::Wall);
}

#[test]
fn huge_texts_are_refused_before_they_travel() {
    let ran = run("huge-path 1026");
    let Some(Outcome::Failed(error)) = &ran.outcome else { panic!("expected an error: {ran:?}") };
    assert_eq!((error.message.as_str(), ran.requests.len()), ("invalid-path (false)", 0));
    assert_eq!(run("huge-path 1024").summary(), "publish-0");
    let ran = run("huge-options 20000");
    assert_eq!((ran.summary(), ran.requests.len()), (r#"{"invalid-options": 4}"#, 0));
}

#[test]
fn calls_that_were_refused_still_count() {
    let ran = run_with("huge-path 1026", |budget| budget.store_calls = 0);
    let Some(Outcome::Failed(error)) = &ran.outcome else { panic!("expected an error: {ran:?}") };
    assert_eq!((error.message.as_str(), ran.usage.store_calls), ("quota-exceeded (false)", 1));
}

/// A host that claims everything and stores nothing.
fn never_stored(params: &str) -> Ran {
    answer_all(&Job::new(params), |call| vec![ToRunner::Claimed { call, result: Ok(()) }])
}

/// Runs a job with a host that answers each request with the given messages.
fn answer_all(job: &Job, answers: impl Fn(u32) -> Vec<ToRunner>) -> Ran {
    block_on(async {
        let mut host = job.begin().await;
        let mut ran = Ran::default();
        while ran.take(host.recv().await.expect("a message")) {
            let Some(request) = ran.unanswered.take() else { continue };
            for answer in answers(request.call) {
                host.send(&answer).await.expect("answer");
            }
        }
        ran
    })
}
