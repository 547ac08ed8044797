//! Text: one embedded variable font, shaped with kerning and accents, wrapped and fitted.

mod fit;

pub(crate) use fit::{Block, fit};

use harfrust::{Feature, FontRef, ShapeOptions, ShaperData, ShaperInstance, Tag, UnicodeBuffer};
use std::sync::Arc;
use vello_cpu::Glyph;
use vello_cpu::peniko::{Blob, FontData};

/// Inter, a subset; see `assets/README.md`.
static FONT: &[u8] = include_bytes!("../assets/Inter.ttf");

/// Height of capital letters as a share of the font size.
pub(crate) const CAP_HEIGHT: f64 = 0.727;

/// How a line is set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    /// Pixels.
    pub(crate) size: f64,
    /// 100 (thin) to 900 (black).
    pub(crate) weight: u16,
    /// Extra space between letters as a share of the size.
    pub(crate) tracking: f64,
    /// Digits all of one width, so that a counting number does not jitter.
    pub(crate) tabular: bool,
}

impl Style {
    pub(crate) fn new(size: f64, weight: u16) -> Style {
        // Large heavy type wants to be tighter.
        let tracking = if size >= 60.0 && weight >= 600 { -0.022 } else { 0.0 };
        Style { size, weight, tracking, tabular: false }
    }

    pub(crate) fn tracking(self, tracking: f64) -> Style {
        Style { tracking, ..self }
    }

    pub(crate) fn tabular(self) -> Style {
        Style { tabular: true, ..self }
    }

    pub(crate) fn sized(self, size: f64) -> Style {
        Style { size, ..self }
    }
}

/// A shaped line, ready to draw.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) glyphs: Vec<Glyph>,
    /// Pixels from the start of the first to the end of the last letter.
    pub(crate) width: f64,
    pub(crate) size: f64,
    /// Position on the font's axes.
    pub(crate) coordinates: Vec<i16>,
}

/// The embedded font.
pub(crate) struct Fonts {
    pub(crate) data: FontData,
    font: FontRef<'static>,
    shaper: ShaperData,
}

impl Fonts {
    pub(crate) fn new() -> Fonts {
        #[expect(clippy::expect_used, reason = "the bytes are part of the program; every test reads them")]
        let font = FontRef::new(FONT).expect("read the embedded font");
        let shaper = ShaperData::new(&font);
        Fonts { data: FontData::new(Blob::new(Arc::new(FONT)), 0), font, shaper }
    }

    /// Shapes one line.
    #[expect(clippy::cast_possible_truncation, reason = "positions on screen need no more digits than f32 has")]
    pub(crate) fn line(&self, text: &str, style: Style) -> Line {
        let optical = style.size.clamp(14.0, 32.0) as f32;
        let axes = [("opsz", optical), ("wght", f32::from(style.weight))];
        let instance = ShaperInstance::from_variations(&self.font, axes);
        let shaper = self.shaper.shaper(&self.font).instance(Some(&instance)).build();
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(text);
        buffer.guess_segment_properties();
        let features = [Feature::new(Tag::new(b"tnum"), u32::from(style.tabular), ..)];
        let shaped = shaper.shape(buffer, ShapeOptions::new().features(&features));

        let scale = style.size / f64::from(shaper.units_per_em());
        let space = style.tracking * style.size;
        let mut pen = 0.0;
        let mut glyphs = Vec::with_capacity(shaped.len());
        for (info, position) in shaped.glyph_infos().iter().zip(shaped.glyph_positions()) {
            let x = pen + f64::from(position.x_offset) * scale;
            let y = -f64::from(position.y_offset) * scale;
            glyphs.push(Glyph { id: info.glyph_id, x: x as f32, y: y as f32 });
            pen += f64::from(position.x_advance) * scale;
            // Combining marks have no advance and take no extra space.
            if position.x_advance != 0 {
                pen += space;
            }
        }
        let width = if glyphs.is_empty() { 0.0 } else { pen - space };
        let coordinates = shaper.coords().iter().map(|coordinate| coordinate.to_bits()).collect();
        Line { glyphs, width, size: style.size, coordinates }
    }

    /// The first character that the font cannot show.
    pub(crate) fn missing(&self, text: &str) -> Option<char> {
        let style = Style::new(20.0, 400);
        text.chars().find(|character| {
            let mut utf8 = [0; 4];
            self.line(character.encode_utf8(&mut utf8), style).glyphs.iter().any(|glyph| glyph.id == 0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Fonts, Style};

    #[test]
    fn pairs_are_kerned() {
        let fonts = Fonts::new();
        let style = Style::new(50.0, 400);
        let apart = fonts.line("A", style).width + fonts.line("V", style).width;
        assert!(fonts.line("AV", style).width < apart - 1.0);
    }

    #[test]
    fn accents_written_either_way_look_the_same() {
        let fonts = Fonts::new();
        let style = Style::new(50.0, 700);
        for (composed, decomposed) in [("é", "e\u{301}"), ("ñ", "n\u{303}"), ("ş", "s\u{327}"), ("Ü", "U\u{308}")] {
            let (one, two) = (fonts.line(composed, style), fonts.line(decomposed, style));
            assert!((one.width - two.width).abs() < 0.01, "{composed}");
            assert!(fonts.missing(composed).is_none() && one.glyphs[0].id != 0);
        }
    }

    #[test]
    fn counting_digits_have_one_width() {
        let fonts = Fonts::new();
        let style = Style::new(50.0, 700);
        assert!((fonts.line("111", style).width - fonts.line("888", style).width).abs() > 1.0);
        let style = style.tabular();
        assert!((fonts.line("111", style).width - fonts.line("888", style).width).abs() < 0.01);
    }

    #[test]
    fn characters_without_a_glyph_are_found() {
        let fonts = Fonts::new();
        assert_eq!(fonts.missing("Ça va: 12 €, Žluťoučký, İstanbul, Αθήνα, Київ"), None);
        assert_eq!(fonts.missing("Hello 世界"), Some('世'));
    }
}
