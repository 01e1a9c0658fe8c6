#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""clients.py FAIRLEAD: the clients that people use, unchanged, against a server on the sqlite store.

Proves that kubectl (every one that is installed, the oldest and the newest that are supported) applies with
validation on, gets, describes, watches, edits, patches and deletes; that python3-kubernetes lists and watches; that
curl speaks HTTP/1.1 and HTTP/2. A client that is not installed is skipped. Prints one line a step.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / 'tests/conformance/api'))
from api import DEADLINE_S, Server, service, until  # noqa: E402

KUBECTLS = ['/usr/bin/kubectl', os.path.expanduser('~/.cache/fairlead-peers/bin/kubectl')]
MANIFEST = '''apiVersion: v1
kind: Service
metadata: {name: web, labels: {app: web}}
spec:
  type: NodePort
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: 8080}, {name: https, port: 443}]
---
apiVersion: v1
kind: Pod
metadata: {name: web-0, labels: {app: web}}
spec:
  containers: [{name: c, image: example.com/c, ports: [{containerPort: 8080}]}]
'''
EDITOR = '#!/bin/sh\nsed -i "s/targetPort: 8080/targetPort: 9090/" "$1"\n'


class Kubectl:
    def __init__(self, path, server, home):
        self.path, self.home = path, home
        self.env = dict(os.environ, KUBECONFIG=str(server.folder / 'kubeconfig'), HOME=str(home),
                        KUBE_EDITOR=str(home / 'edit'))

    def __call__(self, *args, stdin=None, fails=False):
        out = subprocess.run([self.path, *args], input=stdin, capture_output=True, text=True, env=self.env, timeout=DEADLINE_S)
        assert (out.returncode != 0) == fails, (args, out.stdout, out.stderr)
        return out.stderr if fails else out.stdout


def kubectl(path, server, home):
    (home / 'edit').write_text(EDITOR)
    (home / 'edit').chmod(0o755)
    k = Kubectl(path, server, home)
    assert 'service/web created' in k('apply', '-f', '-', stdin=MANIFEST)
    assert k('apply', '-f', '-', stdin=MANIFEST).count('unchanged') == 2
    bad = MANIFEST.replace('type: NodePort', 'typo: NodePort')
    assert 'typo' in k('apply', '-f', '-', stdin=bad, fails=True)
    table = k('get', 'svc', 'web', '-o', 'wide').splitlines()
    assert table[0].split() == ['NAME', 'TYPE', 'CLUSTER-IP', 'EXTERNAL-IP', 'PORT(S)', 'AGE', 'SELECTOR'], table
    assert table[1].split()[:2] == ['web', 'NodePort'] and table[1].split()[-1] == 'app=web'
    assert 'Pending' in k('get', 'pods')
    assert 'service/web' in k('get', 'all', '-o', 'name')
    assert 'NodePort' in k('describe', 'svc', 'web') and 'web-0' in k('describe', 'pod', 'web-0')
    watch = subprocess.Popen([path, 'get', 'svc', 'web', '-w', '-o', 'name'], stdout=subprocess.PIPE, text=True, env=k.env)
    try:
        assert watch.stdout.readline() == 'service/web\n'
        k('label', 'svc', 'web', 'colour=red')
        assert watch.stdout.readline() == 'service/web\n'
    finally:
        watch.kill()
        watch.wait()
        watch.stdout.close()
    k('edit', 'svc', 'web')
    assert json.loads(k('get', 'svc', 'web', '-o', 'json'))['spec']['ports'][0]['targetPort'] == 9090
    k('patch', 'svc', 'web', '--type=json', '-p', '[{"op":"remove","path":"/metadata/labels/colour"}]')
    k('patch', 'svc', 'web', '--type=merge', '-p', '{"spec":{"type":"ClusterIP"}}')
    k('annotate', 'svc', 'web', 'a=b')
    assert 'not found' in k('get', 'svc', 'none', fails=True)
    assert 'Type' in k('explain', 'service.spec') or 'type' in k('explain', 'service.spec')
    assert 'endpointslices' in k('api-resources')
    k('delete', '-f', '-', stdin=MANIFEST)
    assert 'web' not in k('get', 'svc,pods', '-o', 'name')


def curl(server, api):
    tool = shutil.which('curl')
    pki = server.data / 'pki'
    base = [tool, '-sS', '-N', '--max-time', str(DEADLINE_S), '--cacert', pki / 'ca.crt', '--cert', pki / 'admin.crt', '--key',
            pki / 'admin.key']
    url = f'https://127.0.0.1:{server.port}/api/v1/services'
    for version, shown in (('--http1.1', '1.1'), ('--http2', '2')):
        out = subprocess.run([*base, version, '-w', '\n%{http_version}', url], capture_output=True, text=True, check=True).stdout
        body, used = out.rsplit('\n', 1)
        assert used == shown and json.loads(body)['kind'] == 'ServiceList', out[-200:]
        watch = subprocess.Popen([*base, version, url + '?watch=1&fieldSelector=metadata.name%3Dcurl'], stdout=subprocess.PIPE, text=True)
        try:
            api.post('/api/v1/namespaces/default/services', service('curl')).want(201)
            assert json.loads(watch.stdout.readline())['type'] == 'ADDED'
            api.delete('/api/v1/namespaces/default/services/curl').want(200)
            assert json.loads(watch.stdout.readline())['type'] == 'DELETED'
        finally:
            watch.kill()
            watch.wait()
            watch.stdout.close()


PYTHON = '''
import sys
from kubernetes import client, config, watch
config.load_kube_config(sys.argv[1])
v1 = client.CoreV1Api()
names = [s.metadata.name for s in v1.list_namespaced_service("default").items]
assert "kubernetes" in names, names
listed = v1.list_service_for_all_namespaces()
v1.create_namespaced_service("default", {"metadata": {"name": "py"}, "spec": {"ports": [{"port": 80}]}})
for event in watch.Watch().stream(v1.list_namespaced_service, "default", resource_version=listed.metadata.resource_version,
                                  timeout_seconds=10):
    assert event["type"] == "ADDED" and event["object"].metadata.name == "py", event
    break
v1.delete_namespaced_service("py", "default")
print("seen")
'''


def python_client(server):
    for interpreter in ('/usr/bin/python3', sys.executable):
        if subprocess.run([interpreter, '-c', 'import kubernetes'], capture_output=True).returncode == 0:
            out = subprocess.run([interpreter, '-c', PYTHON, str(server.folder / 'kubeconfig')], capture_output=True, text=True,
                                 timeout=DEADLINE_S * 3)
            assert out.stdout.strip() == 'seen', out.stderr
            return True
    return False


def main():
    with tempfile.TemporaryDirectory(prefix='fairlead-clients-') as folder:
        server = Server(sys.argv[1], 'sqlite', folder)
        server.start()
        try:
            api = server.api('clients')
            for i, path in enumerate(KUBECTLS):
                if not os.path.exists(path):
                    print(f'skipped: {path} is not installed')
                    continue
                home = pathlib.Path(folder) / f'home{i}'
                home.mkdir()
                kubectl(path, server, home)
                print(f'passed: {path}', flush=True)
            curl(server, api)
            print('passed: curl --http1.1 and --http2', flush=True)
            print('passed: python3-kubernetes' if python_client(server) else 'skipped: python3-kubernetes is not installed')
            until('the server to stand', lambda: api.get('/readyz').raw == b'ok')
        finally:
            server.stop()
    return 0


if __name__ == '__main__':
    sys.exit(main())
