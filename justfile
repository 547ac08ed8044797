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

# Format the code.
format:
    cargo fmt --all

# Install what the tests and recipes need, at pinned versions, into a cache outside the project.
tools *names:
    tests/tools/install.sh {{ names }}
