#!/usr/bin/env bash
# Format, tidy and shellcheck over the files that git knows. Ends with code 1 if any complains.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
failed=0

# $1: what ran, $2: its exit code.
verdict() {
  if [ "$2" -eq 0 ]; then echo "check: $1: ok"; else echo "check: $1: FAILED"; failed=1; fi
}

git ls-files -z -co --exclude-standard -- '*.h' '*.cc' '*.proto' \
  | xargs -0 -r clang-format-14 --dry-run --Werror
verdict "format (make format mends it)" $?

/usr/bin/python3 tools/tidy.py
verdict "tidy" $?

mapfile -d '' -t scripts < <(git ls-files -z -co --exclude-standard -- '*.sh' .ci)
shellcheck "${scripts[@]}"
verdict "shellcheck" $?

exit "$failed"
