//! The days of the month as dots, Monday first.

use crate::canvas::Canvas;
use crate::ease;
use crate::theme::{Theme, mix};
use vello_cpu::kurbo::{Point, Rect};

/// How a month lies in a week grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Month {
    /// Empty places before the first day, 0 (it is a Monday) to 6.
    offset: u8,
    days: u8,
}

impl Month {
    /// The Gregorian month; without one, thirty days from a Monday.
    pub(crate) fn new(period: Option<(u16, u8)>) -> Month {
        let Some((year, month)) = period else { return Month { offset: 0, days: 30 } };
        let leap = (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400);
        let days = match month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        Month { offset: weekday_of_first(year, month), days }
    }

    fn rows(self) -> u8 {
        (self.offset + self.days).div_ceil(7)
    }
}

/// 0 for Monday: Sakamoto's congruence.
fn weekday_of_first(year: u16, month: u8) -> u8 {
    let shifts = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4];
    let year = u32::from(year) - u32::from(month < 3);
    let shift = shifts[usize::from((month - 1) % 12)];
    let sunday_is_0 = (year + year / 4 - year / 100 + year / 400 + shift + 1) % 7;
    u8::try_from((sunday_is_0 + 6) % 7).unwrap_or(0)
}

/// Draws the dots into `area`; they pop up along the diagonal and then breathe.
pub(crate) fn draw(canvas: &mut Canvas, month: Month, area: Rect, theme: &Theme, now: f64) {
    let rows = f64::from(month.rows());
    let cell = (area.width() / 7.0).min(area.height() / rows);
    let corner = area.center() - vello_cpu::kurbo::Vec2::new(3.5 * cell, rows / 2.0 * cell);
    for day in 0..month.days {
        let place = month.offset + day;
        let (column, row) = (f64::from(place % 7), f64::from(place / 7));
        let shown = ease::out_back(ease::span(now, (column + row) * 0.055, 0.5)).max(0.0);
        let wave = (now * 1.6 - (column * 0.75 + row * 0.6)).sin();
        let radius = cell * (0.30 + 0.075 * wave) * shown;
        let centre = Point::new(corner.x + (column + 0.5) * cell, corner.y + (row + 0.5) * cell);
        #[expect(clippy::cast_possible_truncation, reason = "a share of a colour")]
        let along = ((column / 6.0 + row / (rows - 1.0)) / 2.0) as f32;
        canvas.fill_circle(centre, radius, mix(theme.accent, theme.accent_2, along));
    }
}

#[cfg(test)]
mod tests {
    use super::Month;

    #[test]
    fn months_begin_on_the_right_weekday() {
        // From printed calendars: Saturday 1 January 2000, Sunday 1 March 2026, Thursday 1 February 2024, Monday 1 June 1970.
        for ((year, month), offset, days, rows) in [
            ((2000, 1), 5, 31, 6),
            ((2026, 3), 6, 31, 6),
            ((2024, 2), 3, 29, 5),
            ((1970, 6), 0, 30, 5),
            ((2027, 2), 0, 28, 4),
        ] {
            let grid = Month::new(Some((year, month)));
            assert_eq!((grid, grid.rows()), (Month { offset, days }, rows), "{year}-{month}");
        }
        assert_eq!(Month::new(Some((1900, 2))).days, 28);
    }
}
