# SPDX-License-Identifier: Apache-2.0
"""Proves that bad input, over HTTPS and on the bare socket, is answered with its reason, that peers who say nothing or
nonsense are closed in time, and that others are served meanwhile."""
import json
import pathlib
import re
import resource
import socket
import ssl
import subprocess
import threading
import time

from api import DEADLINE_S, Skip, config_map, service

BODY_MAX = 3 * 1024 * 1024
DEPTH_MAX = 100
# The server gives a handshake and a request's head 10 s each; machines that run tests are slow.
CLOSED_S = 45
JSON_TYPE = 'application/json'
WRITES = (('POST', JSON_TYPE), ('PUT', JSON_TYPE), ('PATCH', 'application/merge-patch+json'),
          ('PATCH', 'application/strategic-merge-patch+json'), ('PATCH', 'application/json-patch+json'))


def each_write(api):
    """(send(raw body), what it is) of each way in which a body reaches an object."""
    if api.get(api.path('services', 'a')).status == 404:
        api.post(api.path('services'), service('a')).want(201)
    for method, kind in WRITES:
        path = api.path('services', '' if method == 'POST' else 'a')
        yield lambda raw, m=method, p=path, k=kind: api.call(m, p, raw, Content_Type=k), f'{method} {kind}'


def raw_tls(api):
    return api.server.tls().wrap_socket(socket.create_connection(('127.0.0.1', api.server.port), DEADLINE_S),
                                        server_hostname='127.0.0.1')


def answer(sock):
    """(status, body) of all that comes until the end of a connection."""
    data = b''
    while True:
        try:
            got = sock.recv(65536)
        except (ConnectionResetError, ssl.SSLError):
            break
        if not got:
            break
        data += got
    head, _, body = data.partition(b'\r\n\r\n')
    return (int(head.split()[1]) if head.startswith(b'HTTP/') else None), body


def test_truncated(api):
    """A text cut off anywhere is refused with 400, and the message says where."""
    whole = json.dumps(service('b')).encode()
    for send, what in each_write(api):
        for n in (1, len(whole) // 2, len(whole) - 1):
            st = send(whole[:n]).fails(400, 'BadRequest', 'line 1 column')
            assert 'JSON' in st['message'], (what, st)


def test_cut_off_on_the_wire(api):
    """A connection that breaks in the middle of a body leaves no object and no trace."""
    raw = json.dumps(service('cut')).encode()
    with raw_tls(api) as t:
        t.sendall(f'POST {api.path("services")} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(raw)}'
                  '\r\n\r\n'.encode() + raw[:-1])
    api.get(api.path('services', 'cut')).want(404)


def test_depth(api):
    """100 levels are read (and judged by what they are), 101 are refused for their depth."""
    for send, what in each_write(api):
        for levels, named in ((DEPTH_MAX, False), (DEPTH_MAX + 1, True), (100000, True)):
            for opening, closing in (('[', ']'), ('{"a":', '}')):
                st = send(opening * levels + ('1' if opening != '[' else '') + closing * levels)
                # A merge patch of unknown fields is no error: they are dropped, with a warning.
                assert st.status == 400 if named else st.status in (200, 400, 422), (what, levels, st.status, st.raw)
                assert (b'nested too deeply (limit 100)' in st.raw) == named, (what, levels, st.raw)


def test_size(api):
    """3 MiB are read, one byte more is refused with 413 and a Status, whole or in chunks, over HTTP/1.1 and HTTP/2."""
    for extra, status in ((0, 400), (1, 413)):
        raw = b' ' * (BODY_MAX - 1 + extra) + b'{'
        answer_ = api.call('POST', api.path('services'), raw, Content_Type=JSON_TYPE)
        st = answer_.fails(status, 'BadRequest' if status == 400 else 'RequestEntityTooLarge')
        assert ('3 MiB' if status == 413 else 'JSON') in st['message'], st
    api.conn = None
    with raw_tls(api) as t:
        t.sendall(f'POST {api.path("services")} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n'.encode())
        try:
            for _ in range(4):
                t.sendall(b'100000\r\n' + b' ' * 0x100000 + b'\r\n')
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            pass
        status, body = answer(t)
    assert status == 413 and json.loads(body)['reason'] == 'RequestEntityTooLarge', (status, body)
    big = api.server.folder / 'big'
    big.write_bytes(b' ' * (BODY_MAX + 1))
    pki = api.server.data / 'pki'
    out = subprocess.run(['curl', '-sS', '--http2', '-m', str(DEADLINE_S), '--cacert', pki / 'ca.crt', '--cert', pki / 'admin.crt',
                          '--key', pki / 'admin.key', '-H', 'Content-Type: application/json', '--data-binary', f'@{big}',
                          f'https://127.0.0.1:{api.server.port}{api.path("services")}'], capture_output=True, text=True)
    assert out.returncode == 0 and json.loads(out.stdout)['reason'] == 'RequestEntityTooLarge', out


def test_bad_utf8(api):
    """Bytes that are no UTF-8 (lone, overlong, surrogate, cut) are refused with 400, in keys as in values."""
    for send, what in each_write(api):
        for bad in (b'\xff', b'\xc3', b'\xc0\xaf', b'\xed\xa0\x80', b'\xf4\x90\x80\x80', b'\xe2\x82'):
            for raw in (b'{"metadata":{"name":"' + bad + b'"}}', b'{"' + bad + b'":1}'):
                st = send(raw).fails(400, 'BadRequest')
                assert 'UTF-8' in st['message'], (what, raw, st)


def test_wrong_types(api):
    """A value of the wrong type is refused with 400, and the message names the field (or, of a time, the value)."""
    for plural, obj, path, value, named in (
            ('services', service('b'), 'spec', [], 'spec'), ('services', service('b'), 'spec.ports', 'x', 'ports'),
            ('services', service('b'), 'spec.selector', {'a': 1}, 'selector'),
            ('services', service('b'), 'spec.publishNotReadyAddresses', 'yes', 'publishNotReadyAddresses'),
            ('services', service('b'), 'metadata.labels', [], 'labels'),
            ('services', service('b'), 'metadata.creationTimestamp', 'now', 'now'),
            ('configmaps', config_map('b'), 'data', {'a': 1}, 'data'),
            ('pods', {'metadata': {'name': 'b'}}, 'spec.containers', {}, 'containers'),
            ('pods', {'metadata': {'name': 'b'}}, 'spec.terminationGracePeriodSeconds', 1.5, 'terminationGracePeriodSeconds')):
        at = obj
        for key in path.split('.')[:-1]:
            at = at.setdefault(key, {})
        at[path.split('.')[-1]] = value
        api.post(api.path(plural), obj).fails(400, 'BadRequest', named)


def test_every_cause_is_named(api):
    """Bad values are refused with 422, and the causes name all of them, not only the first."""
    svc = service('b', ports=((0, 'A_'), (70000, 'x'), (80, 'x')), type='Nonsense', sessionAffinity='Never', externalIPs=['1.2.3'],
                  selector={'bad key!': 'x'})
    svc['metadata'].update(name='-b', labels={'k': 'bad value!'}, annotations={'/': 'x'})
    pod = {'metadata': {'name': 'B_'}, 'spec': {'restartPolicy': 'Some', 'containers': [
        {'name': 'C_', 'image': 'x', 'ports': [{'containerPort': 0}]}, {'name': 'd'}, {'name': 'd', 'image': 'x'}]}}
    wanted = {
        'services': (svc, {'metadata.name', 'metadata.labels', 'metadata.annotations', 'spec.ports[0].name', 'spec.ports[0].port',
                           'spec.ports[1].port', 'spec.ports[2].name', 'spec.type', 'spec.sessionAffinity', 'spec.externalIPs[0]',
                           'spec.selector'}),
        'pods': (pod, {'metadata.name', 'spec.restartPolicy', 'spec.containers[0].name', 'spec.containers[0].ports[0].containerPort',
                       'spec.containers[2].name'}),
    }
    for plural, (obj, fields) in wanted.items():
        st = api.post(api.path(plural), obj).fails(422, 'Invalid')
        got = {c['field'] for c in st['details']['causes']}
        assert fields <= got, (plural, fields - got, got)
        assert all(f + ': ' in st['message'] for f in fields), st['message']


def test_unknown_kinds_and_paths(api):
    """What is not served is refused with 404 and a Status, whatever the method."""
    for path in ('/api/v1/gadgets', '/api/v1/namespaces/default/gadgets/a', '/apis/apps/v1/statefulsets', '/api/v3/services',
                 '/apis/none.example/v1/things', '/none', '/api/v1/namespaces/default/services/a/gadget', '//', '/api//v1/services'):
        for method in ('GET', 'POST', 'PUT', 'PATCH', 'DELETE'):
            st = api.call(method, path, None if method == 'GET' else b'{}', Content_Type=JSON_TYPE)
            assert st.status == 404 and st.json['kind'] == 'Status' and st.json['reason'] == 'NotFound', (method, path, st.status, st.raw)


def test_malformed_http(api):
    """Malformed requests inside TLS are answered with a Status and closed."""
    for raw in (b'NONSENSE\r\n\r\n', b'GET\r\n\r\n', b'GET /api HTTP/9.9\r\nHost: x\r\n\r\n', b'GET /api HTTP/1.1\r\nBad Header: x\r\n\r\n',
                b'POST /api/v1/namespaces HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n',
                b'POST /api/v1/namespaces HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
                b'GET /' + b'a' * 20000 + b' HTTP/1.1\r\nHost: x\r\n\r\n',
                b'GET /api HTTP/1.1\r\nHost: x\r\n' + b''.join(b'x-%d: y\r\n' % i for i in range(200)) + b'\r\n'):
        with raw_tls(api) as t:
            try:
                t.sendall(raw)
            except (BrokenPipeError, ConnectionResetError):
                pass
            status, body = answer(t)
            assert status and 400 <= status < 600 and json.loads(body)['code'] == status, (raw[:60], status, body)
    api.get('/api').want(200)


def test_garbage_for_tls(api):
    """What is no TLS handshake is closed at once; so is one of a client that offers only old versions."""
    for raw in (b'\x00' * 600, b'\x16\x03\x01\xff\xff' + b'\xff' * 600, b'GET / HTTP/1.1\r\n\r\n', bytes(range(256)) * 40):
        with socket.create_connection(('127.0.0.1', api.server.port), CLOSED_S) as s:
            try:
                s.sendall(raw)
                s.shutdown(socket.SHUT_WR)
            except (BrokenPipeError, ConnectionResetError, OSError):
                pass
            answer(s)
    api.get('/api').want(200)


def closed_after(sock):
    """Seconds until the peer closes."""
    began = time.monotonic()
    sock.settimeout(CLOSED_S)
    answer(sock)
    return time.monotonic() - began


def test_half_open_peers(api):
    """Peers that connect and say nothing, or stop in the handshake or in a request's head, are closed; others are served."""
    plain = [socket.create_connection(('127.0.0.1', api.server.port), DEADLINE_S) for _ in range(20)]
    for i, s in enumerate(plain):
        s.sendall(b'\x16\x03\x01'[:i % 4])
    heads = [raw_tls(api) for _ in range(20)]
    for i, t in enumerate(heads):
        t.sendall(b'GET /api HTTP/1.1\r\nHost: x\r\nX: '[:i * 2])
    spans = []
    waiting = [threading.Thread(target=lambda s=s: spans.append(closed_after(s))) for s in plain + heads]
    for w in waiting:
        w.start()
    served = 0
    while any(w.is_alive() for w in waiting) and served < 2000:
        api.get(api.path('services')).want(200)
        served += 1
        time.sleep(0.02)
    for w in waiting:
        w.join()
    for s in plain + heads:
        s.close()
    assert len(spans) == 40 and max(spans) < CLOSED_S, sorted(spans)
    assert served > 10


def test_many_connections(api):
    """Thousands of idle connections do not keep others out."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    idle = [socket.create_connection(('127.0.0.1', api.server.port), DEADLINE_S) for _ in range(min(3000, most // 2))]
    try:
        fresh = api.connect()
        fresh.request('GET', '/readyz')
        assert fresh.getresponse().read() == b'ok'
        fresh.close()
    finally:
        for s in idle:
            s.close()


def test_watchers_that_never_read(api):
    """Those who open a watch and read nothing are ended with 410 when too much has happened; until then they cost little, and others
    have every event at once."""
    def resident():
        status = pathlib.Path(f'/proc/{api.server.process.pid}/status').read_text()
        return int(re.search(r'VmRSS:\s+(\d+)', status)[1]) / 1024
    at = api.post(api.path('configmaps'), config_map('first')).want(201).json['metadata']['resourceVersion']
    path = f'{api.path("configmaps")}?watch=1&resourceVersion={at}&timeoutSeconds=600'
    stalled = []
    for _ in range(40):
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.connect(('127.0.0.1', api.server.port))
        stalled.append(api.server.tls().wrap_socket(raw, server_hostname='127.0.0.1'))
        stalled[-1].sendall(f'GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'.encode())
    quick = api.watch(api.path('configmaps'), resourceVersion=at)
    before, big = resident(), 'x' * 700000
    for i in range(110):  # more than the 64 MiB of events that are kept
        api.put(api.path('configmaps', 'first'), config_map('first', big=big + str(i))).want(200)
        while quick.next()[1]['data']['big'] != big + str(i):
            pass
    grown = resident() - before
    # The events that are kept, twice (as they are stored and as they are sent) and some; each of 40 for itself would be 160 MiB more.
    # A sanitized server keeps what it has freed for a while.
    is_sanitized = 'libasan' in pathlib.Path(f'/proc/{api.server.process.pid}/maps').read_text()
    assert grown < (750 if is_sanitized else 250), f'{grown} MiB'
    for t in stalled:
        t.settimeout(DEADLINE_S)
        t.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        status, body = answer(t)
        assert status == 200 and b'"type":"ERROR"' in body[-1000:] and b'"code":410' in body[-1000:], body[-1000:]
        t.close()


def test_a_second_server_is_refused(api):
    """A second server on the same directory ends at once, says which process has it, and harms nothing."""
    if api.server.store == 'memory':
        raise Skip('the memory store has no directory')
    out = subprocess.run(api.server.command(), capture_output=True, text=True, timeout=DEADLINE_S)
    assert out.returncode > 0, out
    assert str(api.server.data) in out.stderr and str(api.server.process.pid) in out.stderr, out.stderr
    api.post(api.path('configmaps'), config_map('after')).want(201)


def test_protobuf(api):
    """A protobuf body is taken like JSON; a bad one is refused with 400 and the reason."""
    def field(number, raw):
        return bytes([number << 3 | 2, len(raw)]) + raw

    def post(raw):
        return api.call('POST', api.path('configmaps'), raw, Content_Type='application/vnd.kubernetes.protobuf')

    message = field(1, field(1, b'p')) + field(2, field(1, b'k') + field(2, b'v'))
    body = b'k8s\0' + field(1, field(1, b'v1') + field(2, b'ConfigMap')) + field(2, message)
    assert post(body).want(201).json['data'] == {'k': 'v'}
    post(body).fails(409, 'AlreadyExists')
    post(body[4:]).fails(400, 'BadRequest', 'protobuf')
    post(body.replace(b'ConfigMap', b'ServiceXX')).fails(400, 'BadRequest', 'cannot be handled as a ConfigMap')
    post(body.replace(b'\x01v', b'\x01\xff')).fails(400, 'BadRequest', 'UTF-8')
    for n in range(len(body)):
        assert post(body[:n]).status in (400, 409, 422), n
