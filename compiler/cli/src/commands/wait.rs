//! `karsc wait`: looks at a cluster until it enforces a bundle, cannot, or the time is over. Not here: what is looked at.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::{Instant, sleep};

use super::status::print;
use crate::args::Wait;
use crate::cluster::{Cluster, Fault, Report, World, block_on, world};
use crate::outcome::{Exit, Outcome};
use crate::print::Printer;

/// How long a look at the cluster is worth.
const PAUSE: Duration = Duration::from_secs(2);

pub(crate) fn run(arguments: &Wait, printer: &Printer) -> Outcome {
    let world = match world(&arguments.source, printer)? {
        Ok(world) => world,
        Err(exit) => return Ok(exit),
    };
    let target = if printer.is_watched() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style =
        ProgressStyle::with_template("{spinner} {pos} of {len} objects, {elapsed}").expect("the template is sound");
    let bar = ProgressBar::with_draw_target(Some(world.objects.len() as u64), target).with_style(style);
    let report = block_on(awaited(arguments, &world, &bar));
    bar.finish_and_clear();
    let report = report?;
    print(&report, arguments.output, printer)?;
    if report.is_well() {
        return Ok(Exit::Done);
    }
    printer.note(&if report.is_hopeless() {
        "a container is stuck for good; it takes a new bundle, or a change of what it needs".to_owned()
    } else {
        format!("not so within {}", arguments.timeout)
    })?;
    Ok(Exit::Negative)
}

/// The state that ends the wait. A cluster that does not answer for a while is waited for, once it has answered.
async fn awaited(arguments: &Wait, world: &World, bar: &ProgressBar) -> Result<Report, Fault> {
    let end = Instant::now() + Duration::from_secs(arguments.timeout.seconds.into());
    let cluster = Cluster::open(&arguments.access).await?;
    let mut report = Report::read(&cluster, world).await?;
    loop {
        bar.set_position(report.objects.iter().filter(|row| row.is_well()).count() as u64);
        if report.is_well() || report.is_hopeless() || Instant::now() >= end {
            return Ok(report);
        }
        sleep(PAUSE.min(end.saturating_duration_since(Instant::now()))).await;
        report = match Report::read(&cluster, world).await {
            Ok(report) => report,
            Err(fault) if fault.is_passing() && Instant::now() < end => continue,
            Err(fault) => return Err(fault),
        };
    }
}
