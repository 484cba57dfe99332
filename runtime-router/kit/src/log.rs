//! Logs: JSON, one object a line, on stderr. A line is a constant sentence with values as fields; never a prompt, a token or a
//! body. Not here: the audit log, which is a record of decisions and has a place of its own.

use std::io;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The filter where none is set.
pub const DEFAULT_FILTER: &str = "info";

/// Starts logging. The filter is a level, or levels of targets as in `info,kars_router::inference=debug`; one that cannot be
/// read is an error, not silence.
pub fn start(filter: Option<&str>) -> Result<(), ParseError> {
    let filter: Targets = filter.unwrap_or(DEFAULT_FILTER).parse()?;
    let lines = tracing_subscriber::fmt().json().flatten_event(true).with_writer(io::stderr);
    // Told on stderr that stderr is gone, it would panic.
    let lines = lines.log_internal_errors(false).with_max_level(LevelFilter::TRACE);
    let subscriber = lines.finish().with(filter);
    // Only the first of a process counts; tests start several programs in one.
    if subscriber.try_init().is_err() {
        tracing::debug!("logging has been started before");
    }
    Ok(())
}
