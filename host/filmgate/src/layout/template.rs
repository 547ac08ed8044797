//! Templates: literal text and variables in braces.

use jiff::Timestamp;

use crate::job::{JobId, Period, RefName, Refs, Sequence, Slot, UserId, basic_timestamp};
use crate::layout::SequenceRule;
use crate::layout::collection::PREFIX_BYTES_MAX;
use crate::limits::KEY_BYTES_MAX;
use crate::media::MediaKind;

/// A checked template: with values that are what their types promise, it renders a key.
#[derive(Debug, Clone)]
pub(super) struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone)]
enum Piece {
    Literal(String),
    Variable(Variable),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Variable {
    User,
    Job,
    Year,
    Month,
    Timestamp,
    Slot,
    /// Three digits; the slot then needs a sequence.
    Sequence,
    /// `{slot}`, and `-{sequence}` where there is one.
    Name,
    /// What tells a file from the job's main one: nothing for the main slot without a sequence, else `-{name}`.
    Part,
    Extension,
    Ref(RefName),
}

/// What is put in place of the variables.
pub(super) struct Values<'a> {
    pub(super) job: JobId,
    pub(super) user: &'a UserId,
    pub(super) accepted_at: Timestamp,
    pub(super) period: Period,
    pub(super) refs: &'a Refs,
    pub(super) slot: &'a Slot,
    pub(super) is_main: bool,
    pub(super) sequence: Option<Sequence>,
    pub(super) kind: MediaKind,
}

/// What is wrong with a template, and what would be right.
pub(super) struct TemplateFault {
    pub(super) text: String,
    pub(super) allowed: String,
}

/// Bytes of one file name on every common file system: local storage keeps objects under their keys.
const SEGMENT_BYTES_MAX: usize = 255;

const VARIABLES: [(&str, Variable); 15] = [
    ("user", Variable::User),
    ("job", Variable::Job),
    ("year", Variable::Year),
    ("month", Variable::Month),
    ("timestamp", Variable::Timestamp),
    ("slot", Variable::Slot),
    ("sequence", Variable::Sequence),
    ("name", Variable::Name),
    ("part", Variable::Part),
    ("extension", Variable::Extension),
    ("generation", Variable::Ref(RefName::Generation)),
    ("composition", Variable::Ref(RefName::Composition)),
    ("upload", Variable::Ref(RefName::Upload)),
    ("session", Variable::Ref(RefName::Session)),
    ("scene", Variable::Ref(RefName::Scene)),
];

/// The characters of a template outside of braces and `/`: those that ids have too.
pub(super) fn is_literal(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '@' | '+' | '=' | '-')
}

impl Template {
    pub(super) fn parse(text: &str, slot: &Slot) -> Result<Self, TemplateFault> {
        let template = Self { pieces: parse_pieces(text)? };
        template.check_segments(text)?;
        template.check_length(text, slot)?;
        template.check_unique_per_job(text)?;
        Ok(template)
    }

    /// Fails with the name of an id that is not among the values.
    pub(super) fn render(&self, values: &Values<'_>) -> Result<String, RefName> {
        let mut path = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => path.push_str(text),
                Piece::Variable(variable) => path.push_str(&variable.value(values)?),
            }
        }
        Ok(path)
    }

    pub(super) fn refs(&self) -> impl Iterator<Item = RefName> {
        self.variables().filter_map(|variable| match variable {
            Variable::Ref(name) => Some(name),
            _ => None,
        })
    }

    /// Whether every key it makes begins with this text.
    pub(super) fn begins_with(&self, text: &str) -> bool {
        matches!(self.pieces.first(), Some(Piece::Literal(literal)) if literal.starts_with(text))
    }

    pub(super) fn sequence_rule(&self) -> SequenceRule {
        if self.uses(Variable::Sequence) {
            SequenceRule::Required
        } else if self.uses(Variable::Name) || self.uses(Variable::Part) {
            SequenceRule::Optional
        } else {
            SequenceRule::Never
        }
    }

    pub(super) fn ends_with_extension(&self) -> bool {
        match self.pieces.as_slice() {
            [.., Piece::Literal(dot), Piece::Variable(Variable::Extension)] => dot.ends_with('.'),
            _ => false,
        }
    }

    fn variables(&self) -> impl Iterator<Item = Variable> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Variable(variable) => Some(*variable),
            Piece::Literal(_) => None,
        })
    }

    fn uses(&self, wanted: Variable) -> bool {
        self.variables().any(|variable| variable == wanted)
    }

    /// No segment may be able to become empty, `.` or `..`. Only `{part}` can be empty, and no other value is made of
    /// dots alone, unless dots of the template stand beside it.
    fn check_segments(&self, text: &str) -> Result<(), TemplateFault> {
        for segment in text.split('/') {
            let fixed = segment.replace("{part}", "");
            if matches!(fixed.as_str(), "" | "." | "..") {
                return Err(TemplateFault {
                    text: format!("the key {text:?} has a segment {segment:?} that can be empty or lead elsewhere"),
                    allowed: "segments that are never empty, \".\" or \"..\"".to_owned(),
                });
            }
        }
        Ok(())
    }

    /// The longest values must still give a key that S3 and file systems take, under the longest prefix.
    fn check_length(&self, text: &str, slot: &Slot) -> Result<(), TemplateFault> {
        let longest: String = self
            .pieces
            .iter()
            .map(|piece| match piece {
                Piece::Literal(text) => text.clone(),
                Piece::Variable(variable) => "x".repeat(variable.bytes_max(slot)),
            })
            .collect();
        let too_long = longest.len() + PREFIX_BYTES_MAX > KEY_BYTES_MAX
            || longest.split('/').any(|segment| segment.len() > SEGMENT_BYTES_MAX);
        if too_long {
            return Err(TemplateFault {
                text: format!("the key {text:?} can become too long"),
                allowed: format!(
                    "{} bytes in all and {SEGMENT_BYTES_MAX} a segment; ids can have 128",
                    KEY_BYTES_MAX - PREFIX_BYTES_MAX
                ),
            });
        }
        Ok(())
    }

    /// Two jobs must not share a key by their nature.
    fn check_unique_per_job(&self, text: &str) -> Result<(), TemplateFault> {
        let tells_jobs_apart = |variable| {
            matches!(
                variable,
                Variable::Job
                    | Variable::Timestamp
                    | Variable::Ref(RefName::Generation | RefName::Composition | RefName::Upload)
            )
        };
        if self.variables().any(tells_jobs_apart) {
            return Ok(());
        }
        Err(TemplateFault {
            text: format!("the key {text:?} is the same for every job"),
            allowed: "a key with {job}, {timestamp}, {generation}, {composition} or {upload}".to_owned(),
        })
    }
}

fn parse_pieces(text: &str) -> Result<Vec<Piece>, TemplateFault> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (literal, behind) = rest.split_at(rest.find('{').unwrap_or(rest.len()));
        if let Some(stranger) = literal.chars().find(|c| !is_literal(*c) && *c != '/') {
            return Err(TemplateFault {
                text: format!("the key {text:?} has the character {stranger:?}"),
                allowed: "A-Z a-z 0-9 . _ @ + = - / and variables in braces".to_owned(),
            });
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal.to_owned()));
        }
        let Some(opened) = behind.strip_prefix('{') else { break };
        let name = opened.split_once('}').map(|(name, behind)| {
            rest = behind;
            name
        });
        let name = name.ok_or_else(|| TemplateFault {
            text: format!("the key {text:?} has an open brace"),
            allowed: "variables as {name}".to_owned(),
        })?;
        pieces.push(Piece::Variable(parse_variable(name)?));
    }
    Ok(pieces)
}

fn parse_variable(name: &str) -> Result<Variable, TemplateFault> {
    let known = VARIABLES.iter().find(|(known, _)| *known == name);
    known.map(|(_, variable)| *variable).ok_or_else(|| {
        let names: Vec<_> = VARIABLES.iter().map(|(name, _)| format!("{{{name}}}")).collect();
        TemplateFault { text: format!("the variable {{{}}} is unknown", name.escape_debug()), allowed: names.join(" ") }
    })
}

impl Variable {
    fn value(self, values: &Values<'_>) -> Result<String, RefName> {
        Ok(match self {
            Self::User => values.user.to_string(),
            Self::Job => values.job.to_string(),
            Self::Year => format!("{:04}", values.period.year()),
            Self::Month => format!("{:02}", values.period.month()),
            Self::Timestamp => basic_timestamp(values.accepted_at),
            Self::Slot => values.slot.to_string(),
            Self::Sequence => values.sequence.map(|sequence| sequence.to_string()).unwrap_or_default(),
            Self::Name => values.name(),
            Self::Part if values.is_main && values.sequence.is_none() => String::new(),
            Self::Part => format!("-{}", values.name()),
            Self::Extension => values.kind.extension().to_owned(),
            Self::Ref(name) => values.refs.get(&name).ok_or(name)?.to_string(),
        })
    }

    /// The longest value, by the invariants of the types.
    fn bytes_max(self, slot: &Slot) -> usize {
        match self {
            Self::User | Self::Ref(_) => 128,
            Self::Job => 36,
            Self::Year | Self::Extension => 4,
            Self::Month => 2,
            Self::Timestamp => "20261120T124500123Z".len(),
            Self::Slot => slot.as_str().len(),
            Self::Sequence => 3,
            Self::Name => slot.as_str().len() + "-000".len(),
            Self::Part => slot.as_str().len() + "--000".len(),
        }
    }
}

impl Values<'_> {
    fn name(&self) -> String {
        match self.sequence {
            Some(sequence) => format!("{}-{sequence}", self.slot),
            None => self.slot.to_string(),
        }
    }
}

/// One job's values, to compare keys of its slots with.
pub(super) struct Sample {
    job: JobId,
    user: UserId,
    refs: Refs,
}

impl Sample {
    pub(super) fn new() -> Self {
        let refs =
            RefName::ALL.into_iter().filter_map(|name| Some((name, format!("sample_{name}").parse().ok()?))).collect();
        Self { job: JobId::generate(), user: "sample_user".parse().expect("the sample id is tested"), refs }
    }

    pub(super) fn render(
        &self,
        template: &Template,
        slot: &Slot,
        is_main: bool,
        sequence: Option<Sequence>,
        kind: MediaKind,
    ) -> String {
        let accepted_at = Timestamp::UNIX_EPOCH;
        let (job, user, refs) = (self.job, &self.user, &self.refs);
        let values =
            Values { job, user, accepted_at, period: Period::of(accepted_at), refs, slot, is_main, sequence, kind };
        template.render(&values).expect("the sample has every reference")
    }
}
