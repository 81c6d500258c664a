#!/bin/sh
# What definitions cost: trees of 1,000 to 100,000 of them loaded, planned and compared with git.
#   bench/definitions/run.sh [--rounds N] [--counts 1000,10000] [--folder FOLDER]
set -eu
cd "$(dirname "$0")/../.."
bazel build --config=release //cli:stevedore-cli
binary=$(bazel info --config=release bazel-bin 2>/dev/null)/cli/stevedore-cli
exec python3 bench/definitions/measure.py --binary "$binary" "$@"
