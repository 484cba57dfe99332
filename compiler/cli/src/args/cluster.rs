//! The part of the command line that is about clusters, which are only read. Not here: the rest of it.

use std::path::PathBuf;

use clap::Args;
use kars_scenario::quantity::Duration;

use super::{AnswerFormat, Source};

/// Which cluster is read.
#[derive(Args, Debug)]
pub(crate) struct Access {
    /// The file that names clusters and users; `KUBECONFIG`, or what kubectl would use, by default
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The context of that file; its current one by default
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
}

#[derive(Args, Debug)]
#[command(
    after_long_help = "PATH may be a bundle's folder where a cluster is compared. The cluster is asked by server-side dry runs, and never written
to: it takes the rights to get, list and patch. What the bundle does not have is a difference, too.

Exit codes: 0 the same, 1 different, above 1 an error.

Examples:
  karsc diff brief --against out
  karsc diff brief -e aks --against ../released/brief
  karsc diff brief -e aks --against cluster
  karsc diff out --against cluster --context prod-eu-1"
)]
pub(crate) struct Diff {
    #[command(flatten)]
    pub(crate) source: Source,
    /// The folder of the other bundle, or `cluster`
    #[arg(long, value_name = "DIR|cluster")]
    pub(crate) against: PathBuf,
    #[command(flatten)]
    pub(crate) access: Access,
}

#[derive(Args, Debug)]
#[command(
    after_long_help = "Each object is present, equal, ready, or not; ready means enforced: a pod that is ready with the document of the bundle.
PATH may be a bundle's folder. The cluster is only read: it takes the rights to get and list.

Exit codes: 0 all is well, 1 it is not, 3 the cluster cannot be read.

Examples:
  karsc status brief -e aks
  karsc status out -o json
  karsc status out --kubeconfig admin.yaml --context prod-eu-1"
)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) source: Source,
    #[command(flatten)]
    pub(crate) access: Access,
    /// How to print it
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: AnswerFormat,
}

#[derive(Args, Debug)]
#[command(
    after_long_help = "Ends with 0 once `karsc status` would. Ends with 1 at once where a container is stuck for good: ImagePullBackOff, ErrImage…,
InvalidImageName, CreateContainerConfigError, OOMKilled, Error, or CrashLoopBackOff after two restarts; and with 1 when the
time is over. PATH may be a bundle's folder. The cluster is only read.

Examples:
  karsc wait brief -e aks
  karsc wait out --timeout 10m"
)]
pub(crate) struct Wait {
    #[command(flatten)]
    pub(crate) source: Source,
    #[command(flatten)]
    pub(crate) access: Access,
    /// How long to wait
    #[arg(long, value_name = "DURATION", default_value = "5m")]
    pub(crate) timeout: Duration,
    /// How to print the state it ends with
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: AnswerFormat,
}
