# SPDX-License-Identifier: Apache-2.0
"""API servers of a test's own that share one etcd: standard library only."""
import http.client
import json
import pathlib
import subprocess

from etcd import free_ports


class Server:
    """Server i of those in FOLDER; server 0 makes the authority and the keys that the others share."""

    def __init__(self, binary, folder, i, etcd_urls, options=()):
        self.folder, self.i, self.port = pathlib.Path(folder), i, free_ports(1)[0]
        self.process = None
        self.command = [binary, 'server', '--data-dir', str(self.folder / f's{i}'), '--etcd-servers', etcd_urls,
                        '--bind-address', '127.0.0.1', '--advertise-address', f'192.0.2.{10 + i}', '--secure-port', '0',
                        '--insecure-port', str(self.port), *options]
        if i:
            pki = self.folder / 's0/pki'
            self.command += ['--ca-file', str(pki / 'ca.crt'), '--ca-key-file', str(pki / 'ca.key'),
                             '--service-account-signing-key-file', str(pki / 'sa.key')]

    def start(self):
        with open(self.folder / f's{self.i}.log', 'a') as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)

    def log(self):
        return (self.folder / f's{self.i}.log').read_text()

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def call(self, method, path, body=None, timeout=20):
        """(status, object). OSError, HTTPException: nobody knows what became of it."""
        conn = http.client.HTTPConnection('127.0.0.1', self.port, timeout=timeout)
        try:
            conn.request(method, path, json.dumps(body) if body else None, {'Content-Type': 'application/json'})
            answer = conn.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            conn.close()

    def is_ready(self):
        try:
            conn = http.client.HTTPConnection('127.0.0.1', self.port, timeout=2)
            conn.request('GET', '/readyz')
            return conn.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
