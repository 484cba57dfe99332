//! `karsc explain`: the page of a code, or what a field means.

use karsc_core::check::pages;
use karsc_core::schema::explain;

use crate::args::Explain;
use crate::outcome::{Exit, Failure, Outcome};
use crate::print::Printer;

pub(crate) fn run(arguments: &Explain, printer: &Printer) -> Outcome {
    let topic = arguments.topic.as_str();
    let text = if is_code(topic) {
        let page = pages::by_code(topic).ok_or_else(|| {
            Failure::Usage(format!(
                "there is no code `{topic}`; `docs/reference/codes.md` lists all, and so do diagnostics"
            ))
        })?;
        page.text.to_owned()
    } else {
        explain::field(topic).map_err(|unknown| Failure::Usage(unknown.to_string()))?
    };
    printer.data(text.as_bytes())?;
    Ok(Exit::Done)
}

/// `K0301`, `k301` or `301`: no field looks so.
fn is_code(topic: &str) -> bool {
    let digits = topic.trim_start_matches(['K', 'k']);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}
