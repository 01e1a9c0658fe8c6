#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures Fairlead and prints the rows of docs/performance.md, as ratios where there is a peer.

run.py [--build DIR] [--services N] [--kube-proxy FILE] [SECTION…]

Sections (default: all), each in a network namespace of its own:
  load      the proxy's full load of N Services x 4 endpoints and one endpoint change, ours and kube-proxy's, both fed
            by our server
  connect   connect() and CPU a connection to a VIP at 1 and at N Services, against direct to the endpoint
  writes    durable creates of Services a second, and server CPU each
  ready     from PATCH of a Pod's readiness to the rule in the kernel
  memory    what each part of a lab has resident, and DNS with N Services
--kube-proxy: a stock kube-proxy 1.36; without one its rows say so. Needs root. Absolute times are this
machine's; quote the ratios.
"""
import argparse
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
API = 8001
NODE = 'perf'
NODE_IP = '198.51.100.1'
BACKEND_PORT = 8080
OTHER_PORT = 9090


def sh(*args):
    subprocess.run(args, check=True)


def wait_for(what, fn, timeout=60.0, pause=0.01):
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        try:
            value = fn()
        except OSError:
            value = None
        if value:
            return value
        time.sleep(pause)
    raise SystemExit(f'{what}: not within {timeout} s')


class Api:
    """One keep-alive connection to the server's loopback port."""

    def __init__(self):
        self.conn = http.client.HTTPConnection('127.0.0.1', API, timeout=60)

    def call(self, method, path, body=None, content_type='application/json'):
        self.conn.request(method, path, json.dumps(body) if body is not None else None, {'Content-Type': content_type})
        answer = self.conn.getresponse()
        data = answer.read()
        if answer.status >= 300:
            raise OSError(f'{method} {path}: {answer.status} {data[:300]!r}')
        return json.loads(data)


class Process:
    def __init__(self, name, args, log_dir):
        self.name = name
        self.log = open(pathlib.Path(log_dir) / f'{name}.log', 'w')
        self.process = subprocess.Popen([str(a) for a in args], stdout=self.log, stderr=self.log)

    def cpu_s(self):
        """Of all its threads, to the nanosecond; what threads that have ended used is missing."""
        tasks = pathlib.Path(f'/proc/{self.process.pid}/task').glob('*/schedstat')
        return sum(int(t.read_text().split()[0]) for t in tasks) / 1e9

    def rss_mib(self):
        for line in pathlib.Path(f'/proc/{self.process.pid}/status').read_text().splitlines():
            if line.startswith('VmRSS:'):
                return int(line.split()[1]) / 1024

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


class Bench:
    def __init__(self, args, tmp):
        self.args, self.tmp = args, pathlib.Path(tmp)
        self.fairlead = pathlib.Path(args.build) / 'src/cmd/fairlead'
        self.kubeconfig = self.tmp / 'kubeconfig'
        self.kubeconfig.write_text(
            f'apiVersion: v1\nkind: Config\nclusters: [{{name: c, cluster: {{server: "http://127.0.0.1:{API}"}}}}]\n'
            'users: [{name: u, user: {}}]\ncontexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n')
        self.rows = []

    def row(self, *cells):
        self.rows.append(cells)
        print('| ' + ' | '.join(str(c) for c in cells) + ' |', flush=True)

    def network(self):
        sh('ip', 'link', 'set', 'lo', 'up')
        sh('ip', 'address', 'add', f'{NODE_IP}/32', 'dev', 'lo')
        sh('ip', 'route', 'add', 'local', '10.200.0.0/14', 'dev', 'lo')
        sh('ip', 'route', 'add', 'default', 'dev', 'lo')

    def start_server(self, name='server'):
        self.server = Process(name, [self.fairlead, 'server', '--data-dir', self.tmp / f'data-{name}', '--bind-address', '127.0.0.1',
                                     '--secure-port', '6443', '--insecure-port', API,
                                     '--service-cluster-ip-range', '10.96.0.0/14', '--write-kubeconfig', self.tmp / 'admin'],
                              self.tmp)
        started = time.monotonic()
        wait_for('server', lambda: Api().conn.connect() is None)
        self.api = Api()
        self.api.call('POST', '/api/v1/nodes', {
            'kind': 'Node', 'apiVersion': 'v1', 'metadata': {'name': NODE}, 'spec': {'podCIDR': '10.200.0.0/14'},
            'status': {'addresses': [{'type': 'InternalIP', 'address': NODE_IP}]}})
        self.api.call('PATCH', f'/api/v1/nodes/{NODE}/status', {
            'status': {'addresses': [{'type': 'InternalIP', 'address': NODE_IP}],
                       'conditions': [{'type': 'Ready', 'status': 'True'}]}}, 'application/merge-patch+json')
        return time.monotonic() - started

    def vip(self, i):
        n = (10 << 24 | 96 << 16) + 1024 + i
        return socket.inet_ntoa(n.to_bytes(4, 'big'))

    def service(self, i, **spec):
        return {'kind': 'Service', 'apiVersion': 'v1', 'metadata': {'name': f's{i}', 'namespace': 'default'},
                'spec': {'clusterIP': self.vip(i), 'ports': [{'port': 80, 'targetPort': BACKEND_PORT}], **spec}}

    def slice(self, i, port=BACKEND_PORT, n=4):
        return {'kind': 'EndpointSlice', 'apiVersion': 'discovery.k8s.io/v1', 'addressType': 'IPv4',
                'metadata': {'name': f's{i}', 'namespace': 'default', 'labels': {'kubernetes.io/service-name': f's{i}'}},
                'endpoints': [{'addresses': [f'10.{200 + k}.{i // 250}.{i % 250 + 1}'], 'conditions': {'ready': True},
                               'nodeName': NODE} for k in range(n)],
                'ports': [{'name': '', 'port': port, 'protocol': 'TCP'}]}

    def fill(self, first, last):
        """Services first..last-1 with their slices, over four connections."""
        def part(k):
            api = Api()
            for i in range(first + k, last, 4):
                api.call('POST', '/api/v1/namespaces/default/services', self.service(i))
                api.call('POST', '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices', self.slice(i))
        threads = [threading.Thread(target=part, args=(k,)) for k in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()

    def listen(self):
        """Accepts for every address on the two backend ports; tells the port in one byte."""
        for port in (BACKEND_PORT, OTHER_PORT):
            s = socket.create_server(('0.0.0.0', port), backlog=1024, reuse_port=True)

            def loop(s=s, mark=str(port)[0].encode()):
                while True:
                    c, _ = s.accept()
                    c.sendall(mark)
                    c.close()
            threading.Thread(target=loop, daemon=True).start()

    def answers(self, i):
        with socket.socket() as s:
            s.settimeout(0.05)
            if s.connect_ex((self.vip(i), 80)) != 0:
                return None
            return s.recv(1)

    def proxy(self, which, name):
        if which == 'ours':
            return Process(name, [self.fairlead, 'proxy', '--kubeconfig', self.kubeconfig, '--hostname-override', NODE,
                                  '--cluster-cidr', '10.200.0.0/14', '--proxy-mode', 'nftables'], self.tmp)
        return Process(name, [self.args.kube_proxy, '--kubeconfig', self.kubeconfig, '--hostname-override', NODE, '--cluster-cidr',
                              '10.200.0.0/14', '--proxy-mode', 'nftables', '--conntrack-max-per-core', '0',
                              '--conntrack-tcp-timeout-established', '0', '--conntrack-tcp-timeout-close-wait', '0'], self.tmp)

    def load_one(self, which, n):
        """(seconds to a full load, seconds of one change after PUT answered, CPU of it, MiB)."""
        started = time.monotonic()
        proxy = self.proxy(which, f'proxy-{which}')
        probes = [0, n // 3, n // 2, n - 1]
        wait_for(f'{which}: full load', lambda: all(self.answers(i) for i in probes), 600)
        full = time.monotonic() - started
        if which != 'ours':
            time.sleep(3)  # kube-proxy's second sync, so that the change is measured on an idle proxy
        changes, cpu = [], proxy.cpu_s()
        rounds = 40 if which == 'ours' else 6
        for k in range(rounds):
            port, mark = ((OTHER_PORT, b'9'), (BACKEND_PORT, b'8'))[k % 2]
            body = self.slice(n // 2, port)
            begun = time.monotonic()
            self.api.call('PUT', f'/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/s{n // 2}', body)
            wait_for(f'{which}: change', lambda m=mark: self.answers(n // 2) == m, 60, 0.0005)
            changes.append(time.monotonic() - begun)
            wait_for('idle', lambda t=time.monotonic() + (0.05 if which == 'ours' else 1.5): time.monotonic() > t)
        cpu = (proxy.cpu_s() - cpu) / rounds
        rss = proxy.rss_mib()
        proxy.stop()
        if which == 'ours':
            sh(self.fairlead, 'proxy', '--cleanup', '--kubeconfig', self.kubeconfig)
        else:
            subprocess.run(['nft', 'flush', 'ruleset'], check=True)
        return full, changes, cpu, rss

    def load(self):
        n = self.args.services
        self.start_server()
        self.listen()
        self.fill(0, n)
        self.row(f'server resident, {n} Services x 4 (MiB)', f'{self.server.rss_mib():.0f}', '', '')
        results = {}
        for which in ('ours', 'kube-proxy'):
            if which == 'kube-proxy' and not self.args.kube_proxy:
                continue
            results[which] = self.load_one(which, n)
        ours = results['ours']
        peer = results.get('kube-proxy')

        def line(name, a, b, unit):
            self.row(name, f'{a:.3g} {unit}', f'{b:.3g} {unit}' if b else 'no kube-proxy here', f'1/{b / a:.0f}' if b else '')
        line(f'load of {n} Services x 4 endpoints, process start to last VIP', ours[0], peer and peer[0], 's')
        line('one endpoint change, PUT to connection, p50', statistics.median(ours[1]) * 1e3,
             peer and statistics.median(peer[1]) * 1e3, 'ms')
        line('one endpoint change, worst', max(ours[1]) * 1e3, peer and max(peer[1]) * 1e3, 'ms')
        line('CPU of one change', ours[2] * 1e3, peer and peer[2] * 1e3, 'ms')
        line('proxy resident', ours[3], peer and peer[3], 'MiB')
        self.server.stop()

    def connect(self):
        n = self.args.services
        self.start_server()
        tool = pathlib.Path(self.args.build) / 'tests/perf/bench_connect'
        direct = f'10.200.0.1:{BACKEND_PORT}'
        filled = 0
        for count in (1, n):
            self.fill(filled, count)
            filled = count
            proxy = self.proxy('ours', f'proxy-{count}')
            # Not by connecting: a SYN that leaves before the rules are there blocks its source port for two minutes.
            wait_for('load', lambda p=proxy: 'synced services' in pathlib.Path(p.log.name).read_text(), 120)
            out = subprocess.run([tool, '9', '3000', str(BACKEND_PORT), direct, f'{self.vip(count - 1)}:80'], check=True,
                                 stdout=subprocess.PIPE, text=True).stdout.split()
            p50, cpu = float(out[4]) / float(out[1]), float(out[5]) / float(out[2])
            self.row(f'connect p50 to a VIP at {count} Services', f'{out[4]} µs', f'direct {out[1]} µs', f'{p50:.2f}x')
            self.row(f'CPU a connection at {count} Services', f'{out[5]} µs', f'direct {out[2]} µs', f'{cpu:.2f}x')
            proxy.stop()
        self.server.stop()

    def writes(self):
        ready = self.start_server()
        self.row('server start to first answers (ms)', f'{ready * 1e3:.0f}', '', '')
        self.row('server resident, empty (MiB)', f'{self.server.rss_mib():.1f}', '', '')
        done = 0
        for clients in (1, 16, 64):
            total = 4000 if clients > 1 else 1500
            cpu = self.server.cpu_s()
            took = self.creates(done, total, clients)
            cpu = (self.server.cpu_s() - cpu) / total
            done += total
            self.row(f'creates of Services a second, durable, {clients} at once', f'{total / took:.0f}', '',
                     f'{cpu * 1e6:.0f} µs of server CPU each')
        path = self.tmp / 'sync'
        fd = os.open(path, os.O_CREAT | os.O_WRONLY)
        begun = time.monotonic()
        for _ in range(500):
            os.write(fd, b'x' * 2048)
            os.fdatasync(fd)
        self.row('fdatasync of 2 KiB a second, one after another (the limit of one client)',
                 f'{500 / (time.monotonic() - begun):.0f}', '', '')
        self.server.stop()

    def creates(self, first, total, clients):
        """Seconds for `total` creates by `clients` processes."""
        begun = time.monotonic()
        pids = []
        for k in range(clients):
            pid = os.fork()
            if pid == 0:
                try:
                    api = Api()
                    for i in range(first + k, first + total, clients):
                        body = self.service(i)
                        del body['spec']['clusterIP']
                        api.call('POST', '/api/v1/namespaces/default/services', body)
                    os._exit(0)
                except BaseException as e:
                    print(f'create: {e}', file=sys.stderr)
                    os._exit(1)
            pids.append(pid)
        for pid in pids:
            if os.waitpid(pid, 0)[1] != 0:
                raise SystemExit('a client failed')
        return time.monotonic() - begun

    def ready(self):
        """A Service with one Pod: its readiness is patched, and the VIP polled until it refuses or accepts."""
        self.start_server()
        self.listen()
        pod = {'kind': 'Pod', 'apiVersion': 'v1', 'metadata': {'name': 'p', 'labels': {'app': 'p'}},
               'spec': {'nodeName': NODE, 'containers': [{'name': 'c', 'image': 'none'}]}}
        self.api.call('POST', '/api/v1/namespaces/default/pods', pod)
        self.api.call('POST', '/api/v1/namespaces/default/services', self.service(0, selector={'app': 'p'}))
        proxy = self.proxy('ours', 'proxy')
        times = []
        for k in range(201):
            is_ready = k % 2 == 0
            status = {'status': {'phase': 'Running', 'podIP': '10.200.0.1', 'podIPs': [{'ip': '10.200.0.1'}],
                                 'conditions': [{'type': 'Ready', 'status': 'True' if is_ready else 'False'}]}}
            begun = time.monotonic()
            self.api.call('PATCH', '/api/v1/namespaces/default/pods/p/status', status, 'application/strategic-merge-patch+json')
            wait_for('readiness', lambda r=is_ready: bool(self.answers(0)) == r, 30, 0.0002)
            times.append((time.monotonic() - begun) * 1e3)
        times = sorted(times[1:])
        self.row('PATCH of readiness to the rule in the kernel (ms)', f'p50 {times[len(times) // 2]:.1f}',
                 f'p99 {times[int(len(times) * 0.99)]:.1f}', '')
        self.row('proxy resident, one Service (MiB)', f'{proxy.rss_mib():.1f}', '', '')
        proxy.stop()
        self.server.stop()

    def memory(self):
        state = self.tmp / 'lab'
        subprocess.run([self.fairlead, 'lab', 'up', '--state-dir', state], check=True, stdout=subprocess.DEVNULL)
        try:
            for part in ('server', 'agent', 'proxy', 'dns'):
                pids = subprocess.run(['pgrep', '-f', f'{self.fairlead} {part} .*{state}'], capture_output=True, text=True).stdout.split()
                sizes = [int(line.split()[1]) / 1024 for pid in pids
                         for line in pathlib.Path(f'/proc/{pid}/status').read_text().splitlines() if line.startswith('VmRSS:')]
                self.row(f'{part} in a new lab, resident (MiB)', f'{max(sizes):.1f}', '', '')
        finally:
            subprocess.run([self.fairlead, 'lab', 'down', '--state-dir', state], check=True, stdout=subprocess.DEVNULL)
        self.start_server()
        self.fill(0, self.args.services)
        dns = Process('dns', [self.fairlead, 'dns', '--kubeconfig', self.kubeconfig, '--bind-address', '127.0.0.1', '--port', '5353'],
                      self.tmp)
        wait_for('dns', lambda: 'synced' in pathlib.Path(dns.log.name).read_text(), 60)
        self.row(f'dns with {self.args.services} Services x 4 (MiB)', f'{dns.rss_mib():.0f}', '', '')
        dns.stop()
        self.server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--build', default=str(ROOT / 'build'))
    parser.add_argument('--services', type=int, default=10000)
    default = pathlib.Path.home() / '.cache/fairlead-peers/bin/kube-proxy'
    parser.add_argument('--kube-proxy', default=str(default) if default.exists() else shutil.which('kube-proxy'))
    parser.add_argument('--inside', action='store_true', help=argparse.SUPPRESS)
    parser.add_argument('sections', nargs='*', default=[])
    args = parser.parse_args()
    sections = args.sections or ['writes', 'ready', 'connect', 'load', 'memory']
    if not args.inside:
        print('| what | Fairlead | beside | ratio |\n|---|---|---|---|', flush=True)
        for section in sections:
            rest = ['--build', args.build, '--services', str(args.services), '--inside', section]
            if args.kube_proxy:
                rest += ['--kube-proxy', args.kube_proxy]
            subprocess.run(['unshare', '-n', '-m', sys.executable, __file__, *rest], check=True)
        return
    with tempfile.TemporaryDirectory(prefix='fairlead-perf-', dir='/var/tmp') as tmp:
        bench = Bench(args, tmp)
        bench.network()
        try:
            getattr(bench, sections[0])()
        finally:
            if sys.exc_info()[0]:
                for log in sorted(bench.tmp.glob('*.log')):
                    print(f'--- {log.name}\n' + '\n'.join(log.read_text(errors='replace').splitlines()[-8:]), file=sys.stderr)
                for p in subprocess.run(['pgrep', '-P', str(os.getpid())], capture_output=True, text=True).stdout.split():
                    os.kill(int(p), signal.SIGKILL)


if __name__ == '__main__':
    main()
