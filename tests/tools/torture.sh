#!/usr/bin/env bash
# Runs the fault laboratory and prints its table; the whole output stays in target/torture.log. How much, and from which seed
# on, is in FILMGATE_LABORATORY_COUNT, FILMGATE_LABORATORY_SEED and FILMGATE_LABORATORY_BYTES (tests/laboratory/README.md).
# A run may be a piece of a larger one: each adds its rows to target/torture.tsv, and --sum prints what was run on this
# commit so far. Other arguments go to cargo test.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# The last commit that changed the product or the laboratory; what is not committed is a piece of nothing.
commit() {
  local sources=(host guest wit tests Cargo.toml Cargo.lock ':!*.md' ':!tests/bench' ':!tests/tools')
  local last
  last=$(git log -1 --format=%h -- "${sources[@]}" 2>/dev/null) || last=unknown
  git diff --quiet HEAD -- "${sources[@]}" 2>/dev/null || last+="+changes"
  printf '%s' "$last"
}

# Rows that say how many trials there were from which seed on are added up, a seed that was tried twice counted once.
sum() {
  local commit=$1
  printf '%s\n\n' "$commit, $(nproc) processors"
  printf '| what | how much | violations | 95 %% bound |\n|---|---|---|---|\n'
  awk -F '\t' -v commit="$commit" '$1 == commit' target/torture.tsv 2>/dev/null | LC_ALL=C sort -t $'\t' -k2,2 -k4,4n | awk -F '\t' '
    function flush() {
      if (what == "") return
      if (trials) printf "| %s | %d, seeds from %s | %d | %.1e |\n", what, trials, seeds, failed, (failed ? 0 : 3 / trials)
      else printf "| %s | %s | %d | – |\n", what, once, failed
    }
    $2 != what { flush(); what = $2; trials = failed = end = 0; seeds = once = "" }
    { failed += $5; once = $3 }
    $4 != "" {
      from = $4; upto = $4 + $3
      if (from < end) from = end
      if (upto > from) { trials += upto - from; end = upto; seeds = seeds (seeds == "" ? "" : ", ") $4 " (" $3 ")" }
    }
    END { flush() }'
}

if [[ ${1:-} == --sum ]]; then
  sum "$(commit)"
  exit
fi

tests/tools/install.sh garage >/dev/null
export FILMGATE_LABORATORY_BYTES="${FILMGATE_LABORATORY_BYTES:-1073741824}"
mkdir -p target
status=0
commit=$(commit)
cargo test --locked --workspace --test laboratory "$@" -- --nocapture >target/torture.log 2>&1 || status=$?
printf '%s\n\n' "$(date -u +%F), $commit, $(nproc) processors"
printf '| what | how much | outcomes | violations | 95 %% bound |\n|---|---|---|---|---|\n'
grep '^| ' target/torture.log || true
grep -E 'SKIPPED|FILMGATE_LABORATORY_SEED=|violations in|^test .* FAILED' target/torture.log || true

# commit, what, how much, first seed, violations
sed -nE "s/^\| ([^|]+) \| ([0-9]+), seeds from ([0-9]+) \| [^|]* \| ([0-9]+) \| .*/$commit\t\1\t\2\t\3\t\4/p
         t
         s/^\| ([^|]+) \| ([^|]+) \| [^|]* \| ([0-9]+) \| .*/$commit\t\1\t\2\t\t\3/p" target/torture.log >>target/torture.tsv
# A test that fails says how in target/torture.log, and tells no row.
sed -nE "s/^test (.*) \.\.\. FAILED$/$commit\t\1\t1\t\t1/p" target/torture.log >>target/torture.tsv
exit "$status"
