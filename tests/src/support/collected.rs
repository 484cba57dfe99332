//! A bundle in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;

use karsc_core::bundle::{Output, Unwritable};

#[derive(Default)]
pub(crate) struct Collected(Mutex<BTreeMap<String, Vec<u8>>>);

impl Collected {
    pub(crate) fn files(self) -> BTreeMap<String, Vec<u8>> {
        self.0.into_inner().unwrap()
    }
}

impl Output for Collected {
    fn write(&self, path: &str, bytes: &[u8]) -> Result<(), Unwritable> {
        let before = self.0.lock().unwrap().insert(path.to_owned(), bytes.to_owned());
        assert!(before.is_none(), "`{path}` is written twice");
        Ok(())
    }
}
