# SPDX-License-Identifier: Apache-2.0
"""The two servers: each started here, spoken to over one kept connection."""
import http.client
import json
import os
import pathlib
import re
import signal
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
            except (http.client.HTTPException, OSError):
                self.conn = None
                if attempt:
                    raise

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


def start_ours(binary, folder, ranges, node_ports, store='memory'):
    folder = pathlib.Path(folder)
    log_path = folder / 'log'
    with open(log_path, 'w') as log:
        process = subprocess.Popen([binary, 'server', '--data-dir', str(folder / 'data'), '--store', store, '--bind-address', '127.0.0.1', '--advertise-address', '192.0.2.10',
                                    '--secure-port', '0', '--service-cluster-ip-range', ranges, '--service-node-port-range', node_ports, '--controllers', 'none'],
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


def start_stock(script, port, folder, ranges, node_ports, token='admin-token'):
    """SCRIPT PORT DIR RANGES, in the foreground, in a process group of its own; KAPI_EXTRA are further options of kube-apiserver."""
    process = subprocess.Popen([script, str(port), str(folder), ranges], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
                               env=dict(os.environ, KAPI_EXTRA='--service-node-port-range=' + node_ports))
    tls = ssl._create_unverified_context()
    client = Client(port, tls, {'Authorization': 'Bearer ' + token})
    client.wait_ready(process)
    return process, client


def stop(process, is_group=False):
    if process.poll() is None:
        if is_group:
            os.killpg(process.pid, signal.SIGTERM)
        else:
            process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
