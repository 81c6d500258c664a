#!/usr/bin/env bash
# Installs the Debian packages that a part of the work needs, and nothing that is there already.
#
#   tools/setup.sh PROFILE...     profiles: build demo test check bench
#   tools/setup.sh --list PROFILE...   prints the packages of the profiles
#
# Needs root only if something is missing (through sudo for other users). Starts and enables no
# service: a policy-rc.d forbids it for the duration, unless the machine has one of its own.
set -euo pipefail

# Packages that bring a service; what their installation enabled is disabled again.
readonly SERVICE_PACKAGES=(redis-server docker-registry docker.io containerd openssh-server
                            lighttpd)

packages_of() {
  case "$1" in
    build)
      echo ca-certificates python3 g++ mold
      echo bazel-bootstrap bazel-platforms bazel-rules-java bazel-rules-proto bazel-skylib
      echo libabsl-dev libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc
      echo libhiredis-dev libssl-dev libcurl4-openssl-dev
      echo libzstd-dev zlib1g-dev libdeflate-dev libisal-dev liblzma-dev libbz2-dev
      echo libyaml-cpp-dev nlohmann-json3-dev libcli11-dev libgit2-dev libre2-dev
      ;;
    demo)
      packages_of build
      echo busybox-static redis-server docker-registry skopeo zstd
      ;;
    test)
      packages_of demo
      echo libgtest-dev libgmock-dev libbenchmark-dev
      echo umoci buildah docker.io apache2-utils openssl ansible-core
      # For a YAML language server. Node.js from elsewhere brings an npm of its own.
      command -v npm >/dev/null || echo nodejs npm
      echo git openssh-client openssh-server lighttpd lighttpd-mod-openssl
      ;;
    check)
      packages_of test
      echo clang-14 libclang-rt-14-dev clang-format-14 shellcheck
      ;;
    bench)
      packages_of demo
      echo libgtest-dev libgmock-dev libbenchmark-dev
      echo umoci buildah pigz gzip tar zstd isal
      ;;
    *)
      echo "setup: no profile '$1'; there are: build demo test check bench" >&2
      exit 2
      ;;
  esac
}

is_installed() {
  # Prints "install ok installed" for a package that is there; virtual and removed ones fail.
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

wanted_of() {
  local profile
  for profile in "$@"; do packages_of "$profile"; done | tr ' ' '\n' | sort -u
}

# Undoes the enabling that maintainer scripts do whatever policy-rc.d says. "$@": service packages
# that were absent before this run; others keep what their administrator chose.
disable_new_services() {
  local package unit name
  for package in "$@"; do
    is_installed "$package" || continue
    while read -r unit; do
      name=$(basename "$unit")
      # What `systemctl disable` does; it is not there on machines without systemd.
      find /etc/systemd/system -type l -lname "*/$name" -delete 2>/dev/null || true
      echo "setup: $name is installed but not enabled"
    done < <(dpkg -L "$package" | grep -E '/systemd/system/[^/]*\.(service|socket)$' \
             | grep -v '@' || true)
    while read -r unit; do
      update-rc.d "$(basename "$unit")" disable >/dev/null 2>&1 || true
    done < <(dpkg -L "$package" | grep -E '^/etc/init\.d/' || true)
  done
}

# Runs as root. "$@": packages to install.
install_packages() {
  local policy=/usr/sbin/policy-rc.d package new=() absent=()
  for package in "${SERVICE_PACKAGES[@]}"; do is_installed "$package" || new+=("$package"); done
  if [ ! -e "$policy" ]; then
    # Expanded now on purpose: the path is a local of this function.
    # shellcheck disable=SC2064
    trap "rm -f $policy" EXIT
    printf '#!/bin/sh\n# Made by tools/setup.sh while it installs.\nexit 101\n' >"$policy"
    chmod 0755 "$policy"
  fi
  # Minimal images leave this folder out, and the Java packages' alternatives stumble over that.
  mkdir -p /usr/share/man/man1
  export DEBIAN_FRONTEND=noninteractive
  local apt=(apt-get -q -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300)
  echo "setup: apt-get update"
  "${apt[@]}" -qq update || echo "setup: apt-get update failed; using the lists of last time" >&2
  echo "setup: apt-get install --no-install-recommends $*"
  "${apt[@]}" install --no-install-recommends "$@" </dev/null \
    | grep -E '^(Need to get|After this|The following held|[0-9]+ upgraded)' || true
  disable_new_services "${new[@]}"
  for package in "$@"; do is_installed "$package" || absent+=("$package"); done
  if [ ${#absent[@]} -gt 0 ]; then
    echo "setup: could not install: ${absent[*]}" >&2
    echo "setup: run 'apt-get install ${absent[*]}' as root to see why" >&2
    exit 1
  fi
}

# Puts the YAML language server that tests/schema is tested with into the user's cache, as its lock
# file says. A test that misses it says so; nothing else needs it.
install_language_server() {
  local source digest folder home
  source=$(dirname "$0")/../tests/schema
  digest=$(sha256sum "$source/package-lock.json" | cut -c1-16)
  home=$(getent passwd "$(id -u)" | cut -d: -f6)
  folder=$home/.cache/stevedore/yaml-language-server-$digest
  [ ! -d "$folder" ] || return 0
  echo "setup: npm ci (YAML language server for tests/schema)"
  mkdir -p "$home/.cache/stevedore"
  rm -rf "$folder.new"
  mkdir "$folder.new"
  cp "$source/package.json" "$source/package-lock.json" "$folder.new"
  if (cd "$folder.new" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error); then
    mv "$folder.new" "$folder"
  else
    rm -rf "$folder.new"
    echo "setup: npm could not install the YAML language server; the test in tests/schema will" \
         "fail. Check the network and npm's configuration, then run this again." >&2
  fi
}

# What a profile needs that is no Debian package. "$@": profiles.
install_others() {
  local profile
  for profile in "$@"; do
    case "$profile" in
      test | check) install_language_server; return ;;
    esac
  done
}

main() {
  if [ $# -eq 0 ]; then
    sed -n '2,8s/^# \{0,1\}//p' "$0"
    exit 2
  fi
  if ! command -v dpkg-query >/dev/null; then
    echo "setup: this is no Debian system (no dpkg-query). Install by hand what" \
         "'tools/setup.sh --list $*' names, or use Debian 12." >&2
    exit 1
  fi
  case "$1" in
    --list) shift; wanted_of "$@"; exit 0 ;;
    --install) shift; install_packages "$@"; exit 0 ;;
  esac
  local missing=() package wanted
  wanted=$(wanted_of "$@")
  for package in $wanted; do is_installed "$package" || missing+=("$package"); done
  if [ ${#missing[@]} -eq 0 ]; then
    install_others "$@"
    echo "setup: everything for '$*' is installed"
    exit 0
  fi
  case "$(cat /etc/debian_version 2>/dev/null)" in
    12*) ;;
    *) echo "setup: written for Debian 12; this is $(cat /etc/debian_version 2>/dev/null)" >&2 ;;
  esac
  echo "setup: missing for '$*': ${missing[*]}"
  if [ "$(id -u)" -eq 0 ]; then
    install_packages "${missing[@]}"
  elif command -v sudo >/dev/null; then
    echo "setup: installing needs root: sudo tools/setup.sh --install ..."
    sudo -- "$0" --install "${missing[@]}"
  else
    echo "setup: installing needs root and there is no sudo; run as root: $0 $*" >&2
    exit 1
  fi
  install_others "$@"
  echo "setup: done"
}

main "$@"
