//! `karsc man`: the manual, from the same definition as `--help`.

use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man as Page;

use crate::args::{Arguments, Man};
use crate::outcome::{Exit, Failure, Outcome};
use crate::print::Printer;

pub(crate) fn run(arguments: &Man, printer: &Printer) -> Outcome {
    let mut command = Arguments::command();
    command.build();
    match &arguments.output {
        None => printer.data(&page(&command))?,
        Some(folder) => {
            write(folder, "karsc.1", &page(&command))?;
            for inner in command.get_subcommands() {
                write(folder, &format!("karsc-{}.1", inner.get_name()), &page(inner))?;
            }
        }
    }
    Ok(Exit::Done)
}

fn page(command: &Command) -> Vec<u8> {
    let mut page = Vec::new();
    // No date: the same version prints the same page.
    Page::new(command.clone()).date("").render(&mut page).expect("memory takes all");
    page
}

fn write(folder: &Path, name: &str, page: &[u8]) -> Result<(), Failure> {
    let path = folder.join(name);
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&path, page))
        .map_err(|error| Failure::Environment(format!("`{}` cannot be written: {error}", path.display())))
}
