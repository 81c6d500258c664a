#!/usr/bin/env bash
# Runs a unittest file with Debian's python3 ($1: the file; the rest: its arguments).
set -euo pipefail
exec /usr/bin/python3 -B "$@"
