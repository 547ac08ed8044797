use std::cmp::Ordering;
use std::fmt::Write as _;

use serde_json::{Number, Value};

use super::{
    Allowed, ArrayRules, Condition, Node, NodeId, NumberRules, ObjectRules, PlaceFault, Rules, TextRules, Type,
};
use crate::limits::SCHEMA_WORK_MAX;

/// Faults that are told; more would hide the first.
const FAULTS_MAX: usize = 8;
/// Schemas within each other, references included: one that refers to itself without end stops here.
const DEPTH_MAX: usize = 160;
/// Work of looking at one value with one schema.
const VISIT_WORK: u64 = 50;
/// Work of telling a fault.
const FAULT_WORK: u64 = 2_000;
/// Characters of a parameter's name in a message.
const NAME_CHARS_MAX: usize = 60;

/// Checks one value.
pub(super) struct Evaluation<'a> {
    nodes: &'a [Node],
    work: u64,
    depth: usize,
    /// Where in the value the evaluation is.
    path: Vec<Step<'a>>,
}

#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    Name(&'a str),
    Index(usize),
}

/// The evaluation stopped before its end.
#[derive(Debug)]
pub(super) enum Work {
    Spent,
}

/// Faults, each with how deep in the value it is.
type Faults = Vec<(usize, PlaceFault)>;

impl<'a> Evaluation<'a> {
    pub(super) fn new(nodes: &'a [Node]) -> Self {
        Self { nodes, work: 0, depth: 0, path: Vec::new() }
    }

    /// Every fault of a value, up to a number.
    pub(super) fn run(&mut self, root: NodeId, value: &'a Value) -> Result<Vec<PlaceFault>, Work> {
        let mut faults = Faults::new();
        self.check(root, value, &mut faults)?;
        Ok(faults.into_iter().map(|(_, fault)| fault).collect())
    }

    fn charge(&mut self, work: u64) -> Result<(), Work> {
        self.work = self.work.saturating_add(work);
        if self.work > SCHEMA_WORK_MAX { Err(Work::Spent) } else { Ok(()) }
    }

    fn refuse(&mut self, faults: &mut Faults, fault: impl Into<String>) {
        // Counted here, felt at the next charge.
        self.work = self.work.saturating_add(FAULT_WORK);
        if faults.len() < FAULTS_MAX {
            faults.push((self.path.len(), PlaceFault { path: self.shown_path(), fault: fault.into() }));
        }
    }

    fn check(&mut self, node: NodeId, value: &'a Value, faults: &mut Faults) -> Result<(), Work> {
        self.charge(VISIT_WORK)?;
        let nodes = self.nodes;
        match &nodes[node.0] {
            Node::Constant(true) => Ok(()),
            Node::Constant(false) => {
                self.refuse(faults, "is not allowed here");
                Ok(())
            }
            Node::Rules(rules) => {
                if self.depth >= DEPTH_MAX {
                    return Err(Work::Spent);
                }
                self.depth += 1;
                let checked = self.rules(rules, value, faults);
                self.depth -= 1;
                checked
            }
        }
    }

    fn rules(&mut self, rules: &'a Rules, value: &'a Value, faults: &mut Faults) -> Result<(), Work> {
        if let Some(types) = &rules.types
            && !types.iter().any(|one| one.fits(value))
        {
            let names: Vec<_> = types.iter().map(|one| one.name()).collect();
            self.refuse(faults, format!("is {}; allowed: {}", describe(value), names.join(", ")));
            // What else the schema says is about another type.
            return Ok(());
        }
        if let Some(allowed) = &rules.allowed {
            self.allowed(allowed, value, faults)?;
        }
        match value {
            Value::Number(number) => self.number(&rules.number, number, faults),
            Value::String(text) => self.text(&rules.text, text, faults)?,
            Value::Array(items) => self.array(&rules.array, items, faults)?,
            Value::Object(_) => self.object(&rules.object, value, faults)?,
            Value::Null | Value::Bool(_) => {}
        }
        for part in &rules.all_of {
            self.check(*part, value, faults)?;
        }
        self.choices(rules, value, faults)?;
        match &rules.condition {
            Some(condition) => self.condition(condition, value, faults),
            None => Ok(()),
        }
    }

    fn allowed(&mut self, allowed: &'a Allowed, value: &'a Value, faults: &mut Faults) -> Result<(), Work> {
        for one in &allowed.values {
            if self.equal(one, value)? {
                return Ok(());
            }
        }
        self.refuse(faults, format!("is none of the allowed values; allowed: {}", allowed.shown));
        Ok(())
    }

    fn number(&mut self, rules: &NumberRules, value: &Number, faults: &mut Faults) {
        use Ordering::{Equal, Greater, Less};
        let bounds: [(&Option<Number>, &[Ordering], &str); 4] = [
            (&rules.minimum, &[Less], "is too small; allowed: at least"),
            (&rules.maximum, &[Greater], "is too large; allowed: at most"),
            (&rules.exclusive_minimum, &[Less, Equal], "is too small; allowed: more than"),
            (&rules.exclusive_maximum, &[Greater, Equal], "is too large; allowed: less than"),
        ];
        for (bound, refused, text) in bounds {
            if let Some(bound) = bound
                && refused.contains(&compare(value, bound))
            {
                self.refuse(faults, format!("{text} {bound}"));
            }
        }
        if let Some(factor) = &rules.multiple_of
            && !is_multiple(value, factor)
        {
            self.refuse(faults, format!("does not fit; allowed: multiples of {factor}"));
        }
    }

    fn text(&mut self, rules: &'a TextRules, value: &str, faults: &mut Faults) -> Result<(), Work> {
        self.charge(value.len() as u64)?;
        self.size(value.chars().count(), "characters", rules.min_length, rules.max_length, faults);
        if let Some(pattern) = &rules.pattern {
            self.charge((value.len() as u64 + 1).saturating_mul(pattern.work_a_byte))?;
            if !pattern.regex.is_match(value) {
                self.refuse(faults, format!("has another form; allowed: what matches {}", pattern.shown));
            }
        }
        Ok(())
    }

    fn size(&mut self, size: usize, what: &str, min: Option<u64>, max: Option<u64>, faults: &mut Faults) {
        let size = size as u64;
        if let Some(min) = min.filter(|min| size < *min) {
            self.refuse(faults, format!("has {size} {what}; allowed: at least {min}"));
        }
        if let Some(max) = max.filter(|max| size > *max) {
            self.refuse(faults, format!("has {size} {what}; allowed: at most {max}"));
        }
    }

    fn array(&mut self, rules: &'a ArrayRules, items: &'a [Value], faults: &mut Faults) -> Result<(), Work> {
        self.size(items.len(), "entries", rules.min_items, rules.max_items, faults);
        for (index, item) in items.iter().enumerate() {
            if let Some(schema) = rules.prefix_items.get(index).copied().or(rules.items) {
                self.below(Step::Index(index), schema, item, faults)?;
            }
        }
        if rules.unique && self.has_twins(items)? {
            self.refuse(faults, "has the same entry twice; allowed: each once");
        }
        Ok(())
    }

    fn has_twins(&mut self, items: &'a [Value]) -> Result<bool, Work> {
        for (index, item) in items.iter().enumerate() {
            for other in &items[..index] {
                if self.equal(item, other)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn object(&mut self, rules: &'a ObjectRules, value: &'a Value, faults: &mut Faults) -> Result<(), Work> {
        let Some(object) = value.as_object() else { return Ok(()) };
        self.size(object.len(), "fields", rules.min_properties, rules.max_properties, faults);
        for name in rules.required.iter().filter(|name| !object.contains_key(*name)) {
            self.refuse(faults, format!("has no field {}; it is required", shown_name(name)));
        }
        for (name, others) in rules.dependent_required.iter().filter(|(name, _)| object.contains_key(*name)) {
            for other in others.iter().filter(|other| !object.contains_key(*other)) {
                let (name, other) = (shown_name(name), shown_name(other));
                self.refuse(faults, format!("has no field {other}; it is required beside {name}"));
            }
        }
        self.charge((rules.required.len() + rules.dependent_required.len()) as u64 * VISIT_WORK)?;
        for (name, value) in object {
            match (rules.properties.get(name), rules.additional) {
                (Some(schema), _) => self.below(Step::Name(name), *schema, value, faults)?,
                (None, Some(schema)) if matches!(self.nodes[schema.0], Node::Constant(false)) => {
                    let (name, known) = (shown_name(name), &rules.shown);
                    self.refuse(faults, format!("has an unknown field {name}; allowed: {known}"));
                }
                (None, Some(schema)) => self.below(Step::Name(name), schema, value, faults)?,
                (None, None) => {}
            }
            if let Some(names) = rules.names {
                self.name(names, name, faults)?;
            }
        }
        Ok(())
    }

    /// `propertyNames`: the name is a value of its own.
    fn name(&mut self, schema: NodeId, name: &str, faults: &mut Faults) -> Result<(), Work> {
        let name_value = Value::String(name.to_owned());
        let mut inner = Evaluation { nodes: self.nodes, work: self.work, depth: self.depth, path: Vec::new() };
        let mut refused = Faults::new();
        let checked = inner.check(schema, &name_value, &mut refused);
        self.work = inner.work;
        checked?;
        if let Some((_, fault)) = refused.first() {
            self.refuse(faults, format!("has a field {} whose name {}", shown_name(name), fault.fault));
        }
        Ok(())
    }

    fn below(&mut self, step: Step<'a>, schema: NodeId, value: &'a Value, faults: &mut Faults) -> Result<(), Work> {
        self.path.push(step);
        let checked = self.check(schema, value, faults);
        self.path.pop();
        checked
    }

    fn choices(&mut self, rules: &'a Rules, value: &'a Value, faults: &mut Faults) -> Result<(), Work> {
        if !rules.any_of.is_empty() {
            let (fitting, closest) = self.fitting(&rules.any_of, value)?;
            if fitting == 0 {
                self.refuse_choice(closest, rules.any_of.len(), faults);
            }
        }
        if !rules.one_of.is_empty() {
            match self.fitting(&rules.one_of, value)? {
                (0, closest) => self.refuse_choice(closest, rules.one_of.len(), faults),
                (1, _) => {}
                (number, _) => self.refuse(faults, format!("fits {number} of the allowed forms; allowed: exactly one")),
            }
        }
        if let Some(excluded) = rules.not
            && self.fitting(&[excluded], value)?.0 == 1
        {
            self.refuse(faults, "is what the schema excludes");
        }
        Ok(())
    }

    /// How many of the schemas fit, and the faults of the one that was understood furthest.
    fn fitting(&mut self, schemas: &[NodeId], value: &'a Value) -> Result<(usize, Faults), Work> {
        let mut number = 0;
        let mut closest = Faults::new();
        for schema in schemas {
            let mut faults = Faults::new();
            self.check(*schema, value, &mut faults)?;
            let depth = |faults: &Faults| faults.iter().map(|(depth, _)| *depth).max();
            if faults.is_empty() {
                number += 1;
            } else if depth(&faults) > depth(&closest) {
                closest = faults;
            }
        }
        Ok((number, closest))
    }

    /// Tells what is wrong inside of the value where a form goes that far, else that there are several.
    fn refuse_choice(&mut self, closest: Faults, forms: usize, faults: &mut Faults) {
        let goes_inside = closest.iter().any(|(depth, _)| *depth > self.path.len());
        if goes_inside || forms == 1 {
            faults.extend(closest.into_iter().take(FAULTS_MAX.saturating_sub(faults.len())));
        } else {
            let first = closest.first().map(|(_, fault)| fault.fault.as_str()).unwrap_or_default();
            self.refuse(faults, format!("has none of the {forms} forms that are allowed: by one of them it {first}"));
        }
    }

    fn condition(&mut self, condition: &Condition, value: &'a Value, faults: &mut Faults) -> Result<(), Work> {
        let holds = self.fitting(&[condition.test], value)?.0 == 1;
        match if holds { condition.then } else { condition.otherwise } {
            Some(schema) => self.check(schema, value, faults),
            None => Ok(()),
        }
    }

    /// Equality of JSON: `1` and `1.0` are one number, the order of fields does not matter.
    fn equal(&mut self, left: &Value, right: &Value) -> Result<bool, Work> {
        self.charge(VISIT_WORK)?;
        Ok(match (left, right) {
            (Value::Number(left), Value::Number(right)) => compare(left, right) == Ordering::Equal,
            (Value::String(left), Value::String(right)) => {
                self.charge(left.len() as u64)?;
                left == right
            }
            (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
                for (left, right) in left.iter().zip(right) {
                    if !self.equal(left, right)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Value::Object(left), Value::Object(right)) if left.len() == right.len() => {
                for (name, left) in left {
                    let Some(right) = right.get(name) else { return Ok(false) };
                    if !self.equal(left, right)? {
                        return Ok(false);
                    }
                }
                true
            }
            (left, right) => left == right,
        })
    }

    /// For example `params.stats[0].label`.
    fn shown_path(&self) -> String {
        let mut path = "params".to_owned();
        for step in &self.path {
            let _ = match step {
                Step::Index(index) => write!(path, "[{index}]"),
                Step::Name(name) if is_plain(name) => write!(path, ".{name}"),
                Step::Name(name) => write!(path, "[{}]", shown_name(name)),
            };
        }
        path
    }
}

impl Type {
    fn fits(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Null, Value::Null)
            | (Self::Boolean, Value::Bool(_))
            | (Self::Number, Value::Number(_))
            | (Self::Text, Value::String(_))
            | (Self::Array, Value::Array(_))
            | (Self::Object, Value::Object(_)) => true,
            (Self::Integer, Value::Number(number)) => {
                number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|number| number.fract() == 0.0)
            }
            _ => false,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Text => "string",
            Self::Array => "array",
            Self::Object => "object",
        }
    }
}

fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn compare(left: &Number, right: &Number) -> Ordering {
    if let (Some(left), Some(right)) = (whole(left), whole(right)) {
        return left.cmp(&right);
    }
    let float = |number: &Number| number.as_f64().unwrap_or(f64::NAN);
    // Numbers of JSON are never NaN.
    float(left).partial_cmp(&float(right)).unwrap_or(Ordering::Equal)
}

fn is_multiple(value: &Number, factor: &Number) -> bool {
    if let (Some(value), Some(factor)) = (whole(value), whole(factor).filter(|factor| *factor != 0)) {
        return value % factor == 0;
    }
    let (Some(value), Some(factor)) = (value.as_f64(), factor.as_f64()) else { return false };
    // 0.3 is a multiple of 0.1, though not of the nearest binary fraction.
    let quotient = value / factor;
    (quotient - quotient.round()).abs() <= 1e-9 * quotient.abs().max(1.0)
}

fn whole(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.len() <= NAME_CHARS_MAX && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// A name of the schema's or the caller's, quoted and shortened.
fn shown_name(name: &str) -> String {
    let mut shown: String = name.chars().take(NAME_CHARS_MAX).collect();
    if shown.len() < name.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}
