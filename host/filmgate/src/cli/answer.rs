use filmgate::Usage;
use filmgate::job::printable;
use filmgate::publish::Asset;
use filmgate::report::JobReport;
use serde_json::{Value, json};

use super::problem::Problem;
use super::terminal::{print_json, print_line};

/// Prints what a job brought; the last line is the URL.
pub(super) fn print(report: &JobReport, as_json: bool) -> Result<(), Problem> {
    let main = report.main_asset().ok_or_else(|| Problem::internal("the job ended well but published nothing"))?;
    if as_json {
        print_json(&to_json(report, main));
        return Ok(());
    }
    for other in report.assets.iter().filter(|asset| asset.identity != main.identity) {
        let sequence = other.identity.sequence.map(|sequence| format!(" {sequence}")).unwrap_or_default();
        print_line(&format!("{}{sequence}: {}", other.identity.slot, printable(other.url.url.as_str())));
    }
    print_line(main.url.url.as_str());
    Ok(())
}

fn to_json(report: &JobReport, main: &Asset) -> Value {
    let mut object = asset(main);
    object["job"] = report.job.to_string().into();
    object["assets"] = report.assets.iter().map(asset).collect();
    object["summary"] = report.summary.clone().unwrap_or_default();
    object["usage"] = usage(&report.usage);
    object
}

/// What a job used, as far as it went.
pub(super) fn usage(usage: &Usage) -> Value {
    json!({
        "cpu_seconds": usage.cpu.as_secs_f64(),
        "wall_seconds": usage.wall.as_secs_f64(),
        "memory_bytes_peak": usage.memory_bytes_peak,
        "outbox_bytes_written": usage.outbox_bytes_written,
        "outbox_entries_created": usage.outbox_entries_created,
        "log_bytes_dropped": usage.log_bytes_dropped,
        "store_calls": usage.store_calls,
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
    })
}
