//! Settings: addresses and paths, never policy. This is the only reader of the process environment.
//!
//! Not here: the names, which are constants of `kars_contract::settings`.

use std::collections::BTreeMap;
use std::env;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use kars_contract::settings::{ALL, RESERVED_PREFIX};

/// Where settings come from: the process environment, or a map in tests.
pub trait Settings {
    /// The text of a setting; absent and empty are the same.
    fn get(&self, name: &str) -> Option<String>;
}

/// The process environment, as it was at the start.
pub struct Environment(BTreeMap<String, String>);

/// A setting that a program cannot start with.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BadSetting {
    /// It must be there.
    #[error("`{0}` is not set")]
    Missing(&'static str),
    /// It cannot be read.
    #[error("`{name}` is `{text}`, which is {problem}")]
    Wrong {
        /// The setting.
        name: &'static str,
        /// As written.
        text: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Two settings that only make sense together.
    #[error("`{0}` is set and `{1}` is not; set both or neither")]
    Half(&'static str, &'static str),
}

impl Environment {
    /// Reads the environment; names that are not text are no settings.
    #[must_use]
    pub fn read() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self(env::vars_os().filter_map(text).collect())
    }

    /// Names that claim to be settings and are none: a slip of the pen that would otherwise change nothing in silence.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        let ours = self.0.keys().map(String::as_str).filter(|name| name.starts_with(RESERVED_PREFIX));
        ours.filter(|name| !ALL.contains(name))
    }
}

impl Settings for Environment {
    fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).filter(|text| !text.is_empty()).cloned()
    }
}

impl Settings for BTreeMap<&str, String> {
    fn get(&self, name: &str) -> Option<String> {
        BTreeMap::get(self, name).filter(|text| !text.is_empty()).cloned()
    }
}

/// A path that must be set.
pub fn path(from: &impl Settings, name: &'static str) -> Result<PathBuf, BadSetting> {
    from.get(name).map(PathBuf::from).ok_or(BadSetting::Missing(name))
}

/// An address to listen on or to ask, `IP:PORT`.
pub fn address(from: &impl Settings, name: &'static str, default: SocketAddr) -> Result<SocketAddr, BadSetting> {
    Ok(parsed(from, name)?.unwrap_or(default))
}

/// Anything that can be read from text; absent where it is not set.
pub fn parsed<T: FromStr<Err: ToString>>(from: &impl Settings, name: &'static str) -> Result<Option<T>, BadSetting> {
    let Some(text) = from.get(name) else { return Ok(None) };
    match text.parse() {
        Ok(value) => Ok(Some(value)),
        Err(error) => Err(BadSetting::Wrong { name, text, problem: format!("wrong: {}", error.to_string()) }),
    }
}

#[cfg(test)]
mod tests {
    use kars_contract::settings::{LISTEN_API, STATE_DIR};

    use super::*;

    #[test]
    fn a_setting_is_read_or_named() {
        let default: SocketAddr = "127.0.0.1:8443".parse().unwrap();
        let mut map = BTreeMap::new();
        assert_eq!(address(&map, LISTEN_API, default), Ok(default));
        assert_eq!(path(&map, STATE_DIR), Err(BadSetting::Missing(STATE_DIR)));
        map.insert(LISTEN_API, "127.0.0.1".to_owned());
        let error = address(&map, LISTEN_API, default).unwrap_err().to_string();
        assert!(error.starts_with("`KARS_LISTEN_API` is `127.0.0.1`, which is wrong: "), "{error}");
        map.insert(STATE_DIR, String::new());
        assert_eq!(path(&map, STATE_DIR), Err(BadSetting::Missing(STATE_DIR)), "an empty setting is none");
    }

    #[test]
    fn names_that_nobody_reads_are_told() {
        let environment = Environment(
            ["KARS_DOCUMENT", "KARS_DOCUMNET", "PATH"].map(|name| (name.to_owned(), "x".to_owned())).into(),
        );
        assert_eq!(environment.unknown().collect::<Vec<_>>(), ["KARS_DOCUMNET"]);
    }
}
