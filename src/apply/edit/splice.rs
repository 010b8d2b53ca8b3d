//! What another writer made of a text, taken over only where it differs: every other byte stays, line endings and byte-order mark too.

/// The text as `rewritten` changes it. That sees lines that end in LF only, and no byte-order mark. What comes in has the line
/// ending that the file's first line has.
pub fn spliced<E>(text: &str, rewritten: impl FnOnce(&str) -> Result<String, E>) -> Result<String, E> {
    let mark = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let plain = text[mark..].replace("\r\n", "\n");
    let after = rewritten(&plain)?;
    let start = common(plain.char_indices().map(|(at, c)| (at + c.len_utf8(), c)), after.chars());
    let (plain_rest, after_rest) = (&plain[start..], &after[start..]);
    let tail = common(plain_rest.char_indices().rev().map(|(at, c)| (plain_rest.len() - at, c)), after_rest.chars().rev());
    let newline = if text.find('\n').is_some_and(|at| text[..at].ends_with('\r')) { "\r\n" } else { "\n" };
    let new = after_rest[..after_rest.len() - tail].replace('\n', newline);
    let (start, end) = (mark + place(&text[mark..], start), mark + place(&text[mark..], plain.len() - tail));
    Ok(format!("{}{new}{}", &text[..start], &text[end..]))
}

/// How many bytes both begin with.
fn common(of: impl Iterator<Item = (usize, char)>, other: impl Iterator<Item = char>) -> usize {
    of.zip(other).take_while(|((_, a), b)| a == b).map(|((end, _), _)| end).last().unwrap_or(0)
}

/// Where a byte of the text with LF stands in the one with its own line endings.
fn place(text: &str, plain: usize) -> usize {
    let mut passed = 0;
    for (at, c) in text.char_indices() {
        if passed == plain {
            return at;
        }
        let is_dropped = c == '\r' && text[at + 1..].starts_with('\n');
        passed += if is_dropped { 0 } else { c.len_utf8() };
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn only_what_differs_is_taken_over(before in "\u{feff}?([a-b가]{0,3}\r?\n){0,6}[a-b]{0,2}", at in any::<prop::sample::Index>(), new in "[xy\n]{0,4}") {
            let result = spliced(&before, |plain| {
                let places: Vec<usize> = plain.char_indices().map(|(at, _)| at).chain([plain.len()]).collect();
                let at = places[at.index(places.len())];
                Ok::<String, ()>(format!("{}{new}{}", &plain[..at], &plain[at..]))
            }).unwrap();
            let plain = |text: &str| text.replace("\r\n", "\n");
            prop_assert_eq!(plain(&result).len(), plain(&before).len() + new.len());
            // The old bytes are all there: a start and an end of the result are those of the text.
            let start = before.bytes().zip(result.bytes()).take_while(|(a, b)| a == b).count();
            let end = before.bytes().rev().zip(result.bytes().rev()).take_while(|(a, b)| a == b).count();
            prop_assert!(start + end >= before.len(), "{before:?} {result:?}");
        }
    }
}
