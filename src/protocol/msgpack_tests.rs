//! What Terraform sends, byte for byte where the reference records it, and what must not bring us down.

use serde_json::json;

use super::*;
use crate::value::{self, number, string};

fn pack(value: Pack) -> Vec<u8> {
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, &value).unwrap();
    bytes
}

fn text_of(bytes: &[u8]) -> String {
    match decode(bytes, &Type::Number).unwrap() {
        Value::Value(Known::Number(number)) => number.as_str().to_owned(),
        other => panic!("{other:?} is no number"),
    }
}

fn there_and_back(bytes: &[u8], kind: &Type) -> Vec<u8> {
    encode(&decode(bytes, kind).unwrap(), kind).unwrap()
}

fn problem(bytes: &[u8], kind: &Type) -> String {
    let error = decode(bytes, kind).unwrap_err().into_error("it");
    format!("{}: {}", error.attribute, error.detail)
}

fn object(attributes: &[(&str, Type)]) -> Type {
    Type::Object(attributes.iter().map(|(name, kind)| ((*name).to_owned(), kind.clone())).collect())
}

#[test]
fn a_number_keeps_its_value_in_whichever_form_it_comes() {
    for (sent, expected) in [
        (pack((-5).into()), "-5"),
        (pack(9_007_199_254_740_993_i64.into()), "9007199254740993"),
        (pack(u64::MAX.into()), "18446744073709551615"),
        (pack(0.5.into()), "0.5"),
        (pack(Pack::F32(0.25)), "0.25"),
        (pack("0.1".into()), "0.1"),
        (pack("0.0000001".into()), "0.0000001"),
        (pack("12345678901234567890123".into()), "12345678901234567890123"),
        (pack((-0.0).into()), "0"),
        (pack(0.1.into()), "0.1000000000000000055511151231257827021181583404541015625"),
    ] {
        assert_eq!(text_of(&sent), expected);
        let back = there_and_back(&sent, &Type::Number);
        assert_eq!(text_of(&back), expected, "the value changed on its way back");
    }
}

#[test]
fn a_number_goes_back_in_the_form_terraform_itself_uses() {
    for sent in [
        pack(7.into()),
        pack(0.5.into()),
        pack(0.1.into()),
        pack("0.1".into()),
        pack("12345678901234567890123".into()),
        pack("18446744073709551616".into()),
    ] {
        assert_eq!(there_and_back(&sent, &Type::Number), sent);
    }
}

#[test]
fn what_is_no_number_is_refused() {
    for sent in [pack(f64::INFINITY.into()), pack(f64::NAN.into()), pack("x".into()), pack(true.into())] {
        assert!(decode(&sent, &Type::Number).is_err());
    }
}

#[test]
fn unknown_is_any_extension_also_a_refined_one() {
    let plain = [0xd4, 0x00, 0x00];
    let mut refinements = Vec::new();
    // Not null, and starts with "hello ": what Terraform sends for an interpolated string.
    rmpv::encode::write_value(
        &mut refinements,
        &Pack::Map(vec![(1.into(), false.into()), (2.into(), "hello ".into())]),
    )
    .unwrap();
    let refined = pack(Pack::Ext(12, refinements));
    for kind in [Type::String, Type::Number, Type::Any, Type::List(Box::new(Type::String)), object(&[])] {
        for sent in [&plain[..], &refined[..]] {
            assert_eq!(decode(sent, &kind).unwrap(), Value::Unknown);
            assert_eq!(there_and_back(sent, &kind), plain);
        }
    }
}

#[test]
fn null_empty_and_absent_are_three_things() {
    let kind = object(&[("null", Type::String), ("text", Type::String), ("list", Type::List(Box::new(Type::String)))]);
    let sent = pack(Pack::Map(vec![
        ("list".into(), Pack::Array(Vec::new())),
        ("null".into(), Pack::Nil),
        ("text".into(), "".into()),
    ]));
    let read = decode(&sent, &kind).unwrap();
    assert_eq!(value::attribute(&read, "null"), &Value::Null);
    assert_eq!(value::attribute(&read, "text"), &string(""));
    assert_eq!(value::attribute(&read, "list"), &Value::Value(Known::List(Vec::new())));
    assert_eq!(there_and_back(&sent, &kind), sent);
    assert_eq!(decode(&[0xc0], &kind).unwrap(), Value::Null);
    let absent = pack(Pack::Map(vec![("null".into(), Pack::Nil), ("text".into(), "".into())]));
    assert!(problem(&absent, &kind).contains("`list`"));
}

#[test]
fn names_the_schema_does_not_have_are_refused_both_ways() {
    let kind = object(&[("a", Type::String)]);
    let sent = pack(Pack::Map(vec![("a".into(), "x".into()), ("b".into(), "y".into())]));
    assert!(problem(&sent, &kind).contains("`b`"));
    let twice = pack(Pack::Map(vec![("a".into(), "x".into()), ("a".into(), "y".into())]));
    assert!(decode(&twice, &kind).is_err());
    let extra = Value::Value(Known::Map([("b".to_owned(), Value::Null)].into()));
    assert!(encode(&extra, &kind).is_err());
}

#[test]
fn strings_and_keys_come_and_go_in_normal_form_c() {
    let decomposed = "Cafe\u{301}";
    let composed = "Caf\u{e9}";
    assert_eq!(decode(&pack(decomposed.into()), &Type::String).unwrap(), string(composed));
    assert_eq!(encode(&string(decomposed), &Type::String).unwrap(), pack(composed.into()));
    let map = Type::Map(Box::new(Type::String));
    let read = decode(&pack(Pack::Map(vec![(decomposed.into(), "x".into())])), &map).unwrap();
    assert_eq!(value::attribute(&read, composed), &string("x"));
}

#[test]
fn a_set_loses_what_stands_there_twice() {
    let kind = Type::Set(Box::new(Type::Number));
    let sent = pack(Pack::Array(vec![2.into(), 1.into(), "2".into(), 2.0.into()]));
    assert_eq!(decode(&sent, &kind).unwrap(), Value::Value(Known::List(vec![number(1), number(2)])));
    let unknowns = pack(Pack::Array(vec![Pack::Ext(0, vec![0]), Pack::Ext(0, vec![0])]));
    assert_eq!(decode(&unknowns, &kind).unwrap(), Value::Value(Known::List(vec![Value::Unknown, Value::Unknown])));
}

#[test]
fn a_dynamic_value_carries_its_type_as_bytes() {
    let json = br#"["object",{"a":["list","number"]}]"#;
    let inner = Pack::Map(vec![("a".into(), Pack::Array(vec![1.into(), Pack::Ext(12, vec![0x80])]))]);
    let sent = pack(Pack::Array(vec![Pack::Binary(json.to_vec()), inner]));
    let read = decode(&sent, &Type::Any).unwrap();
    let Value::Value(Known::Dynamic(dynamic)) = &read else { panic!("{read:?}") };
    assert_eq!(value::to_json(&dynamic.1), json!({"a": [1, null]}));
    assert!(!value::is_wholly_known(&read));
    let null = pack(Pack::Array(vec![Pack::Binary(br#""string""#.to_vec()), Pack::Nil]));
    assert_eq!(there_and_back(&null, &Type::Any), null);
    for broken in [vec![Pack::Nil], vec![Pack::Binary(b"\"text\"".to_vec()), Pack::Nil], vec![1.into(), 2.into()]] {
        assert!(decode(&pack(Pack::Array(broken)), &Type::Any).is_err());
    }
}

#[test]
fn a_tuple_has_as_many_elements_as_its_type() {
    let kind = Type::Tuple(vec![Type::String, Type::Bool]);
    let sent = pack(Pack::Array(vec!["a".into(), true.into()]));
    assert_eq!(there_and_back(&sent, &kind), sent);
    assert!(decode(&pack(Pack::Array(vec!["a".into()])), &kind).is_err());
}

#[test]
fn an_error_says_where_but_not_what_the_value_was() {
    let kind = object(&[("tags", Type::Map(Box::new(Type::List(Box::new(Type::Bool)))))]);
    let inner = Pack::Map(vec![("k".into(), Pack::Array(vec![true.into(), "secret".into()]))]);
    let problem = problem(&pack(Pack::Map(vec![("tags".into(), inner)])), &kind);
    assert!(problem.starts_with("tags"), "{problem}");
    assert!(problem.contains("\"k\"") && problem.contains("[1]"), "{problem}");
    assert!(problem.contains("found a string") && !problem.contains("secret"), "{problem}");
}

#[test]
fn broken_msgpack_is_an_error_and_never_a_panic() {
    let kind = object(&[("a", Type::Any), ("s", Type::Set(Box::new(Type::Map(Box::new(Type::Number)))))]);
    // Nested arrays without end, and sizes that promise more than there is.
    let deep = vec![0x91; 100_000];
    for bytes in [
        &[][..],
        &[0xc1],
        &[0x91, 0xc1],
        &[0xdd, 0xff, 0xff, 0xff, 0xff],
        &[0xdf, 0xff, 0xff, 0xff, 0xff],
        &[0xc6],
        &deep,
    ] {
        for kind in [&kind, &Type::Any, &Type::String] {
            assert!(decode(bytes, kind).is_err());
        }
    }
    assert!(decode(&[0xc0, 0xc0], &kind).is_err(), "bytes behind the value");
    assert!(decode(&[0xa1, 0xff], &Type::String).is_err(), "a string that is not UTF-8");
    let all_lengths: Vec<Pack> = [0, 31, 32, 255, 256, 65_535, 65_536]
        .into_iter()
        .flat_map(|length| [Pack::Binary(vec![0xc1; length]), Pack::Ext(1, vec![0xc1; length])])
        .chain([1, 2, 4, 8, 16].map(|length| Pack::Ext(1, vec![0xc1; length])))
        .chain([0, 300, -3, -40_000, i64::MIN].map(Pack::from))
        .chain([Pack::F32(1.0), Pack::F64(1.0), Pack::Map(vec![(1.into(), true.into())])])
        .collect();
    let mut bytes = pack(Pack::Array(all_lengths));
    assert!(!uses_reserved(&bytes), "the marker was seen inside data");
    bytes.push(0xc1);
    assert!(uses_reserved(&bytes), "the walk lost its way");
    // Every single-byte change and every cut of a good value.
    let good = pack(Pack::Map(vec![
        ("a".into(), Pack::Array(vec![Pack::Binary(b"[\"list\",\"number\"]".to_vec()), Pack::Array(vec![1.5.into()])])),
        ("s".into(), Pack::Array(vec![Pack::Map(vec![("k".into(), "1".into())])])),
    ]));
    decode(&good, &kind).unwrap();
    for at in 0..good.len() {
        assert!(decode(&good[..at], &kind).is_err());
        for byte in 0..=255 {
            let mut changed = good.clone();
            changed[at] = byte;
            let _ = decode(&changed, &kind);
        }
    }
}
