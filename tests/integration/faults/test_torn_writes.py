#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that kill -9 in the middle of any kind of write leaves no half of it: what was acknowledged is there, a Service and its claims
to addresses and node ports are there together or not at all, and nothing is left of what was deleted.

test_torn_writes.py FAIRLEAD [--kills N] [--seed S]
"""
import argparse
import collections
import http.client
import json
import pathlib
import random
import signal
import sqlite3
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'conformance/api'))
from api import APPLY, JSON_PATCH, MERGE, STRATEGIC, Server, service, until  # noqa: E402

JSON = 'application/json'
WRITERS = 6
PORTS = b'/registry/fairlead/nodeports/'


class Writer(threading.Thread):
    """Makes, changes and deletes Services of its own by every kind of write, and knows which are there for certain."""

    def __init__(self, server, number, seed, there):
        super().__init__(daemon=True)
        self.server, self.rand, self.there = server, random.Random(f'{seed}/{number}'), there
        self.number, self.conn, self.end, self.wrong = number, None, False, []
        self.kinds, self.n_done = collections.Counter(), 0  # writes, by what they were

    def call(self, what, method, path, body=None, kind=JSON):
        """The status; OSError and HTTPException when there is none."""
        if not self.conn:
            self.conn = http.client.HTTPSConnection('127.0.0.1', self.server.port, context=self.server.tls(), timeout=30)
        self.conn.request(method, path, json.dumps(body) if body is not None else None, {'Content-Type': kind})
        answer = self.conn.getresponse()
        text = answer.read()
        # What a type does not allow is not written: 422 of a status whose Service has been changed to another type.
        if answer.status >= 500 or answer.status in (400, 405, 406, 415, 422) and (what, answer.status) != ('status', 422):
            self.wrong.append(f'{what}: {method} {path}: {answer.status} {text[:300]!r}')
        if answer.status < 300:
            self.kinds[what] += 1
            self.n_done += 1
        return answer.status

    def run(self):
        try:
            while not self.end:
                getattr(self, self.rand.choices(('one', 'many', 'space', 'token'), (30, 1, 1, 2))[0])()
        except (OSError, http.client.HTTPException):
            pass  # killed

    def doubt(self, names, fn):
        """What is not answered may or may not have been done: the names' state is known again once fn has returned it."""
        known = {n: self.there.pop(n, None) for n in names}
        state = fn()
        self.there.update({n: known[n] if state is None else state for n in names})

    def make(self, path, name, finalizer=False):
        svc = service(name, ((80, 'a'), (81, 'b'), (82, 'c'), (83, 'd')), type='LoadBalancer', selector={'app': 'x'}, externalTrafficPolicy='Local')
        svc['metadata']['labels'] = {'writer': f'w{self.number}'}
        if finalizer:
            svc['metadata']['finalizers'] = ['example.com/wait']
        self.doubt([(path, name)], lambda: self.call('create', 'POST', path, svc) == 201 or None)

    def one(self):
        path, name = '/api/v1/namespaces/default/services', f's{self.number}-{self.rand.randrange(8)}'
        here, key = f'{path}/{name}', (path, name)
        if not self.there.get(key):
            self.make(path, name, self.rand.random() < 0.3)
            return
        note = {'metadata': {'annotations': {'at': str(self.rand.random())}}}
        apply = {'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': name, 'labels': {'applied': 'yes'}}}
        rand = self.rand.random()
        if rand < 0.1:
            svc = service(name, ((80, 'a'), (90 + self.rand.randrange(9), 'e')), type=self.rand.choice(('NodePort', 'LoadBalancer', 'ClusterIP')))
            self.call('update', 'PUT', here, svc)
        elif rand < 0.2:
            self.call('merge patch', 'PATCH', here, note, MERGE)
        elif rand < 0.3:
            self.call('JSON patch', 'PATCH', here, [{'op': 'add', 'path': '/metadata/labels', 'value': {'writer': f'w{self.number}'}}], JSON_PATCH)
        elif rand < 0.45:
            port = self.rand.randrange(1000, 2000)
            ports = [{'port': port, 'name': f'more-{port}', 'protocol': 'TCP'}]
            self.call('strategic patch', 'PATCH', here, {'spec': {'ports': ports, 'type': 'NodePort'}}, STRATEGIC)
        elif rand < 0.55:
            self.call('apply', 'PATCH', f'{here}?fieldManager=t&force=true', apply, APPLY)
        elif rand < 0.65:
            status = {'status': {'loadBalancer': {'ingress': [{'ip': '203.0.113.9'}]}}}
            self.call('status', 'PATCH', f'{here}/status', status, MERGE)
        else:
            self.doubt([key], lambda: self.remove(here))

    def remove(self, here):
        self.call('delete', 'DELETE', here)
        self.call('finalize', 'PATCH', here, {'metadata': {'finalizers': None}}, MERGE)
        return False

    def many(self):
        path, names = '/api/v1/namespaces/default/services', [f'm{self.number}-{i}' for i in range(4)]
        for name in names:
            if not self.there.get((path, name)):
                self.make(path, name)
        mine = [k for k in self.there if k[0] == path and k[1].split('-')[0][1:] == str(self.number)]

        for key in mine:
            self.there.pop(key, None)
        self.call('deletecollection', 'DELETE', f'{path}?labelSelector=writer%3Dw{self.number}')
        for key in mine:  # the others have lost their label, or wait for their finalizer
            if key[1] in names:
                self.there[key] = False

    def space(self):
        name = f'space-{self.number}-{self.rand.randrange(1000000)}'
        path, at = f'/api/v1/namespaces/{name}/services', ('/api/v1/namespaces', name)
        self.doubt([at], lambda: self.call('create a namespace', 'POST', at[0], {'metadata': {'name': name}}) == 201 or None)
        for i in range(3):
            self.make(path, f's{i}')
        for i in range(3):
            self.there.pop((path, f's{i}'), None)
        self.doubt([at], lambda: self.call('delete a namespace', 'DELETE', f'{at[0]}/{name}') and None)
        self.there[at] = None  # going

    def token(self):
        body = {'apiVersion': 'authentication.k8s.io/v1', 'kind': 'TokenRequest', 'spec': {'expirationSeconds': 600}}
        self.call('token', 'POST', '/api/v1/namespaces/default/serviceaccounts/default/token', body)


def claims_of_ports(data):
    """{node port: "namespace/name"} of the claims in the file, which no server has open."""
    with sqlite3.connect(data / 'store.db') as db:
        rows = db.execute('SELECT key, value FROM revision WHERE id IN (SELECT max(id) FROM revision WHERE key > ? AND key < ? GROUP BY key)',
                          (PORTS, PORTS[:-1] + b'0')).fetchall()
    return {int(key.rsplit(b'/', 1)[1]): '{namespace}/{name}'.format(**json.loads(value)) for key, value in rows if value is not None}


def listed(api, path):
    return api.get(path).want(200).json['items']


def full_name(obj):
    return f'{obj["metadata"]["namespace"]}/{obj["metadata"]["name"]}'


def check_claims(api, ports):
    """Nothing but one transaction makes a Service and its claims, so this holds at once."""
    services = {full_name(s): s for s in listed(api, '/api/v1/services')}
    want = {ip: name for name, s in services.items() for ip in s['spec'].get('clusterIPs', []) if ip != 'None'}
    got = {}
    for a in listed(api, '/apis/networking.k8s.io/v1/ipaddresses'):
        got[a['metadata']['name']] = '{namespace}/{name}'.format(**a['spec']['parentRef'])
    assert got == want, f'addresses: claimed and used differ: {set(got.items()) ^ set(want.items())}'
    used = collections.Counter()
    for name, s in services.items():
        for port in {(p['nodePort'], ) for p in s['spec']['ports'] if p.get('nodePort')} | {
                (s['spec'][k], ) for k in ('healthCheckNodePort', ) if s['spec'].get(k)}:
            used[(*port, name)] += 1
    assert set(used) == set(ports.items()), f'node ports: claimed and used differ: {set(used) ^ set(ports.items())}'


def check_rest(api, there):
    for (path, name), state in there.items():
        if state is not None:
            status = api.get(f'{path}/{name}').status
            assert status == (200 if state else 404), f'{path}/{name}: {status}, acknowledged as {"there" if state else "gone"}'

    def left():
        services = {full_name(s) for s in listed(api, '/api/v1/services')}
        points = [full_name(e) for e in listed(api, '/api/v1/endpoints')]
        slices = [f'{e["metadata"]["namespace"]}/{e["metadata"]["labels"]["kubernetes.io/service-name"]}'
                  for e in listed(api, '/apis/discovery.k8s.io/v1/endpointslices')]
        ending = [n for n in listed(api, '/api/v1/namespaces') if n['metadata'].get('deletionTimestamp')]
        return not [x for x in points + slices if x not in services] and not ending
    until('what was deleted to be gone, and its Endpoints, slices and namespaces', left)


def main():
    p = argparse.ArgumentParser()
    p.add_argument('program')
    p.add_argument('--kills', type=int, default=12)
    p.add_argument('--seed', type=int, default=random.randrange(10000))
    args = p.parse_args()
    rand, there, kinds, failed = random.Random(args.seed), {}, collections.Counter(), 0
    print(f'1..{args.kills}\n# seed {args.seed}')
    with tempfile.TemporaryDirectory(prefix='fairlead-torn-') as folder:
        server = Server(args.program, 'sqlite', folder, ['--controllers', 'all'])
        server.start()
        try:
            until('the ServiceAccount', lambda: server.api('x').get('/api/v1/namespaces/default/serviceaccounts/default').status == 200)
            for i in range(1, args.kills + 1):
                writers = [Writer(server, n, f'{args.seed}/{i}', {k: v for k, v in there.items() if k[1].split('-')[0][1:] == str(n)})
                           for n in range(WRITERS)]
                for w in writers:
                    w.start()
                until('some writes', lambda w=writers: sum(x.n_done for x in w) > 20)
                time.sleep(rand.uniform(0, 1))
                server.stop(signal.SIGKILL)
                for w in writers:
                    w.join()
                there = {k: v for w in writers for k, v in w.there.items()}
                kinds = sum((w.kinds for w in writers), kinds)
                ports = claims_of_ports(server.data)
                server.start()
                try:
                    wrong = [x for w in writers for x in w.wrong]
                    assert not wrong, wrong[:3]
                    api = server.api('x')
                    check_claims(api, ports)
                    check_rest(api, there)
                    print(f'ok {i} - {len(ports)} node ports, {sum(kinds.values())} writes so far')
                except AssertionError as why:
                    failed += 1
                    print(f'not ok {i} - half of a write\n# ' + str(why)[:3000].replace('\n', '\n# '))
        finally:
            server.kill()
    print(f'# {dict(kinds)}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
