//! Values set in a scenario's text, with every other byte of it left as it is: comments, order and layout are their author's.

use toml_edit::{DocumentMut, InlineTable, Item, TableLike, Value};

use super::read::overlay::long_key;

/// A value for one place: `servers.NAME.slots`, as it is spelled in TOML; none takes away what stands there.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    pub path: Vec<String>,
    pub value: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    #[error("the scenario is not TOML: {0}")]
    Document(String),
    #[error("`{path}` cannot be set: `{part}` is no table")]
    NoTable { path: String, part: String },
    #[error("`{path}` cannot be set to `{value}`: {why}")]
    Value { path: String, value: String, why: String },
}

/// The text with all edits, one after the other.
pub fn edited(text: &str, edits: &[Edit]) -> Result<String, EditError> {
    let (mark, body) = text.strip_prefix('\u{feff}').map_or(("", text), |body| ("\u{feff}", body));
    let mut document: DocumentMut = body.parse().map_err(|error: toml_edit::TomlError| EditError::Document(error.message().to_owned()))?;
    for edit in edits {
        let value = edit.value.as_deref().map(|value| {
            let wrong = |error: toml_edit::TomlError| EditError::Value {
                path: edit.path.join("."),
                value: value.to_owned(),
                why: error.message().to_owned(),
            };
            value.parse::<Value>().map_err(wrong)
        });
        put(document.as_table_mut(), &edit.path, 0, value.transpose()?)?;
    }
    let written = document.to_string();
    // The editor ends its lines in LF.
    let ends_in_cr = body.contains("\r\n") && !body.replace("\r\n", "").contains('\n');
    let written = if ends_in_cr { written.replace("\r\n", "\n").replace('\n', "\r\n") } else { written };
    Ok(format!("{mark}{written}"))
}

/// What stands at a path, on one line; none where nothing does.
pub fn stated(text: &str, path: &[String]) -> Option<String> {
    let document: DocumentMut = text.strip_prefix('\u{feff}').unwrap_or(text).parse().ok()?;
    let found = path.iter().try_fold(document.as_item(), |item, part| item.as_table_like()?.get(part))?;
    let mut value = found.clone().into_value().ok()?;
    value.decor_mut().clear();
    Some(value.to_string().split_whitespace().collect::<Vec<_>>().join(" "))
}

fn put(table: &mut dyn TableLike, path: &[String], depth: usize, value: Option<Value>) -> Result<(), EditError> {
    let part = &path[depth];
    if depth + 1 == path.len() {
        match value {
            None => _ = table.remove(part),
            Some(value) => replace(table, part, value),
        }
        return Ok(());
    }
    let so_far = &path[..=depth];
    match table.get(part) {
        // Nothing is taken away from what is not there.
        None if value.is_none() => return Ok(()),
        None => replace(table, part, InlineTable::new().into()),
        Some(item) => {
            // The short spelling of a table becomes the table.
            let is_short = item.as_table_like().is_none_or(|table| table.contains_key("value"));
            if is_short && let Some(key) = long_key(so_far, true) {
                let short = item.clone().into_value().map_err(|_| no_table(path, part))?;
                let mut long = InlineTable::new();
                long.insert(key, short.decorated(" ", ""));
                replace(table, part, long.into());
            }
        }
    }
    let inner = table.get_mut(part).and_then(Item::as_table_like_mut).ok_or_else(|| no_table(path, part))?;
    put(inner, path, depth + 1, value)
}

fn no_table(path: &[String], part: &str) -> EditError {
    EditError::NoTable { path: path.join("."), part: part.to_owned() }
}

/// A comment behind a value stays behind it.
fn replace(table: &mut dyn TableLike, part: &str, mut value: Value) {
    match table.get_mut(part) {
        Some(Item::Value(old)) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        Some(other) => *other = Item::Value(value),
        None => {
            // The blank before a closing brace goes on to what is last now.
            let last = table.iter_mut().last().and_then(|(_, item)| item.as_value_mut()).map(Value::decor_mut);
            let blank = |decor: &toml_edit::Decor| {
                decor.suffix().and_then(|suffix| suffix.as_str()).filter(|s| !s.is_empty() && s.trim().is_empty()).map(str::to_owned)
            };
            if let Some((decor, suffix)) = last.and_then(|decor| blank(decor).map(|suffix| (decor, suffix))) {
                decor.set_suffix("");
                value = value.decorated(" ", &suffix);
            }
            _ = table.insert(part, Item::Value(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(path: &str, value: &str) -> Edit {
        Edit { path: path.split('.').map(str::to_owned).collect(), value: (!value.is_empty()).then(|| value.to_owned()) }
    }

    #[test]
    fn only_what_is_set_changes() {
        let check = |before: &str, path: &str, value: &str, after: &str| {
            assert_eq!(edited(before, &[edit(path, value)]).as_deref(), Ok(after), "{path} = {value}");
            assert_eq!(edited(&before.replace('\n', "\r\n"), &[edit(path, value)]), Ok(after.replace('\n', "\r\n")), "CR LF");
        };
        let table = "# mine\n[servers.a]\nslots  =  2 # two\n\nserial = \"1s\"\n\n# next\n[servers.b]\n";
        check(table, "servers.a.slots", "3", "# mine\n[servers.a]\nslots  =  3 # two\n\nserial = \"1s\"\n\n# next\n[servers.b]\n");
        check(
            table,
            "servers.a.errors.soft",
            "0.1",
            "# mine\n[servers.a]\nslots  =  2 # two\n\nserial = \"1s\"\nerrors = { soft = 0.1 }\n\n# next\n[servers.b]\n",
        );
        check(table, "servers.a.slots", "", "# mine\n[servers.a]\n\nserial = \"1s\"\n\n# next\n[servers.b]\n");
        check(table, "servers.c.d.e", "", table);
        check("a = { b = 1 }  # a\n", "a.c", "2", "a = { b = 1, c = 2 }  # a\n");
        let inline = "servers.a = { serial = \"1s\", provides = { x = 1.0 } }  # a\nagents.b.needs.x = \"a\"  # b\n";
        check(
            inline,
            "servers.a.serial",
            "{ exponential = \"2s\" }",
            "servers.a = { serial = { exponential = \"2s\" }, provides = { x = 1.0 } }  # a\nagents.b.needs.x = \"a\"  # b\n",
        );
        check(
            inline,
            "servers.a.provides.x.serial",
            "\"2s\"",
            "servers.a = { serial = \"1s\", provides = { x = { quality = 1.0, serial = \"2s\" } } }  # a\nagents.b.needs.x = \"a\"  # b\n",
        );
        check(
            inline,
            "agents.b.needs.x.demand",
            "2",
            "servers.a = { serial = \"1s\", provides = { x = 1.0 } }  # a\nagents.b.needs.x = { server = \"a\", demand = 2 }  # b\n",
        );
        check(
            inline,
            "agents.b.workload.calls",
            "3",
            "servers.a = { serial = \"1s\", provides = { x = 1.0 } }  # a\nagents.b.needs.x = \"a\"  # b\nagents.b.workload = { calls = 3 }\n",
        );
    }

    #[test]
    fn what_cannot_be_set_is_named() {
        assert!(edited("a = [", &[]).is_err());
        let wrong = |path, value| edited("a = 1\n", &[edit(path, value)]).expect_err("a mistake").to_string();
        assert!(wrong("a.b.c", "1").contains("`a` is no table"));
        assert!(wrong("b", "{").contains("cannot be set to `{`"));
    }

    #[test]
    fn what_is_stated_is_found() {
        let text = "[servers.a]\nserial = { value = \"1s\" } # one\nerrors.soft = 0.1\n";
        let check = |path: &str, expected: Option<&str>| assert_eq!(stated(text, &edit(path, "1").path).as_deref(), expected, "{path}");
        check("servers.a.serial", Some("{ value = \"1s\" }"));
        check("servers.a.errors.soft", Some("0.1"));
        check("servers.a.errors.protocol", None);
        check("servers.b.serial", None);
    }
}
