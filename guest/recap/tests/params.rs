//! Parameters: what is refused and how it is said, and that the shipped schema and the types agree.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use recap::params::{Chart, Params, Photo, SCHEMA, Stat};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

fn refusal(params: &Value) -> String {
    Params::from_json(params).err().unwrap_or_else(|| panic!("{params} was accepted")).to_string()
}

#[test]
fn bad_parameters_give_one_error_with_field_value_and_what_is_allowed() {
    for (params, expected) in [
        (json!([]), "params: [] is not allowed: it must be an object"),
        (json!({"fps": 500}), "params.fps: 500 is not allowed: it must be a whole number from 10 to 60"),
        (json!({"fps": 29.97}), "params.fps: 29.97 is not allowed: it must be a whole number from 10 to 60"),
        (json!({"fps": "30"}), "params.fps: \"30\" is not allowed: it must be a whole number from 10 to 60"),
        (json!({"fps": null}), "params.fps: null is not allowed: it must be a whole number from 10 to 60"),
        (json!({"duration": 0}), "params.duration: 0 is not allowed: it must be a number from 5 to 60"),
        (
            json!({"theme": "pink"}),
            "params.theme: \"pink\" is not allowed: it must be one of midnight, ember, forest, paper, sky, mono",
        ),
        (json!({"accent": "red"}), "params.accent: \"red\" is not allowed: it must be a colour as \"#rrggbb\" or null"),
        (
            json!({"period": "2026-13"}),
            "params.period: \"2026-13\" is not allowed: it must be a month as \"YYYY-MM\" from 1970-01 on or null",
        ),
        (json!({"title": " "}), "params.title: \" \" is not allowed: it must be a text of 1 to 60 characters or null"),
        (
            json!({"width": 641, "height": 360}),
            "params.width: 641 is not allowed: it must be an even whole number from 240 to 1920 or null",
        ),
        (json!({"width": 640}), "params.height: missing is not allowed: it must be given together with `width`"),
        (
            json!({"width": 1920, "height": 1920}),
            "params.width: 1920 is not allowed: with `height` 1920 that is more than 2088960 pixels a frame",
        ),
        (
            json!({"stats": [{"label": "a", "value": 1}, {"label": "b"}]}),
            "params.stats[1].value: missing is not allowed: it must be a number from -1000000000000 to 1000000000000",
        ),
        (
            json!({"stats": [{"label": "a", "value": 1, "colour": 2}]}),
            "params.stats[0].colour: 2 is not allowed: there is no such field; allowed are decimals, label, unit, value",
        ),
        (
            json!({"stats": vec![json!({"label": "a", "value": 1}); 5]}),
            "params.stats: [{\"label\":\"a\",\"value\":1},{\"label\":\"a\",\"value\":1},{\"label\":\"a… is not allowed: it must be a list of at most 4 entries or null",
        ),
        (
            json!({"chart": {"values": [1]}}),
            "params.chart.values: [1.0] is not allowed: allowed are no values, or 2 to 31",
        ),
        (
            json!({"chart": {"values": [1, -2]}}),
            "params.chart.values[1]: -2 is not allowed: it must be a number from 0 to 1000000000000",
        ),
        (
            json!({"chart": {"values": [1, 2], "labels": ["x"]}}),
            "params.chart.labels: [\"x\"] is not allowed: allowed are no labels, or one for each of the 2 values",
        ),
        (
            json!({"brand": "a\u{7}b"}),
            "params.brand: \"a\\u0007b\" is not allowed: the control character U+0007 is not allowed",
        ),
        (
            json!({"headline": "日本"}),
            "params.headline: \"日本\" is not allowed: the font has no '日'; allowed are Latin, Greek and Cyrillic letters, digits, punctuation and common signs",
        ),
    ] {
        assert_eq!(refusal(&params), expected);
    }
    assert!(
        refusal(&json!({"colour": 1}))
            .starts_with("params.colour: 1 is not allowed: there is no such field; allowed are accent, brand")
    );
}

#[test]
fn a_huge_value_is_cut_in_the_message() {
    assert!(refusal(&json!({"title": "x".repeat(60_000)})).len() < 200);
}

#[test]
fn nothing_and_the_schemas_defaults_are_the_default() {
    assert_eq!(Params::from_json(&Value::Null).unwrap(), Params::default());
    assert_eq!(Params::from_json(&json!({})).unwrap(), Params::default());
    let schema = schema();
    let defaults: serde_json::Map<String, Value> = schema["properties"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, field)| {
            (name.clone(), field.get("default").unwrap_or_else(|| panic!("{name} has no default")).clone())
        })
        .collect();
    assert_eq!(Params::from_json(&Value::Object(defaults)).unwrap(), Params::default());
}

/// The names serde lists when it meets one it does not know.
fn names_in(error: &serde_json::Error) -> BTreeSet<String> {
    let text = error.to_string();
    text.split("expected ").last().unwrap().split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn fields_of<T: serde::de::DeserializeOwned>() -> BTreeSet<String> {
    names_in(&serde_json::from_value::<T>(json!({"no_such_field": 1})).err().unwrap())
}

#[test]
fn schema_and_types_have_the_same_fields() {
    let schema = schema();
    let names = |schema: &Value| schema["properties"].as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let fields = &schema["properties"];
    assert_eq!(names(&schema), fields_of::<Params>());
    assert_eq!(names(&fields["stats"]["items"]), fields_of::<Stat>());
    assert_eq!(names(&fields["photos"]["items"]), fields_of::<Photo>());
    assert_eq!(names(&fields["chart"]), fields_of::<Chart>());
    for object in [&schema, &fields["stats"]["items"], &fields["photos"]["items"], &fields["chart"]] {
        assert_eq!(object["additionalProperties"], json!(false));
        assert!(
            object["properties"]
                .as_object()
                .unwrap()
                .values()
                .all(|field| field["description"].is_string() || field["items"].is_object())
        );
    }
}

#[test]
fn schema_and_types_have_the_same_choices() {
    let schema = schema();
    let choices = |field: &Value| -> BTreeSet<String> {
        field["enum"].as_array().unwrap().iter().map(|choice| choice.as_str().unwrap().to_owned()).collect()
    };
    for (name, field) in schema["properties"].as_object().unwrap() {
        if field["enum"].is_array() {
            let error = serde_json::from_value::<Params>(json!({ name.as_str(): "no such choice" })).err().unwrap();
            assert_eq!(choices(field), names_in(&error), "{name}");
        }
    }
    let error = serde_json::from_value::<Chart>(json!({"values": [], "kind": "no such choice"})).err().unwrap();
    assert_eq!(choices(&schema["properties"]["chart"]["properties"]["kind"]), names_in(&error));
}

#[test]
fn bounds_themselves_are_allowed_and_one_step_beyond_is_not() {
    let schema = schema();
    for (name, field) in schema["properties"].as_object().unwrap() {
        let (Some(least), Some(most)) = (field["minimum"].as_i64(), field["maximum"].as_i64()) else { continue };
        let step = field["multipleOf"].as_i64().unwrap_or(1);
        let with = |value: i64| {
            let mut params = json!({ name.as_str(): value });
            match name.as_str() {
                "width" => params["height"] = json!(240),
                "height" => params["width"] = json!(240),
                _ => {}
            }
            Params::from_json(&params)
        };
        assert!(with(least).is_ok() && with(most).is_ok(), "{name}");
        for outside in [least - step, most + step] {
            let message = with(outside).unwrap_err().to_string();
            assert!(message.contains(&format!("params.{name}: {outside}")), "{message}");
            assert!(message.contains(&format!("from {least} to {most}")), "{message}");
        }
    }
}

#[test]
fn named_sizes_are_what_the_schema_says() {
    let description = schema()["properties"]["size"]["description"].as_str().unwrap().to_owned();
    for size in schema()["properties"]["size"]["enum"].as_array().unwrap() {
        let (width, height) = Params::from_json(&json!({ "size": size })).unwrap().dimensions();
        let text = format!("{} {width}x{height}", size.as_str().unwrap());
        assert!(description.contains(&text), "{text}");
        assert!(width.is_multiple_of(2) && height.is_multiple_of(2));
    }
}

#[test]
fn accents_in_every_text_are_allowed() {
    let params = json!({
        "brand": "Café Ünal", "title": "Août à São Tomé", "headline": "Straße, şimşek, mañana, Łódź, Việt Nam",
        "closing": "À bientôt — Čau!", "stats": [{"label": "Größe", "value": 1.5, "unit": "m²"}],
        "chart": {"title": "Ñandú", "values": [1, 2], "labels": ["é", "e\u{301}"]}, "caption": "Ελλάδα и Київ",
    });
    assert!(Params::from_json(&params).is_ok());
}
