#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that any part may be killed at any moment: no acknowledged write is lost, no connect to a Service whose
endpoints did not change fails while a part is dead, watches miss nothing, and every part catches up.

test_kills.py FAIRLEAD [--kills N] [--pace MS] [--restart-max DURATION] [--seed S]

MS is the mean pause between kills; --restart-max is that of 'lab up': when kills come often, parts would mostly be dead.
"""
import argparse
import collections
import http.client
import json
import os
import pathlib
import random
import signal
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'lab'))
from lab import Connects, Failed, Lab, check, need, responder, run_tests, wait  # noqa: E402

NODES = ('node1', 'node2', 'node3')
PARTS = ('server', 'dns', *(f'{p}-{n}' for p in ('agent', 'proxy') for n in NODES))
WEB = {'run': 'web'}
SPACE = '/api/v1/namespaces/load'
AGAIN_S = 60  # within that everything works again


class Conn:
    """One kept-alive connection to the server. OSError and HTTPException: nobody knows what became of the request."""

    def __init__(self, api):
        self.api, self.conn = api, None

    def call(self, method, path, body=None, kind='application/json'):
        if not self.conn:
            self.conn = http.client.HTTPSConnection('127.0.0.1', self.api.port, context=self.api.tls, timeout=30)
        try:
            self.conn.request(method, path, json.dumps(body) if body else None, {'Content-Type': kind})
            answer = self.conn.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            self.conn.close()
            self.conn = None
            raise
        return answer.status, json.loads(text)


class Writer(threading.Thread):
    """Creates, changes and deletes objects of one kind, and knows what was acknowledged."""

    def __init__(self, lab, kind, plural, spec, count, seed, end):
        super().__init__(daemon=True)
        self.conn, self.kind, self.path, self.spec = Conn(lab.api), kind, f'{SPACE}/{plural}', spec
        self.names = [f'{plural}-{seed}-{i}' for i in range(count)]
        self.rand, self.end = random.Random(seed), end
        self.sure = {n: (None, None) for n in self.names}  # (value, resourceVersion); None: it is not there
        self.unsure = collections.defaultdict(set)  # values of writes whose answer never came
        self.value = self.acked = self.unknown = self.refused = 0
        self.newest = 0  # resourceVersion
        self.wrong = []

    def run(self):
        try:
            while not self.end.is_set():
                self.write(self.rand.choice(self.names))
                time.sleep(0.004)
            for name in self.names:
                self.settle(name)
        except Exception as e:  # shown by the test
            self.wrong.append(f'{self.path}: the writer ended with {e!r}')

    def write(self, name):
        if self.unsure[name]:
            self.settle(name)
        value, _ = self.sure[name]
        self.value += 1
        want = str(self.value)
        meta = {'name': name, 'annotations': {'value': want}}
        try:
            if value is None:
                status, got = self.conn.call('POST', self.path, {
                    'apiVersion': 'v1', 'kind': self.kind, 'metadata': meta, **self.spec})
            elif self.rand.random() < 0.3:
                want = None
                status, got = self.conn.call('DELETE', f'{self.path}/{name}')
            else:
                status, got = self.conn.call('PATCH', f'{self.path}/{name}', {'metadata': meta},
                                             'application/merge-patch+json')
        except (OSError, http.client.HTTPException):
            self.unsure[name].add(want)
            self.unknown += 1
            return
        if status >= 500 or status == 429:
            self.unsure[name].add(want)
            self.refused += 1
        elif status >= 300:
            self.wrong.append(f'{name}: {status} {got.get("message")}')
        else:
            self.acknowledge(name, want, got)

    def acknowledge(self, name, value, got):
        self.acked += 1
        version = got['metadata'].get('resourceVersion') if value is not None else None
        self.sure[name] = (value, version)
        if version:
            if int(version) <= self.newest:
                self.wrong.append(f'{name}: resourceVersion {version} after {self.newest}')
            self.newest = int(version)

    def settle(self, name):
        """What is there must be what was acknowledged last, or a write after it that nobody answered."""
        while True:
            try:
                status, got = self.conn.call('GET', f'{self.path}/{name}')
            except (OSError, http.client.HTTPException):
                continue
            if status < 500 and status != 429:
                break
        value, version = (None, None) if status == 404 else (
            got['metadata']['annotations']['value'], got['metadata']['resourceVersion'])
        want, want_version = self.sure[name]
        if value != want and value not in self.unsure[name]:
            self.wrong.append(f'{name}: {value} is there, {want} was acknowledged, {self.unsure[name]} not')
        elif value == want and version != want_version:
            self.wrong.append(f'{name}: is {want} as acknowledged, but of {version}, not {want_version}')
        self.sure[name] = (value, version)
        self.unsure[name].clear()


class Watcher(threading.Thread):
    """Follows a kind from where it was, over every restart of the server; lists again only when it is told to."""

    def __init__(self, lab, plural, end):
        super().__init__(daemon=True)
        self.api, self.path, self.end = lab.api, f'{SPACE}/{plural}', end
        self.seen, self.revision, self.lists, self.breaks = {}, None, 0, 0
        self.wrong = []

    def run(self):
        while not self.end.is_set():
            try:
                if self.revision is None:
                    self.list()
                self.watch()
            except (OSError, http.client.HTTPException, ValueError):
                pass
            self.breaks += 1

    def list(self):
        status, got = Conn(self.api).call('GET', self.path)
        if status == 200:
            self.seen = {o['metadata']['name']: o['metadata']['resourceVersion'] for o in got['items']}
            self.revision = got['metadata']['resourceVersion']
            self.lists += 1

    def watch(self):
        conn = http.client.HTTPSConnection('127.0.0.1', self.api.port, context=self.api.tls, timeout=5)
        try:
            conn.request('GET', f'{self.path}?watch=1&allowWatchBookmarks=1&resourceVersion={self.revision}')
            answer = conn.getresponse()
            if answer.status == 410:
                self.revision = None
            while not self.end.is_set() and answer.status == 200 and (line := answer.readline()):
                self.take(json.loads(line))
        finally:
            conn.close()

    def take(self, event):
        kind, obj = event['type'], event['object']
        if kind == 'ERROR':
            self.revision = None
            raise ValueError(obj)
        name, version = obj['metadata'].get('name'), obj['metadata']['resourceVersion']
        if int(version) < int(self.revision):
            self.wrong.append(f'{self.path}: event of {version} after {self.revision}')
        if kind == 'ADDED' and name in self.seen or kind in ('MODIFIED', 'DELETED') and name not in self.seen:
            self.wrong.append(f'{self.path}: {kind} {name} at {version} does not follow from what was there')
        if kind == 'DELETED':
            self.seen.pop(name, None)
        elif kind != 'BOOKMARK':
            self.seen[name] = version
        self.revision = version


def make_the_cluster(lab):
    for i, node in enumerate(NODES, 1):
        lab.api.create_pod(f'web-{i}', [responder(443)], node, WEB)
    lab.api.create_pod('asker', [responder()], 'node1')
    web = lab.api.create_service('web', WEB, [{'port': 80, 'targetPort': 443, 'nodePort': 30080}], type='NodePort')
    for name in ('web-1', 'web-2', 'web-3', 'asker'):
        lab.api.wait_ready(name)
    lab.api.call('POST', '/api/v1/namespaces', {'apiVersion': 'v1', 'kind': 'Namespace', 'metadata': {'name': 'load'}})
    lab.vip = web['spec']['clusterIP']
    for place in ('pod/asker', 'node2', 'node3'):
        wait(f'web answers {place}', lambda p=place: all(lab.ask(p, f'http://{lab.vip}/') for _ in range(8)))


def start_load(lab):
    lab.end, tcp = threading.Event(), f'tcp:{lab.vip}:80'
    lab.connects = [
        Connects(lab, 'pod/asker', {'vip': tcp, 'dns': 'dns:10.96.0.10:web.default.svc.cluster.local'}, 15),
        Connects(lab, 'node2', {'vip': tcp}, 25),
        Connects(lab, 'client', {n: f'tcp:203.0.113.{11 + i}:30080' for i, n in enumerate(NODES)}, 25)]
    ports = {'spec': {'ports': [{'port': 80}], 'selector': {'run': 'nobody'}}}
    lab.writers = [Writer(lab, 'ConfigMap', 'configmaps', {}, 40, lab.seed * 10 + i, lab.end) for i in (1, 2)]
    lab.writers.append(Writer(lab, 'Service', 'services', ports, 30, lab.seed * 10 + 3, lab.end))
    lab.watchers = [Watcher(lab, 'configmaps', lab.end), Watcher(lab, 'services', lab.end)]
    for t in lab.writers + lab.watchers:
        t.start()
    for c in lab.connects:
        c.wait_for(20)
    wait('writes are acknowledged', lambda: all(w.acked > 10 for w in lab.writers))


def kill_now(lab, part):
    """kill -9 by a handle on the process; None when it does not run at the moment."""
    pid = lab.host_pid(part)
    if not pid:
        return None
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    try:
        if lab.host_pid(part) != pid:
            return None
        at = time.monotonic()
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        return at
    except ProcessLookupError:
        return None
    finally:
        os.close(handle)


def parts_are_killed_under_load(lab):
    make_the_cluster(lab)
    start_load(lab)
    rand, lab.kills = random.Random(lab.seed), []
    began = said = time.monotonic()
    while len(lab.kills) < lab.n_kills:
        time.sleep(rand.uniform(0, 2 * lab.pace_ms / 1000))
        part = rand.choice(PARTS)
        at = kill_now(lab, part)
        if at:
            lab.kills.append((part, at))
        if time.monotonic() > said + 10:
            said = time.monotonic()
            print(f'# {len(lab.kills)} kills after {said - began:.0f} s, {sum(w.acked for w in lab.writers)} writes',
                  flush=True)
    print(f'# seed {lab.seed}: {len(lab.kills)} kills in {time.monotonic() - began:.0f} s: '
          f'{dict(collections.Counter(p for p, _ in lab.kills))}')


def is_ready(lab):
    try:
        return lab.api.call('GET', '/readyz') == 'ok'
    except (OSError, http.client.HTTPException, Failed):
        return False


def every_part_runs_again(lab):
    for part in PARTS:
        wait(f'{part} runs', lambda p=part: lab.host_pid(p), AGAIN_S)
    wait('the server is ready', lambda: is_ready(lab), AGAIN_S)
    for c in lab.connects:
        c.wait_for(20)


def no_acknowledged_write_is_lost(lab):
    lab.end.set()
    for t in lab.writers:
        t.join(AGAIN_S)
        check(not t.is_alive(), f'{t.path}: the writer does not end')
    print(f'# {sum(w.acked for w in lab.writers)} writes acknowledged, {sum(w.unknown for w in lab.writers)} cut off, '
          f'{sum(w.refused for w in lab.writers)} refused')
    wrong = [x for w in lab.writers for x in w.wrong]
    check(not wrong, f'{len(wrong)} wrong: {wrong[:5]}')
    for plural in ('configmaps', 'services'):
        there = {o['metadata']['name']: (o['metadata']['annotations']['value'], o['metadata']['resourceVersion'])
                 for o in lab.api.call('GET', f'{SPACE}/{plural}')['items'] if 'annotations' in o['metadata']}
        want = {n: s for w in lab.writers if w.path.endswith(plural) for n, s in w.sure.items() if s[0] is not None}
        check(there == want, f'{plural}: {set(there.items()) ^ set(want.items())}')


def no_address_is_given_twice(lab):
    services = lab.api.call('GET', '/api/v1/services')['items']
    given = collections.Counter(s['spec']['clusterIP'] for s in services)
    check(max(given.values()) == 1, f'{[a for a, n in given.items() if n > 1]}')


def watches_missed_nothing(lab):
    for w in lab.watchers:
        w.join(AGAIN_S)
        check(not w.wrong, f'{len(w.wrong)} wrong: {w.wrong[:5]}')
        end = threading.Event()
        w.end, again = end, threading.Thread(target=w.run, daemon=True)
        again.start()
        there = {o['metadata']['name']: o['metadata']['resourceVersion']
                 for o in lab.api.call('GET', w.path)['items']}
        try:
            wait(f'{w.path}: the watch has what the list has', lambda w=w, t=there: w.seen == t)
        finally:
            end.set()
            again.join(30)
        print(f'# {w.path}: {w.breaks} times interrupted, {w.lists} lists')


def no_connect_failed(lab):
    for c in lab.connects:
        c.wait_for(5)
        c.stop()
    seen = [s for c in lab.connects for s in c.seen if s[0] != 'dns']
    failed = [(c.place, *s) for c in lab.connects for s in c.failed() if s[0] != 'dns']
    slow = sum(1 for s in seen if s[2] > 0.9)
    print(f'# {len(seen)} connects, {len(failed)} failed, {slow} took more than 0.9 s, the longest '
          f'{max(s[2] for s in seen):.2f} s')
    for place, name, began, took, said in failed[:10]:
        before = [(p, f'{began - at:.3f} s before') for p, at in lab.kills if at <= began + took][-2:]
        print(f'# failed: {place} {name} after {took:.3f} s {said}; killed {before}')
    check(not failed, f'{len(failed)} connects failed')
    check({s[3] for s in seen} == {'web-1', 'web-2', 'web-3'}, 'each Pod was met')


def names_failed_only_while_dns_was_away(lab):
    """Every run of failures begins at a kill of the DNS server."""
    kills, worst, good_at, failed = [at for p, at in lab.kills if p == 'dns'], 0, 0, 0
    for _, began, took, said in (s for c in lab.connects for s in c.seen if s[0] == 'dns'):
        if not said.startswith('!'):
            good_at = began
            continue
        failed += 1
        check(any(good_at <= at <= began + took for at in kills),
              f'a query failed at {began:.3f} ({said}), the last good one was sent at {good_at:.3f}')
        worst = max(worst, began + took - max(at for at in kills if at <= began + took))
    print(f'# {failed} queries failed, the last of them {worst:.1f} s after a kill')


def what_is_new_works_everywhere(lab):
    began = time.monotonic()
    for node in NODES:
        lab.api.create_pod(f'late-{node}', [responder(8080)], node, {'run': 'late'})
    vip = lab.api.create_service('late', {'run': 'late'}, [{'port': 80, 'targetPort': 8080, 'nodePort': 30099}],
                                 type='NodePort')['spec']['clusterIP']
    for node in NODES:
        lab.api.wait_ready(f'late-{node}')
    for place in ('pod/asker', 'pod/late-node2', 'pod/late-node3'):
        wait(f'{place} by name', lambda p=place: lab.ask(p, 'http://late.default.svc.cluster.local/'))
    for place in NODES:
        wait(f'{place} by cluster IP', lambda p=place: lab.ask(p, f'http://{vip}/'))
    for i in range(3):
        wait('from outside', lambda a=f'http://203.0.113.{11 + i}:30099/': lab.ask('client', a))
    print(f'# a new Service worked everywhere after {time.monotonic() - began:.1f} s')


def nodes_know_the_same_services(lab):
    services = lab.api.call('GET', '/api/v1/services')['items']
    want = sorted(s['spec']['clusterIP'] for s in services)

    def programmed(node):
        text = lab.inside(node, 'nft', '-j', 'list', 'set', 'ip', 'fairlead', 'cluster-ips')
        return sorted(e for x in json.loads(text)['nftables'] if 'set' in x for e in x['set'].get('elem', []))
    for node in NODES:
        wait(f'{node} has the cluster IPs of {len(want)} Services', lambda n=node: programmed(n) == want)
    for s in services:
        name = f"{s['metadata']['name']}.{s['metadata']['namespace']}.svc.cluster.local"
        got = lab.inside('node1', 'dig', '@10.96.0.10', '+short', name)
        check(got == s['spec']['clusterIP'], f'{name}: {got}')


def main():
    p = argparse.ArgumentParser()
    p.add_argument('program')
    p.add_argument('--kills', type=int, default=60)
    p.add_argument('--pace', type=int, default=700)
    p.add_argument('--restart-max')
    p.add_argument('--seed', type=int, default=random.randrange(10000))
    args = p.parse_args()
    need(args.program, 'server', 'agent', 'proxy', 'dns', 'lab')
    lab = Lab(args.program, *(['--restart-max', args.restart_max] if args.restart_max else []))
    lab.n_kills, lab.pace_ms, lab.seed = args.kills, args.pace, args.seed
    try:
        lab.up()
        return run_tests(lab, [
            parts_are_killed_under_load, every_part_runs_again, no_acknowledged_write_is_lost, no_address_is_given_twice,
            watches_missed_nothing, what_is_new_works_everywhere, nodes_know_the_same_services, no_connect_failed,
            names_failed_only_while_dns_was_away])
    finally:
        lab.down()


if __name__ == '__main__':
    sys.exit(main())
