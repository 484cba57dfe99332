//! Pictures, drawn by the account's own image model. Not here: `/v1/images/generations`, which takes the agent's models.

use kars_contract::router::Route;
use kars_contract::{ModelName, Name};
use serde::{Deserialize, Serialize};

use super::content::Content;
use super::failure;
use crate::dial::Dial;
use crate::inference::api::Api;
use crate::inference::forward::{Forward, Whole};
use crate::policy::Generation;
use crate::refusal::Refusal;

/// The deployment that draws.
const DEPLOYMENT: &str = "gpt-image-1";

#[derive(Serialize)]
struct Asked<'a> {
    prompt: &'a str,
    n: u8,
    size: &'static str,
    quality: &'static str,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Picture>,
}

#[derive(Deserialize)]
struct Picture {
    b64_json: String,
}

/// Draws one picture. It costs what the image API says, out of the agent's tokens.
pub(super) async fn draw<D: Dial>(
    forward: &Forward<D>,
    generation: &Generation,
    route: &Route,
    prompt: &str,
) -> Result<Content, Refusal> {
    let asked = Asked { prompt, n: 1, size: "1024x1024", quality: "medium" };
    let asked = serde_json::to_string(&asked).expect("its keys are text");
    // A name of its own: where drawing fails, the model is still well.
    let name = Name::parse("image-generation").expect("it is a name");
    let drawing = Route { deployment: ModelName::parse(DEPLOYMENT).expect("it is a name"), ..route.clone() };
    let Whole { status, headers, body, route } =
        forward.ask_route(generation, Api::Images, &asked, (&name, &drawing)).await?;
    if !status.is_success() {
        return Err(failure::of(&route, status, &headers, &body));
    }
    let answer: Option<Answer> = serde_json::from_slice(&body).ok();
    let picture = answer.and_then(|answer| answer.data.into_iter().next());
    let picture = picture.ok_or_else(|| failure::unreadable(&route, "a picture"))?;
    Ok(Content::text("The picture is drawn.").with_file("picture.png", picture.b64_json))
}
