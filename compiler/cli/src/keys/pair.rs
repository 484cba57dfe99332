//! A new pair of keys, written whole or not at all. Not here: passwords.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use p256::elliptic_curve::zeroize::Zeroizing;
use sigstore::crypto::signing_key::KeyPair;
use sigstore::crypto::signing_key::ecdsa::EllipticCurve;
use sigstore::crypto::signing_key::ecdsa::ec::EcdsaKeys;
use sigstore::errors::SigstoreError;
use tempfile::NamedTempFile;

use crate::outcome::Failure;

/// A pair of keys on the curve P-256.
pub(crate) struct Pair {
    keys: EcdsaKeys,
}

impl Pair {
    pub(crate) fn generate() -> Result<Self, Failure> {
        EcdsaKeys::new(EllipticCurve::P256).map(|keys| Self { keys }).map_err(|error| broken(&error))
    }

    /// Writes `PREFIX.key` and `PREFIX.pub`. The private key is encrypted with the password, as cosign does it, or is
    /// PKCS#8 PEM where there is none.
    pub(crate) fn write(&self, files: &Files, password: Option<&[u8]>) -> Result<(), Failure> {
        let private = match password {
            Some(password) => self.keys.private_key_to_encrypted_pem(password),
            None => self.keys.private_key_to_pem(),
        };
        let private = private.map_err(|error| broken(&error))?;
        let public = self.keys.public_key_to_pem().map_err(|error| broken(&error))?;
        // Text files here end their lines with a line feed alone.
        let private = staged(&files.private, Zeroizing::new(private.replace("\r\n", "\n")).as_bytes(), 0o600)?;
        let public = staged(&files.public, public.replace("\r\n", "\n").as_bytes(), 0o644)?;
        placed(private, &files.private)?;
        placed(public, &files.public).inspect_err(|_| {
            // A key without its other half is of no use; what stays when this fails too is only that.
            fs::remove_file(&files.private).ok();
        })
    }
}

/// The two files of a pair.
pub(crate) struct Files {
    pub(crate) private: PathBuf,
    pub(crate) public: PathBuf,
}

impl Files {
    /// Refuses names that are taken.
    pub(crate) fn with(prefix: &Path) -> Result<Self, Failure> {
        let named = |ending: &str| {
            let mut name = OsString::from(prefix);
            name.push(ending);
            PathBuf::from(name)
        };
        let files = Self { private: named(".key"), public: named(".pub") };
        for path in [&files.private, &files.public] {
            if fs::symlink_metadata(path).is_ok() {
                return Err(taken(path));
            }
        }
        Ok(files)
    }
}

fn taken(path: &Path) -> Failure {
    Failure::Refused(format!("`{}` is there already; a key is not overwritten, choose another `-o`", path.display()))
}

fn staged(path: &Path, bytes: &[u8], mode: u32) -> Result<NamedTempFile, Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let written = NamedTempFile::new_in(folder).and_then(|mut file| {
        file.as_file().set_permissions(Permissions::from_mode(mode))?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        Ok(file)
    });
    written.map_err(|error| Failure::Environment(format!("`{}` cannot be written: {error}", path.display())))
}

fn placed(file: NamedTempFile, path: &Path) -> Result<(), Failure> {
    file.persist_noclobber(path).map(drop).map_err(|error| match error.error.kind() {
        ErrorKind::AlreadyExists => taken(path),
        _ => Failure::Environment(format!("`{}` cannot be written: {}", path.display(), error.error)),
    })
}

fn broken(error: &SigstoreError) -> Failure {
    Failure::Bug(format!("a key cannot be made: {error}"))
}
