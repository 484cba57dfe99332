//! Bodies of requests, read whole and within bounds. Not here: what is in them.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use kars_contract::agent_api::ErrorCode;
use serde::de::DeserializeOwned;

use crate::patience::within;
use crate::refusal::Refusal;

/// How long a whole body may take. It comes over loopback: whoever needs longer holds the connection on purpose.
const LONGEST: Duration = Duration::from_secs(30);

/// Reads a body of at most so many bytes.
pub(crate) async fn read(body: Incoming, limit: usize) -> Result<Bytes, Refusal> {
    let collected = within(LONGEST, Limited::new(body, limit).collect()).await;
    let collected = collected.map_err(|_| {
        Refusal::new(ErrorCode::ArgsWrong, format!("the body has not come within {} seconds", LONGEST.as_secs()))
    })?;
    match collected {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Refusal::new(ErrorCode::RequestTooLarge, format!("the body has more than {limit} bytes")))
        }
        Err(_) => Err(Refusal::new(ErrorCode::ArgsWrong, "the body ended early or is not framed as its headers say")),
    }
}

/// Reads a body that is a JSON object of this form.
pub(super) fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    let wrong =
        |problem: &str| Refusal::new(ErrorCode::ArgsWrong, format!("the body is not what this route takes: {problem}"));
    // A list would otherwise be read as the fields of the form, in order.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(wrong("it is no JSON object"));
    }
    serde_json::from_slice(bytes).map_err(|error| wrong(&error.to_string()))
}
