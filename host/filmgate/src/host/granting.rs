//! What the host lets a plugin do, decided before it is compiled and again when a job of it is accepted.

use std::collections::BTreeSet;

use super::Parts;
use crate::job::JobRequest;
use crate::layout::Layout;
use crate::manifest::Manifest;
use crate::plugin::{Plugin, PluginDigest};
use crate::policy::{Allowance, Defaults, Grants};
use crate::report::JobFault;

impl Parts {
    fn defaults(&self) -> Defaults {
        let allowance = Allowance { budget: self.budget.clone(), published_bytes: self.published_bytes };
        Defaults { allowance, show_urls: self.plugins_see_urls }
    }

    /// What this host grants a component.
    pub(super) fn grant(&self, digest: PluginDigest, manifest: Option<&Manifest>) -> Result<Grants, JobFault> {
        Ok(self.policy.grant(&self.defaults(), digest, manifest)?)
    }

    /// What a job may do. Without a plugin the file is the operator's own, and so is the choice.
    ///
    /// Checked here because it is cheap, and everything later is not: parameters against the manifest's schema, and that
    /// the plugin may hand over the file the job is about.
    pub(super) fn grant_job(
        &self,
        plugin: Option<&Plugin>,
        request: &JobRequest,
        layout: &Layout,
    ) -> Result<Grants, JobFault> {
        let Some(plugin) = plugin else { return Ok(Grants::of(&self.defaults())) };
        let grants = self.grant(plugin.digest(), plugin.manifest())?;
        if let Some(schema) = plugin.manifest().and_then(Manifest::params) {
            schema.check(request.params()).map_err(|fault| JobFault::Invalid(fault.to_string()))?;
        }
        if let Some(kinds) = &grants.media {
            check_main_slot(kinds, layout)?;
        }
        Ok(grants)
    }
}

fn check_main_slot(kinds: &BTreeSet<crate::media::MediaKind>, layout: &Layout) -> Result<(), JobFault> {
    let rule = layout.slot(None).map_err(|error| JobFault::Invalid(error.to_string()))?;
    if rule.kinds().iter().any(|kind| kinds.contains(kind)) {
        return Ok(());
    }
    let list = |kinds: &mut dyn Iterator<Item = &'static str>| kinds.collect::<Vec<_>>().join(", ");
    let takes = list(&mut rule.kinds().iter().map(|kind| kind.name()));
    let may = list(&mut kinds.iter().map(|kind| kind.name()));
    let (layout, slot) = (layout.name(), rule.slot());
    Err(JobFault::Invalid(format!(
        "layout {layout}: its main slot {slot} takes {takes}, but the plugin hands over {may} only; choose another layout"
    )))
}
