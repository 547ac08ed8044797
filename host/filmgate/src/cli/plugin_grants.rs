//! What a plugin may do, shown.

use filmgate::config::Config;
use filmgate::manifest::Manifest;
use filmgate::policy::{Allowance, Defaults, Grants, Limit, Limits, NotGranted};
use serde_json::{Map, Value, json};

/// What every plugin is granted by these settings.
pub(super) fn defaults(config: &Config) -> Defaults {
    let allowance = Allowance { budget: config.budget.clone(), published_bytes: config.published_bytes };
    Defaults { allowance, show_urls: config.plugins_see_urls }
}

/// The changes of the settings that would let a plugin run, for programs.
pub(super) fn edits_json(refusal: &NotGranted) -> Value {
    let edits = refusal.edits().iter();
    edits.map(|edit| json!({"table": edit.table, "is_there": edit.is_there, "lines": edit.lines})).collect()
}

/// What a plugin asks for and, where it may run, what it gets.
pub(super) struct Shown {
    asked: Limits,
    grants: Option<Grants>,
}

impl Shown {
    /// `grants` is absent where the plugin is refused.
    pub(super) fn new(manifest: Option<&Manifest>, grants: Option<Grants>) -> Self {
        Self { asked: manifest.map(|manifest| manifest.limits().clone()).unwrap_or_default(), grants }
    }

    /// Names and texts for a table. Of a plugin that is refused only what it asks for is shown.
    pub(super) fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = Vec::new();
        if let Some(grants) = &self.grants {
            let rule = grants.rule.as_ref().map_or("none of its own".to_owned(), |key| format!("plugins.\"{key}\""));
            lines.push(("rule", rule));
            let kinds = grants.media.as_ref().map(|kinds| kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>());
            lines.push(("media", kinds.map_or("every kind its slots take".to_owned(), |kinds| kinds.join(", "))));
            lines.push(("urls", if grants.show_urls { "shown to it" } else { "kept from it" }.to_owned()));
        }
        for limit in Limit::ALL {
            let gets = self.grants.as_ref().map(|grants| format!("gets {}", limit.show(grants.allowance.get(limit))));
            let asks = self.asked.get(limit).map(|value| format!("asks for {}", limit.show(value)));
            let parts: Vec<_> = gets.into_iter().chain(asks).collect();
            if !parts.is_empty() {
                lines.push(("limit", format!("{:16} {}", limit.key(), parts.join(", "))));
            }
        }
        lines
    }

    /// Limits in bytes, milliseconds or numbers.
    pub(super) fn to_json(&self) -> Value {
        let Some(grants) = &self.grants else { return Value::Null };
        let of = |limit: Limit| json!({"asked": self.asked.get(limit), "effective": grants.allowance.get(limit)});
        let limits: Map<_, _> = Limit::ALL.into_iter().map(|limit| (limit.key().to_owned(), of(limit))).collect();
        json!({
            "rule": grants.rule.as_ref().map(ToString::to_string),
            "media": grants.media,
            "show_urls": grants.show_urls,
            "limits": limits,
        })
    }
}
