# Recipes of the project; `just` lists them.

# List the recipes.
default:
    @just --list --unsorted

# Install what the tests and recipes need, at pinned versions, into a cache outside the project.
tools *names:
    tests/tools/install.sh {{ names }}

# Test the reference plugin without the host, with wac and the wasmtime command line only.
guest-test:
    cargo build --release --target wasm32-wasip2 -p recap
    tests/tools/guest-test.sh target/wasm32-wasip2/release/recap.wasm --user u1 --period 2026-03
