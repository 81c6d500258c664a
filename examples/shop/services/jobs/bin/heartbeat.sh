#!/bin/sh
# Says every $1 seconds (default 10) that this container lives.
set -eu
# shellcheck disable=SC1091
. /usr/local/lib/shop/log.sh
while :; do
  log "alive for $(cut -d. -f1 /proc/uptime) s"
  sleep "${1:-10}"
done
