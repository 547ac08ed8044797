/// What `--help` prints.
pub(crate) const USAGE: &str = "\
usage: wasmtime run --dir out::/out [--dir in::/in] test.wasm [options]

  --user <ID>         the user of the job (default: test-user)
  --period <YYYY-MM>  the month to report on
  --params <JSON>     the parameters, or @NAME for a file in /in (default: {})
  --ref <NAME=ID>     an id of the key layout; may be given several times
  --help              this text";

/// One job, as far as the command line describes it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub(crate) user: String,
    /// Year and month.
    pub(crate) period: Option<(u16, u8)>,
    pub(crate) params: Params,
    pub(crate) refs: Vec<(String, String)>,
}

/// Where the parameters come from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Params {
    /// JSON from the command line.
    Text(String),
    /// The name of a file in `/in`.
    File(String),
}

/// `None` asks for [`USAGE`]. Fails with a sentence that names the argument.
pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Option<Arguments>, String> {
    let mut parsed =
        Arguments { user: "test-user".into(), period: None, params: Params::Text("{}".into()), refs: Vec::new() };
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let (name, inline) = match argument.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name.to_owned(), Some(value.to_owned())),
            _ => (argument, None),
        };
        if name == "--help" || name == "-h" {
            return Ok(None);
        }
        if !["--user", "--period", "--params", "--ref"].contains(&name.as_str()) {
            return Err(format!("unknown argument '{name}'"));
        }
        let value = inline.or_else(|| arguments.next()).ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--user" => parsed.user = value,
            "--period" => parsed.period = Some(period(&value)?),
            "--params" => {
                parsed.params = match value.strip_prefix('@') {
                    Some(file) => Params::File(file.to_owned()),
                    None => Params::Text(value),
                }
            }
            _ => parsed.refs.push(reference(&value)?),
        }
    }
    Ok(Some(parsed))
}

fn period(text: &str) -> Result<(u16, u8), String> {
    let refused = || format!("--period '{text}' is not a month such as 2026-03");
    let shape = text.len() == 7 && text.bytes().enumerate().all(|(i, b)| (i == 4 && b == b'-') || b.is_ascii_digit());
    let (year, month) = text.split_once('-').filter(|_| shape).ok_or_else(refused)?;
    let (year, month) = (year.parse().map_err(|_| refused())?, month.parse().map_err(|_| refused())?);
    if (1970..=9999).contains(&year) && (1..=12).contains(&month) { Ok((year, month)) } else { Err(refused()) }
}

fn reference(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, id)) if !name.is_empty() && !id.is_empty() => Ok((name.to_owned(), id.to_owned())),
        _ => Err(format!("--ref '{text}' is not NAME=ID")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Arguments, Params, parse};

    fn parse_all(arguments: &[&str]) -> Result<Option<Arguments>, String> {
        parse(arguments.iter().map(|argument| (*argument).to_owned()))
    }

    #[test]
    fn every_argument_reaches_the_job() {
        let line = ["--user", "u1", "--period=2026-03", "--params", "@p.json", "--ref", "scene=s1", "--ref=a=b"];
        let expected = Arguments {
            user: "u1".into(),
            period: Some((2026, 3)),
            params: Params::File("p.json".into()),
            refs: vec![("scene".into(), "s1".into()), ("a".into(), "b".into())],
        };
        assert_eq!(parse_all(&line), Ok(Some(expected)));
        assert_eq!(
            parse_all(&["--params", r#"{"a":"x=y"}"#]).unwrap().unwrap().params,
            Params::Text(r#"{"a":"x=y"}"#.into())
        );
    }

    #[test]
    fn a_wrong_argument_is_named() {
        for line in [&["--period", "2026-13"][..], &["--period", "26-1"], &["--ref", "x"], &["--user"], &["extra"]] {
            let message = parse_all(line).unwrap_err();
            assert!(message.contains(line[0]), "{message}");
        }
    }
}
