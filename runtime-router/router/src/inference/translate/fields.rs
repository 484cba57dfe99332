//! The fields of an object that is told in another form: each is taken once, and what is left is refused by its name.
//!
//! Not here: which fields there are.

use std::collections::BTreeMap;

use kars_contract::agent_api::ErrorCode;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::refusal::{Refusal, shown};

/// The fields of one object. `null` counts as absent.
pub(super) struct Fields<'a> {
    at: String,
    left: BTreeMap<String, &'a RawValue>,
}

/// A text, or its parts.
pub(super) enum TextOr<'a> {
    Text(String),
    Objects(Vec<Fields<'a>>),
}

impl<'a> Fields<'a> {
    /// Reads an object that stands at this place of the request.
    pub(super) fn read(at: impl Into<String>, text: &'a str) -> Result<Self, Refusal> {
        let at = at.into();
        let mut left: BTreeMap<String, &'a RawValue> =
            serde_json::from_str(text).map_err(|_| wrong(&at, "is no object"))?;
        left.retain(|_, value| value.get() != "null");
        Ok(Self { at, left })
    }

    /// Takes a value as it is.
    pub(super) fn raw(&mut self, name: &str) -> Option<&'a RawValue> {
        self.left.remove(name)
    }

    /// Takes a value of this form.
    pub(super) fn take<T: Deserialize<'a>>(&mut self, name: &str) -> Result<Option<T>, Refusal> {
        let Some(raw) = self.raw(name) else { return Ok(None) };
        serde_json::from_str(raw.get()).map(Some).map_err(|_| wrong(&self.place(name), "has another form"))
    }

    /// Takes a value that must be there.
    pub(super) fn need<T: Deserialize<'a>>(&mut self, name: &str) -> Result<T, Refusal> {
        let value = self.take(name)?;
        value.ok_or_else(|| wrong(&self.place(name), "is missing"))
    }

    /// Takes the objects of a list.
    pub(super) fn objects(&mut self, name: &str) -> Result<Option<Vec<Self>>, Refusal> {
        let Some(list) = self.take::<Vec<&'a RawValue>>(name)? else { return Ok(None) };
        let at = self.place(name);
        list.into_iter()
            .enumerate()
            .map(|(index, raw)| Self::read(format!("{at}[{index}]"), raw.get()))
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// Takes a text, or a list of objects that says the same in parts.
    pub(super) fn text_or_objects(&mut self, name: &str) -> Result<Option<TextOr<'a>>, Refusal> {
        if self.left.get(name).is_some_and(|raw| raw.get().starts_with('"')) {
            return Ok(self.take(name)?.map(TextOr::Text));
        }
        Ok(self.objects(name)?.map(TextOr::Objects))
    }

    /// Takes an object.
    pub(super) fn object(&mut self, name: &str) -> Result<Option<Self>, Refusal> {
        let at = self.place(name);
        self.raw(name).map(|raw| Self::read(at, raw.get())).transpose()
    }

    /// Passes over fields that say nothing which the other form lacks.
    pub(super) fn skip(&mut self, names: &[&str]) {
        for name in names {
            self.left.remove(*name);
        }
    }

    /// Passes over a field if it has one of these values, in which it says nothing.
    pub(super) fn skip_if(&mut self, name: &str, values: &[&str]) {
        if self.left.get(name).is_some_and(|value| values.contains(&value.get())) {
            self.left.remove(name);
        }
    }

    /// Refuses what was not taken.
    pub(super) fn end(self) -> Result<(), Refusal> {
        match self.left.keys().next() {
            Some(name) => Err(self.untold(name)),
            None => Ok(()),
        }
    }

    /// The refusal of a field, or of a value in it.
    pub(super) fn untold(&self, name: &str) -> Refusal {
        wrong(&self.place(name), "cannot be told to the model, which offers another API than the one that is asked")
    }

    fn place(&self, name: &str) -> String {
        let name = shown(name);
        if self.at.is_empty() { name } else { format!("{}.{name}", self.at) }
    }
}

fn wrong(at: &str, problem: &str) -> Refusal {
    Refusal::new(ErrorCode::ArgsWrong, format!("`{at}` {problem}"))
}
