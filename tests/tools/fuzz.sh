#!/usr/bin/env bash
# Fuzzes one target of tests/fuzzed for some seconds, or each in turn.
#
#   tests/tools/fuzz.sh [TARGET|all] [SECONDS]
#
# It begins with the committed inputs of tests/fuzz/corpus; what it finds is kept in target/fuzz/corpus, what breaks in
# target/fuzz/artifacts. No address sanitizer: the code is safe Rust, and panics are what is looked for.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
target=${1:-all} seconds=${2:-60}

targets=()
for program in tests/fuzz/fuzz_targets/*.rs; do
  name=$(basename "$program" .rs)
  [ "$target" = all ] || [ "$target" = "$name" ] || continue
  targets+=("$name")
done
[ ${#targets[@]} -gt 0 ] || { echo "there is no target '$target'; there are: $(basename -s .rs tests/fuzz/fuzz_targets/*.rs | tr '\n' ' ')" >&2; exit 2; }

PATH=$(tests/tools/install.sh fuzz):$PATH
# The flags of coverage are unstable; this lets the pinned stable compiler take them.
export RUSTC_BOOTSTRAP=1
root=$PWD out=${CARGO_TARGET_DIR:-$PWD/target}/fuzz
for name in "${targets[@]}"; do
  mkdir -p "$out/corpus/$name" "$out/artifacts/$name"
  echo "== $name, $seconds s" >&2
  cargo fuzz run --fuzz-dir tests/fuzz --target-dir "$out" --sanitizer none "$name" \
    "$out/corpus/$name" "$root/tests/fuzz/corpus/$name" -- \
    -max_total_time="$seconds" -max_len=8192 -timeout=10 -artifact_prefix="$out/artifacts/$name/"
done
