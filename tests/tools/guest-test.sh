#!/usr/bin/env bash
# Tests a plugin without the host: plugs in the stub and the harness, runs the result with the wasmtime command line and
# looks at what it made. Fails unless the plugin succeeds, its video is whole, and broken parameters are refused.
#
#   tests/tools/guest-test.sh [--in DIR] [--out DIR] <PLUGIN.wasm> [harness arguments…]
#
# --in   files to give the plugin as /in (default: none)
# --out  an empty folder to keep what the plugin made (default: a temporary one, removed at the end)
# The harness's arguments (--user, --period, --params, --ref) are listed in guest/README.md.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { printf '%s\n' "$*" >&2; }
fail() { say "guest test failed: $*"; exit 1; }

inputs=$work/in outbox=$work/out
while [ $# -gt 0 ]; do
  case $1 in
    --in) inputs=$(realpath "${2:?--in needs a folder}"); shift 2 ;;
    --out) outbox=$(realpath "${2:?--out needs a folder}"); shift 2 ;;
    *) break ;;
  esac
done
[ $# -gt 0 ] || { sed -n '5,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
plugin=$1
shift
[ -f "$plugin" ] || fail "there is no file $plugin"
mkdir -p "$work/in" "$outbox"
[ -z "$(ls -A "$outbox")" ] || fail "the folder $outbox is not empty"

PATH=${FILMGATE_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/filmgate/tools}/bin:$PATH
for tool in wac wasmtime; do
  command -v "$tool" >/dev/null || "$root/tests/tools/install.sh" "$tool" >/dev/null
done

# compose <TEST.wasm>: the plugin between the stub, which is its host, and the harness, which calls it.
compose() {
  local built=${CARGO_TARGET_DIR:-$root/target}/wasm32-wasip2/release
  (cd "$root" && cargo build --quiet --release --locked --target wasm32-wasip2 -p stub -p harness)
  wac plug "$plugin" --plug "$built/stub.wasm" -o "$work/hosted.wasm" 2>"$work/wac.log" ||
    fail "the stub does not fit $plugin; it must import filmgate:plugin/store-video: $(head -n 1 "$work/wac.log")"
  wac plug "$built/harness.wasm" --plug "$work/hosted.wasm" -o "$1" 2>"$work/wac.log" ||
    fail "the harness does not fit $plugin; it must export filmgate:plugin/renderer: $(head -n 1 "$work/wac.log")"
}

# has_boxes <FILE>: walks the top-level boxes of an MP4; true when ftyp comes first and moov and mdat follow.
has_boxes() {
  local file=$1 size offset=0 length kind kinds=
  size=$(stat -c %s "$file")
  while [ "$offset" -lt "$size" ]; do
    length=$((16#$(od -An -tx1 -j "$offset" -N 4 "$file" | tr -d ' \n')))
    kind=$(dd if="$file" bs=1 skip=$((offset + 4)) count=4 status=none)
    [ "$length" -ne 1 ] || length=$((16#$(od -An -tx1 -j $((offset + 8)) -N 8 "$file" | tr -d ' \n')))
    [ "$length" -ge 8 ] || return 1
    offset=$((offset + length)) kinds="$kinds $kind"
  done
  [ "$offset" -eq "$size" ] && [[ $kinds == " ftyp"*" moov"* && $kinds == *" mdat"* ]]
}

check_video() {
  local video=$1
  [ -s "$video" ] || fail "the video $video is empty"
  if command -v ffprobe >/dev/null && command -v ffmpeg >/dev/null; then
    local errors
    errors=$(ffmpeg -nostdin -v error -xerror -i "$video" -f null - 2>&1) || fail "the video does not decode: $errors"
    [ -z "$errors" ] || fail "the video decodes with errors: $errors"
    local facts=stream=codec_name,width,height,r_frame_rate:format=duration,size
    say "decoded without error: $(ffprobe -v error -show_entries "$facts" -of csv=p=0 "$video" | tr '\n' ' ')"
    ffprobe -v error -select_streams v -show_entries stream=codec_name -of csv=p=0 "$video" | grep -q . ||
      fail "there are no pictures in $video"
  elif [[ $video == *.mp4 || $video == *.mov ]]; then
    has_boxes "$video" || fail "the boxes of $video are not those of a whole MP4"
    say "has the boxes of an MP4 (install ffmpeg to decode it)"
  fi
}

compose "$work/test.wasm"

say "run $plugin"
wasmtime run --dir "$outbox::/out" --dir "$inputs::/in" "$work/test.wasm" "$@" || fail "the plugin ended with exit code $?"
video=$(find "$outbox/.published" -name 'video.*' 2>/dev/null | head -n 1) || true
[ -n "$video" ] || fail "the plugin stored nothing in the slot 'video'"
check_video "$video"

say "run it again with parameters that are not JSON"
mkdir "$work/refused"
if wasmtime run --dir "$work/refused::/out" --dir "$inputs::/in" "$work/test.wasm" --params '{"' >"$work/stdout" 2>"$work/stderr"; then
  fail "broken parameters were accepted"
fi
grep '^invalid-params: ' "$work/stderr" >&2 || fail "broken parameters were not answered with invalid-params: $(cat "$work/stderr")"
say "guest test passed"
