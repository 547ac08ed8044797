//! Parts of `e2e` once more with plugins that run in this process: what they must not do is refused there, too, and jobs
//! end the same. What lies behind the runner, publishing and storage, is not repeated.

#[path = "e2e/claims.rs"]
mod claims;
#[path = "e2e/endings.rs"]
mod endings;
#[path = "e2e/slots.rs"]
mod slots;
#[allow(dead_code, reason = "not every helper is needed by these parts")]
#[path = "e2e/support.rs"]
mod support;
