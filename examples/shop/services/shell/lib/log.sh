# shellcheck shell=sh
# For scripts of the shop: one line per event, with the time.
log() { printf '%s %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$*" >&2; }
