#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that three servers go on when etcd's members are cut off from each other and the servers still reach all of them:
none stays with a member that has lost the others, none loses a write or gives anything twice.

test_partition.py FAIRLEAD [--pace MS]

As test_etcd.py, with each member in a network namespace of its own.
"""
import argparse
import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import time

import test_etcd
from test_etcd import etcd_harness, wait

INSIDE = 'FAIRLEAD_TEST_PARTITION'  # set in the copy of this program that has its own network
BRIDGE, NET, LENGTH = 'br0', '192.0.2.', 24


def ip(*args, within=()):
    subprocess.run([*within, 'ip', *map(str, args)], check=True)


def address(i):
    return f'{NET}{i + 1}'


def place(i):
    """A namespace for member i: its address, and the command that runs another in it."""
    holder = subprocess.Popen(['unshare', '-n', 'sleep', 'infinity'])
    atexit.register(holder.kill)
    own = os.readlink('/proc/self/ns/net')
    wait(lambda: os.readlink(f'/proc/{holder.pid}/ns/net') != own, 'the namespace is there')
    within = ('nsenter', '-t', str(holder.pid), '-n')
    ip('link', 'add', f'm{i}', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', holder.pid)
    ip('link', 'set', f'm{i}', 'master', BRIDGE, 'up')
    ip('link', 'set', 'lo', 'up', within=within)
    ip('link', 'set', 'eth0', 'up', within=within)
    ip('addr', 'add', f'{address(i)}/{LENGTH}', 'dev', 'eth0', within=within)
    return address(i), within


def network():
    ip('link', 'set', 'lo', 'up')
    ip('link', 'add', BRIDGE, 'type', 'bridge')
    ip('link', 'set', BRIDGE, 'up')
    ip('addr', 'add', f'{NET}254/{LENGTH}', 'dev', BRIDGE)
    return [place(i) for i in range(3)]


def cut(member, others, verb='add'):
    """Nothing from it reaches the others, so no connection to them lives; the servers it still answers."""
    for m in others:
        ip('route', verb, 'blackhole', m.host, within=member.within)


def apart(world, member, seconds):
    others = [m for m in world.etcd.members if m is not member]
    cut(member, others)
    world.goes_on(f'{member.name} is alone')
    time.sleep(seconds)
    cut(member, others, 'del')


def the_leader_is_alone(world):
    was = world.member_leading()
    apart(world, was, 5)
    test_etcd.check(world.member_leading() is not was, 'the others have another leader')


def a_follower_is_alone(world):
    apart(world, next(m for m in world.etcd.members if m is not world.member_leading()), 5)


def all_are_alone(world):
    members = world.etcd.members
    for m in members:
        cut(m, [o for o in members if o is not m])
    time.sleep(3)
    acked = world.acked()
    time.sleep(3)
    test_etcd.check(world.acked() == acked, 'nobody acknowledges without a quorum')
    test_etcd.check(all(s.services()['items'] for s in world.servers), 'reads go on')
    for m in members:
        cut(m, [o for o in members if o is not m], 'del')


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('fairlead')
    p.add_argument('--pace', type=int, default=20)
    args = p.parse_args()
    if not etcd_harness.find():
        print('1..0 # SKIP no etcd in PATH (Debian: etcd-server)')
        return 0
    if INSIDE not in os.environ:
        if subprocess.run(['unshare', '-Urn', 'true'], stderr=subprocess.DEVNULL).returncode != 0:
            print('1..0 # SKIP no network namespaces here')
            return 0
        return subprocess.run(['unshare', '-Urn', sys.executable, *sys.argv], env=dict(os.environ, **{INSIDE: '1'}), check=False).returncode
    failed, folder = 1, tempfile.mkdtemp(prefix='fairlead-partition-')
    world = test_etcd.World(args.fairlead, folder, args.pace / 1000, network())
    try:
        failed = test_etcd.run(world, [the_leader_is_alone, a_follower_is_alone, all_are_alone])
    finally:
        world.stop()
        if not failed:
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
