//! The notebooks run from scratch on the committed reference run. Needs Python with notebooks/requirements.txt:
//! `MCPLAB_PYTHON` names it (else `python3`); `MCPLAB_REQUIRE_PYTHON=1` makes its absence a failure.

use std::path::Path;
use std::process::Command;

#[test]
fn notebooks_run_from_scratch() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = std::env::var("MCPLAB_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let present = Command::new(&python).args(["-c", "import nbclient, ipykernel, polars, matplotlib"]).output();
    if !present.as_ref().is_ok_and(|output| output.status.success()) {
        let required = std::env::var("MCPLAB_REQUIRE_PYTHON").is_ok_and(|v| v == "1");
        assert!(!required, "{python} cannot run the notebooks: {present:?}");
        eprintln!("NOT RUN: {python} lacks what notebooks/requirements.txt lists");
        return;
    }
    let mut ran = 0;
    for entry in std::fs::read_dir(root.join("notebooks")).expect("the folder is there") {
        let path = entry.expect("a folder entry can be read").path();
        if path.extension().is_none_or(|e| e != "ipynb") {
            continue;
        }
        let script = "import sys, nbformat, nbclient\n\
             nb = nbformat.read(sys.argv[1], as_version=4)\n\
             nbclient.NotebookClient(nb, timeout=300, resources={'metadata': {'path': sys.argv[2]}}).execute()\n\
             plots = sum('image/png' in o.get('data', {}) for c in nb.cells for o in c.get('outputs', []))\n\
             assert plots >= 3, f'{plots} plots'";
        let output = Command::new(&python)
            .args(["-c", script])
            .args([&path, &root.join("notebooks")])
            .output()
            .expect("python was there a moment ago");
        assert!(output.status.success(), "{}:\n{}", path.display(), String::from_utf8_lossy(&output.stderr));
        ran += 1;
    }
    assert!(ran > 0, "there are notebooks");
}
