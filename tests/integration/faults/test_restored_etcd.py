#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that a server notices when its etcd was put back from a backup, also when its revision is as high again.

test_restored_etcd.py FAIRLEAD

The server runs on all the time. Afterwards it serves what etcd has, its watches have ended, and what is made anew gets
addresses that nobody has.
"""
import http.client
import json
import pathlib
import shutil
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'harness'))
import etcd as etcd_harness  # noqa: E402
import servers  # noqa: E402

SERVICES = '/api/v1/namespaces/default/services'
AGAIN_S = 40


def check(what, text):
    if not what:
        raise AssertionError(text)


def wait(what, text):
    deadline = time.monotonic() + AGAIN_S
    while not what():
        check(time.monotonic() < deadline, f'not within {AGAIN_S} s: {text}')
        time.sleep(0.05)


def create(server, name):
    status, got = server.call('POST', SERVICES, {'metadata': {'name': name}, 'spec': {'ports': [{'port': 80}]}})
    check(status == 201, f'{status} {got}')


def names(server):
    status, got = server.call('GET', SERVICES)
    return status, sorted(o['metadata']['name'] for o in got.get('items', []))


def restore(binary, folder, is_ahead):
    cluster = etcd_harness.Etcd(folder / 'etcd')
    member, data, backup = cluster.members[0], folder / 'etcd/m0', folder / 'backup'
    cluster.start()
    server = servers.Server(binary, folder, 0, cluster.urls)
    try:
        server.start()
        wait(server.is_ready, 'the server is ready')
        create(server, 'before')
        member.kill()
        shutil.copytree(data, backup)
        member.start()
        cluster.wait()
        wait(lambda: names(server)[0] == 200, 'the server goes on')
        for i in range(20):
            create(server, f'after-{i}')
        conn = http.client.HTTPConnection('127.0.0.1', server.port, timeout=AGAIN_S)
        conn.request('GET', SERVICES + '?watch=true')
        watch, newest = conn.getresponse(), member.revision()
        member.ask('kv/compaction', revision=newest)
        status, got = server.call('GET', SERVICES + '?resourceVersion=1&resourceVersionMatch=Exact')
        check(status == 410, f'the server knows what is forgotten: {status} {got}')
        member.kill()
        shutil.rmtree(data)
        shutil.copytree(backup, data)
        if is_ahead:
            at, member.client = member.client, etcd_harness.free_ports(1)[0]
            member.start()
            cluster.wait()
            while member.revision() < newest + 50:
                member.ask('kv/put', key=etcd_harness.word(b'/registry/other'), value=etcd_harness.word(b'x'))
            member.kill()
            member.client = at
        member.start()
        cluster.wait()
        wait(lambda: 'another history' in server.log(), 'the server has noticed')
        wait(lambda: names(server) == (200, ['before', 'kubernetes']), 'the server serves what etcd has')
        check(server.log().count('reading everything anew') == 1, 'it is read once')
        while line := watch.readline():  # or the test's deadline
            check(json.loads(line)['type'] in ('ADDED', 'ERROR'), line)
        for i in range(20):
            create(server, f'after-{i}')
        items = server.call('GET', SERVICES)[1]['items']
        check(len({o['spec']['clusterIP'] for o in items}) == len(items) == 22, 'addresses differ')
    except AssertionError as e:
        raise AssertionError(f'{e}\n{server.log()[-3000:]}') from None
    finally:
        server.kill()
        cluster.kill()


def main():
    if not etcd_harness.find():
        print('1..0 # SKIP no etcd in PATH (Debian: etcd-server)')
        return 0
    failed = 0
    cases = [('an_older_revision_is_noticed', False), ('another_history_of_higher_revision_is_noticed', True)]
    for i, (name, is_ahead) in enumerate(cases, 1):
        with tempfile.TemporaryDirectory(prefix='fairlead-restored-') as folder:
            try:
                restore(sys.argv[1], pathlib.Path(folder), is_ahead)
                print(f'ok {i} - {name}', flush=True)
            except AssertionError as e:
                failed += 1
                print(f'not ok {i} - {name}\n# ' + str(e).replace('\n', '\n# '), flush=True)
    print(f'1..{len(cases)}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
