#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that three servers on one etcd survive the loss of any part: no acknowledged write is lost, no cluster IP or
node port is given twice, watches neither lose nor repeat an event, and the controllers go on within 15 s.

test_etcd.py FAIRLEAD [--pace MS]   MS: pause of each of the writers between two writes

Under load: kill -9 of a server, kill -9 of the leading one, kill -9 of etcd's leader, a member that stands still, a server
that is cut off from etcd (its connections stay open and nothing passes) while history is compacted, etcd without a quorum. etcd has three members.
"""
import argparse
import collections
import http.client
import json
import pathlib
import random
import re
import shutil
import signal
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'harness'))
import etcd as etcd_harness  # noqa: E402
import servers  # noqa: E402
from relay import HOLD, PASS, Relay  # noqa: E402

SPACE = '/api/v1/namespaces/load'
LEASE = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/fairlead-controllers'
SLICES = '/apis/discovery.k8s.io/v1/namespaces/load/endpointslices?labelSelector=kubernetes.io/service-name%3D'
CONTROLLERS_S = 15
AGAIN_S = 40  # within that everything works again
N_SERVERS = 3
WRITERS = 3  # for each server


def check(what, text):
    if not what:
        raise AssertionError(text)


def wait(what, text, seconds=AGAIN_S):
    deadline = time.monotonic() + seconds
    while True:
        got = what()
        if got:
            return got
        check(time.monotonic() < deadline, f'not within {seconds} s: {text}')
        time.sleep(0.05)


class Server(servers.Server):
    def services(self):
        status, got = self.call('GET', SPACE + '/services')
        check(status == 200, f'{status} {got}')
        return got


class Writer(threading.Thread):
    """Creates and deletes Services by one server; knows what was acknowledged."""

    def __init__(self, world, server, n):
        super().__init__(daemon=True)
        self.world, self.server, self.prefix, self.rand = world, server, f'w{server.i}-{n}', random.Random(server.i * 100 + n)
        self.there, self.gone, self.unsure = {}, set(), set()
        self.acked = self.refused = self.unknown = self.n = 0
        self.wrong = []

    def run(self):
        while not self.world.end.is_set():
            try:
                if self.there and self.rand.random() < 0.4:
                    self.delete(self.rand.choice(list(self.there)))
                else:
                    self.create()
            except (OSError, http.client.HTTPException):
                self.unknown += 1
                time.sleep(0.2)
            time.sleep(self.world.pace)

    def note(self, status, got, wanted):
        if status == wanted:
            self.acked += 1
            return True
        if status in (429, 503):
            self.refused += 1
            time.sleep(0.1)
        elif status in (500, 504):
            self.unknown += 1
        else:
            self.wrong.append(f'{self.prefix}: {status} {got}')
        return False

    def create(self):
        self.n += 1
        name = f'{self.prefix}-{self.n}'
        self.unsure.add(name)
        body = {'metadata': {'name': name}, 'spec': {'type': 'NodePort', 'ports': [{'port': 80}]}}
        status, got = self.server.call('POST', SPACE + '/services', body)
        if self.note(status, got, 201):
            self.there[name] = (got['spec']['clusterIP'], got['spec']['ports'][0]['nodePort'])
        if status in (201, 429, 503):
            self.unsure.discard(name)
        if status in (429, 503):
            self.gone.add(name)

    def delete(self, name):
        was = self.there.pop(name)
        self.unsure.add(name)
        status, got = self.server.call('DELETE', f'{SPACE}/services/{name}')
        if self.note(status, got, 200):
            self.gone.add(name)
        if status in (200, 429, 503):
            self.unsure.discard(name)
        if status in (429, 503):
            self.there[name] = was


class Watcher(threading.Thread):
    """Follows the Services by one server's watch, through restarts; what it holds must be what a list says."""

    def __init__(self, world, server):
        super().__init__(daemon=True)
        self.world, self.server, self.held, self.rev = world, server, {}, None
        self.events = self.lists = 0
        self.wrong = []

    def run(self):
        while not self.world.watch_end.is_set():
            try:
                if self.rev is None:
                    got = self.server.services()
                    self.held = {o['metadata']['name'] for o in got['items']}
                    self.rev = got['metadata']['resourceVersion']
                    self.lists += 1
                self.follow()
            except (OSError, http.client.HTTPException, AssertionError, ValueError):
                time.sleep(0.1)

    def follow(self):
        conn = http.client.HTTPConnection('127.0.0.1', self.server.port, timeout=3)
        conn.request('GET', f'{SPACE}/services?watch=true&resourceVersion={self.rev}')
        answer = conn.getresponse()
        check(answer.status == 200, 'not yet')
        while not self.world.watch_end.is_set():
            line = answer.readline()
            if not line.endswith(b'\n'):
                break
            self.take(json.loads(line))
            if self.rev is None:
                break
        conn.close()

    def take(self, event):
        if event['type'] == 'ERROR':
            self.rev = None
            return
        meta = event['object']['metadata']
        self.events += 1
        if event['type'] == 'ADDED' and meta['name'] in self.held:
            self.wrong.append(f'ADDED twice: {meta["name"]}')
        if event['type'] == 'DELETED' and meta['name'] not in self.held:
            self.wrong.append(f'DELETED but never there: {meta["name"]}')
        (self.held.discard if event['type'] == 'DELETED' else self.held.add)(meta['name'])
        self.rev = meta['resourceVersion']


class World:
    def __init__(self, binary, folder, pace, places=None):
        self.binary, self.folder, self.pace = binary, pathlib.Path(folder), pace
        self.end, self.watch_end = threading.Event(), threading.Event()
        self.etcd = etcd_harness.Etcd(self.folder / 'etcd', 3, places=places)
        self.etcd.start()
        self.relays = [[Relay(m.client, m.host) for m in self.etcd.members] for _ in range(N_SERVERS)]
        self.servers = [Server(binary, self.folder, i, ','.join(r.url for r in relays)) for i, relays in enumerate(self.relays)]
        for s in self.servers:
            s.start()
            wait(s.is_ready, f'server {s.i} is ready')
        status, got = self.servers[0].call('POST', '/api/v1/namespaces', {'metadata': {'name': 'load'}})
        check(status == 201, f'{status} {got}')
        for s in self.servers:
            wait(lambda: s.call('GET', '/api/v1/namespaces/load')[0] == 200, 'the namespace')
        self.writers = [Writer(self, s, n) for s in self.servers for n in range(WRITERS)]
        self.watchers = [Watcher(self, s) for s in self.servers]
        for t in self.writers + self.watchers:
            t.start()

    def stop(self):
        self.end.set()
        self.watch_end.set()
        for s in self.servers:
            s.kill()
        self.etcd.kill()

    def any(self):
        return next(s for s in self.servers if s.process.poll() is None and s.is_ready())

    def leading(self):
        """The server whose controllers run, by what the servers say."""
        for s in self.servers:
            said = re.findall(r'leading: starting|leading no more|info server ready', s.log())
            if said and said[-1].startswith('leading: starting') and s.process.poll() is None:
                return s
        return None

    def member_leading(self):
        for m in self.etcd.members:
            log = (self.etcd.folder / (m.name + '.log')).read_text()
            if re.findall(r'became (leader|follower)', log)[-1:] == ['leader']:
                return m
        return self.etcd.members[0]

    def acked(self):
        return sum(w.acked for w in self.writers)

    def goes_on(self, after):
        """Every server takes writes again."""
        before = {w: w.acked for w in self.writers}
        wait(lambda: all(w.acked > before[w] for w in self.writers), f'all writers go on after: {after}')


def controllers_work(world, tag, since):
    """A new Service gets its endpoints; the seconds from `since`."""
    def call(method, path, body=None):
        def once():
            try:
                status, got = world.any().call(method, path, body, timeout=5)
                return got if status in (200, 201, 409) else None
            except (OSError, http.client.HTTPException, StopIteration):
                return None
        return wait(once, f'{method} {path}')
    call('POST', SPACE + '/services', {'metadata': {'name': tag}, 'spec': {'selector': {'app': tag}, 'ports': [{'port': 80}]}})
    wait(lambda: call('GET', SLICES + tag).get('items'), f'an EndpointSlice of {tag}', CONTROLLERS_S + 5)
    return time.monotonic() - since


def kill_a_server(world):
    s = next(s for s in world.servers if s is not world.leading())
    s.kill()
    time.sleep(1)
    s.start()
    wait(s.is_ready, 'the server is back')


def kill_the_leading_server(world):
    s = wait(world.leading, 'a server leads')
    since = time.monotonic()
    s.kill()
    took = controllers_work(world, 'after-kill', since)
    print(f'# the controllers went on {took:.1f} s after the kill', flush=True)
    check(took < CONTROLLERS_S, f'the controllers went on after {took:.1f} s')
    s.start()
    wait(s.is_ready, 'the server is back')


def stop_the_leading_server(world):
    s = wait(world.leading, 'a server leads')
    since = time.monotonic()
    s.process.send_signal(signal.SIGTERM)
    took = controllers_work(world, 'after-stop', since)
    print(f'# the controllers went on {took:.1f} s after SIGTERM', flush=True)
    check(s.process.wait(20) == 0, 'it ends with status 0')
    check(took < 8, f'a Lease that was given back is taken at once, not after {took:.1f} s')
    s.start()
    wait(s.is_ready, 'the server is back')


def kill_etcds_leader(world):
    m = world.member_leading()
    m.kill()
    time.sleep(1)
    m.start()


def stall_a_member(world):
    m = world.member_leading()
    m.signal(signal.SIGSTOP)
    time.sleep(6)
    m.signal(signal.SIGCONT)


def cut_off_a_server(world):
    for r in world.relays[1]:
        r.set(HOLD)
    time.sleep(8)
    m = world.etcd.members[0]
    m.ask('kv/compaction', revision=m.revision())  # what it has missed is forgotten
    for r in world.relays[1]:
        r.set(PASS)
    wait(lambda: 'reading everything anew' in world.servers[1].log(), 'the server has noticed')


def take_the_quorum(world):
    for m in world.etcd.members[:2]:
        m.signal(signal.SIGSTOP)
    time.sleep(6)
    for m in world.etcd.members[:2]:
        m.signal(signal.SIGCONT)


def kill_all_of_etcd(world):
    for m in world.etcd.members:
        m.kill()
    for m in world.etcd.members:
        m.start()


def addresses_differ(items):
    for what, values in (('cluster IP', [o['spec']['clusterIP'] for o in items]),
                         ('node port', [o['spec']['ports'][0]['nodePort'] for o in items if o['spec']['type'] == 'NodePort'])):
        twice = [v for v, n in collections.Counter(values).items() if n > 1]
        check(not twice, f'{what} given twice: {twice}')


def nothing_is_lost(world):
    world.end.set()
    for w in world.writers:
        w.join(60)
        check(not w.wrong, w.wrong[:5])
    lists = [s.services() for s in world.servers]
    wait(lambda: len({json.dumps(sorted(o['metadata']['name'] for o in s.services()['items'])) for s in world.servers}) == 1,
         'all servers list the same')
    lists = world.servers[0].services()
    items = {o['metadata']['name']: o for o in lists['items']}
    addresses_differ(lists['items'])
    for w in world.writers:
        for name, (ip, port) in w.there.items():
            check(name in items, f'{name} was acknowledged and is lost')
            check((items[name]['spec']['clusterIP'], items[name]['spec']['ports'][0]['nodePort']) == (ip, port), f'{name} has changed')
        for name in w.gone:
            check(name not in items, f'{name} was deleted, or refused, and is there')
    claimed = world.servers[0].call('GET', '/apis/networking.k8s.io/v1/ipaddresses')[1]['items']
    mine = [o['spec']['parentRef']['name'] for o in claimed if o['spec']['parentRef']['namespace'] == 'load']
    check(sorted(mine) == sorted(items), 'IPAddress objects are those of the Services')
    for s in world.servers:
        check('ignoring a change' not in s.log() and 'leaving out' not in s.log(), f'server {s.i} cannot read what is stored')
    world.watch_end.set()
    for w in world.watchers:
        wait(lambda: w.wrong or not w.is_alive(), 'the watcher ends')
        check(not w.wrong, f'server {w.server.i}: {w.wrong[:5]}')
    print(f'# acknowledged {world.acked()}, refused {sum(w.refused for w in world.writers)}, unknown '
          f'{sum(w.unknown for w in world.writers)}; {len(items)} Services; events {[w.events for w in world.watchers]}, lists '
          f'{[w.lists for w in world.watchers]}', flush=True)


def watchers_have_all(world):
    """What the watches told is what a list says; the load pauses for it."""
    def agree():
        names = {o['metadata']['name'] for o in world.servers[0].services()['items']}
        return all(w.held == names for w in world.watchers)
    wait(agree, 'the watchers hold what is listed')


def run(world, steps):
    """Each step under load, then the reckoning. How many failed."""
    failed = 0
    controllers_work(world, 'first', time.monotonic())
    for i, step in enumerate([*steps, None], 1):
        name = step.__name__ if step else 'nothing_is_lost_and_nothing_given_twice'
        began = time.monotonic()
        try:
            if step:
                step(world)
                world.goes_on(name)
                controllers_work(world, name.replace('_', '-'), began)
            else:
                world.end.set()
                watchers_have_all(world)
                nothing_is_lost(world)
            print(f'ok {i} - {name} # {time.monotonic() - began:.1f} s', flush=True)
        except AssertionError as e:
            failed += 1
            print(f'not ok {i} - {name}\n# {e}', flush=True)
            for s in world.servers:
                print(f'# server {s.i}:\n# ' + s.log()[-1500:].replace('\n', '\n# '), flush=True)
    print(f'1..{len(steps) + 1}')
    return failed


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('fairlead')
    p.add_argument('--pace', type=int, default=20)
    args = p.parse_args()
    if not etcd_harness.find():
        print('1..0 # SKIP no etcd in PATH (Debian: etcd-server)')
        return 0
    steps = [kill_a_server, kill_the_leading_server, stop_the_leading_server, kill_etcds_leader, stall_a_member,
             cut_off_a_server, take_the_quorum, kill_all_of_etcd]
    failed, folder = 1, tempfile.mkdtemp(prefix='fairlead-etcd-')
    world = World(args.fairlead, folder, args.pace / 1000)
    try:
        failed = run(world, steps)
    finally:
        world.stop()
        if not failed:
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
