//! JSON Schema for a plugin's parameters: the part of draft 2020-12 that can be evaluated with a bound on the work.
//!
//! A schema is a stranger's, and it is evaluated in the process that holds the credentials. Validators in general promise no
//! bound: references that fan out take exponential time, patterns can take it too. Here every step is charged to
//! [`SCHEMA_WORK_MAX`](crate::limits::SCHEMA_WORK_MAX), patterns run in linear time, references stay inside the document,
//! and a keyword that is not known is refused instead of ignored: what a schema demands is checked, or it does not load.

mod compile;
mod evaluate;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use regex_automata::meta::Regex;
use serde_json::{Number, Value};

use crate::job::Params;
use compile::Compiler;
use evaluate::{Evaluation, Work};

/// What a plugin's parameters must look like.
#[derive(Clone)]
pub struct ParamsSchema {
    nodes: Vec<Node>,
    root: NodeId,
}

/// Why a schema cannot be used: where in it, and what is allowed there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at {pointer:?}: {fault}")]
pub struct SchemaError {
    /// JSON pointer of the place in the schema.
    pub pointer: String,
    /// What is wrong, and what is allowed.
    pub fault: String,
}

/// What is wrong with parameters: places, and what is allowed there. Shows no value: parameters may hold personal data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParamsFault {
    /// They are not what the schema wants.
    #[error("{}", list(.0))]
    Invalid(Vec<PlaceFault>),
    /// Checking them is too much work.
    #[error("params cannot be checked: the schema in the plugin's manifest takes too much work for them")]
    TooMuchWork,
}

/// One place in the parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceFault {
    /// For example `params.stats[0].label`.
    pub path: String,
    /// What is wrong, and what is allowed.
    pub fault: String,
}

/// Place of a schema in [`ParamsSchema::nodes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct NodeId(usize);

/// A schema, itself part of one or not.
#[derive(Debug, Clone)]
enum Node {
    /// `true` or `false`.
    Constant(bool),
    Rules(Box<Rules>),
}

/// The keywords of one schema.
#[derive(Debug, Clone, Default)]
struct Rules {
    types: Option<Vec<Type>>,
    allowed: Option<Allowed>,
    number: NumberRules,
    text: TextRules,
    array: ArrayRules,
    object: ObjectRules,
    all_of: Vec<NodeId>,
    any_of: Vec<NodeId>,
    one_of: Vec<NodeId>,
    not: Option<NodeId>,
    condition: Option<Condition>,
}

/// `enum` and `const`.
#[derive(Debug, Clone)]
struct Allowed {
    values: Vec<Value>,
    shown: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Null,
    Boolean,
    Integer,
    Number,
    Text,
    Array,
    Object,
}

#[derive(Debug, Clone, Default)]
struct NumberRules {
    minimum: Option<Number>,
    maximum: Option<Number>,
    exclusive_minimum: Option<Number>,
    exclusive_maximum: Option<Number>,
    multiple_of: Option<Number>,
}

#[derive(Debug, Clone, Default)]
struct TextRules {
    min_length: Option<u64>,
    max_length: Option<u64>,
    pattern: Option<Pattern>,
}

#[derive(Debug, Clone)]
struct Pattern {
    regex: Regex,
    shown: String,
    /// Work of one byte of text.
    work_a_byte: u64,
}

#[derive(Debug, Clone, Default)]
struct ArrayRules {
    prefix_items: Vec<NodeId>,
    items: Option<NodeId>,
    min_items: Option<u64>,
    max_items: Option<u64>,
    unique: bool,
}

#[derive(Debug, Clone, Default)]
struct ObjectRules {
    properties: BTreeMap<String, NodeId>,
    /// The names of `properties`.
    shown: String,
    additional: Option<NodeId>,
    names: Option<NodeId>,
    required: Vec<String>,
    dependent_required: BTreeMap<String, Vec<String>>,
    min_properties: Option<u64>,
    max_properties: Option<u64>,
}

#[derive(Debug, Clone)]
struct Condition {
    test: NodeId,
    then: Option<NodeId>,
    otherwise: Option<NodeId>,
}

impl ParamsSchema {
    /// Reads a schema. Refused: keywords beyond those listed in the plugin authors' guide, values a keyword cannot have,
    /// references out of the document, patterns that need look-around.
    pub fn new(schema: &Value) -> Result<Self, SchemaError> {
        let mut compiler = Compiler::new(schema);
        let root = compiler.root()?;
        Ok(Self { nodes: compiler.finish(), root })
    }

    /// Checks parameters; at most eight faults are told. Takes microseconds, and a second at worst, whatever the schema.
    pub fn check(&self, params: &Params) -> Result<(), ParamsFault> {
        let value: Value = serde_json::from_str(params.as_str()).map_err(|error| {
            // Nothing but nesting and the size of numbers is left to go wrong: they were JSON when they were made.
            let fault = PlaceFault { path: "params".to_owned(), fault: error.to_string() };
            ParamsFault::Invalid(vec![fault])
        })?;
        let mut evaluation = Evaluation::new(&self.nodes);
        match evaluation.run(self.root, &value) {
            Err(Work::Spent) => Err(ParamsFault::TooMuchWork),
            Ok(faults) if faults.is_empty() => Ok(()),
            Ok(faults) => Err(ParamsFault::Invalid(faults)),
        }
    }
}

impl fmt::Debug for ParamsSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ParamsSchema({} schemas)", self.nodes.len())
    }
}

impl fmt::Display for PlaceFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path, self.fault)
    }
}

/// One line for one fault, else a line each.
fn list(faults: &[PlaceFault]) -> String {
    match faults {
        [fault] => fault.to_string(),
        faults => {
            let lines: Vec<_> = faults.iter().map(|fault| format!("\n  {fault}")).collect();
            format!("{} parameters are not as the plugin's manifest wants them:{}", faults.len(), lines.concat())
        }
    }
}
