//! The scenes, each in its file.

mod artwork;
mod calendar;
mod chart;
mod closing;
mod numbers;
mod photo;
mod title;

pub(crate) use artwork::ArtworkScene;
pub(crate) use chart::{ChartScene, ChartTexts};
pub(crate) use closing::ClosingScene;
pub(crate) use numbers::{NumbersScene, StatText};
pub(crate) use photo::{PhotoScene, ZOOM as PHOTO_ZOOM};
pub(crate) use title::{TitleScene, TitleTexts};

use crate::canvas::Canvas;

/// A part of the video.
pub(crate) trait Scene {
    /// Name for the summary and for progress.
    fn name(&self) -> &'static str;

    /// Draws the whole frame as it is `clock.now` seconds into the scene.
    fn draw(&self, canvas: &mut Canvas, clock: Clock);
}

/// A scene's own time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    /// Seconds since the scene began.
    pub(crate) now: f64,
    /// Seconds the scene lasts.
    pub(crate) length: f64,
    /// Seconds at the start in which the scene is still coming in: nothing appears on it before.
    pub(crate) lead: f64,
}

impl Clock {
    /// Seconds for things that appear: they take their time, but in a short scene they are quicker, so that everything is there well before
    /// the end.
    pub(crate) fn entrance(self) -> f64 {
        ((self.now - self.lead) / (self.length / 2.8).clamp(0.35, 1.0)).max(0.0)
    }

    /// Share of the scene that has passed, 0 to 1.
    pub(crate) fn share(self) -> f64 {
        (self.now / self.length).clamp(0.0, 1.0)
    }
}
