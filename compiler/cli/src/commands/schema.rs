//! `karsc schema`: JSON Schemas and the KCL package, printed or written as files.

use std::fs;
use std::path::Path;

use kars_scenario::suggest::did_you_mean;
use karsc_core::schema;

use crate::args::Schema;
use crate::outcome::{Exit, Failure, Outcome};
use crate::print::Printer;

pub(crate) fn run(arguments: &Schema, printer: &Printer) -> Outcome {
    let files = chosen(arguments)?;
    if let Some(folder) = &arguments.output {
        for (path, text) in &files {
            write(&folder.join(path), text)?;
        }
        printer.note(&format!("{} files written to `{}`", files.len(), folder.display()))?;
        return Ok(Exit::Done);
    }
    let text = match (&arguments.name, arguments.kcl) {
        (None, false) => listed(),
        (None, true) => files.iter().map(|(path, text)| format!("# karsc/{path}\n{text}\n")).collect(),
        (Some(_), _) => files.into_iter().map(|(_, text)| text).collect(),
    };
    printer.data(text.as_bytes())?;
    Ok(Exit::Done)
}

/// The files that are asked for, by path below a folder for them.
fn chosen(arguments: &Schema) -> Result<Vec<(String, String)>, Failure> {
    if arguments.kcl {
        return Ok(schema::kcl_package());
    }
    let schemas = schema::all();
    let names: Vec<_> = schemas.iter().map(|described| described.name).collect();
    if let Some(name) = arguments.name.as_deref().filter(|name| !names.contains(name)) {
        let help = did_you_mean(name, names.iter().copied()).unwrap_or_else(|| "`karsc schema` lists them".to_owned());
        return Err(Failure::Usage(format!("there is no schema `{name}`; {help}")));
    }
    let wanted = |name: &str| arguments.name.as_deref().is_none_or(|only| only == name);
    let wanted = schemas.iter().filter(|described| wanted(described.name));
    Ok(wanted.map(|described| (format!("{}.schema.json", described.name), described.text())).collect())
}

fn listed() -> String {
    let schemas = schema::all();
    let width = schemas.iter().map(|described| described.name.len()).max().unwrap_or(0);
    schemas.iter().map(|described| format!("{:width$}  {}\n", described.name, described.title)).collect()
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, text))
        .map_err(|error| Failure::Environment(format!("`{}` cannot be written: {error}", path.display())))
}
