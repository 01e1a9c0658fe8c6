#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the API server under the load that is promised: many Services, endpoints and watchers, some of whom never read.

load_api.py [--build DIR] [--services N] [--slices N] [--watchers N] [--stalled N] [--changes N] [--store sqlite|memory]

Prints a line a step: what was done, how long it took, the server's CPU and resident memory, its highest so far. Each slice has 100 endpoints.
The stalled watchers ask for all Services and never read; at the end each is read out, and what ended it is counted. In a network namespace of
its own. It is a measurement: it gates nothing.
"""
import argparse
import http.client
import json
import os
import pathlib
import resource
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PORT = 6443
SLICES = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices'


class Load:
    def __init__(self, args, tmp):
        self.args, self.tmp, self.began = args, pathlib.Path(tmp), time.monotonic()
        self.pki = self.tmp / 'data/pki'

    def start(self):
        self.log = open(self.tmp / 'log', 'w')
        self.server = subprocess.Popen(
            [pathlib.Path(self.args.build) / 'src/cmd/fairlead', 'server', '--data-dir', self.tmp / 'data', '--store', self.args.store,
             '--bind-address', '127.0.0.1', '--secure-port', str(PORT), '--service-cluster-ip-range', '10.96.0.0/14', '--controllers',
             'all,-accounts', '--write-kubeconfig', self.tmp / 'kubeconfig'], stdout=self.log, stderr=self.log)
        while 'ready port' not in (self.tmp / 'log').read_text():
            if self.server.poll() is not None:
                raise SystemExit('the server does not start:\n' + (self.tmp / 'log').read_text())
            time.sleep(0.01)

    def context(self):
        tls = ssl._create_unverified_context()
        tls.load_cert_chain(self.pki / 'admin.crt', self.pki / 'admin.key')
        return tls

    def memory(self, what):
        for line in pathlib.Path(f'/proc/{self.server.pid}/status').read_text().splitlines():
            if line.startswith(what):
                return int(line.split()[1]) / 1024

    def cpu(self):
        fields = pathlib.Path(f'/proc/{self.server.pid}/stat').read_text().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    def step(self, what, fn):
        began, cpu = time.monotonic(), self.cpu()
        said = fn()
        print(f'{what}: {time.monotonic() - began:.1f} s, CPU {self.cpu() - cpu:.1f} s, resident {self.memory("VmRSS:"):.0f} MiB, highest '
              f'{self.memory("VmHWM:"):.0f} MiB, {len(os.listdir(f"/proc/{self.server.pid}/fd"))} files' + (f'; {said}' if said else ''), flush=True)

    def bench(self, verb, n, *more):
        out = subprocess.run([pathlib.Path(self.args.build) / 'tests/perf/bench_api', '--port', str(PORT), '--cert', self.pki / 'admin.crt', '--key',
                              self.pki / 'admin.key', '--pid', str(self.server.pid), *more, verb, str(n)], stdout=subprocess.PIPE, text=True, check=True)
        rate, cpu, p50, p99, _ = out.stdout.split()
        what = 'event' if verb == 'watch' else 'request'
        return f'{rate} {what}s a second, {cpu} µs of CPU {what[0] == "e" and "an" or "a"} {what}, p50 {p50} ms, p99 {p99} ms'

    def call(self, conn, method, path, body=None):
        conn.request(method, path, json.dumps(body) if body else None, {'Content-Type': 'application/json'})
        answer = conn.getresponse()
        data = answer.read()
        if answer.status >= 300:
            raise SystemExit(f'{method} {path}: {answer.status} {data[:300]!r}')
        return json.loads(data)

    def connect(self):
        return http.client.HTTPSConnection('127.0.0.1', PORT, timeout=120, context=self.context())

    def revision(self):
        return self.call(self.connect(), 'GET', '/api/v1/services?limit=1')['metadata']['resourceVersion']

    def slice(self, i, generation=0):
        points = [{'addresses': [f'198.18.{i >> 8 & 63}.{k + 1}'], 'conditions': {'ready': (k + generation) % 7 > 0}, 'nodeName': f'node{k}',
                   'targetRef': {'kind': 'Pod', 'namespace': 'default', 'name': f'pod-{i}-{k}'}} for k in range(100)]
        return {'apiVersion': 'discovery.k8s.io/v1', 'kind': 'EndpointSlice', 'addressType': 'IPv4', 'endpoints': points,
                'metadata': {'name': f'load-{i}', 'labels': {'kubernetes.io/service-name': f'load-{i}'}},
                'ports': [{'name': 'http', 'port': 8080}]}

    def slices(self):
        def some(part):
            conn = self.connect()
            for i in range(part, self.args.slices, 4):
                self.call(conn, 'POST', SLICES, self.slice(i))
        threads = [threading.Thread(target=some, args=(k,)) for k in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()

    def change_slices(self):
        conn = self.connect()
        for i in range(min(200, self.args.slices)):
            self.call(conn, 'PUT', f'{SLICES}/load-{i}', self.slice(i, 1))

    def stall(self):
        """Watchers that never read, from now on; each with a receive buffer as small as may be."""
        tls, at = self.context(), self.revision()
        self.stalled = []
        for _ in range(self.args.stalled):
            raw = socket.socket()
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            raw.connect(('127.0.0.1', PORT))
            sock = tls.wrap_socket(raw)
            sock.sendall(f'GET /api/v1/services?watch=1&timeoutSeconds=3000&resourceVersion={at} HTTP/1.1\r\nHost: x\r\n\r\n'.encode())
            self.stalled.append(sock)

    def read_out(self):
        ends = {}
        for sock in self.stalled:
            sock.settimeout(10)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            tail, why = b'', 'goes on'
            try:
                while not tail.endswith(b'\r\n0\r\n\r\n'):
                    got = sock.recv(1 << 20)
                    if not got:
                        why = 'closed'
                        break
                    tail = (tail + got)[-2000:]
                else:
                    why = '410' if b'"code":410' in tail else 'ended'
            except socket.timeout:
                pass
            except OSError:
                why = 'cut off'
            ends[why] = ends.get(why, 0) + 1
            sock.close()
        return ', '.join(f'{n} {why}' for why, n in ends.items())

    def run(self):
        a = self.args
        self.start()
        self.step('empty', lambda: None)
        self.step(f'{a.services} Services', lambda: self.bench('create', a.services, '--clients', '16'))
        self.step(f'{a.slices * 100} endpoints in {a.slices} slices', self.slices)
        self.step(f'{a.watchers} watchers, 20 changes', lambda: self.bench('watch', 20, '--clients', str(a.watchers), '--revision', self.revision()))
        self.step(f'{a.stalled} watchers that never read', self.stall)
        self.step(f'{a.changes} changes', lambda: self.bench('update', a.changes, '--clients', '16'))
        self.step('200 changes of slices', self.change_slices)
        self.step('ten seconds of rest', lambda: time.sleep(10))
        self.step('the stalled read on', self.read_out)
        self.step(f'{a.watchers} watchers again', lambda: self.bench('watch', 20, '--clients', str(a.watchers), '--revision', self.revision()))
        self.step('ten seconds of rest', lambda: time.sleep(10))
        began = time.monotonic()
        self.server.kill()
        self.server.wait()
        self.start()
        print(f'ready again {time.monotonic() - began:.2f} s after kill -9, resident {self.memory("VmRSS:"):.0f} MiB')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--build', default=str(ROOT / 'build'))
    parser.add_argument('--services', type=int, default=30000)
    parser.add_argument('--slices', type=int, default=1000)
    parser.add_argument('--watchers', type=int, default=5000)
    parser.add_argument('--stalled', type=int, default=100)
    parser.add_argument('--changes', type=int, default=30000)
    parser.add_argument('--store', default='sqlite')
    parser.add_argument('--inside', action='store_true', help=argparse.SUPPRESS)
    args = parser.parse_args()
    if not args.inside:
        return subprocess.run(['unshare', '-n', sys.executable, __file__, *sys.argv[1:], '--inside']).returncode
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory(prefix='fairlead-load-', dir='/var/tmp') as tmp:
        load = Load(args, tmp)
        try:
            load.run()
        finally:
            load.server.kill()
            load.server.wait()
    return 0


if __name__ == '__main__':
    sys.exit(main())
