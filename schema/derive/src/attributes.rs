//! The serde attributes that `Decode` shares with `Serialize` and `JsonSchema`. Attributes it has no use for are skipped.

use syn::{Attribute, LitStr};

/// How a Rust name is spelt in a file.
#[derive(Clone, Copy)]
pub(crate) enum Casing {
    AsWritten,
    Camel,
    Kebab,
    Lower,
}

impl Casing {
    pub(crate) fn apply(self, name: &str) -> String {
        let words = words(name);
        match self {
            Self::AsWritten => name.to_owned(),
            Self::Lower => words.concat(),
            Self::Kebab => words.join("-"),
            Self::Camel => words
                .iter()
                .enumerate()
                .map(|(at, word)| if at == 0 { word.clone() } else { capitalised(word) })
                .collect(),
        }
    }
}

/// Splits `token_budget` and `TokenBudget` alike into lower-case words.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for letter in name.trim_start_matches("r#").chars() {
        if letter == '_' || (letter.is_uppercase() && words.last().is_some_and(|word| !word.is_empty())) {
            words.push(String::new());
        }
        if letter != '_' {
            words.last_mut().expect("starts with one word").extend(letter.to_lowercase());
        }
    }
    words
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[derive(Default)]
pub(crate) struct FieldAttributes {
    pub(crate) default: bool,
    pub(crate) rename: Option<String>,
}

impl FieldAttributes {
    pub(crate) fn of(attributes: &[Attribute]) -> syn::Result<Self> {
        let mut read = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("default") {
                    read.default = true;
                } else if meta.path.is_ident("rename") {
                    read.rename = Some(meta.value()?.parse::<LitStr>()?.value());
                } else if meta.input.peek(syn::Token![=]) {
                    meta.value()?.parse::<LitStr>()?;
                }
                Ok(())
            })?;
        }
        Ok(read)
    }
}

pub(crate) fn casing_of(attributes: &[Attribute]) -> Casing {
    let mut casing = Casing::AsWritten;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        let read = attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("rename_all") {
                casing = match meta.value()?.parse::<LitStr>()?.value().as_str() {
                    "camelCase" => Casing::Camel,
                    "kebab-case" => Casing::Kebab,
                    "lowercase" => Casing::Lower,
                    other => return Err(meta.error(format!("the casing `{other}` is not supported"))),
                };
            } else if meta.input.peek(syn::Token![=]) {
                meta.value()?.parse::<LitStr>()?;
            }
            Ok(())
        });
        read.expect("serde rejects an attribute that is not of its form");
    }
    casing
}
