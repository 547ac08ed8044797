//! The reference plugin: a monthly recap as an MP4 and a thumbnail.

mod backdrop;
mod canvas;
mod ease;
mod language;
mod music;
pub mod params;
pub mod photo;
mod plugin;
mod recap;
mod scene;
mod text;
mod theme;
mod timeline;

pub use plugin::render;
pub use recap::{Error, Input, Recap, SceneSummary, Summary};
pub use theme::ThemeName;
