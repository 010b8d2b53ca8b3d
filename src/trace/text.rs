//! Parts of JSON that are read leniently: text that need not be valid Unicode, values of which only the size counts.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A short text, lent from the line where it has no escapes. What is no Unicode in it (a lone surrogate, a broken byte) is replaced;
/// a list in its place is no text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text<'a>(pub Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text<'a>, D::Error> {
        // As bytes: as a string, a lone surrogate would be an error.
        deserializer.deserialize_bytes(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Text<'de>, E> {
        Ok(Text(String::from_utf8_lossy(bytes)))
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(String::from_utf8_lossy(bytes).into_owned())))
    }
}

/// A text, or nothing where it is `null`, absent, or no text at all.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Loose<'a> {
    #[default]
    Absent,
    Text(Cow<'a, str>),
    Number(f64),
    Truth(bool),
}

impl Loose<'_> {
    pub fn text(&self) -> Option<&str> {
        if let Loose::Text(text) = self { Some(text) } else { None }
    }

    /// Also of a text: OTLP writes 64-bit numbers so.
    pub fn number(&self) -> Option<f64> {
        match self {
            Loose::Number(number) => Some(*number),
            Loose::Text(text) => super::time::number(text),
            _ => None,
        }
    }

    /// Also of a text.
    pub fn truth(&self) -> Option<bool> {
        match self {
            Loose::Truth(truth) => Some(*truth),
            Loose::Text(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Loose::Text(text) if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Loose<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Loose<'a>, D::Error> {
        deserializer.deserialize_any(LooseVisitor)
    }
}

struct LooseVisitor;

impl<'de> Visitor<'de> for LooseVisitor {
    type Value = Loose<'de>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Loose<'de>, E> {
        Ok(Loose::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Loose<'de>, E> {
        Ok(Loose::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Loose<'de>, E> {
        Ok(Loose::Truth(truth))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Loose<'de>, E> {
        Ok(Loose::Number(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Loose<'de>, E> {
        Ok(Loose::Number(number as f64))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Loose<'de>, E> {
        Ok(Loose::Number(number as f64))
    }

    fn visit_unit<E: Error>(self) -> Result<Loose<'de>, E> {
        Ok(Loose::Absent)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Loose<'de>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Loose::Absent)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Loose<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Loose::Absent)
    }
}

/// How large a value is as compact JSON, its escapes undone; and what its first text says about why a call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    pub bytes: u64,
    pub phrase: Option<Phrase>,
}

/// What clients write in place of a result. The text itself is dropped at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phrase {
    /// Somebody or some rule did not permit the call, or interrupted it.
    Refused,
    TimedOut,
    /// The connection, not the tool.
    Disconnected,
    /// JSON-RPC: the protocol, not the tool.
    Protocol,
    Other,
}

impl Phrase {
    fn of(text: &str) -> Phrase {
        const REFUSED: [&str; 5] = [
            "The user doesn't want to",
            "[Request interrupted by user",
            "Permission to use",
            "Claude requested permissions",
            "This command requires approval",
        ];
        let start = text.trim_start();
        // Where a message says what it is, it says so early.
        let start = &start[..start.char_indices().nth(200).map_or(start.len(), |(at, _)| at)];
        let lower = start.to_ascii_lowercase();
        match () {
            () if REFUSED.iter().any(|phrase| start.starts_with(phrase)) => Phrase::Refused,
            () if lower.contains("timed out") || lower.contains("timeout") => Phrase::TimedOut,
            () if ["connection closed", "not connected", "econnre", "socket hang up", "fetch failed"].iter().any(|p| lower.contains(p)) => {
                Phrase::Disconnected
            }
            () if lower.contains("mcp error -32") => Phrase::Protocol,
            () => Phrase::Other,
        }
    }

    pub fn kind(self) -> &'static str {
        match self {
            Phrase::Refused => "refused",
            Phrase::TimedOut => "timeout",
            Phrase::Disconnected => "disconnected",
            Phrase::Protocol => "protocol",
            Phrase::Other => "tool_error",
        }
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Size, D::Error> {
        deserializer.deserialize_any(SizeVisitor)
    }
}

struct SizeVisitor;

impl Size {
    fn of(bytes: usize) -> Size {
        Size { bytes: bytes as u64, phrase: None }
    }
}

impl<'de> Visitor<'de> for SizeVisitor {
    type Value = Size;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Size, E> {
        Ok(Size { phrase: Some(Phrase::of(text)), ..Size::of(text.len() + 2) })
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Size, E> {
        Ok(Size::of(if truth { 4 } else { 5 }))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Size, E> {
        Ok(Size::of(number.checked_ilog10().unwrap_or(0) as usize + 1))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Size, E> {
        Ok(Size::of(number.unsigned_abs().checked_ilog10().unwrap_or(0) as usize + 1 + usize::from(number < 0)))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Size, E> {
        Ok(Size::of(number.to_string().len()))
    }

    fn visit_unit<E: Error>(self) -> Result<Size, E> {
        Ok(Size::of(4))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Size, A::Error> {
        let (mut size, mut many) = (Size::of(2), false);
        while let Some(part) = list.next_element::<Size>()? {
            size.bytes += part.bytes + u64::from(many);
            size.phrase = size.phrase.or(part.phrase);
            many = true;
        }
        Ok(size)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Size, A::Error> {
        let (mut size, mut many) = (Size::of(2), false);
        while let Some(key) = map.next_key::<Text>()? {
            let part = map.next_value::<Size>()?;
            size.bytes += key.0.len() as u64 + 3 + part.bytes + u64::from(many);
            // `{"type":"text","text":"..."}`: the type says nothing.
            size.phrase = size.phrase.or(part.phrase.filter(|_| key.0 != "type"));
            many = true;
        }
        Ok(size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_compact_json() {
        let check = |json: &str| assert_eq!(serde_json::from_str::<Size>(json).expect(json).bytes, json.len() as u64, "{json}");
        for json in [r#"{"a":[1,-20,true,false,null,1.5],"b":"x","":{}}"#, "[]", r#""한국어 🦀""#, "0", "18446744073709551615"] {
            check(json);
        }
    }

    #[test]
    fn phrases_are_told_apart() {
        let check = |text: &str, expected: Phrase| {
            let json = serde_json::json!([{"type": "text", "text": text}]).to_string();
            assert_eq!(serde_json::from_str::<Size>(&json).expect("JSON").phrase, Some(expected), "{text}");
        };
        check("The user doesn't want to proceed with this tool use. The tool use was rejected", Phrase::Refused);
        check("MCP error -32001: Request timed out", Phrase::TimedOut);
        check("MCP error -32000: Connection closed", Phrase::Disconnected);
        check("MCP error -32602: Invalid arguments for tool x", Phrase::Protocol);
        check("Error: no such issue", Phrase::Other);
    }

    #[test]
    fn lone_surrogates_are_replaced() {
        let text: Text = serde_json::from_str(r#""a\ud800b""#).expect("text");
        assert!(text.0.starts_with('a') && text.0.ends_with('b'), "{text:?}");
    }
}
