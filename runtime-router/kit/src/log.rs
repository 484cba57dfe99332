//! Logs: JSON, one object a line, on stderr. A line is a constant sentence with values as fields; never a prompt, a token or a
//! body. Not here: the audit log, which is a record of decisions and has a place of its own.

use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// The filter where none is set.
pub const DEFAULT_FILTER: &str = "info";

/// Starts logging. A filter that cannot be read is an error, not silence.
pub fn start(filter: Option<&str>) -> Result<(), ParseError> {
    let filter = EnvFilter::builder().parse(filter.unwrap_or(DEFAULT_FILTER))?;
    let subscriber =
        tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter).with_writer(io::stderr);
    // Told on stderr that stderr is gone, it would panic.
    let subscriber = subscriber.log_internal_errors(false);
    // Only the first of a process counts; tests start several programs in one.
    if subscriber.try_init().is_err() {
        tracing::debug!("logging has been started before");
    }
    Ok(())
}
