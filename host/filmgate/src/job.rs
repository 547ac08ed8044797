//! What a job is made of: ids, period, parameters, inputs.
//!
//! Every text from outside is parsed here once, into a type that cannot hold anything else. serde goes through the same
//! checks.

mod ids;
mod params;
mod period;
mod refs;
mod request;
mod text;
mod timestamp;

pub use ids::{IdempotencyKey, InputName, JobId, Sequence, Slot, UserId};
pub(crate) use ids::{made_at, short_word_fault};
pub use params::Params;
pub use period::Period;
pub use refs::{RefId, RefName, Refs};
pub use request::JobRequest;
pub(crate) use text::without_signatures;
pub use text::{InvalidValue, LineBuffer, is_steering, printable};
pub(crate) use text::{first_outside, parsed_text};
pub use timestamp::basic_timestamp;
