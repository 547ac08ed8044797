#!/usr/bin/env bash
# What must hold beside the tests: format, lints on both targets, licences and bans, documentation.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

step() { printf '\n== %s\n' "$*"; }
{ cargo --version && rustup target add wasm32-wasip2; } >/dev/null 2>&1
tools=$(tests/tools/install.sh deny)

step "format"
cargo fmt --all --check
step "lints"
cargo clippy --locked --workspace --all-targets -- -D warnings
cargo clippy --locked -p filmgate --no-default-features -- -D warnings
cargo clippy --locked --target wasm32-wasip2 \
  -p filmgate-plugin -p filmgate-media -p recap -p stub -p harness -p probe -p hostile -p gauge -p sockets -- -D warnings
cargo clippy --locked --target wasm32-wasip2 -p hostile-plugins --lib --examples --features guests -- -D warnings
step "licences, bans and sources"
"$tools/cargo-deny" --locked --offline --config .cargo/deny.toml check bans licenses sources
step "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --quiet
