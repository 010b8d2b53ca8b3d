//! The JSON of OTLP: batches of spans or log records by resource and scope. Of attributes only those with known keys are kept.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::trace::call::UnixTime;
use crate::trace::recent::Id;
use crate::trace::text::{Loose, Text};

/// A span or a log record.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Item<'a> {
    #[serde(borrow, default)]
    trace_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    span_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    parent_span_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
    #[serde(borrow, default)]
    kind: Loose<'a>,
    #[serde(borrow, default)]
    start_time_unix_nano: Loose<'a>,
    #[serde(borrow, default)]
    end_time_unix_nano: Loose<'a>,
    #[serde(borrow, default)]
    time_unix_nano: Loose<'a>,
    #[serde(borrow, default)]
    observed_time_unix_nano: Loose<'a>,
    #[serde(borrow, default)]
    event_name: Option<Text<'a>>,
    #[serde(borrow, default)]
    body: Option<Value<'a>>,
    #[serde(borrow, default)]
    pub attributes: Attributes<'a>,
    #[serde(borrow, default)]
    status: Option<Status<'a>>,
}

#[derive(Debug, Deserialize)]
struct Status<'a> {
    #[serde(borrow, default)]
    code: Loose<'a>,
}

impl Item<'_> {
    pub fn span_name(&self) -> Option<&str> {
        self.name.as_ref().map(|text| &*text.0)
    }

    pub fn event_name(&self) -> Option<&str> {
        let attribute = self.attributes.text(Key::Event);
        let body = || self.body.as_ref().and_then(|body| body.string.as_ref()).map(|text| &*text.0);
        attribute.or(self.event_name.as_ref().map(|text| &*text.0)).or_else(body)
    }

    pub fn span_id(&self) -> Option<Id> {
        self.id(self.span_id.as_ref()?)
    }

    pub fn parent_id(&self) -> Option<Id> {
        self.id(self.parent_span_id.as_ref()?)
    }

    fn id(&self, span: &Text) -> Option<Id> {
        let trace = self.trace_id.as_ref().map_or("", |text| &*text.0);
        (!span.0.is_empty()).then(|| Id::new(trace, &span.0))
    }

    /// As a number, or spelt as the enum's name.
    pub fn is_server_side(&self) -> bool {
        self.kind == Loose::Number(2.0) || self.kind.text() == Some("SPAN_KIND_SERVER")
    }

    pub fn has_error_status(&self) -> bool {
        let code = self.status.as_ref().map(|status| &status.code);
        code.is_some_and(|code| *code == Loose::Number(2.0) || code.text() == Some("STATUS_CODE_ERROR"))
    }

    pub fn start(&self) -> Option<UnixTime> {
        instant(&self.start_time_unix_nano)
    }

    pub fn end(&self) -> Option<UnixTime> {
        instant(&self.end_time_unix_nano)
    }

    /// Of a log record.
    pub fn time(&self) -> Option<UnixTime> {
        instant(&self.time_unix_nano).or_else(|| instant(&self.observed_time_unix_nano))
    }
}

/// Nanoseconds, as text in JSON by the book; zero is none.
fn instant(time: &Loose) -> Option<UnixTime> {
    let nanoseconds = match time {
        Loose::Text(text) => text.parse().ok()?,
        Loose::Number(number) => *number as i64,
        _ => return None,
    };
    (nanoseconds > 0).then_some(UnixTime(nanoseconds))
}

/// Attributes of use. OpenTelemetry semantic conventions for MCP and for generative AI; the rest is Claude Code's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    McpMethod,
    McpSession,
    McpServer,
    McpTool,
    Operation,
    Tool,
    Agent,
    ErrorType,
    Address,
    Service,
    ToolUse,
    Session,
    Event,
    Sequence,
    ToolName,
    ClaudeAgent,
    DurationMs,
    Success,
    ClaudeErrorType,
    RequestBytes,
    ResponseBytes,
    Parameters,
}

const KEYS: [(Key, &[&str]); 22] = [
    (Key::McpMethod, &["mcp.method.name"]),
    (Key::McpSession, &["mcp.session.id"]),
    // Not of the conventions; gateways and Claude Code write it.
    (Key::McpServer, &["mcp.server.name", "mcp_server.name", "mcp_server_name"]),
    (Key::McpTool, &["mcp_tool.name", "mcp_tool_name"]),
    (Key::Operation, &["gen_ai.operation.name"]),
    (Key::Tool, &["gen_ai.tool.name"]),
    (Key::Agent, &["gen_ai.agent.name"]),
    (Key::ErrorType, &["error.type"]),
    (Key::Address, &["server.address"]),
    (Key::Service, &["service.name"]),
    (Key::ToolUse, &["tool_use_id", "gen_ai.tool.call.id"]),
    (Key::Session, &["session.id"]),
    (Key::Event, &["event.name"]),
    (Key::Sequence, &["event.sequence"]),
    (Key::ToolName, &["tool_name"]),
    (Key::ClaudeAgent, &["agent.name", "agent_type"]),
    (Key::DurationMs, &["duration_ms"]),
    (Key::Success, &["success"]),
    (Key::ClaudeErrorType, &["error_type"]),
    (Key::RequestBytes, &["tool_input_size_bytes"]),
    (Key::ResponseBytes, &["tool_result_size_bytes"]),
    (Key::Parameters, &["tool_parameters"]),
];

#[derive(Debug, Default)]
pub struct Attributes<'a>([Loose<'a>; KEYS.len()]);

impl<'a> Attributes<'a> {
    pub fn text(&self, key: Key) -> Option<&str> {
        self.0[key as usize].text().filter(|text| !text.is_empty())
    }

    pub fn number(&self, key: Key) -> Option<f64> {
        self.0[key as usize].number()
    }

    pub fn truth(&self, key: Key) -> Option<bool> {
        self.0[key as usize].truth()
    }

    /// Names out of the JSON that Claude Code puts into one attribute; what else it holds is private.
    pub fn tool_parameters(&self) -> Option<Parameters<'_>> {
        serde_json::from_str(self.text(Key::Parameters)?).ok()
    }
}

#[derive(Debug, Deserialize)]
pub struct Parameters<'a> {
    #[serde(borrow, default, rename = "mcp_server_name")]
    pub server: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "mcp_tool_name")]
    pub tool: Option<Cow<'a, str>>,
}

/// `AnyValue`, of which lists and maps are passed over.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Value<'a> {
    #[serde(borrow, default, rename = "stringValue")]
    string: Option<Text<'a>>,
    #[serde(borrow, default)]
    int_value: Loose<'a>,
    #[serde(borrow, default)]
    double_value: Loose<'a>,
    #[serde(borrow, default)]
    bool_value: Loose<'a>,
}

impl<'a> From<Value<'a>> for Loose<'a> {
    fn from(value: Value<'a>) -> Loose<'a> {
        let number = || value.int_value.number().or(value.double_value.number()).map(Loose::Number);
        let truth = || value.bool_value.truth().map(Loose::Truth);
        match value.string {
            Some(text) => Loose::Text(text.0),
            None => number().or_else(truth).unwrap_or_default(),
        }
    }
}

#[derive(Deserialize)]
struct Resource<'a> {
    #[serde(borrow, default)]
    attributes: Attributes<'a>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Attributes<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Attributes<'a>, D::Error> {
        deserializer.deserialize_seq(AttributesVisitor)
    }
}

struct AttributesVisitor;

impl<'de> Visitor<'de> for AttributesVisitor {
    type Value = Attributes<'de>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("attributes")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Attributes<'de>, A::Error> {
        let mut attributes = Attributes::default();
        while let Some(Attribute(found)) = list.next_element()? {
            if let Some((key, value)) = found {
                attributes.0[key as usize] = value;
            }
        }
        Ok(attributes)
    }
}

struct Attribute<'a>(Option<(Key, Loose<'a>)>);

impl<'de> Deserialize<'de> for Attribute<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Attribute<'de>, D::Error> {
        deserializer.deserialize_map(AttributeVisitor)
    }
}

struct AttributeVisitor;

impl<'de> Visitor<'de> for AttributeVisitor {
    type Value = Attribute<'de>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an attribute")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Attribute<'de>, A::Error> {
        let (mut known, mut value, mut keyed) = (None, None, false);
        while let Some(part) = map.next_key::<Text>()? {
            match &*part.0 {
                "key" => {
                    let name: Text = map.next_value()?;
                    known = KEYS.iter().find(|(_, names)| names.contains(&&*name.0)).map(|(key, _)| *key);
                    keyed = true;
                }
                "value" if known.is_some() || !keyed => value = map.next_value::<Option<Value>>()?,
                _ => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(Attribute(known.zip(value.map(Loose::from))))
    }
}

/// Calls `each` for every span or log record, with its resource's attributes. False where the line has no batch at all, and is none of
/// metrics either.
pub fn each_item(line: &[u8], each: &mut dyn FnMut(&Item, &Attributes)) -> serde_json::Result<bool> {
    let mut json = serde_json::Deserializer::from_slice(line);
    Level { depth: 0, resource: &mut Attributes::default(), each }.deserialize(&mut json)
}

/// What holds the next level, at each: resources, their scopes, the items.
const LEVELS: [[&str; 2]; 3] = [["resourceSpans", "resourceLogs"], ["scopeSpans", "scopeLogs"], ["spans", "logRecords"]];

struct Level<'l, 'de> {
    depth: usize,
    resource: &'l mut Attributes<'de>,
    each: &'l mut dyn FnMut(&Item, &Attributes),
}

impl<'de> DeserializeSeed<'de> for Level<'_, 'de> {
    type Value = bool;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Level<'_, 'de> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a batch of spans or log records")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut known = false;
        while let Some(key) = map.next_key::<Text>()? {
            match &*key.0 {
                key if LEVELS[self.depth].contains(&key) => {
                    known = true;
                    map.next_value_seed(List(Level { depth: self.depth + 1, resource: self.resource, each: self.each }))?;
                }
                "resource" => *self.resource = map.next_value::<Resource>()?.attributes,
                key => {
                    known |= key == "resourceMetrics";
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(known)
    }
}

struct List<'l, 'de>(Level<'l, 'de>);

impl<'de> DeserializeSeed<'de> for List<'_, 'de> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for List<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Level { depth, resource, each } = self.0;
        if depth == LEVELS.len() {
            while let Some(item) = list.next_element::<Item>()? {
                each(&item, resource);
            }
        } else {
            while list.next_element_seed(Level { depth, resource, each })?.is_some() {}
        }
        Ok(())
    }
}
