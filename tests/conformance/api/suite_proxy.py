# SPDX-License-Identifier: Apache-2.0
"""What the API server passes on: services/ID/proxy, pods/ID/proxy, nodes/ID/proxy, and the refusals of exec, attach, portforward
(service-api.md sections 16 and 19). The Pods' part is played by a web server of this test, on an address of this host."""
import contextlib
import hashlib
import http.server
import json
import os
import select
import socket
import ssl
import threading
import time
import urllib.parse

from api import DEADLINE_S, Skip, ours, service

UPGRADE = {'Connection': 'Upgrade', 'Upgrade': 'SPDY/3.1', 'X-Stream-Protocol-Version': 'v4.channel.k8s.io'}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def send(self, status, headers=(), body=b''):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)

    def echo_raw(self):
        """An upgrade to a protocol of our own: what comes in goes back, in capitals."""
        self.wfile.write(b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: shout\r\nConnection: Upgrade\r\n\r\n')
        while data := self.connection.recv(65536):
            self.wfile.write(data.upper())
        self.close_connection = True

    def answer(self):
        body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query)
        if self.headers.get('Upgrade') == 'shout':
            self.echo_raw()
        elif 'location' in query:
            self.send(302, [('Location', query['location'][0])])
        elif url.path == '/big':
            self.send(200, [('Content-Type', 'application/octet-stream')], b'x' * 20_000_000)
        elif url.path == '/status':
            self.send(int(query['code'][0]), [('X-Mine', 'yes'), ('Connection', 'X-Hop'), ('X-Hop', 'no')], b'told')
        else:
            seen = {'method': self.command, 'path': self.path, 'body': hashlib.sha256(body).hexdigest(), 'length': len(body),
                    'headers': {k.lower(): v for k, v in self.headers.items()}}
            self.send(200, [('Content-Type', 'application/json'), ('X-Mine', 'yes')], json.dumps(seen).encode())

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = answer

    def log_message(self, *args):
        pass


def own_address():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(('192.0.2.1', 9))
        except OSError:
            raise Skip('this host has no default route, so no address but loopback')
        return s.getsockname()[0]


@contextlib.contextmanager
def backend():
    addr = own_address()
    server = http.server.ThreadingHTTPServer((addr, 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield addr, server.server_port
    finally:
        server.shutdown()
        server.server_close()


def make_pod(api, name, ips, ports=(), node='nowhere', containers=('c',)):
    spec = {'containers': [{'name': c, 'image': 'x', 'ports': [{'containerPort': p} for p in ports]} for c in containers]}
    if node:
        spec['nodeName'] = node
    api.post(api.path('pods'), {'metadata': {'name': name}, 'spec': spec}).want(201)
    set_ips(api, name, ips)


def set_ips(api, name, ips):
    api.patch(api.path('pods', name, 'status'), {'status': {'podIP': ips[0] if ips else '', 'podIPs': [{'ip': ip} for ip in ips]}}).want(200)


def make_endpoints(api, name, subsets):
    path = api.path('endpoints', name)
    api.post(api.path('endpoints'), {'metadata': {'name': name}, 'subsets': subsets}) if api.get(path).status == 404 else \
        api.patch(path, {'subsets': subsets})


def address(api, ip, pod):
    return {'ip': ip, 'targetRef': {'kind': 'Pod', 'name': pod, 'namespace': api.ns}}


def web(api, addr, port):
    """A Service w with a Pod p behind it; its path up to "proxy"."""
    make_pod(api, 'p', [addr], [port])
    api.post(api.path('services'), service('w', ports=((80, 'http'),), selector=None)).want(201)
    make_endpoints(api, 'w', [{'addresses': [address(api, addr, 'p')], 'ports': [{'name': 'http', 'port': port}]}])
    return api.path('services', 'w:http', 'proxy')


def test_every_method_goes_through(api):
    with backend() as at:
        path = web(api, *at)
        for method in ('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'):
            body = os.urandom(1_000_000) if method in ('POST', 'PUT', 'PATCH') else None
            a = api.call(method, path + '/a/b%20c/?x=1&watch=true', body, Content_Type='text/weird', Accept='text/html').want(200)
            seen = a.json
            assert seen['method'] == method and seen['path'] == '/a/b%20c/?x=1&watch=true', seen
            assert seen['body'] == hashlib.sha256(body or b'').hexdigest(), seen['length']
            assert a.headers['X-Mine'] == 'yes' and a.headers['Content-Type'] == 'application/json'
        a = api.call('HEAD', path + '/a').want(200)
        assert a.raw == b'' and int(a.headers['Content-Length']) > 0
        api.call('PROPFIND', path + '/').fails(405, 'MethodNotAllowed')


def test_headers_of_the_request(api):
    with backend() as at:
        path = web(api, *at)
        a = api.get(path + '/x/', X_Forwarded_For='192.0.2.9', Cookie='biscuit', Keep_Alive='3', Connection='X-Gone', X_Gone='1',
                    X_Remote_User='root').want(200)
        h = a.json['headers']
        assert h['x-forwarded-for'] == '192.0.2.9, 127.0.0.1' and h['x-forwarded-uri'] == path + '/x/', h
        assert h['cookie'] == 'biscuit' and h['host'] == f'127.0.0.1:{api.server.port}', h
        assert not {'authorization', 'x-gone', 'keep-alive', 'x-remote-user'} & set(h), h


def test_status_and_headers_of_the_answer(api):
    with backend() as at:
        path = web(api, *at)
        for code in (201, 404, 418, 503):
            a = api.get(f'{path}/status?code={code}').want(code)
            assert a.raw == b'told' and a.headers['X-Mine'] == 'yes' and 'X-Hop' not in a.headers, a.headers
        assert len(api.get(path + '/big').want(200).raw) == 20_000_000


def test_redirects_lead_back(api):
    with backend() as (addr, port):
        path = web(api, addr, port)
        for location, want in (('/abs', path + '/abs'), ('rel', 'rel'), (f'http://{addr}:{port}/there/', path + '/there/'),
                               ('http://other.example/x', 'http://other.example/x'), (path + '/ok', path + '/ok'),
                               (f'//127.0.0.1:{api.server.port}/k', f'//127.0.0.1:{api.server.port}{path}/k'),
                               ('/x?q=1#f', path + '/x?q=1#f')):
            a = api.get(path + '/?location=' + urllib.parse.quote(location, safe='')).want(302)
            assert a.headers['Location'] == want, (location, a.headers['Location'], want)
        assert api.get(path).want(301).headers['Location'] == path + '/'
        assert api.get(path + '?a=b').want(301).headers['Location'] == path + '/?a=b'
        assert api.post(path, {}).want(200).json['path'] == '/'


def upgraded(api, path, headers):
    """A connection that has been upgraded, and what came behind the answer."""
    s = api.server.tls().wrap_socket(socket.create_connection(('127.0.0.1', api.server.port), timeout=20), server_hostname='127.0.0.1')
    lines = [f'GET {path} HTTP/1.1', 'Host: x', *(f'{k}: {v}' for k, v in {**api.server.headers, **headers}.items())]
    s.sendall(('\r\n'.join(lines) + '\r\n\r\n').encode())
    head = b''
    while b'\r\n\r\n' not in head:
        piece = s.recv(1)
        assert piece, head
        head += piece
    return s, head


def exchanged(s, sent, n):
    """The first n bytes that come while all of `sent` goes out: in one thread, as TLS wants it."""
    s.setblocking(False)
    got, at, deadline = b'', 0, time.monotonic() + DEADLINE_S
    while len(got) < n:
        assert time.monotonic() < deadline, f'{at} bytes sent, {len(got)} came back'
        moved = False
        try:
            if at < len(sent):
                at += s.send(sent[at:at + 16384])
                moved = True
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        try:
            piece = s.recv(65536)
            assert piece, f'the end after {len(got)} bytes'
            got += piece
            moved = True
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        if not moved:
            select.select([s], [s] if at < len(sent) else [], [], 1)
    return got


def test_upgrades_go_through(api):
    with backend() as at:
        path = web(api, *at)
        s, head = upgraded(api, path + '/', {'Connection': 'Upgrade', 'Upgrade': 'shout'})
        with s:
            assert head.startswith(b'HTTP/1.1 101 ') and b'upgrade: shout' in head.lower(), head
            sent = b'abc' * 1_000_000
            assert exchanged(s, sent, len(sent)) == sent.upper()


def test_ids_of_services(api):
    with backend() as (addr, port):
        path = web(api, addr, port)
        base = path[:-len('w:http/proxy')]
        for name in ('w:http', 'w:80', 'http:w:http', 'http:w:80'):
            api.get(f'{base}{name}/proxy/').want(200)
        st = api.get(base + 'ftp:w:http/proxy/').fails(400, 'BadRequest')
        assert st['message'] == 'invalid service request "ftp:w:http"', st
        assert api.get(base + 'a:b:c:d/proxy/').fails(400, 'BadRequest')['message'] == 'invalid service request "a:b:c:d"'
        st = api.get(base + 'w:81/proxy/').fails(503, 'ServiceUnavailable')
        assert st['message'] == 'no service port 81 found for service "w"', st
        st = api.get(base + 'w/proxy/').fails(503, 'ServiceUnavailable')
        assert st['message'] == 'no endpoints available for service "w"', st
        st = api.get(base + 'w:other/proxy/').fails(503, 'ServiceUnavailable')
        assert st['message'] == 'no endpoints available for service "w:other"', st
        for name in ('none', 'none:80'):
            st = api.get(f'{base}{name}/proxy/').fails(404, 'NotFound')
            assert st['message'] == 'services "none" not found' and st['details'] == {'name': 'none', 'kind': 'services'}, st
        api.get(base + 'https:w:http/proxy/').fails(503, 'ServiceUnavailable', 'error trying to reach service: ')


def test_only_pods_of_the_namespace_are_reached(api):
    with backend() as (addr, port):
        path = web(api, addr, port)
        none = 'no endpoints available for service "w:http"'
        ports = [{'name': 'http', 'port': port}]
        other = dict(address(api, addr, 'p'), targetRef={'kind': 'Pod', 'name': 'p', 'namespace': 'default'})
        for wrong in ({'ip': addr}, other, address(api, addr, 'nobody'), address(api, '192.0.2.77', 'p')):
            make_endpoints(api, 'w', [{'addresses': [wrong], 'ports': ports}])
            assert api.get(path + '/').fails(503, 'ServiceUnavailable')['message'] == none, wrong
        make_endpoints(api, 'w', [{'notReadyAddresses': [address(api, addr, 'p')], 'ports': ports}])
        assert api.get(path + '/').fails(503, 'ServiceUnavailable')['message'] == none
        make_endpoints(api, 'w', [{'addresses': [{'ip': addr}], 'ports': ports}, {'addresses': [address(api, addr, 'p')], 'ports': ports}])
        for _ in range(10):
            api.get(path + '/').want(200)


@ours('a stock server reads each Pod as well, but has more than one thread')
def test_looking_for_an_address_is_bounded(api):
    """Reading two large Pods five hundred times each took a minute and gigabytes, in which nobody else was answered."""
    env = [{'name': f'V{i}'} for i in range(15000)]
    for name in 'pq':
        spec = {'containers': [{'name': 'c', 'image': 'x', 'env': env}], 'nodeName': 'nowhere'}
        api.post(api.path('pods'), {'metadata': {'name': name}, 'spec': spec}).want(201)
    ips = [address(api, f'192.0.2.{i % 250 + 1}', 'pq'[i % 2]) for i in range(1000)]
    api.post(api.path('services'), service('w', ports=((80, 'http'),), selector=None)).want(201)
    make_endpoints(api, 'w', [{'addresses': ips, 'ports': [{'name': 'http', 'port': 80}]}])
    api.get(api.path('services', 'w:http', 'proxy') + '/').fails(503, 'ServiceUnavailable', 'no endpoints available')


def test_pods(api):
    with backend() as (addr, port):
        make_pod(api, 'p', [addr], [port])
        make_pod(api, 'bare', [])
        for name in ('p', f'p:{port}', f'http:p:{port}'):
            assert api.get(api.path('pods', name, 'proxy/x')).want(200).json['path'] == '/x'
        api.get(api.path('pods', 'p:1', 'proxy/')).fails(503, 'ServiceUnavailable', 'error trying to reach service: ', 'refused')
        assert api.get(api.path('pods', 'ftp:p:x', 'proxy/')).fails(400, 'BadRequest')['message'] == 'invalid pod request "ftp:p:x"'
        assert api.get(api.path('pods', 'none', 'proxy/')).fails(404, 'NotFound')['message'] == 'pods "none" not found'
        assert api.get(api.path('pods', 'bare', 'proxy/')).fails(400, 'BadRequest')['message'] == 'address not allowed'
        for ip in ('127.0.0.1', '169.254.3.4', '::1', 'fe80::1', '224.0.0.1'):
            set_ips(api, 'p', [ip])
            assert api.get(api.path('pods', 'p', 'proxy/')).fails(400, 'BadRequest')['message'] == 'address not allowed', ip


def test_nodes(api):
    with backend() as (addr, port):
        name = api.ns
        api.post('/api/v1/nodes', {'metadata': {'name': name}}).want(201)
        api.patch(f'/api/v1/nodes/{name}/status', {'status': {'addresses': [{'type': 'InternalIP', 'address': addr}],
                                                              'daemonEndpoints': {'kubeletEndpoint': {'Port': 1}}}}).want(200)
        assert api.get(f'/api/v1/nodes/{name}:{port}/proxy/x?y=1').want(200).json['path'] == '/x?y=1'
        api.get(f'/api/v1/nodes/{name}/proxy/').fails(503, 'ServiceUnavailable', 'error trying to reach service: ')
        api.get(f'/api/v1/nodes/{name}:2/proxy/').fails(503, 'ServiceUnavailable', 'error trying to reach service: ')
        assert api.get('/api/v1/nodes/none/proxy/').fails(404, 'NotFound')['message'] == 'nodes "none" not found'
        assert api.get('/api/v1/nodes/a:b:c:d/proxy/').fails(400, 'BadRequest')['message'] == 'invalid node request "a:b:c:d"'
        api.delete('/api/v1/nodes/' + name).want(200)


@ours('a stock server looks such a text up as a name')
def test_an_address_is_dialled_as_it_was_judged(api):
    """With leading zeros: decimal here, octal to the C library, which would make 0177.0.0.1 the loopback address."""
    with backend() as (addr, port):
        padded = '.'.join('0' + part for part in addr.split('.'))
        make_pod(api, 'p', [padded], [port])
        assert api.get(api.path('pods', 'p', 'proxy/x')).want(200).json['path'] == '/x'
        api.post('/api/v1/nodes', {'metadata': {'name': api.ns}}).want(201)
        api.patch(f'/api/v1/nodes/{api.ns}/status', {'status': {'addresses': [{'type': 'InternalIP', 'address': padded}]}}).want(200)
        assert api.get(f'/api/v1/nodes/{api.ns}:{port}/proxy/x').want(200).json['path'] == '/x'
        api.delete('/api/v1/nodes/' + api.ns).want(200)


def test_streams_are_refused_in_words(api):
    make_pod(api, 'one', ['192.0.2.1'], node=None)
    make_pod(api, 'two', ['192.0.2.1'], node=None, containers=('c', 'd'))
    for sub in ('exec', 'attach'):
        for headers in ({}, {k.replace('-', '_'): v for k, v in UPGRADE.items()}):
            def message(pod, query=''):
                return api.get(api.path('pods', pod, sub) + '?stdout=1&command=x' + query, **headers).json['message']
            assert message('none') == 'pods "none" not found'
            assert message('one') == 'pod one does not have a host assigned'
            assert message('one', '&container=zz') == 'container zz is not valid for pod one'
            assert message('two') == 'a container name must be specified for pod two, choose one of: [c d]'
            assert message('two', '&container=d') == 'pod two does not have a host assigned'
    path = api.path('pods', 'one', 'portforward')
    assert api.get(path).fails(400, 'BadRequest')['message'] == 'pod one does not have a host assigned'
    api.get(path + '?ports=x').fails(400, 'BadRequest', 'strconv.ParseUint: parsing "x": invalid syntax')
    api.get(api.path('pods', 'none', 'portforward')).fails(404, 'NotFound')
    api.put(path, {}).fails(405, 'MethodNotAllowed')
    api.get(api.path('pods', 'one', 'exec/more')).fails(404, 'NotFound', 'could not find the requested resource')


def test_many_containers_are_told_in_few_words(api):
    """Joining their names one by one took gigabytes."""
    containers = [{'name': f'{i:05d}' + 'c' * 58, 'image': 'x'} for i in range(2000)]
    api.post(api.path('pods'), {'metadata': {'name': 'p'}, 'spec': {'containers': containers}}).want(201)
    told = api.get(api.path('pods', 'p', 'log')).fails(400, 'BadRequest', 'a container name must be specified for pod p, choose one of: [00000c')
    assert len(told['message']) < 2000, len(told['message'])


def test_discovery(api):
    want = {'nodes/proxy': ('NodeProxyOptions', 'create delete get patch update'), 'pods/attach': ('PodAttachOptions', 'create get'),
            'pods/exec': ('PodExecOptions', 'create get'), 'pods/portforward': ('PodPortForwardOptions', 'create get'),
            'pods/proxy': ('PodProxyOptions', 'create delete get patch update'),
            'services/proxy': ('ServiceProxyOptions', 'create delete get patch update')}
    have = {r['name']: (r['kind'], ' '.join(r['verbs'])) for r in api.get('/api/v1').want(200).json['resources']}
    assert {k: have.get(k) for k in want} == want
