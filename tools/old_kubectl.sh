#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints the path of Debian 12's kubectl 1.20, for the tests: the one that is installed, else a copy unpacked from its
# package below the folder given (a machine may have a kubectl of its own, and the two packages exclude each other).
set -eu
dir=$1
for k in /usr/bin/kubectl "$dir/usr/bin/kubectl"; do
  if [ -x "$k" ] && "$k" version --client 2> /dev/null | grep -q '"v1.20\.'; then
    echo "$k"
    exit 0
  fi
done
mkdir -p "$dir"
cd "$dir"
apt-get download -qq kubernetes-client > /dev/null 2>&1
dpkg -x kubernetes-client_*.deb .
rm -f kubernetes-client_*.deb
echo "$dir/usr/bin/kubectl"
