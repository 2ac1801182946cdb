//! The emulator's folder: what a client needs to find it (`ca.pem`, `env`, the surfaces' files), and what it remembers
//! (`state.journal`, `ca.key`).
//!
//! An emulator that was given no folder has a temporary one that goes when it ends, and remembers nothing.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::certificates::Authority;
use super::store::Store;
use super::world::World;

/// The folder, locked against a second emulator.
pub(crate) struct Folder {
    path: PathBuf,
    pub(crate) authority: Authority,
    temporary: bool,
    _lock: File,
}

impl Folder {
    /// Opens this folder, making it where it is missing; without a path a temporary one.
    ///
    /// # Errors
    /// When it cannot be written, or another emulator uses it.
    pub(crate) fn open(path: Option<&Path>) -> io::Result<Self> {
        let temporary = path.is_none();
        let path = match path {
            Some(path) => std::path::absolute(path)?,
            None => std::env::temp_dir().join(format!("azwi-emulator-{}", uuid::Uuid::new_v4().simple())),
        };
        make_private(&path)?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(path.join("lock"))?;
        lock.try_lock().map_err(|error| {
            io::Error::new(
                io::ErrorKind::AlreadyExists,
                format!("{} is used by another emulator: {error}", path.display()),
            )
        })?;
        let (certificate, key) = (path.join("ca.pem"), path.join("ca.key"));
        let authority = match (fs::read_to_string(&certificate), fs::read_to_string(&key)) {
            (Ok(certificate), Ok(key)) => Authority { certificate, key },
            _ => Authority::generate().map_err(io::Error::other)?,
        };
        write(&certificate, &authority.certificate)?;
        write(&key, &authority.key)?;
        Ok(Self { path, authority, temporary, _lock: lock })
    }

    /// Where it is, absolute.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The documents of this folder; of a temporary one they are in memory only.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub(crate) fn store(&self) -> io::Result<Store> {
        if self.temporary { Ok(Store::in_memory()) } else { Store::open(&self.path.join("state.journal")) }
    }

    /// Writes what clients read, as the world is now.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub(crate) fn write(&self, world: &World) -> io::Result<()> {
        for (name, text) in world.surfaces.iter().flat_map(|surface| surface.files(world)) {
            write(&self.path.join(name), &text)?;
        }
        let lines: String = self.env(world).iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        write(&self.path.join("env"), &lines)
    }

    /// The environment of a client: what each surface needs, and whom to trust.
    pub(crate) fn env(&self, world: &World) -> Vec<(String, String)> {
        let certificate = self.path.join("ca.pem").display().to_string();
        let own = [
            ("SSL_CERT_FILE", certificate.clone()),
            ("REQUESTS_CA_BUNDLE", certificate.clone()),
            // For curl it counts before SSL_CERT_DIR, which a system may set.
            ("CURL_CA_BUNDLE", certificate),
            ("NO_PROXY", "localhost,127.0.0.1,::1".to_owned()),
            ("AZWI_EMULATOR_URL", world.url.clone()),
        ];
        let surfaces = world.surfaces.iter().flat_map(|surface| surface.environment(world, &self.path));
        surfaces.chain(own).map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.temporary
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            tracing::warn!(%error, folder = %self.path.display(), "the temporary folder stays");
        }
    }
}

/// Makes a folder that only its owner can look into; its parents as usual.
fn make_private(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Replaces a file at once, readable by its owner only: there are secrets in most of them.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&temporary)?.write_all(text.as_bytes())?;
    fs::rename(&temporary, path)
}
