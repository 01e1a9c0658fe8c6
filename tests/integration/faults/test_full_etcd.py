#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that with an etcd that has no room (its NOSPACE alarm is raised) writes answer 5xx with a Status that says why,
that reads, watches and deletions go on, that a server can start, and that all works again when an operator has made room.

test_full_etcd.py FAIRLEAD
"""
import concurrent.futures
import http.client
import json
import pathlib
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'harness'))
import etcd as etcd_harness  # noqa: E402
import servers  # noqa: E402

QUOTA = 4 * 1024 * 1024
MAPS = '/api/v1/namespaces/default/configmaps'
SERVICES = '/api/v1/namespaces/default/services'
SLICES = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io/service-name%3D'
REFUSED = 20
DEADLINE_S = 60


def check(what, text):
    if not what:
        raise AssertionError(text)


def wait(what, text):
    deadline = time.monotonic() + DEADLINE_S
    while not what():
        check(time.monotonic() < deadline, f'not within {DEADLINE_S} s: {text}')
        time.sleep(0.05)


class Watch(threading.Thread):
    def __init__(self, server):
        super().__init__(daemon=True)
        conn = http.client.HTTPConnection('127.0.0.1', server.port, timeout=300)
        conn.request('GET', f'{MAPS}?watch=1')
        self.answer, self.held = conn.getresponse(), set()

    def run(self):
        while line := self.answer.readline():
            event = json.loads(line)
            name = event['object']['metadata']['name']
            (self.held.discard if event['type'] == 'DELETED' else self.held.add)(name)


class World:
    def __init__(self, binary, folder):
        folder = pathlib.Path(folder)
        self.etcd = etcd_harness.Etcd(folder / 'etcd', options=['--quota-backend-bytes', str(QUOTA)])
        self.etcd.start()
        port = etcd_harness.free_ports(1)[0]  # what default/kubernetes says must stay true
        self.server = servers.Server(binary, folder, 0, self.etcd.urls, ['--secure-port', str(port)])
        self.server.start()
        wait(self.server.is_ready, 'the server is ready')
        wait(lambda: 'kube-root-ca.crt' in self.listed(), 'the controllers have made what they make')
        self.there = self.listed()
        self.watch = Watch(self.server)
        self.watch.start()

    def stop(self):
        self.server.kill()
        self.etcd.kill()

    def write(self, name, size=30000):
        return self.server.call('POST', MAPS, {'metadata': {'name': name}, 'data': {'x': 'y' * size}})

    def listed(self):
        status, got = self.server.call('GET', MAPS)
        check(status == 200, f'{status} {got}')
        return {o['metadata']['name'] for o in got['items']}

    def nothing_is_lost(self):
        check(self.listed() == self.there, f'the list is what was acknowledged: {self.listed() ^ self.there}')
        wait(lambda: self.watch.held == self.there, 'the watch has told the same')
        check(self.watch.is_alive(), 'the watch goes on')


def writes_are_refused(world):
    """Many at once: etcd makes some and says that it has not, at the moment when it finds out."""
    refused = []

    def write(i):
        if len(refused) >= REFUSED:
            return
        status, got = world.write(f'full-{i}')
        if status == 201:
            world.there.add(f'full-{i}')
            return
        refused.append(got)
        check(status == 503, f'{status} {got}')
        check(got['kind'] == 'Status' and got['code'] == status and 'space exceeded' in got['message'], f'a Status that says why: {got}')

    with concurrent.futures.ThreadPoolExecutor(16) as threads:
        list(threads.map(write, range(400)))
    check(len(refused) >= REFUSED, f'only {len(refused)} writes failed')
    print(f'# {len(world.there)} writes went through, then: {refused[0]["code"]} {refused[0]["message"]}')
    status, got = world.server.call('POST', SERVICES, {'metadata': {'name': 'no'}, 'spec': {'ports': [{'port': 80}]}})
    check(status == refused[0]['code'] and 'space exceeded' in got['message'], f'{status} {got}')


def reads_watches_and_deletions_go_on(world):
    world.nothing_is_lost()
    check(world.server.is_ready(), 'the server is ready')
    for name in sorted(n for n in world.there if n.startswith('full-'))[20:]:
        status, got = world.server.call('DELETE', f'{MAPS}/{name}')
        check(status == 200, f'{status} {got}')
        world.there.discard(name)
    world.nothing_is_lost()
    check(world.write('still')[0] >= 500, 'etcd does not forget the alarm by itself')


def a_server_starts(world):
    """All that it would make is there."""
    world.server.kill()
    world.server.start()
    wait(world.server.is_ready, 'the server is ready')
    check(world.listed() == world.there, 'what was acknowledged is there')
    world.watch = Watch(world.server)
    world.watch.start()


def it_recovers_when_there_is_room(world):
    m = world.etcd.members[0]
    m.ask('kv/compaction', revision=m.revision(), physical=True)
    m.ask('maintenance/defragment')
    for a in m.ask('maintenance/alarm', action='GET')['alarms']:
        m.ask('maintenance/alarm', action='DEACTIVATE', **a)
    status, got = world.write('room')
    check(status == 201, f'{status} {got}')
    world.there.add('room')
    world.nothing_is_lost()
    status, got = world.server.call('POST', SERVICES, {'metadata': {'name': 'yes'}, 'spec': {'selector': {'a': 'b'}, 'ports': [{'port': 80}]}})
    check(status == 201, f'{status} {got}')
    wait(lambda: world.server.call('GET', SLICES + 'yes')[1]['items'], 'the controllers go on')


TESTS = [writes_are_refused, reads_watches_and_deletions_go_on, a_server_starts, it_recovers_when_there_is_room]


def main():
    if not etcd_harness.find():
        print('1..0 # SKIP no etcd in PATH (Debian: etcd-server)')
        return 0
    failed = 0
    with tempfile.TemporaryDirectory(prefix='fairlead-full-') as folder:
        world = World(sys.argv[1], folder)
        try:
            for i, test in enumerate(TESTS, 1):
                try:
                    test(world)
                    print(f'ok {i} - {test.__name__}', flush=True)
                except (AssertionError, OSError, http.client.HTTPException) as e:
                    failed += 1
                    print(f'not ok {i} - {test.__name__}\n# ' + f'{e!r}\n{world.server.log()[-2000:]}'.replace('\n', '\n# '), flush=True)
        finally:
            world.stop()
    print(f'1..{len(TESTS)}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
