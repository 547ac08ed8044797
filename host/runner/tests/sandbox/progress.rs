//! Reports of progress.

use crate::support::run;

#[test]
fn odd_fractions_are_clamped() {
    let fractions: Vec<f32> = run("progress-odd").progress.into_iter().map(|(fraction, _)| fraction).collect();
    assert_eq!(fractions, [0.0, 1.0, 0.0, 0.0, 1.0, 0.25]);
}

#[test]
fn flood_is_thinned_and_the_latest_report_arrives() {
    let ran = run("progress-flood 300000");
    assert_eq!(ran.progress.last(), Some(&(1.0, "last".to_owned())));
    let most = ran.usage.wall.as_millis() / 50 + 2;
    assert!(ran.progress.len() as u128 <= most, "{} reports in {:?}", ran.progress.len(), ran.usage.wall);
}

#[test]
fn long_stage_is_cut_between_characters() {
    let ran = run("huge-stage 1000001");
    assert_eq!(ran.progress, [(0.5, "é".repeat(100))]);
}
