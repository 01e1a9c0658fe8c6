# SPDX-License-Identifier: Apache-2.0
"""The two servers: each started here, spoken to over one kept connection."""
import http.client
import json
import pathlib
import re
import socket
import ssl
import subprocess
import time

READY_S = 60
AGENT = 'differential/1'


class Answer:
    def __init__(self, status, headers, raw):
        self.status, self.raw = status, raw
        self.warnings = sorted(headers.get_all('Warning') or [])
        self.type = headers.get('Content-Type')
        try:
            self.json = json.loads(raw)
        except ValueError:
            self.json = None


class Client:
    def __init__(self, port, tls, headers):
        self.port, self.tls, self.headers = port, tls, dict(headers, **{'User-Agent': AGENT})
        self.conn = None

    def call(self, method, path, body=None, headers=()):
        for attempt in (0, 1):
            if self.conn is None:
                self.conn = http.client.HTTPSConnection('127.0.0.1', self.port, timeout=60, context=self.tls)
            try:
                self.conn.request(method, path, body, dict(self.headers, **dict(headers)))
                r = self.conn.getresponse()
                return Answer(r.status, r.headers, r.read())
            except (http.client.HTTPException, OSError) as e:
                self.conn = None
                if attempt:
                    raise OSError(f'port {self.port}: {method} {path}: {e}') from e

    def wait_ready(self, process):
        deadline = time.monotonic() + READY_S
        while True:
            try:
                if self.call('GET', '/readyz').status == 200:
                    return
            except OSError:
                pass
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError('a server does not become ready')
            time.sleep(0.1)


def start_ours(binary, folder, ranges, node_ports, store='memory', options=()):
    folder = pathlib.Path(folder)
    log_path = folder / 'log'
    with open(log_path, 'w') as log:
        process = subprocess.Popen([binary, 'server', '--data-dir', str(folder / 'data'), '--store', store, '--bind-address', '127.0.0.1', '--advertise-address', '192.0.2.10',
                                    '--secure-port', '0', '--service-cluster-ip-range', ranges, '--service-node-port-range', node_ports, '--controllers', 'none',
                                    '--disable-admission-plugins', 'ServiceAccount', *options],
                                   stdout=log, stderr=log)
    deadline = time.monotonic() + READY_S
    while True:
        ready = re.search(r'ready port=(\d+)', log_path.read_text())
        if ready:
            break
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError('the server does not start:\n' + log_path.read_text())
        time.sleep(0.05)
    pki = folder / 'data/pki'
    tls = ssl.create_default_context(cafile=str(pki / 'ca.crt'))
    tls.load_cert_chain(pki / 'admin.crt', pki / 'admin.key')
    return process, Client(int(ready.group(1)), tls, {})


def free_ports(n):
    socks = [socket.socket() for _ in range(n)]
    for s in socks:
        s.bind(('127.0.0.1', 0))
    ports = [s.getsockname()[1] for s in socks]
    for s in socks:
        s.close()
    return ports


def start_stock(peers, folder, ranges, node_ports, token='admin-token'):
    """([etcd, kube-apiserver], client), from the programs in PEERS; client.store is the URL of that etcd."""
    folder = pathlib.Path(folder)
    port, client_port, peer_port = free_ports(3)
    store, peer = f'http://127.0.0.1:{client_port}', f'http://127.0.0.1:{peer_port}'
    key, tokens = folder / 'sa.key', folder / 'tokens.csv'
    tokens.write_text(f'{token},admin,admin,system:masters\n')
    subprocess.run(['openssl', 'genrsa', '-out', str(key), '2048'], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    commands = [['etcd', '--data-dir', folder / 'etcd', '--listen-client-urls', store, '--advertise-client-urls', store, '--listen-peer-urls', peer,
                 '--initial-advertise-peer-urls', peer, '--initial-cluster', 'default=' + peer],
                ['kube-apiserver', '--etcd-servers', store, '--secure-port', port, '--cert-dir', folder / 'certs', '--service-cluster-ip-range', ranges,
                 '--advertise-address', '2001:db8::10' if ':' in ranges.split(',')[0] else '192.0.2.10', '--bind-address', '::',
                 '--service-node-port-range', node_ports, '--token-auth-file', tokens, '--authorization-mode', 'RBAC',
                 '--service-account-issuer', 'https://kubernetes.default.svc', '--service-account-signing-key-file', key,
                 '--service-account-key-file', key, '--disable-admission-plugins', 'ServiceAccount']]
    processes = []
    for program, *options in commands:
        with open(folder / (program + '.log'), 'w') as log:
            processes.append(subprocess.Popen([pathlib.Path(peers) / program, *map(str, options)], stdout=log, stderr=log))
    client = Client(port, ssl._create_unverified_context(), {'Authorization': 'Bearer ' + token})
    client.store = store
    client.wait_ready(processes[-1])
    return processes, client


def stop(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
