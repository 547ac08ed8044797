/// Turns pieces of a byte stream into text; a character cut by the end of a piece waits for the next one.
#[derive(Default)]
pub(crate) struct Decoder {
    /// The start of a character, at most three bytes.
    cut: Vec<u8>,
}

impl Decoder {
    /// What `bytes` completes; invalid UTF-8 becomes U+FFFD.
    pub(crate) fn decode(&mut self, bytes: &[u8]) -> String {
        self.cut.extend_from_slice(bytes);
        let bytes = std::mem::take(&mut self.cut);
        let mut text = String::with_capacity(bytes.len());
        let mut chunks = bytes.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            text.push_str(chunk.valid());
            let invalid = chunk.invalid();
            if chunks.peek().is_none() && starts_character(invalid) {
                self.cut = invalid.to_vec();
            } else if !invalid.is_empty() {
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        text
    }

    /// The end of the stream: what still waits was no character.
    pub(crate) fn finish(&mut self) -> &'static str {
        if std::mem::take(&mut self.cut).is_empty() { "" } else { "\u{fffd}" }
    }
}

/// Whether more bytes could make a character of these.
fn starts_character(bytes: &[u8]) -> bool {
    matches!(std::str::from_utf8(bytes), Err(error) if error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use super::Decoder;

    #[test]
    fn joins_characters_cut_anywhere() {
        let text = "aé漢🎬z";
        for cut in 0..=text.len() {
            let mut decoder = Decoder::default();
            let (head, tail) = text.as_bytes().split_at(cut);
            let joined = decoder.decode(head) + &decoder.decode(tail) + decoder.finish();
            assert_eq!(joined, text, "cut at {cut}");
        }
    }

    #[test]
    fn replaces_what_is_no_character() {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.decode(b"a\xffb\xe6\xbc"), "a\u{fffd}b");
        assert_eq!(decoder.decode(b"!"), "\u{fffd}!");
        assert_eq!(decoder.decode(b"\xf0\x9f"), "");
        assert_eq!(decoder.finish(), "\u{fffd}");
        assert_eq!(decoder.finish(), "");
    }
}
