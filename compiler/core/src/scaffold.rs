//! The files of a new scenario. Not here: writing them.

use kars_scenario::name::Name;
use kars_scenario::plain::reads_as_other_than_text;

use crate::built_in;
use crate::schema;

/// Where the files of a new scenario are kept.
const FOLDER: &str = "templates/scaffold/";
/// What stands for the scenario's name in them.
const HOLE: &str = "{{ name }}";
/// Files whose name starts with a full stop are kept under another, so that nothing takes them for settings of this
/// repository.
const HIDDEN: &str = "dot-";

/// The files of a new scenario, by path.
pub fn files(name: &Name) -> Vec<(String, String)> {
    // As a value of YAML: a name such as `on` must stay text.
    let quoted = if reads_as_other_than_text(name.as_str()) { format!("\"{name}\"") } else { name.to_string() };
    let written = built_in::under(FOLDER).map(|(path, text)| {
        let path = path.strip_prefix(FOLDER).expect("it was listed under the folder");
        let path = path.strip_prefix(HIDDEN).map_or_else(|| path.to_owned(), |rest| format!(".{rest}"));
        let is_yaml = matches!(path.rsplit_once('.'), Some((_, "yaml")));
        let value = if is_yaml { quoted.as_str() } else { name.as_str() };
        (path, text.replace(HOLE, value))
    });
    let scenario = schema::all().into_iter().find(|schema| schema.name == "scenario").expect("it is always made");
    written.chain([(".karsc/scenario.schema.json".to_owned(), scenario.text())]).collect()
}
