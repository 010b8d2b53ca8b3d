//! A file's extended attributes (Linux and macOS; access lists are among them on Linux). Elsewhere a file has none.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::File;
use std::io;
use std::path::Path;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Name to value. In records the values are hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attributes(pub BTreeMap<String, Vec<u8>>);

impl Attributes {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All but those that the system gives out: which it gave is its business.
    pub fn are_in(&self, found: &Attributes) -> bool {
        self.0.iter().all(|(name, value)| is_of_system(name) || found.0.get(name) == Some(value))
    }

    #[cfg(any(target_os = "linux", target_os = "macos"))]
    pub fn read(path: &Path) -> io::Result<Attributes> {
        use rustix::fs::{getxattr, getxattr_query, listxattr, listxattr_query};
        let size = match listxattr_query(path) {
            Ok(0) | Err(rustix::io::Errno::NOTSUP) => return Ok(Attributes::default()),
            size => size?,
        };
        let mut names = Vec::with_capacity(size);
        listxattr(path, rustix::buffer::spare_capacity(&mut names))?;
        let mut attributes = BTreeMap::new();
        for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
            let mut value = Vec::with_capacity(getxattr_query(path, name)?);
            if value.capacity() > 0 {
                getxattr(path, name, rustix::buffer::spare_capacity(&mut value))?;
            }
            let name =
                std::str::from_utf8(name).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "an attribute's name is no text"))?;
            attributes.insert(name.to_owned(), value);
        }
        Ok(Attributes(attributes))
    }

    /// Gives them to a new file; those of the system as far as it lets us.
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    pub fn write(&self, file: &File) -> io::Result<()> {
        for (name, value) in &self.0 {
            let done = rustix::fs::fsetxattr(file, name.as_str(), value, rustix::fs::XattrFlags::empty());
            if !is_of_system(name) {
                done?;
            }
        }
        Ok(())
    }

    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    pub fn read(_: &Path) -> io::Result<Attributes> {
        Ok(Attributes::default())
    }

    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    pub fn write(&self, _: &File) -> io::Result<()> {
        Ok(())
    }
}

/// Security labels and the like.
fn is_of_system(name: &str) -> bool {
    name.starts_with("security.") || name.starts_with("trusted.")
}

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let hex = |value: &Vec<u8>| {
            value.iter().fold(String::new(), |mut text, byte| write!(text, "{byte:02x}").map(|()| text).expect("a String takes all"))
        };
        self.0.iter().map(|(name, value)| (name, hex(value))).collect::<BTreeMap<_, _>>().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Attributes, D::Error> {
        let digit = |c: u8| char::from(c).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let byte = |pair: &[u8]| match pair {
            [high, low] => Some(16 * digit(*high)? + digit(*low)?),
            _ => None,
        };
        let bytes = |(name, text): (String, String)| {
            let value: Option<Vec<u8>> = text.as_bytes().chunks(2).map(byte).collect();
            value.map(|value| (name, value)).ok_or_else(|| serde::de::Error::custom("an attribute's value is not hexadecimal"))
        };
        BTreeMap::<String, String>::deserialize(deserializer)?.into_iter().map(bytes).collect::<Result<_, _>>().map(Attributes)
    }
}
