//! The chart: bars that grow or a curve that is drawn, with the largest value named.

mod axis;

use super::{Clock, Scene};
use crate::backdrop::backdrop;
use crate::canvas::{Align, Canvas, Frame, gradient};
use crate::ease;
use crate::language::Texts;
use crate::params::ChartKind;
use crate::text::{Block, CAP_HEIGHT, Fonts, Line, Style, fit};
use crate::theme::{Theme, mix};
use axis::{Axis, smooth_curve};
use std::sync::Arc;
use vello_cpu::Pixmap;
use vello_cpu::kurbo::{Affine, BezPath, Cap, Point, Rect, Shape, Stroke};
use vello_cpu::peniko::ImageQuality;

pub(crate) struct ChartScene {
    backdrop: Arc<Pixmap>,
    theme: Theme,
    title: Block,
    title_top: f64,
    kind: ChartKind,
    values: Vec<f64>,
    axis: Axis,
    plot: Rect,
    ticks: Vec<(f64, Line)>,
    labels: Vec<Option<Line>>,
    /// Number of the largest value and its text.
    peak: usize,
    peak_text: Line,
}

/// What a chart is made of.
pub(crate) struct ChartTexts<'a> {
    pub(crate) title: &'a str,
    pub(crate) unit: &'a str,
    pub(crate) labels: &'a [String],
    pub(crate) texts: &'static Texts,
}

impl ChartScene {
    pub(crate) fn new(
        frame: Frame,
        fonts: &Fonts,
        theme: &Theme,
        kind: ChartKind,
        values: &[f64],
        chart: &ChartTexts<'_>,
    ) -> ChartScene {
        let Frame { width, height, unit, margin } = frame;
        let title = fit(fonts, chart.title, Style::new(50.0 * unit, 750), width - 2.0 * margin, 2, 26.0 * unit);
        let title_top = if frame.is_tall() { margin * 2.2 } else { margin };
        let largest = values.iter().copied().fold(0.0, f64::max);
        let axis = Axis::up_to(largest);
        let decimals = axis.decimals();
        let tick_style = Style::new(22.0 * unit, 500).tabular();
        let ticks: Vec<(f64, Line)> =
            axis.ticks().map(|tick| (tick, fonts.line(&chart.texts.number(tick, decimals), tick_style))).collect();
        let tick_width = ticks.iter().map(|(_, line)| line.width).fold(0.0, f64::max);

        // Room above the plot for the name of the peak.
        let top = title_top + title.height() + 120.0 * unit;
        let bottom = height - margin - 34.0 * unit;
        let most = if frame.is_tall() { 0.58 * height } else { height };
        let plot = Rect::new(margin + tick_width + 22.0 * unit, top, width - margin, bottom.min(top + most));

        let peak = (0..values.len()).fold(0, |best, index| if values[index] > values[best] { index } else { best });
        let peak_decimals = usize::from(largest < 100.0 && largest.fract() != 0.0);
        let mut peak_text = chart.texts.number(largest, peak_decimals);
        if !chart.unit.is_empty() {
            peak_text = format!("{peak_text} {}", chart.unit);
        }
        let labels = axis::labels(fonts, chart.labels, values.len(), plot.width(), Style::new(22.0 * unit, 500));
        ChartScene {
            backdrop: backdrop(frame, theme, [(0.95, 0.0), (0.0, 1.0)]),
            theme: theme.clone(),
            title,
            title_top,
            kind,
            values: values.to_vec(),
            axis,
            plot,
            ticks,
            labels,
            peak,
            peak_text: fonts.line(&peak_text, Style::new(30.0 * unit, 750)),
        }
    }

    /// Middle of a value's place on the horizontal axis.
    fn x(&self, index: usize) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "at most 31 values")]
        let (index, count) = (index as f64, self.values.len() as f64);
        match self.kind {
            ChartKind::Bars => self.plot.x0 + (index + 0.5) / count * self.plot.width(),
            // A curve begins and ends a little inside, so that its first and last label are not cut.
            ChartKind::Area => {
                let inset = 0.035 * self.plot.width();
                self.plot.x0 + inset + index / (count - 1.0).max(1.0) * (self.plot.width() - 2.0 * inset)
            }
        }
    }

    fn y(&self, value: f64) -> f64 {
        self.plot.y1 - self.axis.share(value) * self.plot.height()
    }

    fn draw_grid(&self, canvas: &mut Canvas, now: f64) {
        let unit = canvas.frame.unit;
        let shown = ease::out(ease::span(now, 0.2, 0.7));
        canvas.faded(shown, |canvas| {
            for (value, line) in &self.ticks {
                let y = self.y(*value);
                let thickness = if *value == 0.0 { 2.0 } else { 1.0 } * unit.max(1.0);
                let strength = if *value == 0.0 { 0.45 } else { 0.16 };
                let rule = Rect::new(self.plot.x0, y - thickness / 2.0, self.plot.x1, y + thickness / 2.0);
                canvas.fill_rect(rule, self.theme.muted.with_alpha(strength));
                let baseline = y + CAP_HEIGHT * line.size / 2.0;
                canvas.text(line, self.plot.x0 - 20.0 * unit, baseline, Align::Right, self.theme.muted);
            }
            for (index, label) in self.labels.iter().enumerate() {
                if let Some(label) = label {
                    let baseline = self.plot.y1 + 22.0 * unit + CAP_HEIGHT * label.size;
                    canvas.text(label, self.x(index), baseline, Align::Centre, self.theme.muted);
                }
            }
        });
    }

    fn draw_bars(&self, canvas: &mut Canvas, now: f64) {
        #[expect(clippy::cast_precision_loss, reason = "at most 31 values")]
        let count = self.values.len() as f64;
        let width = (self.plot.width() / count * 0.62).min(120.0 * canvas.frame.unit);
        let quiet = mix(self.theme.background[1], self.theme.accent, 0.50);
        for (index, &value) in self.values.iter().enumerate() {
            let grown = ease::out(ease::span(now, self.delay(index), 1.0));
            let height = self.axis.share(value) * self.plot.height() * grown;
            if height < 0.5 {
                continue;
            }
            let x = self.x(index);
            let bar = Rect::new(x - width / 2.0, self.plot.y1 - height, x + width / 2.0, self.plot.y1);
            let path = rounded_top(bar, (width * 0.28).min(14.0 * canvas.frame.unit));
            if index == self.peak {
                let stops = [(0.0, self.theme.accent_2), (1.0, self.theme.accent)];
                canvas.fill_gradient(&path, gradient((x, self.y(value)), (x, self.plot.y1), &stops));
            } else {
                canvas.fill(&path, quiet);
            }
        }
    }

    fn draw_area(&self, canvas: &mut Canvas, now: f64) {
        let unit = canvas.frame.unit;
        let points: Vec<Point> =
            self.values.iter().enumerate().map(|(index, &value)| Point::new(self.x(index), self.y(value))).collect();
        let curve = smooth_curve(&points);
        let mut area = curve.clone();
        if let (Some(first), Some(last)) = (points.first(), points.last()) {
            area.line_to((last.x, self.plot.y1));
            area.line_to((first.x, self.plot.y1));
            area.close_path();
        }
        let shown = ease::in_out(ease::span(now, 0.3, 1.5));
        let edge = Rect::new(0.0, 0.0, ease::mix(self.plot.x0, self.plot.x1, shown), canvas.frame.height);
        canvas.clipped(&edge.to_path(0.1), |canvas| {
            let stops = [(0.0, self.theme.accent.with_alpha(0.55)), (1.0, self.theme.accent.with_alpha(0.04))];
            canvas.fill_gradient(&area, gradient((0.0, self.plot.y0), (0.0, self.plot.y1), &stops));
            let line = Stroke::new(6.0 * unit).with_caps(Cap::Round);
            canvas.stroke(&curve, line, self.theme.accent);
        });
        let dot = ease::out_back(ease::span(now, 1.55, 0.45)).max(0.0);
        let peak = points[self.peak];
        canvas.fill_circle(peak, 13.0 * unit * dot, self.theme.background[1]);
        canvas.fill_circle(peak, 9.0 * unit * dot, self.theme.accent_2);
    }

    fn draw_peak(&self, canvas: &mut Canvas, now: f64) {
        let unit = canvas.frame.unit;
        let start = if self.kind == ChartKind::Bars { self.delay(self.peak) + 0.55 } else { 1.6 };
        let shown = ease::out(ease::span(now, start, 0.5));
        let half = self.peak_text.width / 2.0;
        let x = self.x(self.peak).clamp(self.plot.x0 + half, (self.plot.x1 - half).max(self.plot.x0 + half));
        let y = self.y(self.values[self.peak]) - 24.0 * unit + (1.0 - shown) * 14.0 * unit;
        canvas.faded(shown, |canvas| canvas.text(&self.peak_text, x, y, Align::Centre, self.theme.text));
    }

    fn delay(&self, index: usize) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "at most 31 values")]
        let place = index as f64 / self.values.len() as f64;
        0.3 + 0.6 * place
    }
}

impl Scene for ChartScene {
    fn name(&self) -> &'static str {
        "chart"
    }

    fn draw(&self, canvas: &mut Canvas, clock: Clock) {
        let now = clock.entrance();
        canvas.fill_image(&self.backdrop, Affine::IDENTITY, ImageQuality::Low);
        canvas.block(&self.title, canvas.frame.margin, self.title_top, Align::Left, self.theme.text, |line| {
            #[expect(clippy::cast_precision_loss, reason = "two lines")]
            let delay = line as f64 * 0.1;
            ease::out(ease::span(now, 0.15 + delay, 0.7))
        });
        self.draw_grid(canvas, now);
        match self.kind {
            ChartKind::Bars => self.draw_bars(canvas, now),
            ChartKind::Area => self.draw_area(canvas, now),
        }
        self.draw_peak(canvas, now);
    }
}

/// A bar with round corners above and square ones on the axis.
fn rounded_top(bar: Rect, radius: f64) -> BezPath {
    let radius = radius.min(bar.height()).min(bar.width() / 2.0);
    let mut path = BezPath::new();
    path.move_to((bar.x0, bar.y1));
    path.line_to((bar.x0, bar.y0 + radius));
    path.quad_to((bar.x0, bar.y0), (bar.x0 + radius, bar.y0));
    path.line_to((bar.x1 - radius, bar.y0));
    path.quad_to((bar.x1, bar.y0), (bar.x1, bar.y0 + radius));
    path.line_to((bar.x1, bar.y1));
    path.close_path();
    path
}
