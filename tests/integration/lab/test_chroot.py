#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that the lab works in a chroot, where "/" is no mount point: it comes up, a command can be run at a place and
in a Pod with the chroot's own files, and it goes away.

test_chroot.py FAIRLEAD
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

PROGRAM = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else os.environ['FAIRLEAD']).resolve()

# In a mount namespace of its own: a folder that is no mount, with this machine's programs bound into it.
INSIDE = r'''
set -e
root=$1; program=$2
mount --make-rprivate / 2> /dev/null || mount --make-rprivate /var/tmp 2> /dev/null || true  # a chroot already
mkdir -p "$root"/{usr,etc,proc,sys,dev,run,tmp,lab}
cp -a /etc/. "$root/etc/"; echo here > "$root/etc/marker"
for l in bin sbin lib lib64; do [ -L /$l ] && cp -a /$l "$root/"; done
for d in usr proc sys dev; do mount --rbind /$d "$root/$d"; done
mount -t tmpfs tmpfs "$root/tmp"; mount -t tmpfs tmpfs "$root/run"
cp "$program" "$root/lab/fairlead"
exec chroot "$root" /bin/sh -c '
  /lab/fairlead lab up --nodes 1 --state-dir /run/lab > /run/up.log 2>&1 || { cat /run/up.log; exit 1; }
  /lab/fairlead lab exec --state-dir /run/lab node1 -- cat /etc/marker
  /lab/fairlead lab exec --state-dir /run/lab client -- ls /proc/self/root/lab
  /lab/fairlead lab down --state-dir /run/lab'
'''


def main():
    if os.geteuid() != 0:
        print('ok 1 - the_lab_in_a_chroot # SKIP needs root\n1..1')
        return 0
    root = tempfile.mkdtemp(prefix='fairlead-chroot-', dir='/var/tmp')
    try:
        out = subprocess.run(['unshare', '-m', '--propagation', 'unchanged', 'bash', '-c', INSIDE, '_', root, str(PROGRAM)], capture_output=True, text=True, timeout=90)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    lines = out.stdout.split('\n')
    ok = out.returncode == 0 and 'here' in lines and 'fairlead' in lines
    if not ok:
        print(out.stdout + out.stderr, file=sys.stderr)
    print(('ok' if ok else 'not ok') + ' 1 - the_lab_in_a_chroot\n1..1')
    return 0 if ok else 1


if __name__ == '__main__':
    sys.exit(main())
