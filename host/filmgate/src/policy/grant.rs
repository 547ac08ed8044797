use std::collections::BTreeSet;

use super::refusal::Refusing;
use super::{Allowance, Limit, Limits, NotGranted, PluginKey, PluginPolicy, PluginRule, Unlisted};
use crate::manifest::Manifest;
use crate::media::MediaKind;
use crate::plugin::PluginDigest;

/// What every plugin is granted that no rule says more about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defaults {
    /// What a job may use.
    pub allowance: Allowance,
    /// Whether `store-video` answers URLs.
    pub show_urls: bool,
}

/// What a job of one plugin may do: the smaller of what it asks for and what it is granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grants {
    /// What the job may use.
    pub allowance: Allowance,
    /// The kinds of file it may hand over, where its slot takes them; `None`: every kind.
    pub media: Option<BTreeSet<MediaKind>>,
    /// Whether `store-video` answers URLs to it.
    pub show_urls: bool,
    /// The rule that says so, where there is one.
    pub rule: Option<PluginKey>,
}

impl Grants {
    /// What holds where nobody asks for less and no rule says more.
    pub fn of(defaults: &Defaults) -> Self {
        Self { allowance: defaults.allowance.clone(), media: None, show_urls: defaults.show_urls, rule: None }
    }
}

impl PluginPolicy {
    /// What a component may do, or what it lacks: its manifest asks for more than it is granted, it is not the one that was
    /// pinned, or it is not listed where it must be. All that it lacks is told at once.
    pub fn grant(
        &self,
        defaults: &Defaults,
        digest: PluginDigest,
        manifest: Option<&Manifest>,
    ) -> Result<Grants, NotGranted> {
        let id = manifest.map(Manifest::id);
        let found = self.rule(digest, id);
        let nothing = PluginRule::default();
        let rule = found.map_or(&nothing, |(_, rule)| rule);
        let mut refusing = Refusing::new(digest, id, found);
        if found.is_none() && self.unlisted == Unlisted::Refuse {
            refusing.unlisted();
        }
        if let Some(pinned) = rule.digests.as_ref().filter(|pinned| !pinned.contains(&digest)) {
            refusing.other_digest(pinned);
        }
        let no_limits = Limits::default();
        let asked = manifest.map_or(&no_limits, Manifest::limits);
        let mut allowance = defaults.allowance.clone();
        for limit in Limit::ALL {
            let of_rule = rule.limits.as_ref().and_then(|limits| limits.get(limit));
            let granted = of_rule.unwrap_or_else(|| allowance.get(limit));
            let asked = asked.get(limit);
            if let Some(asked) = asked.filter(|asked| *asked > granted) {
                refusing.limit(limit, asked, granted);
            }
            allowance.set(limit, asked.map_or(granted, |asked| asked.min(granted)));
        }
        let asked = manifest.and_then(Manifest::media);
        if let (Some(asked), Some(granted)) = (asked, &rule.media)
            && !asked.is_subset(granted)
        {
            refusing.media(asked, granted);
        }
        let media = asked.or(rule.media.as_ref()).cloned();
        let show_urls = rule.show_urls.unwrap_or(defaults.show_urls);
        refusing.finish(Grants { allowance, media, show_urls, rule: found.map(|(key, _)| key.clone()) })
    }
}
