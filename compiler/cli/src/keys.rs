//! Key files: cosign's encrypted private keys, PKCS#8 and public keys in PEM. Not here: signing with them.

use std::fs;
use std::io::{IsTerminal, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use kars_trust::{PrivateKey, PublicKey};
use sigstore::crypto::signing_key::SigStoreKeyPair;
use sigstore::crypto::signing_key::ecdsa::{ECDSAKeys, EllipticCurve};

use crate::outcome::Failure;

/// The variable that holds the password of a private key, as cosign reads it.
const PASSWORD: &str = "COSIGN_PASSWORD";
/// The largest key file that is read, in bytes.
const LARGEST: u64 = 64 << 10;

/// A new pair.
pub(crate) struct Pair {
    /// The private key as PEM.
    private: String,
    /// The public key as PEM.
    public: String,
}

impl Pair {
    /// Makes a P-256 key; without a password it is PKCS#8 in plain text.
    pub(crate) fn generate(password: Option<&str>) -> Result<Self, Failure> {
        let failed = |error: sigstore::errors::SigstoreError| Failure::Bug(format!("a key cannot be made: {error}"));
        let keys = ECDSAKeys::new(EllipticCurve::P256).map_err(failed)?;
        let pair = keys.as_inner();
        let private = match password {
            Some(password) => pair.private_key_to_encrypted_pem(password.as_bytes()),
            None => pair.private_key_to_pem(),
        };
        Ok(Self { private: private.map_err(failed)?.to_string(), public: pair.public_key_to_pem().map_err(failed)? })
    }

    /// Writes `PREFIX.key`, which only its owner may read, and `PREFIX.pub`: both or neither. Nothing is overwritten.
    pub(crate) fn write(&self, prefix: &Path) -> Result<(PathBuf, PathBuf), Failure> {
        let [private, public] = ["key", "pub"].map(|ending| {
            let mut path = prefix.as_os_str().to_owned();
            path.push(format!(".{ending}"));
            PathBuf::from(path)
        });
        if let Some(path) = [&private, &public].into_iter().find(|path| path.symlink_metadata().is_ok()) {
            let message =
                format!("`{}` is there already; move it away, or choose another name with `-o`", path.display());
            return Err(Failure::Refused(message));
        }
        let wrote = put(&private, &self.private, 0o600).and_then(|()| put(&public, &self.public, 0o644));
        if let Err(failure) = wrote {
            for path in [&private, &public] {
                // What could not be written is no key; that it cannot be removed either changes nothing.
                fs::remove_file(path).ok();
            }
            return Err(failure);
        }
        Ok((private, public))
    }
}

fn put(path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    written.map_err(|error| Failure::Environment(format!("`{}` cannot be written: {error}", path.display())))
}

/// Reads a private key. One that others may read is refused, as one that lies in the bundle it signs.
pub(crate) fn read_private(path: &Path, bundle: &Path, password_file: Option<&Path>) -> Result<PrivateKey, Failure> {
    let shown = path.display();
    let missing = |error| Failure::Environment(format!("the key `{shown}` cannot be read: {error}"));
    let metadata = fs::metadata(path).map_err(missing)?;
    if metadata.permissions().mode() & 0o077 != 0 {
        let message = format!(
            "the key `{shown}` can be read by others; `chmod 600 {shown}`, and use a new key if somebody may have"
        );
        return Err(Failure::Refused(message));
    }
    let [real, folder] = [path, bundle].map(|path| fs::canonicalize(path).ok());
    if let (Some(real), Some(folder)) = (real, folder)
        && real.starts_with(folder)
    {
        return Err(Failure::Refused(format!(
            "the key `{shown}` lies in the bundle; a bundle is published, keep the key elsewhere"
        )));
    }
    if metadata.len() > LARGEST {
        return Err(Failure::Usage(format!("`{shown}` is no key: it has {} bytes", metadata.len())));
    }
    let pem = fs::read(path).map_err(missing)?;
    let is_encrypted = pem.windows(9).any(|window| window == b"ENCRYPTED");
    let pair = if is_encrypted {
        let password = password(&format!("password of {shown}: "), password_file)?;
        SigStoreKeyPair::from_encrypted_pem(&pem, password.as_bytes()).map_err(|_| {
            Failure::Usage(format!(
                "the key `{shown}` does not open with this password, or is not P-256; look at `{PASSWORD}`"
            ))
        })?
    } else {
        SigStoreKeyPair::from_pem(&pem)
            .map_err(|_| Failure::Usage(format!("`{shown}` is no private key; `karsc keygen` makes one")))?
    };
    let der = pair.private_key_to_der().map_err(|_| Failure::Usage(format!("`{shown}` holds no private key")))?;
    PrivateKey::from_pkcs8_der(&der).map_err(|error| Failure::Usage(format!("`{shown}`: {error}")))
}

/// Reads a public key.
pub(crate) fn read_public(path: &Path) -> Result<PublicKey, Failure> {
    let bytes = fs::read(path)
        .map_err(|error| Failure::Environment(format!("the key `{}` cannot be read: {error}", path.display())))?;
    PublicKey::from_pem(&String::from_utf8_lossy(&bytes))
        .map_err(|error| Failure::Usage(format!("`{}`: {error}", path.display())))
}

/// The password: from a file, from the environment, or from whoever sits at the terminal; never from an argument.
fn password(prompt: &str, file: Option<&Path>) -> Result<String, Failure> {
    if let Some(file) = file {
        let text = fs::read_to_string(file)
            .map_err(|error| Failure::Environment(format!("`{}` cannot be read: {error}", file.display())))?;
        return Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned());
    }
    if let Some(password) = std::env::var_os(PASSWORD) {
        return password.into_string().map_err(|_| Failure::Usage(format!("`{PASSWORD}` is not text")));
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::Usage(format!(
            "the key needs a password; set `{PASSWORD}`, or name a file with `--password-file`"
        )));
    }
    rpassword::prompt_password(prompt)
        .map_err(|error| Failure::Environment(format!("the password cannot be read: {error}")))
}

/// The password of a new key, asked for twice where a person types it.
pub(crate) fn new_password(file: Option<&Path>) -> Result<String, Failure> {
    let first = password("password of the new key: ", file)?;
    let is_typed = file.is_none() && std::env::var_os(PASSWORD).is_none();
    if is_typed && password("again: ", None)? != first {
        return Err(Failure::Usage("the passwords differ".to_owned()));
    }
    Ok(first)
}
