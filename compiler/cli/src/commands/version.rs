//! `karsc version`: the version, and those of the documents it writes.

use kars_contract::document::Document;
use kars_contract::relay::RelayDocument;
use kars_contract::router::RouterDocument;
use serde::Serialize;

use super::json;
use crate::args::{AnswerFormat, Version};
use crate::outcome::{Exit, Outcome};
use crate::print::Printer;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Facts {
    name: &'static str,
    version: &'static str,
    language: &'static str,
    router_document: u32,
    relay_document: u32,
}

pub(crate) fn run(arguments: &Version, printer: &Printer) -> Outcome {
    let facts = Facts {
        name: "karsc",
        version: env!("CARGO_PKG_VERSION"),
        language: "karsc.dev/v1alpha1",
        router_document: RouterDocument::VERSION,
        relay_document: RelayDocument::VERSION,
    };
    let text = match arguments.output {
        AnswerFormat::Text => format!("karsc {}\n", facts.version),
        AnswerFormat::Json => json(&facts),
    };
    printer.data(text.as_bytes())?;
    Ok(Exit::Done)
}
