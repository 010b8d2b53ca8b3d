//! The file operations of an apply, one by one, so that a test can make any of them fail.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::attributes::Attributes;

/// More new files than this are synced together, with their whole file system: one wait for the disk, not one a file. Fewer are synced
/// one by one, for whatever else is waiting to be written there would be waited for too.
const SYNCED_ALONE_MAX: usize = 64;

/// A file's content and what else of it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    pub bytes: Vec<u8>,
    /// Permission bits.
    pub mode: u32,
    /// User and group; none: whoever writes it.
    pub owner: Option<(u32, u32)>,
    /// None: the time of writing.
    pub modified: Option<SystemTime>,
    pub attributes: Attributes,
}

impl Image {
    /// None where there is no file.
    pub fn read(path: &Path) -> io::Result<Option<Image>> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let meta = fs::metadata(path)?;
        Ok(Some(Image {
            bytes,
            mode: meta.mode() & 0o7777,
            owner: Some((meta.uid(), meta.gid())),
            modified: Some(meta.modified()?),
            attributes: Attributes::read(path)?,
        }))
    }

    /// A file that is written for the first time.
    pub fn new(bytes: Vec<u8>, mode: u32) -> Image {
        Image { bytes, mode, owner: None, modified: None, attributes: Attributes::default() }
    }

    /// The same file with other content, written now.
    pub fn with_bytes(&self, bytes: Vec<u8>) -> Image {
        Image { bytes, modified: None, ..self.clone() }
    }
}

/// A file to create.
pub struct NewFile {
    pub path: PathBuf,
    pub image: Image,
}

/// Everything that changes anything on the disk. Reading goes through `std::fs`.
pub trait Disk {
    /// A new folder, closed to others; one that exists is an error.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// A new file; one that exists is an error. Nobody else can read it before its mode is set.
    fn create(&self, path: &Path, image: &Image) -> io::Result<()>;
    /// A file or a folder: its content outlives a power cut.
    fn sync(&self, path: &Path) -> io::Result<()>;
    /// All of these, in any order; where one fails, with its path. `synced`: their content outlives a power cut.
    fn create_all(&self, files: &[NewFile], synced: bool) -> Result<(), (PathBuf, io::Error)> {
        files.iter().try_for_each(|file| self.create(&file.path, &file.image).map_err(|error| (file.path.clone(), error)))?;
        files.iter().filter(|_| synced).try_for_each(|file| self.sync(&file.path).map_err(|error| (file.path.clone(), error)))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    fn remove_dir(&self, path: &Path) -> io::Result<()>;
    /// Bytes that may still be written to the file system that holds `path`.
    fn free(&self, path: &Path) -> io::Result<u64>;
}

/// The disk of this machine.
pub struct RealDisk;

impl RealDisk {
    fn write(&self, path: &Path, image: &Image) -> io::Result<File> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(&image.bytes)?;
        let meta = file.metadata()?;
        if let Some((user, group)) = image.owner.filter(|owner| *owner != (meta.uid(), meta.gid())) {
            fchown(&file, Some(user), Some(group))?;
        }
        file.set_permissions(Permissions::from_mode(image.mode))?;
        image.attributes.write(&file)?;
        if let Some(modified) = image.modified {
            file.set_modified(modified)?;
        }
        Ok(file)
    }
}

impl Disk for RealDisk {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        DirBuilder::new().mode(0o700).create(path)
    }

    fn create(&self, path: &Path, image: &Image) -> io::Result<()> {
        self.write(path, image).map(drop)
    }

    fn sync(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn create_all(&self, files: &[NewFile], synced: bool) -> Result<(), (PathBuf, io::Error)> {
        let mut of_device: BTreeMap<u64, (&NewFile, File)> = BTreeMap::new();
        for file in files {
            let created = self.write(&file.path, &file.image).map_err(|error| (file.path.clone(), error))?;
            let device = created.metadata().map_err(|error| (file.path.clone(), error))?.dev();
            of_device.entry(device).or_insert((file, created));
        }
        match synced {
            true if files.len() > SYNCED_ALONE_MAX => of_device
                .into_values()
                .try_for_each(|(file, open)| rustix::fs::syncfs(&open).map_err(|error| (file.path.clone(), error.into()))),
            true => files.iter().try_for_each(|file| self.sync(&file.path).map_err(|error| (file.path.clone(), error))),
            false => Ok(()),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }

    fn free(&self, path: &Path) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(path)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

/// A folder with its parents, closed to others. One that exists is left as it is. Nothing in it outlives a power cut before
/// `sync` of its parent.
pub fn make_folder(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().ok_or(io::ErrorKind::NotFound)?;
    make_folder(disk, parent)?;
    disk.create_dir(path)?;
    disk.sync(parent)
}

/// Puts `image` in the place of `path` (None: no file), so that at every instant the old or the new one is there, whole.
/// `temporary` stands in the same folder.
pub fn replace(disk: &dyn Disk, path: &Path, temporary: &Path, image: Option<&Image>) -> io::Result<()> {
    match image {
        Some(image) => {
            disk.create(temporary, image)?;
            disk.sync(temporary)?;
            disk.rename(temporary, path)?;
        }
        None => disk.remove(path)?,
    }
    disk.sync(path.parent().expect("a file stands in a folder"))
}
