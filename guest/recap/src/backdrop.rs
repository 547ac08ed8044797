//! The still background of a scene: a gradient with two soft lights, drawn once.

use crate::canvas::Frame;
use crate::theme::{Colour, Theme};
use std::sync::Arc;
use vello_cpu::Pixmap;

/// A soft round light.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Light {
    /// Centre as a share of width and height.
    pub(crate) centre: (f32, f32),
    /// Radius as a share of the longer side.
    pub(crate) radius: f32,
    pub(crate) colour: Colour,
    /// Share of the light's colour in its centre.
    pub(crate) strength: f32,
}

/// The theme's background with lights in its accent colours.
pub(crate) fn backdrop(frame: Frame, theme: &Theme, centres: [(f32, f32); 2]) -> Arc<Pixmap> {
    let strength = if theme.is_light { 0.16 } else { 0.30 };
    let lights = [
        Light { centre: centres[0], radius: 0.62, colour: theme.accent, strength },
        Light { centre: centres[1], radius: 0.50, colour: theme.accent_2, strength: strength * 0.55 },
    ];
    paint(frame, theme.background, (0.25, 1.0), &lights)
}

/// The background of the closing card.
pub(crate) fn closing_backdrop(frame: Frame, theme: &Theme) -> Arc<Pixmap> {
    paint(frame, theme.closing, (1.0, 0.8), &[])
}

/// Fills a picture with a gradient along `direction` and lights on it.
///
/// The last half step of each channel is dithered: otherwise the steps of a slow gradient can be seen as bands.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "pixel positions and 8-bit channels"
)]
fn paint(frame: Frame, sides: [Colour; 2], direction: (f32, f32), lights: &[Light]) -> Arc<Pixmap> {
    let (width, height) = (frame.width as u16, frame.height as u16);
    let mut pixmap = Pixmap::new(width, height);
    let longer = f32::from(width.max(height));
    let scale = 1.0 / (direction.0 + direction.1);
    let mut noise = 0x9e37_79b9_u32;
    for (y, row) in pixmap.data_as_u8_slice_mut().chunks_exact_mut(usize::from(width) * 4).enumerate() {
        let v = y as f32 / f32::from(height);
        for (x, pixel) in row.chunks_exact_mut(4).enumerate() {
            let u = x as f32 / f32::from(width);
            let along = (u * direction.0 + v * direction.1) * scale;
            let mut colour = lerp(sides[0].components, sides[1].components, along);
            for light in lights {
                let dx = (u - light.centre.0) * f32::from(width) / longer;
                let dy = (v - light.centre.1) * f32::from(height) / longer;
                let distance = (dx * dx + dy * dy).sqrt() / light.radius;
                if distance < 1.0 {
                    let falloff = (1.0 - distance * distance).powi(2);
                    colour = lerp(colour, light.colour.components, light.strength * falloff);
                }
            }
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let dither = (noise >> 8) as f32 / 16_777_216.0;
            for channel in 0..3 {
                pixel[channel] = (colour[channel] * 255.0 + dither).clamp(0.0, 255.0) as u8;
            }
            pixel[3] = 255;
        }
    }
    pixmap.set_may_have_transparency(false);
    Arc::new(pixmap)
}

fn lerp(from: [f32; 4], to: [f32; 4], share: f32) -> [f32; 4] {
    [0, 1, 2, 3].map(|channel| from[channel] + (to[channel] - from[channel]) * share)
}
