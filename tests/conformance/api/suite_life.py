# SPDX-License-Identifier: Apache-2.0
"""The server's own life: stop, start, kill, a second one on the same directory."""
import http.client
import re
import signal
import socket
import ssl
import subprocess

from api import DEADLINE_S, Skip, config_map, rev, service, until

OURS = 'it is about our own process'


def needs_disk(api):
    if api.server.store == 'memory':
        raise Skip('the memory store is gone with its process')


def test_certificates_and_kubeconfigs(api):
    names = {p.name for p in (api.server.data / 'pki').iterdir()}
    assert {'ca.crt', 'ca.key', 'apiserver.crt', 'admin.kubeconfig', 'proxy.kubeconfig', 'dns.kubeconfig'} <= names
    for key in ('ca.key', 'admin.key', 'admin.kubeconfig'):
        assert (api.server.data / 'pki' / key).stat().st_mode & 0o077 == 0, key
    text = (api.server.folder / 'kubeconfig').read_text()
    assert f'server: https://127.0.0.1:{api.server.port}' in text and 'client-key-data: ' in text


def test_a_second_server_is_refused(api):
    needs_disk(api)
    if api.server.store == 'etcd':
        raise Skip('several servers may share an etcd')
    out = subprocess.run(api.server.command(), capture_output=True, text=True, timeout=DEADLINE_S)
    assert out.returncode not in (0, -6, -11) and str(api.server.data) in out.stderr, out.stderr
    api.post(api.path('configmaps'), config_map('a')).want(201)


def test_restart_keeps_everything(api):
    needs_disk(api)
    made = api.post(api.path('services'), service('a', type='NodePort')).want(201).json
    at = rev(api.get(api.path('services')).json)
    assert api.server.stop() == 0
    api.server.start()
    api.conn = None
    assert api.get(api.path('services', 'a')).want(200).json == made
    taken = made['spec']['clusterIP']
    api.post(api.path('services'), service('b', clusterIP=taken)).fails(422, 'Invalid', 'already allocated')
    w = api.watch(api.path('services'), resourceVersion=rev(api.get(api.path('services')).json))
    api.post(api.path('services'), service('c')).want(201)
    assert rev(w.want('ADDED', 'c')) > at


def test_kill_loses_no_acknowledged_write(api):
    needs_disk(api)
    for round_ in range(3):
        for i in range(30):
            api.post(api.path('configmaps'), config_map(f'r{round_}-{i}')).want(201)
        api.server.stop(signal.SIGKILL)
        api.server.start()
        api.conn = None
        listed = {o['metadata']['name'] for o in api.get(api.path('configmaps')).json['items']}
        assert {f'r{r}-{i}' for r in range(round_ + 1) for i in range(30)} <= listed


def test_what_every_cluster_has_comes_back(api):
    where = '/api/v1/namespaces/default/services/kubernetes'
    ip = api.get(where).want(200).json['spec']['clusterIP']
    api.delete(where).want(200)
    until('the Service to come back', lambda: api.get(where).status == 200)
    assert api.get(where).json['spec']['clusterIP'] == ip
    for path in ('/api/v1/namespaces/default/endpoints/kubernetes', '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes'):
        until(path, lambda p=path: api.get(p).status == 200)
        api.delete(path).want(200)
        until(path, lambda p=path: api.get(p).status == 200)
    where = '/api/v1/namespaces/kube-node-lease'
    uid = api.delete(where).want(200).json['metadata']['uid']

    def is_new():
        answer = api.get(where)
        return answer.status == 200 and answer.json['metadata']['uid'] != uid
    until('the namespace to come back', is_new)


def test_stop_ends_watches(api):
    needs_disk(api)
    w = api.watch(api.path('configmaps'))
    assert api.server.stop() == 0
    while w.next():
        pass
    api.server.start()


def test_hostile_peers_do_no_harm(api):
    address = ('127.0.0.1', api.server.port)
    with socket.create_connection(address, DEADLINE_S) as s:
        s.sendall(b'\x16\x03\x01' + b'\xff' * 400)
    with socket.create_connection(address, DEADLINE_S) as s:
        s.sendall(b'GET / HTTP/1.1\r\n\r\n')
        try:
            s.recv(4096)
        except ConnectionResetError:
            pass
    with socket.create_connection(address, DEADLINE_S) as s, api.server.tls().wrap_socket(s, server_hostname='127.0.0.1') as t:
        t.sendall(b'NONSENSE\r\n\r\n')
        assert b'400' in t.recv(4096)
    other = ssl.create_default_context(cafile=str(api.server.data / 'pki/ca.crt'))
    with socket.create_connection(address, DEADLINE_S) as s, other.wrap_socket(s, server_hostname='localhost') as t:
        t.sendall(b'GET /api/v1/pods HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
        assert b'403' in t.recv(4096)
    api.get('/api/v1/namespaces').want(200)


def test_bad_options_are_named(api):
    for options, text in ((['--service-cluster-ip-range', 'x'], '--service-cluster-ip-range'),
                          (['--service-node-port-range', '9-3'], '--service-node-port-range'),
                          (['--store', 'paper'], '--store'), (['--nonsense'], '--nonsense'),
                          (['--secure-port', '99999'], '--secure-port')):
        command = [api.server.binary, 'server', '--data-dir', str(api.server.folder / 'other'), '--store', 'memory', *options]
        out = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S)
        assert out.returncode > 0 and text in out.stderr, (options, out.stderr)


def test_help_lists_the_options(api):
    out = subprocess.run([api.server.binary, 'server', '--help'], capture_output=True, text=True, timeout=DEADLINE_S)
    assert out.returncode == 0 and '--service-cluster-ip-range' in out.stdout
    page = subprocess.run([api.server.binary, 'help', '--man', 'server'], capture_output=True, text=True, timeout=DEADLINE_S)
    assert re.search(r'^\.Sh NAME$', page.stdout, re.M)


def test_sockets_of_a_service_manager_are_served(api):
    folder = api.server.folder / 'activated'
    with socket.create_server(('127.0.0.1', 0)) as listener:
        command = [api.server.binary, 'server', '--data-dir', str(folder), '--store', 'memory', '--bind-address', '127.0.0.1',
                   '--secure-port', '0']
        # sd_listen_fds(3): the sockets begin at descriptor 3 and LISTEN_PID is the server's own.
        shell = f'exec 3<&{listener.fileno()}; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"'
        process = subprocess.Popen(['bash', '-c', shell, 'sh', *command], pass_fds=[listener.fileno()], stderr=subprocess.DEVNULL)
        port = listener.getsockname()[1]
    try:
        until('the certificates', lambda: (folder / 'pki/ca.crt').exists() and (folder / 'pki/admin.kubeconfig').exists())
        tls = ssl.create_default_context(cafile=str(folder / 'pki/ca.crt'))
        conn = http.client.HTTPSConnection('127.0.0.1', port, timeout=DEADLINE_S, context=tls)
        conn.request('GET', '/livez')
        assert conn.getresponse().read() == b'ok'
    finally:
        process.terminate()
        assert process.wait(DEADLINE_S) == 0


def test_ready_again(api):
    until('the server to be ready', lambda: api.get('/readyz').raw == b'ok')
