//! A transcript's record, of which only what tells about calls is looked at: prompts, arguments and results are passed over.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Waiting;
use crate::trace::account::Unused;
use crate::trace::call::Elapsed;
use crate::trace::names::mcp_tool;
use crate::trace::recent::{Id, Pending};
use crate::trace::size::{Answer, Phrase, Size};
use crate::trace::text::{Key, Loose, Text, Word};

#[derive(Debug, Default)]
pub struct Record<'a> {
    kind: Option<Word<'a>>,
    pub uuid: Option<Word<'a>>,
    pub timestamp: Loose<'a>,
    pub session: Option<Text<'a>>,
    pub agent: Option<Text<'a>>,
    pub sidechain: bool,
    pub tool_use: Option<Word<'a>>,
    pub parent_tool_use: Option<Word<'a>>,
    pub progress: Option<Progress<'a>>,
    pub items: Vec<Item<'a>>,
}

/// What a message's content says of calls.
#[derive(Debug)]
pub enum Item<'a> {
    Use { id: Word<'a>, name: Text<'a>, request_bytes: Option<u64> },
    Result { id: Word<'a>, failed: bool, response_bytes: Option<u64>, phrase: Option<Phrase> },
}

/// More of them are in no message.
const ITEMS_MAX: usize = 4096;

/// Kinds of records that versions of Claude Code are known to write.
const KINDS: [&str; 22] = [
    "user",
    "assistant",
    "system",
    "progress",
    "summary",
    "attachment",
    "file-history-snapshot",
    "file-history-delta",
    "queue-operation",
    "saved_hook_context",
    "last-prompt",
    "custom-title",
    "ai-title",
    "agent-name",
    "agent-color",
    "agent-setting",
    "permission-mode",
    "mode",
    "pr-link",
    "tag",
    "bridge-session",
    "worktree-state",
];

impl Record<'_> {
    pub fn is_known(&self) -> bool {
        self.kind.as_ref().is_some_and(|kind| KINDS.iter().any(|known| known.as_bytes() == &*kind.0))
    }
}

/// `data` of a progress record.
#[derive(Debug, Deserialize)]
pub struct Progress<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Word<'a>>,
    #[serde(borrow, default)]
    status: Option<Word<'a>>,
    #[serde(borrow, default, rename = "elapsedTimeMs")]
    elapsed_ms: Loose<'a>,
    #[serde(borrow, default, rename = "toolUseID")]
    pub tool_use: Option<Word<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Completed,
    Failed,
}

impl Progress<'_> {
    /// How long a call of an MCP server took, where it has ended.
    pub fn ended(&self) -> Option<(Elapsed, Status)> {
        if *self.kind.as_ref()?.0 != *b"mcp_progress" {
            return None;
        }
        let status = match &*self.status.as_ref()?.0 {
            b"completed" => Status::Completed,
            b"failed" => Status::Failed,
            _ => return None,
        };
        Some((Elapsed::exact(self.elapsed_ms.number()?, 1e-3)?, status))
    }
}

/// First with the sizes of what is private, then without where that is not valid Unicode or nested too deep.
pub(super) fn read<'a>(line: &'a [u8], pending: &Pending<Waiting>) -> Result<Record<'a>, Unused> {
    for sizes in [true, false] {
        let mut json = serde_json::Deserializer::from_slice(line);
        let seed = RecordSeed(Wanted { line, pending, sizes });
        if let Ok(record) = seed.deserialize(&mut json)
            && json.end().is_ok()
        {
            return Ok(record);
        }
    }
    Err(if serde_json::from_slice::<IgnoredAny>(line).is_ok() { Unused::UnknownRecord } else { Unused::Broken })
}

/// Whose sizes are of interest: those of MCP calls.
#[derive(Clone, Copy)]
struct Wanted<'w> {
    line: &'w [u8],
    pending: &'w Pending<Waiting>,
    sizes: bool,
}

impl Wanted<'_> {
    /// Whether this key, lent from the line, has a text: a long one is passed over faster than it is read.
    fn has_text(&self, key: &[u8]) -> bool {
        let end = (key.as_ptr() as usize).wrapping_sub(self.line.as_ptr() as usize).wrapping_add(key.len());
        let behind = self.line.get(end..).unwrap_or_default();
        behind.iter().filter(|byte| !byte.is_ascii_whitespace()).take(3).eq(b"\":\"")
    }
}

struct RecordSeed<'w>(Wanted<'w>);

impl<'de> DeserializeSeed<'de> for RecordSeed<'_> {
    type Value = Record<'de>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Record<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RecordSeed<'_> {
    type Value = Record<'de>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Record<'de>, A::Error> {
        let mut record = Record::default();
        while let Some(key) = map.next_key::<Key>()? {
            match key.0 {
                b"type" => record.kind = map.next_value()?,
                b"uuid" => record.uuid = map.next_value()?,
                b"timestamp" => record.timestamp = map.next_value()?,
                b"sessionId" => record.session = map.next_value()?,
                b"attributionAgent" => record.agent = map.next_value()?,
                b"isSidechain" => record.sidechain = map.next_value::<Loose>()?.truth().unwrap_or_default(),
                b"toolUseID" => record.tool_use = map.next_value()?,
                b"parentToolUseID" => record.parent_tool_use = map.next_value()?,
                b"data" => record.progress = map.next_value()?,
                b"message" => record.items = map.next_value_seed(MessageSeed(self.0))?,
                _ => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(record)
    }
}

struct MessageSeed<'w>(Wanted<'w>);

impl<'de> DeserializeSeed<'de> for MessageSeed<'_> {
    type Value = Vec<Item<'de>>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Item<'de>>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for MessageSeed<'_> {
    type Value = Vec<Item<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a message")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<Item<'de>>, A::Error> {
        let mut items = Vec::new();
        while let Some(key) = map.next_key::<Key>()? {
            match key.0 {
                b"content" if !self.0.has_text(key.0) => items = map.next_value_seed(ContentSeed(self.0))?,
                _ => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(items)
    }
}

/// A list of parts, or a prompt's text.
struct ContentSeed<'w>(Wanted<'w>);

impl<'de> DeserializeSeed<'de> for ContentSeed<'_> {
    type Value = Vec<Item<'de>>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Item<'de>>, D::Error> {
        // Bytes: serde_json reads a text or a list then, and a text that is no Unicode too.
        deserializer.deserialize_bytes(self)
    }
}

impl<'de> Visitor<'de> for ContentSeed<'_> {
    type Value = Vec<Item<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a message's content")
    }

    fn visit_bytes<E: Error>(self, _: &[u8]) -> Result<Vec<Item<'de>>, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Item<'de>>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(ItemSeed(self.0))? {
            if items.len() < ITEMS_MAX {
                items.extend(item);
            }
        }
        Ok(items)
    }
}

/// None where a part says nothing of calls.
struct ItemSeed<'w>(Wanted<'w>);

impl<'de> DeserializeSeed<'de> for ItemSeed<'_> {
    type Value = Option<Item<'de>>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Item<'de>>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ItemSeed<'_> {
    type Value = Option<Item<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a part of a message")
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Option<Item<'de>>, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Option<Item<'de>>, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<Item<'de>>, A::Error> {
        let Wanted { pending, sizes, .. } = self.0;
        let ([mut kind, mut id, mut result_of], mut name) = ([const { None::<Word> }; 3], None::<Text>);
        let (mut failed, mut input, mut content) = (false, None, None::<Answer>);
        while let Some(key) = map.next_key::<Key>()? {
            match key.0 {
                b"type" => kind = map.next_value()?,
                b"id" => id = map.next_value()?,
                b"name" => name = map.next_value()?,
                b"tool_use_id" => result_of = map.next_value()?,
                b"is_error" => failed = map.next_value::<Loose>()?.truth().unwrap_or_default(),
                b"input" if sizes && name.as_ref().is_none_or(|name| mcp_tool(&name.0).is_some()) => {
                    input = Some(map.next_value::<Size>()?)
                }
                b"content" if sizes && result_of.as_ref().is_none_or(|id| pending.contains(Id::of("tool use", &id.0))) => {
                    content = Some(map.next_value()?);
                }
                _ => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(match (kind.as_ref().map(|kind| &*kind.0), id, name, result_of) {
            (Some(b"tool_use"), Some(id), Some(name), _) => Some(Item::Use { id, name, request_bytes: input.map(|size| size.0) }),
            (Some(b"tool_result"), _, _, Some(id)) => {
                let (response_bytes, phrase) = (content.map(|of| of.bytes), content.and_then(|of| of.phrase));
                Some(Item::Result { id, failed, response_bytes, phrase })
            }
            _ => None,
        })
    }
}
