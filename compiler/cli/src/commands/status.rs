//! `karsc status`: how far a cluster is from a bundle, and why. Not here: what is looked at (`cluster`).

use super::json;
use crate::args::{AnswerFormat, Status};
use crate::cluster::{Cluster, Report, Row, Running, block_on, world};
use crate::outcome::{Exit, Failure, Outcome};
use crate::print::{Printer, counted};

pub(crate) fn run(arguments: &Status, printer: &Printer) -> Outcome {
    let world = match world(&arguments.source, printer)? {
        Ok(world) => world,
        Err(exit) => return Ok(exit),
    };
    let report = block_on(async { Report::read(&Cluster::open(&arguments.access).await?, &world).await })?;
    print(&report, arguments.output, printer)?;
    Ok(if report.is_well() { Exit::Done } else { Exit::Negative })
}

/// Prints a state.
pub(super) fn print(report: &Report, format: AnswerFormat, printer: &Printer) -> Result<(), Failure> {
    let text = match format {
        AnswerFormat::Json => json(report),
        AnswerFormat::Text => text(report),
    };
    printer.data(text.as_bytes())
}

fn text(report: &Report) -> String {
    let mut text = "PRESENT  EQUAL  READY  OBJECT\n".to_owned();
    for row in &report.objects {
        let word = |holds| if holds { "yes" } else { "no" };
        let Row { object, present, equal, ready, .. } = row;
        text.push_str(&format!("{:<8} {:<6} {:<6} {object}\n", word(*present), word(*equal), word(*ready)));
        if !row.differs.is_empty() {
            text.push_str(&format!("  differs: {}\n", row.differs.join(", ")));
        }
        if let Some(waits) = &row.waits {
            text.push_str(&format!("  waits: {waits}\n"));
        }
    }
    report.pods.iter().for_each(|pod| text.push_str(&pod_text(pod)));
    for further in &report.further {
        text.push_str(&format!("\nnot of this bundle: {further}\n"));
    }
    let well = report.objects.iter().filter(|row| row.is_well()).count();
    let enforced = report.pods.iter().filter(|pod| pod.enforced).count();
    let (objects, pods) = (counted(report.objects.len(), "object"), counted(report.pods.len(), "pod"));
    text.push_str(&format!("\n{well} of {objects} as the bundle says; {enforced} of {pods} enforcing it\n"));
    text
}

fn pod_text(pod: &Running) -> String {
    let Running { namespace, name, phase, ready, document, mounts, enforced, stuck } = pod;
    let named = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    let readiness = if *ready { "ready" } else { "not ready" };
    let (document, mounts) = (named(document), named(mounts));
    let whose = if *enforced { ", enforced" } else { "" };
    let mut text = format!("\nPod {namespace}/{name}: {phase}, {readiness}{whose}\n");
    text.push_str(&format!("  document: {document}, mounted from {mounts}\n"));
    for stuck in stuck {
        let place = stuck.container.as_ref().map_or_else(String::new, |container| format!("container {container}: "));
        text.push_str(&format!("  stuck: {place}{}: {}\n  next: {}\n", stuck.reason, stuck.message, stuck.next));
    }
    text
}
