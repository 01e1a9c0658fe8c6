#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that are missing: install_deps.sh SET…   SET: build lab check perf
# Says what it does; does nothing, and needs no network, when all is there.
set -eu

build='gcc libc6-dev meson ninja-build pkg-config python3 uthash-dev libuv1-dev libnghttp2-dev libssl-dev libsqlite3-dev
  libmnl-dev libyaml-dev libwslay-dev zlib1g-dev node-llhttp'
lab='iproute2 curl bind9-dnsutils'
check='git clang-14 clang-format-14 libclang-rt-14-dev llvm-14 codespell shellcheck mandoc procps etcd-server libjansson-dev libldns-dev
  nftables conntrack python3-kubernetes python3-yaml sqlite3 iputils-ping jq'
perf='nftables wrk nghttp2-client jq procps'

# Debian's kubectl, unless the machine has one of its own: the two packages cannot stand side by side.
command -v kubectl > /dev/null || lab="$lab kubernetes-client"

# Debian's etcd-server starts a service when it is installed: the tests start their own.
keep_etcd_quiet() {
  case " $1 " in *' etcd-server '*) ;; *) return 0 ;; esac
  mkdir -p /etc/systemd/system
  for unit in etcd.service etcd-server.service; do
    [ -e "/etc/systemd/system/$unit" ] || ln -s /dev/null "/etc/systemd/system/$unit"
  done
}

missing=''
for set; do
  case $set in
    build) names=$build ;; lab) names=$lab ;; check) names=$check ;; perf) names=$perf ;;
    *) echo "install_deps.sh: no such set: $set (build, lab, check, perf)" >&2; exit 2 ;;
  esac
  for name in $names; do
    dpkg-query -W -f '${Status}' "$name" 2> /dev/null | grep -q 'ok installed' || missing="$missing $name"
  done
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
  echo "install_deps.sh: missing packages; as root: apt-get install --no-install-recommends$missing" >&2
  exit 1
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
keep_etcd_quiet "$missing"
apt-get -qq update
# shellcheck disable=SC2086  # a list of words
apt-get -qq install -y --no-install-recommends $missing > /tmp/fairlead-apt.log 2>&1 || { tail -5 /tmp/fairlead-apt.log >&2; exit 1; }
