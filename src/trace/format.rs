//! Which format a file has: told by what it begins with, and by its name where that says nothing.

use std::fmt;
use std::path::Path;

use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::text::Text;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Claude Code's record of a session, JSON lines.
    Transcript,
    /// What a hook of Claude Code was given, an object a line.
    Hooks,
    /// OpenTelemetry's traces and logs, as JSON lines.
    Otlp,
    /// Named columns.
    Csv,
    Jsonl,
    Parquet,
}

impl Format {
    pub const ALL: [Format; 6] = [Format::Transcript, Format::Hooks, Format::Otlp, Format::Csv, Format::Jsonl, Format::Parquet];

    pub fn title(self) -> &'static str {
        match self {
            Format::Transcript => "transcript",
            Format::Hooks => "hooks",
            Format::Otlp => "otlp",
            Format::Csv => "csv",
            Format::Jsonl => "jsonl",
            Format::Parquet => "parquet",
        }
    }
}

/// So much of a file is looked at.
pub const HEAD: usize = 1 << 18;

/// None where nothing tells. `head`: the first bytes of the file, up to [`HEAD`].
pub fn recognised(path: &Path, head: &[u8]) -> Option<Format> {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    if head.starts_with(b"PAR1") {
        return Some(Format::Parquet);
    }
    let ending = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let by_content = head.split(|b| *b == b'\n').map(<[u8]>::trim_ascii).filter(|line| line.starts_with(b"{")).find_map(object);
    match (by_content, ending.as_str()) {
        (_, "csv") => Some(Format::Csv),
        (_, "parquet") => Some(Format::Parquet),
        (Some(format), _) => Some(format),
        (None, "jsonl" | "ndjson") => Some(Format::Jsonl),
        _ => None,
    }
}

/// By the keys of a line, as far as it goes.
fn object(line: &[u8]) -> Option<Format> {
    let mut keys = Keys::default();
    // A line that is cut off has shown its first keys by then.
    _ = (&mut keys).deserialize(&mut serde_json::Deserializer::from_slice(line));
    match keys {
        Keys { otlp: true, .. } => Some(Format::Otlp),
        Keys { hook_event: true, .. } | Keys { tool_name: true, tool_part: true, .. } => Some(Format::Hooks),
        Keys { kind: true, record: true, .. } => Some(Format::Transcript),
        Keys { column: 2.., .. } => Some(Format::Jsonl),
        _ => None,
    }
}

#[derive(Debug, Default)]
struct Keys {
    otlp: bool,
    hook_event: bool,
    tool_name: bool,
    tool_part: bool,
    kind: bool,
    record: bool,
    column: u32,
}

impl<'de> DeserializeSeed<'de> for &mut Keys {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Keys {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Text>()? {
            match &*key.0 {
                "resourceSpans" | "resourceLogs" | "resourceMetrics" => self.otlp = true,
                "hook_event_name" => self.hook_event = true,
                "tool_name" => self.tool_name = true,
                "tool_input" | "tool_response" => self.tool_part = true,
                "type" => self.kind = true,
                "uuid" | "parentUuid" | "leafUuid" | "sessionId" | "messageId" => self.record = true,
                name if super::columns::is_column(name) => self.column += 1,
                _ => {}
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_recognised() {
        let check = |path: &str, head: &str, expected: Option<Format>| {
            assert_eq!(recognised(Path::new(path), head.as_bytes()), expected, "{path} {head}");
        };
        let transcript = r#"{"parentUuid":null,"type":"user","message":{"content":"cut off"#;
        check("a.jsonl", transcript, Some(Format::Transcript));
        check("a", &format!("\u{feff}\r\nnot JSON\r\n{{}}\n{transcript}"), Some(Format::Transcript));
        check("a.jsonl", r#"{"type":"summary","summary":"x","leafUuid":"1"}"#, Some(Format::Transcript));
        check("a.log", r#"{"session_id":"1","hook_event_name":"PostToolUse"}"#, Some(Format::Hooks));
        check("a.log", r#"{"tool_name":"Bash","tool_input":{},"duration_ms":1}"#, Some(Format::Hooks));
        check("a.json", r#"{"resourceSpans":[]}"#, Some(Format::Otlp));
        check("a.log", r#"{"time":1,"server":"a"}"#, Some(Format::Jsonl));
        check("a.ndjson", r#"{"x":1}"#, Some(Format::Jsonl));
        check("a.CSV", "time,server\n", Some(Format::Csv));
        check("a", "PAR1\0\0", Some(Format::Parquet));
        check("a.txt", "time,server\n", None);
        check("a.txt", "", None);
    }
}
