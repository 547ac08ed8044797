# Recipes of the project; `just` lists them.

# List the recipes.
default:
    @just --list --unsorted

# Build everything, render the reference recap in the sandbox and publish it to local storage.
demo *arguments:
    cargo --version && rustup target add wasm32-wasip2
    cargo build --locked --release --target wasm32-wasip2 -p recap
    cargo run --locked --release -- run target/wasm32-wasip2/release/recap.wasm --user demo {{ arguments }}

# Install the `filmgate` command for this user.
install:
    cargo install --locked --path host/filmgate

# Run all tests; arguments go to cargo test.
test *arguments:
    tests/run {{ arguments }}

# Test the reference plugin without the host, with wac and the wasmtime command line only.
guest-test:
    cargo build --locked --release --target wasm32-wasip2 -p recap
    tests/tools/guest-test.sh target/wasm32-wasip2/release/recap.wasm --user u1 --period 2026-03

# Measure what the sandbox costs on this machine.
bench-sandbox:
    cargo build --locked --release --target wasm32-wasip2 -p gauge
    cargo build --locked --release -p filmgate -p sandbox-bench
    target/release/sandbox-bench target/wasm32-wasip2/release/gauge.wasm target/release/filmgate

# Cancel a thousand jobs at random points.
cancel-many count="1000":
    FILMGATE_TEST_CANCELS={{ count }} cargo test --locked --workspace --test cancel -- --nocapture

# Build the component that the host carries; to be committed when `guest/facts` has changed.
facts:
    tests/tools/component.sh facts host/filmgate/assets/facts.wasm

# Build the component that shows what a change of the contract breaks; until the contract is frozen with a release.
freeze:
    tests/tools/component.sh probe tests/guests/frozen/probe-0.1.0.wasm

# Fuzz one target of tests/fuzzed, or each in turn, for some seconds; what is found stays in target/fuzz.
fuzz target="all" seconds="60":
    tests/tools/fuzz.sh {{ target }} {{ seconds }}

# Format, lint, licences and documentation, as CI checks them.
check:
    tests/tools/check.sh

# Measure `filmgate publish` beside other upload tools; `just bench --help` lists workloads, servers and contenders.
bench *arguments:
    cargo build --locked --release -p filmgate -p filmgate-bench --bins
    target/release/filmgate-bench {{ arguments }}

# Measure the catalogue with a million assets in it: recording, lists, URLs.
bench-catalogue *arguments:
    cargo build --locked --release -p filmgate-bench --bin filmgate-bench
    target/release/filmgate-bench catalogue {{ arguments }}

# Install the other upload tools that `just bench` compares with, into the cache.
bench-tools:
    tests/bench/tools.sh

# Format the code.
format:
    cargo fmt --all

# Install what the tests and recipes need, at pinned versions, into a cache outside the project.
tools *names:
    tests/tools/install.sh {{ names }}

# Torture publishing: the whole fault matrix, and so many random schedules (on each server) and kills; prints the table.
torture count="10000" seed="" *arguments:
    FILMGATE_LABORATORY_COUNT={{ count }} FILMGATE_LABORATORY_SEED={{ seed }} tests/tools/torture.sh {{ arguments }}

# Add up what `just torture` has tried so far on this commit, in pieces of any size.
torture-sum:
    tests/tools/torture.sh --sum

# Make every known attack on the host, one at a time, and print the table: attack, ended how, after how long, and how much
# later than alone an honest job beside it was done.
hostile *arguments:
    tests/tools/hostile-table.sh {{ arguments }}

# Try a million generated paths out of the sandbox, by the guest and by the claim (CI tries some thousands).
hostile-paths count="1000000":
    HOSTILE_PATHS={{ count }} cargo test --locked --workspace --test hostile -- escape::corpus escape::p1
