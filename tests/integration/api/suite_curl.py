# SPDX-License-Identifier: Apache-2.0
"""Proves that curl lists and watches with the kubeconfig's certificates, over HTTP/1.1 and HTTP/2, and that a reader who
does not read holds up nobody else."""
import base64
import json
import re
import shutil
import subprocess
import threading
import time

from api import DEADLINE_S, Skip, config_map, service

VERSIONS = (('--http1.1', '1.1'), ('--http2', '2'))


def credentials(api):
    """The kubeconfig's certificates, as options for curl."""
    text = (api.server.folder / 'kubeconfig').read_text()
    options = []
    for field, option in (('certificate-authority', '--cacert'), ('client-certificate', '--cert'), ('client-key', '--key')):
        path = api.server.folder / (field + '.pem')
        if not path.exists():  # curl may be reading it
            path.write_bytes(base64.b64decode(re.search(field + r'-data: (\S+)', text).group(1)))
        options += [option, str(path)]
    return options


def command(api, *args):
    if not shutil.which('curl'):
        raise Skip('curl is not installed')
    if '--http2' in args and 'HTTP2' not in subprocess.run(['curl', '--version'], capture_output=True, text=True).stdout:
        raise Skip('this curl does not speak HTTP/2')
    return ['curl', '-sS', '-N', *credentials(api), *args]


def url(api, path):
    return f'https://127.0.0.1:{api.server.port}{path}'


def curl(api, *args):
    """(HTTP version, status, body) of one call."""
    out = subprocess.run(command(api, '-m', str(DEADLINE_S), '-w', '\n%{http_version} %{http_code}', *args), capture_output=True,
                         text=True, timeout=DEADLINE_S * 2)
    assert out.returncode == 0, out.stderr
    body, _, last = out.stdout.rpartition('\n')
    version, status = last.split()
    return version, int(status), body


class Watching:
    """A curl that watches; lines are read as they come, unless it is told to sleep."""

    def __init__(self, api, *args):
        self.process = subprocess.Popen(command(api, *args), stdout=subprocess.PIPE)
        self.timer = threading.Timer(DEADLINE_S * 3, self.process.kill)
        self.timer.start()

    def next(self):
        line = self.process.stdout.readline()
        assert line, 'the watch has ended'
        event = json.loads(line)
        return event['type'], event['object']['metadata'].get('name')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.timer.cancel()
        self.process.kill()
        self.process.wait(DEADLINE_S)
        self.process.stdout.close()


def test_list(api):
    """Both versions list Services, as objects and as a Table, and tell a name that is not there by 404."""
    api.post(api.path('services'), service('a')).want(201)
    for flag, version in VERSIONS:
        got = curl(api, flag, url(api, api.path('services')))
        assert got[:2] == (version, 200)
        assert [o['metadata']['name'] for o in json.loads(got[2])['items']] == ['a']
        got = curl(api, flag, '-H', 'Accept: application/json;as=Table;v=v1;g=meta.k8s.io', url(api, api.path('services')))
        assert json.loads(got[2])['rows'][0]['cells'][:2] == ['a', 'ClusterIP']
        assert curl(api, flag, url(api, api.path('services', 'b')))[1] == 404


def test_write(api):
    """Both versions create, patch and delete."""
    for flag, _ in VERSIONS:
        sent = json.dumps(service('a'))
        assert curl(api, flag, '--json', sent, url(api, api.path('services')))[1] == 201
        got = curl(api, flag, '-X', 'PATCH', '-H', 'Content-Type: application/merge-patch+json', '-d', '{"spec":{"type":"NodePort"}}',
                   url(api, api.path('services', 'a')))
        assert got[1] == 200 and json.loads(got[2])['spec']['ports'][0]['nodePort']
        assert curl(api, flag, '-X', 'DELETE', url(api, api.path('services', 'a')))[1] == 200


def test_many_streams_of_one_connection(api):
    """One HTTP/2 connection carries a watch and many calls at the same time."""
    api.post(api.path('services'), service('a')).want(201)
    path = url(api, api.path('services'))
    out = subprocess.run(command(api, '--http2', '-Z', '--parallel-max', '60', '-m', str(DEADLINE_S), '-o', '/dev/null', '-w',
                                 '%{http_code} %{num_connects}\n', *[f'{path}?x=[1-50]', f'{path}?watch=true&timeoutSeconds=2']),
                         capture_output=True, text=True, timeout=DEADLINE_S * 2)
    rows = [line.split() for line in out.stdout.split('\n') if line and line[0].isdigit()]
    assert out.returncode == 0 and len(rows) >= 50 and {r[0] for r in rows} == {'200'}, out
    # curl opens more than one before it knows that the first speaks HTTP/2; never one for each.
    assert sum(int(r[1]) for r in rows) < len(rows), out.stdout


def test_watch(api):
    """Both versions see each change as it is made."""
    for flag, _ in VERSIONS:
        rev = api.get(api.path('services')).json['metadata']['resourceVersion']
        with Watching(api, flag, url(api, api.path('services') + f'?watch=true&resourceVersion={rev}')) as w:
            api.post(api.path('services'), service('a')).want(201)
            assert w.next() == ('ADDED', 'a')
            api.patch(api.path('services', 'a'), {'metadata': {'labels': {'x': 'y'}}}).want(200)
            assert w.next() == ('MODIFIED', 'a')
            api.delete(api.path('services', 'a')).want(200)
            assert w.next() == ('DELETED', 'a')


def test_watch_ends_on_time(api):
    """timeoutSeconds ends a watch in order, not by a broken connection."""
    for flag, version in VERSIONS:
        got = curl(api, flag, url(api, api.path('services') + '?watch=true&timeoutSeconds=1'))
        assert got[:2] == (version, 200)


def test_strangers(api):
    """Without a certificate only health and version are told."""
    for flag, _ in VERSIONS:
        ca = credentials(api)[1]
        for path, status in (('/api/v1/services', '403'), ('/healthz', '200'), ('/version', '200')):
            out = subprocess.run(['curl', '-sS', flag, '--cacert', ca, '-o', '/dev/null', '-w', '%{http_code}', url(api, path)],
                                 capture_output=True, text=True, timeout=DEADLINE_S)
            assert out.stdout == status, (path, out)


def test_a_slow_reader_disturbs_nobody(api):
    """While one watcher reads nothing, another is given every event and calls are answered; then the first catches up."""
    big = 'x' * 400000
    for flag, _ in VERSIONS:
        rev = api.get(api.path('configmaps')).json['metadata']['resourceVersion']
        where = url(api, api.path('configmaps') + f'?watch=true&resourceVersion={rev}')
        with Watching(api, flag, where) as slow, Watching(api, flag, where) as quick:
            names = [f'n{flag[-1]}-{i}' for i in range(30)]
            for name in names:
                # 12 MB: more than curl, the kernel and the server's limit for one stream hold.
                began = time.monotonic()
                api.post(api.path('configmaps'), config_map(name, big=big)).want(201)
                assert quick.next() == ('ADDED', name)
                assert time.monotonic() - began < DEADLINE_S
            assert curl(api, flag, url(api, api.path('services')))[1] == 200
            for name in names:
                assert slow.next() == ('ADDED', name)
