//! What is wrong with parameters, said once and well. The shipped schema is the rule; this reads the part of JSON Schema
//! that it uses.

use super::{Params, SCHEMA};
use crate::text::Fonts;
use serde_json::Value;

/// Most pixels of a frame: what the CPU budget of a job is made for.
const AREA_MAX: u32 = 1_920 * 1_088;

/// A parameter that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {value} is not allowed: {allowed}")]
pub struct ParamsError {
    /// Path of the field, for example `params.stats[2].value`; `params` for the parameters as a whole.
    pub field: String,
    /// Its value as JSON, cut after 60 characters; `missing` where there is none.
    pub value: String,
    /// What would be right.
    pub allowed: String,
}

impl ParamsError {
    fn new(field: &str, value: &Value, allowed: impl Into<String>) -> ParamsError {
        let field = in_params(field);
        let json = value.to_string();
        let mut shown: String = json.chars().take(60).collect();
        if shown.len() < json.len() {
            shown.push('…');
        }
        ParamsError { field, value: shown, allowed: allowed.into() }
    }

    /// Something the schema lets through and the types do not: a fault of this plugin, but still one clear message.
    pub(super) fn unreadable(error: &serde_path_to_error::Error<serde_json::Error>) -> ParamsError {
        ParamsError {
            field: in_params(&error.path().to_string()),
            value: "not readable".to_owned(),
            allowed: error.inner().to_string(),
        }
    }
}

/// A path as it is shown.
fn in_params(path: &str) -> String {
    if path.is_empty() || path == "." { "params".to_owned() } else { format!("params.{path}") }
}

/// A photo that is not among the inputs.
pub(crate) fn missing_input(index: usize, file: &str, inputs: &str) -> ParamsError {
    let allowed = format!("it must be the name of an input of the job: {inputs}");
    ParamsError::new(&format!("photos[{index}].file"), &file.into(), allowed)
}

/// Checks against the shipped schema.
pub(super) fn against_schema(value: &Value) -> Result<(), ParamsError> {
    let schema: Value = serde_json::from_str(SCHEMA)
        .map_err(|error| ParamsError::new("", value, format!("the plugin's schema is damaged: {error}")))?;
    check("", value, &schema)
}

/// Checks what a schema cannot say.
pub(super) fn across_fields(params: &Params) -> Result<(), ParamsError> {
    if params.width.is_some() != params.height.is_some() {
        let (given, missing) = if params.width.is_some() { ("width", "height") } else { ("height", "width") };
        let allowed = format!("it must be given together with `{given}`");
        return Err(ParamsError { field: in_params(missing), value: "missing".to_owned(), allowed });
    }
    let (width, height) = params.dimensions();
    if u32::from(width) * u32::from(height) > AREA_MAX {
        let allowed = format!("with `height` {height} that is more than {AREA_MAX} pixels a frame");
        return Err(ParamsError::new("width", &width.into(), allowed));
    }
    if let Some(chart) = &params.chart {
        if chart.values.len() == 1 {
            let allowed = "allowed are no values, or 2 to 31";
            return Err(ParamsError::new("chart.values", &chart.values.clone().into(), allowed));
        }
        if !chart.labels.is_empty() && chart.labels.len() != chart.values.len() {
            let allowed = format!("allowed are no labels, or one for each of the {} values", chart.values.len());
            return Err(ParamsError::new("chart.labels", &chart.labels.clone().into(), allowed));
        }
    }
    texts(params).into_iter().try_for_each(|(field, text)| check_characters(&field, text))
}

/// Every text that will be drawn, with the path of its field.
fn texts(params: &Params) -> Vec<(String, &str)> {
    let mut texts = vec![("brand".to_owned(), params.brand.as_str())];
    let optional = [
        ("title", &params.title),
        ("headline", &params.headline),
        ("closing", &params.closing),
        ("stats_title", &params.stats_title),
        ("caption", &params.caption),
    ];
    texts.extend(optional.into_iter().filter_map(|(field, text)| Some((field.to_owned(), text.as_deref()?))));
    for (index, stat) in params.stats.iter().flatten().enumerate() {
        texts.push((format!("stats[{index}].label"), &stat.label));
        texts.push((format!("stats[{index}].unit"), &stat.unit));
    }
    if let Some(chart) = &params.chart {
        texts.extend(chart.title.as_deref().map(|title| ("chart.title".to_owned(), title)));
        texts.push(("chart.unit".to_owned(), &chart.unit));
        texts.extend(
            chart.labels.iter().enumerate().map(|(index, label)| (format!("chart.labels[{index}]"), label.as_str())),
        );
    }
    for (index, photo) in params.photos.iter().flatten().enumerate() {
        texts.push((format!("photos[{index}].caption"), &photo.caption));
    }
    texts
}

fn check_characters(field: &str, text: &str) -> Result<(), ParamsError> {
    if let Some(control) = text.chars().find(|character| character.is_control()) {
        let allowed = format!("the control character U+{:04X} is not allowed", u32::from(control));
        return Err(ParamsError::new(field, &text.into(), allowed));
    }
    if let Some(missing) = Fonts::new().missing(text) {
        let allowed = format!(
            "the font has no {missing:?}; allowed are Latin, Greek and Cyrillic letters, digits, punctuation and common signs"
        );
        return Err(ParamsError::new(field, &text.into(), allowed));
    }
    Ok(())
}

/// The subset of JSON Schema that the shipped schema uses.
fn check(field: &str, value: &Value, schema: &Value) -> Result<(), ParamsError> {
    let refuse = || Err(ParamsError::new(field, value, format!("it must be {}", describe(schema))));
    if !has_type(value, &schema["type"]) {
        return refuse();
    }
    if let Some(choices) = schema["enum"].as_array()
        && !choices.contains(value)
    {
        return refuse();
    }
    match value {
        Value::Number(number) if !number_fits(number.as_f64(), schema) => refuse(),
        Value::String(text) if !text_fits(text, schema) => refuse(),
        Value::Array(items) => {
            if schema["maxItems"].as_u64().is_some_and(|most| items.len() as u64 > most) {
                return refuse();
            }
            let mut items = items.iter().enumerate();
            items.try_for_each(|(index, item)| check(&format!("{field}[{index}]"), item, &schema["items"]))
        }
        Value::Object(fields) => {
            let path = |name: &str| if field.is_empty() { name.to_owned() } else { format!("{field}.{name}") };
            let known = schema["properties"].as_object();
            for (name, value) in fields {
                let Some(schema) = known.and_then(|known| known.get(name)) else {
                    let names: Vec<&str> =
                        known.into_iter().flat_map(|known| known.keys().map(String::as_str)).collect();
                    return Err(ParamsError::new(
                        &path(name),
                        value,
                        format!("there is no such field; allowed are {}", names.join(", ")),
                    ));
                };
                check(&path(name), value, schema)?;
            }
            let mut required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            match required.find(|name| !fields.contains_key(*name)) {
                None => Ok(()),
                Some(name) => {
                    let allowed = format!("it must be {}", describe(&schema["properties"][name]));
                    Err(ParamsError { field: in_params(&path(name)), value: "missing".to_owned(), allowed })
                }
            }
        }
        _ => Ok(()),
    }
}

fn has_type(value: &Value, wanted: &Value) -> bool {
    types(wanted).iter().any(|&wanted| match wanted {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    })
}

fn types(wanted: &Value) -> Vec<&str> {
    match wanted {
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        name => name.as_str().into_iter().collect(),
    }
}

fn number_fits(number: Option<f64>, schema: &Value) -> bool {
    let Some(number) = number else { return false };
    schema["minimum"].as_f64().is_none_or(|least| number >= least)
        && schema["maximum"].as_f64().is_none_or(|most| number <= most)
        && schema["multipleOf"].as_f64().is_none_or(|step| number.rem_euclid(step) == 0.0)
}

fn text_fits(text: &str, schema: &Value) -> bool {
    let length = text.trim().chars().count() as u64;
    let pattern = schema["pattern"].as_str();
    schema["minLength"].as_u64().is_none_or(|least| length >= least)
        && schema["maxLength"].as_u64().is_none_or(|most| text.chars().count() as u64 <= most)
        && pattern.is_none_or(|pattern| {
            if pattern.starts_with("^#") { parse_colour(text).is_some() } else { parse_period(text).is_some() }
        })
}

/// What a schema allows, in words.
fn describe(schema: &Value) -> String {
    if let Some(choices) = schema["enum"].as_array() {
        let choices: Vec<&str> = choices.iter().filter_map(Value::as_str).collect();
        return format!("one of {}", choices.join(", "));
    }
    let bound = |name: &str| schema[name].as_f64().map(|bound| bound.to_string());
    let between = match (bound("minimum"), bound("maximum")) {
        (Some(least), Some(most)) => format!(" from {least} to {most}"),
        _ => String::new(),
    };
    let least_characters = schema["minLength"].as_u64().unwrap_or(0);
    let kinds = types(&schema["type"]).into_iter().map(|kind| match kind {
        "integer" if schema["multipleOf"] == 2 => format!("an even whole number{between}"),
        "integer" => format!("a whole number{between}"),
        "number" => format!("a number{between}"),
        "string" => match schema["pattern"].as_str() {
            Some(pattern) if pattern.starts_with("^#") => "a colour as \"#rrggbb\"".to_owned(),
            Some(_) => "a month as \"YYYY-MM\" from 1970-01 on".to_owned(),
            None => format!("a text of {least_characters} to {} characters", schema["maxLength"]),
        },
        "array" => format!("a list of at most {} entries", schema["maxItems"]),
        "object" => "an object".to_owned(),
        other => other.to_owned(),
    });
    kinds.collect::<Vec<_>>().join(" or ")
}

/// Red, green and blue of `#rrggbb`.
pub(crate) fn parse_colour(text: &str) -> Option<[u8; 3]> {
    let digits =
        text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
    let [_, r, g, b] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
    Some([r, g, b])
}

/// Year and month of `YYYY-MM`.
pub(crate) fn parse_period(text: &str) -> Option<(u16, u8)> {
    let (year, month) = text.split_once('-').filter(|(year, month)| year.len() == 4 && month.len() == 2)?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (year, month) =
        (Some(year).filter(|y| digits(y))?.parse().ok()?, Some(month).filter(|m| digits(m))?.parse().ok()?);
    ((1970..=9999).contains(&year) && (1..=12).contains(&month)).then_some((year, month))
}
