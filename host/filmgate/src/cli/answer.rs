use filmgate::job::printable;
use filmgate::publish::Asset;
use filmgate::report::{GoneAsset, JobReport, usage_json};
use serde_json::{Value, json};

use super::problem::Problem;
use super::terminal::{AnswerLost, print_error, print_json, print_line};

/// Prints what a job brought; the last line is the URL.
pub(super) fn print(report: &JobReport, as_json: bool) -> Result<(), Problem> {
    let main = main_asset(report)?;
    let told = if as_json { print_json(&to_json(report, main)) } else { print_text(report, main) };
    told.map_err(|lost| lost_of(&lost, [report]))
}

/// The answer of a job that is done could not be told: what was published stays, and is named here instead. Not by URL, which
/// may carry a signature and standard error may be a log.
pub(super) fn lost_of<'a>(lost: &AnswerLost, reports: impl IntoIterator<Item = &'a JobReport>) -> Problem {
    let mut problem = Problem::answer_lost(lost);
    for report in reports {
        for asset in &report.assets {
            let kind = serde_json::to_value(asset.url.kind).unwrap_or_default();
            problem.add_line(&format!(
                "the file IS published: job {}, {}, key {}, {} bytes, URL of the kind {}",
                report.job,
                asset.identity.slot,
                asset.key,
                asset.size,
                kind.as_str().unwrap_or_default()
            ));
        }
    }
    problem
}

fn print_text(report: &JobReport, main: &Asset) -> Result<(), AnswerLost> {
    tell_kept(report);
    for gone in &report.gone {
        print_error(&format!("{} is gone: {} was deleted since", gone.identity.slot, gone.key));
    }
    for other in report.assets.iter().filter(|asset| asset.identity != main.identity) {
        let sequence = other.identity.sequence.map(|sequence| format!(" {sequence}")).unwrap_or_default();
        print_line(&format!("{}{sequence}: {}", other.identity.slot, printable(other.url.url.as_str())))?;
    }
    print_line(main.url.url.as_str())
}

/// The answer of one job, for programs.
pub(super) fn json_of(report: &JobReport) -> Result<Value, Problem> {
    Ok(to_json(report, main_asset(report)?))
}

/// Files that were to be deleted and are still there.
fn tell_kept(report: &JobReport) {
    for kept in report.assets.iter().filter_map(|asset| asset.kept.as_ref()) {
        print_error(&printable(&format!("{}: published, but it could not be deleted and stays", kept.display())));
    }
}

/// Prints the URL that a job is about.
pub(super) fn print_url(report: &JobReport) -> Result<(), Problem> {
    tell_kept(report);
    print_line(main_asset(report)?.url.url.as_str()).map_err(|lost| lost_of(&lost, [report]))
}

fn main_asset(report: &JobReport) -> Result<&Asset, Problem> {
    report.main_asset().ok_or_else(|| Problem::internal("the job ended well but published nothing"))
}

fn to_json(report: &JobReport, main: &Asset) -> Value {
    let mut object = asset(main);
    object["job"] = report.job.to_string().into();
    object["assets"] = report.assets.iter().map(asset).collect();
    object["gone"] = report.gone.iter().map(gone).collect();
    object["summary"] = report.summary.clone().unwrap_or_default();
    object["usage"] = usage_json(&report.usage);
    object
}

/// One that was published and deleted since.
pub(super) fn gone(gone: &GoneAsset) -> Value {
    json!({
        "slot": gone.identity.slot,
        "sequence": gone.identity.sequence,
        "key": gone.key,
        "publish_id": gone.publish.to_string(),
        "deleted_at": gone.deleted_at.map(|time| time.to_string()),
    })
}

/// One published file.
pub(super) fn asset(asset: &Asset) -> Value {
    json!({
        "slot": asset.identity.slot,
        "sequence": asset.identity.sequence,
        "url": asset.url.url.as_str(),
        "url_kind": asset.url.kind,
        "url_verified": asset.url.verified,
        "expires_at": asset.url.expires_at.map(|time| time.to_string()),
        "key": asset.key,
        "size": asset.size,
        "content_type": asset.kind.content_type(),
        "checksum": {"crc64nvme": asset.checksum.to_string()},
        "integrity": asset.integrity,
        "durability": asset.durability,
        "publish_id": asset.publish.to_string(),
        "version_id": asset.version_id,
        "facts": asset.facts,
        "kept": asset.kept.as_ref().map(|path| path.display().to_string()),
    })
}
