//! From parameters to a finished video.

mod direct;
mod error;
mod story;

pub use error::Error;

use crate::canvas::{Canvas, Frame};
use crate::music;
use crate::params::{Music, Params, Quality};
use crate::scene::Scene;
use crate::text::Fonts;
use crate::timeline::Timeline;
use direct::draw_frame;
use filmgate_media::VideoWriter;
use serde::Serialize;
use std::io::Write;
use std::sync::Arc;
use vello_cpu::Pixmap;

/// A photo with its file's bytes.
pub struct Input {
    /// Name of the file, for messages.
    pub name: String,
    /// The whole file.
    pub bytes: Vec<u8>,
    /// Text to show on it; may be empty.
    pub caption: String,
}

/// A video ready to be rendered: every scene is laid out, nothing is drawn yet.
pub struct Recap {
    width: u16,
    height: u16,
    fps: u32,
    frames: u32,
    quality: Quality,
    music: Music,
    theme: crate::theme::Theme,
    fonts: Arc<Fonts>,
    scenes: Vec<Box<dyn Scene>>,
    timeline: Timeline,
}

/// What was made, as the caller sees it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Seconds.
    pub duration: f64,
    /// Pixels in a row.
    pub width: u16,
    /// Rows.
    pub height: u16,
    /// Frames a second.
    pub fps: u32,
    /// Frames in the video.
    pub frames: u32,
    /// Whether there is an audio track.
    pub audio: bool,
    /// The scenes in order.
    pub scenes: Vec<SceneSummary>,
}

/// A scene's place.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SceneSummary {
    /// What it shows.
    pub name: &'static str,
    /// Seconds from the start of the video.
    pub start: f64,
}

impl Recap {
    /// Lays out the video. `period` (year and month) wins over the one in the parameters.
    ///
    /// Fails if a photo cannot be decoded. Parameters were checked when they were read.
    pub fn new(params: &Params, period: Option<(u16, u8)>, photos: &[Input]) -> Result<Recap, Error> {
        let (width, height) = params.dimensions();
        let fonts = Arc::new(Fonts::new());
        let accent = params.accent.as_deref().and_then(crate::params::parse_colour);
        let theme = crate::theme::Theme::new(params.theme, accent);
        let story = story::write(params, period, photos, Frame::new(width, height), &fonts, &theme)?;
        let frames = params.frames();
        let timeline = Timeline::new(frames, &story.weights, params.fps * 7 / 10);
        Ok(Recap {
            width,
            height,
            fps: params.fps,
            frames,
            quality: params.quality,
            music: params.music,
            theme,
            fonts,
            scenes: story.scenes,
            timeline,
        })
    }

    /// Facts about the video.
    pub fn summary(&self) -> Summary {
        let seconds = |frame: u32| f64::from(frame) / f64::from(self.fps);
        let scenes = self.scenes.iter().zip(&self.timeline.slots);
        Summary {
            duration: seconds(self.frames),
            width: self.width,
            height: self.height,
            fps: self.fps,
            frames: self.frames,
            audio: self.music != Music::None,
            scenes: scenes
                .map(|(scene, slot)| SceneSummary { name: scene.name(), start: seconds(slot.start) })
                .collect(),
        }
    }

    /// Draws one frame, RGBA without padding. Any frame, in any order.
    pub fn picture(&self, frame: u32) -> Vec<u8> {
        let mut canvas = self.canvas();
        let mut pixmap = Pixmap::new(self.width, self.height);
        self.draw(&mut canvas, frame, &mut pixmap);
        pixmap.data_as_u8_slice().to_vec()
    }

    /// Draws and encodes everything, writes the MP4 to `file` and answers its size in bytes.
    ///
    /// `report` hears the share of the work that is done, 0 to 1, and what is being done; when it answers `false` rendering stops with
    /// [`Error::Cancelled`]. It is asked before each frame.
    pub fn render(&self, file: impl Write, mut report: impl FnMut(f32, &str) -> bool) -> Result<u64, Error> {
        let mut proceed = |share: f64, stage: &str| {
            #[expect(clippy::cast_possible_truncation, reason = "a share for a progress bar")]
            let share = share as f32;
            if report(share, stage) { Ok(()) } else { Err(Error::Cancelled) }
        };
        let quantizer = match self.quality {
            Quality::Draft => 30,
            Quality::Standard => 20,
            Quality::High => 16,
        };
        let (width, height) = (u32::from(self.width), u32::from(self.height));
        let mut video = VideoWriter::builder(width, height, self.fps).quantizer(quantizer).build()?;
        proceed(0.0, "compose music")?;
        let samples = u64::from(self.frames) * u64::from(music::SAMPLE_RATE) / u64::from(self.fps);
        video.audio(&music::compose(self.music, u32::try_from(samples).unwrap_or(u32::MAX)))?;

        let mut canvas = self.canvas();
        let mut pixmap = Pixmap::new(self.width, self.height);
        for frame in 0..self.frames {
            let stage = self.scenes[self.timeline.at(frame).scene].name();
            proceed(0.04 + 0.93 * f64::from(frame) / f64::from(self.frames), &format!("render {stage}"))?;
            self.draw(&mut canvas, frame, &mut pixmap);
            // Where a transition has ended the new scene's still parts are coded afresh, and players can seek to it.
            if self.timeline.slots.iter().any(|slot| slot.end == frame) {
                video.request_keyframe();
            }
            video.frame(pixmap.data_as_u8_slice())?;
        }
        proceed(0.97, "write video")?;
        Ok(video.finish_into(file)?)
    }

    /// A JPEG of the same size as the video.
    pub fn thumbnail(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let encoder = jpeg_encoder::Encoder::new(&mut bytes, 88);
        let picture = self.picture(self.thumbnail_frame());
        encoder.encode(&picture, self.width, self.height, jpeg_encoder::ColorType::Rgba)?;
        Ok(bytes)
    }

    /// The title when everything on it has appeared and nothing has left.
    fn thumbnail_frame(&self) -> u32 {
        let next = self.timeline.slots.get(1).map_or(self.frames, |next| next.start);
        next.saturating_sub(2)
    }

    fn canvas(&self) -> Canvas {
        Canvas::new(self.width, self.height, Arc::clone(&self.fonts))
    }

    fn draw(&self, canvas: &mut Canvas, frame: u32, target: &mut Pixmap) {
        draw_frame(canvas, &self.scenes, &self.timeline, &self.theme, frame, self.fps);
        canvas.finish(target);
    }
}
