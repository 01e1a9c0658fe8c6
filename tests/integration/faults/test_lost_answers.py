#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves what becomes of a write when etcd's answer to it is lost, or etcd never got it: it is found again by its event,
or sent again where that can do no harm, or answered 504; and then looking tells, and nothing is given twice.

test_lost_answers.py FAIRLEAD
"""
import concurrent.futures
import http.client
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'harness'))
import etcd as etcd_harness  # noqa: E402
import servers  # noqa: E402
from relay import DOWN, HOLD, PASS, SWALLOW, UP, FrameRelay  # noqa: E402

SERVICES = '/api/v1/namespaces/default/services'
WATCH_STREAM = 3  # of a connection to etcd: the second call, after the one that asks whether etcd is there
DEADLINE_S = 30


def check(what, text):
    if not what:
        raise AssertionError(text)


def wait(what, text):
    deadline = time.monotonic() + DEADLINE_S
    while not what():
        check(time.monotonic() < deadline, f'not within {DEADLINE_S} s: {text}')
        time.sleep(0.02)


def node_port(name, **spec):
    return {'metadata': {'name': name}, 'spec': {'type': 'NodePort', 'ports': [{'port': 80}], **spec}}


class World:
    """Two servers; the first reaches etcd by a relay."""

    def __init__(self, binary, folder):
        self.folder = pathlib.Path(folder)
        self.etcd = etcd_harness.Etcd(self.folder / 'etcd')
        self.etcd.start()
        self.member = self.etcd.members[0]
        self.relay = FrameRelay(self.member.client)
        self.server = servers.Server(binary, self.folder, 0, self.relay.url)
        self.other = servers.Server(binary, self.folder, 1, self.member.url)
        self.threads = concurrent.futures.ThreadPoolExecutor()
        for s in (self.server, self.other):
            s.start()
            wait(s.is_ready, 'a server is ready')

    def stop(self):
        self.relay.set(PASS)
        for s in (self.server, self.other):
            s.kill()
        self.etcd.kill()

    def again(self):
        """What was lost stays lost, but etcd can be reached."""
        self.relay.set(PASS)
        self.relay.cut()

    def stored(self, name):
        """The mod_revision of a Service as etcd has it, or 0."""
        got = self.member.ask('kv/range', key=etcd_harness.word(f'/registry/services/specs/default/{name}'.encode()))
        return int(got['kvs'][0]['mod_revision']) if 'kvs' in got else 0

    def begin(self, *request):
        return self.threads.submit(self.server.call, *request, timeout=DEADLINE_S)

    def lose_answer(self, is_done, *request):
        """Starts a request; returns when etcd has made the change. Its answer and its event are lost."""
        self.relay.way[DOWN] = SWALLOW
        answer = self.begin(*request)
        wait(is_done, 'etcd has made the change')
        return answer

    def lose_request(self, name, *request):
        """Starts a request; returns when what the server sent of it has been lost."""
        self.relay.swallowed[UP] = b''
        self.relay.way[UP] = SWALLOW
        answer = self.begin(*request)
        wait(lambda: name.encode() in self.relay.swallowed[UP], 'the server has sent it')
        return answer

    def create(self, name, **spec):
        status, got = self.server.call('POST', SERVICES, node_port(name, **spec))
        check(status == 201, f'{status} {got}')
        return got


def claims(service):
    return service['spec']['clusterIP'], service['spec']['ports'][0]['nodePort']


def all_agree(world, name, wanted=None):
    """Both servers and etcd have the same of it; its claims are its own."""
    wait(world.server.is_ready, 'the server is ready')
    rev = world.stored(name)
    for s in (world.server, world.other):
        wait(lambda: s.call('GET', f'{SERVICES}/{name}')[0] == (200 if rev else 404), f'server {s.i} agrees with etcd on {name}')
        status, got = s.call('GET', f'{SERVICES}/{name}')
        check(not rev or int(got['metadata']['resourceVersion']) == rev, f'server {s.i}: {got}, etcd: {rev}')
        check(not wanted or {k: v for k, v in got.items() if k != 'managedFields'} == wanted, f'{got}\nis not\n{wanted}')
        if rev:
            ip, port = claims(got)
            for body in (node_port('thief', clusterIP=ip), node_port('thief', ports=[{'port': 80, 'nodePort': port}])):
                status, text = s.call('POST', SERVICES, body)
                check(status == 422 and 'already allocated' in text['message'], f'server {s.i}: {status} {text}')


def the_answer_to_a_create_is_lost(world):
    answer = world.lose_answer(lambda: world.stored('created'), 'POST', SERVICES, node_port('created'))
    world.again()
    status, got = answer.result()
    check(status == 201 and int(got['metadata']['resourceVersion']) == world.stored('created'), f'{status} {got}')
    all_agree(world, 'created', got)


def the_answer_to_a_change_is_lost(world):
    got = world.create('changed')
    was = world.stored('changed')
    got['metadata']['labels'] = {'a': 'b'}
    answer = world.lose_answer(lambda: world.stored('changed') > was, 'PUT', SERVICES + '/changed', got)
    world.again()
    status, got = answer.result()
    check(status == 200 and got['metadata']['labels'] == {'a': 'b'}, f'{status} {got}')
    all_agree(world, 'changed', got)


def the_answer_to_a_deletion_is_lost(world):
    ip, port = claims(world.create('deleted'))
    answer = world.lose_answer(lambda: not world.stored('deleted'), 'DELETE', SERVICES + '/deleted')
    world.again()
    status, got = answer.result()
    check(status == 200, f'{status} {got}')
    all_agree(world, 'deleted')
    world.create('heir', clusterIP=ip, ports=[{'port': 80, 'nodePort': port}])


def etcd_dies_before_it_answers(world):
    answer = world.lose_answer(lambda: world.stored('died'), 'POST', SERVICES, node_port('died'))
    world.member.kill()
    world.relay.set(PASS)
    world.member.start()
    status, got = answer.result()
    check(status == 201, f'{status} {got}')
    all_agree(world, 'died', got)


def etcd_falls_silent_before_it_answers(world):
    """No connection breaks: the server finds out by itself."""
    world.relay.way[DOWN] = HOLD
    answer = world.begin('POST', SERVICES, node_port('silent'))
    wait(lambda: world.stored('silent'), 'etcd has made the change')
    wait(lambda: 'etcd cannot be used' in world.server.log(), 'the server has given the connection up')
    world.relay.way[DOWN] = PASS
    status, got = answer.result()
    check(status == 201, f'{status} {got}')
    all_agree(world, 'silent', got)


def answers_come_and_events_do_not(world):
    """The server hears nothing of its watch alone."""
    world.relay.lose(WATCH_STREAM)
    answer = world.begin('POST', SERVICES, node_port('seen'))
    wait(lambda: 'it has fallen silent' in world.server.log(), 'the server has given the connection up')
    status, got = answer.result()
    check(status == 201, f'{status} {got}')
    all_agree(world, 'seen', got)
    check('reading everything anew' not in world.server.log(), 'the watch goes on where it was')


def a_create_never_reaches_etcd(world):
    """It may still be on its way to a member that stands still: it is not sent again, and nobody knows."""
    answer = world.lose_request('never', 'POST', SERVICES, node_port('never'))
    world.again()
    status, got = answer.result()
    check((status, got['reason']) == (504, 'Timeout'), f'{status} {got}')
    check(not world.stored('never'), 'it was not made')
    all_agree(world, 'never')
    status, got = world.server.call('POST', SERVICES, node_port('never'))
    check(status == 201, f'the client tries again: {status} {got}')
    all_agree(world, 'never', got)


def a_change_never_reaches_etcd(world):
    """It compares a revision that can never be there again: it is sent again."""
    got = world.create('sent-again')
    got['metadata']['labels'] = {'a': 'b'}
    answer = world.lose_request('sent-again', 'PUT', SERVICES + '/sent-again', got)
    world.again()
    status, got = answer.result()
    check(status == 200 and got['metadata']['labels'] == {'a': 'b'}, f'{status} {got}')
    all_agree(world, 'sent-again', got)


def the_answer_and_the_events_are_lost(world):
    """Nothing tells the server what became of it: 504. It was made, and holds what it claims."""
    answer = world.lose_answer(lambda: world.stored('blind'), 'POST', SERVICES, node_port('blind'))
    world.member.ask('kv/put', key=etcd_harness.word(b'/other'), value=etcd_harness.word(b'x'))
    world.member.ask('kv/compaction', revision=world.member.revision())
    world.again()
    status, got = answer.result()
    check((status, got['reason']) == (504, 'Timeout'), f'{status} {got}')
    all_agree(world, 'blind')
    status, got = world.server.call('POST', SERVICES, node_port('blind'))
    check((status, got['reason']) == (409, 'AlreadyExists'), f'the client tries again: {status} {got}')
    ip, port = claims(world.server.call('GET', SERVICES + '/blind')[1])
    check(world.server.call('DELETE', SERVICES + '/blind')[0] == 200, 'it is deleted')
    world.create('next', clusterIP=ip, ports=[{'port': 80, 'nodePort': port}])


TESTS = [the_answer_to_a_create_is_lost, the_answer_to_a_change_is_lost, the_answer_to_a_deletion_is_lost,
         etcd_dies_before_it_answers, etcd_falls_silent_before_it_answers, answers_come_and_events_do_not, a_create_never_reaches_etcd,
         a_change_never_reaches_etcd, the_answer_and_the_events_are_lost]


def main():
    if not etcd_harness.find():
        print('1..0 # SKIP no etcd in PATH (Debian: etcd-server)')
        return 0
    tests = [t for t in TESTS if not sys.argv[2:] or t.__name__ in sys.argv[2:]]
    failed = 0
    for i, test in enumerate(tests, 1):
        with tempfile.TemporaryDirectory(prefix='fairlead-lost-') as folder:
            world = World(sys.argv[1], folder)
            began = time.monotonic()
            try:
                test(world)
                print(f'ok {i} - {test.__name__} # {time.monotonic() - began:.1f} s', flush=True)
            except (AssertionError, OSError, http.client.HTTPException) as e:
                failed += 1
                text = f'{e!r}\n{world.server.log()[-3000:]}'
                print(f'not ok {i} - {test.__name__}\n# ' + text.replace('\n', '\n# '), flush=True)
            finally:
                world.stop()
    print(f'1..{len(tests)}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
