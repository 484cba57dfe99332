//! `karsc lock`: asks registries what tags stand for, and writes `karsc.lock`. Not here: what is pinned (`karsc_core::lock`).

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use kars_contract::instant::Instant;
use karsc_core::Inspection;
use karsc_core::lock::{Content, current, digests, platform_references, references};
use karsc_core::sources::Files;
use tempfile::NamedTempFile;

use crate::args::{Lock, Target};
use crate::folder::Folder;
use crate::inputs::Inputs;
use crate::outcome::{Exit, Failure, Outcome};
use crate::print::{Printer, counted};
use crate::registry::{Access, Address, Registry, Transport};

/// The file that is written.
const FILE: &str = "karsc.lock";

pub(crate) fn run(arguments: &Lock, printer: &Printer) -> Outcome {
    let has_scenario = !arguments.path.is_dir()
        || ["scenario.yaml", "scenario.k"].iter().any(|name| arguments.path.join(name).is_file());
    let root = if arguments.path.is_dir() { arguments.path.clone() } else { parent(&arguments.path) };
    let folder = Folder::open(&root)?;
    let environments = if arguments.environments.is_empty() { own(&folder) } else { arguments.environments.clone() };
    let mut content = Content { digests: digests(&folder), ..Content::default() };
    let mut wanted = BTreeSet::new();
    for environment in environments {
        let named = if has_scenario {
            let target = Target { environment, as_of: Some(Instant::MAX) };
            let inputs = Inputs::for_target(&arguments.path, &target)?;
            let inspection = references(&inputs.input, inputs.files.as_ref());
            content.kcl = inputs.input.evaluated.as_ref().map(|evaluated| evaluated.evaluation.engine.clone());
            seen(inspection, &inputs.folder, printer)?
        } else {
            seen(platform_references(&environment, &folder), &root.to_string_lossy(), printer)?
        };
        let Some(named) = named else { return Ok(Exit::Input) };
        wanted.extend(named);
    }
    let path = root.join(FILE);
    let Some(before) = seen(current(&folder), &root.to_string_lossy(), printer)? else { return Ok(Exit::Input) };
    if !arguments.environments.is_empty() {
        // The lines of environments that were not asked for stay.
        content.images.clone_from(&before.images);
    }
    for reference in wanted {
        let digest = match before.images.get(&reference) {
            Some(digest) if arguments.offline => digest.clone(),
            None if arguments.offline => {
                let message = format!("`{reference}` is not in the lock; without `--offline` its registry is asked");
                return Err(Failure::Environment(message));
            }
            _ => asked(&reference, arguments.plain_http, printer)?,
        };
        content.images.insert(reference, digest);
    }
    let changed = changes(&before, &content);
    if arguments.check {
        printer.data(changed.concat().as_bytes())?;
        return Ok(if changed.is_empty() { Exit::Done } else { Exit::Negative });
    }
    write(&path, &format!("{}{}", comment(&folder), content.text()))?;
    printer.note(&format!(
        "wrote `{}`: {}, {} changed",
        path.display(),
        counted(content.images.len(), "image"),
        counted(changed.len(), "line")
    ))?;
    Ok(Exit::Done)
}

fn parent(file: &Path) -> PathBuf {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

/// The environments of the folder; `kind`, which is built in, where it has none.
fn own(folder: &Folder) -> Vec<String> {
    let files = folder.list("environments");
    let names = files.iter().filter_map(|path| path.strip_prefix("environments/")?.strip_suffix(".yaml"));
    let names: Vec<String> = names.map(str::to_owned).collect();
    if names.is_empty() { vec!["kind".to_owned()] } else { names }
}

/// What was seen, once what was noticed is printed. The lock that is there may be the one that is to be replaced.
fn seen<T>(inspection: Inspection<T>, folder: &str, printer: &Printer) -> Result<Option<T>, Failure> {
    if inspection.seen.is_none() {
        printer.diagnostics(&inspection.found, &inspection.sources, folder)?;
    }
    Ok(inspection.seen)
}

/// The digest that the registry has for a tag.
fn asked(reference: &str, plain_http: bool, printer: &Printer) -> Result<String, Failure> {
    let address = Address::of_image(reference).map_err(|error| Failure::Usage(format!("`{reference}`: {error}")))?;
    let registry = Registry::open(&address, Access::Pull, Transport::of(plain_http));
    let manifest = registry.and_then(|registry| registry.manifest(address.selector()));
    let digest = manifest.map_err(|fault| Failure::Environment(format!("`{reference}`: {fault}")))?.digest.to_string();
    printer.detail(|| format!("`{reference}` is {digest}"))?;
    Ok(digest)
}

/// The comment that the lock opens with.
fn comment(folder: &Folder) -> String {
    let text = folder.read(FILE).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines().take_while(|line| line.starts_with('#')).map(|line| format!("{line}\n")).collect()
}

/// Each line that differs, as it was and as it is.
fn changes(before: &Content, after: &Content) -> Vec<String> {
    let (before, after) = (before.lines(), after.lines());
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let shown = |value: Option<&&str>| value.map_or_else(|| "nothing".to_owned(), |value| (*value).to_owned());
    names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| format!("{name}: {} -> {}\n", shown(before.get(name)), shown(after.get(name))))
        .collect()
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let written = NamedTempFile::new_in(parent(path)).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        let permissions = fs::metadata(path).map(|metadata| metadata.permissions());
        file.as_file().set_permissions(permissions.unwrap_or_else(|_| Permissions::from_mode(0o644)))?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)
    });
    written.map(drop).map_err(|error| Failure::Environment(format!("`{}` cannot be written: {error}", path.display())))
}
