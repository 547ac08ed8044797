//! Signing a body that is not in memory, by the hash that was computed while it was read.

use aws_runtime::auth::PayloadSigningOverride;
use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;

use super::Inner;
use super::content::Content;

/// Puts a body's SHA-256 into the signature.
#[derive(Debug)]
pub(super) struct BodyHash(String);

impl Intercept for BodyHash {
    fn name(&self) -> &'static str {
        "BodyHash"
    }

    fn modify_before_signing(
        &self,
        _context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        config.interceptor_state().store_put(PayloadSigningOverride::Precomputed(self.0.clone()));
        Ok(())
    }
}

impl Inner {
    /// What signs this body; none where bodies go unsigned.
    pub(super) fn signing(&self, content: &Content) -> Option<BodyHash> {
        content.sha256.clone().filter(|_| !self.settings.leaves_body_unsigned()).map(BodyHash)
    }
}
