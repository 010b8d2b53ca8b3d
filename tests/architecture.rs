//! The one law of the house: flow order is dependency order. `src/lib.rs` lists the modules in the order in which data
//! flows, and each imports only from modules above it.

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn modules_import_only_from_above() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let order = modules(&fs::read_to_string(source.join("lib.rs")).expect("lib.rs is there"));
    assert!(order.len() > 5, "lib.rs lists the modules: {order:?}");
    let mut imports = 0;
    let mut wrong = Vec::new();
    for (rank, module) in order.iter().enumerate() {
        for file in files_of(&source, module) {
            let text = fs::read_to_string(&file).expect("a source file can be read");
            for (line, imported) in crate_paths(&text) {
                imports += 1;
                match order.iter().position(|m| *m == imported) {
                    Some(other) if other > rank => {
                        wrong.push(format!("{}:{line}: {module} imports {imported}, which is below it", file.display()))
                    }
                    Some(_) => {}
                    None => wrong.push(format!("{}:{line}: `crate::{imported}` is no module of lib.rs", file.display())),
                }
            }
        }
    }
    assert!(imports > 50, "the imports were found: {imports}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_module_of_the_library_says_what_it_is_for() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let lib = fs::read_to_string(source.join("lib.rs")).expect("lib.rs is there");
    for module in modules(&lib) {
        let line = lib.lines().position(|l| l == format!("pub mod {module};")).expect("found above");
        assert!(lib.lines().nth(line - 1).is_some_and(|l| l.starts_with("/// ")), "`{module}` has no sentence in lib.rs");
    }
}

fn modules(lib: &str) -> Vec<String> {
    lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).map(str::to_owned).collect()
}

fn files_of(source: &Path, module: &str) -> Vec<PathBuf> {
    let mut files = vec![source.join(format!("{module}.rs"))];
    let mut folders = vec![source.join(module)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.expect("a folder entry can be read").path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.retain(|file| file.extension().is_some_and(|e| e == "rs") && file.exists());
    assert!(!files.is_empty(), "`{module}` has no file");
    files
}

/// Line number and first segment of every `crate::…` path outside comments.
fn crate_paths(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or("");
        for rest in code.split("crate::").skip(1) {
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            // A group, `crate::{a, b}`, would hide its modules: it is no module's name, so it is reported.
            found.push((number + 1, if name.is_empty() { rest.to_owned() } else { name }));
        }
    }
    found
}
