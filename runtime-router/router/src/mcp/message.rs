//! JSON-RPC as MCP uses it. Parameters and results pass as they are. Not here: methods.

use kars_contract::agent_api::ErrorDetail;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The version that is spoken where a client asks for one that is not known.
pub const LATEST: &str = "2025-11-25";
/// The versions that are known.
pub const VERSIONS: [&str; 3] = [LATEST, "2025-06-18", "2025-03-26"];

/// JSON-RPC's code for a text that is no JSON.
pub const NO_JSON: i32 = -32700;
/// JSON-RPC's code for what is no request.
pub const NO_REQUEST: i32 = -32600;
/// JSON-RPC's code for a method that is not known.
pub const NO_METHOD: i32 = -32601;
/// JSON-RPC's code for parameters that a method does not take.
pub const WRONG_PARAMS: i32 = -32602;
/// JSON-RPC's code for a fault of the server's own.
pub const FAULT: i32 = -32603;

/// What a client sends: with an id a request, without one a notification.
#[derive(Debug, Deserialize)]
pub struct Incoming<'a> {
    /// Always `2.0`.
    pub jsonrpc: &'a str,
    /// What the answer is to bear.
    #[serde(borrow, default)]
    pub id: Option<&'a RawValue>,
    /// What is asked; absent in an answer of the client's.
    #[serde(borrow, default)]
    pub method: Option<std::borrow::Cow<'a, str>>,
    /// With what.
    #[serde(borrow, default)]
    pub params: Option<&'a RawValue>,
}

/// A request to a server.
#[derive(Debug, Serialize)]
pub struct Outgoing<'a, P> {
    jsonrpc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    method: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<P>,
}

/// What a server answers.
#[derive(Debug, Deserialize)]
pub struct Answer {
    /// The id of the request; a server's own requests have another, and notifications have none.
    #[serde(default)]
    pub id: Option<u64>,
    /// What came of it.
    #[serde(default)]
    pub result: Option<Box<RawValue>>,
    /// Why nothing did.
    #[serde(default)]
    pub error: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct Reply<'a, T> {
    jsonrpc: &'static str,
    id: Option<&'a RawValue>,
    #[serde(flatten)]
    outcome: T,
}

#[derive(Serialize)]
struct Result_<T> {
    result: T,
}

#[derive(Serialize)]
struct Fault<'a> {
    error: FaultDetail<'a>,
}

#[derive(Serialize)]
struct FaultDetail<'a> {
    code: i32,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a ErrorDetail>,
}

impl<'a, P: Serialize> Outgoing<'a, P> {
    /// A request that is to be answered.
    pub fn request(id: u64, method: &'a str, params: Option<P>) -> Vec<u8> {
        written(&Self { jsonrpc: "2.0", id: Some(id), method, params })
    }

    /// One that is not.
    pub fn notification(method: &'a str) -> Vec<u8> {
        written(&Self { jsonrpc: "2.0", id: None, method, params: None })
    }
}

/// The answer to a request.
pub fn result(id: Option<&RawValue>, result: impl Serialize) -> Vec<u8> {
    written(&Reply { jsonrpc: "2.0", id, outcome: Result_ { result } })
}

/// The answer to a request that cannot be carried out.
pub fn error(id: Option<&RawValue>, code: i32, message: &str, data: Option<&ErrorDetail>) -> Vec<u8> {
    written(&Reply { jsonrpc: "2.0", id, outcome: Fault { error: FaultDetail { code, message, data } } })
}

/// The same with a server's own error.
pub fn foreign_error(id: Option<&RawValue>, error: &RawValue) -> Vec<u8> {
    #[derive(Serialize)]
    struct Foreign<'a> {
        error: &'a RawValue,
    }
    written(&Reply { jsonrpc: "2.0", id, outcome: Foreign { error } })
}

fn written(message: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(message).expect("its keys are text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_and_answered() {
        let text =
            r#"{"jsonrpc":"2.0","id":"a\"1","method":"tools/call","params":{"name":"x","arguments":{"n":1.50}}}"#;
        let message: Incoming<'_> = serde_json::from_str(text).unwrap();
        assert_eq!((message.jsonrpc, message.method.as_deref()), ("2.0", Some("tools/call")));
        let answer = String::from_utf8(result(message.id, message.params)).unwrap();
        assert_eq!(answer, r#"{"jsonrpc":"2.0","id":"a\"1","result":{"name":"x","arguments":{"n":1.50}}}"#);
        let answer = String::from_utf8(error(None, NO_JSON, "it is no JSON", None)).unwrap();
        assert_eq!(answer, r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"it is no JSON"}}"#);
        let notification: Incoming<'_> =
            serde_json::from_str(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).unwrap();
        assert!(notification.id.is_none());
    }
}
