//! `karsc diff --against cluster`: what would change, were the bundle applied, and what the cluster has beside it.

use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::args::Diff;
use crate::cluster::{AT_ONCE, Cluster, Difference, Fault, Held, block_on, difference, world};
use crate::outcome::{Exit, Outcome};
use crate::print::{Printer, counted};

pub(super) fn run(arguments: &Diff, printer: &Printer) -> Outcome {
    let world = match world(&arguments.source, printer)? {
        Ok(world) => world,
        Err(exit) => return Ok(exit),
    };
    let (compared, further) = block_on(async {
        let cluster = Cluster::open(&arguments.access).await?;
        let held = Held::read(&cluster, &world).await?;
        let compared: Vec<_> = stream::iter(&world.objects)
            .map(|expected| difference(&cluster, expected, held.get(expected)))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let further = held.further(&world).into_iter().map(|one| (one.title(), Difference::further(one.object)));
        Ok::<_, Fault>((compared, further.collect::<Vec<_>>()))
    })?;
    let mut count = 0;
    let there = world.objects.iter().zip(compared);
    for (expected, difference) in there.filter_map(|(expected, difference)| Some((expected, difference?))) {
        count += 1;
        let (title, path) = (expected.title(), format!("scenario/{}", expected.path));
        printer.data(difference.text(&format!("cluster/{title}"), &path).as_bytes())?;
        if let Some(reason) = &difference.refused {
            printer.note(&format!("{title}: the cluster would refuse it: {reason}"))?;
        } else if !difference.fields().is_empty() {
            printer.note(&format!("{title}: {}", difference.fields().join(", ")))?;
        }
    }
    for (title, difference) in &further {
        count += 1;
        printer.data(difference.text(&format!("cluster/{title}"), "").as_bytes())?;
        printer.note(&format!("{title}: not of this bundle"))?;
    }
    if count == 0 {
        return Ok(Exit::Done);
    }
    printer.note(&format!("{} not the same", counted(count, "object")))?;
    Ok(Exit::Negative)
}
