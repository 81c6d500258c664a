#!/usr/bin/env bash
# Every benchmark, with the optimised build; what each asks stands above it in its source.
set -euo pipefail
exec </dev/null
cd "$(dirname "$0")/.."

echo "== Layers: LayerWriter against tar, umoci and buildah"
bench/layer/run.sh

echo
echo "== Scheduler: real graphs through the queue, tasks that need no time"
bazel build --config=release //bench/scheduler:drain
"$(bazel info --config=release bazel-bin 2>/dev/null)/bench/scheduler/drain" bench/scheduler/graphs

echo
echo "== Definitions: trees of 1,000 to 100,000 loaded, planned, compared with git"
bench/definitions/run.sh

echo
echo "== Transfer: copies between registries beside skopeo and crane"
bench/transfer/run.sh

echo
echo "== Contexts: what a mirrored git repository adds to a plan"
bazel build --config=release //cli:stevedore-cli
release=$(bazel info --config=release bazel-bin 2>/dev/null)
bench/context/git_overhead.py "$release/cli/stevedore-cli"

echo
echo "== Contexts: 100,000 unchanged files, and 5 GiB"
bench/context/local_context.py "$release/cli/stevedore-cli"

echo
echo "== Drivers: docker and buildkit beside docker build, native beside the classic builder"
if [ "$(id -u)" = 0 ] && [ -x /usr/sbin/dockerd ]; then
  bench/drivers/docker_overhead.py --cli "$release/cli/stevedore-cli"
  bench/drivers/docker_overhead.py --driver buildkit --cli "$release/cli/stevedore-cli"
  bench/drivers/native_speed.py --cli "$release/cli/stevedore-cli"
else
  echo "left out: needs root and dockerd (package docker.io)"
fi
