#!/usr/bin/env bash
# Installs what the tests and recipes need beyond rustup, a C compiler and git, at pinned versions, into one cache
# folder outside the project, and does nothing for what is already there. Prints that folder's bin directory on stdout;
# everything else goes to stderr.
#
#   tests/tools/install.sh                 everything
#   tests/tools/install.sh garage wac …    only these
#
# FILMGATE_TOOLS chooses the folder (default: ${XDG_CACHE_HOME:-$HOME/.cache}/filmgate/tools).
set -euo pipefail

# The project's own toolchain builds them, whatever this machine's default is.
manifest=$(dirname "${BASH_SOURCE[0]}")/../../rust-toolchain.toml
RUSTUP_TOOLCHAIN=$(sed -n 's/^channel = "\(.*\)"$/\1/p' "$manifest")
export RUSTUP_TOOLCHAIN

tools=${FILMGATE_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/filmgate/tools}
mkdir -p "$tools/bin"
cd "$tools" # outside the project, so that its .cargo does not apply

say() { printf '%s\n' "$*" >&2; }

# cargo_tool <binary> <crate> <version> [cargo install options…]
cargo_tool() {
  local binary=$1 crate=$2 version=$3
  shift 3
  [ -e "$tools/stamps/$crate-$version" ] && [ -x "$tools/bin/$binary" ] && return 0
  say "installing $crate $version (once; cached in $tools)"
  cargo install --locked --quiet --force --root "$tools" "$crate" --version "=$version" "$@" >&2
  mkdir -p "$tools/stamps"
  touch "$tools/stamps/$crate-$version"
}

# Garage speaks S3 to the end-to-end tests. It is AGPL: always a process of its own, never linked. Its speed does not
# matter here, its build time does: optimised lightly, no link-time optimisation.
garage() {
  CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
    cargo_tool garage garage 2.5.0 --no-default-features --features sqlite,bundled-libs
}
wac() { CARGO_PROFILE_RELEASE_OPT_LEVEL=1 cargo_tool wac wac-cli 0.12.0 --no-default-features --features wat; }
wasmtime() {
  CARGO_PROFILE_RELEASE_LTO=off cargo_tool wasmtime wasmtime-cli 48.0.8 \
    --no-default-features --features run,cranelift,component-model,component-model-async
}
just() { CARGO_PROFILE_RELEASE_OPT_LEVEL=1 cargo_tool just just 1.59.0; }
deny() { CARGO_PROFILE_RELEASE_OPT_LEVEL=1 cargo_tool cargo-deny cargo-deny 0.20.2; }

# The browser and the decoder that prove a rendered video plays, and strace, which proves what a runner asks the kernel for,
# are the distribution's packages: their security updates matter more than a pin. Without apt-get or the right to use it, the message says what to install.
system_packages() {
  local missing=()
  command -v ffprobe >/dev/null || missing+=(ffmpeg)
  command -v strace >/dev/null || missing+=(strace)
  command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || missing+=(chromium)
  [ ${#missing[@]} -eq 0 ] && return 0
  local as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo -n)
  if command -v apt-get >/dev/null && "${as_root[@]}" true 2>/dev/null; then
    say "installing ${missing[*]} with apt-get"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >&2
  else
    say "please install these with your package manager, the tests need them: ${missing[*]}"
    return 1
  fi
}

[ $# -gt 0 ] || set -- garage wac wasmtime just deny system_packages
for tool in "$@"; do
  case $tool in
    garage | wac | wasmtime | just | deny | system_packages) "$tool" ;;
    *) say "unknown tool '$tool'; known: garage wac wasmtime just deny system_packages"; exit 2 ;;
  esac
done
printf '%s\n' "$tools/bin"
