//! Many files in one, as `tar` reads them: one file to create and to wait for instead of a thousand. Without mcplab, `tar -xf` gets
//! every file back.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::time::UNIX_EPOCH;

use super::disk::Image;

/// Content by path.
pub type Files = BTreeMap<String, Vec<u8>>;

/// The archive's bytes; paths are relative.
pub fn pack<'a>(files: impl Iterator<Item = (&'a str, &'a Image)>) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, image) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(image.bytes.len() as u64);
        header.set_mode(image.mode);
        if let Some((user, group)) = image.owner {
            header.set_uid(user.into());
            header.set_gid(group.into());
        }
        header.set_mtime(image.modified.and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default().as_secs());
        archive.append_data(&mut header, path, image.bytes.as_slice())?;
    }
    archive.into_inner()
}

pub fn unpack(archive: &[u8]) -> io::Result<Files> {
    let mut files = Files::new();
    for entry in tar::Archive::new(archive).entries()? {
        let entry = entry?;
        // A sparse file may claim any size, made of zeros; none is written here.
        if !entry.header().entry_type().is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the archive holds something else than plain files"));
        }
        let path = entry.path()?.to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        entry.take(archive.len() as u64).read_to_end(&mut bytes)?;
        files.insert(path, bytes);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_goes_in_comes_out(files in prop::collection::btree_map("[a-z가]{1,80}(/[.a-z ]{0,60}[a-z]){0,4}", any::<Vec<u8>>(), 0..8)) {
            let images: Vec<(String, Image)> = files.iter().map(|(path, bytes)| (path.clone(), Image::new(bytes.clone(), 0o640))).collect();
            let archive = pack(images.iter().map(|(path, image)| (path.as_str(), image))).unwrap();
            prop_assert_eq!(unpack(&archive).unwrap(), files);
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000), at in any::<prop::sample::Index>()) {
            let _ = unpack(&bytes);
            let mut archive = pack([("a/b", &Image::new(bytes, 0o600))].into_iter()).unwrap();
            let at = at.index(archive.len());
            archive[at] ^= 0x55;
            let _ = unpack(&archive);
        }
    }

    #[test]
    fn a_hole_is_not_filled() {
        let mut header = tar::Header::new_gnu();
        header.set_path("a").unwrap();
        header.set_entry_type(tar::EntryType::GNUSparse);
        header.set_size(0);
        let sparse = header.as_gnu_mut().unwrap();
        for size in [&mut sparse.realsize, &mut sparse.sparse[0].offset] {
            size.copy_from_slice(b"77777777777\0");
        }
        sparse.sparse[0].numbytes.copy_from_slice(b"00000000000\0");
        header.set_cksum();
        let mut archive = tar::Builder::new(Vec::new());
        archive.append(&header, io::empty()).unwrap();
        let error = unpack(&archive.into_inner().unwrap()).expect_err("no plain file");
        assert!(error.to_string().contains("plain files"), "{error}");
    }
}
