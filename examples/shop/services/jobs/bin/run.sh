#!/bin/sh
# Runs each job named in the file $1 (one "name command..." per line), or says that there is none.
set -eu
# shellcheck disable=SC1091
. /usr/local/lib/shop/log.sh
jobs=${1:-}
if [ -z "$jobs" ]; then
  log "no jobs given; this is $(cat /etc/shop-release)"
  exit 0
fi
while read -r name command; do
  case "$name" in '' | '#'*) continue ;; esac
  log "job $name: $command"
  sh -c "$command"
done <"$jobs"
