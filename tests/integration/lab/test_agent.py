#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that the agent runs Pods as it should: addresses, names, environment, logs, probes, restarts, deletion, and
that Pods outlive it. In a lab without proxies."""
import pathlib
import re
import sys
import time

from lab import Lab, check, need, responder, run_tests, wait


def restarts(lab, name):
    return [c['restartCount'] for c in lab.api.pod(name)['status'].get('containerStatuses', [])]


def pods_reach_each_other_on_both_families(lab):
    lab.api.create_pod('near', [responder()], 'node1')
    lab.api.create_pod('same', [responder()], 'node1')
    lab.api.create_pod('far', [responder()], 'node2')
    for name in ('near', 'same', 'far'):
        lab.api.wait_ready(name)
    status = lab.api.pod('far')['status']
    check(status['phase'] == 'Running' and status['startTime'], status)
    check(status['hostIP'] == '198.51.100.12', status['hostIP'])
    check(status['podIP'].startswith('10.244.2.'), status['podIP'])
    for target in ('near', 'same', 'far'):
        ips = [p['ip'] for p in lab.api.pod(target)['status']['podIPs']]
        check(len(ips) == 2, ips)
        for url in (f'http://{ips[0]}/', f'http://[{ips[1]}]/'):
            got = lab.ask('pod/near', url)
            check(got and got['pod'] == target, f'{url}: {got}')
    got = lab.ask('pod/near', f"http://{status['podIP']}/")
    check(got['from'].startswith('10.244.1.'), f'the Pod\'s own address is seen: {got}')


def a_pod_has_names_and_environment(lab):
    lab.api.create_service('redis-primary', {'a': 'b'}, [{'port': 6379}], clusterIP='10.96.7.7')
    shell = ('echo $REDIS_PRIMARY_SERVICE_HOST $REDIS_PRIMARY_PORT_6379_TCP_PORT $MY_IP $KUBERNETES_SERVICE_HOST;'
             'hostname; pwd; cat /etc/resolv.conf /etc/hosts; echo oops >&2; sleep 60')
    lab.api.create_pod('named', [{'name': 'sh', 'image': 'x', 'command': ['sh', '-c', shell], 'workingDir': '/tmp', 'env': [
        {'name': 'MY_IP', 'valueFrom': {'fieldRef': {'fieldPath': 'status.podIP'}}}]}], 'node1')
    lab.api.wait_ready('named')
    ip = lab.api.pod('named')['status']['podIP']
    log = wait('its log is whole', lambda: (t := lab.api.call(
        'GET', '/api/v1/namespaces/default/pods/named/log')) and 'oops' in t and t)
    check(f'10.96.7.7 6379 {ip} 10.96.0.1\nnamed\n/tmp\nnameserver 10.96.0.10\n' in log, log)
    check('search default.svc.cluster.local svc.cluster.local cluster.local' in log, log)
    check(f'{ip}\tnamed' in log, log)
    tail = lab.api.call('GET', '/api/v1/namespaces/default/pods/named/log?tailLines=1')
    check(tail == 'oops\n', tail)


def logs_need_a_certificate(lab):
    """The server's own: a Pod or a stranger on the network has none, the other parts have others."""
    def status(path, *more):
        return lab.inside('node2', 'curl', '-sk', '-m', '5', '-o', '/dev/null', '-w', '%{http_code}', *more,
                          f'https://198.51.100.11:10250{path}')
    check(status('/healthz') == '200', 'anyone may ask whether it is healthy')
    logs = '/containerLogs/default/named/sh'
    check(status(logs) == '401', status(logs))
    for who, want in (('dns', '403'), ('nodes/node2/client', '403'), ('agent-client', '200')):
        cert = f'{lab.dir}/data/pki/{who}'
        got = status(logs, '--cert', cert + '.crt', '--key', cert + '.key')
        check(got == want, f'{who}: {got}')


def a_followed_log_is_whole(lab):
    """Also when it is rotated meanwhile (at 10 MiB)."""
    shell = 'sleep 1; awk \'BEGIN { x = sprintf("%4000s", "x"); for (i = 1; i <= 4000; i++) { print i, x; ' \
            'if (i % 250 == 0) { fflush(); system("sleep 0.1") } } }\''
    lab.api.create_pod('talker', [{'name': 'c', 'image': 'x', 'command': ['sh', '-c', shell]}], 'node1', restartPolicy='Never')
    wait('it runs', lambda: lab.api.pod('talker')['status'].get('phase') == 'Running')
    text = lab.api.call('GET', '/api/v1/namespaces/default/pods/talker/log?follow=true')
    numbers = [int(line.split()[0]) for line in text.splitlines()]
    check(numbers == list(range(1, 4001)), f'{len(numbers)} lines, the last {numbers[-1:]}')


def a_dead_process_is_not_ready_at_once_and_comes_back(lab):
    lab.api.create_pod('mortal', [responder()], 'node2')
    lab.api.wait_ready('mortal')
    lab.inside('pod/mortal', 'kill', '-9', '2')
    wait('started again', lambda: restarts(lab, 'mortal') == [1])
    lab.api.wait_ready('mortal')
    last = lab.api.pod('mortal')['status']['containerStatuses'][0]['lastState']['terminated']
    check(last['exitCode'] == 137 and last['signal'] == 9, last)
    # The second time within the back-off: it stays down, and the status says so.
    lab.inside('pod/mortal', 'sh', '-c', 'kill -9 $(pgrep -f "fairlead [r]espond")')
    lab.api.wait_ready('mortal', False)
    waiting = lab.api.pod('mortal')['status']['containerStatuses'][0]['state']['waiting']
    check(waiting['reason'] == 'CrashLoopBackOff', waiting)
    check(lab.api.pod('mortal')['status']['phase'] == 'Running', 'the phase stays')


def readiness_follows_the_probe(lab):
    for kind, probe in (('http', {'httpGet': {'path': '/healthz', 'port': 8080}}),
                        ('exec', {'exec': {'command': ['sh', '-c', 'curl -sf http://127.0.0.1:8080/healthz']}})):
        name = f'ready-{kind}'
        lab.api.create_pod(name, [responder(8080, readinessProbe={'periodSeconds': 1, 'failureThreshold': 1, **probe})],
                           'node1')
        ip = lab.api.wait_ready(name)['status']['podIP']
        lab.ask('node1', f'http://{ip}:8080/fail')
        lab.api.wait_ready(name, False)
        check(restarts(lab, name) == [0], 'readiness does not restart')
        lab.ask('node1', f'http://{ip}:8080/ok')
        lab.api.wait_ready(name)


def an_overlong_probe_fails_and_nothing_else(lab):
    """The command does not fit into a message to the Pod's pause; the Pod runs on."""
    lab.api.create_pod('wordy', [responder(readinessProbe={'periodSeconds': 1, 'exec': {
        'command': ['true', 'x' * 70000]}})], 'node1')
    wait('the agent says why', lambda: 'longer than' in (pathlib.Path(lab.dir) / 'log/agent-node1.log').read_text())
    # Two runs later (a Pod that was ended by one would have been started again):
    time_to_fail = time.monotonic() + 2
    wait('it has run', lambda: time.monotonic() > time_to_fail and lab.api.pod('wordy')['status'].get('phase') == 'Running')
    check(restarts(lab, 'wordy') == [0], lab.api.pod('wordy')['status'])
    check(not lab.api.condition('wordy'), 'never ready')


def liveness_and_startup_restart(lab):
    lab.api.create_pod('alive', [responder(8080, livenessProbe={
        'httpGet': {'path': '/healthz', 'port': 8080}, 'periodSeconds': 1, 'failureThreshold': 1})], 'node2')
    ip = lab.api.wait_ready('alive')['status']['podIP']
    lab.ask('node2', f'http://{ip}:8080/fail')
    wait('killed and started again', lambda: restarts(lab, 'alive') == [1])
    lab.api.create_pod('starter', [responder(8080, startupProbe={
        'tcpSocket': {'port': 9}, 'periodSeconds': 1, 'failureThreshold': 2})], 'node2')
    wait('a startup probe that fails kills', lambda: (restarts(lab, 'starter') or [0])[0] >= 1)
    check(not lab.api.condition('starter'), 'never ready')


def pods_end_by_their_policy(lab):
    for name, policy, code, phase in (('good', 'Never', 0, 'Succeeded'), ('bad', 'Never', 3, 'Failed'),
                                      ('once', 'OnFailure', 0, 'Succeeded')):
        lab.api.create_pod(name, [{'name': 'c', 'image': 'x', 'command': ['sh', '-c', f'exit {code}']}], 'node1',
                           restartPolicy=policy)
        wait(f'{name} is {phase}', lambda: lab.api.pod(name)['status'].get('phase') == phase)
        check(lab.api.pod(name)['status']['containerStatuses'][0]['state']['terminated']['exitCode'] == code, name)
    lab.api.create_pod('nofile', [{'name': 'c', 'image': 'x', 'command': ['/nonexistent']}], 'node1',
                       restartPolicy='Never')
    wait('it says why', lambda: 'No such file' in str(lab.api.pod('nofile')['status'].get('containerStatuses')))


def init_containers_run_first_and_in_order(lab):
    step = 'echo {0} >> /tmp/fairlead-init-$HOSTNAME; sleep 0.2'
    lab.api.create_pod('inits', [{'name': 'c', 'image': 'x', 'command': [
        'sh', '-c', 'cat /tmp/fairlead-init-$HOSTNAME; rm /tmp/fairlead-init-$HOSTNAME; sleep 60']}], 'node1', initContainers=[
            {'name': n, 'image': 'x', 'command': ['sh', '-c', step.format(n)]} for n in ('one', 'two')])
    lab.api.wait_ready('inits')
    wait('both, in order', lambda: lab.api.call('GET', '/api/v1/namespaces/default/pods/inits/log') == 'one\ntwo\n')
    check(lab.api.condition('inits', 'Initialized'), 'Initialized')


def deletion_has_its_grace(lab):
    stubborn = 'trap "" TERM; while :; do sleep 0.1; done'
    polite = 'trap "exit 0" TERM; while :; do sleep 0.1; done'
    lab.api.create_pod('polite', [{'name': 'c', 'image': 'x', 'command': ['sh', '-c', polite]}], 'node1',
                       terminationGracePeriodSeconds=600)
    lab.api.create_pod('stubborn', [{'name': 'c', 'image': 'x', 'command': ['sh', '-c', stubborn]}], 'node1',
                       terminationGracePeriodSeconds=2)
    for name in ('polite', 'stubborn'):
        lab.api.wait_ready(name)
    began = time.monotonic()
    lab.api.delete_pod('polite')
    lab.api.delete_pod('stubborn')
    check(lab.api.pod('stubborn')['metadata']['deletionTimestamp'], 'marked')
    for name in ('polite', 'stubborn'):
        wait(f'{name} is gone', lambda: not lab.api.exists(f'/api/v1/namespaces/default/pods/{name}'))
    check(time.monotonic() - began >= 1, 'the stubborn one had its time')


def file_of(lab, name):
    """Where a container of the host's file system writes what it does: it is gone with its logs when it is deleted."""
    return pathlib.Path(lab.tmp, name)


def lives(lab, name):
    return lab.api.exists(f'/api/v1/namespaces/default/pods/{name}')


def pre_stop_comes_before_the_signal(lab):
    said = {name: file_of(lab, name) for name in ('exec', 'late', 'sleep')}
    hooks = {'exec': {'exec': {'command': ['sh', '-c', f'echo hook >>{said["exec"]}; sleep 1; echo done >>{said["exec"]}']}},
             'late': {'exec': {'command': ['sh', '-c', f'echo hook >>{said["late"]}; sleep 600; echo done >>{said["late"]}']}},
             'sleep': {'sleep': {'seconds': 2}}}
    grace = {'exec': 600, 'late': 2, 'sleep': 600}
    for name, hook in hooks.items():
        shell = f'trap "echo term >>{said[name]}; exit 0" TERM; while :; do sleep 0.05; done'
        lab.api.create_pod('stop-' + name, [{'name': 'c', 'image': 'x', 'command': ['sh', '-c', shell], 'lifecycle': {'preStop': hook}}],
                           'node1', terminationGracePeriodSeconds=grace[name])
    lab.api.create_pod('witness', [responder(readinessProbe={'httpGet': {'path': '/healthz', 'port': 80}, 'periodSeconds': 1,
                                                             'failureThreshold': 1})], 'node2')
    ip = lab.api.wait_ready('witness')['status']['podIP']
    lab.api.create_pod('stop-http', [responder(lifecycle={'preStop': {'httpGet': {'host': ip, 'path': '/fail', 'port': 80}}})],
                       'node1', terminationGracePeriodSeconds=600)
    for name in (*hooks, 'http'):
        lab.api.wait_ready('stop-' + name)
    began = time.monotonic()
    for name in (*hooks, 'http'):
        lab.api.delete_pod('stop-' + name)
    wait('exec is gone', lambda: not lives(lab, 'stop-exec'))
    check(said['exec'].read_text() == 'hook\ndone\nterm\n', said['exec'].read_text())
    wait('sleep is gone', lambda: not lives(lab, 'stop-sleep'))
    check(time.monotonic() - began >= 2 and said['sleep'].read_text() == 'term\n', 'it has slept')
    wait('late is gone', lambda: not lives(lab, 'stop-late'))
    check(said['late'].read_text() == 'hook\nterm\n', 'the grace cuts the hook off, the signal still comes')
    wait('http is gone', lambda: not lives(lab, 'stop-http'))
    lab.api.wait_ready('witness', False)


def a_hook_that_fails_is_told_and_the_container_ends(lab):
    lab.api.create_pod('badhook', [responder(livenessProbe={'httpGet': {'path': '/healthz', 'port': 80}, 'periodSeconds': 1,
                                                            'failureThreshold': 1},
                                             lifecycle={'preStop': {'exec': {'command': ['/nonexistent']}}})], 'node2',
                       terminationGracePeriodSeconds=600)
    ip = lab.api.wait_ready('badhook')['status']['podIP']
    lab.ask('node2', f'http://{ip}/fail')  # what a liveness probe ends has its hook, too
    wait('started again', lambda: restarts(lab, 'badhook') == [1])
    log = (pathlib.Path(lab.dir) / 'log/agent-node2.log').read_text()
    check(re.search(r"preStop fails.*container=web error=exec '/nonexistent'", log), 'it is told')


def a_killed_agent_finds_its_pods_again(lab):
    lab.api.create_pod('keeps', [responder(readinessProbe={'httpGet': {'path': '/healthz', 'port': 80},
                                                           'periodSeconds': 1, 'failureThreshold': 1})], 'node1')
    lab.api.create_pod('leaves', [responder()], 'node1')
    status = lab.api.wait_ready('keeps')['status']
    lab.api.wait_ready('leaves')
    since = next(c['lastTransitionTime'] for c in status['conditions'] if c['type'] == 'Ready')
    lab.kill_part('agent-node1')
    check(lab.ask('node2', f"http://{status['podIP']}/"), 'it answers while the agent is away')
    lab.api.delete_pod('leaves')
    wait('the new agent ends what is to be deleted',
         lambda: not lab.api.exists('/api/v1/namespaces/default/pods/leaves'))
    lab.ask('node1', f"http://{status['podIP']}/fail")
    lab.api.wait_ready('keeps', False)
    lab.ask('node1', f"http://{status['podIP']}/ok")
    now = lab.api.wait_ready('keeps')['status']
    check(now['podIP'] == status['podIP'] and restarts(lab, 'keeps') == [0], 'it is the same Pod')
    check(since, 'it was ready before')


def a_killed_sandbox_is_made_anew(lab):
    lab.api.create_pod('boxed', [responder()], 'node2')
    ip = lab.api.wait_ready('boxed')['status']['podIP']
    pause = lab.inside('router', 'sh', '-c', "pgrep -f 'pause .*--hostname boxed'").split()[0]
    lab.run('router', 'kill', '-9', pause)
    wait('started again', lambda: restarts(lab, 'boxed') == [1])
    check(lab.api.wait_ready('boxed')['status']['podIP'] == ip, 'with the same address')
    check(wait('it answers', lambda: lab.ask('node1', f'http://{ip}/'))['pod'] == 'boxed', 'it is the one')


def host_network_is_the_nodes(lab):
    lab.api.create_pod('hosted', [responder(8099)], 'node2', hostNetwork=True)
    check(lab.api.wait_ready('hosted')['status']['podIP'] == '198.51.100.12', 'the node\'s address')
    check(lab.ask('client', 'http://203.0.113.12:8099/')['pod'] == 'hosted', 'from outside')


def nodes_say_who_they_are(lab):
    node = lab.api.call('GET', '/api/v1/nodes/node2')
    kinds = {a['type']: a['address'] for a in reversed(node['status']['addresses'])}
    check(kinds == {'InternalIP': '198.51.100.12', 'ExternalIP': '203.0.113.12', 'Hostname': 'node2'}, kinds)
    check(node['metadata']['labels']['topology.kubernetes.io/zone'] == 'zone-b', node['metadata']['labels'])
    check(node['spec']['podCIDRs'] == ['10.244.2.0/24', '2001:db8:244:2::/64'], node['spec'])
    lease = lab.api.call('GET', '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/node2')
    check(re.match(r'\d{4}-', lease['spec']['renewTime']), lease['spec'])


def a_route_to_a_node_comes_back(lab):
    """A link that goes down takes its routes along; the agent sets them again."""
    def routes():
        return [lab.inside('node1', 'ip', version, 'route', 'show', cidr)
                for version, cidr in (('-4', '10.244.2.0/24'), ('-6', '2001:db8:244:2::/64'))]
    before = routes()
    check(all(before), before)
    lab.inside('node1', 'ip', 'route', 'del', '10.244.2.0/24')
    lab.inside('node1', 'ip', '-6', 'route', 'del', '2001:db8:244:2::/64')
    wait('both are back', lambda: routes() == before)


def main():
    program = sys.argv[1]
    need(program, 'server', 'agent', 'lab')
    lab = Lab(program, '--nodes', '2', '--proxy-mode', 'none')
    try:
        lab.up()
        return run_tests(lab, [
            pods_reach_each_other_on_both_families, a_pod_has_names_and_environment, logs_need_a_certificate,
            a_followed_log_is_whole,
            a_dead_process_is_not_ready_at_once_and_comes_back, readiness_follows_the_probe,
            an_overlong_probe_fails_and_nothing_else, liveness_and_startup_restart,
            pods_end_by_their_policy, init_containers_run_first_and_in_order, deletion_has_its_grace,
            pre_stop_comes_before_the_signal, a_hook_that_fails_is_told_and_the_container_ends,
            a_killed_agent_finds_its_pods_again, a_killed_sandbox_is_made_anew, host_network_is_the_nodes,
            nodes_say_who_they_are, a_route_to_a_node_comes_back])
    finally:
        lab.down()


if __name__ == '__main__':
    sys.exit(main())
