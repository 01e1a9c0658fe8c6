#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that what one of several servers has answered is found at the others at once, and that these still answer when
etcd does not.

test_elsewhere.py FAIRLEAD
"""
import http.client
import json
import pathlib
import signal
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'harness'))
import etcd as etcd_harness  # noqa: E402
import servers  # noqa: E402

SPACES = '/api/v1/namespaces'
MAPS = SPACES + '/default/configmaps'
N = 100  # of each: the other server's caches are behind in one of ten
DEADLINE_S = 30


def check(what, text):
    if not what:
        raise AssertionError(text)


class Client:
    """One connection that is kept: the next request comes right after the answer."""

    def __init__(self, server):
        self.conn = http.client.HTTPConnection('127.0.0.1', server.port, timeout=DEADLINE_S)

    def call(self, wanted, method, path, body=None):
        kind = 'application/merge-patch+json' if method == 'PATCH' else 'application/json'
        self.conn.request(method, path, json.dumps(body) if body else None, {'Content-Type': kind})
        answer = self.conn.getresponse()
        got = json.loads(answer.read())
        check(answer.status == wanted, f'{method} {path}: {answer.status} {got}')
        return got


class World:
    def __init__(self, binary, folder):
        self.etcd = etcd_harness.Etcd(pathlib.Path(folder) / 'etcd')
        self.etcd.start()
        self.servers = [servers.Server(binary, folder, i, self.etcd.urls) for i in (0, 1)]
        for s in self.servers:
            s.start()
            deadline = time.monotonic() + DEADLINE_S
            while not s.is_ready():
                check(time.monotonic() < deadline, 'a server is ready')
                time.sleep(0.02)
        self.here, self.there = (Client(s) for s in self.servers)

    def stop(self):
        for s in self.servers:
            s.kill()
        self.etcd.kill()

    def make(self, name, space=MAPS):
        return self.here.call(201, 'POST', space, {'metadata': {'name': name}, 'data': {'x': '1'}})


def it_is_got(world):
    for i in range(N):
        made = world.make(f'got-{i}')
        check(world.there.call(200, 'GET', f'{MAPS}/got-{i}') == made, 'as it was made')


def it_is_listed(world):
    for i in range(N):
        made = world.make(f'listed-{i}')
        got = world.there.call(200, 'GET', f'{MAPS}?fieldSelector=metadata.name%3Dlisted-{i}')
        check([o['metadata']['uid'] for o in got['items']] == [made['metadata']['uid']], f'{got}')


def its_change_is_got(world):
    world.make('changed')
    for i in range(N):
        world.here.call(200, 'PATCH', f'{MAPS}/changed', {'data': {'x': str(i)}})
        check(world.there.call(200, 'GET', f'{MAPS}/changed')['data']['x'] == str(i), 'the newest')


def it_is_changed(world):
    for i in range(N):
        world.make(f'patched-{i}')
        world.there.call(200, 'PATCH', f'{MAPS}/patched-{i}', {'data': {'x': '2'}})


def it_is_deleted(world):
    for i in range(N):
        world.make(f'deleted-{i}')
        world.there.call(200, 'DELETE', f'{MAPS}/deleted-{i}')
        world.here.call(404, 'GET', f'{MAPS}/deleted-{i}')


def its_namespace_is_used(world):
    for i in range(N // 4):
        world.here.call(201, 'POST', SPACES, {'metadata': {'name': f'space-{i}'}})
        world.there.call(201, 'POST', f'{SPACES}/space-{i}/configmaps', {'metadata': {'name': 'a'}})


def reads_are_answered_without_etcd(world):
    made = world.make('kept')
    check(world.there.call(200, 'GET', f'{MAPS}/kept') == made, 'it is there')
    world.etcd.members[0].signal(signal.SIGSTOP)
    try:
        check(world.there.call(200, 'GET', f'{MAPS}/kept') == made, 'what is known')
        began = time.monotonic()
        check(world.there.call(200, 'GET', f'{MAPS}/kept?resourceVersion=0') == made, 'whatever is known')
        check(time.monotonic() - began < 2, 'who does not want the newest does not wait')
    finally:
        world.etcd.members[0].signal(signal.SIGCONT)


TESTS = [it_is_got, it_is_listed, its_change_is_got, it_is_changed, it_is_deleted, its_namespace_is_used, reads_are_answered_without_etcd]


def main():
    if not etcd_harness.find():
        print('1..0 # SKIP no etcd in PATH (Debian: etcd-server)')
        return 0
    failed = 0
    with tempfile.TemporaryDirectory(prefix='fairlead-elsewhere-') as folder:
        world = World(sys.argv[1], folder)
        try:
            for i, test in enumerate(TESTS, 1):
                try:
                    test(world)
                    print(f'ok {i} - {test.__name__}', flush=True)
                except AssertionError as e:
                    failed += 1
                    print(f'not ok {i} - {test.__name__}\n# {e}', flush=True)
        finally:
            world.stop()
    print(f'1..{len(TESTS)}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
