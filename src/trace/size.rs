//! How large what is private is; the text itself is dropped as it is read.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::text::{Key, Text};

/// Of arguments, as compact JSON, their escapes undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Size, D::Error> {
        deserializer.deserialize_any(SizeVisitor).map(|bytes| Size(bytes as u64))
    }
}

struct SizeVisitor;

impl<'de> Visitor<'de> for SizeVisitor {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<usize, E> {
        Ok(text.len() + 2)
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<usize, E> {
        Ok(if truth { 4 } else { 5 })
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<usize, E> {
        Ok(number.checked_ilog10().unwrap_or(0) as usize + 1)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<usize, E> {
        Ok(number.unsigned_abs().checked_ilog10().unwrap_or(0) as usize + 1 + usize::from(number < 0))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<usize, E> {
        Ok(number.to_string().len())
    }

    fn visit_unit<E: Error>(self) -> Result<usize, E> {
        Ok(4)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<usize, A::Error> {
        let (mut bytes, mut many) = (2, false);
        while let Some(Size(part)) = list.next_element()? {
            bytes += part as usize + usize::from(many);
            many = true;
        }
        Ok(bytes)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<usize, A::Error> {
        let (mut bytes, mut many) = (2, false);
        while let Some(key) = map.next_key::<Text>()? {
            let Size(part) = map.next_value()?;
            bytes += key.0.len() + 3 + part as usize + usize::from(many);
            many = true;
        }
        Ok(bytes)
    }
}

/// A result as MCP has it, a text or a list of parts: the bytes of their texts and data; and what the first text says about why a call
/// failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Answer {
    pub bytes: u64,
    pub phrase: Option<Phrase>,
}

impl<'de> Deserialize<'de> for Answer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Answer, D::Error> {
        // Bytes: serde_json reads a text or a list then, and looks no further into the text.
        deserializer.deserialize_bytes(AnswerVisitor)
    }
}

struct AnswerVisitor;

impl<'de> Visitor<'de> for AnswerVisitor {
    type Value = Answer;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a text or a list of parts")
    }

    fn visit_bytes<E: Error>(self, text: &[u8]) -> Result<Answer, E> {
        Ok(Answer { bytes: text.len() as u64, phrase: Some(Phrase::of(text)) })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Answer, A::Error> {
        let mut answer = Answer::default();
        while let Some(Part(part)) = list.next_element()? {
            answer = Answer { bytes: answer.bytes + part.bytes, phrase: answer.phrase.or(part.phrase) };
        }
        Ok(answer)
    }
}

/// `{"type":"text","text":"..."}`, `{"type":"image","source":{"data":"..."}}`, `{"type":"resource","resource":{"text":"..."}}`.
struct Part(Answer);

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Part, D::Error> {
        deserializer.deserialize_map(PartVisitor)
    }
}

struct PartVisitor;

impl<'de> Visitor<'de> for PartVisitor {
    type Value = Part;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a part of a result")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Part, A::Error> {
        let mut part = Answer::default();
        while let Some(key) = map.next_key::<Key>()? {
            match key.0 {
                b"text" => {
                    let text: Answer = map.next_value()?;
                    part = Answer { bytes: part.bytes + text.bytes, phrase: part.phrase.or(text.phrase) };
                }
                b"data" | b"blob" => part.bytes += map.next_value::<Answer>()?.bytes,
                b"source" | b"resource" => part.bytes += map.next_value::<Part>()?.0.bytes,
                _ => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(Part(part))
    }
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
    fn of(text: &[u8]) -> Phrase {
        const REFUSED: [&str; 5] = [
            "The user doesn't want to",
            "[Request interrupted by user",
            "Permission to use",
            "Claude requested permissions",
            "This command requires approval",
        ];
        // Where a message says what it is, it says so early.
        let start = text.trim_ascii_start();
        let start = String::from_utf8_lossy(&start[..start.len().min(200)]);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_compact_json() {
        let check = |json: &str| assert_eq!(serde_json::from_str::<Size>(json).expect(json).0, json.len() as u64, "{json}");
        for json in [r#"{"a":[1,-20,true,false,null,1.5],"b":"x","":{}}"#, "[]", r#""한국어 🦀""#, "0", "18446744073709551615"] {
            check(json);
        }
    }

    #[test]
    fn phrases_are_told_apart() {
        let check = |text: &str, expected: Phrase| {
            let json = serde_json::json!([{"type": "text", "text": text}]).to_string();
            assert_eq!(serde_json::from_str::<Answer>(&json).expect("JSON").phrase, Some(expected), "{text}");
        };
        check("The user doesn't want to proceed with this tool use. The tool use was rejected", Phrase::Refused);
        check("MCP error -32001: Request timed out", Phrase::TimedOut);
        check("MCP error -32000: Connection closed", Phrase::Disconnected);
        check("MCP error -32602: Invalid arguments for tool x", Phrase::Protocol);
        check("Error: no such issue", Phrase::Other);
    }

    #[test]
    fn answers_are_as_large_as_their_texts_and_data() {
        let check = |json: &str, bytes: u64| assert_eq!(serde_json::from_str::<Answer>(json).expect(json).bytes, bytes, "{json}");
        check(r#""한국어\n""#, 10);
        check(r#"[{"type":"text","text":"abc","_meta":{"text":"x"}},{"type":"image","source":{"data":"AAAA","type":"base64"}}]"#, 7);
        check(r#"[{"resource":{"uri":"file:///x","text":"\ud800"},"type":"resource"}]"#, 3);
        check("[]", 0);
    }
}
