//! The last card.

use super::{Clock, Scene};
use crate::backdrop::closing_backdrop;
use crate::canvas::{Align, Canvas, Frame};
use crate::ease;
use crate::text::{Block, Fonts, Style, fit};
use crate::theme::Theme;
use std::sync::Arc;
use vello_cpu::Pixmap;
use vello_cpu::kurbo::{Affine, Point};
use vello_cpu::peniko::ImageQuality;

pub(crate) struct ClosingScene {
    backdrop: Arc<Pixmap>,
    theme: Theme,
    text: Block,
    brand: Block,
}

impl ClosingScene {
    pub(crate) fn new(frame: Frame, fonts: &Fonts, theme: &Theme, text: &str, brand: &str) -> ClosingScene {
        let column = (frame.width - 2.0 * frame.margin).min(1_000.0 * frame.unit);
        ClosingScene {
            backdrop: closing_backdrop(frame, theme),
            theme: theme.clone(),
            text: fit(fonts, text, Style::new(92.0 * frame.unit, 800), column, 3, 34.0 * frame.unit),
            brand: fit(fonts, brand, Style::new(30.0 * frame.unit, 600), column, 1, 16.0 * frame.unit),
        }
    }
}

impl Scene for ClosingScene {
    fn name(&self) -> &'static str {
        "closing"
    }

    fn draw(&self, canvas: &mut Canvas, clock: Clock) {
        let now = clock.entrance();
        let Frame { width, height, unit, .. } = canvas.frame;
        let ink = self.theme.on_closing;
        canvas.fill_image(&self.backdrop, Affine::IDENTITY, ImageQuality::Low);

        // Rings that open around the text.
        for (index, radius) in [0.34, 0.52, 0.72].into_iter().enumerate() {
            #[expect(clippy::cast_precision_loss, reason = "three rings")]
            let delay = index as f64 * 0.12;
            let grown = ease::out(ease::span(now, 0.1 + delay, 1.6));
            let radius = radius * width.max(height) * ease::mix(0.55, 1.0, grown);
            canvas.faded(grown, |canvas| {
                canvas.fill_circle(Point::new(width * 0.5, height * 0.5), radius, ink.with_alpha(0.035));
            });
        }

        let gap = if self.brand.lines.is_empty() { 0.0 } else { 60.0 * unit };
        let total = self.text.height() + gap + self.brand.height();
        let top = (height - total) / 2.0;
        canvas.block(&self.text, width / 2.0, top, Align::Centre, ink, |line| {
            #[expect(clippy::cast_precision_loss, reason = "three lines")]
            let delay = line as f64 * 0.12;
            ease::out(ease::span(now, 0.3 + delay, 0.8))
        });
        let brand_top = top + self.text.height() + gap;
        canvas.block(&self.brand, width / 2.0, brand_top, Align::Centre, ink.with_alpha(0.85), |_| {
            ease::out(ease::span(now, 0.75, 0.8))
        });
    }
}
