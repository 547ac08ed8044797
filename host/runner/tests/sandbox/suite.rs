// Included by `sandbox` and by `jailed`, which run it in their two ways.

mod artifact;
mod cancel;
mod limits;
mod link;
mod log;
mod outbox;
mod plugins;
mod probe;
mod progress;
mod store_video;
mod support;
mod surroundings;
mod text;
