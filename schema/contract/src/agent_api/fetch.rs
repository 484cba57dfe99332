//! `POST /egress/fetch`: one HTTP request, made by the router. Not here: what may be reached (`permits`).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A request to make.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct FetchRequest {
    /// The address.
    pub url: String,
    /// The method.
    #[serde(default)]
    pub method: FetchMethod,
    /// Headers; those that speak of the connection or of a proxy are refused.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// The methods that can be fetched with.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum FetchMethod {
    /// GET.
    #[default]
    Get,
    /// HEAD.
    Head,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
}

/// What came back. A redirect is not followed, but shown.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct FetchReply {
    /// The HTTP status.
    pub status: u16,
    /// Headers, without cookies and credentials.
    pub headers: BTreeMap<String, String>,
    /// The body as text; what is not UTF-8 is replaced.
    pub body: String,
}
