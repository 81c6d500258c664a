#!/bin/sh
# Builds the layer benchmark with optimisation and runs it beside tar, gzip, pigz, igzip, zstd,
# umoci and buildah.
#   bench/layer/run.sh [--quick] [--rounds N] [--corpora FOLDER]
set -eu
cd "$(dirname "$0")/../.."
bazel build --config=release //bench/layer:layer_bench
# Where --config=release (a platform suffix) puts its output.
binary=$(bazel info --config=release bazel-bin 2>/dev/null)/bench/layer/layer_bench
exec python3 bench/layer/compare.py --binary "$binary" "$@"
