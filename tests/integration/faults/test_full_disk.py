#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that on a full disk writes answer 5xx with a Status that says why, that reads, watches and the kernel go on, and
that writes work again when there is room. The disk is a small tmpfs in a mount namespace of the test's own."""
import http.client
import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'lab'))
from lab import Connects, Lab, check, need, responder, run_tests, wait  # noqa: E402

INSIDE = 'FAIRLEAD_TEST_DISK'  # set in the copy of this program that has its own mounts
SIZE = '24m'
MAPS = '/api/v1/namespaces/default/configmaps'


def raw(lab, method, path, body=None):
    """(status, answer), whatever the status."""
    conn = http.client.HTTPSConnection('127.0.0.1', lab.api.port, context=lab.api.tls, timeout=20)
    try:
        conn.request(method, path, json.dumps(body) if body else None, {'Content-Type': 'application/json'})
        answer = conn.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        conn.close()


def write(lab, name, size):
    return raw(lab, 'POST', MAPS, {'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': name},
                                   'data': {'x': 'y' * size}})


class Watch(threading.Thread):
    def __init__(self, lab):
        super().__init__(daemon=True)
        self.conn = http.client.HTTPSConnection('127.0.0.1', lab.api.port, context=lab.api.tls, timeout=300)
        self.conn.request('GET', f'{MAPS}?watch=1')
        self.answer, self.seen = self.conn.getresponse(), []

    def run(self):
        while line := self.answer.readline():
            self.seen.append(json.loads(line)['object']['metadata']['name'])


def fill(lab):
    """Not a byte is left."""
    with open(f'{lab.tmp}/ballast', 'ab', buffering=0) as f:
        for size in (65536, 4096, 512, 1):
            try:
                while True:
                    f.write(b'\0' * size)
            except OSError:
                continue


def a_cluster_is_there(lab):
    lab.api.create_pod('web', [responder(80)], 'node1', {'run': 'web'})
    lab.api.create_pod('asker', [responder()], 'node2')
    lab.vip = lab.api.create_service('web', {'run': 'web'}, [{'port': 80}])['spec']['clusterIP']
    for name in ('web', 'asker'):
        lab.api.wait_ready(name)
    wait('it answers', lambda: all(lab.ask('pod/asker', f'http://{lab.vip}/') for _ in range(4)))
    lab.load = Connects(lab, 'pod/asker', {'vip': f'tcp:{lab.vip}:80',
                                           'dns': 'dns:10.96.0.10:web.default.svc.cluster.local'}, 20)
    lab.load.wait_for(10)
    lab.watch = Watch(lab)
    lab.watch.start()


def writes_fail_with_a_status(lab):
    fill(lab)
    lab.acked, refused = [], []
    for i in range(400):
        status, got = write(lab, f'full-{i}', 20000)
        if status < 300:
            lab.acked.append(f'full-{i}')
            continue
        refused.append(got)
        check(500 <= status < 600, f'{status} {got}')
        check(got['kind'] == 'Status' and got['status'] == 'Failure' and got['code'] == status and got['message'],
              f'a Status that says why: {got}')
        if len(refused) == 20:
            break
    check(len(refused) == 20, f'only {len(refused)} writes failed')
    print(f"# {len(lab.acked)} writes went through, then: {refused[0]['code']} {refused[0]['message']}")
    status, _ = raw(lab, 'DELETE', f'{MAPS}/none-of-that-name')
    check(status == 404, 'what needs no room is answered as ever')


def reads_watches_and_the_kernel_go_on(lab):
    status, got = raw(lab, 'GET', MAPS)
    names = {o['metadata']['name'] for o in got['items']} - {'kube-root-ca.crt'}
    check(status == 200 and names == set(lab.acked), f'the list has what was acknowledged: {names ^ set(lab.acked)}')
    wait('the watch has seen the same', lambda: set(lab.watch.seen) >= set(lab.acked))
    check(set(lab.watch.seen) - {'kube-root-ca.crt'} == set(lab.acked), 'and nothing that was refused')
    check(lab.watch.is_alive(), 'the watch is open')
    check(lab.host_pid('server') and lab.part('server')['restarts'] == 0, 'the server lives')
    lab.load.wait_for(100)
    check(not lab.load.failed(), f'connects or names failed: {lab.load.failed()[:3]}')


def it_recovers_when_there_is_room(lab):
    os.unlink(f'{lab.tmp}/ballast')
    wait('writes work again', lambda: write(lab, 'room', 20000)[0] == 201)
    wait('the watch sees it', lambda: 'room' in lab.watch.seen)
    check(raw(lab, 'DELETE', f'{MAPS}/room')[0] == 200, 'deleting too')
    lab.api.create_pod('late', [responder(80)], 'node1', {'run': 'late'})
    vip = lab.api.create_service('late', {'run': 'late'}, [{'port': 80}])['spec']['clusterIP']
    lab.api.wait_ready('late')
    wait('what is new works', lambda: lab.ask('pod/asker', f'http://{vip}/'))


def all_of_it_is_there_after_a_restart_on_a_full_disk(lab):
    before = {o['metadata']['name']: o['metadata']['resourceVersion'] for o in raw(lab, 'GET', MAPS)[1]['items']}
    fill(lab)
    for i in range(400):
        if write(lab, f'again-{i}', 20000)[0] >= 500:
            break
        before[f'again-{i}'] = raw(lab, 'GET', f'{MAPS}/again-{i}')[1]['metadata']['resourceVersion']
    os.kill(lab.host_pid('server'), 9)
    lab.load.wait_for(100)
    os.unlink(f'{lab.tmp}/ballast')

    def there():
        try:
            return {o['metadata']['name']: o['metadata']['resourceVersion'] for o in raw(lab, 'GET', MAPS)[1]['items']}
        except (OSError, http.client.HTTPException, KeyError, ValueError):
            return None
    wait('the server is back with all that was acknowledged', lambda: there() == before)
    wait('and takes writes', lambda: write(lab, 'last', 100)[0] == 201)
    lab.load.stop()
    failed = [s for s in lab.load.failed() if s[0] == 'vip']
    check(not failed, f'connects failed: {failed[:3]}')


def main():
    need(sys.argv[1], 'server', 'agent', 'proxy', 'dns', 'lab')
    if INSIDE not in os.environ:
        return subprocess.run(['unshare', '-m', '--propagation', 'unchanged', sys.executable, *sys.argv],
                              env=dict(os.environ, **{INSIDE: '1'}), check=False).returncode
    lab = Lab(sys.argv[1], '--nodes', '2')
    # In a chroot '/' is no mount point: then the mounts below it are made private one by one.
    if subprocess.run(['mount', '--make-rprivate', '/'], stderr=subprocess.DEVNULL).returncode != 0:
        subprocess.run(['mount', '--make-rprivate', '/tmp'], stderr=subprocess.DEVNULL)
    subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={SIZE}', 'none', lab.tmp], check=True)
    try:
        lab.up()
        return run_tests(lab, [
            a_cluster_is_there, writes_fail_with_a_status, reads_watches_and_the_kernel_go_on,
            it_recovers_when_there_is_room, all_of_it_is_there_after_a_restart_on_a_full_disk])
    finally:
        lab.verb('down')
        subprocess.run(['umount', '-l', lab.tmp], check=False)
        shutil.rmtree(lab.tmp, ignore_errors=True)


if __name__ == '__main__':
    sys.exit(main())
