//! Text templates of runtimes. A hole is a whole value, printed by the formatter of the file's syntax; a name that the
//! view does not have is an error. Not here: what the view holds (`lower::view`).

use kars_scenario::agent::Version;
use kars_scenario::catalog::{File, RuntimeDescriptor, Syntax};
use kars_scenario::diagnostic::{Code, Diagnostic, Found};
use kars_scenario::span::Spanned;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, Error, ErrorKind, Output, State, UndefinedBehavior};

use crate::catalog::Catalog;
use crate::lower::AgentPlan;
use crate::lower::objects::RuntimeFiles;

const TEMPLATE: Code = Code(811);
/// Steps that one template may take: far more than ours need, far fewer than a second's worth.
const FUEL: u64 = 10_000_000;

/// All templates of the catalogs, compiled once.
pub(super) struct Templates<'a> {
    engine: Environment<'a>,
    catalog: &'a Catalog,
}

impl<'a> Templates<'a> {
    /// Compiles the templates of every runtime; a template with a fault is reported by the runtime that names it.
    pub(super) fn of(catalog: &'a Catalog, found: &mut Found) -> Self {
        let mut engine = Environment::new();
        engine.set_undefined_behavior(UndefinedBehavior::Strict);
        engine.set_syntax(
            SyntaxConfig::builder()
                .keep_trailing_newline(true)
                .build()
                .expect("only the line end differs from the default"),
        );
        engine.set_fuel(Some(FUEL));
        engine.set_formatter(format);
        for runtime in catalog.runtimes.values() {
            for file in &runtime.files {
                let Some(template) = &file.template else { continue };
                let Some(source) = source(catalog, runtime, template) else {
                    found.push(Diagnostic::error(
                        TEMPLATE,
                        template.span,
                        format!("there is no template `{}` beside the descriptor", template.value),
                    ));
                    continue;
                };
                if let Err(error) = engine.add_template_owned(name(runtime, file, template), source) {
                    found.push(fault(template, &error));
                }
            }
        }
        Self { engine, catalog }
    }

    /// Fills the files and variables of an agent's runtime.
    pub(super) fn fill(&self, plan: &AgentPlan<'_, '_>, found: &mut Found) -> RuntimeFiles {
        let Some(runtime) = &plan.agent.runtime else { return RuntimeFiles::default() };
        let view = Value::from(Serde(&plan.view));
        let mut filled = RuntimeFiles::default();
        for file in runtime.descriptor.files.iter().filter(|file| is_for(file, runtime.version)) {
            if let Some(text) = self.text(runtime.descriptor, file, &view, found) {
                filled.files.insert(file.path.value.clone(), text);
            }
        }
        let version =
            runtime.version.map(Version::as_str).and_then(|version| runtime.descriptor.version_env.get(version));
        for (name, value) in runtime.descriptor.env.iter().chain(version.into_iter().flatten()) {
            filled.env.extend(variable(value, &view).map(|text| (name.clone(), text)));
        }
        filled
    }

    fn text(&self, runtime: &RuntimeDescriptor, file: &File, view: &Value, found: &mut Found) -> Option<String> {
        if let Some(verbatim) = &file.source {
            return source(self.catalog, runtime, verbatim);
        }
        let template = file.template.as_ref()?;
        let rendered = self.engine.get_template(&name(runtime, file, template)).and_then(|known| known.render(view));
        rendered.map_err(|error| found.push(fault(template, &error))).ok()
    }
}

fn is_for(file: &File, version: Option<&Version>) -> bool {
    file.versions.is_empty() || version.is_some_and(|version| file.versions.contains(version))
}

fn source(catalog: &Catalog, runtime: &RuntimeDescriptor, path: &Spanned<String>) -> Option<String> {
    catalog.files.get(&key(runtime, path)).cloned()
}

/// Where a file of a runtime stands among the catalogs' files: beside the descriptor, or `../` for what several share.
fn key(runtime: &RuntimeDescriptor, path: &str) -> String {
    match path.strip_prefix("../") {
        Some(shared) => shared.to_owned(),
        None => format!("{}/{path}", runtime.metadata.name.value),
    }
}

/// The syntax is part of a template's name, since the formatter sees no more.
fn name(runtime: &RuntimeDescriptor, file: &File, template: &Spanned<String>) -> String {
    let syntax = match file.syntax.unwrap_or_default() {
        Syntax::Yaml | Syntax::Json => "json",
        Syntax::Env => "env",
        Syntax::Text => "text",
    };
    format!("{syntax}:{}", key(runtime, template))
}

fn fault(template: &Spanned<String>, error: &Error) -> Diagnostic {
    let line = error.line().map(|line| format!(" in line {line}")).unwrap_or_default();
    Diagnostic::error(TEMPLATE, template.span, format!("the template `{}` cannot be filled", template.value))
        .label(format!("{error}{line}"))
        .help("use only what `templates/runtimes/VIEW.md` lists")
}

/// Prints a hole by the syntax of its file.
fn format(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if value.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    let text = match state.name().split(':').next() {
        Some("json") => json(value)?,
        Some("env") => quoted(value),
        _ => value.to_string(),
    };
    out.write_str(&text).map_err(Error::from)
}

/// JSON, which is YAML too; characters that YAML does not take as they are become escapes.
fn json(value: &Value) -> Result<String, Error> {
    let text =
        serde_json::to_string(value).map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))?;
    let special = |letter: char| {
        matches!(letter, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
    };
    if !text.contains(special) {
        return Ok(text);
    }
    Ok(text
        .chars()
        .map(|letter| if special(letter) { format!("\\u{:04x}", u32::from(letter)) } else { letter.to_string() })
        .collect())
}

/// A value of a `.env` file: single quotes keep everything but themselves and backslashes.
fn quoted(value: &Value) -> String {
    format!("'{}'", value.to_string().replace('\\', "\\\\").replace('\'', "\\'"))
}

/// A variable's text: literal, or the value that one hole names. Nothing where the path leads to or through nothing.
fn variable(text: &str, view: &Value) -> Option<String> {
    let Some(path) = text.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")) else {
        return Some(text.to_owned());
    };
    let mut value = view.clone();
    for part in path.trim().split('.') {
        value = value.get_attr(part).ok()?;
    }
    (!value.is_none() && !value.is_undefined()).then(|| value.to_string())
}
