#!/usr/bin/env bash
# Runs the fault laboratory and prints its table; the whole output stays in target/torture.log. How much, and from which seed
# on, is in FILMGATE_LABORATORY_COUNT, FILMGATE_LABORATORY_SEED and FILMGATE_LABORATORY_BYTES (tests/laboratory/README.md).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
tests/tools/install.sh garage >/dev/null
export FILMGATE_LABORATORY_BYTES="${FILMGATE_LABORATORY_BYTES:-1073741824}"

mkdir -p target
status=0
cargo test --locked --workspace --test laboratory "$@" -- --nocapture >target/torture.log 2>&1 || status=$?
printf '%s\n\n' "$(date -u +%F), $(git rev-parse --short HEAD 2>/dev/null || echo unknown), $(nproc) processors"
printf '| what | how much | outcomes | violations | 95 %% bound |\n|---|---|---|---|---|\n'
grep '^| ' target/torture.log || true
grep -E 'SKIPPED|FILMGATE_LABORATORY_SEED=|violations in|^test .* FAILED' target/torture.log || true
exit "$status"
