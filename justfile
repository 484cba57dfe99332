# Every recipe is one line, so that nobody needs `just`: read it and type the line.
set shell := ["bash", "-euo", "pipefail", "-c"]

# Lists the recipes.
default:
    @just --list

# Formatting, lints, tests: what CI runs first, in the same order.
check:
    .ci/run format lint test

# Tests whose name has NAME.
test NAME='':
    cargo test --workspace {{NAME}}

# Writes golden trees, snapshots and generated files anew; then read `git diff` as if it were the code.
bless:
    UPDATE=1 INSTA_UPDATE=always cargo test --workspace && git status --short

# Prints one example, at one stage: `just see exec-brief-hermes --stage resolved`.
see SCENARIO *OPTIONS:
    cargo run --quiet -p karsc -- build examples/scenarios/{{SCENARIO}} {{OPTIONS}}

# Independent programs judge the golden trees.
judges:
    tests/judges/setup.sh && tests/judges/run.py

# The guard's rules in a network namespace. Needs root.
guard:
    python3 tests/guard/run.py

# The real Hermes reads the rendered files.
hermes-config:
    .ci/hermes-config

# KCL scenarios, with the official engine.
kcl:
    KARSC_KCL=$(tests/kcl/setup.sh) cargo test -p karsc kcl

# The API server's own code judges the admission policies.
admission:
    tests/admission/run.sh

# Fuzzes one target for SECONDS. Needs a nightly toolchain and `cargo install cargo-fuzz`.
fuzz TARGET SECONDS='60':
    cargo +nightly fuzz run --fuzz-dir tests/fuzz {{TARGET}} -- -max_total_time={{SECONDS}}

# Speed, printed as ratios in one run.
bench:
    cargo bench --workspace

# Licences, sources, duplicate crates.
deny:
    .ci/deny

# Documentation, with warnings denied.
doc:
    RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps

# Everything that CI runs.
ci:
    .ci/run
