#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that the API server lives through what a bad machine does: a clock that jumps, a disk that is slow, a disk that is full at
every kind of write. The faults are those of a library that is preloaded into the server.

test_machine.py FAIRLEAD FAULTS.so [NAME…]
"""
import http.client
import json
import os
import pathlib
import struct
import sys
import tempfile
import threading
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'conformance/api'))
from api import APPLY, JSON_PATCH, MERGE, STRATEGIC, Answer, Server, config_map, rev, service, until  # noqa: E402

HOUR = 3600


class Machine(Server):
    """A server whose clock and disk are this object's fields."""

    def __init__(self, program, library, folder):
        super().__init__(program, 'sqlite', folder, ['--controllers', 'all'])
        self.file = self.folder / 'faults'
        self.set()
        os.environ.update(LD_PRELOAD=library, FAULTS=str(self.file))
        os.environ['ASAN_OPTIONS'] = ':'.join(filter(None, [os.environ.get('ASAN_OPTIONS'), 'verify_asan_link_order=0']))

    def set(self, clock_s=0, sync_ms=0, is_full=0):
        with open(self.file, 'r+b' if self.file.exists() else 'wb') as f:
            f.write(struct.pack('qqq', clock_s, sync_ms, is_full))


def token(api, seconds=600):
    body = {'apiVersion': 'authentication.k8s.io/v1', 'kind': 'TokenRequest', 'spec': {'expirationSeconds': seconds}}
    return api.post('/api/v1/namespaces/default/serviceaccounts/default/token', body).want(201).json['status']['token']


def who(api, bearer):
    """The status of a question by who has the token; "" when they may not ask, but are known."""
    status = api.call('GET', '/api/v1/namespaces/default/pods', with_cert=False, Authorization='Bearer ' + bearer).status
    return 'known' if status in (200, 403) else 'unknown' if status == 401 else status


def test_tokens_follow_the_clock(api):
    """A token ends by the clock on the wall: a jump ends it, a jump back lets it live again, nothing else breaks."""
    bearer = token(api)
    assert who(api, bearer) == 'known'
    api.server.set(clock_s=2 * HOUR)
    assert who(api, bearer) == 'unknown'
    late = token(api)
    assert who(api, late) == 'known'
    api.server.set(clock_s=-2 * HOUR)
    assert who(api, token(api)) == 'known'
    assert who(api, late) == 'unknown'  # it is not valid yet
    api.server.set()
    assert who(api, bearer) == 'known'


def test_watches_do_not_follow_the_clock(api):
    """Time limits of watches count seconds that pass, and revisions grow, whatever the clock says."""
    made = api.post(api.path('configmaps'), config_map('a')).want(201).json
    was = rev(made)
    w = api.watch(api.path('configmaps'), resourceVersion=was, timeoutSeconds=6, fieldSelector='metadata.name=a', allowWatchBookmarks='true')
    for jump in (26 * HOUR, -26 * HOUR, 400 * HOUR, 0):
        api.server.set(clock_s=jump)
        now = api.patch(api.path('configmaps', 'a'), {'data': {'jump': str(jump)}}).want(200).json
        assert rev(now) > was, (jump, now)
        was = rev(now)
        assert w.want('MODIFIED', 'a') == now
    last = w.want('BOOKMARK')
    assert rev(last) >= was
    assert w.next() is None


def test_the_server_stays_a_member(api):
    """A jump makes no server believe that it is dead: default/kubernetes keeps its endpoint; leases and times are the clock's."""
    def addresses():
        got = api.get('/api/v1/namespaces/default/endpoints/kubernetes').want(200).json
        return [a['ip'] for s in got.get('subsets', []) for a in s['addresses']]
    want = addresses()
    assert want == ['192.0.2.10'], want
    for jump in (30 * HOUR, -HOUR // 2, 0):  # before that the certificates are not valid
        api.server.set(clock_s=jump)
        made = api.post(api.path('configmaps'), config_map(f'at-{jump}'.replace('--', '-b'))).want(201).json
        assert made['metadata']['creationTimestamp'], made
        for _ in range(3):  # what looks once a second has looked
            w = api.watch(api.path('configmaps'), resourceVersion=rev(made), timeoutSeconds=1)
            assert w.next() is None
        assert addresses() == want, jump
        api.get('/readyz').want(200)
    api.post(api.path('services'), service('after', selector={'a': 'b'})).want(201)
    until('its slice', lambda: api.get(api.path('endpointslices')).json['items'])


def in_background(api, method, path, body, kind='application/json'):
    """(thread, answers): a request of a connection of its own."""
    answers = []

    def ask():
        conn = api.connect()
        conn.request(method, path, json.dumps(body), {'Content-Type': kind})
        got = conn.getresponse()
        answers.append(Answer(got.status, got.headers, got.read()))
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    return thread, answers


def test_a_slow_disk_holds_up_writes_only(api):
    """While the disk takes seconds, reads and watches are served, and a write is answered when it is durable, not before."""
    api.post(api.path('configmaps'), config_map('there')).want(201)
    w = api.watch(api.path('configmaps'), resourceVersion=rev(api.get(api.path('configmaps')).json), fieldSelector='metadata.name=slow')
    api.server.set(sync_ms=1500)
    thread, answers = in_background(api, 'POST', api.path('configmaps'), config_map('slow'))
    served = 0
    while thread.is_alive():
        got = api.get(api.path('configmaps', 'there')).want(200)
        early = api.get(api.path('configmaps', 'slow')).status
        assert got and (early == 404 or not thread.is_alive() or api.get(api.path('configmaps', 'slow')).status == 200)
        served += 1
    assert served >= 3, served
    thread.join()
    answers[0].want(201)
    w.want('ADDED', 'slow')
    many = [in_background(api, 'POST', api.path('services'), service(f's{i}', type='NodePort')) for i in range(30)]
    api.get(api.path('services')).want(200)
    for thread, _ in many:
        thread.join()
    api.server.set()
    made = [a[0].want(201).json['spec'] for _, a in many]
    assert len({s['clusterIP'] for s in made}) == 30 and len({s['ports'][0]['nodePort'] for s in made}) == 30


def test_a_write_that_takes_too_long_is_told(api):
    """After the `timeout` of the request (60 s when it says none) the answer is 504, which says that nobody knows; the write goes on."""
    api.post(api.path('configmaps'), config_map('a')).want(201)
    api.server.set(sync_ms=6000)
    began = api.get(api.path('configmaps', 'a')).json
    st = api.patch(api.path('configmaps', 'a') + '?timeout=1s', {'data': {'late': 'yes'}}).fails(504, 'Timeout')
    assert 'did not complete within requested timeout' in st['message']
    assert api.get(api.path('configmaps', 'a')).json == began
    api.server.set()
    until('the write that was told as late', lambda: api.get(api.path('configmaps', 'a')).json.get('data') == {'late': 'yes'})
    api.patch(api.path('configmaps', 'a') + '?timeout=1m30s', {'data': {'late': 'no'}}).want(200)
    api.patch(api.path('configmaps', 'a') + '?timeout=soon', {'data': {'late': 'no'}}).fails(400, 'BadRequest', 'invalid timeout')


def writes(api, name):
    """Every kind of write, of objects that are there: (what, its status and answer by a call)."""
    svc, ns = api.path('services', name), '/api/v1/namespaces/' + name
    applied = {'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': name, 'labels': {'applied': 'yes'}}}
    return {
        'create': lambda: api.post(api.path('services'), service(name + '-new', type='NodePort')),
        'update': lambda: api.put(svc, service(name, ((80, 'a'),), type='LoadBalancer')),
        'merge patch': lambda: api.patch(svc, {'metadata': {'labels': {'a': 'b'}}}, MERGE),
        'strategic patch': lambda: api.patch(svc, {'spec': {'ports': [{'port': 99, 'name': 'x', 'protocol': 'TCP'}]}}, STRATEGIC),
        'JSON patch': lambda: api.patch(svc, [{'op': 'add', 'path': '/metadata/labels', 'value': {'c': 'd'}}], JSON_PATCH),
        'apply': lambda: api.patch(svc + '?fieldManager=t&force=true', applied, APPLY),
        'status': lambda: api.patch(svc + '/status', {'status': {'loadBalancer': {'ingress': [{'ip': '203.0.113.9'}]}}}),
        'scale a Deployment': lambda: api.patch('/apis/apps/v1' + api.path('deployments', name)[7:] + '/scale', {'spec': {'replicas': 2}}),
        'delete with a finalizer': lambda: api.delete(api.path('services', name + '-held')),
        'deletecollection': lambda: api.delete(api.path('configmaps')),
        'namespace': lambda: api.delete(ns),
        'delete': lambda: api.delete(svc),
    }


def claims_match(api):
    got = {a['metadata']['name'] for a in api.get('/apis/networking.k8s.io/v1/ipaddresses').json['items']}
    want = {ip for s in api.get('/api/v1/services').json['items'] for ip in s['spec'].get('clusterIPs', []) if ip != 'None'}
    assert got == want, got ^ want


def test_a_full_disk_at_every_kind_of_write(api):
    """Each is refused with a 5xx Status that says why and changes nothing; reads go on; with room again each works."""
    name = 'full'
    svc = service(name, ((80, 'a'),), type='LoadBalancer', selector={'a': 'b'})
    held = service(name + '-held')
    held['metadata']['finalizers'] = ['example.com/wait']
    pod = {'metadata': {'labels': {'a': 'b'}}, 'spec': {'containers': [{'name': 'c', 'image': 'i'}]}}
    deployment = {'apiVersion': 'apps/v1', 'kind': 'Deployment', 'metadata': {'name': name},
                  'spec': {'replicas': 0, 'selector': {'matchLabels': {'a': 'b'}}, 'template': pod}}
    api.post('/api/v1/namespaces', {'metadata': {'name': name}}).want(201)
    api.post(api.path('services'), svc).want(201)
    api.post(api.path('services'), held).want(201)
    api.post(api.path('configmaps'), config_map('some')).want(201)
    api.post('/apis/apps/v1' + api.path('deployments')[7:], deployment).want(201)
    until('its slice', lambda: api.get(api.path('endpointslices')).json['items'])
    before = {p: api.get(p).json['items'] for p in ('/api/v1/services', api.path('configmaps'))}
    api.server.set(is_full=1)
    for what, write in writes(api, name).items():
        if what == 'deletecollection':
            continue  # its answer is the list of what went; below
        got = write()
        st = got.json
        assert 500 <= got.status < 600 and st['kind'] == 'Status' and st['code'] == got.status and st['message'], (what, got.status, st)
    got = writes(api, name)['deletecollection']()
    assert got.status >= 500, got.raw
    assert token(api), 'what needs no room is answered as ever'
    for path, items in before.items():
        assert api.get(path).json['items'] == items, path
    claims_match(api)
    api.server.set()
    for what, write in writes(api, name).items():
        got = write()
        assert got.status < 300, (what, got.status, got.raw)
    claims_match(api)
    until('the namespace to be gone', lambda: api.get('/api/v1/namespaces/' + name).status == 404)
    api.patch(api.path('services', name + '-held'), {'metadata': {'finalizers': None}}).want(200)
    until('Endpoints to follow', lambda: not [e for e in api.get(api.path('endpoints')).json['items'] if e['metadata']['name'] == name])


def test_full_and_killed(api):
    """Killed on a full disk, it has everything when it starts with room, and nothing that was refused."""
    api.post(api.path('services'), service('kept', type='NodePort')).want(201)
    api.server.set(is_full=1)
    assert api.post(api.path('services'), service('refused')).status >= 500
    api.server.kill()
    api.server.set()
    api.server.start()
    api.conn = None
    api.get(api.path('services', 'kept')).want(200)
    api.get(api.path('services', 'refused')).want(404)
    claims_match(api)


def main():
    program, library, *names = sys.argv[1:]
    tests = [f for n, f in globals().items() if n.startswith('test_') and (not names or any(x in n for x in names))]
    failed = 0
    print(f'1..{len(tests)}')
    with tempfile.TemporaryDirectory(prefix='fairlead-machine-') as folder:
        server = Machine(program, library, folder)
        try:
            server.start()
            until('the ServiceAccount', lambda: server.api('x').get('/api/v1/namespaces/default/serviceaccounts/default').status == 200)
            for i, test in enumerate(tests, 1):
                try:
                    server.set()
                    test(server.api(test.__name__[5:]))
                    print(f'ok {i} - {test.__name__[5:]}', flush=True)
                except (AssertionError, OSError, http.client.HTTPException, KeyError):
                    failed += 1
                    print(f'not ok {i} - {test.__name__[5:]}\n# ' + traceback.format_exc().replace('\n', '\n# '), flush=True)
            server.set()
            assert server.stop() == 0, server.log()[-3000:]
        finally:
            server.kill()
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
