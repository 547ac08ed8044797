//! Tables and lists for people: columns as wide as what is in them, nothing drawn around.

use filmgate::job::printable;
use jiff::Timestamp;

use super::terminal::{AnswerLost, print_line};

/// A table with a head.
pub(super) struct Table {
    head: Vec<&'static str>,
    /// Which columns are numbers, to be read from the right.
    right: Vec<bool>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Names of the columns; one that ends in `>` is flush right.
    pub(super) fn new(head: &[&'static str]) -> Self {
        let right = head.iter().map(|name| name.ends_with('>')).collect();
        Self { head: head.iter().map(|name| name.trim_end_matches('>')).collect(), right, rows: Vec::new() }
    }

    pub(super) fn add(&mut self, row: Vec<String>) {
        // One row, one line, whatever is in it.
        self.rows.push(row.into_iter().map(|cell| printable(&cell).replace(['\n', '\t'], " ")).collect());
    }

    pub(super) fn print(&self) -> Result<(), AnswerLost> {
        self.lines().iter().try_for_each(|line| print_line(line))
    }

    fn lines(&self) -> Vec<String> {
        let head: Vec<_> = self.head.iter().map(ToString::to_string).collect();
        let all: Vec<_> = std::iter::once(&head).chain(&self.rows).collect();
        let width = |column: usize| {
            all.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or_default()
        };
        let widths: Vec<_> = (0..self.head.len()).map(width).collect();
        all.iter()
            .map(|row| {
                let cells = row.iter().zip(&widths).zip(&self.right).map(|((cell, width), right)| match right {
                    true => format!("{cell:>width$}"),
                    false => format!("{cell:<width$}"),
                });
                cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
            })
            .collect()
    }
}

/// Names and values, one a line.
pub(super) fn print_fields(fields: &[(&str, String)]) -> Result<(), AnswerLost> {
    let width = fields.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    for (name, value) in fields {
        print_line(format!("{name:width$}  {}", printable(value).replace('\n', " ")).trim_end())?;
    }
    Ok(())
}

/// To the second, in UTC.
pub(super) fn time(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// With three digits and a binary unit.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut unit = 0;
    // Tenths, so that no float rounds 1023.99 up to 1024.0 of a unit.
    let mut tenths = bytes.saturating_mul(10) / 1024;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    if tenths >= 1000 {
        format!("{} {}", tenths / 10, UNITS[unit])
    } else {
        format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
    }
}

/// `-` for what is not there.
pub(super) fn or_dash<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_no_cell_breaks_its_line() {
        let mut table = Table::new(&["ASSET", "SIZE>", "KEY"]);
        table.add(vec!["a".to_owned(), "9 B".to_owned(), "x\ny\u{1b}[31m".to_owned()]);
        table.add(vec!["long-id".to_owned(), "12.5 MiB".to_owned(), "é".to_owned()]);
        let expected = ["ASSET        SIZE  KEY", "a             9 B  x y\\u{1b}[31m", "long-id  12.5 MiB  é"];
        assert_eq!(table.lines(), expected);
    }

    #[test]
    fn sizes_are_short() {
        let cases = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1024 * 1024 - 1, "1023 KiB"),
            (13_107_200, "12.5 MiB"),
            (u64::MAX, "1638 PiB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(size(bytes), text);
        }
    }
}
