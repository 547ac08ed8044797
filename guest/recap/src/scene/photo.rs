//! A photo that fills the frame and slowly moves, with its caption.

use super::{Clock, Scene};
use crate::canvas::{Align, Canvas, Frame, gradient};
use crate::ease;
use crate::text::{Block, Fonts, Style, fit};
use crate::theme::{Theme, colour};
use std::sync::Arc;
use vello_cpu::Pixmap;
use vello_cpu::kurbo::{Affine, Rect, Shape};
use vello_cpu::peniko::ImageQuality;

/// How much larger than the frame the photo is at its closest.
pub(crate) const ZOOM: f64 = 1.12;

pub(crate) struct PhotoScene {
    image: Arc<Pixmap>,
    caption: Caption,
    /// Every second photo moves the other way.
    reverse: bool,
}

impl PhotoScene {
    pub(crate) fn new(
        frame: Frame,
        fonts: &Fonts,
        theme: &Theme,
        image: Arc<Pixmap>,
        caption: &str,
        reverse: bool,
    ) -> PhotoScene {
        PhotoScene { image, caption: Caption::new(frame, fonts, theme, caption), reverse }
    }
}

impl Scene for PhotoScene {
    fn name(&self) -> &'static str {
        "photo"
    }

    fn draw(&self, canvas: &mut Canvas, clock: Clock) {
        let share = if self.reverse { 1.0 - clock.share() } else { clock.share() };
        let size = (f64::from(self.image.width()), f64::from(self.image.height()));
        canvas.fill_image(&self.image, placement(canvas.frame, size, share), ImageQuality::Medium);
        self.caption.draw(canvas, clock);
    }
}

/// Where a photo of `size` lies when `share` of its scene has passed: it always covers the whole frame.
fn placement(frame: Frame, size: (f64, f64), share: f64) -> Affine {
    let cover = (frame.width / size.0).max(frame.height / size.1);
    let scale = cover * ease::mix(1.03, ZOOM, share);
    // From a little left of and above the middle to a little right and below.
    let (spare_x, spare_y) = (size.0 * scale - frame.width, size.1 * scale - frame.height);
    let x = -spare_x * ease::mix(0.35, 0.60, share);
    let y = -spare_y * ease::mix(0.42, 0.52, share);
    Affine::translate((x, y)) * Affine::scale(scale)
}

/// Text in the lower left on a darkened edge.
pub(super) struct Caption {
    text: Block,
    accent: crate::theme::Colour,
}

impl Caption {
    pub(super) fn new(frame: Frame, fonts: &Fonts, theme: &Theme, text: &str) -> Caption {
        let style = Style::new(48.0 * frame.unit, 700);
        let text = fit(fonts, text, style, frame.width - 2.0 * frame.margin - 30.0 * frame.unit, 2, 24.0 * frame.unit);
        Caption { text, accent: theme.accent_2 }
    }

    pub(super) fn draw(&self, canvas: &mut Canvas, clock: Clock) {
        if self.text.lines.is_empty() {
            return;
        }
        let Frame { width, height, unit, margin } = canvas.frame;
        let now = clock.entrance();
        let bottom = height - margin * if canvas.frame.is_tall() { 2.0 } else { 0.9 };
        let top = bottom - self.text.height();
        let shade = Rect::new(0.0, top - 170.0 * unit, width, height);
        let black = colour(0x05_050a);
        let stops = [(0.0, black.with_alpha(0.0)), (0.45, black.with_alpha(0.48)), (1.0, black.with_alpha(0.80))];
        canvas.fill_gradient(&shade.to_path(0.1), gradient((0.0, shade.y0), (0.0, shade.y1), &stops));

        let grown = ease::out(ease::span(now, 0.35, 0.7));
        let bar = Rect::new(margin, top, margin + 7.0 * unit, top + self.text.height() * grown);
        canvas.fill_rounded(bar, 3.5 * unit, self.accent);
        canvas.block(&self.text, margin + 30.0 * unit, top, Align::Left, colour(0xff_ffff), |line| {
            #[expect(clippy::cast_precision_loss, reason = "two lines")]
            let delay = line as f64 * 0.12;
            ease::out(ease::span(now, 0.45 + delay, 0.8))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::placement;
    use crate::canvas::Frame;
    use vello_cpu::kurbo::Rect;

    #[test]
    fn a_photo_of_any_shape_always_covers_the_frame() {
        for (width, height) in [(1280, 720), (720, 1280), (1080, 1080)] {
            let frame = Frame::new(width, height);
            for size in [(4_000.0, 3_000.0), (300.0, 2_000.0), (2_000.0, 300.0), (1.0, 1.0)] {
                for step in 0..=10 {
                    let image = Rect::new(0.0, 0.0, size.0, size.1);
                    let placed = placement(frame, size, f64::from(step) / 10.0).transform_rect_bbox(image);
                    assert!(
                        placed.inflate(1e-6, 1e-6).contains_rect(frame.rect()),
                        "{size:?} in {width}x{height}: {placed:?}"
                    );
                }
            }
        }
    }
}
