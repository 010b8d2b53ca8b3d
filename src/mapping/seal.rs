//! Ties a verdict to the mapping that it was given to: whoever edits either by hand loses the verdict. It is no signature: it
//! guards against slips, not against someone who means to deceive.

use super::file::{MappingFile, write};
use crate::import::sha256;
use crate::scenario::Scenario;

const SEAL: &str = "sealed_sha256";

/// Adds the seal to the evidence, if there is any.
pub fn seal(file: &mut MappingFile, scenario: &Scenario) {
    let hash = hash(file, scenario);
    if let Some(evidence) = &mut file.evidence {
        evidence.insert(SEAL.into(), toml::Value::String(hash));
    }
}

/// Mapping and evidence are those that were sealed.
pub fn is_sealed(file: &MappingFile, scenario: &Scenario) -> bool {
    let sealed = file.evidence.as_ref().and_then(|evidence| evidence.get(SEAL)).and_then(toml::Value::as_str);
    sealed.is_some_and(|sealed| sealed == hash(file, scenario))
}

/// Titles and entries for `.mcp.json` are a person's to add; neither was judged.
fn hash(file: &MappingFile, scenario: &Scenario) -> String {
    let mut judged = MappingFile { title: None, servers: toml::Table::new(), ..file.clone() };
    judged.evidence.iter_mut().for_each(|evidence| {
        evidence.remove(SEAL);
    });
    sha256(write(&judged, scenario).as_bytes())
}
