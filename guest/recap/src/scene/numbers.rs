//! The numbers: cards that come up one after the other and count.

use super::{Clock, Scene};
use crate::backdrop::backdrop;
use crate::canvas::{Align, Canvas, Frame};
use crate::ease;
use crate::language::Texts;
use crate::text::{Block, CAP_HEIGHT, Fonts, Line, Style, fit};
use crate::theme::{Theme, mix};
use std::sync::Arc;
use vello_cpu::Pixmap;
use vello_cpu::kurbo::{Affine, Rect};
use vello_cpu::peniko::ImageQuality;

/// One number as it is to be shown.
pub(crate) struct StatText {
    pub(crate) label: String,
    pub(crate) value: f64,
    pub(crate) unit: String,
    pub(crate) decimals: usize,
}

struct Card {
    area: Rect,
    value: f64,
    decimals: usize,
    number: Style,
    unit: String,
    unit_line: Line,
    label: Block,
    /// Space for the label: that of the highest one.
    label_height: f64,
}

pub(crate) struct NumbersScene {
    backdrop: Arc<Pixmap>,
    theme: Theme,
    texts: &'static Texts,
    title: Block,
    title_top: f64,
    cards: Vec<Card>,
}

impl NumbersScene {
    pub(crate) fn new(
        frame: Frame,
        fonts: &Fonts,
        theme: &Theme,
        texts: &'static Texts,
        title: &str,
        stats: &[StatText],
    ) -> NumbersScene {
        let Frame { width, height, unit, margin } = frame;
        let inner = width - 2.0 * margin;
        let title = fit(fonts, title, Style::new(50.0 * unit, 750), inner, 2, 26.0 * unit);
        let title_top = if frame.is_tall() { margin * 2.2 } else { margin };
        let top = title_top + if title.lines.is_empty() { 0.0 } else { title.height() + 54.0 * unit };
        let bottom = height - if frame.is_tall() { margin * 2.0 } else { margin };
        let areas = card_areas(frame, stats.len(), Rect::new(margin, top, width - margin, bottom));
        let cards: Vec<Card> =
            stats.iter().zip(areas).map(|(stat, area)| Card::new(fonts, texts, stat, area, unit)).collect();
        // All numbers of one size on one line, however long each is.
        let size = cards.iter().map(|card| card.number.size).fold(f64::INFINITY, f64::min);
        let label_height = cards.iter().map(|card| card.label.height()).fold(0.0, f64::max);
        let cards = cards.into_iter().map(|card| card.aligned(fonts, size, label_height)).collect();
        NumbersScene {
            backdrop: backdrop(frame, theme, [(0.05, 0.0), (0.95, 0.95)]),
            theme: theme.clone(),
            texts,
            title,
            title_top,
            cards,
        }
    }
}

/// Places for `count` cards: a row in wide frames, a column in tall ones, two by two where four share a square.
pub(super) fn card_areas(frame: Frame, count: usize, area: Rect) -> Vec<Rect> {
    let columns = match count {
        0 | 1 => 1,
        4 if !frame.is_tall() => 2,
        _ if frame.is_wide() => count,
        _ => 1,
    };
    let rows = count.div_ceil(columns);
    let gap = 24.0 * frame.unit;
    #[expect(clippy::cast_precision_loss, reason = "four cards at most")]
    let (column_count, row_count) = (columns as f64, rows as f64);
    let width = (area.width() - gap * (column_count - 1.0)) / column_count;
    let most = if rows == 1 { 340.0 } else { 300.0 } * frame.unit;
    let height = ((area.height() - gap * (row_count - 1.0)) / row_count).min(most);
    let used = height * row_count + gap * (row_count - 1.0);
    let top = area.y0 + (area.height() - used) * if frame.is_tall() { 0.3 } else { 0.35 };
    let place = |index: usize| {
        #[expect(clippy::cast_precision_loss, reason = "four cards at most")]
        let (column, row) = ((index % columns) as f64, (index / columns) as f64);
        let (x, y) = (area.x0 + column * (width + gap), top + row * (height + gap));
        Rect::new(x, y, x + width, y + height)
    };
    (0..count).map(place).collect()
}

/// The unit stands beside its number, smaller.
fn unit_style(number: Style) -> Style {
    Style::new(number.size * 0.46, 600)
}

impl Card {
    fn new(fonts: &Fonts, texts: &Texts, stat: &StatText, area: Rect, unit: f64) -> Card {
        let inner = area.width() - 64.0 * unit;
        let label = fit(fonts, &stat.label, Style::new(29.0 * unit, 500), inner, 2, 17.0 * unit);
        let mut number = Style::new((area.height() * 0.40).min(116.0 * unit), 800).tabular();
        let text = texts.number(stat.value, stat.decimals);
        // Number and unit share one line; the final value is the widest one.
        let width = |number: Style| {
            let unit_width = fonts.line(&stat.unit, unit_style(number)).width;
            fonts.line(&text, number).width + if unit_width > 0.0 { unit_width + 0.18 * number.size } else { 0.0 }
        };
        while width(number) > inner && number.size > 18.0 * unit {
            number = number.sized(number.size * 0.96);
        }
        let unit_line = fonts.line(&stat.unit, unit_style(number));
        let label_height = label.height();
        let (value, decimals, unit) = (stat.value, stat.decimals, stat.unit.clone());
        Card { area, value, decimals, number, unit, unit_line, label, label_height }
    }

    fn aligned(self, fonts: &Fonts, size: f64, label_height: f64) -> Card {
        let number = self.number.sized(size);
        let unit_line = fonts.line(&self.unit, unit_style(number));
        Card { number, unit_line, label_height, ..self }
    }

    fn draw(&self, canvas: &mut Canvas, theme: &Theme, texts: &Texts, now: f64, index: f32) {
        let unit = canvas.frame.unit;
        let Rect { x0, y0, .. } = self.area;
        canvas.fill_rounded(self.area, 26.0 * unit, theme.surface);
        let left = x0 + 32.0 * unit;

        let text_height = CAP_HEIGHT * self.number.size + 34.0 * unit + self.label_height;
        let mark = 40.0 * unit;
        let top = y0 + (self.area.height() - text_height - mark) / 2.0 + mark;
        let grown = ease::out(ease::span(now, 0.25, 0.7));
        let bar = Rect::new(left, top - mark, left + 56.0 * unit * grown, top - mark + 7.0 * unit);
        canvas.fill_rounded(bar, 3.5 * unit, mix(theme.accent, theme.accent_2, index));

        let counted = ease::out(ease::span(now, 0.1, 1.05));
        let baseline = top + CAP_HEIGHT * self.number.size;
        let text = texts.number(self.value * counted, self.decimals);
        let line = canvas.fonts.line(&text, self.number);
        canvas.text(&line, left, baseline, Align::Left, theme.text);
        let unit_left = left + line.width + 0.18 * self.number.size;
        canvas.text(&self.unit_line, unit_left, baseline, Align::Left, theme.muted);
        canvas.block(&self.label, left, baseline + 34.0 * unit, Align::Left, theme.muted, |_| 1.0);
    }
}

impl Scene for NumbersScene {
    fn name(&self) -> &'static str {
        "numbers"
    }

    fn draw(&self, canvas: &mut Canvas, clock: Clock) {
        let now = clock.entrance();
        let (unit, margin) = (canvas.frame.unit, canvas.frame.margin);
        canvas.fill_image(&self.backdrop, Affine::IDENTITY, ImageQuality::Low);
        canvas.block(&self.title, margin, self.title_top, Align::Left, self.theme.text, |line| {
            #[expect(clippy::cast_precision_loss, reason = "two lines")]
            let delay = line as f64 * 0.1;
            ease::out(ease::span(now, 0.15 + delay, 0.7))
        });
        for (index, card) in self.cards.iter().enumerate() {
            #[expect(clippy::cast_precision_loss, reason = "four cards at most")]
            let (index, last) = (index as f32, self.cards.len().saturating_sub(1).max(1) as f32);
            let start = 0.3 + 0.16 * f64::from(index);
            let shown = ease::out(ease::span(now, start, 0.8));
            if shown > 0.0 {
                canvas.transformed(Affine::translate((0.0, (1.0 - shown) * 60.0 * unit)), |canvas| {
                    canvas.faded(shown, |canvas| card.draw(canvas, &self.theme, self.texts, now - start, index / last));
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::card_areas;
    use crate::canvas::Frame;
    use vello_cpu::kurbo::Rect;

    #[test]
    fn cards_stay_inside_and_apart() {
        for (width, height) in [(1280, 720), (720, 1280), (1080, 1080), (854, 480), (1920, 240)] {
            let frame = Frame::new(width, height);
            let area = frame.rect().inset(-frame.margin);
            for count in 1..=4 {
                let cards = card_areas(frame, count, area);
                assert_eq!(cards.len(), count);
                for (index, card) in cards.iter().enumerate() {
                    assert!(area.inflate(0.01, 0.01).contains_rect(*card), "{width}x{height}: {card:?}");
                    let overlaps = |other: &Rect| card.intersect(*other).area() > 0.0;
                    assert!(!cards[..index].iter().any(overlaps), "{width}x{height}: {cards:?}");
                }
            }
        }
    }
}
