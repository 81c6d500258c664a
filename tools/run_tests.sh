#!/usr/bin/env bash
# Runs every test and says in the end what was counted, what was skipped and why.
#
# BAZEL_FLAGS: extra flags. REPORT_DIR: where to leave the build events that the count is made of
# (default: a temporary folder); with it, the closing line is left to the caller.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -n "${REPORT_DIR:-}" ]; then
  reports=$REPORT_DIR
else
  reports=$(mktemp -d)
  trap 'rm -rf "$reports"' EXIT
fi
events=$reports/test.json

# shellcheck disable=SC2086
bazel test --keep_going --build_event_json_file="$events" ${BAZEL_FLAGS:-} //... </dev/null \
  || echo "bazel test ended with code $?"

if [ "$(id -u)" -ne 0 ]; then
  echo "Not root: tests that start a Docker engine or make network namespaces were skipped;"
  echo "run 'make test' as root for them. Their names are below."
fi
/usr/bin/python3 tools/test_summary.py ${REPORT_DIR:+--label "make test"} "$events"
