#!/usr/bin/env bash
# Puts the binaries into place that the images are made of and that git does not keep:
#   rootfs/              a root filesystem around Debian's static busybox
#   services/stock/bin/  the static program of src/stock
#
#   examples/shop/prepare.sh [STOCK]     STOCK: a built program (default: Bazel builds it)
set -euo pipefail
stock=${1:-}
[ -z "$stock" ] || stock=$(realpath "$stock")
cd "$(dirname "$0")"

busybox=$(command -v busybox || true)
if [ -z "$busybox" ] || ldd "$busybox" >/dev/null 2>&1; then
  echo "prepare: no static busybox here; 'apt-get install busybox-static' brings it" >&2
  exit 1
fi

rm -rf rootfs
mkdir -p rootfs/root/{bin,dev,etc,home/shop,proc,root,run,srv,sys,usr/local/bin,var/log} rootfs/tmp
install -m 0755 "$busybox" rootfs/root/bin/busybox
for applet in $("$busybox" --list); do
  [ "$applet" = busybox ] || ln -sf busybox "rootfs/root/bin/$applet"
done
cat >rootfs/root/etc/passwd <<'PASSWD'
root:x:0:0:root:/root:/bin/sh
shop:x:1000:1000:shop:/home/shop:/bin/sh
PASSWD
printf 'root:x:0:\nshop:x:1000:\n' >rootfs/root/etc/group
printf 'hosts: files dns\n' >rootfs/root/etc/nsswitch.conf

if [ -z "$stock" ]; then
  (cd ../.. && bazel build //examples/shop/src/stock </dev/null)
  stock=$(cd ../.. && bazel info bazel-bin 2>/dev/null)/examples/shop/src/stock/stock
fi
mkdir -p services/stock/bin
install -m 0755 "$stock" services/stock/bin/stock
echo "prepare: rootfs/ with $(find rootfs | wc -l) entries, services/stock/bin/stock" \
  "with $(stat -c %s services/stock/bin/stock) bytes"
