#!/usr/bin/env bash
# Copies the three programs and the CLI's shell completions. $1: prefix, $2: folder of the built
# programs (`bazel info bazel-bin`).
set -euo pipefail
prefix=$1
built=$2

for program in cli/stevedore-cli coordinator/stevedore-coordinator worker/stevedore-worker; do
  install -D -m 0755 "$built/$program" "$prefix/bin/$(basename "$program")"
  echo "$prefix/bin/$(basename "$program")"
done

# $1: shell, $2: where its completions are looked for.
completion() {
  install -d "$(dirname "$prefix/$2")"
  "$prefix/bin/stevedore-cli" completion "$1" >"$prefix/$2"
  chmod 0644 "$prefix/$2"
  echo "$prefix/$2"
}
completion bash share/bash-completion/completions/stevedore-cli
completion zsh share/zsh/site-functions/_stevedore-cli
completion fish share/fish/vendor_completions.d/stevedore-cli.fish
