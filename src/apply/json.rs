//! Where the values of a JSON text stand, so that an entry can be added, or a secret hidden, without writing the rest anew.

use std::ops::Range;

/// A value and the bytes that it takes in the text.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub span: Range<usize>,
    pub kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    Object(Vec<Member>),
    Array(Vec<Node>),
    Text(String),
    /// A number, true, false, null.
    Other,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    pub key: String,
    /// Where the key's opening quote stands.
    pub start: usize,
    pub value: Node,
}

impl Node {
    /// Text that `serde_json` reads; a byte-order mark may stand before it.
    pub fn parse(text: &str) -> Result<Node, String> {
        let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        // Validity, and a limit on depth, are serde_json's business: below, every mistake is impossible.
        serde_json::from_str::<serde::de::IgnoredAny>(&text[start..]).map_err(|error| format!("not valid JSON: {error}"))?;
        let mut scanner = Scanner { text, at: start };
        scanner.space();
        Ok(scanner.value())
    }

    pub fn members(&self) -> Option<&[Member]> {
        match &self.kind {
            Kind::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The value of a key; a key that stands there twice is an error: clients differ in which one they take.
    pub fn get(&self, key: &str) -> Result<Option<&Node>, String> {
        let mut found = self.members().unwrap_or_default().iter().filter(|member| member.key == key);
        match (found.next(), found.next()) {
            (first, None) => Ok(first.map(|member| &member.value)),
            (_, Some(_)) => Err(format!("`{key}` stands there twice")),
        }
    }
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl Scanner<'_> {
    fn byte(&self) -> u8 {
        *self.text.as_bytes().get(self.at).expect("the text is valid JSON")
    }

    fn space(&mut self) {
        while matches!(self.text.as_bytes().get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Node {
        let start = self.at;
        let kind = match self.byte() {
            b'{' => Kind::Object(self.sequence(b'}', |scanner| {
                let start = scanner.at;
                let key = scanner.string();
                scanner.space();
                scanner.at += 1; // the colon
                scanner.space();
                Member { key, start, value: scanner.value() }
            })),
            b'[' => Kind::Array(self.sequence(b']', Scanner::value)),
            b'"' => Kind::Text(self.string()),
            _ => {
                let rest = &self.text[self.at..];
                self.at += rest.find(|c: char| c.is_ascii_whitespace() || ",]}".contains(c)).unwrap_or(rest.len());
                Kind::Other
            }
        };
        Node { span: start..self.at, kind }
    }

    fn sequence<T>(&mut self, close: u8, item: impl Fn(&mut Self) -> T) -> Vec<T> {
        let mut items = Vec::new();
        self.at += 1;
        loop {
            self.space();
            match self.byte() {
                byte if byte == close => {
                    self.at += 1;
                    return items;
                }
                b',' => self.at += 1,
                _ => items.push(item(self)),
            }
        }
    }

    fn string(&mut self) -> String {
        let start = self.at;
        self.at += 1;
        while self.byte() != b'"' {
            self.at += if self.byte() == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
        // A lone surrogate is the one thing that a checker may let pass and a reader not.
        serde_json::from_str(&self.text[start..self.at]).unwrap_or_else(|_| self.text[start + 1..self.at - 1].to_owned())
    }
}
