//! K0623: what is said of a produced file fits its type. Not here: the schema's text (K0624) and bounds (K0646).

use kars_scenario::artifact::{Artifact, ArtifactType};
use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::span::Span;

use crate::check::Rule;
use crate::resolve::Resolved;

pub(super) const RULE: Rule = Rule { code: Code(623), check };

fn check(scenario: &Resolved<'_>, found: &mut Found) {
    for artifact in scenario.agents().flat_map(|agent| &agent.written.produces) {
        for (span, message, help) in faults(artifact) {
            found.push(
                Diagnostic::error(RULE.code, span, message)
                    .because(artifact.kind.span, "the file's type")
                    .help(help),
            );
        }
    }
}

fn faults(artifact: &Artifact) -> Vec<(Span, String, &'static str)> {
    let Artifact { path: _, kind, max_size, schema, width, height, words } = artifact;
    let is_picture = matches!(kind.value, ArtifactType::Png | ArtifactType::Jpeg | ArtifactType::Svg);
    let is_text = matches!(kind.value, ArtifactType::Markdown | ArtifactType::Text | ArtifactType::Html);
    let mut faults = Vec::new();
    for (name, pixels) in [("width", width), ("height", height)] {
        let Some(pixels) = pixels else { continue };
        if !is_picture {
            faults.push((pixels.span, format!("`{name}` is for pictures"), "remove it, or correct the type"));
        } else if pixels.value == 0 {
            faults.push((pixels.span, format!("a `{name}` of no pixels"), "write how many pixels it has"));
        }
    }
    if let Some(schema) = schema.as_ref().filter(|_| kind.value != ArtifactType::Json) {
        faults.push((schema.span, "`schema` is for JSON files".to_owned(), "remove it, or write `type: json`"));
    }
    let bound = words.as_ref().and_then(|words| words.min.as_ref().or(words.max.as_ref()));
    if let Some(bound) = bound.filter(|_| !is_text) {
        faults.push((bound.span, "`words` is for texts".to_owned(), "remove it, or correct the type"));
    }
    if let Some(size) = max_size.as_ref().filter(|size| size.value.bytes == 0) {
        faults.push((size.span, "a file of no bytes".to_owned(), "write how large it may be, such as `64Ki`"));
    }
    faults
}
