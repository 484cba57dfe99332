//! What one field means: the answer of `karsc explain agents.*.egress[].host`. Not here: the pages of codes.

use kars_scenario::suggest::did_you_mean;

use super::json::{Described, all};
use super::walk::{Field, Part};

/// Kinds of file that a path may name by its first part; without one it starts in a scenario.
const ROOTS: [&str; 7] = ["scenario", "environment", "lock", "tests", "preset", "hosts", "fragment"];

/// No field has that path.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error("there is no field `{path}`; {help}")]
pub struct UnknownField {
    /// The path as far as it is wrong.
    pub path: String,
    /// The nearest field, or those that are there.
    pub help: String,
}

/// Explains the field at a path, as text for people. Names of the writer's own may be `*`, places in lists `[]`.
pub fn field(path: &str) -> Result<String, UnknownField> {
    let schemas = all();
    let steps = steps(path);
    let root = |name: &str| schemas.iter().find(|schema| schema.name == name).expect("every root is made");
    let scenario = root("scenario");
    let first = steps.first().map_or("scenario", String::as_str);
    let is_field = Part::of(&scenario.schema).fields().iter().any(|field| field.name == first);
    let (start, rest): (&Described, &[String]) = if ROOTS.contains(&first) && !is_field {
        (root(first), steps.get(1..).unwrap_or_default())
    } else {
        (scenario, &steps)
    };
    let mut place = Place { path: String::new(), required: true, part: Part::of(&start.schema) };
    if start.name != "scenario" || rest.is_empty() {
        start.name.clone_into(&mut place.path);
    }
    for step in rest {
        place = place.step(step)?;
    }
    Ok(place.text())
}

/// Splits `agents.lead.egress[0].host` into `agents`, `lead`, `egress`, `[]` and `host`.
fn steps(path: &str) -> Vec<String> {
    let mut steps = Vec::new();
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let (name, places) = part.split_at(part.find('[').unwrap_or(part.len()));
        steps.extend((!name.is_empty()).then(|| name.to_owned()));
        steps.extend(places.matches('[').map(|_| "[]".to_owned()));
    }
    steps
}

/// Where the walk has come to.
struct Place<'a> {
    path: String,
    required: bool,
    part: Part<'a>,
}

impl<'a> Place<'a> {
    fn step(mut self, step: &str) -> Result<Self, UnknownField> {
        if let Some(items) = self.part.items() {
            self = Place { path: format!("{}[]", self.path), required: true, part: items };
            if step == "[]" {
                return Ok(self);
            }
        }
        let dot = if self.path.is_empty() { "" } else { "." };
        let fields = self.part.fields();
        if let Some(Field { name, required, part }) = fields.iter().find(|field| field.name == step) {
            return Ok(Place { path: format!("{}{dot}{name}", self.path), required: *required, part: *part });
        }
        if let Some(entries) = self.part.entries() {
            return Ok(Place { path: format!("{}{dot}*", self.path), required: true, part: entries });
        }
        Err(self.unknown(step, &fields))
    }

    fn unknown(&self, step: &str, fields: &[Field<'a>]) -> UnknownField {
        let dot = if self.path.is_empty() || step == "[]" { "" } else { "." };
        let known: Vec<_> = fields.iter().map(|field| format!("`{}`", field.name)).collect();
        let help =
            did_you_mean(step, fields.iter().map(|field| field.name)).unwrap_or_else(|| match known.as_slice() {
                [] => format!("`{}` is {} and has no fields", self.path, self.part.kind()),
                known => format!("known here: {}", known.join(", ")),
            });
        UnknownField { path: format!("{}{dot}{step}", self.path), help }
    }

    fn text(&self) -> String {
        let part = self.part;
        let mut text = format!("{}\n  type: {}\n", self.path, part.kind());
        if let Some((least, most)) = part.bounds() {
            text.push_str(&format!("  range: {}\n", range(least, most)));
        }
        text.push_str(if self.required { "  required: yes\n" } else { "  required: no\n" });
        if let Some(default) = part.default() {
            text.push_str(&format!("  default: {default}\n"));
        }
        for about in [Some(part.about()), part.about_type()].into_iter().flatten().filter(|about| !about.is_empty()) {
            text.push_str(&format!("\n{about}\n"));
        }
        let words = part.words().into_iter().filter(|(_, about)| !about.is_empty());
        text.push_str(&table("values", &words.map(|(word, about)| (word.to_owned(), about)).collect::<Vec<_>>()));
        let (mut inside, mut of) = (part, String::new());
        while let Some((next, what)) =
            inside.items().map(|items| (items, "an item")).or_else(|| inside.entries().map(|next| (next, "an entry")))
        {
            (inside, of) = (next, format!(" of {what}{of}"));
        }
        let row = |field: &Field<'a>| {
            let mark = if field.required { " (required)" } else { "" };
            (format!("{}{mark}", field.name), first_sentence(field.part.about()))
        };
        let records = inside.records();
        for (at, fields) in records.iter().enumerate() {
            let head = match (at, records.len()) {
                (_, 1) => format!("fields{of}"),
                (0, forms) => format!("fields{of}, in one of {forms} forms"),
                _ => "or".to_owned(),
            };
            text.push_str(&table(&head, &fields.iter().map(row).collect::<Vec<_>>()));
        }
        text
    }
}

/// Numbers as people read them; an open end is left open.
pub(super) fn range(least: u64, most: u64) -> String {
    if most >= u32::MAX.into() { format!("{least} or more") } else { format!("{least} to {most}") }
}

fn table(head: &str, rows: &[(String, &str)]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let lines: String = rows.iter().map(|(name, about)| format!("  {name:width$}  {about}\n")).collect();
    format!("\n{head}:\n{lines}")
}

/// The first sentence. A point ends one before a space and a capital, or at the end.
fn first_sentence(text: &str) -> &str {
    let ends = text
        .match_indices(". ")
        .find(|(at, _)| text[at + 2..].starts_with(|next: char| next.is_uppercase() || next == '`'));
    ends.map_or(text, |(at, _)| &text[..=at])
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn a_path_leads_to_its_field() {
        for (path, shown, kind) in [
            ("agents.*.egress[].host", "agents.*.egress[].host", "text"),
            ("agents.analyst.egress.preset", "agents.*.egress[].preset", "text"),
            ("agents.analyst.egress[3]", "agents.*.egress[]", "map"),
            ("scenario.agents", "agents", "map of maps by name"),
            ("models.*.credential.workloadIdentity.clientId", "models.*.credential.workloadIdentity.clientId", "text"),
            ("models.*.fallback", "models.*.fallback", "`auto` or list of texts"),
            ("environment.delivery.engine", "environment.delivery.engine", "`flux`, `argocd` or `none`"),
            ("agents.*.isolation", "agents.*.isolation", "`standard`, `enhanced` or `confidential`"),
            ("rules.house[0].when.args.path.under", "rules.*[].when.args.*.under", "text"),
            ("lock.images", "lock.images", "map of texts by name"),
        ] {
            let text = field(path).unwrap();
            assert!(text.starts_with(&format!("{shown}\n  type: {kind}\n")), "{path}:\n{text}");
        }
    }

    #[test]
    fn an_unknown_field_is_answered_with_the_nearest() {
        for (path, message) in [
            ("agents.*.egres", "there is no field `agents.*.egres`; did you mean `egress`?"),
            ("agnets", "there is no field `agnets`; did you mean `agents`?"),
            ("metadata.name.x", "there is no field `metadata.name.x`; `metadata.name` is text and has no fields"),
            (
                "environment.xyzzy.a",
                "there is no field `environment.xyzzy`; known here: `apiVersion`, `kind`, `metadata`",
            ),
        ] {
            let error = field(path).unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }

    #[test]
    fn an_answer_shows_type_default_values_and_fields() {
        let text = field("agents.*.isolation").unwrap();
        assert!(text.contains("  required: no\n  default: standard\n"), "{text}");
        assert!(text.contains("\nvalues:\n  standard      "), "{text}");
        let text = field("agents.lead.egress").unwrap();
        assert!(text.contains("\nfields of an item, in one of 2 forms:\n  host (required)"), "{text}");
        let text = field("rules").unwrap();
        assert!(text.contains("\nfields of an item of an entry, in one of 3 forms:\n  allow (required)"), "{text}");
    }
}
