#!/usr/bin/env bash
# Runs tidy.py over the work tree that this test's runfiles point into. $1: a file at its root.
set -euo pipefail
root=$(dirname "$(readlink -f "$1")")
exec /usr/bin/python3 -B "$root/tools/tidy.py" --root "$root"
