//! Every client's files, from a folder to a scenario and back, and what real ones look like.

use std::fs;

/// A folder with these files.
pub fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder for the test");
    for (path, bytes) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().expect("within the folder")).expect("created");
        fs::write(path, bytes).expect("written");
    }
    dir
}
