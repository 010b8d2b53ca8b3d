//! How keys, texts and numbers are spelled in TOML.

use std::borrow::Cow;
use std::fmt::Write;

/// A key, in quotes where it needs them.
pub(crate) fn key(name: &str) -> Cow<'_, str> {
    let bare = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if !name.is_empty() && name.bytes().all(bare) { Cow::Borrowed(name) } else { Cow::Owned(text(name)) }
}

/// A text on one line.
pub(crate) fn text(text: &str) -> String {
    let mut spelled = String::with_capacity(text.len() + 2);
    spelled.push('"');
    for c in text.chars() {
        match c {
            '"' => spelled.push_str("\\\""),
            '\\' => spelled.push_str("\\\\"),
            '\n' => spelled.push_str("\\n"),
            '\t' => spelled.push_str("\\t"),
            '\r' => spelled.push_str("\\r"),
            c if c.is_control() => write!(spelled, "\\u{:04X}", u32::from(c)).expect("a String takes every write"),
            c => spelled.push(c),
        }
    }
    spelled.push('"');
    spelled
}

/// A text, over several lines where it has them.
pub(crate) fn paragraph(paragraph: &str) -> String {
    if !paragraph.contains('\n') || paragraph.contains(['\r', '"']) {
        return text(paragraph);
    }
    let lines: Vec<String> = paragraph.split('\n').map(|line| text(line).trim_matches('"').to_owned()).collect();
    format!("\"\"\"\n{}\"\"\"", lines.join("\n"))
}

/// A number, without a point where it is whole.
pub(crate) fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 { format!("{value}") } else { format!("{value:?}") }
}

/// `{ a = 1, b = 2 }`
pub(crate) fn table(fields: &[(&str, String)]) -> String {
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{} = {value}", key(name))).collect();
    if fields.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", fields.join(", ")) }
}

/// `["a", "b"]`
pub(crate) fn list(texts: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let items: Vec<String> = texts.into_iter().map(|item| text(item.as_ref())).collect();
    format!("[{}]", items.join(", "))
}

/// Any value, on one line.
pub(crate) fn value(value: &toml::Value) -> String {
    match value {
        toml::Value::String(string) => text(string),
        toml::Value::Integer(integer) => integer.to_string(),
        toml::Value::Float(float) => float_value(*float),
        toml::Value::Boolean(flag) => flag.to_string(),
        toml::Value::Datetime(date) => date.to_string(),
        toml::Value::Array(items) => format!("[{}]", items.iter().map(self::value).collect::<Vec<_>>().join(", ")),
        toml::Value::Table(entries) => table(&entries.iter().map(|(name, v)| (name.as_str(), self::value(v))).collect::<Vec<_>>()),
    }
}

/// A float that stays one: `1.0`, not `1`.
fn float_value(float: f64) -> String {
    match float {
        f if f.is_nan() => "nan".to_owned(),
        f if f.is_infinite() => if f > 0.0 { "inf" } else { "-inf" }.to_owned(),
        f => format!("{f:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_spelled_is_read_back(name in "\\PC{0,10}|[a\"\\\\\n\t\r\u{1}\u{7f}\u{85}]{0,8}", number in proptest::num::f64::NORMAL | proptest::num::f64::ZERO) {
            prop_assume!(name != "b" && name != "c");
            let document = format!("{} = {}\nb = {}\nc = {}", key(&name), text(&name), paragraph(&name), super::number(number));
            let read: toml::Table = toml::from_str(&document).map_err(|e| TestCaseError::fail(format!("{e}\n{document}")))?;
            prop_assert_eq!(read[&name].as_str(), Some(&*name));
            prop_assert_eq!(read["b"].as_str(), Some(&*name));
            let back = read["c"].as_float().or(read["c"].as_integer().map(|i| i as f64));
            prop_assert_eq!(back, Some(number));
        }
    }
}
