#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Changes Services for a long time and tells whether the server's memory stays flat.

soak.py [--build DIR] [--services N] [--rate N] [--minutes N] [--watchers N] [--store sqlite|memory]

N Services with selectors (so each has an address, Endpoints and a slice) are made; then patches, replacements and deletes with new creates
follow at --rate a second while watchers of three kinds read along. Prints a line a minute: changes a second, resident MiB, open files. At the end: the slope of
the second half in MiB an hour, by least squares, and its smallest and largest value. Exits with 1 if a change failed or the second half grew
by more than 5%. In a network namespace of its own.
"""
import argparse
import http.client
import json
import os
import pathlib
import random
import ssl
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PORT = 6443
WHERE = '/api/v1/namespaces/default/services'


class Soak:
    def __init__(self, args, tmp):
        self.args, self.tmp = args, pathlib.Path(tmp)
        self.lock, self.changes, self.events, self.failed = threading.Lock(), 0, 0, []
        self.ends = None

    def context(self):
        tls = ssl._create_unverified_context()
        tls.load_cert_chain(self.tmp / 'data/pki/admin.crt', self.tmp / 'data/pki/admin.key')
        return tls

    def connect(self):
        return http.client.HTTPSConnection('127.0.0.1', PORT, timeout=60, context=self.context())

    def start(self):
        self.log = open(self.tmp / 'log', 'w')
        self.server = subprocess.Popen([pathlib.Path(self.args.build) / 'src/cmd/fairlead', 'server', '--data-dir', self.tmp / 'data', '--store',
                                        self.args.store, '--bind-address', '127.0.0.1', '--secure-port', str(PORT),
                                        '--service-cluster-ip-range', '10.96.0.0/14', '--write-kubeconfig', self.tmp / 'kubeconfig'],
                                       stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 30
        while 'ready port' not in (self.tmp / 'log').read_text():
            if time.monotonic() > deadline or self.server.poll() is not None:
                raise SystemExit('the server does not start:\n' + (self.tmp / 'log').read_text())
            time.sleep(0.02)

    def rss(self):
        for line in pathlib.Path(f'/proc/{self.server.pid}/status').read_text().splitlines():
            if line.startswith('VmRSS:'):
                return int(line.split()[1]) / 1024

    def files(self):
        return len(os.listdir(f'/proc/{self.server.pid}/fd'))

    def service(self, i, generation):
        return {'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': f's{i}', 'labels': {'app': f'a{i}', 'generation': str(generation)}},
                'spec': {'selector': {'app': f'a{i}'}, 'ports': [{'port': 80 + generation % 7, 'targetPort': 8080}]}}

    def call(self, conn, method, path, body=None, kind='application/json'):
        conn.request(method, path, json.dumps(body) if body else None, {'Content-Type': kind})
        answer = conn.getresponse()
        data = answer.read()
        if answer.status >= 300:
            self.failed.append(f'{method} {path}: {answer.status} {data[:200]!r}')

    def fill(self, part, parts):
        conn = self.connect()
        for i in range(part, self.args.services, parts):
            self.call(conn, 'POST', WHERE, self.service(i, 0))

    def change(self, part, parts):
        """This worker's share of the changes, each at its time."""
        conn, rng, step = self.connect(), random.Random(part), parts / self.args.rate
        due, generation = time.monotonic(), 0
        while time.monotonic() < self.ends:
            i = rng.randrange(self.args.services // parts) * parts + part
            generation += 1
            what = rng.random()
            if what < 0.4:
                self.call(conn, 'PATCH', f'{WHERE}/s{i}', {'metadata': {'annotations': {'example.com/at': str(generation)}}},
                          'application/merge-patch+json')
            elif what < 0.7:
                self.call(conn, 'PUT', f'{WHERE}/s{i}', self.service(i, generation))
            else:
                self.call(conn, 'DELETE', f'{WHERE}/s{i}')
                self.call(conn, 'POST', WHERE, self.service(i, generation))
            with self.lock:
                self.changes += 1
            due += step
            time.sleep(max(0, due - time.monotonic()))

    def watch(self, path):
        while time.monotonic() < self.ends:
            conn = self.connect()
            conn.request('GET', path + '?watch=1&timeoutSeconds=60')
            answer = conn.getresponse()
            while chunk := answer.read1(1 << 16):
                self.events += chunk.count(b'\n')
            conn.close()

    def workers(self, fn, n, *args):
        threads = [threading.Thread(target=fn, args=(k, n, *args), daemon=True) for k in range(n)]
        for t in threads:
            t.start()
        return threads

    def run(self):
        self.start()
        begun = time.monotonic()
        for t in self.workers(self.fill, 4):
            t.join()
        print(f'{self.args.services} Services in {time.monotonic() - begun:.0f} s, resident {self.rss():.1f} MiB', flush=True)
        begun = time.monotonic()
        self.ends = begun + self.args.minutes * 60
        paths = (WHERE, '/apis/discovery.k8s.io/v1/endpointslices', '/api/v1/endpoints')
        for k in range(self.args.watchers):
            threading.Thread(target=self.watch, args=(paths[k % 3],), daemon=True).start()
        threads = self.workers(self.change, 4)
        samples, minute, was = [], 0, 0
        while any(t.is_alive() for t in threads):
            time.sleep(5)
            samples.append((time.monotonic() - begun, self.rss()))
            if samples[-1][0] >= (minute + 1) * 60:
                minute += 1
                print(f'minute {minute}: {(self.changes - was) / 60:.0f} changes a second, {self.rss():.1f} MiB, {self.files()} files, '
                      f'{self.events} events read', flush=True)
                was = self.changes
        return self.judge(samples)

    def judge(self, samples):
        half = samples[len(samples) // 2:]
        mean_t, mean_m = sum(t for t, _ in half) / len(half), sum(m for _, m in half) / len(half)
        slope = sum((t - mean_t) * (m - mean_m) for t, m in half) / sum((t - mean_t) ** 2 for t, _ in half) * 3600
        low, high = min(m for _, m in half), max(m for _, m in half)
        grown = slope / 3600 * (half[-1][0] - half[0][0]) / mean_m
        print(f'{self.changes} changes; second half: {low:.1f} to {high:.1f} MiB, slope {slope:+.1f} MiB an hour ({grown:+.1%} in it); '
              f'{len(self.failed)} failed')
        for line in self.failed[:5]:
            print(line)
        return 1 if self.failed or grown > 0.05 else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--build', default=str(ROOT / 'build'))
    parser.add_argument('--services', type=int, default=30000)
    parser.add_argument('--rate', type=int, default=200)
    parser.add_argument('--minutes', type=float, default=20)
    parser.add_argument('--watchers', type=int, default=9)
    parser.add_argument('--store', default='sqlite')
    parser.add_argument('--inside', action='store_true', help=argparse.SUPPRESS)
    args = parser.parse_args()
    if not args.inside:
        return subprocess.run(['unshare', '-n', sys.executable, __file__, *sys.argv[1:], '--inside']).returncode
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    with tempfile.TemporaryDirectory(prefix='fairlead-soak-', dir='/var/tmp') as tmp:
        soak = Soak(args, tmp)
        try:
            return soak.run()
        finally:
            soak.server.terminate()
            soak.server.wait(30)


if __name__ == '__main__':
    sys.exit(main())
