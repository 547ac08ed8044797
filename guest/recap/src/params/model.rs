use crate::theme::ThemeName;
use serde::Deserialize;

/// Every parameter; `params.schema.json` describes them one by one.
#[expect(missing_docs, reason = "the schema is the description, and a test holds the two together")]
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    pub size: Size,
    pub width: Option<u16>,
    pub height: Option<u16>,
    pub fps: u32,
    pub duration: f64,
    pub quality: Quality,
    pub theme: ThemeName,
    pub accent: Option<String>,
    pub language: Language,
    pub period: Option<String>,
    pub brand: String,
    pub title: Option<String>,
    pub headline: Option<String>,
    pub closing: Option<String>,
    pub stats_title: Option<String>,
    pub stats: Option<Vec<Stat>>,
    pub chart: Option<Chart>,
    pub photos: Option<Vec<Photo>>,
    pub caption: Option<String>,
    pub music: Music,
}

impl Default for Params {
    fn default() -> Params {
        Params {
            size: Size::default(),
            width: None,
            height: None,
            fps: 30,
            duration: 12.0,
            quality: Quality::default(),
            theme: ThemeName::default(),
            accent: None,
            language: Language::default(),
            period: None,
            brand: String::new(),
            title: None,
            headline: None,
            closing: None,
            stats_title: None,
            stats: None,
            chart: None,
            photos: None,
            caption: None,
            music: Music::default(),
        }
    }
}

impl Params {
    /// Width and height of the video in pixels.
    pub fn dimensions(&self) -> (u16, u16) {
        match (self.width, self.height) {
            (Some(width), Some(height)) => (width, height),
            _ => self.size.dimensions(),
        }
    }

    /// Frames of the video.
    pub fn frames(&self) -> u32 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 60 seconds of 60 frames")]
        let frames = (self.duration * f64::from(self.fps)).round() as u32;
        frames
    }
}

/// Picture sizes by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
pub enum Size {
    /// 854×480.
    #[serde(rename = "480p")]
    P480,
    /// 1280×720.
    #[default]
    #[serde(rename = "720p")]
    P720,
    /// 1920×1080.
    #[serde(rename = "1080p")]
    P1080,
    /// 1080×1080.
    #[serde(rename = "square")]
    Square,
    /// 720×1280.
    #[serde(rename = "portrait")]
    Portrait,
    /// 1080×1920.
    #[serde(rename = "story")]
    Story,
}

impl Size {
    /// Width and height in pixels.
    pub fn dimensions(self) -> (u16, u16) {
        match self {
            Size::P480 => (854, 480),
            Size::P720 => (1280, 720),
            Size::P1080 => (1920, 1080),
            Size::Square => (1080, 1080),
            Size::Portrait => (720, 1280),
            Size::Story => (1080, 1920),
        }
    }
}

/// How fine the pictures are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Quality {
    /// Small and rough.
    Draft,
    /// For publishing.
    #[default]
    Standard,
    /// For large screens.
    High,
}

/// Languages that the built-in texts exist in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "ISO 639-1 codes")]
pub enum Language {
    #[default]
    En,
    De,
    Es,
    Fr,
    It,
    Nl,
    Pt,
    Tr,
}

/// The sound track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Music {
    /// Slow and warm.
    #[default]
    Calm,
    /// Faster and higher.
    Bright,
    /// No audio track.
    None,
}

/// A number that counts up.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stat {
    /// What is counted.
    pub label: String,
    /// The number.
    pub value: f64,
    /// Shown after the number.
    #[serde(default)]
    pub unit: String,
    /// Digits after the decimal sign.
    #[serde(default)]
    pub decimals: Option<u8>,
}

/// A series to draw.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chart {
    /// Heading.
    #[serde(default)]
    pub title: Option<String>,
    /// How it is drawn.
    #[serde(default)]
    pub kind: ChartKind,
    /// Shown after the largest value.
    #[serde(default)]
    pub unit: String,
    /// The series.
    pub values: Vec<f64>,
    /// One for each value, or none.
    #[serde(default)]
    pub labels: Vec<String>,
}

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum ChartKind {
    /// One bar for each value.
    #[default]
    Bars,
    /// A curve with the area under it.
    Area,
}

/// An input to show.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Photo {
    /// Name of the input.
    pub file: String,
    /// Text on the photo.
    #[serde(default)]
    pub caption: String,
}
