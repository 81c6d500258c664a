#!/bin/sh
# Builds the command line with optimisation and copies images beside skopeo (and crane).
#   bench/transfer/run.sh [--quick] [--rounds N] [--skip TOOL]
set -eu
cd "$(dirname "$0")/../.."
bazel build --config=release //cli:stevedore-cli
# Where --config=release (a platform suffix) puts its output.
release=$(bazel info --config=release bazel-bin 2>/dev/null)
exec python3 bench/transfer/compare.py --cli "$release/cli/stevedore-cli" "$@"
