//! Paths that a scenario names: inside its folder, spelt in one way. Not here: the disk, which checks links once more.

/// Why a path is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum InvalidPath {
    #[error("a path inside the scenario's folder is relative, with `/` between its parts")]
    NotRelative,
    #[error("`.` and `..` are not part of a path")]
    Dots,
    #[error("a path has letters, digits, spaces and `-_.+@`")]
    Characters,
}

/// Accepts a path as it will be opened.
pub(super) fn inside(path: &str) -> Result<&str, InvalidPath> {
    if path.is_empty() || path.starts_with('/') || path.ends_with('/') || path.contains('\\') || path.contains(':') {
        return Err(InvalidPath::NotRelative);
    }
    for part in path.split('/') {
        if part.is_empty() || part == "." || part == ".." {
            return Err(InvalidPath::Dots);
        }
        if !part.chars().all(|letter| letter.is_alphanumeric() || " -_.+@".contains(letter)) {
            return Err(InvalidPath::Characters);
        }
    }
    Ok(path)
}
