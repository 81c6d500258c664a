#!/usr/bin/env bash
# Shows Stevedore at work, on this machine, with real parts: a registry, Redis, one coordinator and
# two workers, all on loopback with ports and folders of their own, stopped by process id at the
# end. Ends with code 1 if anything is not as said.
#
#   examples/shop/demo.sh [--keep]      --keep: leaves the folder with logs, registry and results
set -euo pipefail
exec </dev/null
root=$(cd "$(dirname "$0")/../.." && pwd)
keep=false
[ "${1:-}" != --keep ] || keep=true

# Programs that Debian keeps in sbin.
PATH=$PATH:/usr/sbin:/sbin
work=$(mktemp -d "${TMPDIR:-/tmp}/stevedore-demo.XXXXXX")
pids=()

finish() {
  local code=$?
  trap - EXIT INT TERM
  if [ "$code" -ne 0 ]; then
    for log in "$work"/*.log; do
      [ ! -s "$log" ] || { printf '\n--- last lines of %s\n' "$(basename "$log")"; tail -8 "$log"; }
    done
  fi
  # Workers first, so that they do not miss their coordinator; the registry last.
  local i
  for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
    kill -TERM "${pids[i]}" 2>/dev/null || continue
    wait "${pids[i]}" 2>/dev/null || true
  done
  if $keep; then echo "Left in $work"; else rm -rf "$work"; fi
  if [ "$code" -eq 0 ]; then
    printf '\nAll of it was as said. Everything that was started is stopped.\n'
  else
    printf '\nThe demo FAILED (code %d).\n' "$code"
  fi
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

part=0
say() { part=$((part + 1)); printf '\n=== %d. %s\n' "$part" "$*"; }
note() { printf '    %s\n' "$*"; }
show() { printf '    $ %s\n' "$*"; }
fail() { echo "demo: $*" >&2; exit 1; }

# Starts "$@" with its output in $work/$1.log; $1 is only its name.
start() {
  local name=$1
  shift
  "$@" >"$work/$name.log" 2>&1 &
  pids+=($!)
  note "$name: process $!"
}

# Waits up to 30 s until the command "$@" succeeds; fails early if the process started last is gone.
await() {
  local deadline=$((SECONDS + 30)) pid=${pids[-1]}
  until "$@" >/dev/null 2>&1; do
    kill -0 "$pid" 2>/dev/null || fail "process $pid has ended before it was ready"
    [ $SECONDS -lt $deadline ] || fail "not ready after 30 s: $*"
    sleep 0.1
  done
}

# The address that a program of ours or the registry says it listens on. $1: its log.
listening() {
  sed -nE 's/.*listening.* (on |address=)"?(127\.0\.0\.1:[0-9]+).*/\2/p' "$1" | head -1
}
has_address() { [ -n "$(listening "$1")" ]; }

check() { /usr/bin/python3 "$root/examples/shop/demo_check.py" "$@"; }

say "Build Stevedore and a static C++ program for the example"
cd "$root"
programs=(//cli:stevedore-cli //coordinator:stevedore-coordinator //worker:stevedore-worker)
# shellcheck disable=SC2086
bazel build ${BAZEL_FLAGS:-} "${programs[@]}" //examples/shop/src/stock || fail "the build failed"
built=$(bazel info bazel-bin 2>/dev/null)
cli=$built/cli/stevedore-cli
note "$("$cli" version)"

say "Copy examples/shop to a folder of its own and make its root filesystem from busybox"
# Without what an earlier run of prepare.sh left, so that the copy is what git has.
mkdir "$work/shop"
tar -C "$root/examples/shop" --exclude=./rootfs --exclude=./services/stock/bin -cf - . \
  | tar -C "$work/shop" -xf -
"$work/shop/prepare.sh" "$built/examples/shop/src/stock/stock" | sed 's/^/    /'
cd "$work/shop"

say "Start a registry, Redis, a coordinator and two workers on 127.0.0.1"
cat >"$work/registry.yml" <<YAML
version: 0.1
log: {level: info, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $work/registry}}
http: {addr: "127.0.0.1:0"}
YAML
# A place of its own for logins and caches: nothing of the user's is read or changed.
mkdir "$work/home"
export HOME=$work/home XDG_CACHE_HOME=$work/cache DOCKER_CONFIG=$work/home/.docker
start registry docker-registry serve "$work/registry.yml"
await has_address "$work/registry.log"
registry=$(listening "$work/registry.log")
start redis redis-server --port 0 --unixsocket "$work/redis.sock" --dir "$work" --appendonly yes
await redis-cli -s "$work/redis.sock" ping
start coordinator "$built/coordinator/stevedore-coordinator" --listen 127.0.0.1:0 \
  --redis "unix:$work/redis.sock" --artifact-repository "$registry/stevedore/artifacts"
await has_address "$work/coordinator.log"
coordinator=$(listening "$work/coordinator.log")
# It first watches for 5 s whether another coordinator leads this queue.
await grep -q 'leading the queue' "$work/coordinator.log"
for n in 1 2; do
  start "worker$n" "$built/worker/stevedore-worker" --coordinator "$coordinator" \
    --name "worker$n" --slots 1 --cache-dir "$work/worker$n"
  await grep -q 'worker started' "$work/worker$n.log"
done
note "registry at $registry, coordinator at $coordinator, Redis at $work/redis.sock"

submit=(submit base --build-on-cascade --coordinator "$coordinator"
  --image-registry-host "$registry" --push-after-build)

say "The graph: what builds on what"
show "stevedore-cli get images --tree"
"$cli" get images --tree

say "Submit all of it"
show "stevedore-cli ${submit[*]}"
"$cli" "${submit[@]}" --metadata-file "$work/first.json" || fail "the build failed"
check outcome "$work/first.json" --built 16 --reused 0

say "Submit it again: nothing needs building"
"$cli" "${submit[@]}" --metadata-file "$work/second.json" || fail "the build failed"
check outcome "$work/second.json" --built 0 --reused 16
check same "$work/first.json" "$work/second.json"

say "Change one file and see what that means"
show "echo 'h1 { color: darkred; }' >> services/assets/public/style.css"
echo 'h1 { color: darkred; }' >>services/assets/public/style.css
show "stevedore-cli plan base --build-on-cascade ..."
"$cli" plan base --build-on-cascade --coordinator "$coordinator" --image-registry-host "$registry"
note "The stylesheet is in assets; web and admin take its layer; smoke and storefront build on web."
"$cli" "${submit[@]}" --metadata-file "$work/third.json" || fail "the build failed"
check outcome "$work/third.json" --reused 11 \
  --built-images assets:3.1 admin:1.0 web:1.0 smoke:1.0 storefront:1.0
check causes "$work/third.json"

say "Pull every image back with skopeo and verify all digests"
mkdir "$work/pulled"
check references "$work/third.json" >"$work/references"
while read -r reference; do
  skopeo copy --quiet --src-tls-verify=false "docker://$reference" \
    "oci:$work/pulled:${reference##*/}" || fail "cannot pull $reference"
done <"$work/references"
check pulled "$work/third.json" "$work/pulled"

say "Run one image"
if timeout 20 docker version >/dev/null 2>&1; then
  image="stevedore-demo/smoke:$$"
  skopeo copy --quiet --src-tls-verify=false "docker://$registry/shop/smoke:1.0" \
    "docker-archive:$work/smoke.tar:$image" || fail "cannot pull shop/smoke:1.0"
  docker load --quiet --input "$work/smoke.tar" >/dev/null || fail "docker load failed"
  show "docker run --network none $image"
  ran=0
  timeout 120 docker run --rm --network none "$image" | tee "$work/smoke.out" || ran=$?
  docker rmi "$image" >/dev/null 2>&1 || true
  if [ "$ran" -ne 0 ] || [ "$(grep -c '^ok' "$work/smoke.out")" -ne 4 ]; then
    fail "the image did not do what it should"
  fi
else
  note "No Docker engine is reachable here, so no image is run."
fi
