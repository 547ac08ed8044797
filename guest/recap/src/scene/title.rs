//! The first card: the month, large, beside its days.

use super::calendar::{self, Month};
use super::{Clock, Scene};
use crate::backdrop::backdrop;
use crate::canvas::{Align, Canvas, Frame};
use crate::ease;
use crate::text::{Block, Fonts, Style, fit};
use crate::theme::Theme;
use std::sync::Arc;
use vello_cpu::Pixmap;
use vello_cpu::kurbo::{Point, Rect};

/// What the first card says. Empty texts are not shown.
pub(crate) struct TitleTexts {
    pub(crate) brand: String,
    pub(crate) title: String,
    pub(crate) year: String,
    pub(crate) headline: String,
    pub(crate) period: Option<(u16, u8)>,
}

pub(crate) struct TitleScene {
    backdrop: Arc<Pixmap>,
    theme: Theme,
    month: Month,
    brand: Block,
    title: Block,
    year: Block,
    headline: Block,
    text_left: f64,
    text_top: f64,
    brand_top: f64,
    days: Rect,
}

impl TitleScene {
    pub(crate) fn new(frame: Frame, fonts: &Fonts, theme: &Theme, texts: &TitleTexts) -> TitleScene {
        let Frame { width, height, unit, margin } = frame;
        let wide = frame.is_wide();
        let column = if wide { width * 0.56 - margin } else { width - 2.0 * margin };
        let title_size = if wide { 150.0 } else { 132.0 } * unit;
        let brand = fit(fonts, &texts.brand, Style::new(25.0 * unit, 650), column, 1, 14.0 * unit);
        let title = fit(fonts, &texts.title, Style::new(title_size, 800), column, 3, 44.0 * unit);
        let year = fit(fonts, &texts.year, Style::new(64.0 * unit, 300).tracking(0.01), column, 1, 24.0 * unit);
        let headline = fit(fonts, &texts.headline, Style::new(34.0 * unit, 450), column * 0.94, 3, 22.0 * unit);

        let gaps = [&title, &year, &headline].iter().filter(|block| !block.lines.is_empty()).count();
        let text_height =
            title.height() + year.height() + headline.height() + if gaps > 2 { 86.0 } else { 48.0 } * unit;
        let brand_top = margin * if frame.is_tall() { 1.5 } else { 0.85 };
        let (text_top, days) = if wide {
            let days = Rect::new(width * 0.60, margin * 1.1, width - margin, height - margin * 1.1);
            ((height - text_height) / 2.0, days)
        } else {
            let top = brand_top + brand.height() + margin * if frame.is_tall() { 1.5 } else { 0.8 };
            let below = top + text_height + margin;
            (top, Rect::new(margin, below, width - margin, height - margin))
        };
        let lights = if wide { [(0.85, 0.25), (0.10, 1.05)] } else { [(0.75, 0.75), (0.0, 0.15)] };
        TitleScene {
            backdrop: backdrop(frame, theme, lights),
            theme: theme.clone(),
            month: Month::new(texts.period),
            brand,
            title,
            year,
            headline,
            text_left: margin,
            text_top,
            brand_top,
            days,
        }
    }
}

impl Scene for TitleScene {
    fn name(&self) -> &'static str {
        "title"
    }

    fn draw(&self, canvas: &mut Canvas, clock: Clock) {
        let (unit, theme) = (canvas.frame.unit, &self.theme);
        let now = clock.entrance();
        canvas.fill_image(&self.backdrop, Default::default(), vello_cpu::peniko::ImageQuality::Low);
        calendar::draw(canvas, self.month, self.days, theme, now - 0.25);

        let left = self.text_left;
        let appear = |start: f64| {
            move |line: usize| {
                #[expect(clippy::cast_precision_loss, reason = "a handful of lines")]
                let delay = line as f64 * 0.12;
                ease::out(ease::span(now, start + delay, 0.8))
            }
        };
        if !self.brand.lines.is_empty() {
            let shown = ease::out(ease::span(now, 0.1, 0.6));
            let dot = 9.0 * unit;
            let middle = self.brand_top + self.brand.height() / 2.0;
            canvas.fill_circle(Point::new(left + dot, middle), dot * shown, theme.accent);
            canvas.block(&self.brand, left + 3.2 * dot, self.brand_top, Align::Left, theme.text, appear(0.15));
        }
        let mut top = self.text_top;
        canvas.block(&self.title, left, top, Align::Left, theme.text, appear(0.2));
        top += self.title.height() + 48.0 * unit;
        if !self.year.lines.is_empty() {
            canvas.block(&self.year, left, top, Align::Left, theme.accent, appear(0.4));
            top += self.year.height() + 38.0 * unit;
        }
        canvas.block(&self.headline, left, top, Align::Left, theme.muted, appear(0.6));
    }
}
