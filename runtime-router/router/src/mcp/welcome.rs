//! How the gateway greets a client. Not here: greeting a server (`remote`).

use hyper::header::HeaderValue;
use hyper::{Response, StatusCode};
use kars_kit::http::Body;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::gateway::json;
use super::message::{self, LATEST, VERSIONS};
use super::remote::SESSION;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Welcome {
    protocol_version: &'static str,
    capabilities: Capabilities,
    server_info: Info,
}

#[derive(Serialize)]
struct Capabilities {
    tools: ToolsCapability,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ToolsCapability {
    list_changed: bool,
}

#[derive(Serialize)]
struct Info {
    name: &'static str,
    version: &'static str,
}

/// Answers `initialize`: with the version that the client speaks where it is known, and with no session.
pub(super) fn welcome(id: &RawValue, params: Option<&RawValue>) -> Response<Body> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Hello {
        protocol_version: String,
    }
    let wanted = params.and_then(|params| serde_json::from_str::<Hello>(params.get()).ok());
    let wanted = wanted.map(|hello| hello.protocol_version);
    let version = VERSIONS.iter().find(|version| Some(**version) == wanted.as_deref()).copied().unwrap_or(LATEST);
    let welcome = serde_json::value::to_raw_value(&Welcome {
        protocol_version: version,
        capabilities: Capabilities { tools: ToolsCapability { list_changed: false } },
        server_info: Info { name: "kars-router", version: env!("CARGO_PKG_VERSION") },
    });
    let mut response = json(StatusCode::OK, message::result(Some(id), welcome.expect("its keys are text")));
    // A session holds nothing here: who asks is known without it.
    response.headers_mut().insert(SESSION, HeaderValue::from_static("router"));
    response
}
