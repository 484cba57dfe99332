//! What is built into the compiler: catalogs, templates, environments. Not here: reading them.

include!(concat!(env!("OUT_DIR"), "/built_in.rs"));

/// The text of a built-in file, by its path from the root of the repository.
pub(crate) fn text(path: &str) -> Option<&'static str> {
    let at = FILES.binary_search_by_key(&path, |(known, _)| known).ok()?;
    Some(FILES[at].1)
}

/// The built-in files whose path starts so.
pub(crate) fn under(start: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    FILES.iter().filter(move |(path, _)| path.starts_with(start)).copied()
}
