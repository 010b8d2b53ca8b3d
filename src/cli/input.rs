//! Files that a person names on the command line: read within limits, written whole or not at all.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Context, bail};
use mcplab::apply::secrets;
use mcplab::mapping::file::{self, MappingFile};
use mcplab::report::Input;
use mcplab::scenario::{self, Scenario};

use super::output;

/// No scenario or mapping that a person or an import writes is larger.
const INPUT_MAX: u64 = 16 << 20;

pub fn read(path: &Path) -> anyhow::Result<Input> {
    let shown = path.display().to_string();
    let file = File::open(path).with_context(|| format!("cannot read {shown}"))?;
    if file.metadata().is_ok_and(|m| m.is_dir()) {
        bail!("{shown} is a folder; a file is expected here");
    }
    let mut bytes = Vec::new();
    file.take(INPUT_MAX + 1).read_to_end(&mut bytes).with_context(|| format!("cannot read {shown}"))?;
    if bytes.len() as u64 > INPUT_MAX {
        bail!("{shown} is larger than {} MiB: this is no scenario or mapping", INPUT_MAX >> 20);
    }
    let text = String::from_utf8(bytes)
        .map_err(|e| anyhow::anyhow!("{shown} is not UTF-8 text (byte {}); save it as UTF-8", e.utf8_error().valid_up_to()))?;
    Ok(Input::new(shown, text))
}

/// Mistakes end the command; warnings are printed.
pub fn scenario(input: &Input) -> anyhow::Result<Scenario> {
    let parsed = scenario::parse(&input.file, &input.text)?;
    if !parsed.warnings.is_empty() {
        output::diagnostics(&parsed.warnings);
    }
    Ok(parsed.scenario)
}

pub fn mapping(input: &Input, scenario: &Scenario) -> anyhow::Result<MappingFile> {
    let mapping = file::parse(&input.file, &input.text, scenario)?;
    // A run keeps the texts that went into it: no secret may get there.
    for (name, entry) in &mapping.servers {
        if let Some(secret) = secrets(name, &serde_json::to_value(entry)?).first() {
            bail!("{}: {secret}", input.file);
        }
    }
    Ok(mapping)
}

/// The name under which a given mapping is shown: its title, else its file's stem.
pub fn mapping_name(input: &Input, mapping: &MappingFile) -> String {
    mapping.title.clone().unwrap_or_else(|| {
        Path::new(&input.file).file_stem().map_or_else(|| input.file.clone(), |stem| stem.to_string_lossy().into_owned())
    })
}

/// All of it or nothing.
pub fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if path.metadata().is_ok_and(|found| !found.is_file()) {
        bail!("cannot write {}: it is no ordinary file", path.display());
    }
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let context = || format!("cannot write {}", path.display());
    let mut file = tempfile::Builder::new().permissions(permissions()).tempfile_in(parent).with_context(context)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).with_context(context)?;
    file.persist(path).with_context(context)?;
    Ok(())
}

/// A temporary file is private; what a person asked for is not.
fn permissions() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o644)
}
