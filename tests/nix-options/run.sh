#!/bin/bash
# run.sh: evaluates the tests of this directory; see README.md. The last line says how many passed and failed.
set -uo pipefail
cd "$(dirname "$0")"

command -v nix-instantiate >/dev/null || {
  echo "run.sh: nix-instantiate is missing (Debian: apt-get install nix-bin)" >&2
  exit 1
}

# Evaluation writes nothing, but wants a state directory that it may create.
state=$(mktemp -d)
trap 'rm -rf "$state"' EXIT
export NIX_STATE_DIR=$state NIX_LOCALSTATE_DIR=$state NIX_LOG_DIR=$state NIX_CONF_DIR=$state NIX_REMOTE=
export NIX_CONFIG='experimental-features = '
export HOME=$state XDG_CACHE_HOME=$state/cache

cores=$(nproc)
passed=0
failed=0
pass() { passed=$((passed + 1)); }
fail() {
  failed=$((failed + 1))
  printf 'FAIL %s\n' "$1"
  sed 's/^/     /'
}

evaluate() { nix-instantiate --eval --strict --json "$@" 2>&1; }

# run LABEL NIX-ARGUMENT…: all tests over one lib.
run() {
  local label=$1 names name out
  shift

  # The values: all in one evaluation; one that fails to evaluate at all is looked at alone.
  local compare='args: builtins.mapAttrs (_: t: t.expr == t.expected) (import ./values.nix args)'
  local all
  if ! all=$(evaluate -E "let args = { $* }; in ($compare) args" | tail -n1) || ! names=$(jq -er 'keys[]' <<<"$all" 2>/dev/null); then
    names=$(evaluate -E "builtins.attrNames (import ./values.nix { $* })" | tail -n1 | jq -r '.[]') || names=
    all={}
  fi
  [ -n "$names" ] || fail "$label: values.nix" <<<"$all"
  while IFS= read -r name; do
    [ -n "$name" ] || continue
    if [ "$(jq -r --arg n "$name" '.[$n]' <<<"$all")" = true ]; then
      pass
    else
      local one="(import ./values.nix { $* }).\${builtins.fromJSON ''$(jq -n --arg n "$name" '$n')''}"
      out=$(evaluate -E "let t = $one; in { got = t.expr; inherit (t) expected; ok = t.expr == t.expected; }")
      if [ "$(tail -n1 <<<"$out" | jq -r .ok 2>/dev/null)" = true ]; then pass; else fail "$label: $name" <<<"$out"; fi
    fi
  done <<<"$names"

  # The failures: one evaluation each, since nothing in Nix can look at an error's words; as many at once as there are cores.
  local messages message results=$state/failures index=0
  messages=$(evaluate -E "builtins.mapAttrs (_: t: t.message) (import ./failures.nix { $* })")
  names=$(tail -n1 <<<"$messages" | jq -r 'keys[]' 2>/dev/null)
  [ -n "$names" ] || fail "$label: failures.nix" <<<"$messages"
  rm -rf "$results"
  mkdir "$results"
  while IFS= read -r name; do
    [ -n "$name" ] || continue
    index=$((index + 1))
    local one="(import ./failures.nix { $* }).\${builtins.fromJSON ''$(jq -n --arg n "$name" '$n')''}"
    { evaluate --show-trace -E "($one).expr" >"$results/$index" && : >"$results/$index.evaluated"; } &
    [ $((index % cores)) != 0 ] || wait
  done <<<"$names"
  wait
  index=0
  while IFS= read -r name; do
    [ -n "$name" ] || continue
    index=$((index + 1))
    message=$(tail -n1 <<<"$messages" | jq -r --arg n "$name" '.[$n]')
    if [ -e "$results/$index.evaluated" ]; then
      fail "$label: $name: evaluated, and should not" <"$results/$index"
    elif [ -n "$message" ] && grep -qF -e "$message" "$results/$index"; then
      pass
    else
      fail "$label: $name: expected: $message" <"$results/$index"
    fi
  done <<<"$names"
}

run "small lib"
if [ -n "${CODCHI_NIXPKGS_LIB:-}" ]; then
  # A checkout has the library in lib/.
  real=$(realpath "$CODCHI_NIXPKGS_LIB")
  [ ! -f "$real/lib/default.nix" ] || real=$real/lib
  run "real lib" "realLib = $real;"
else
  echo "not run: the real nixpkgs lib (CODCHI_NIXPKGS_LIB is not set)"
fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
