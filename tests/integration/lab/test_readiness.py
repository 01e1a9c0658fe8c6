#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that a Pod whose process is killed or whose probe fails is out of rotation within a second of that verdict, that
no connection attempted afterwards, of hundreds from another node, reaches it, and that it comes back."""
import ast
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time

from lab import Connects, Lab, check, need, responder, run_tests, wait

PODS = {'web-1': 'node1', 'web-2': 'node2', 'web-3': 'node3'}
OUT_S = 1.0  # within that after the verdict nothing reaches the Pod any more
# Opens connections from fixed source ports, holds them, and opens them again, a step for each line that it reads; says
# what came of each: {port: 'open' or what failed}. The ports are below those that the kernel gives to others: one that a
# curl of an earlier test had and that is in TIME_WAIT cannot be bound for a minute.
SAME_PORTS = """
import errno, socket, sys
RESET = bytes([1, 0, 0, 0, 0, 0, 0, 0])  # closing ends the connection by a reset
held = []
def connect(port):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    s.settimeout(3)
    step = 'bind'
    try:
        s.bind(('', port))
        step = 'connect'
        s.connect((sys.argv[1], 80))
        step = 'send'
        s.sendall(b'G')
        held.append(s)
        return 'open'
    except OSError as e:
        s.close()
        return f'{step}: {errno.errorcode.get(e.errno, type(e).__name__)}'
def connect_all():
    print({p: connect(p) for p in range(20000, 20020)}, flush=True)
connect_all()
sys.stdin.readline()
for h in held:
    h.close()
print('closed', flush=True)
sys.stdin.readline()
connect_all()
"""
AFTER = 400  # connects that are looked at then
PROBE = {'httpGet': {'path': '/healthz', 'port': 80}, 'periodSeconds': 1, 'failureThreshold': 1}


class Verdicts(threading.Thread):
    """When the API said first that a Pod is ready or not, by a watch."""

    def __init__(self, lab):
        super().__init__(daemon=True)
        self.conn = http.client.HTTPSConnection('127.0.0.1', lab.api.port, context=lab.api.tls, timeout=300)
        self.conn.request('GET', '/api/v1/namespaces/default/pods?watch=1')
        self.answer = self.conn.getresponse()
        self.said = []  # (when, Pod, is ready)

    def run(self):
        while line := self.answer.readline():
            when, pod = time.monotonic(), json.loads(line)['object']
            ready = any(c['type'] == 'Ready' and c['status'] == 'True' for c in pod['status'].get('conditions', []))
            last = next((r for _, p, r in reversed(self.said) if p == pod['metadata']['name']), None)
            if ready != last:
                self.said.append((when, pod['metadata']['name'], ready))

    def wait_for(self, pod, ready, since):
        return wait(f'{pod} is ready={ready}', lambda: next(
            (t for t, p, r in self.said if p == pod and r == ready and t >= since), None))


def processes_of(lab, pod):
    """The host's ids of what runs in a Pod, but its sandbox's first process (process 1 there)."""
    inside = lab.inside('pod/' + pod, 'readlink', '/proc/1/ns/pid')
    found = []
    for line in subprocess.run(['ps', '-eo', 'pid='], capture_output=True, text=True).stdout.split():
        try:
            with open(f'/proc/{line}/status') as f:
                ids = next(x for x in f if x.startswith('NSpid:')).split()[1:]
        except (OSError, StopIteration):
            continue
        link = subprocess.run(['readlink', f'/proc/{line}/ns/pid'], capture_output=True, text=True).stdout.strip()
        if link == inside and ids[-1] != '1':
            found.append(int(line))
    return found


def make(lab):
    for name, node in PODS.items():
        lab.api.create_pod(name, [responder(80, readinessProbe=PROBE)], node, {'run': 'web'})
    for node in ('node1', 'node3'):
        lab.api.create_pod(f'asker-{node}', [responder()], node)
    lab.vip = lab.api.create_service('web', {'run': 'web'}, [{'port': 80, 'nodePort': 30080}],
                                     type='NodePort')['spec']['clusterIP']
    for name in (*PODS, 'asker-node1', 'asker-node3'):
        lab.api.wait_ready(name)
    for place in ('pod/asker-node1', 'pod/asker-node3'):
        wait(f'all answer {place}', lambda p=place: {(lab.ask(p, f'http://{lab.vip}/') or {}).get('pod')
                                                     for _ in range(12)} == set(PODS))
    lab.verdicts = Verdicts(lab)
    lab.verdicts.start()
    for name in PODS:
        lab.verdicts.wait_for(name, True, 0)


def begin(lab):
    """From the Pod's own node's neighbours on both sides, and from outside through a node port."""
    all_ = [Connects(lab, 'pod/asker-node1', {'vip': f'tcp:{lab.vip}:80'}, 2),
            Connects(lab, 'pod/asker-node3', {'vip': f'tcp:{lab.vip}:80'}, 2),
            Connects(lab, 'client', {'port': 'tcp:203.0.113.11:30080'}, 2)]
    for c in all_:
        c.wait_for(50)
    return all_


def wait_for_hundreds(loads, verdict):
    wait('hundreds of connects after it', lambda: sum(s[1] > verdict + OUT_S for c in loads for s in list(c.seen)) > AFTER)


def wait_until_it_is_met(loads, pod, since):
    for c in loads:
        wait(f'{c.place} meets {pod} again', lambda c=c: any(s[3] == pod and s[1] > since for s in list(c.seen)))


def stop_and_judge(loads, pod, verdict, until):
    """What began a second after the verdict or later, until the Pod may be back, met others: no connect failed (a dead
    process would have refused), and none was answered by the Pod."""
    seen = [(c.place, *s) for c in loads for s in c.stop()]
    met = [s for s in seen if s[2] < until and (s[4] == pod or s[4].startswith('!'))]
    last = max(s[2] for s in met) - verdict
    looked = sum(verdict + OUT_S < s[2] < until for s in seen)
    print(f'# {pod}: the last connect that met it began {1000 * last:.0f} ms after the verdict; {looked} later ones met '
          'others')
    check(last <= OUT_S, f'{max(met, key=lambda s: s[2])} {last:.3f} s after the verdict')
    check(looked >= AFTER, f'only {looked} connects in the time that counts')
    failed = [(s[0], s[4], f'{s[2] - verdict:.3f} s after the verdict') for s in seen
              if s[4].startswith('!') and s[2] > verdict + OUT_S]
    check(not failed, f'connects failed: {failed[:3]}')


def a_failing_probe(lab):
    ip = lab.api.pod('web-2')['status']['podIP']
    loads, began = begin(lab), time.monotonic()
    check(lab.inside('node2', 'curl', '-s', f'http://{ip}/fail') is not None, 'told to fail')
    verdict = lab.verdicts.wait_for('web-2', False, began)
    wait_for_hundreds(loads, verdict)
    back = time.monotonic()
    lab.inside('node2', 'curl', '-s', f'http://{ip}/ok')
    lab.verdicts.wait_for('web-2', True, back)
    wait_until_it_is_met(loads, 'web-2', back)
    stop_and_judge(loads, 'web-2', verdict, back)


def kill_processes(lab, pod):
    pids = processes_of(lab, pod)
    check(pids, f'nothing runs in {pod}')
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def a_killed_process(lab):
    loads, began = begin(lab), time.monotonic()
    kill_processes(lab, 'web-2')
    # It is started again at once; the second death is followed by a pause of 10 s.
    wait('started again', lambda: lab.api.pod('web-2')['status']['containerStatuses'][0]['restartCount'] == 1 and
         lab.api.condition('web-2'))
    again = time.monotonic()
    kill_processes(lab, 'web-2')
    verdict = lab.verdicts.wait_for('web-2', False, again)
    wait_for_hundreds(loads, verdict)
    until = time.monotonic()
    back = lab.verdicts.wait_for('web-2', True, verdict)
    check(back > until, 'it stayed down long enough to look')
    wait_until_it_is_met(loads, 'web-2', back)
    # Between its first death and the verdict on it connects were refused, and nowhere else.
    stop_and_judge(loads, 'web-2', verdict, until)
    first = next(t for t, p, ready in lab.verdicts.said if p == 'web-2' and not ready and t > began)
    late = [s for c in loads for s in c.failed() if first + OUT_S < s[1] < again]
    check(not late, f'refused after the first verdict: {late[:3]}')


def check_open(said, when):
    failed = {port: how for port, how in ast.literal_eval(said or '{}').items() if how != 'open'}
    check(said and not failed, f'{when} these were not open, by their source ports: {failed or "the client ended"}')


def a_source_port_that_is_taken_again(lab):
    """A process dies with connections that it has not accepted yet: they are reset, and the kernel remembers them for
    10 s. Who takes the same source port meanwhile must not be led to the dead one."""
    for name, node in (('stays', 'node1'), ('leaves', 'node2')):
        lab.api.create_pod(name, [responder(80)], node, {'run': 'mixed'}, restartPolicy='Never')
    vip = lab.api.create_service('mixed', {'run': 'mixed'}, [{'port': 80}])['spec']['clusterIP']
    for name in ('stays', 'leaves'):
        lab.api.wait_ready(name)
    wait('both are in rotation', lambda: {(lab.ask('pod/asker-node3', f'http://{vip}/') or {}).get('pod')
                                          for _ in range(8)} == {'stays', 'leaves'})
    pids, began = processes_of(lab, 'leaves'), time.monotonic()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    client = subprocess.Popen([lab.program, 'lab', 'exec', '--state-dir', lab.dir, 'pod/asker-node3', '--', sys.executable,
                               '-c', SAME_PORTS, vip], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        check_open(client.stdout.readline(), 'at first')
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        verdict = lab.verdicts.wait_for('leaves', False, began)
        client.stdin.write('close\n')
        client.stdin.flush()
        client.stdout.readline()
        time.sleep(max(0.0, verdict + OUT_S - time.monotonic()))
        client.stdin.write('again\n')
        client.stdin.flush()
        check_open(client.stdout.readline(), 'after one was dead')
    finally:
        client.kill()
        client.wait()


def main():
    need(sys.argv[1], 'server', 'agent', 'proxy', 'dns', 'lab')
    lab = Lab(sys.argv[1])
    try:
        lab.up()
        make(lab)
        return run_tests(lab, [a_failing_probe, a_killed_process, a_source_port_that_is_taken_again])
    finally:
        lab.down()


if __name__ == '__main__':
    sys.exit(main())
