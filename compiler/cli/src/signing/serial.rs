//! The serial that a repository implies: when its HEAD was committed. Not here: what serials are for (`kars_trust`).

use std::path::Path;
use std::process::{Command, Stdio};

use crate::outcome::Failure;

/// The committer's time of HEAD, in Unix seconds: of the repository that holds the folder, or else the current one.
pub(crate) fn of_head(folder: &Path) -> Result<u64, Failure> {
    [folder, Path::new(".")].into_iter().find_map(committed).ok_or_else(|| {
        let message = "there is no Git commit to take the serial from; name it with `--serial`, in Unix seconds";
        Failure::Usage(message.to_owned())
    })
}

fn committed(folder: &Path) -> Option<u64> {
    let mut git = Command::new("git");
    git.arg("-C").arg(folder).args(["log", "-1", "--no-show-signature", "--format=%ct", "HEAD"]);
    let output = git.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8(output.stdout).ok()?.trim().parse().ok())?
}
