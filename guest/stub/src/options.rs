use crate::publish::Refusal;

/// What the plugin asks for, as the world writes it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) slot: Option<String>,
    pub(crate) sequence: Option<u32>,
    pub(crate) content_type: Option<String>,
    pub(crate) metadata: Vec<(String, String)>,
}

impl Options {
    pub(crate) fn slot(&self) -> &str {
        self.slot.as_deref().unwrap_or("video")
    }

    /// Fails with `invalid-options` when a field is over the limits of `plugin.wit`.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        let slot = self.slot();
        if !is_name(slot, 32) {
            return refuse(format!("the slot {slot:?} is not 1 to 32 characters of a-z 0-9 -"));
        }
        if let Some(sequence) = self.sequence.filter(|sequence| *sequence > 999) {
            return refuse(format!("the sequence {sequence} is not 0 to 999"));
        }
        if self.metadata.len() > 16 {
            return refuse(format!("{} pairs of metadata are more than 16", self.metadata.len()));
        }
        for (position, (name, value)) in self.metadata.iter().enumerate() {
            if !is_name(name, 64) {
                return refuse(format!("the metadata name {name:?} is not 1 to 64 characters of a-z 0-9 -"));
            }
            if self.metadata[..position].iter().any(|(earlier, _)| earlier == name) {
                return refuse(format!("the metadata name {name:?} is given twice"));
            }
            if !value.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
                return refuse(format!("the metadata value of {name:?} is not printable ASCII"));
            }
        }
        let bytes: usize = self.metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
        if bytes > 1024 {
            return refuse(format!("{bytes} bytes of metadata are more than 1,024"));
        }
        Ok(())
    }
}

fn is_name(text: &str, characters_max: usize) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=characters_max).contains(&text.len()) && text.bytes().all(allowed)
}

fn refuse<T>(message: String) -> Result<T, Refusal> {
    Err(Refusal { code: "invalid-options", message })
}

#[cfg(test)]
mod tests {
    use super::Options;

    #[test]
    fn options_over_a_limit_are_refused() {
        let pair = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        let refused = [
            Options { slot: Some("Video".into()), ..Options::default() },
            Options { slot: Some(String::new()), ..Options::default() },
            Options { slot: Some("x".repeat(33)), ..Options::default() },
            Options { sequence: Some(1000), ..Options::default() },
            Options { metadata: pair("A", "b"), ..Options::default() },
            Options { metadata: pair("a", "b\r\nc: d"), ..Options::default() },
            Options { metadata: pair("a", "é"), ..Options::default() },
            Options { metadata: pair("a", &"x".repeat(1024)), ..Options::default() },
            Options { metadata: [pair("a", "1"), pair("a", "2")].concat(), ..Options::default() },
            Options { metadata: (0..17).map(|n| (format!("n{n}"), String::new())).collect(), ..Options::default() },
        ];
        for options in refused {
            assert_eq!(options.check().unwrap_err().code, "invalid-options", "{options:?}");
        }
        let most = Options { sequence: Some(999), metadata: pair("a", &"x".repeat(1023)), ..Options::default() };
        assert!(most.check().is_ok());
        assert_eq!(most.slot(), "video");
    }
}
