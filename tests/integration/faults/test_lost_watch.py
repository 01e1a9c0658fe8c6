#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that a part that has lost its watch looks at everything anew and mends what differs: after it slept through the
server's death and many changes, and after the server came back with an older state, as from a backup."""
import http.client
import os
import pathlib
import shutil
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'lab'))
from lab import Failed, Lab, check, need, responder, run_tests, wait  # noqa: E402

PARTS = ('dns', *(f'{p}-node{n}' for p in ('agent', 'proxy') for n in (1, 2)))
SERVICES = '/api/v1/namespaces/default/services'
AGAIN_S = 60


def is_ready(lab):
    try:
        return lab.api.call('GET', '/readyz') == 'ok'
    except (OSError, http.client.HTTPException, Failed):
        return False


def make_service(lab, name, selector='web'):
    return lab.api.create_service(name, {'run': selector}, [{'port': 80}])['spec']['clusterIP']


def resolved(lab, name):
    return lab.inside('node1', 'dig', '@10.96.0.10', '+short', '+time=1', f'{name}.default.svc.cluster.local')


def is_served(lab, name, address):
    """By the proxies of both nodes and by DNS."""
    return all(lab.ask(p, f'http://{address}/') for p in ('pod/asker', 'node2')) and resolved(lab, name) == address


def is_gone(lab, name, address):
    """Nobody answers at the address, not even by a refusal that says: I know it."""
    def programmed(node):
        return f'"{address}"' in (lab.inside(node, 'nft', '-j', 'list', 'set', 'ip', 'fairlead', 'cluster-ips') or '')
    return not programmed('node1') and not programmed('node2') and resolved(lab, name) == ''


def a_cluster_is_there(lab):
    lab.api.create_pod('web', [responder(80)], 'node1', {'run': 'web'})
    lab.api.create_pod('other', [responder(80)], 'node2', {'run': 'other'})
    lab.api.create_pod('asker', [responder()], 'node2')
    for name in ('web', 'other', 'asker'):
        lab.api.wait_ready(name)
    lab.old = make_service(lab, 'old')
    wait('it works', lambda: is_served(lab, 'old', lab.old))


def parts_that_slept_find_out(lab):
    """All parts but the server stop; it is killed and started again; things come, go and change."""
    gone, kept = make_service(lab, 'gone'), make_service(lab, 'kept')
    wait('both work', lambda: is_served(lab, 'gone', gone) and is_served(lab, 'kept', kept))
    pids = [lab.host_pid(p) for p in PARTS]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        lab.api.call('DELETE', f'{SERVICES}/gone')
        os.kill(lab.host_pid('server'), signal.SIGKILL)
        wait('the server is back', lambda: is_ready(lab), AGAIN_S)
        come = make_service(lab, 'come')
        lab.api.call('PATCH', f'{SERVICES}/kept', {'spec': {'selector': {'run': 'other'}}},
                     'application/merge-patch+json')
        for i in range(300):
            make_service(lab, f'brief-{i}')
            lab.api.call('DELETE', f'{SERVICES}/brief-{i}')
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    wait('what came works', lambda: is_served(lab, 'come', come), AGAIN_S)
    wait('what went is gone', lambda: is_gone(lab, 'gone', gone), AGAIN_S)
    wait('what changed has changed', lambda: {(lab.ask('pod/asker', f'http://{kept}/') or {}).get('pod')
                                              for _ in range(4)} == {'other'}, AGAIN_S)
    check(is_served(lab, 'old', lab.old), 'what stayed stays')


def copy_data(lab, to):
    """As a backup does it, at one moment: the server is stopped meanwhile."""
    pid = lab.host_pid('server')
    os.kill(pid, signal.SIGSTOP)
    try:
        shutil.copytree(f'{lab.dir}/data', to)
    finally:
        os.kill(pid, signal.SIGCONT)


def put_back(lab, backup):
    """The server dies and finds the older data when it is started. The supervisor waits meanwhile."""
    supervisor = lab.supervisor()
    os.kill(supervisor, signal.SIGSTOP)
    try:
        pid = lab.host_pid('server')
        os.kill(pid, signal.SIGKILL)
        # It stays a zombie while its parent is stopped.
        wait('it is dead', lambda: 'State:\tZ' in pathlib.Path(f'/proc/{pid}/status').read_text())
        shutil.rmtree(f'{lab.dir}/data')
        shutil.copytree(backup, f'{lab.dir}/data')
    finally:
        os.kill(supervisor, signal.SIGCONT)


def a_server_restored_from_a_backup(lab):
    """Revisions go back: what the parts hold is newer than what there is."""
    back = make_service(lab, 'back')
    wait('it works', lambda: is_served(lab, 'back', back))
    copy_data(lab, f'{lab.tmp}/backup')
    lab.api.call('DELETE', f'{SERVICES}/back')
    never = make_service(lab, 'never')
    for i in range(50):
        make_service(lab, f'late-{i}')
    wait('before', lambda: is_gone(lab, 'back', back) and is_served(lab, 'never', never))
    put_back(lab, f'{lab.tmp}/backup')
    wait('the server is back', lambda: is_ready(lab), AGAIN_S)
    began = time.monotonic()
    wait('what was deleted later works again', lambda: is_served(lab, 'back', back), AGAIN_S)
    wait('what was made later is gone', lambda: is_gone(lab, 'never', never), AGAIN_S)
    print(f'# mended {time.monotonic() - began:.1f} s after the server was back')
    check(is_served(lab, 'old', lab.old), 'what stayed stays')
    new = make_service(lab, 'new')
    wait('and what is new works', lambda: is_served(lab, 'new', new), AGAIN_S)
    lab.api.create_pod('late', [responder(80)], 'node1', {'run': 'late'})
    lab.api.wait_ready('late')


def main():
    need(sys.argv[1], 'server', 'agent', 'proxy', 'dns', 'lab')
    lab = Lab(sys.argv[1], '--nodes', '2')
    try:
        lab.up()
        return run_tests(lab, [a_cluster_is_there, parts_that_slept_find_out, a_server_restored_from_a_backup])
    finally:
        lab.down()


if __name__ == '__main__':
    sys.exit(main())
