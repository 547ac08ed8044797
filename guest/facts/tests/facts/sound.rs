//! MP3 and WAV, and JSON.

use facts::{FaultCode, Kind};

use crate::made::{assert_fault, assert_sound, look, sample, whole};

fn frames(count: usize) -> Vec<u8> {
    sample::tail("mp3").repeat(count)
}

#[test]
fn sound_says_channels_rate_and_length() {
    let facts = assert_sound(Kind::Mp3, &frames(100));
    assert_eq!((facts.audio[0].channels, facts.audio[0].sample_rate), (1, 48_000));
    assert_eq!(facts.duration_ms, Some(2400));
    let facts = assert_sound(Kind::Wav, &sample::whole("wav", 44 + 16_000));
    let track = &facts.audio[0];
    assert_eq!((track.codec, track.channels, track.sample_rate, facts.duration_ms), ("pcm", 1, 8000, Some(1000)));
}

#[test]
fn tags_around_the_sound_are_part_of_it() {
    let tag = |bytes: u8| [b"ID3\x04\0\0\0\0\0".as_slice(), &[bytes], &vec![b'x'; bytes.into()]].concat();
    let old = [b"TAG".as_slice(), &[b' '; 125]].concat();
    let ape = [
        b"APETAGEX".as_slice(),
        &2000_u32.to_le_bytes(),
        &32_u32.to_le_bytes(),
        &[0; 4],
        &0x8000_0000_u32.to_le_bytes(),
        &[0; 8],
    ];
    assert_sound(Kind::Mp3, &[tag(100), frames(3), ape.concat(), old.clone()].concat());
    assert_sound(Kind::Mp3, &[tag(0), tag(1), frames(1), tag(7)].concat());
    assert_fault(Kind::Mp3, &[tag(100), old.clone()].concat(), FaultCode::NoSound);
    assert_fault(Kind::Mp3, &[frames(2), old, b"x".to_vec()].concat(), FaultCode::TrailingBytes);
    assert_fault(Kind::Mp3, &[tag(0).repeat(20), frames(1)].concat(), FaultCode::TooComplex);
}

#[test]
fn a_table_of_the_encoder_is_no_sound() {
    let mut table = frames(1);
    table[21..25].copy_from_slice(b"Info");
    let facts = assert_sound(Kind::Mp3, &[table, frames(100)].concat());
    assert_eq!(facts.duration_ms, Some(2400));
}

#[test]
fn streamed_sound_goes_to_the_end_of_the_file() {
    let mut file = whole("wav");
    for at in [4, 40] {
        file[at..at + 4].fill(0xff);
    }
    assert_sound(Kind::Wav, &file);
    file.truncate(44);
    assert_fault(Kind::Wav, &file, FaultCode::NoSound);
}

#[test]
fn b10_sound_without_channels_rate_or_data_is_refused() {
    for at in [22, 24] {
        let mut file = whole("wav");
        file[at..at + 2].fill(0);
        assert_fault(Kind::Wav, &file, FaultCode::NoSound);
    }
    let mut file = whole("wav");
    file[36..40].copy_from_slice(b"LIST");
    assert_fault(Kind::Wav, &file, FaultCode::NoSound);
}

#[test]
fn json_is_one_value() {
    let good = [
        r#"{"a": [1, -0.5e+10, true, false, null, "x\u00e9\n"], "": {}}"#,
        "[]",
        " \n[ 1 , 2 ]\r\n\t",
        r#"["é漢😀"]"#,
        r#"{"a":{"b":{"c":[[[0]]]}}}"#,
        "0",
        "\"x\"",
    ];
    for text in good {
        assert!(serde_json::from_str::<serde_json::Value>(text).is_ok());
        assert_sound(Kind::Json, text.as_bytes());
    }
    let bad: [&[u8]; 24] = [
        b"",
        b" ",
        b"{",
        b"[1,]",
        b"{\"a\"}",
        b"{\"a\":}",
        b"{a:1}",
        b"[1 2]",
        b"[01]",
        b"[1.]",
        b"[-]",
        b"[1e]",
        b"[tru]",
        b"[nul ]",
        b"[\"\\x\"]",
        b"[\"\\u12g4\"]",
        b"[\"\n\"]",
        b"[]]",
        b"{}{}",
        b"[}",
        b"{]",
        b"[\"\xff\"]",
        b"[\"\xed\xa0\x80\"]",
        b"[\"\xc3",
    ];
    for text in bad {
        assert!(serde_json::from_slice::<serde_json::Value>(text).is_err());
        assert_ne!(look(Kind::Json, text).faults, [], "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn p3_brackets_without_end_end_the_examination() {
    assert_fault(Kind::Json, "[".repeat(1_000_000).as_bytes(), FaultCode::TooComplex);
    assert_sound(Kind::Json, format!("{}{}", "[".repeat(128), "]".repeat(128)).as_bytes());
    assert_fault(Kind::Json, "{\"a\":".repeat(200).as_bytes(), FaultCode::TooComplex);
}
