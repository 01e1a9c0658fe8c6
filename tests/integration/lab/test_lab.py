#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that the lab is a cluster that works as a whole: names, addresses, node ports and the outside client lead to
ready Pods alone, each part may be killed, and nothing stays behind."""
import os
import shutil
import subprocess
import sys
import tempfile

from lab import Lab, check, need, responder, run_tests, wait

WEB = {'run': 'web'}


def host_network():
    """What must not change: interfaces, addresses, routes, rules, sysctls, named namespaces of the host."""
    commands = (['ip', '-br', 'link'], ['ip', '-br', 'addr'], ['ip', 'route', 'show', 'table', 'all'],
                ['ip', '-6', 'route', 'show', 'table', 'all'], ['ip', 'rule'], ['ip', 'netns'],
                ['sysctl', '-n', 'net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding', 'net.ipv4.conf.all.rp_filter'])
    return [subprocess.run(c, capture_output=True, text=True).stdout for c in commands]


def vip(lab, name='web'):
    return lab.api.call('GET', f'/api/v1/namespaces/default/services/{name}')['spec']['clusterIP']


def who(lab, place, url, n=16):
    answers = [lab.ask(place, url) for _ in range(n)]
    check(all(answers), f'{place} {url}: {sum(1 for a in answers if not a)} of {n} without an answer')
    return {a['pod'] for a in answers}


def a_service_answers_by_name_vip_and_node_port(lab):
    for n in (1, 2, 3):
        lab.api.create_pod(f'web-{n}', [responder(443, readinessProbe={
            'httpGet': {'path': '/healthz', 'port': 443}, 'periodSeconds': 1, 'failureThreshold': 1})],
            f'node{n}', WEB)
    lab.api.create_pod('client-pod', [responder()], 'node1')
    lab.api.create_service('web', WEB, [{'port': 3000, 'targetPort': 443, 'nodePort': 30080}], type='NodePort')
    for n in (1, 2, 3):
        lab.api.wait_ready(f'web-{n}')
    lab.api.wait_ready('client-pod')
    wait('all three answer', lambda: len({(lab.ask('pod/client-pod', f'http://{vip(lab)}:3000/') or {}).get('pod')
                                          for _ in range(12)}) == 3)
    urls = ['http://web:3000/', 'http://web.default.svc.cluster.local:3000/', f'http://{vip(lab)}:3000/',
            'http://198.51.100.12:30080/']
    for url in urls:
        check(who(lab, 'pod/client-pod', url, 8) <= {'web-1', 'web-2', 'web-3'}, url)
    for node in (11, 12, 13):
        for net in ('198.51.100', '203.0.113'):
            who(lab, 'client', f'http://{net}.{node}:30080/', 4)


def a_pod_reaches_itself_through_its_service(lab):
    check(wait('hairpin', lambda: 'web-1' in who(lab, 'pod/web-1', f'http://{vip(lab)}:3000/')), 'met itself')


def a_failing_probe_takes_a_pod_out(lab):
    ip = lab.api.pod('web-2')['status']['podIP']
    lab.ask('node2', f'http://{ip}:443/fail')
    lab.api.wait_ready('web-2', False)
    wait('out of rotation', lambda: 'web-2' not in who(lab, 'pod/client-pod', f'http://{vip(lab)}:3000/', 12), 5)
    check('web-2' not in who(lab, 'client', 'http://203.0.113.11:30080/', 12), 'nor from outside')
    lab.ask('node2', f'http://{ip}:443/ok')
    lab.api.wait_ready('web-2')
    wait('back', lambda: 'web-2' in who(lab, 'pod/client-pod', f'http://{vip(lab)}:3000/'))


def a_dead_process_takes_a_pod_out_at_once(lab):
    for _ in range(2):  # the second death within the back-off: it stays down
        lab.inside('pod/web-3', 'sh', '-c', 'kill -9 $(pgrep -f "fairlead [r]espond")')
        wait('the status says so', lambda: not lab.api.condition('web-3') or lab.api.pod('web-3')['status'][
            'containerStatuses'][0]['restartCount'] == 1)
    lab.api.wait_ready('web-3', False)
    wait('out of rotation', lambda: 'web-3' not in {(lab.ask('pod/client-pod', f'http://{vip(lab)}:3000/') or {}).get(
        'pod') for _ in range(8)}, 5)
    who(lab, 'pod/client-pod', f'http://{vip(lab)}:3000/', 20)


def no_endpoints_is_refused_at_once(lab):
    lab.api.create_service('empty', {'run': 'nobody'}, [{'port': 80}])
    address = vip(lab, 'empty')
    # curl's status 7: the connection was refused; 28 would be its deadline.
    wait('refused', lambda: lab.run('pod/client-pod', 'curl', '-s', '-m', '5', f'http://{address}/').returncode == 7)


def an_external_name_is_a_cname(lab):
    lab.api.call('POST', '/api/v1/namespaces/default/services', {
        'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': 'elsewhere'},
        'spec': {'type': 'ExternalName', 'externalName': 'remote.server.url.com'}})
    name = 'elsewhere.default.svc.cluster.local'
    wait('CNAME', lambda: lab.inside('pod/client-pod', 'dig', '+short', '+time=1', 'CNAME', name) ==
         'remote.server.url.com.')


def every_part_may_be_killed(lab):
    url = f'http://{vip(lab)}:3000/'
    lab.api.delete_pod('web-3')
    wait('the old web-3 is gone', lambda: not lab.api.exists('/api/v1/namespaces/default/pods/web-3'))
    wait('all answer', lambda: all(lab.ask('pod/client-pod', url) for _ in range(6)))
    for part in ('server', 'dns', 'proxy-node1', 'agent-node1', 'agent-node2', 'proxy-node2'):
        lab.kill_part(part)
        # The kernel goes on forwarding whoever is dead.
        who(lab, 'pod/client-pod', url, 4)
    wait('the server is back', lambda: lab.run('router', 'true').returncode == 0 and
         try_call(lambda: lab.api.call('GET', '/api/v1/namespaces/default/services/web')))
    lab.api.create_pod('web-4', [responder(443)], 'node2', WEB)
    lab.api.wait_ready('web-4')
    wait('what is new after all that gets traffic', lambda: 'web-4' in who(lab, 'pod/client-pod', url, 12))
    wait('names too', lambda: lab.ask('pod/client-pod', 'http://web:3000/'))


def try_call(fn):
    try:
        return fn()
    except Exception:  # the server is away: asked again
        return None


def the_host_is_as_it_was(lab):
    check(host_network() == lab.before, 'the host\'s network has changed')


def nothing_is_left_when_the_supervisor_is_killed(lab):
    other = Lab(lab.program, '--nodes', '1')
    try:
        other.up()
        out = other.verb('status').stdout
        pid = int(out.split('supervisor ')[1].split(',')[0])
        subprocess.run(['kill', '-9', str(pid)], check=True)
        wait('all of it is gone', lambda: not subprocess.run(['pgrep', '-f', other.dir], capture_output=True,
                                                             text=True).stdout)
        check(other.verb('status').returncode != 0, 'it is not up')
    finally:
        other.down()


def it_works_without_root(lab):
    """In a user namespace of an ordinary user, as far as this kernel lets users have one."""
    tmp = tempfile.mkdtemp(prefix='fairlead-user-')
    program = shutil.copy(lab.program, f'{tmp}/fairlead')
    for path, mode in ((tmp, 0o777), (program, 0o755)):
        os.chmod(path, mode)
    script = f'cd {tmp} && {program} lab up --nodes 2 --state-dir {tmp}/s && {program} lab status --state-dir {tmp}/s; ' \
             f'r=$?; {program} lab down --state-dir {tmp}/s && exit $r'
    try:
        if subprocess.run(['unshare', '-Urn', 'true'], user='nobody', capture_output=True).returncode != 0:
            return
        out = subprocess.run(['unshare', '-Urn', 'sh', '-c', script], user='nobody', group='nogroup',
                             extra_groups=[], capture_output=True, text=True, timeout=120)
        check(out.returncode == 0 and 'ready yes' in out.stdout, out.stdout + out.stderr)
    finally:
        shutil.rmtree(tmp, ignore_errors=True)


def main():
    program = sys.argv[1]
    need(program, 'server', 'agent', 'proxy', 'dns', 'lab')
    lab = Lab(program, '--nodes', '3')
    lab.before = host_network()
    try:
        lab.up()
        r = run_tests(lab, [
            a_service_answers_by_name_vip_and_node_port, a_pod_reaches_itself_through_its_service,
            a_failing_probe_takes_a_pod_out, a_dead_process_takes_a_pod_out_at_once, no_endpoints_is_refused_at_once,
            an_external_name_is_a_cname, every_part_may_be_killed, the_host_is_as_it_was,
            nothing_is_left_when_the_supervisor_is_killed, it_works_without_root])
    finally:
        lab.down()
    left = subprocess.run(['pgrep', '-f', lab.dir], capture_output=True, text=True).stdout
    if left or host_network() != lab.before:
        print(f'Bail out! something is left after down: {left}')
        return 1
    return r


if __name__ == '__main__':
    sys.exit(main())
