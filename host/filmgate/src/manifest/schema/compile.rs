use std::collections::{BTreeMap, HashMap};

use regex_automata::meta::Regex;
use regex_automata::util::syntax;
use serde_json::{Map, Number, Value};

use super::{
    Allowed, ArrayRules, Condition, Node, NodeId, NumberRules, ObjectRules, Pattern, Rules, SchemaError, TextRules,
    Type,
};

/// The one dialect that is understood.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Keywords that describe and demand nothing, and those that only hold schemas for others to refer to.
const SILENT: [&str; 13] = [
    "$schema",
    "$id",
    "$comment",
    "$defs",
    "definitions",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "format",
];

const UNDERSTOOD: &str = "type, enum, const, minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf, minLength, \
     maxLength, pattern, items, prefixItems, minItems, maxItems, uniqueItems, properties, additionalProperties, \
     propertyNames, required, dependentRequired, minProperties, maxProperties, allOf, anyOf, oneOf, not, if, then, else, \
     $ref, $defs, and descriptions";

/// Memory of one compiled pattern, in bytes. Patterns over Unicode classes have some hundred KiB.
const PATTERN_MEMORY_MAX: usize = 1024 * 1024;
/// Schemas of one document: 64 KiB hold at most some ten thousand.
const NODES_MAX: usize = 20_000;
/// Nesting of schemas in schemas.
const DEPTH_MAX: usize = 128;
/// Characters of what a schema allows in a message.
const SHOWN_CHARS_MAX: usize = 300;

/// Turns a document into nodes. A place that several references name becomes one node.
pub(super) struct Compiler<'a> {
    document: &'a Value,
    nodes: Vec<Node>,
    known: HashMap<String, NodeId>,
    depth: usize,
}

/// One schema under way, with its place for messages.
struct At<'a, 'p> {
    pointer: &'p str,
    schema: &'a Map<String, Value>,
}

impl<'a> Compiler<'a> {
    pub(super) fn new(document: &'a Value) -> Self {
        Self { document, nodes: Vec::new(), known: HashMap::new(), depth: 0 }
    }

    pub(super) fn root(&mut self) -> Result<NodeId, SchemaError> {
        if let Some(dialect) = self.document.get("$schema")
            && dialect.as_str().map(|text| text.trim_end_matches('#')) != Some(DIALECT)
        {
            return Err(error("/$schema", format!("is another dialect; allowed: {DIALECT:?}")));
        }
        self.node(self.document, "")
    }

    pub(super) fn finish(self) -> Vec<Node> {
        self.nodes
    }

    fn node(&mut self, schema: &'a Value, pointer: &str) -> Result<NodeId, SchemaError> {
        if let Some(id) = self.known.get(pointer) {
            return Ok(*id);
        }
        if self.nodes.len() >= NODES_MAX || self.depth >= DEPTH_MAX {
            return Err(error(pointer, "the schema is too large or too deep".to_owned()));
        }
        // The place is taken before it is filled: a schema may refer to itself.
        let id = NodeId(self.nodes.len());
        self.nodes.push(Node::Constant(true));
        self.known.insert(pointer.to_owned(), id);
        self.depth += 1;
        let node = match schema {
            Value::Bool(verdict) => Node::Constant(*verdict),
            Value::Object(schema) => Node::Rules(Box::new(self.rules(&At { pointer, schema })?)),
            _ => return Err(error(pointer, "is no schema; allowed: an object, true or false".to_owned())),
        };
        self.depth -= 1;
        self.nodes[id.0] = node;
        Ok(id)
    }

    fn rules(&mut self, at: &At<'a, '_>) -> Result<Rules, SchemaError> {
        at.refuse_unknown()?;
        let mut all_of = self.schemas(at, "allOf")?;
        if let Some(target) = at.text("$ref")? {
            all_of.push(self.reference(at, target)?);
        }
        let condition = match self.schema(at, "if")? {
            None => None,
            Some(test) => {
                let (then, otherwise) = (self.schema(at, "then")?, self.schema(at, "else")?);
                Some(Condition { test, then, otherwise })
            }
        };
        Ok(Rules {
            types: at.types()?,
            allowed: at.allowed()?,
            number: at.number_rules()?,
            text: at.text_rules()?,
            array: self.array_rules(at)?,
            object: self.object_rules(at)?,
            all_of,
            any_of: self.schemas(at, "anyOf")?,
            one_of: self.schemas(at, "oneOf")?,
            not: self.schema(at, "not")?,
            condition,
        })
    }

    fn array_rules(&mut self, at: &At<'a, '_>) -> Result<ArrayRules, SchemaError> {
        Ok(ArrayRules {
            prefix_items: self.schemas(at, "prefixItems")?,
            items: self.schema(at, "items")?,
            min_items: at.count("minItems")?,
            max_items: at.count("maxItems")?,
            unique: at.flag("uniqueItems")?,
        })
    }

    fn object_rules(&mut self, at: &At<'a, '_>) -> Result<ObjectRules, SchemaError> {
        let mut properties = BTreeMap::new();
        for (name, schema) in at.object("properties")?.into_iter().flatten() {
            let pointer = format!("{}/properties/{}", at.pointer, escaped(name));
            properties.insert(name.clone(), self.node(schema, &pointer)?);
        }
        let mut dependent_required = BTreeMap::new();
        for (name, names) in at.object("dependentRequired")?.into_iter().flatten() {
            let names = strings(names).ok_or_else(|| at.error("dependentRequired", "an object of lists of names"))?;
            dependent_required.insert(name.clone(), names);
        }
        let required = match at.get("required") {
            None => Vec::new(),
            Some(names) => strings(names).ok_or_else(|| at.error("required", "a list of names"))?,
        };
        let names: Vec<_> = properties.keys().map(String::as_str).collect();
        let shown = if names.is_empty() { "none".to_owned() } else { cut(&names.join(", ")) };
        Ok(ObjectRules {
            properties,
            shown,
            additional: self.schema(at, "additionalProperties")?,
            names: self.schema(at, "propertyNames")?,
            required,
            dependent_required,
            min_properties: at.count("minProperties")?,
            max_properties: at.count("maxProperties")?,
        })
    }

    fn schema(&mut self, at: &At<'a, '_>, keyword: &str) -> Result<Option<NodeId>, SchemaError> {
        at.get(keyword).map(|schema| self.node(schema, &format!("{}/{keyword}", at.pointer))).transpose()
    }

    fn schemas(&mut self, at: &At<'a, '_>, keyword: &str) -> Result<Vec<NodeId>, SchemaError> {
        let Some(list) = at.get(keyword) else { return Ok(Vec::new()) };
        let list = list.as_array().filter(|list| !list.is_empty());
        let list = list.ok_or_else(|| at.error(keyword, "a list of one schema or more"))?;
        let numbered = list.iter().enumerate();
        numbered.map(|(number, schema)| self.node(schema, &format!("{}/{keyword}/{number}", at.pointer))).collect()
    }

    fn reference(&mut self, at: &At<'a, '_>, target: &str) -> Result<NodeId, SchemaError> {
        let allowed = "a place in this document that is there, for example \"#/$defs/name\"";
        let pointer = target.strip_prefix('#').ok_or_else(|| at.error("$ref", allowed))?;
        // The pointer stands in a URI, whose escapes no name of a schema needs.
        let found = Some(pointer).filter(|pointer| !pointer.contains('%')).and_then(|p| self.document.pointer(p));
        let schema = found.ok_or_else(|| at.error("$ref", allowed))?;
        self.node(schema, pointer)
    }
}

impl<'a> At<'a, '_> {
    fn get(&self, keyword: &str) -> Option<&'a Value> {
        self.schema.get(keyword)
    }

    fn error(&self, keyword: &str, allowed: &str) -> SchemaError {
        error(&format!("{}/{keyword}", self.pointer), format!("cannot be so; allowed: {allowed}"))
    }

    fn refuse_unknown(&self) -> Result<(), SchemaError> {
        let is_known = |name: &str| SILENT.contains(&name) || UNDERSTOOD.split(", ").any(|known| known == name);
        match self.schema.keys().find(|name| !is_known(name)) {
            Some(name) => Err(error(
                &format!("{}/{}", self.pointer, escaped(name)),
                format!("is a keyword that is not understood here; allowed: {UNDERSTOOD}"),
            )),
            // References are resolved within one document: a part of it cannot be one of its own.
            None if !self.pointer.is_empty() && self.schema.contains_key("$id") => {
                Err(self.error("$id", "at the top of the document only"))
            }
            None => Ok(()),
        }
    }

    fn text(&self, keyword: &str) -> Result<Option<&'a str>, SchemaError> {
        self.get(keyword).map(|value| value.as_str().ok_or_else(|| self.error(keyword, "a text"))).transpose()
    }

    fn count(&self, keyword: &str) -> Result<Option<u64>, SchemaError> {
        let whole = |value: &Value| value.as_u64().ok_or_else(|| self.error(keyword, "a whole number from 0"));
        self.get(keyword).map(whole).transpose()
    }

    fn number(&self, keyword: &str) -> Result<Option<Number>, SchemaError> {
        match self.get(keyword) {
            None => Ok(None),
            Some(Value::Number(number)) => Ok(Some(number.clone())),
            Some(_) => Err(self.error(keyword, "a number")),
        }
    }

    fn flag(&self, keyword: &str) -> Result<bool, SchemaError> {
        self.get(keyword).map_or(Ok(false), |value| value.as_bool().ok_or_else(|| self.error(keyword, "true or false")))
    }

    fn object(&self, keyword: &str) -> Result<Option<&'a Map<String, Value>>, SchemaError> {
        self.get(keyword).map(|value| value.as_object().ok_or_else(|| self.error(keyword, "an object"))).transpose()
    }

    fn types(&self) -> Result<Option<Vec<Type>>, SchemaError> {
        let allowed = "null, boolean, integer, number, string, array, object, or a list of them";
        let names = match self.get("type") {
            None => return Ok(None),
            Some(Value::String(name)) => vec![name.clone()],
            Some(list) => strings(list).filter(|list| !list.is_empty()).ok_or_else(|| self.error("type", allowed))?,
        };
        let types = names.iter().map(|name| Type::of_name(name).ok_or_else(|| self.error("type", allowed)));
        types.collect::<Result<_, _>>().map(Some)
    }

    /// `enum` and `const`: both name the values that are allowed.
    fn allowed(&self) -> Result<Option<Allowed>, SchemaError> {
        let list = match self.get("enum") {
            None => None,
            Some(list) => Some(list.as_array().ok_or_else(|| self.error("enum", "a list of values"))?.clone()),
        };
        let values = match (list, self.get("const")) {
            (None, None) => return Ok(None),
            (Some(list), None) => list,
            (None, Some(value)) => vec![value.clone()],
            (Some(list), Some(value)) => list.into_iter().filter(|one| one == value).collect(),
        };
        let shown = cut(&values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
        Ok(Some(Allowed { values, shown }))
    }

    fn number_rules(&self) -> Result<NumberRules, SchemaError> {
        let multiple_of = self.number("multipleOf")?;
        if multiple_of.as_ref().and_then(Number::as_f64).is_some_and(|factor| factor <= 0.0) {
            return Err(self.error("multipleOf", "a number above 0"));
        }
        Ok(NumberRules {
            minimum: self.number("minimum")?,
            maximum: self.number("maximum")?,
            exclusive_minimum: self.number("exclusiveMinimum")?,
            exclusive_maximum: self.number("exclusiveMaximum")?,
            multiple_of,
        })
    }

    fn text_rules(&self) -> Result<TextRules, SchemaError> {
        let pattern = self.text("pattern")?.map(|text| self.pattern(text)).transpose()?;
        Ok(TextRules { min_length: self.count("minLength")?, max_length: self.count("maxLength")?, pattern })
    }

    fn pattern(&self, text: &str) -> Result<Pattern, SchemaError> {
        let limits = Regex::config()
            .nfa_size_limit(Some(PATTERN_MEMORY_MAX))
            .onepass_size_limit(Some(PATTERN_MEMORY_MAX))
            .hybrid_cache_capacity(PATTERN_MEMORY_MAX);
        let syntax = syntax::Config::new().nest_limit(50);
        let regex = Regex::builder().configure(limits).syntax(syntax).build(text).map_err(|_| {
            self.error("pattern", "a regular expression of moderate size without look-around and back references")
        })?;
        // A machine of states takes at most a step for each state and byte; a state has some dozen bytes.
        let work_a_byte = 10 + regex.memory_usage() as u64 / 32;
        Ok(Pattern { regex, shown: cut(text), work_a_byte })
    }
}

impl Type {
    fn of_name(name: &str) -> Option<Self> {
        Some(match name {
            "null" => Self::Null,
            "boolean" => Self::Boolean,
            "integer" => Self::Integer,
            "number" => Self::Number,
            "string" => Self::Text,
            "array" => Self::Array,
            "object" => Self::Object,
            _ => return None,
        })
    }
}

fn strings(list: &Value) -> Option<Vec<String>> {
    list.as_array()?.iter().map(|value| value.as_str().map(str::to_owned)).collect()
}

fn cut(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// A name as a part of a JSON pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn error(pointer: &str, fault: String) -> SchemaError {
    SchemaError { pointer: if pointer.is_empty() { "/".to_owned() } else { pointer.to_owned() }, fault }
}
