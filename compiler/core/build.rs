//! Lists what is built in: catalogs and templates, the rules, and the pages of all codes. Adding one is adding its files.
//! Not here: reading them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let root = here.join("../..");
    let mut listed = String::from(
        "/// Path from the root of the repository, and text; sorted by path.\npub(crate) static FILES: &[(&str, &str)] = &[\n",
    );
    for folder in ["policies", "templates"] {
        println!("cargo::rerun-if-changed={}", root.join(folder).display());
        for path in files_under(&root.join(folder)) {
            let name =
                path.strip_prefix(&root).expect("it lies under the root").to_str().expect("our file names are text");
            writeln!(listed, "    ({name:?}, include_str!(r\"{}\")),", absolute(&path).display())
                .expect("a string takes all");
        }
    }
    listed.push_str("];\n");

    let rules = here.join("src/check/rules");
    println!("cargo::rerun-if-changed={}", rules.display());
    let (mut modules, mut table, mut pages) = (String::new(), String::new(), String::new());
    for path in files_under(&rules) {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("our file names are text").to_owned();
        let path = absolute(&path).display().to_string();
        let is_rust = path.rsplit_once('.').is_some_and(|(_, extension)| extension == "rs");
        if is_rust {
            writeln!(modules, "#[path = r\"{path}\"]\nmod {stem};").expect("a string takes all");
            writeln!(table, "    &{stem}::RULE,").expect("a string takes all");
        } else {
            writeln!(pages, "    ({stem:?}, include_str!(r\"{path}\")),").expect("a string takes all");
        }
    }
    let rules = format!(
        "{modules}\n/// Every rule, by code.\npub(crate) static RULES: &[&Rule] = &[\n{table}];\n\n/// File stem and text of every page, by code.\nstatic PAGES: &[(&str, &str)] = &[\n{pages}];\n"
    );

    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("built_in.rs"), listed).expect("the build folder can be written");
    fs::write(out.join("rules.rs"), rules).expect("the build folder can be written");
}

fn absolute(path: &Path) -> PathBuf {
    path.canonicalize().expect("it was just listed")
}

/// All files in a folder and its subfolders, sorted.
fn files_under(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.expect("the folder can be read").path();
        let hidden = path.file_name().and_then(|name| name.to_str()).is_none_or(|name| name.starts_with("__pycache__"));
        if path.is_dir() && !hidden {
            files.extend(files_under(&path));
        } else if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    files
}
