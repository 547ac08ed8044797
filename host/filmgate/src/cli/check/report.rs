use filmgate::config::{Origin, Setting};
use filmgate::job::printable;
use filmgate::storage::StorageError;
use serde_json::{Value, json};

use crate::cli::exit::Exit;
use crate::cli::problem::name_origins;
use crate::cli::terminal::{AnswerLost, print_json, print_line};

/// What was checked, and how it ended.
pub(super) struct Line {
    name: String,
    result: Verdict,
    detail: String,
    mend: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Pass,
    /// Works with less; nothing has to be mended.
    Note,
    /// With the exit code it leads to.
    Fail(Exit),
}

impl Line {
    pub(super) fn pass(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { name: name.into(), result: Verdict::Pass, detail: detail.into(), mend: None }
    }

    pub(super) fn note(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { result: Verdict::Note, ..Self::pass(name, detail) }
    }

    pub(super) fn fail(name: impl Into<String>, detail: impl Into<String>, mend: Option<&str>) -> Self {
        let mend = mend.map(str::to_owned);
        Self { result: Verdict::Fail(Exit::CheckFailed), mend, ..Self::pass(name, detail) }
    }

    pub(super) fn storage_fail(name: impl Into<String>, error: &StorageError) -> Self {
        let exit = if error.is_storage_away() { Exit::StorageUnreachable } else { Exit::CheckFailed };
        Self { result: Verdict::Fail(exit), ..Self::fail(name, error.to_string(), error.next_step()) }
    }

    pub(super) fn jail_fail(name: impl Into<String>, detail: impl Into<String>, mend: &str) -> Self {
        Self { result: Verdict::Fail(Exit::JailMissing), ..Self::fail(name, detail, Some(mend)) }
    }

    /// The mend names settings by where their values come from.
    pub(super) fn name_origins(&mut self, in_force: &[Setting]) {
        self.mend = self.mend.take().map(|mend| name_origins(&mend, in_force));
    }

    /// Says to which of several things the line belongs.
    pub(super) fn within(self, whole: &str) -> Self {
        Self { name: format!("{whole}: {}", self.name), ..self }
    }

    pub(super) fn is_no_failure(&self) -> bool {
        !matches!(self.result, Verdict::Fail(_))
    }

    fn word(&self) -> &'static str {
        match self.result {
            Verdict::Pass => "pass",
            Verdict::Note => "note",
            Verdict::Fail(_) => "FAIL",
        }
    }

    fn to_json(&self) -> Value {
        let result = self.word().to_ascii_lowercase();
        json!({"name": self.name, "result": result, "detail": self.detail, "mend": self.mend})
    }
}

/// The answer of `filmgate check`.
pub(super) struct Report {
    pub(super) storage: String,
    pub(super) reason: String,
    pub(super) lines: Vec<Line>,
    pub(super) settings: Vec<Setting>,
}

impl Report {
    /// Storage that is away weighs more than a line that failed.
    pub(super) fn exit(&self) -> Exit {
        let fails = self.lines.iter().filter_map(|line| match line.result {
            Verdict::Fail(exit) => Some(exit),
            Verdict::Pass | Verdict::Note => None,
        });
        fails.min_by_key(|exit| exit.code()).unwrap_or(Exit::Done)
    }

    pub(super) fn print(&self, as_json: bool) -> Result<(), AnswerLost> {
        if as_json {
            return print_json(&self.to_json());
        }
        self.print_settings()?;
        self.print_lines()
    }

    fn to_json(&self) -> Value {
        let settings = self
            .settings
            .iter()
            .map(|setting| json!({"key": setting.key, "value": setting.value, "origin": setting.origin.to_string()}));
        json!({
            "ok": self.exit() == Exit::Done,
            "storage": self.storage,
            "reason": self.reason,
            "lines": self.lines.iter().map(Line::to_json).collect::<Vec<_>>(),
            "settings": settings.collect::<Vec<_>>(),
        })
    }

    fn print_settings(&self) -> Result<(), AnswerLost> {
        let key_width = self.settings.iter().map(|setting| setting.key.len()).max().unwrap_or_default();
        let value_width =
            self.settings.iter().map(|setting| setting.value.chars().count()).filter(|width| *width <= 44);
        let value_width = value_width.max().unwrap_or_default();
        for setting in &self.settings {
            let value = printable(&setting.value);
            let origin = match &setting.origin {
                Origin::Default => "default".to_owned(),
                origin => format!("from {origin}"),
            };
            print_line(&format!("{:key_width$}  {value:value_width$}  {origin}", setting.key))?;
        }
        Ok(())
    }

    fn print_lines(&self) -> Result<(), AnswerLost> {
        print_line(&format!("\nstorage: {} ({})\n", printable(&self.storage), printable(&self.reason)))?;
        let width = self.lines.iter().map(|line| line.name.chars().count()).max().unwrap_or_default();
        for line in &self.lines {
            print_line(&format!("{}  {:width$}  {}", line.word(), line.name, printable(&line.detail)))?;
            if let Some(mend) = &line.mend {
                print_line(&format!("      {:width$}  → {}", "", printable(mend)))?;
            }
        }
        let failed = self.lines.iter().filter(|line| matches!(line.result, Verdict::Fail(_))).count();
        let verdict = match failed {
            0 => "everything passed".to_owned(),
            1 => "1 line failed".to_owned(),
            _ => format!("{failed} lines failed"),
        };
        print_line(&format!("\n{verdict}"))
    }
}
