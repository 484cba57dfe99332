//! The KCL package.

/// Files below `karsc/`.
pub fn package() -> Vec<(String, String)> {
    Vec::new()
}
