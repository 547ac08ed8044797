//! One JSON value in UTF-8, walked without keeping any of it.

use crate::facts::{FaultCode, Stop, stop};
use crate::source::Reader;

/// Arrays and objects in each other. Common parsers give up at 128 themselves.
const DEPTH_MAX: usize = 128;

pub(crate) fn walk(reader: &mut Reader<'_>) -> Result<(), Stop> {
    let mut parser = Parser::default();
    let mut utf8 = Utf8::default();
    let mut offset = 0;
    while offset < reader.size() {
        let piece = reader.some(offset)?;
        if piece.is_empty() {
            return stop(FaultCode::Truncated, format!("the file became shorter than {} bytes", reader.size()));
        }
        for (at, byte) in piece.iter().enumerate() {
            utf8.take(*byte).and_then(|()| parser.take(*byte)).or_else(|fault| fault.at(offset + at as u64))?;
        }
        offset += piece.len() as u64;
    }
    // White space ends a number that nothing else ends.
    parser.take(b' ').or_else(|fault| fault.at(offset))?;
    if utf8.left > 0 || parser.expects != Expects::End {
        return stop(FaultCode::Truncated, "the value has no end");
    }
    Ok(())
}

/// What may not be; [`Wrong::at`] says where.
struct Wrong(FaultCode, &'static str);

impl Wrong {
    fn at(self, offset: u64) -> Result<(), Stop> {
        stop(self.0, format!("{} at byte {offset}", self.1))
    }
}

const fn malformed(what: &'static str) -> Wrong {
    Wrong(FaultCode::Malformed, what)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Expects {
    #[default]
    Value,
    /// A value or the end of the array that was just opened.
    ValueOrEnd,
    /// A name or the end of the object that was just opened.
    NameOrEnd,
    Name,
    Colon,
    /// A comma or the end of what is open.
    More,
    /// In a string; `true` for that of a name.
    Text(bool),
    Escape(bool),
    /// Hexadecimal digits that are still to come.
    Hex(bool, u8),
    /// The rest of a literal.
    Literal(&'static [u8]),
    Number(Digits),
    /// White space only.
    End,
}

/// How far a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Digits {
    Minus,
    Zero,
    Whole,
    Point,
    Fraction,
    E,
    Sign,
    Exponent,
}

#[derive(Default)]
struct Parser {
    expects: Expects,
    /// One bit for each open bracket: set for objects.
    objects: u128,
    depth: usize,
}

impl Parser {
    fn take(&mut self, byte: u8) -> Result<(), Wrong> {
        use Expects::{Colon, End, Escape, Hex, Literal, More, Name, NameOrEnd, Number, Text, Value, ValueOrEnd};
        self.expects = match (self.expects, byte) {
            (Text(is_name), b'"') => self.after_text(is_name),
            (Text(is_name), b'\\') => Escape(is_name),
            (Text(_), 0..=0x1f) => return Err(malformed("a control character in a string")),
            (Text(is_name), _) => Text(is_name),
            (Escape(is_name), b'u') => Hex(is_name, 4),
            (Escape(is_name), b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Text(is_name),
            (Hex(is_name, left), byte) if byte.is_ascii_hexdigit() => {
                if left == 1 {
                    Text(is_name)
                } else {
                    Hex(is_name, left - 1)
                }
            }
            (Literal([first, rest @ ..]), byte) if byte == *first => {
                if rest.is_empty() {
                    self.after_value()
                } else {
                    Literal(rest)
                }
            }
            (Number(digits), byte) => match digits.next(byte) {
                Some(digits) => Number(digits),
                None if digits.may_end() => {
                    self.expects = self.after_value();
                    return self.take(byte);
                }
                None => return Err(malformed("a number is broken off")),
            },
            (expects, b' ' | b'\t' | b'\n' | b'\r') if !matches!(expects, Escape(_) | Hex(..) | Literal(_)) => expects,
            (Value | ValueOrEnd, b'{' | b'[') => self.open(byte == b'{')?,
            (Value | ValueOrEnd, b'"') => Text(false),
            (Value | ValueOrEnd, b't') => Literal(b"rue"),
            (Value | ValueOrEnd, b'f') => Literal(b"alse"),
            (Value | ValueOrEnd, b'n') => Literal(b"ull"),
            (Value | ValueOrEnd, b'-') => Number(Digits::Minus),
            (Value | ValueOrEnd, b'0') => Number(Digits::Zero),
            (Value | ValueOrEnd, b'1'..=b'9') => Number(Digits::Whole),
            (ValueOrEnd | More, b']') if !self.is_in_object() => self.close(),
            (NameOrEnd | More, b'}') if self.is_in_object() => self.close(),
            (NameOrEnd | Name, b'"') => Text(true),
            (Colon, b':') => Value,
            (More, b',') => {
                if self.is_in_object() {
                    Name
                } else {
                    Value
                }
            }
            (End, _) => return Err(Wrong(FaultCode::TrailingBytes, "something follows the value")),
            _ => return Err(malformed("no JSON")),
        };
        Ok(())
    }

    fn open(&mut self, is_object: bool) -> Result<Expects, Wrong> {
        if self.depth == DEPTH_MAX {
            return Err(Wrong(FaultCode::TooComplex, "more than 128 arrays and objects in each other"));
        }
        self.depth += 1;
        self.objects = self.objects << 1 | u128::from(is_object);
        Ok(if is_object { Expects::NameOrEnd } else { Expects::ValueOrEnd })
    }

    fn close(&mut self) -> Expects {
        self.depth -= 1;
        self.objects >>= 1;
        self.after_value()
    }

    fn is_in_object(&self) -> bool {
        self.depth > 0 && self.objects & 1 == 1
    }

    fn after_text(&self, is_name: bool) -> Expects {
        if is_name { Expects::Colon } else { self.after_value() }
    }

    fn after_value(&self) -> Expects {
        if self.depth == 0 { Expects::End } else { Expects::More }
    }
}

impl Digits {
    fn next(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Minus, b'0') => Self::Zero,
            (Self::Minus, b'1'..=b'9') | (Self::Whole, b'0'..=b'9') => Self::Whole,
            (Self::Zero | Self::Whole, b'.') => Self::Point,
            (Self::Point | Self::Fraction, b'0'..=b'9') => Self::Fraction,
            (Self::Zero | Self::Whole | Self::Fraction, b'e' | b'E') => Self::E,
            (Self::E, b'+' | b'-') => Self::Sign,
            (Self::E | Self::Sign | Self::Exponent, b'0'..=b'9') => Self::Exponent,
            _ => return None,
        })
    }

    fn may_end(self) -> bool {
        matches!(self, Self::Zero | Self::Whole | Self::Fraction | Self::Exponent)
    }
}

/// Checks UTF-8 byte by byte.
#[derive(Default)]
struct Utf8 {
    /// Bytes of a character that are still to come, and what the next of them may be.
    left: u8,
    low: u8,
    high: u8,
}

impl Utf8 {
    fn take(&mut self, byte: u8) -> Result<(), Wrong> {
        if self.left > 0 {
            if !(self.low..=self.high).contains(&byte) {
                return Err(malformed("no UTF-8"));
            }
            (self.left, self.low, self.high) = (self.left - 1, 0x80, 0xbf);
            return Ok(());
        }
        // Bounds of the second byte keep out over-long forms, surrogates and what is beyond Unicode.
        (self.left, self.low, self.high) = match byte {
            0..=0x7f => (0, 0, 0),
            0xc2..=0xdf => (1, 0x80, 0xbf),
            0xe0 => (2, 0xa0, 0xbf),
            0xed => (2, 0x80, 0x9f),
            0xe1..=0xef => (2, 0x80, 0xbf),
            0xf0 => (3, 0x90, 0xbf),
            0xf1..=0xf3 => (3, 0x80, 0xbf),
            0xf4 => (3, 0x80, 0x8f),
            _ => return Err(malformed("no UTF-8")),
        };
        Ok(())
    }
}
