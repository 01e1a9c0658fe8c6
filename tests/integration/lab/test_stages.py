#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that a Pod comes up, and goes, whatever is killed or hangs meanwhile: `fairlead pause` while it makes the
namespaces, the agent then, the pause while it is asked what runs, and while its containers are told to end. What hangs
is told in the Pod's status with a remedy, nothing is left behind, and a new agent takes no Pod out of rotation."""
import http.client
import json
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import threading

from lab import Lab, check, need, responder, run_tests, wait

SLEEP = '98779'  # how what hangs is found among all processes
# In place of the program that the agents were started from, so that what they start can hang.
WRAPPER = """#!/bin/sh
case "$1:$(cat {mode})" in
pause:hang) exec sleep {sleep} ;;
pause:late) {real} "$@"; exec sleep {sleep} ;;
pause:die) kill -9 $$ ;;
esac
exec {real} "$@"
"""


class StagesLab(Lab):
    def __init__(self, program, *up):
        self.real = os.path.abspath(program)
        self.folder = tempfile.mkdtemp(prefix='fairlead-stages-')
        copy = shutil.copy(program, f'{self.folder}/fairlead')
        super().__init__(copy, *up)

    def up(self):
        super().up()
        self.mode('')
        text = WRAPPER.format(mode=f'{self.folder}/mode', real=self.real, sleep=SLEEP)
        pathlib.Path(f'{self.folder}/new').write_text(text)
        os.chmod(f'{self.folder}/new', 0o755)
        os.rename(f'{self.folder}/new', f'{self.folder}/fairlead')
        self.program = self.real

    def down(self):
        super().down()
        shutil.rmtree(self.folder)

    def mode(self, how):
        pathlib.Path(f'{self.folder}/mode').write_text(how)


def processes(is_it):
    """The host's ids of those whose words are as asked for."""
    found = []
    for folder in pathlib.Path('/proc').glob('[0-9]*'):
        try:
            words = (folder / 'cmdline').read_bytes().decode(errors='replace').split('\0')[:-1]
            if words and is_it(words) and 'Z (' not in (folder / 'status').read_text():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def sleepers():
    return processes(lambda w: w == ['sleep', SLEEP])


def pauses(name):
    return processes(lambda w: w[1:2] == ['pause'] and w[-2:] == ['--hostname', name])


def status(lab, name):
    return lab.api.pod(name)['status']


def restarts(lab, name):
    return status(lab, name)['containerStatuses'][0]['restartCount']


def check_one_pause(lab, name):
    wait(f'one pause of {name}', lambda: len(pauses(name)) == 1)
    ip = status(lab, name)['podIP']
    check(wait('it answers', lambda: lab.ask('node1', f'http://{ip}/'))['pod'] == name, name)


def a_spawn_that_hangs_is_ended_and_tried_again(lab):
    lab.mode('hang')
    lab.api.create_pod('hangs', [responder()], 'node1')
    wait('the status says why', lambda: 'was ended' in status(lab, 'hangs').get('message', ''), 60)
    got = status(lab, 'hangs')
    check(got['reason'] == 'FailedCreatePodSandBox' and got['phase'] == 'Pending', got)
    check('Pod default/hangs, containers web: ' in got['message'] and 'overloaded' in got['message'], got)
    lab.mode('')
    for pid in sleepers():
        os.kill(pid, signal.SIGKILL)
    got = lab.api.wait_ready('hangs')['status']
    check('reason' not in got, got)
    check_one_pause(lab, 'hangs')


def a_spawn_that_dies_is_tried_again(lab):
    lab.mode('die')
    lab.api.create_pod('dies', [responder()], 'node1')
    wait('the status says why', lambda: 'status 137' in status(lab, 'dies').get('message', ''))
    lab.mode('')
    lab.api.wait_ready('dies')
    check_one_pause(lab, 'dies')


def a_pod_that_goes_while_it_is_spawned_leaves_nothing(lab):
    lab.mode('late')
    lab.api.create_pod('goes', [responder()], 'node1')
    wait('its pause is there', lambda: pauses('goes') and sleepers())
    lab.api.call('DELETE', '/api/v1/namespaces/default/pods/goes', {'kind': 'DeleteOptions', 'apiVersion': 'v1',
                                                                      'gracePeriodSeconds': 0})
    wait('all of it is gone', lambda: not pauses('goes') and not sleepers())
    lab.mode('')


def an_agent_killed_while_it_spawns_leaves_nothing(lab):
    lab.mode('hang')
    lab.api.create_pod('young', [responder()], 'node1')
    wait('it is being made', sleepers)
    lab.kill_part('agent-node1')
    wait('what made it has ended too', lambda: not sleepers())
    lab.mode('')
    lab.api.wait_ready('young')
    check_one_pause(lab, 'young')


def an_agent_killed_before_it_wires_is_finished_by_the_next(lab):
    """The namespaces are there, the Pod's network is not."""
    lab.mode('late')
    lab.api.create_pod('bare', [responder()], 'node2')
    wait('its pause is there', lambda: pauses('bare') and sleepers())
    before = pauses('bare')
    lab.kill_part('agent-node2')
    lab.mode('')
    lab.api.wait_ready('bare')
    check(set(pauses('bare')) <= set(before), 'the same pause')
    check_one_pause(lab, 'bare')


class Unready(threading.Thread):
    """Pods that the API said were not ready, or not running, since this began."""

    def __init__(self, lab):
        super().__init__(daemon=True)
        self.conn = http.client.HTTPSConnection('127.0.0.1', lab.api.port, context=lab.api.tls, timeout=300)
        self.conn.request('GET', '/api/v1/namespaces/default/pods?watch=1')
        self.answer, self.seen = self.conn.getresponse(), []
        self.start()

    def run(self):
        while line := self.answer.readline():
            pod = json.loads(line)['object']
            ready = any(c['type'] == 'Ready' and c['status'] == 'True' for c in pod['status'].get('conditions', []))
            if not ready or pod['status']['phase'] != 'Running':
                self.seen.append((pod['metadata']['name'], pod['status']))


def a_pause_that_hangs_is_waited_for_and_told(lab):
    names = ('steady', 'stopped', 'deleted', 'killed')
    for name in names:
        lab.api.create_pod(name, [responder()], 'node1')
    for name in names:
        lab.api.wait_ready(name)
    unready = Unready(lab)
    stopped = {name: pauses(name)[0] for name in names[1:]}
    for pid in stopped.values():
        os.kill(pid, signal.SIGSTOP)
    lab.kill_part('agent-node1')
    wait('the status says why', lambda: status(lab, 'stopped').get('reason') == 'SandboxUnresponsive', 60)
    text = status(lab, 'stopped')['message']
    check('Pod default/stopped, containers web: ' in text and 'Deleting the Pod ends it' in text, text)
    check(lab.api.condition('stopped') and restarts(lab, 'stopped') == 0, 'it runs as far as is known')
    check(lab.ask('node1', f"http://{status(lab, 'stopped')['podIP']}/"), 'and it does run')
    check(not unready.seen, unready.seen[:2])
    os.kill(stopped['killed'], signal.SIGKILL)
    wait('it is made anew', lambda: restarts(lab, 'killed') == 1 and lab.api.condition('killed'))
    lab.api.delete_pod('deleted')
    wait('it goes after its grace', lambda: not lab.api.exists('/api/v1/namespaces/default/pods/deleted'))
    check(not pauses('deleted'), 'with its pause')
    os.kill(stopped['stopped'], signal.SIGCONT)
    wait('nothing is told any more', lambda: 'reason' not in status(lab, 'stopped'))
    check(restarts(lab, 'stopped') == 0 and lab.api.condition('stopped'), 'it is as it was')
    check(not [s for s in unready.seen if s[0] in ('steady', 'stopped')], unready.seen[:2])


def a_pause_killed_while_its_pod_stops_is_no_hindrance(lab):
    lab.api.create_pod('stubborn', [{'name': 'c', 'image': 'x', 'command': [
        'sh', '-c', 'trap "" TERM; while :; do sleep 0.1; done']}], 'node2', terminationGracePeriodSeconds=600)
    lab.api.wait_ready('stubborn')
    lab.api.delete_pod('stubborn')
    check(lab.api.pod('stubborn')['metadata']['deletionTimestamp'], 'marked')
    os.kill(pauses('stubborn')[0], signal.SIGKILL)
    wait('it is gone', lambda: not lab.api.exists('/api/v1/namespaces/default/pods/stubborn'))


def an_agent_killed_while_its_pod_stops_goes_on(lab):
    lab.api.create_pod('slow', [{'name': 'c', 'image': 'x', 'command': [
        'sh', '-c', 'trap "sleep 3; exit 0" TERM; while :; do sleep 0.1; done']}], 'node2', terminationGracePeriodSeconds=600)
    lab.api.wait_ready('slow')
    lab.api.delete_pod('slow')
    lab.kill_part('agent-node2')
    wait('it is gone', lambda: not lab.api.exists('/api/v1/namespaces/default/pods/slow'))
    check(not pauses('slow'), 'with its pause')


def main():
    program = sys.argv[1]
    need(program, 'server', 'agent', 'lab')
    lab = StagesLab(program, '--nodes', '2', '--proxy-mode', 'none')
    try:
        lab.up()
        return run_tests(lab, [
            a_spawn_that_hangs_is_ended_and_tried_again, a_spawn_that_dies_is_tried_again,
            a_pod_that_goes_while_it_is_spawned_leaves_nothing, an_agent_killed_while_it_spawns_leaves_nothing,
            an_agent_killed_before_it_wires_is_finished_by_the_next, a_pause_that_hangs_is_waited_for_and_told,
            a_pause_killed_while_its_pod_stops_is_no_hindrance, an_agent_killed_while_its_pod_stops_goes_on])
    finally:
        lab.down()


if __name__ == '__main__':
    sys.exit(main())
