use serde_json::json;

use super::*;

fn schema(value: &Value) -> ParamsSchema {
    ParamsSchema::new(value).unwrap_or_else(|error| panic!("{value}: {error}"))
}

fn faults(schema_value: &Value, params: &Value) -> String {
    let params = params.to_string().parse().unwrap();
    match schema(schema_value).check(&params) {
        Ok(()) => String::new(),
        Err(fault) => fault.to_string(),
    }
}

fn refused(schema: &Value) -> String {
    ParamsSchema::new(schema).expect_err("the schema loads").to_string()
}

#[test]
fn each_keyword_takes_and_refuses() {
    // Keyword, its value, what fits, what does not.
    let cases = [
        ("type", json!("integer"), json!([0, -3, 2.0, 1e3]), json!([1.5, "1", null, true, [], {}])),
        ("type", json!(["string", "null"]), json!(["", null]), json!([0, false, [], {}])),
        ("type", json!("number"), json!([0, 0.5]), json!(["0", null])),
        ("type", json!("boolean"), json!([true, false]), json!([0, "true"])),
        ("type", json!("object"), json!([{}]), json!([[], 1])),
        ("enum", json!(["a", 1, [1, {"b": null}]]), json!(["a", 1, 1.0, [1, {"b": null}]]), json!(["b", [1, {}], []])),
        ("const", json!({"a": 1}), json!([{"a": 1.0}]), json!([{"a": 2}, {"a": 1, "b": 1}])),
        ("minimum", json!(3), json!([3, 3.5, "2"]), json!([2, 2.999])),
        ("maximum", json!(1.5), json!([1, 1.5]), json!([2, 1.6])),
        ("exclusiveMinimum", json!(0), json!([1, 0.001]), json!([0, 0.0, -1])),
        ("exclusiveMaximum", json!(0), json!([-1]), json!([0, 1])),
        ("maximum", json!(u64::MAX), json!([u64::MAX, i64::MIN]), json!([1e30])),
        ("multipleOf", json!(2), json!([0, 4, -2, 6.0]), json!([3, 2.5])),
        ("multipleOf", json!(0.1), json!([0.3, 1, 0.7]), json!([0.35])),
        ("minLength", json!(2), json!(["éé", "abc", 1]), json!(["é", ""])),
        ("maxLength", json!(2), json!(["é漢", ""]), json!(["abc"])),
        ("pattern", json!("^#[0-9a-f]{2}$"), json!(["#0f", 5]), json!(["#0F", "x#0f", "#0f\n"])),
        ("pattern", json!("b"), json!(["abc"]), json!(["ac"])),
        ("items", json!({"type": "string"}), json!([[], ["a", "b"], "x"]), json!([["a", 1]])),
        ("prefixItems", json!([{"type": "string"}, true]), json!([[], ["a"], ["a", 1, 2]]), json!([[1]])),
        ("minItems", json!(1), json!([[0], {}]), json!([[]])),
        ("maxItems", json!(1), json!([[0], []]), json!([[0, 1]])),
        ("uniqueItems", json!(true), json!([[1, 2, "1"], []]), json!([[1, 1.0], [{"a": 1}, {"a": 1}]])),
        ("properties", json!({"a": {"type": "null"}}), json!([{}, {"a": null, "b": 1}, 1]), json!([{"a": 1}])),
        ("additionalProperties", json!(false), json!([{}, []]), json!([{"a": 1}])),
        ("additionalProperties", json!({"type": "string"}), json!([{"a": "b"}]), json!([{"a": 1}])),
        ("propertyNames", json!({"maxLength": 1}), json!([{"a": 1}, {}]), json!([{"ab": 1}])),
        ("required", json!(["a"]), json!([{"a": null}, 1]), json!([{}, {"b": 1}])),
        ("dependentRequired", json!({"a": ["b"]}), json!([{}, {"b": 1}, {"a": 1, "b": 1}]), json!([{"a": 1}])),
        ("minProperties", json!(1), json!([{"a": 1}]), json!([{}])),
        ("maxProperties", json!(1), json!([{"a": 1}]), json!([{"a": 1, "b": 2}])),
        ("allOf", json!([{"minimum": 1}, {"maximum": 2}]), json!([1, 2]), json!([0, 3])),
        ("anyOf", json!([{"type": "null"}, {"minimum": 5}]), json!([null, 5, "x"]), json!([4])),
        ("oneOf", json!([{"minimum": 1}, {"minimum": 5}]), json!([1, 4]), json!([0, 5])),
        ("not", json!({"type": "string"}), json!([1, null]), json!(["a"])),
    ];
    for (keyword, value, good, bad) in cases {
        let schema = json!({ keyword: value });
        for good in good.as_array().unwrap() {
            assert_eq!(faults(&schema, good), "", "{schema} {good}");
        }
        for bad in bad.as_array().unwrap() {
            assert_ne!(faults(&schema, bad), "", "{schema} {bad}");
        }
    }
}

#[test]
fn conditions_and_references_hold() {
    let schema = json!({
        "$defs": {"size": {"type": "integer", "minimum": 1}},
        "properties": {"kind": {"enum": ["box", "dot"]}, "size": {"$ref": "#/$defs/size"}, "next": {"$ref": "#"}},
        "if": {"properties": {"kind": {"const": "box"}}, "required": ["kind"]},
        "then": {"required": ["size"]},
        "else": {"properties": {"size": false}}
    });
    assert_eq!(faults(&schema, &json!({"kind": "box", "size": 1, "next": {"kind": "dot"}})), "");
    assert_eq!(faults(&schema, &json!({"kind": "box"})), "params has no field \"size\"; it is required");
    assert_eq!(
        faults(&schema, &json!({"next": {"next": {"kind": "box", "size": 0}}})),
        "params.next.next.size is too small; allowed: at least 1"
    );
    assert_eq!(faults(&schema, &json!({"kind": "dot", "size": 1})), "params.size is not allowed here");
}

#[test]
fn p1_faults_name_the_place_and_what_is_allowed_but_no_value() {
    let schema: Value = serde_json::from_str(include_str!("../../../../../guest/recap/params.schema.json")).unwrap();
    for (params, expected) in [
        (json!({"size": "canary"}), r#"params.size is none of the allowed values; allowed: "480p", "720p", "1080p""#),
        (json!({"fps": 9}), "params.fps is too small; allowed: at least 10"),
        (json!({"fps": "canary"}), "params.fps is a string; allowed: integer"),
        (json!({"width": 241}), "params.width does not fit; allowed: multiples of 2"),
        (json!({"accent": "canary"}), "params.accent has another form; allowed: what matches ^#[0-9a-fA-F]{6}$"),
        (json!({"colour": "canary"}), "params has an unknown field \"colour\"; allowed: accent, brand, caption"),
        (
            json!({"stats": [{"label": "a", "value": 1}, {"label": "canary".repeat(9), "value": 1}]}),
            "params.stats[1].label has 54 characters; allowed: at most 40",
        ),
        (json!({"stats": [{"label": "canary"}]}), "params.stats[0] has no field \"value\"; it is required"),
        (json!([]), "params is an array; allowed: object"),
    ] {
        let text = faults(&schema, &params);
        assert!(text.starts_with(expected), "{text}");
        assert!(!text.contains("canary"), "parameters are nobody's business: {text}");
    }
    assert_eq!(
        faults(&schema, &json!({"duration": 61, "fps": 9, "music": "loud"})),
        "3 parameters are not as the plugin's manifest wants them:\
         \n  params.duration is too large; allowed: at most 60\
         \n  params.fps is too small; allowed: at least 10\
         \n  params.music is none of the allowed values; allowed: \"calm\", \"bright\", \"none\""
    );
    assert_eq!(faults(&schema, &json!({})), "");
}

#[test]
fn a_form_that_nearly_fits_is_explained() {
    let schema = json!({"anyOf": [
        {"type": "null"},
        {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
        {"type": "string"},
    ]});
    assert_eq!(faults(&schema, &json!({"a": "x"})), "params.a is a string; allowed: integer");
    let none = faults(&schema, &json!(1));
    assert_eq!(none, "params has none of the 3 forms that are allowed: by one of them it is a number; allowed: null");
}

#[test]
fn hostile_names_are_shown_bounded_and_in_quotes() {
    let schema = json!({"additionalProperties": {"type": "null"}});
    let text = faults(&schema, &json!({"a\u{1b}[2J\"]": 1}));
    assert_eq!(text, "params[\"a\\u{1b}[2J\\\"]\"] is a number; allowed: null");
    let text = faults(&schema, &json!({"x".repeat(5000): 1}));
    assert!(text.len() < 200, "{text}");
}

#[test]
fn what_is_not_understood_is_refused_instead_of_ignored() {
    let cases = [
        (json!({"minimun": 1}), "at \"/minimun\": is a keyword that is not understood here; allowed: type, enum"),
        (json!({"properties": {"a": {"unevaluatedItems": false}}}), "at \"/properties/a/unevaluatedItems\": is a key"),
        (json!({"properties": {"a/b": 1}}), "at \"/properties/a~1b\": is no schema"),
        (json!(1), "at \"/\": is no schema"),
        (json!({"type": "text"}), "at \"/type\": cannot be so; allowed: null, boolean"),
        (json!({"type": []}), "at \"/type\""),
        (json!({"enum": "a"}), "at \"/enum\": cannot be so; allowed: a list of values"),
        (json!({"required": "a"}), "at \"/required\": cannot be so; allowed: a list of names"),
        (json!({"minLength": -1}), "at \"/minLength\": cannot be so; allowed: a whole number"),
        (json!({"multipleOf": 0}), "at \"/multipleOf\": cannot be so; allowed: a number above 0"),
        (json!({"anyOf": []}), "at \"/anyOf\": cannot be so; allowed: a list of one schema or more"),
        (json!({"pattern": "(?=a)"}), "at \"/pattern\": cannot be so; allowed: a regular expression"),
        (json!({"pattern": "(((a{100}){100}){100})"}), "at \"/pattern\": cannot be so"),
        (
            json!({"$ref": "https://example.com/s.json"}),
            "at \"/$ref\": cannot be so; allowed: a place in this document",
        ),
        (json!({"$ref": "#/$defs/none"}), "at \"/$ref\""),
        (json!({"$schema": "http://json-schema.org/draft-04/schema#"}), "at \"/$schema\": is another dialect"),
        (json!({"items": {"$id": "other"}}), "at \"/items/$id\": cannot be so"),
    ];
    for (schema, expected) in cases {
        let text = refused(&schema);
        assert!(text.starts_with(expected), "{schema}: {text}");
    }
}

/// Each of these takes a general validator exponential time or endless recursion.
#[test]
fn p3_a_hostile_schema_is_given_up_instead_of_followed() {
    let fan_out = |name: &str, next: &str| (name.to_owned(), json!({"allOf": [{"$ref": next}, {"$ref": next}]}));
    let mut defs: serde_json::Map<_, _> =
        (0..40).map(|n| fan_out(&format!("d{n}"), &format!("#/$defs/d{}", n + 1))).collect();
    defs.insert("d40".to_owned(), json!({"type": "string"}));
    let deep = |depth: usize| (0..depth).fold(json!(1), |inner, _| json!({"a": inner}));
    let twice = json!({"allOf": [{"properties": {"a": {"$ref": "#"}}}, {"properties": {"a": {"$ref": "#"}}}]});
    let numbers: Vec<_> = (0..10_000).collect();
    let cases = [
        ("references that fan out", json!({"$defs": defs, "$ref": "#/$defs/d0"}), json!({})),
        ("a reference to itself", json!({"$ref": "#"}), json!({})),
        ("two that refer to each other", json!({"anyOf": [{"not": {"$ref": "#"}}]}), json!({})),
        ("a recursion that fans out", twice, deep(60)),
        ("every entry with every other", json!({"uniqueItems": true}), json!(numbers)),
        ("a slow pattern", json!({"items": {"pattern": "^([a-z]{1,5000})*$"}}), json!(vec!["aaaaaaaaaa"; 4000])),
    ];
    for (name, schema_value, params) in cases {
        let params = params.to_string().parse().unwrap();
        let checked = schema(&schema_value).check(&params);
        assert_eq!(checked, Err(ParamsFault::TooMuchWork), "{name}");
    }
}
