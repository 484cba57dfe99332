//! `GET /v1/models`: the models that this agent may use, under the names that it may use. Not here: asking them.

use kars_contract::router::Inference;
use serde::Serialize;

#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: Vec<Model<'a>>,
}

#[derive(Serialize)]
struct Model<'a> {
    id: &'a str,
    object: &'static str,
    /// No provider's date is known; clients insist on the field.
    created: u32,
    owned_by: &'a str,
}

/// The list, in `OpenAI`'s form; empty for an agent without models.
#[must_use]
pub fn list(inference: Option<&Inference>) -> Vec<u8> {
    let allowed =
        inference.iter().flat_map(|inference| inference.allowed.iter().map(|model| (model, &inference.routes)));
    let named = allowed.flat_map(|(model, routes)| {
        let route = model.candidates.first().and_then(|name| routes.get(name));
        let owned_by = route.map_or("", |route| route.provider.as_str());
        model.names.iter().map(move |name| Model { id: name.as_str(), object: "model", created: 0, owned_by })
    });
    let data = named.collect();
    serde_json::to_vec(&List { object: "list", data }).expect("its keys are text")
}
