//! The command line.

#[expect(dead_code, unused_imports, reason = "`build` and `check` will call it")]
mod kcl;

fn main() {}
