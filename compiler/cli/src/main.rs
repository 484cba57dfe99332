//! `karsc`: compiles agent scenarios into Kubernetes bundles. Not here: the compiler (`karsc_core`).

mod args;
mod cluster;
mod commands;
mod evaluation;
mod folder;
mod inputs;
mod kcl;
mod keys;
mod lock;
mod outcome;
mod package;
mod print;
#[cfg(test)]
mod reference;
mod registry;
mod settings;
mod signing;
mod slots;
mod tree;
mod verification;

use clap::Parser;

use args::{Arguments, Command};
use outcome::{Exit, Outcome};

/// The allocator of musl makes every build half as fast again.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    // A stack of our own size: how deep files may nest is ours to say, not the system's.
    let worker = std::thread::Builder::new().stack_size(64 << 20).spawn(run).expect("a thread can be started");
    worker.join().unwrap_or(Exit::Bug).into()
}

fn run() -> Exit {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return print::usage(&error),
    };
    let threads = arguments.jobs.map_or(0, |jobs| usize::from(jobs.get()));
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .stack_size(16 << 20)
        .build_global()
        .expect("the pool is made once");
    let printer = print::Printer::new(&arguments);
    let outcome = settings::warn_of_unknown(&printer).and_then(|()| dispatch(&arguments, &printer));
    printer.finish(outcome)
}

fn dispatch(arguments: &Arguments, printer: &print::Printer) -> Outcome {
    match &arguments.command {
        Command::Build(build) => commands::build::run(build, printer),
        Command::Check(check) => commands::check::run(check, printer),
        Command::Diff(diff) => commands::diff::run(diff, printer),
        Command::Fmt(fmt) => commands::fmt::run(fmt, printer),
        Command::Graph(graph) => commands::graph::run(graph, printer),
        Command::Why(why) => commands::why::run(why, printer),
        Command::Test(test) => commands::test::run(test, printer),
        Command::Suggest(suggest) => commands::suggest::run(suggest, printer),
        Command::Init(init) => commands::init::run(init, printer),
        Command::Keygen(keygen) => commands::keygen::run(keygen, printer),
        Command::Sign(sign) => commands::sign::run(sign, printer),
        Command::Completions(completions) => commands::completions::run(completions, printer),
        Command::Man(man) => commands::man::run(man, printer),
        Command::Publish(publish) => commands::publish::run(publish, printer),
        Command::Lock(lock) => commands::lock::run(lock, printer),
        Command::Inspect(inspect) => commands::inspect::run(inspect, printer),
        Command::Verify(verify) => commands::verify::run(verify, printer),
        Command::Status(status) => commands::status::run(status, printer),
        Command::Wait(wait) => commands::wait::run(wait, printer),
        Command::Version(version) => commands::version::run(version, printer),
        Command::Schema(schema) => commands::schema::run(schema, printer),
        Command::Explain(explain) => commands::explain::run(explain, printer),
    }
}
