# SPDX-License-Identifier: Apache-2.0
"""An etcd of a test's own, of one member or of several: standard library only."""
import base64
import ctypes
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

DEADLINE_S = 30


def find():
    """The program: $ETCD, or the one in PATH; None where there is none."""
    return os.environ.get('ETCD') or shutil.which('etcd')


def free_ports(n):
    holders = [socket.socket() for _ in range(n)]
    for s in holders:
        s.bind(('127.0.0.1', 0))
    ports = [s.getsockname()[1] for s in holders]
    for s in holders:
        s.close()
    return ports


def word(b):
    return base64.b64encode(b).decode()


def _die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Member:
    def __init__(self, cluster, name, client, peer, host, within):
        self.cluster, self.name, self.client, self.peer = cluster, name, client, peer
        self.host, self.within, self.process = host, within, None

    @property
    def url(self):
        return f'http://{self.host}:{self.client}'

    @property
    def peer_url(self):
        return f'http://{self.host}:{self.peer}'

    def start(self):
        peers = ','.join(f'{m.name}={m.peer_url}' for m in self.cluster.members)
        command = [*self.within, self.cluster.binary, '--name', self.name, '--data-dir', str(self.cluster.folder / self.name),
                   '--listen-client-urls', self.url, '--advertise-client-urls', self.url,
                   '--listen-peer-urls', self.peer_url, '--initial-advertise-peer-urls', self.peer_url,
                   '--initial-cluster', peers, *self.cluster.options]
        with open(self.cluster.folder / (self.name + '.log'), 'a') as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=_die_with_parent)

    def signal(self, how):
        self.process.send_signal(how)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def ask(self, call, **body):
        """etcd's own answer ("kv/range"), by its JSON gateway: bytes are told and answered in base64 (word)."""
        request = urllib.request.Request(f'{self.url}/v3/{call}', json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def revision(self):
        return int(self.ask('kv/range', key=word(b'/'))['header']['revision'])

    def is_healthy(self):
        """And it is this one: its port may have been taken by another's etcd before it could listen."""
        if self.process.poll() is not None:
            return False
        try:
            with urllib.request.urlopen(self.url + '/health', timeout=2) as r:
                is_healthy = b'true' in r.read()
            members = self.ask('cluster/member/list')['members'] if is_healthy else []
            return {p for m in members for p in m['peerURLs']} == {m.peer_url for m in self.cluster.members}
        except (OSError, urllib.error.URLError):
            return False


class Etcd:
    """etcd(folder, n): n members; start() returns when all answer. places: each member's address, and the command that
    runs another where it has that address."""

    def __init__(self, folder, n=1, binary=None, options=(), places=None):
        self.binary, self.folder, self.options = binary or find(), pathlib.Path(folder), options
        ports = free_ports(2 * n)
        places = places or [('127.0.0.1', ())] * n
        self.members = [Member(self, f'm{i}', ports[2 * i], ports[2 * i + 1], *places[i]) for i in range(n)]

    @property
    def urls(self):
        return ','.join(m.url for m in self.members)

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        for m in self.members:
            m.start()
        self.wait()

    def wait(self):
        deadline = time.monotonic() + DEADLINE_S
        while not all(m.is_healthy() for m in self.members):
            assert time.monotonic() < deadline, 'etcd does not answer: ' + str(self.folder)
            time.sleep(0.05)

    def kill(self):
        for m in self.members:
            m.kill()
