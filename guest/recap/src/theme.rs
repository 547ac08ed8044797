//! Colours: the named palettes and a custom accent.

use serde::Deserialize;
use vello_cpu::color::{AlphaColor, Hsl, Srgb};

/// A colour with transparency, in sRGB.
pub(crate) type Colour = AlphaColor<Srgb>;

/// A named palette.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum ThemeName {
    /// Dark blue with violet and turquoise.
    #[default]
    Midnight,
    /// Dark red with orange and gold.
    Ember,
    /// Dark green with mint and lime.
    Forest,
    /// Warm white with vermilion.
    Paper,
    /// Light blue with strong blue.
    Sky,
    /// Near black with white.
    Mono,
}

/// The colours of a video.
#[derive(Debug, Clone)]
pub(crate) struct Theme {
    /// Background, top and bottom.
    pub(crate) background: [Colour; 2],
    /// Fill of cards, partly transparent.
    pub(crate) surface: Colour,
    pub(crate) text: Colour,
    /// Less important text.
    pub(crate) muted: Colour,
    pub(crate) accent: Colour,
    pub(crate) accent_2: Colour,
    /// Background of the closing card, top left and bottom right.
    pub(crate) closing: [Colour; 2],
    /// Text on the closing card.
    pub(crate) on_closing: Colour,
    pub(crate) is_light: bool,
}

/// Contrast that large text and graphics need (WCAG 2.2, 1.4.3 and 1.4.11).
const CONTRAST_GRAPHIC: f32 = 3.0;
/// Contrast of the closing card before its rings of light are laid over it: more than the 4.5 that text needs.
const CONTRAST_CLOSING: f32 = 5.6;

impl Theme {
    pub(crate) fn new(name: ThemeName, accent: Option<[u8; 3]>) -> Theme {
        // Background top and bottom, text, muted text, accent, second accent.
        let [top, bottom, text, muted, named_accent, named_accent_2] = match name {
            ThemeName::Midnight => [0x0a_0e24, 0x1c_1647, 0xf6_f6ff, 0xb3_b7dc, 0x8f_7dff, 0x3f_e0d0],
            ThemeName::Ember => [0x1a_0a10, 0x42_1520, 0xff_f6f0, 0xdc_b6ac, 0xff_7847, 0xff_c857],
            ThemeName::Forest => [0x06_1814, 0x0f_362b, 0xf2_fbf5, 0xa6_cbbb, 0x4f_dd96, 0xd3_f06a],
            ThemeName::Paper => [0xfd_faf4, 0xf0_e6d6, 0x1c_1a22, 0x67_6070, 0xdb_4c24, 0xe8_9a2f],
            ThemeName::Sky => [0xf6_faff, 0xd6_e5ff, 0x0c_1a3d, 0x4e_5d85, 0x2b_66f6, 0x0f_a5bd],
            ThemeName::Mono => [0x0c_0c0e, 0x1e_1e23, 0xfa_fafa, 0xa9_a9b3, 0xff_ffff, 0x8d_8d99],
        }
        .map(colour);
        let is_light = luminance(top) > 0.5;
        let (accent, accent_2) = match accent {
            None => (named_accent, named_accent_2),
            Some([r, g, b]) => {
                let accent = Colour::from_rgb8(r, g, b);
                (accent, turn_hue(accent, 42.0))
            }
        };
        let accent = readable(accent, bottom, CONTRAST_GRAPHIC);
        let accent_2 = readable(accent_2, bottom, CONTRAST_GRAPHIC);
        let closing = match name {
            ThemeName::Mono => [colour(0xfa_fafa), colour(0xc9_c9d2)],
            _ => [mix(accent, colour(0), 0.22), mix(neighbour_hue(accent), colour(0), 0.30)],
        };
        let on_closing = if name == ThemeName::Mono { colour(0x14_1418) } else { colour(0xff_ffff) };
        // Accents are chosen against the background: here they move away from the text until it can be read.
        let closing = closing.map(|side| readable(side, on_closing, CONTRAST_CLOSING));
        let surface = if is_light { colour(0xff_ffff).with_alpha(0.78) } else { colour(0xff_ffff).with_alpha(0.07) };
        Theme { background: [top, bottom], surface, text, muted, accent, accent_2, closing, on_closing, is_light }
    }
}

/// A colour from 0xRRGGBB.
pub(crate) fn colour(rgb: u32) -> Colour {
    let [_, r, g, b] = rgb.to_be_bytes();
    Colour::from_rgb8(r, g, b)
}

/// `share` of `b` and the rest of `a`.
pub(crate) fn mix(a: Colour, b: Colour, share: f32) -> Colour {
    a.lerp_rect(b, share)
}

/// A hue a little further on: towards red for warm colours, towards blue for green ones, towards green for blue ones.
fn neighbour_hue(colour: Colour) -> Colour {
    let hue = colour.convert::<Hsl>().components[0];
    turn_hue(colour, if (80.0..200.0).contains(&hue) { 30.0 } else { -30.0 })
}

fn turn_hue(colour: Colour, degrees: f32) -> Colour {
    let hsl = colour.convert::<Hsl>();
    let [hue, saturation, lightness, alpha] = hsl.components;
    AlphaColor::<Hsl>::new([(hue + degrees).rem_euclid(360.0), saturation, lightness, alpha]).convert()
}

/// The colour, made lighter or darker in small steps until it stands out from `background`.
fn readable(colour: Colour, background: Colour, wanted: f32) -> Colour {
    let goal = if luminance(background) > 0.35 { Colour::BLACK } else { Colour::WHITE };
    let step = |step: u8| mix(colour, goal, f32::from(step) / 20.0);
    (0..=20).map(step).find(|candidate| contrast(*candidate, background) >= wanted).unwrap_or(goal)
}

/// Contrast ratio of WCAG 2.2, 1 to 21.
fn contrast(a: Colour, b: Colour) -> f32 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// Relative luminance of WCAG 2.2, 0 to 1.
fn luminance(colour: Colour) -> f32 {
    let linear = |channel: f32| {
        if channel <= 0.04045 { channel / 12.92 } else { ((channel + 0.055) / 1.055).powf(2.4) }
    };
    let [r, g, b, _] = colour.components;
    0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
}

#[cfg(test)]
mod tests {
    use super::{CONTRAST_CLOSING, CONTRAST_GRAPHIC, Colour, Theme, ThemeName, contrast};

    const NAMES: [ThemeName; 6] =
        [ThemeName::Midnight, ThemeName::Ember, ThemeName::Forest, ThemeName::Paper, ThemeName::Sky, ThemeName::Mono];

    fn worst_contrast(text: Colour, backgrounds: [Colour; 2]) -> f32 {
        backgrounds.into_iter().map(|background| contrast(text, background)).fold(f32::INFINITY, f32::min)
    }

    #[test]
    fn text_can_be_read_in_every_theme_with_any_accent() {
        let accents = [None, Some([0, 0, 0]), Some([255, 255, 255]), Some([255, 235, 0]), Some([128, 128, 128])];
        for name in NAMES {
            for accent in accents {
                let theme = Theme::new(name, accent);
                assert!(worst_contrast(theme.text, theme.background) >= 7.0, "{name:?} text");
                assert!(worst_contrast(theme.muted, theme.background) >= 4.5, "{name:?} muted");
                assert!(contrast(theme.accent, theme.background[1]) >= CONTRAST_GRAPHIC, "{name:?} {accent:?} accent");
                let closing = worst_contrast(theme.on_closing, theme.closing);
                assert!(closing >= CONTRAST_CLOSING, "{name:?} {accent:?} closing {closing}");
            }
        }
    }
}
