//! Wrapping, and shrinking until the text fits.

use super::{Fonts, Line, Style};

/// Distance of baselines as a share of the size.
const LEADING: f64 = 1.14;

/// Wrapped lines of one style.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub(crate) lines: Vec<Line>,
    pub(crate) style: Style,
    /// Pixels from one baseline to the next.
    pub(crate) leading: f64,
}

impl Block {
    /// Pixels from the top of the first line's capitals to the last baseline.
    pub(crate) fn height(&self) -> f64 {
        let gaps = self.lines.len().saturating_sub(1);
        #[expect(clippy::cast_precision_loss, reason = "a handful of lines")]
        let gaps = gaps as f64;
        gaps * self.leading + super::CAP_HEIGHT * self.style.size
    }
}

/// Sets `text` at `style`'s size, or as much smaller as it takes to fit `width` in at most `lines` lines.
///
/// Below `smallest` pixels words are broken and, if that does not help either, the text is cut with an ellipsis: nothing
/// is ever wider than `width`.
pub(crate) fn fit(fonts: &Fonts, text: &str, style: Style, width: f64, lines: usize, smallest: f64) -> Block {
    let mut size = style.size;
    while size > smallest {
        let style = style.sized(size);
        if let Some(wrapped) = wrap(fonts, text, style, width, lines) {
            return balanced(fonts, text, style, wrapped, width);
        }
        size *= 0.96;
    }
    let style = style.sized(smallest.min(style.size));
    match wrap(fonts, text, style, width, lines) {
        Some(wrapped) => balanced(fonts, text, style, wrapped, width),
        None => block(cut(fonts, text, style, width, lines), style),
    }
}

fn block(lines: Vec<Line>, style: Style) -> Block {
    Block { lines, style, leading: style.size * LEADING }
}

/// Narrows the column while the number of lines stays, so that no single word is left over on the last line.
fn balanced(fonts: &Fonts, text: &str, style: Style, wrapped: Vec<Line>, width: f64) -> Block {
    let lines = wrapped.len();
    let mut best = wrapped;
    if lines > 1 {
        let (mut narrow, mut wide) = (width * 0.4, width);
        for _ in 0..7 {
            let middle = (narrow + wide) / 2.0;
            match wrap(fonts, text, style, middle, lines) {
                Some(wrapped) => (best, wide) = (wrapped, middle),
                None => narrow = middle,
            }
        }
    }
    block(best, style)
}

/// Greedy wrapping at spaces; `None` if it takes more lines or a word is too wide.
fn wrap(fonts: &Fonts, text: &str, style: Style, width: f64, lines: usize) -> Option<Vec<Line>> {
    let mut done: Vec<Line> = Vec::new();
    let mut current = String::new();
    let mut current_line: Option<Line> = None;
    for word in text.split_whitespace() {
        let candidate = if current.is_empty() { word.to_owned() } else { format!("{current} {word}") };
        let line = fonts.line(&candidate, style);
        if line.width <= width {
            (current, current_line) = (candidate, Some(line));
            continue;
        }
        let alone = fonts.line(word, style);
        if alone.width > width {
            return None;
        }
        done.extend(current_line.take());
        (current, current_line) = (word.to_owned(), Some(alone));
        if done.len() >= lines {
            return None;
        }
    }
    done.extend(current_line);
    (done.len() <= lines).then_some(done)
}

/// Breaks anywhere; what does not fit in the last line gives way to an ellipsis.
fn cut(fonts: &Fonts, text: &str, style: Style, width: f64, lines: usize) -> Vec<Line> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut rest = text.as_str();
    let mut done = Vec::new();
    while !rest.is_empty() && done.len() < lines {
        let last = done.len() + 1 == lines;
        let whole = fonts.line(rest, style);
        if whole.width <= width {
            done.push(whole);
            break;
        }
        let tail = if last { "…" } else { "" };
        let fits = |end: usize| fonts.line(&format!("{}{tail}", rest[..end].trim_end()), style).width <= width;
        let ends: Vec<usize> = rest.char_indices().map(|(at, c)| at + c.len_utf8()).collect();
        // At least one character a line, so that this ends.
        let taken = ends.partition_point(|&end| fits(end)).max(1);
        let mut end = ends[taken - 1];
        if !last && let Some(space) = rest[..end].rfind(' ').filter(|&space| space > 0) {
            end = space;
        }
        done.push(fonts.line(&format!("{}{tail}", rest[..end].trim_end()), style));
        rest = rest[end..].trim_start();
    }
    done
}

#[cfg(test)]
mod tests {
    use super::fit;
    use crate::text::{Fonts, Style};

    #[test]
    fn text_that_fits_keeps_its_size() {
        let block = fit(&Fonts::new(), "March", Style::new(100.0, 800), 600.0, 1, 40.0);
        assert_eq!((block.lines.len(), block.style.size), (1, 100.0));
    }

    #[test]
    fn text_that_does_not_fit_wraps_then_shrinks_then_is_cut() {
        let fonts = Fonts::new();
        let style = Style::new(80.0, 800);
        let wrapped = fit(&fonts, "Ein besonderer Monat", style, 620.0, 2, 30.0);
        assert_eq!((wrapped.lines.len(), wrapped.style.size), (2, 80.0));
        let shrunk = fit(&fonts, "Donaudampfschifffahrtsgesellschaft", style, 620.0, 2, 20.0);
        assert!(shrunk.style.size < 80.0 && shrunk.lines.len() == 1);
        let cut = fit(&fonts, &"Langatmigkeit ".repeat(40), style, 620.0, 2, 30.0);
        assert_eq!((cut.lines.len(), cut.style.size), (2, 30.0));
        for block in [wrapped, shrunk, cut] {
            assert!(block.lines.iter().all(|line| line.width <= 620.0));
        }
    }

    #[test]
    fn lines_are_balanced() {
        let block = fit(&Fonts::new(), "a month full of stories and a", Style::new(40.0, 500), 480.0, 3, 20.0);
        assert_eq!(block.lines.len(), 2);
        assert!(block.lines[1].width > 0.5 * block.lines[0].width);
    }

    #[test]
    fn a_single_word_of_any_length_never_passes_the_width() {
        let block = fit(&Fonts::new(), &"W".repeat(500), Style::new(90.0, 800), 300.0, 2, 24.0);
        assert!(block.lines.iter().all(|line| line.width <= 300.0));
    }

    #[test]
    fn empty_text_has_no_lines() {
        assert!(fit(&Fonts::new(), "  ", Style::new(90.0, 800), 300.0, 2, 24.0).lines.is_empty());
    }
}
