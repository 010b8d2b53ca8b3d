//! Where in a scenario a change belongs: paths that reach into figures and distributions, and the lines of the overlay that results.

use super::super::read::distribution::DISTRIBUTIONS;
use super::super::read::overlay::{long_key, says_one_thing};
use super::super::spelling::number;
use crate::units::split_unit;
use toml::{Table, Value};

/// A line of the overlay: what is replaced as a whole there, and the flags that asked for it.
pub struct Line {
    pub path: Vec<String>,
    pub value: Value,
    pub flags: Vec<String>,
}

/// The scenario's document as it is changed, and what was changed in it.
pub struct Overlay {
    document: Value,
    lines: Vec<Line>,
}

/// A place that a path leads to.
pub struct Found {
    /// The path of what an overlay replaces as a whole.
    pub at: Vec<String>,
    /// What stands there, without its provenance: what is changed is the asker's own.
    pub leaf: Value,
    /// The rest of the path, inside of it.
    pub inner: Vec<String>,
}

impl Overlay {
    pub fn new(document: Table) -> Overlay {
        Overlay { document: Value::Table(document), lines: Vec::new() }
    }

    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    pub fn get(&self, path: &[String]) -> Option<&Value> {
        at(&self.document, path)
    }

    /// What the path leads to; else what there is where it ends, and the part of it that is not there.
    pub fn find(&self, path: &[String]) -> Result<Found, (Vec<String>, String)> {
        let mut node = &self.document;
        for (depth, part) in path.iter().enumerate() {
            let so_far = &path[..depth];
            if is_whole(node, so_far) {
                return Ok(found(path, depth, node));
            }
            match (node, long_key(so_far, true)) {
                (Value::Table(table), _) => match table.get(part) {
                    Some(inner) => node = inner,
                    None => return Err((table.keys().cloned().collect(), part.clone())),
                },
                // The short spelling of a table with this key.
                (_, Some(key)) if key == part => {}
                (_, Some(key)) => return Err((vec![key.to_owned()], part.clone())),
                (_, None) => return Ok(found(path, depth, node)),
            }
        }
        Ok(found(path, path.len(), node))
    }

    /// Puts every part of a table in its place; what says one thing, as a whole.
    pub fn merge(&mut self, path: &mut Vec<String>, value: &Value, flag: &str) {
        match value {
            Value::Table(table) if !is_whole(value, path) && self.get(path).is_some_and(|old| !is_whole(old, path)) => {
                for (name, inner) in table {
                    path.push(name.clone());
                    self.merge(path, inner, flag);
                    path.pop();
                }
            }
            _ => self.put(path, value.clone(), flag),
        }
    }

    /// Replaces what stands at the path.
    pub fn put(&mut self, path: &[String], value: Value, flag: &str) {
        put(&mut self.document, path, 0, value.clone());
        if let Some(line) = self.lines.iter_mut().find(|line| path.starts_with(&line.path)) {
            line.value = at(&self.document, &line.path).expect("it was put there").clone();
            line.flags.push(flag.to_owned());
            return;
        }
        let below: Vec<Line> = self.lines.extract_if(.., |line| line.path.starts_with(path)).collect();
        let flags = below.into_iter().flat_map(|line| line.flags).chain([flag.to_owned()]).collect();
        self.lines.push(Line { path: path.to_vec(), value, flags });
    }
}

fn at<'a>(document: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(document, |node, part| node.get(part))
}

fn put(node: &mut Value, path: &[String], depth: usize, value: Value) {
    let Some(part) = path.get(depth) else {
        *node = value;
        return;
    };
    if !node.is_table() {
        let mut table = Table::new();
        if let Some(key) = long_key(&path[..depth], true) {
            table.insert(key.to_owned(), node.clone());
        }
        *node = Value::Table(table);
    }
    let table = node.as_table_mut().expect("made one above");
    put(table.entry(part.clone()).or_insert_with(|| Value::Table(Table::new())), path, depth + 1, value);
}

fn found(path: &[String], depth: usize, node: &Value) -> Found {
    let leaf = node.get("value").filter(|_| is_whole(node, &path[..depth])).unwrap_or(node).clone();
    let inner = path[depth..].iter().skip_while(|part| *part == "value").cloned().collect();
    Found { at: path[..depth].to_vec(), leaf, inner }
}

fn is_whole(node: &Value, path: &[String]) -> bool {
    node.as_table().is_some_and(|table| says_one_thing(table.keys().map(String::as_str), path))
}

/// The part of a figure that a path names: `mean` of a log-normal distribution, with or without the word `lognormal`. A time that is always
/// the same is its own mean. Else what could be named.
pub fn inside<'a>(leaf: &'a mut Value, path: &[String]) -> Result<&'a mut Value, Vec<String>> {
    let Some(part) = path.first() else { return Ok(leaf) };
    if !leaf.is_table() {
        return if path.len() == 1 && ["mean", "quality", "limit", "repeats"].contains(&part.as_str()) {
            Ok(leaf)
        } else {
            Err(Vec::new())
        };
    }
    let table = leaf.as_table_mut().expect("told above");
    if table.contains_key(part) {
        return inside(&mut table[part], &path[1..]);
    }
    let known: Vec<String> = table.keys().cloned().collect();
    let wrapper = known.iter().find(|key| *key == "value" || DISTRIBUTIONS.contains(&key.as_str()));
    match wrapper {
        Some(key) if !table[key].is_array() => inside(&mut table[key], path),
        _ => Err(known),
    }
}

/// A number, a quantity with its unit or all times of a distribution, times a factor; else why not.
pub fn scaled(value: &Value, factor: f64) -> Result<Value, String> {
    match value {
        Value::Integer(integer) => {
            let product = *integer as f64 * factor;
            // A count stays one where it can.
            let is_whole = product.fract() == 0.0 && product.abs() < 9e15;
            Ok(if is_whole { Value::Integer(product as i64) } else { Value::Float(product) })
        }
        Value::Float(float) => Ok(Value::Float(float * factor)),
        Value::String(text) => {
            let (quantity, unit) = split_unit(text).ok_or_else(|| format!("is `{text}`, which is no number or quantity"))?;
            Ok(Value::String(format!("{}{unit}", number(quantity * factor))))
        }
        Value::Array(items) => items.iter().map(|item| scaled(item, factor)).collect::<Result<_, _>>().map(Value::Array),
        Value::Table(table) => {
            let is_distribution = table.keys().any(|key| DISTRIBUTIONS.contains(&key.as_str()));
            let is_spread = |key: &str| ["cv", "shape", "share"].contains(&key);
            let is_parameters = ["mean", "min", "max"].iter().any(|key| table.contains_key(*key));
            if !is_distribution && !is_parameters {
                return Err(format!("is a table; scale one of: {}", table.keys().cloned().collect::<Vec<_>>().join(", ")));
            }
            let each = table.iter().map(|(key, inner)| match is_spread(key) {
                true => Ok((key.clone(), inner.clone())),
                false => Ok((key.clone(), scaled(inner, factor)?)),
            });
            each.collect::<Result<Table, String>>().map(Value::Table)
        }
        Value::Boolean(_) => Err("is true or false, which has no multiple; --set changes it".to_owned()),
        Value::Datetime(_) => Err("is a date, which has no multiple".to_owned()),
    }
}
