//! Key files: public keys, and private ones as cosign keeps them (encrypted) or in PKCS#8 PEM. Not here: what is signed.

mod pair;
mod password;

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use kars_trust::{PrivateKey, PublicKey};
use p256::elliptic_curve::zeroize::Zeroizing;
use sigstore::crypto::signing_key::KeyPair;
use sigstore::crypto::signing_key::ecdsa::ec::EcdsaKeys;

use crate::outcome::Failure;
pub(crate) use pair::{Files, Pair};
pub(crate) use password::Password;

/// The largest key file, in bytes.
const LARGEST: u64 = 64 << 10;
/// Read and write for anybody but the owner.
const OTHERS: u32 = 0o077;

/// Reads a public key.
pub(crate) fn read_public(path: &Path) -> Result<PublicKey, Failure> {
    let text = String::from_utf8_lossy(&bytes(&open(path)?, path)?).into_owned();
    PublicKey::from_pem(&text).map_err(|error| Failure::Usage(format!("`{}`: {error}", path.display())))
}

/// Reads a private key that nobody but its owner can. The password is asked for where the key is encrypted.
pub(crate) fn read_private(path: &Path, password: &Password) -> Result<PrivateKey, Failure> {
    let shown = path.display();
    let file = open(path)?;
    let metadata = file.metadata().map_err(|error| unreadable(path, &error))?;
    if metadata.is_file() && metadata.permissions().mode() & OTHERS != 0 {
        let message = format!("others than the owner may read the private key `{shown}`; run `chmod 600 {shown}`");
        return Err(Failure::Environment(message));
    }
    let text = bytes(&file, path)?;
    let unusable = || {
        let help = "give a P-256 key that `karsc keygen` or cosign made, or PKCS#8 PEM";
        Failure::Usage(format!("`{shown}` holds no private key that can be used; {help}"))
    };
    let has = |label: &str| text.windows(label.len()).any(|window| window == label.as_bytes());
    let keys = if has("-----BEGIN PRIVATE KEY-----") {
        EcdsaKeys::from_pem(&text).map_err(|_| unusable())?
    } else if has("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----")
        || has("-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----")
    {
        let password = password.for_reading(path)?;
        EcdsaKeys::from_encrypted_pem(&text, &password).map_err(|_| {
            Failure::Usage(format!("`{shown}` cannot be decrypted: the password is wrong, or the file broken"))
        })?
    } else {
        return Err(unusable());
    };
    let der = keys.private_key_to_der().map_err(|_| unusable())?;
    PrivateKey::from_pkcs8_der(&der).map_err(|_| unusable())
}

fn open(path: &Path) -> Result<File, Failure> {
    File::open(path).map_err(|error| unreadable(path, &error))
}

fn bytes(file: &File, path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
    if bytes.len() as u64 > LARGEST {
        return Err(Failure::Usage(format!("`{}` is larger than any key", path.display())));
    }
    Ok(bytes)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Environment(format!("`{}` cannot be read: {error}", path.display()))
}
