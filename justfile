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

# Prometheus' own code reads the alert rules and the dashboard's queries.
prometheus:
    tests/prometheus/run.sh

# The guard's rules in a network namespace. Needs root.
guard:
    python3 tests/guard/run.py

# The built router in a network namespace, with a resolver and hosts that write down what reaches them.
router-net *GROUPS:
    python3 tests/router-net/run.py {{GROUPS}}

# The real Hermes reads the rendered files and takes a turn in each pod, behind router and guard; so does curl. Needs root.
hermes:
    .ci/hermes

# KCL scenarios, with the official engine.
kcl:
    KARSC_KCL=$(tests/kcl/setup.sh) cargo test -p karsc kcl

# The API server's own code judges the admission policies.
admission:
    tests/admission/run.sh

# Real API servers of two minors take what we write and enforce the admission policies. Needs root; the first build takes 15 minutes.
cluster:
    tests/cluster/run.py api admission life live

# The real Flux, Argo CD and cosign fetch, verify and apply. Needs root; the first build takes 15 minutes.
delivery:
    tests/cluster/run.py flux argocd cosign verifiers guides

# 1,000 agents under the real Flux, timed. Needs root and a quarter of an hour.
scale:
    tests/cluster/run.py scale

# The release script and the action, as the public workflows run them. Needs root.
release:
    rustup target add x86_64-unknown-linux-musl && tests/cluster/run.py release

# Fuzzes each target for SECONDS, starting from the examples. Needs a nightly toolchain and `cargo install cargo-fuzz`.
fuzz SECONDS='60' TARGETS='parse include host template_round_trip document first_line client_hello sse':
    python3 tests/fuzz/seeds.py && for target in {{TARGETS}}; do cargo +nightly fuzz run --fuzz-dir tests/fuzz $target -- -max_total_time={{SECONDS}}; done

# Speed and memory, printed as `NAME ratio R must M` in one run; fails on a miss.
bench:
    python3 tests/bench/run.py

# The same for signing, verifying and publishing, beside `sha256sum` and `oras`.
bench-delivery:
    python3 tests/bench/delivery.py

# The router beside the least that a proxy could do, and nginx where it is installed: `just bench-router requests streams`.
bench-router *GROUPS:
    python3 tests/bench/router.py {{GROUPS}}

# The OpenAI and Anthropic clients and a real MCP server, through the router.
sdks:
    tests/sdks/setup.sh && tests/sdks/run.py

# Licences, sources, duplicate crates.
deny:
    .ci/deny

# Documentation, with warnings denied.
doc:
    RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps

# Everything that CI runs.
ci:
    .ci/run
