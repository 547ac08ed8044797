#!/usr/bin/env bash
# Builds a guest as a component that is committed: small, without names, and without a trace of where it was built, so that
# anybody with the pinned toolchain gets the same bytes.
#
#   tests/tools/component.sh <PACKAGE> <OUT.wasm>
set -euo pipefail
[ $# = 2 ] || { sed -n '2,5s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
package=$1 out=$(realpath -m "$2")
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# The flags of .cargo/config.toml, which the variable replaces, and one name for every registry and checkout.
flags="-C target-feature=+simd128 --remap-path-prefix=$PWD=/filmgate"
for registry in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do
  flags+=" --remap-path-prefix=$registry=/crates"
done

RUSTFLAGS=$flags CARGO_PROFILE_RELEASE_OPT_LEVEL=s CARGO_PROFILE_RELEASE_LTO=true CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1 \
  CARGO_PROFILE_RELEASE_STRIP=true CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS=true \
  cargo build --locked --release --target wasm32-wasip2 -p "$package"
mkdir -p "$(dirname "$out")"
cp "${CARGO_TARGET_DIR:-target}/wasm32-wasip2/release/$package.wasm" "$out"
