//! `docs/scenario.md` says what is read here.

use super::*;
use std::collections::BTreeSet;

const REFERENCE: &str = include_str!("../../../docs/scenario.md");

fn blocks(from: &'static str, to: &'static str) -> impl Iterator<Item = &'static str> {
    REFERENCE.split(from).skip(1).map(move |block| block.split(to).next().unwrap_or_default())
}

#[test]
fn its_whole_example_is_a_scenario_without_a_warning() {
    let [example] = blocks("```toml\n", "```").collect::<Vec<_>>()[..] else { panic!("one example") };
    let parsed = parse("example.toml", example).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    assert_eq!(parsed.warnings.render(false), "");
    assert_eq!(read(&write(&parsed.scenario)), parsed.scenario);
}

/// Each shows part of a scenario; together they may repeat themselves, so each has to be read by itself.
#[test]
fn its_short_examples_are_toml_whose_keys_are_known() {
    let indented: Vec<&str> = REFERENCE.lines().map(|line| line.strip_prefix("    ").unwrap_or("")).collect();
    let examples: Vec<&[&str]> = indented.split(|line| line.is_empty()).filter(|lines| !lines.is_empty()).collect();
    assert!(examples.len() >= 12, "{examples:?}");
    for example in examples {
        let text = example.join("\n");
        let shown = match parse("example.toml", &format!("format = 1\nname = \"n\"\n{text}")) {
            Ok(_) => continue,
            Err(diagnostics) => diagnostics,
        };
        let is_about_the_rest = |message: &str| {
            ["unknown server", "unknown capability", "no server provides", "does not have", "has no agents", "has no servers"]
                .iter()
                .any(|known| message.contains(known))
        };
        let wrong: Vec<&str> = shown
            .list
            .iter()
            .filter(|d| d.severity == Severity::Error)
            .map(|d| d.message.as_str())
            .filter(|message| !is_about_the_rest(message))
            .collect();
        assert!(wrong.is_empty(), "{text}\n{wrong:?}");
    }
}

#[test]
fn it_names_every_key() {
    let named: BTreeSet<&str> =
        REFERENCE.split('`').skip(1).step_by(2).flat_map(|code| code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')).collect();
    // The largest seed is beyond plain TOML.
    let samples = [EVERYTHING, OTHERWISE, ASSUMED].map(|sample| sample.replace(&u64::MAX.to_string(), "1"));
    let documents = samples.each_ref().map(|sample| toml::Value::Table(toml::from_str(sample).unwrap()));
    let mut keys: BTreeSet<&str> = BTreeSet::new();
    documents.iter().for_each(|document| collect(document, &[], &mut keys));
    assert!(keys.len() > 90, "{keys:?}");
    let missing: Vec<&&str> = keys.difference(&named).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// The keys of a document, without those that are names.
fn collect<'a>(value: &'a toml::Value, path: &[&'a str], keys: &mut BTreeSet<&'a str>) {
    let Some(table) = value.as_table() else { return };
    let holds_names = matches!(
        path,
        ["servers" | "stand_ins" | "dependencies" | "agents" | "what_if"]
            | [_, _, "provides" | "needs"]
            | ["policy", "caches" | "fallbacks"]
            | ["imported", "files"]
    );
    for (key, value) in table {
        if path.first() == Some(&"what_if") && path.len() == 2 && !["description", "required", "load"].contains(&key.as_str()) {
            continue;
        }
        if !holds_names {
            keys.insert(key);
        }
        collect(value, &[path, &[key.as_str()]].concat(), keys);
    }
}
