#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that a stock kube-apiserver and ours can have one etcd, after each other and at once: each reads what the other
has stored (the stock one stores protobuf), and ours gives nothing away that a stock one's Service holds.

one_etcd.py FAIRLEAD; kube-apiserver and its etcd are found in $PEERS.
"""
import base64
import json
import os
import pathlib
import sys
import tempfile
import time

from servers import start_ours, start_stock, stop

RANGES, NODE_PORTS = '10.96.0.0/16,fd00:96::/108', '30000-32767'
DEADLINE_S = 30
SPACE = '/api/v1/namespaces/default'
SLICES = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices'
META = {'name': 'a', 'labels': {'app': 'a'}, 'annotations': {'text': 'ä'}}
OBJECTS = [
    (SPACE + '/services', {'metadata': META, 'spec': {
        'type': 'NodePort', 'selector': {'app': 'a'}, 'ipFamilyPolicy': 'PreferDualStack', 'externalTrafficPolicy': 'Local',
        'ports': [{'name': 'x', 'port': 80, 'targetPort': 'http'}, {'name': 'y', 'port': 81, 'targetPort': 8080, 'protocol': 'UDP'}]}}),
    (SPACE + '/endpoints', {'metadata': META, 'subsets': [{'addresses': [{'ip': '192.0.2.1'}], 'ports': [{'name': 'x', 'port': 8080}]}]}),
    (SLICES, {'metadata': META, 'addressType': 'IPv4', 'ports': [{'name': 'x', 'port': 8080}], 'endpoints': [
        {'addresses': ['192.0.2.1'], 'conditions': {'ready': False}, 'zone': 'z', 'hints': {'forZones': [{'name': 'z'}]}}]}),
    (SPACE + '/configmaps', {'metadata': META, 'data': {'a': 'b'}, 'binaryData': {'c': base64.b64encode(bytes(range(9))).decode()}}),
    (SPACE + '/secrets', {'metadata': META, 'data': {'a': 'AAEC'}}),
    (SPACE + '/events', {'metadata': META, 'involvedObject': {'kind': 'Pod', 'name': 'a', 'namespace': 'default'}, 'reason': 'Seen',
                         'message': 'text', 'count': 3, 'firstTimestamp': '2026-01-01T00:00:00Z', 'type': 'Normal'}),
    ('/apis/coordination.k8s.io/v1/namespaces/default/leases', {'metadata': META, 'spec': {
        'holderIdentity': 'me', 'renewTime': '2026-01-01T00:00:00.123456Z', 'leaseDurationSeconds': 15}}),
    ('/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles', {'metadata': META, 'rules': [
        {'apiGroups': [''], 'resources': ['pods'], 'verbs': ['get']}]}),
]


def check(what, text):
    if not what:
        raise AssertionError(text)


def wait(what, text):
    deadline = time.monotonic() + DEADLINE_S
    while not what():
        check(time.monotonic() < deadline, f'not within {DEADLINE_S} s: {text}')
        time.sleep(0.05)


def create(call, name):
    return {path: call('POST', path, dict(body, metadata=dict(body['metadata'], name=name))) for path, body in OBJECTS}


class World:
    def __init__(self, binary, folder):
        self.binary, self.folder = binary, pathlib.Path(folder)
        (self.folder / 'ours').mkdir()
        self.processes, self.theirs = start_stock(os.environ['PEERS'], folder, RANGES, NODE_PORTS)

    def start_ours(self):
        options = ['--etcd-servers', self.theirs.store, '--service-repair-period', '1']
        process, self.ours = start_ours(self.binary, self.folder / 'ours', RANGES, NODE_PORTS, 'etcd', options)
        self.processes.append(process)

    @staticmethod
    def call(client, method, path, body=None, wanted=(200, 201)):
        got = client.call(method, path, json.dumps(body) if body else None, {'Content-Type': 'application/json'})
        check(got.status in wanted, f'{method} {path}: {got.status} {got.raw[:800]}')
        return got.json

    def stock(self, *args):
        return self.call(self.theirs, *args)

    def mine(self, *args):
        return self.call(self.ours, *args)

    def stop(self):
        for p in reversed(self.processes):
            stop(p)


def ours_reads_what_stock_has_stored(world):
    create(world.stock, 'before')
    world.start_ours()
    for path, _ in OBJECTS:
        want, got = world.stock('GET', f'{path}/before'), world.mine('GET', f'{path}/before')
        check(want == got, f'{path}\nstock: {want}\nours:  {got}')


def events_come_from_either(world):
    stock = create(world.stock, 'by-stock')
    mine = create(world.mine, 'by-ours')
    for path, _ in OBJECTS:
        wait(lambda: world.ours.call('GET', f'{path}/by-stock').status == 200, f'{path}: ours sees what stock makes')
        for name, made in (('by-stock', stock[path]), ('by-ours', mine[path])):
            want, got = world.stock('GET', f'{path}/{name}'), world.mine('GET', f'{path}/{name}')
            check(made == want == got, f'{path}/{name}\nmade:  {made}\nstock: {want}\nours:  {got}')


def nothing_that_stock_holds_is_given_away(world):
    spec = world.mine('GET', SPACE + '/services/before')['spec']
    def taken(**more):
        body = {'metadata': {'name': 'thief'}, 'spec': {'type': 'NodePort', 'ports': [{'port': 80}], **more}}
        return world.mine('POST', SPACE + '/services', body, (422,))['message']
    for ip in spec['clusterIPs']:
        check('already allocated' in taken(clusterIP=ip), ip)
    for port in spec['ports']:
        check('already allocated' in taken(ports=[{'port': 80, 'nodePort': port['nodePort']}]), port)


def nothing_was_ignored(world):
    text = (world.folder / 'ours/log').read_text()
    check('ignoring a change' not in text and 'leaving out' not in text, text[-3000:])


def main():
    tests = [ours_reads_what_stock_has_stored, events_come_from_either, nothing_that_stock_holds_is_given_away, nothing_was_ignored]
    if not (pathlib.Path(os.environ.get('PEERS', '/nowhere')) / 'kube-apiserver').exists():
        print('1..0 # SKIP no kube-apiserver in $PEERS')
        return 0
    failed = 0
    with tempfile.TemporaryDirectory(prefix='fairlead-one-etcd-') as folder:
        world = World(sys.argv[1], folder)
        try:
            for i, test in enumerate(tests, 1):
                try:
                    test(world)
                    print(f'ok {i} - {test.__name__}', flush=True)
                except AssertionError as e:
                    failed += 1
                    print(f'not ok {i} - {test.__name__}\n# ' + str(e).replace('\n', '\n# '), flush=True)
        finally:
            world.stop()
    print(f'1..{len(tests)}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
