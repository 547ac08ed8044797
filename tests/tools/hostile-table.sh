#!/usr/bin/env bash
# Runs the attacks of tests/hostile one after the other and prints their table. Arguments choose tests, as for cargo test.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

table=$(mktemp)
trap 'rm -f "$table"' EXIT
status=0
HOSTILE_TABLE=$table cargo test --locked --workspace --test hostile -- --test-threads=1 "$@" >&2 || status=$?
sort "$table" | awk -F '\t' '
  BEGIN { line("attack", "runner", "what it does", "ended", "after", "honest job") }
  { line($1, $2, $3, $4, $5, "+" $6) }
  function line(a, b, c, d, e, f) { printf "%-30.30s  %-10s  %-70.70s  %-45.45s  %9s  %10s\n", a, b, c, d, e, f }'
exit "$status"
