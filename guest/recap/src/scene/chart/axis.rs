//! Round numbers for the axis, labels that do not touch, a curve that does not overshoot.

use crate::text::{Fonts, Line, Style};
use vello_cpu::kurbo::{BezPath, Point};

/// A vertical axis from 0 to a round number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axis {
    step: f64,
    steps: u8,
}

impl Axis {
    /// The axis with three to five steps of 1, 2, 2.5 or 5 times a power of ten that reaches `largest`.
    pub(super) fn up_to(largest: f64) -> Axis {
        if largest <= 0.0 {
            return Axis { step: 1.0, steps: 4 };
        }
        let rough = largest / 5.0;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|factor| factor * power);
        let step = step.into_iter().find(|&step| largest / step <= 5.0 + 1e-9).unwrap_or(10.0 * power);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "3 to 5")]
        let steps = (largest / step - 1e-9).ceil() as u8;
        Axis { step, steps: steps.max(1) }
    }

    pub(super) fn ticks(self) -> impl Iterator<Item = f64> {
        (0..=self.steps).map(move |tick| f64::from(tick) * self.step)
    }

    /// Digits after the decimal sign that every tick can be written with.
    pub(super) fn decimals(self) -> usize {
        (0..4_u8)
            .find(|&digits| (self.step * 10_f64.powi(i32::from(digits))).fract().abs() < 1e-9)
            .map_or(4, usize::from)
    }

    /// `value` as a share of the axis.
    pub(super) fn share(self, value: f64) -> f64 {
        (value / (self.step * f64::from(self.steps))).clamp(0.0, 1.0)
    }
}

/// The labels below the axis; as many are left out, evenly, as it takes for them not to touch.
pub(super) fn labels(fonts: &Fonts, given: &[String], count: usize, width: f64, style: Style) -> Vec<Option<Line>> {
    let text = |index: usize| given.get(index).cloned().unwrap_or_else(|| (index + 1).to_string());
    let mut style = style;
    let mut lines: Vec<Line> = (0..count).map(|index| fonts.line(&text(index), style)).collect();
    #[expect(clippy::cast_precision_loss, reason = "at most 31 values")]
    let place = width / count.max(1) as f64;
    let widest = |lines: &[Line]| lines.iter().map(|line| line.width).fold(0.0, f64::max) + style.size * 0.7;
    if widest(&lines) > place {
        style = style.sized(style.size * 0.84);
        lines = (0..count).map(|index| fonts.line(&text(index), style)).collect();
    }
    let widest = lines.iter().map(|line| line.width).fold(0.0, f64::max) + style.size * 0.7;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 31 labels")]
    let every = (widest / place).ceil().max(1.0) as usize;
    lines.into_iter().enumerate().map(|(index, line)| (index % every == 0).then_some(line)).collect()
}

/// A smooth curve through the points that never rises or falls further than they do (monotone cubic interpolation after
/// Fritsch and Carlson).
pub(super) fn smooth_curve(points: &[Point]) -> BezPath {
    let mut path = BezPath::new();
    let Some(first) = points.first() else { return path };
    path.move_to(*first);
    let slopes: Vec<f64> = points.windows(2).map(|pair| (pair[1].y - pair[0].y) / (pair[1].x - pair[0].x)).collect();
    let tangent = |index: usize| {
        let before = index.checked_sub(1).and_then(|before| slopes.get(before));
        match (before, slopes.get(index)) {
            (Some(&before), Some(&after)) if before * after > 0.0 => 2.0 * before * after / (before + after),
            (Some(_), Some(_)) => 0.0,
            (Some(&only), None) | (None, Some(&only)) => only,
            (None, None) => 0.0,
        }
    };
    for (index, pair) in points.windows(2).enumerate() {
        let third = (pair[1].x - pair[0].x) / 3.0;
        let out = Point::new(pair[0].x + third, pair[0].y + tangent(index) * third);
        let into = Point::new(pair[1].x - third, pair[1].y - tangent(index + 1) * third);
        path.curve_to(out, into, pair[1]);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::{Axis, labels, smooth_curve};
    use crate::text::{Fonts, Style};
    use vello_cpu::kurbo::{Point, Shape};

    #[test]
    fn axes_end_at_or_just_above_the_largest_value() {
        for (largest, top, decimals) in [
            (5_240.0, 6_000.0, 0),
            (100.0, 100.0, 0),
            (7.0, 8.0, 0),
            (0.9, 1.0, 1),
            (12.3, 12.5, 1),
            (1e12, 1e12, 0),
            (0.003, 0.003, 3),
        ] {
            let axis = Axis::up_to(largest);
            let last = axis.ticks().last().unwrap_or(0.0);
            assert!((last - top).abs() < top * 1e-9 && last >= largest * (1.0 - 1e-9), "{largest}: {axis:?}");
            assert_eq!(axis.decimals(), decimals, "{largest}: {axis:?}");
            assert!((3..=5).contains(&axis.steps), "{largest}: {axis:?}");
        }
        assert_eq!(Axis::up_to(0.0).share(0.0), 0.0);
    }

    #[test]
    fn labels_never_touch() {
        let fonts = Fonts::new();
        let given: Vec<String> = (0..31).map(|day| format!("{day} October")).collect();
        let width = 1_000.0;
        let lines = labels(&fonts, &given, 31, width, Style::new(22.0, 500));
        let place = width / 31.0;
        let mut end = f64::NEG_INFINITY;
        let mut shown = 0;
        for (index, line) in lines.iter().enumerate() {
            if let Some(line) = line {
                #[expect(clippy::cast_precision_loss, reason = "31 labels")]
                let middle = (index as f64 + 0.5) * place;
                assert!(middle - line.width / 2.0 > end, "label {index}");
                end = middle + line.width / 2.0;
                shown += 1;
            }
        }
        assert!(shown >= 5);
    }

    #[test]
    fn curves_stay_between_their_points() {
        let points = [(0.0, 0.0), (1.0, 10.0), (2.0, 10.0), (3.0, 0.0), (4.0, 9.0)].map(|(x, y)| Point::new(x, y));
        let bounds = smooth_curve(&points).bounding_box();
        assert!(bounds.y0 >= -1e-9 && bounds.y1 <= 10.0 + 1e-9, "{bounds:?}");
        assert!(smooth_curve(&[]).elements().is_empty());
    }
}
