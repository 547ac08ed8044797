//! What was measured, for people and for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::child::Usage;
use crate::run::{Comparison, Row};

/// Median and spread of one figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// The middle one.
    pub median: f64,
    /// The smallest.
    pub least: f64,
    /// The largest.
    pub most: f64,
}

impl Summary {
    /// Of some figures; none where there are none.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<_> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (least, most) = (*sorted.first()?, *sorted.last()?);
        let (upper, lower) = (sorted[sorted.len() / 2], sorted[(sorted.len() - 1) / 2]);
        Some(Self { median: f64::midpoint(upper, lower), least, most })
    }
}

/// CPU seconds per GiB, wall seconds per GiB and peak MiB of a row.
fn figures(row: &Row, gibibytes: f64) -> Option<[Summary; 3]> {
    let runs = row.runs.as_ref().ok()?;
    let of = |figure: &dyn Fn(&Usage) -> f64| Summary::of(runs.iter().map(figure));
    Some([
        of(&|usage| usage.cpu.as_secs_f64() / gibibytes)?,
        of(&|usage| usage.wall.as_secs_f64() / gibibytes)?,
        of(&|usage| usage.rss as f64 / (1024.0 * 1024.0))?,
    ])
}

/// A table in Markdown; ratios are to the first row.
pub fn markdown(comparison: &Comparison) -> String {
    let gibibytes = comparison.workload.gibibytes();
    let mut text = format!(
        "\n### {} to {} (server: {:.2} CPU s a run)\n\n\
         | client | CPU s/GiB | spread | ratio | wall s/GiB | spread | ratio | peak MiB |\n\
         |---|---|---|---|---|---|---|---|\n",
        comparison.workload, comparison.server, comparison.server_cpu
    );
    let first = comparison.rows.first().and_then(|row| figures(row, gibibytes));
    for row in &comparison.rows {
        let Some([cpu, wall, rss]) = figures(row, gibibytes) else {
            let why = row.runs.as_ref().err().map_or("no run", String::as_str).lines().next().unwrap_or_default();
            let _ = writeln!(text, "| {} | failed: {} | | | | | | |", row.contender, why.replace('|', "/"));
            continue;
        };
        let ratio = |own: Summary, index: usize| first.map_or(1.0, |first| own.median / first[index].median);
        let _ = writeln!(
            text,
            "| {} | {:.2} | {:.2}–{:.2} | {:.2} | {:.2} | {:.2}–{:.2} | {:.2} | {:.0} |",
            row.contender,
            cpu.median,
            cpu.least,
            cpu.most,
            ratio(cpu, 0),
            wall.median,
            wall.least,
            wall.most,
            ratio(wall, 1),
            rss.most
        );
    }
    text
}

/// The same with every single run.
pub fn to_json(comparison: &Comparison) -> Value {
    let runs = |row: &Row| match &row.runs {
        Err(error) => json!({"contender": row.contender, "error": error}),
        Ok(runs) => {
            let runs: Vec<_> = runs
                .iter()
                .map(|usage| {
                    json!({
                        "cpu_seconds": usage.cpu.as_secs_f64(),
                        "wall_seconds": usage.wall.as_secs_f64(),
                        "rss_bytes": usage.rss,
                    })
                })
                .collect();
            json!({"contender": row.contender, "runs": runs})
        }
    };
    json!({
        "workload": comparison.workload.to_string(),
        "bytes": comparison.workload.files * comparison.workload.bytes,
        "server": comparison.server,
        "server_cpu_seconds": comparison.server_cpu,
        "contenders": comparison.rows.iter().map(runs).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::Summary;

    #[test]
    fn medians_of_odd_and_even_counts() {
        assert_eq!(Summary::of([3.0, 1.0, 2.0]), Some(Summary { median: 2.0, least: 1.0, most: 3.0 }));
        assert_eq!(Summary::of([4.0, 1.0]), Some(Summary { median: 2.5, least: 1.0, most: 4.0 }));
        assert_eq!(Summary::of([]), None);
    }
}
