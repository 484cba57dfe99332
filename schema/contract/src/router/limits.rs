//! The ceilings of the router, published so that nobody has to find them out. A document may lower them, never raise.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// Declares the limits: name, meaning, ceiling.
macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $field:ident = $ceiling:expr;)+) => {
        /// The ceilings of one router.
        #[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
        #[serde(deny_unknown_fields, rename_all = "camelCase")]
        pub struct Limits {
            $($(#[doc = $doc])+ pub $field: u64,)+
        }

        impl Default for Limits {
            /// The ceilings themselves.
            fn default() -> Self {
                Self { $($field: $ceiling,)+ }
            }
        }

        impl Limits {
            /// The first limit that is zero or above its ceiling: its name in Rust and the ceiling.
            pub(super) fn first_wrong(&self) -> Option<(&'static str, u64)> {
                $(if self.$field == 0 || self.$field > $ceiling {
                    return Some((stringify!($field), $ceiling));
                })+
                None
            }
        }
    };
}

limits! {
    /// Bytes of all headers of a request; above, 431.
    header_bytes = 16 * KIB;
    /// Headers of a request; above, 431.
    header_count = 100;
    /// Seconds until the headers of a request are complete; then the connection is closed.
    header_seconds = 10;
    /// Bytes of a CONNECT request; above, 400.
    connect_header_bytes = 8 * KIB;
    /// Seconds until an outgoing connection stands; then 504.
    connect_seconds = 10;
    /// Open connections; above, 503.
    connections = 1024;
    /// Open connections of the agent; above, 503.
    agent_connections = 256;
    /// Seconds without a byte in either direction; then a tunnel is closed.
    tunnel_idle_seconds = 300;
    /// Bytes of an inference request; above, 413.
    inference_request_bytes = 10 * MIB;
    /// Bytes of an inference answer; above, an error event ends it.
    inference_response_bytes = 32 * MIB;
    /// Seconds without a byte of an inference answer; then an error event ends it.
    inference_idle_seconds = 120;
    /// Bytes of an answer to the fetch API, counted while reading; above, 502.
    fetch_bytes = 2 * MIB;
    /// Seconds for one call of the fetch API; then 504.
    fetch_seconds = 25;
    /// Concurrent HTTP/2 streams of a connection; above, they are refused.
    http2_streams = 100;
    /// Bytes of an HTTP/2 stream's window.
    http2_stream_window_bytes = 64 * KIB;
    /// Bytes of an HTTP/2 connection's window.
    http2_connection_window_bytes = MIB;
    /// HTTP/2 resets in ten seconds; above, the connection is told to go away.
    http2_resets = 100;
    /// Bytes of a relay frame; longer messages are cut into several.
    mesh_frame_bytes = 64 * KIB;
    /// Bytes of a mesh message; above, 413.
    mesh_message_bytes = 4 * MIB;
    /// Bytes of a transferred file; above, 413.
    mesh_file_bytes = 30 * MIB;
    /// Messages waiting in the inbox; above, the sender is told to wait.
    inbox_messages = 1000;
    /// Bytes waiting in the inbox; above, the sender is told to wait.
    inbox_bytes = 64 * MIB;
    /// Hours that a message waits.
    inbox_hours = 72;
    /// Seconds for one name; then the lookup fails.
    dns_seconds = 5;
    /// Answers to one lookup that are looked at; above, it fails.
    dns_answers = 64;
}
