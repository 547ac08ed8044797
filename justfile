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

# Format, lint, licences and documentation, as CI checks them.
check:
    tests/tools/check.sh

# Measure `filmgate publish` beside other upload tools; `just bench --help` lists workloads, servers and contenders.
bench *arguments:
    cargo build --locked --release -p filmgate -p filmgate-bench --bins
    target/release/filmgate-bench {{ arguments }}

# Install the other upload tools that `just bench` compares with, into the cache.
bench-tools:
    tests/bench/tools.sh

# Format the code.
format:
    cargo fmt --all

# Install what the tests and recipes need, at pinned versions, into a cache outside the project.
tools *names:
    tests/tools/install.sh {{ names }}
