#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`fairlead proxy` against a scripted API server: nothing before both lists, changes at once, stale UDP flows, drift.

test_engine.py FAIRLEAD   TAP on standard output.
"""
import http.server
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '../../conformance/proxy'))
import topology
from test_behaviours import NODE, POD, VIP, eq, service, slices, talk

RESOURCES = {'/api/v1/services': 'Service', '/apis/discovery.k8s.io/v1/endpointslices': 'EndpointSlice',
             '/api/v1/nodes': 'Node'}
VERSIONS = {'EndpointSlice': 'discovery.k8s.io/v1'}


class Api:
    """Objects by kind, watchers by kind; `hold` names kinds whose list is not answered yet."""

    def __init__(self):
        self.objects = {k: {} for k in RESOURCES.values()}
        self.watchers = {k: [] for k in RESOURCES.values()}
        self.lock, self.rev, self.hold = threading.Lock(), 10, set()

    def put(self, kind, obj):
        key = (obj['metadata'].get('namespace'), obj['metadata']['name'])
        with self.lock:
            self.rev += 1
            obj = {**obj, 'kind': kind, 'apiVersion': VERSIONS.get(kind, 'v1')}
            obj['metadata'] = {**obj['metadata'], 'resourceVersion': str(self.rev), 'uid': obj['metadata']['name']}
            known = key in self.objects[kind]
            self.objects[kind][key] = obj
            self._tell(kind, 'MODIFIED' if known else 'ADDED', obj)

    def delete(self, kind, ns, name):
        with self.lock:
            self.rev += 1
            obj = self.objects[kind].pop((ns, name))
            obj['metadata']['resourceVersion'] = str(self.rev)
            self._tell(kind, 'DELETED', obj)

    def _tell(self, kind, what, obj):
        for q in self.watchers[kind]:
            q.put({'type': what, 'object': obj})


def handler(api):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'

        def log_message(self, *args):
            pass

        def do_GET(self):
            url = urllib.parse.urlparse(self.path)
            query = urllib.parse.parse_qs(url.query)
            kind = RESOURCES.get(url.path)
            if not kind:
                self.send_error(404)
            elif query.get('watch', ['0'])[0] in ('1', 'true'):
                self.watch(kind, int(query.get('resourceVersion', ['0'])[0]))
            else:
                self.list(kind)

        def list(self, kind):
            while kind in api.hold:
                time.sleep(0.01)
            with api.lock:
                body = json.dumps({'kind': kind + 'List', 'apiVersion': VERSIONS.get(kind, 'v1'),
                                   'metadata': {'resourceVersion': str(api.rev)},
                                   'items': list(api.objects[kind].values())}).encode()
            self.send_response(200)
            self.send_header('Content-Type', 'application/json')
            self.send_header('Content-Length', str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def watch(self, kind, since):
            q = queue.Queue()
            with api.lock:
                for obj in api.objects[kind].values():
                    if int(obj['metadata']['resourceVersion']) > since:
                        q.put({'type': 'ADDED', 'object': obj})
                api.watchers[kind].append(q)
            self.send_response(200)
            self.send_header('Content-Type', 'application/json')
            self.send_header('Transfer-Encoding', 'chunked')
            self.end_headers()
            try:
                while True:
                    line = (json.dumps(q.get()) + '\n').encode()
                    self.wfile.write(b'%x\r\n%s\r\n' % (len(line), line))
                    self.wfile.flush()
            except OSError:
                pass
    return Handler


def until(fn, want=True, seconds=10):
    end = time.monotonic() + seconds
    while True:
        got = fn()
        if got == want:
            return
        if time.monotonic() > end:
            raise AssertionError(f'still {got!r}, wanted {want!r}')
        time.sleep(0.02)


class World:
    def __init__(self, top, program):
        self.top, self.program, self.api = top, program, Api()
        with top.inside('node'):
            self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler(self.api))
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.dir = tempfile.mkdtemp()
        self.kubeconfig = os.path.join(self.dir, 'kubeconfig')
        with open(self.kubeconfig, 'w', encoding='utf-8') as f:
            f.write(f'''apiVersion: v1
kind: Config
current-context: c
clusters: [{{name: c, cluster: {{server: "http://127.0.0.1:{self.server.server_port}"}}}}]
users: [{{name: u, user: {{}}}}]
contexts: [{{name: c, context: {{cluster: c, user: u}}}}]
''')
        self.api.put('Node', {'metadata': {'name': 'n1'},
                              'status': {'addresses': [{'type': 'InternalIP', 'address': NODE}]}})
        self.proxy = None

    def start(self):
        with self.top.inside('node'):
            self.proxy = subprocess.Popen([self.program, 'proxy', '--kubeconfig', self.kubeconfig,
                                           '--hostname-override', 'n1', '--cluster-cidr', '10.64.0.0/16'])

    def stop(self, sig=signal.SIGTERM):
        self.proxy.send_signal(sig)
        return self.proxy.wait(10)

    def rules(self):
        with self.top.inside('node'):
            return subprocess.run(['nft', 'list', 'tables'], capture_output=True, text=True).stdout

    def ask(self, ns, address, port):
        s = self.top.socket(ns, address, timeout=1)
        try:
            with s:
                s.connect((address, port))
                return talk(s)[0]
        except OSError as e:
            return type(e).__name__

    def get(self, port, path):
        with self.top.inside('node'):
            s = socket.create_connection(('127.0.0.1', port), 3)
        with s:
            s.sendall(f'GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'.encode())
            text = b''
            while chunk := s.recv(65536):
                text += chunk
        return text.decode()

    def give(self, *names, protocol='TCP', service_name='web'):
        for s in slices(list(names), service_name, protocol=protocol):
            self.api.put('EndpointSlice', s)


def waits_for_both_lists(w):
    """Nothing is written before Services and EndpointSlices have both been listed."""
    w.api.hold.add('EndpointSlice')
    w.api.put('Service', service(ip6=None, type='NodePort', port_extra={'nodePort': 30080}))
    w.give('a', 'b')
    w.start()
    until(lambda: len(w.api.watchers['Service']) > 0)
    eq('fairlead' in w.rules(), False)
    w.api.hold.clear()
    until(lambda: w.ask('client', VIP, 80) in ('a', 'b'))
    eq(w.ask('outside', NODE, 30080) in ('a', 'b'), True)


def follows_changes(w):
    """A changed slice, a new Service and a deleted one are in the kernel at once."""
    w.give('b')
    until(lambda: {w.ask('client', VIP, 80) for _ in range(8)}, {'b'})
    w.api.put('Service', service('two', ip='10.96.0.12', ip6=None))
    until(lambda: w.ask('client', '10.96.0.12', 80), 'ConnectionRefusedError')
    w.give('a', service_name='two')
    until(lambda: w.ask('client', '10.96.0.12', 80), 'a')
    w.api.delete('Service', 'default', 'two')
    with w.top.inside('node'):
        until(lambda: '10.96.0.12' in subprocess.run(['nft', 'list', 'map', 'ip', 'fairlead', 'services'],
                                                     capture_output=True, text=True).stdout, False)


def cleans_udp_flows(w):
    """A UDP client that keeps its socket follows a change of backend, and the end of having none."""
    w.api.put('Service', service('dns', ip='10.96.0.13', ip6=None, protocol='UDP'))
    w.give('a', protocol='UDP', service_name='dns')
    s = w.top.socket('client', VIP, socket.SOCK_DGRAM, 0.2)
    s.connect(('10.96.0.13', 80))

    def who():
        try:
            return talk(s)[0]
        except OSError as e:
            return type(e).__name__
    until(who, 'a')
    w.give('b', protocol='UDP', service_name='dns')
    until(who, 'b')
    w.give(protocol='UDP', service_name='dns')
    until(who, 'ConnectionRefusedError')
    w.give('a', protocol='UDP', service_name='dns')
    until(who, 'a')
    s.close()


def survives_a_kill(w):
    """Killed, it leaves the kernel forwarding; started again it catches up with what changed meanwhile."""
    eq(w.ask('client', VIP, 80), 'b')
    w.stop(signal.SIGKILL)
    eq(w.ask('client', VIP, 80), 'b')
    w.give('a')
    w.start()
    until(lambda: {w.ask('client', VIP, 80) for _ in range(8)}, {'a'})


def answers_health_and_metrics(w):
    """/healthz, /livez, /metrics and /proxyMode answer as kube-proxy's do."""
    eq('200' in w.get(10256, '/healthz').splitlines()[0], True)
    eq('"nodeEligible": true' in w.get(10256, '/healthz'), True)
    eq('nodeEligible' in w.get(10256, '/livez'), False)
    eq('kubeproxy_sync_proxy_rules_duration_seconds_count' in w.get(10249, '/metrics'), True)
    eq(w.get(10249, '/proxyMode').endswith('nftables'), True)


def cleans_up(w):
    """SIGTERM ends it with status 0 and the rules stay; --cleanup removes them."""
    eq(w.stop(), 0)
    eq('fairlead' in w.rules(), True)
    with w.top.inside('node'):
        subprocess.run([w.program, 'proxy', '--cleanup'], check=True)
    eq('fairlead' in w.rules(), False)


def main():
    if not topology.enter():
        print('1..0 # SKIP this kernel does not let us make namespaces')
        return 0
    top = topology.Topology()
    for pod in topology.PODS:
        top.serve(pod, 8080)
    world = World(top, sys.argv[1])
    todo = [waits_for_both_lists, follows_changes, cleans_udp_flows, survives_a_kill, answers_health_and_metrics,
            cleans_up]
    failed = 0
    print(f'1..{len(todo)}', flush=True)
    for i, scenario in enumerate(todo, 1):
        try:
            scenario(world)
            print(f'ok {i} - {scenario.__name__}', flush=True)
        except Exception:
            failed += 1
            print('\n'.join('# ' + line for line in traceback.format_exc().splitlines()))
            print(f'not ok {i} - {scenario.__name__}', flush=True)
    if world.proxy and world.proxy.poll() is None:
        world.stop(signal.SIGKILL)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
