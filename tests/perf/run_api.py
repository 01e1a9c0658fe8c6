#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the API server beside a stock kube-apiserver with etcd and prints the table of docs/performance.md.

run_api.py [--build DIR] [--peers DIR] [--services N] [--more N] [--watchers N] [--only ours|stock]

Both servers get the same load in turn, over TLS, from bench_api: creates, updates and deletes of Services by 1, 16 and 256 clients on an empty
server and with N Services, GET, LIST, watches, resident memory (ours with --more Services, too), start to ready. Each in a network namespace of its own. --peers: where
kube-apiserver and etcd are. Absolute times are this machine's; quote the ratios.
"""
import argparse
import http.client
import json
import os
import pathlib
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PORT = 6443
COUNTS = {1: 400, 16: 1600, 256: 3072}  # of one measurement, by clients
DEADLINE_S = 900


def wait_for(what, fn, timeout=120.0):
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        try:
            if fn():
                return
        except OSError:
            pass
        time.sleep(0.002)
    raise SystemExit(f'{what}: not within {timeout} s')


class Subject:
    """A server under load; `processes` are what its work costs."""

    def __init__(self, args, tmp):
        self.args, self.tmp, self.processes = args, tmp, []
        self.log = open(tmp / 'log', 'w')
        self.bench = pathlib.Path(args.build) / 'tests/perf/bench_api'

    def spawn(self, *command):
        process = subprocess.Popen([str(c) for c in command], stdout=self.log, stderr=self.log)
        self.processes.append(process)

    def get(self, path):
        conn = http.client.HTTPSConnection('127.0.0.1', PORT, timeout=60, context=self.context())
        try:
            conn.request('GET', path, None, self.headers)
            answer = conn.getresponse()
            return answer.status, answer.read()
        finally:
            conn.close()

    def resident(self):
        sizes = 0
        for process in self.processes:
            for line in pathlib.Path(f'/proc/{process.pid}/status').read_text().splitlines():
                if line.startswith('VmRSS:'):
                    sizes += int(line.split()[1]) / 1024
        return sizes

    def run(self, verb, n, *options):
        """(a second, CPU µs each, p50 ms, p99 ms, bytes) of bench_api."""
        pids = [o for p in self.processes for o in ('--pid', str(p.pid))]
        out = subprocess.run([self.bench, '--port', str(PORT), *self.who, *pids, *map(str, options), verb, str(n)], check=True,
                             stdout=subprocess.PIPE, text=True, timeout=DEADLINE_S).stdout
        return [float(x) for x in out.split()]

    def stop(self):
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def measure(self):
        rows = {}
        begun = time.monotonic()
        self.start()
        wait_for('ready', lambda: self.get('/readyz')[0] == 200)
        rows['start to ready, ms'] = (time.monotonic() - begun) * 1e3
        time.sleep(2)  # what starts behind readiness is part of what an idle server holds
        rows['resident, no Services, MiB'] = self.resident()
        self.writes(rows, 'empty', 1000000)
        n = self.args.services
        self.run('create', n, '--clients', 16)
        rows[f'resident, {n} Services, MiB'] = self.resident()
        self.writes(rows, f'{n} Services', 2000000)
        rows['GET of a Service, CPU µs'] = self.run('get', min(n, 3000))[1]
        rows['GET of a Service, 16 clients, CPU µs'] = self.run('get', min(n, 6000), '--clients', 16)[1]
        for form, options in (('JSON', []), ('protobuf', ['--protobuf'])):
            _, cpu, p50, _, size = self.run('list', 10, *options)
            rows[f'LIST of {n}, {form}, CPU ms'] = cpu / 1e3
            rows[f'LIST of {n}, {form}, p50 ms'] = p50
            rows[f'LIST of {n}, {form}, MiB'] = size / (1 << 20)
        self.fan_out(rows)
        if self.has_more:
            self.run('create', self.args.more - n, '--clients', 16, '--first', n)
            rows[f'resident, {self.args.more} Services, MiB'] = self.resident()
        return rows

    def writes(self, rows, when, first):
        for clients, n in COUNTS.items():
            for verb in ('create', 'update', 'delete'):
                rate, cpu, p50, p99, _ = self.run(verb, n, '--clients', clients, '--first', first)
                rows[f'{verb}, {clients} clients, {when}, CPU µs'] = cpu
                rows[f'{verb}, {clients} clients, {when}, a second'] = rate
            first += 10000

    def fan_out(self, rows):
        rev = json.loads(self.get('/api/v1/services?limit=1')[1])['metadata']['resourceVersion']
        _, cpu, p50, p99, _ = self.run('watch', 200, '--clients', self.args.watchers, '--revision', rev)
        rows[f'event to {self.args.watchers} watchers, CPU µs an event'] = cpu
        rows[f'PUT to the last of {self.args.watchers} events, p50 ms'] = p50
        rows[f'PUT to the last of {self.args.watchers} events, p99 ms'] = p99


class Ours(Subject):
    headers, has_more = {}, True

    def start(self):
        self.who = ['--cert', self.tmp / 'data/pki/admin.crt', '--key', self.tmp / 'data/pki/admin.key']
        self.spawn(pathlib.Path(self.args.build) / 'src/cmd/fairlead', 'server', '--data-dir', self.tmp / 'data', '--bind-address', '127.0.0.1',
                   '--secure-port', PORT, '--service-cluster-ip-range', '10.96.0.0/14', '--write-kubeconfig', self.tmp / 'kubeconfig')

    def context(self):
        tls = ssl._create_unverified_context()
        if (self.tmp / 'data/pki/admin.key').exists():
            tls.load_cert_chain(self.who[1], self.who[3])
        return tls


class Stock(Subject):
    has_more = False  # at 50 creates a second it would take a quarter of an hour
    headers = {'Authorization': 'Bearer bench-token'}
    who = ['--token', 'bench-token']

    def start(self):
        peers, tmp = pathlib.Path(self.args.peers), self.tmp
        (tmp / 'tokens.csv').write_text('bench-token,admin,admin,system:masters\n')
        key = tmp / 'sa.key'
        subprocess.run(['openssl', 'genrsa', '-out', key, '2048'], check=True, stderr=subprocess.DEVNULL)
        self.spawn(peers / 'etcd', '--data-dir', tmp / 'etcd')
        self.spawn(peers / 'kube-apiserver', '--etcd-servers', 'http://127.0.0.1:2379', '--secure-port', PORT, '--cert-dir', tmp / 'certs',
                   '--service-cluster-ip-range', '10.96.0.0/14', '--token-auth-file', tmp / 'tokens.csv', '--authorization-mode', 'RBAC',
                   '--service-account-issuer', 'https://kubernetes.default.svc', '--service-account-signing-key-file', key,
                   '--service-account-key-file', key, '--advertise-address', '198.51.100.1', '--disable-admission-plugins', 'ServiceAccount')

    def context(self):
        return ssl._create_unverified_context()


def inside(args):
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    subprocess.run(['ip', 'address', 'add', '198.51.100.1/32', 'dev', 'lo'], check=True)
    subprocess.run(['ip', 'route', 'add', 'default', 'dev', 'lo'], check=True)
    with tempfile.TemporaryDirectory(prefix='fairlead-perf-', dir='/var/tmp') as tmp:
        subject = {'ours': Ours, 'stock': Stock}[args.inside](args, pathlib.Path(tmp))
        try:
            print(json.dumps(subject.measure()))
        except BaseException:
            print((pathlib.Path(tmp) / 'log').read_text(errors='replace')[-2000:], file=sys.stderr)
            raise
        finally:
            subject.stop()


def number(x):
    return '–' if x is None else f'{x:,.0f}' if x >= 100 else f'{x:.3g}'


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--build', default=str(ROOT / 'build'))
    parser.add_argument('--peers', default=str(pathlib.Path.home() / '.cache/fairlead-peers/bin'))
    parser.add_argument('--services', type=int, default=10000)
    parser.add_argument('--more', type=int, default=30000)
    parser.add_argument('--watchers', type=int, default=1000)
    parser.add_argument('--only', choices=['ours', 'stock'])
    parser.add_argument('--inside', help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.inside:
        return inside(args)
    rows = {'ours': {}, 'stock': {}}
    for which in ('ours', 'stock'):
        if args.only in (None, which) and (which == 'ours' or shutil.which('kube-apiserver', path=args.peers)):
            out = subprocess.run(['unshare', '-n', '-m', sys.executable, __file__, *sys.argv[1:], '--inside', which], check=True,
                                 stdout=subprocess.PIPE, text=True).stdout
            rows[which] = json.loads(out)
    print('| what | Fairlead | kube-apiserver and etcd | ratio |\n|---|---|---|---|')
    for what in rows['ours'] or rows['stock']:
        a, b = rows['ours'].get(what), rows['stock'].get(what)
        print(f'| {what} | {number(a)} | {number(b)} | {a / b:.3f} |' if a and b else f'| {what} | {number(a)} | {number(b)} | |')


if __name__ == '__main__':
    main()
