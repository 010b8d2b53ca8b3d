//! Names of others in messages.

/// Whether a terminal would obey it, or show something else than it is.
fn is_obeyed(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// A message of several lines in which nothing is obeyed but the ends of its lines.
pub fn printable(text: &str) -> String {
    let mut printed = String::with_capacity(text.len());
    for c in text.chars() {
        if is_obeyed(c) && !matches!(c, '\n' | '\t') { printed.extend(c.escape_unicode()) } else { printed.push(c) }
    }
    printed
}

/// Short, and nothing in it that a terminal obeys.
pub fn shown(name: &str) -> String {
    const LONGEST: usize = 60;
    let mut chars = name.chars();
    let mut text = String::new();
    for c in chars.by_ref().take(LONGEST) {
        if is_obeyed(c) { text.extend(c.escape_unicode()) } else { text.push(c) }
    }
    if chars.next().is_some() { text + "…" } else { text }
}

/// The columns found, for a message. Where there is no header, what stands in its place is data and may be private.
pub fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const MOST: usize = 20;
    let is_name = |name: &str| name.chars().count() <= 40 && name.chars().all(|c| c.is_alphanumeric() || "_-. @;|\t".contains(c));
    let names: Vec<&str> = names.take(MOST + 1).collect();
    if names.iter().any(|name| name.trim().parse::<f64>().is_ok() || name.contains(['{', '[', ':'])) {
        return "none (the first row is no header)".to_owned();
    }
    let mut found: Vec<String> =
        names.iter().take(MOST).map(|name| if is_name(name) { shown(name) } else { "(no name)".to_owned() }).collect();
    match names.len() {
        0 => return "none".to_owned(),
        n if n > MOST => found.push("…".to_owned()),
        _ => {}
    }
    found.join(", ")
}
