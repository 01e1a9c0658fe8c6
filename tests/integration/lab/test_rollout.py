#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that a Deployment's Pods are spread over the nodes, that no connect to its Service fails while they are all
replaced by a rolling update and by its undoing, that what is killed or deleted is replaced, and that deleting the
Deployment takes everything with it."""
import sys

from lab import Connects, Lab, check, need, responder, run_tests, wait

APPS = '/apis/apps/v1/namespaces/default'
PROBE = {'httpGet': {'path': '/healthz', 'port': 80}, 'periodSeconds': 1, 'failureThreshold': 1}
# Goes on answering for a second after it is told to end, as what is behind a Service should: until then clients may come
# that have not heard of it yet.
LATE = 'trap "sleep 1; kill $!; exit" TERM; {} respond --port 80 & while :; do wait; done'
STRATEGIC = 'application/strategic-merge-patch+json'


def deployment(lab):
    return lab.api.call('GET', f'{APPS}/deployments/web')


def sets(lab):
    return lab.api.call('GET', f'{APPS}/replicasets?labelSelector=run=web')['items']


def pods(lab):
    return lab.api.call('GET', '/api/v1/namespaces/default/pods?labelSelector=run=web')['items']


def is_done(lab):
    d = deployment(lab)
    spec, status = d['spec'], d['status']
    return (status.get('observedGeneration', 0) >= d['metadata']['generation'] and
            status.get('updatedReplicas') == status.get('replicas') == status.get('availableReplicas') == spec['replicas'] and
            len(pods(lab)) == spec['replicas'])


def change(lab, version):
    lab.api.call('PATCH', f'{APPS}/deployments/web',
                 {'spec': {'template': {'metadata': {'annotations': {'version': version}}}}}, STRATEGIC)


def make(lab):
    lab.api.call('POST', f'{APPS}/deployments', {
        'metadata': {'name': 'web'},
        'spec': {'replicas': 4, 'selector': {'matchLabels': {'run': 'web'}},
                 'strategy': {'rollingUpdate': {'maxUnavailable': 0, 'maxSurge': 1}},
                 'template': {'metadata': {'labels': {'run': 'web'}},
                              'spec': {'terminationGracePeriodSeconds': 3,
                                       'containers': [responder(80, readinessProbe=PROBE,
                                                             command=['bash', '-c', LATE.format(lab.program)])]}}}})
    lab.vip = lab.api.create_service('web', {'run': 'web'}, [{'port': 80}])['spec']['clusterIP']
    for node in ('node1', 'node3'):
        lab.api.create_pod(f'asker-{node}', [responder()], node)
        lab.api.wait_ready(f'asker-{node}')


def spreads_over_the_nodes(lab):
    make(lab)
    wait('the rollout', lambda: is_done(lab))
    nodes = [p['spec']['nodeName'] for p in pods(lab)]
    check(set(nodes) == {'node1', 'node2', 'node3'}, f'Pods are on {nodes}')
    events = lab.api.call('GET', '/api/v1/namespaces/default/events')['items']
    reasons = {(e['involvedObject']['kind'], e['reason']) for e in events}
    for wanted in (('Deployment', 'ScalingReplicaSet'), ('ReplicaSet', 'SuccessfulCreate'), ('Pod', 'Scheduled')):
        check(wanted in reasons, f'no Event {wanted}: {reasons}')


def rolls_without_a_failed_connect(lab):
    clients = [Connects(lab, f'pod/asker-{n}', {'vip': f'tcp:{lab.vip}:80'}, 5) for n in ('node1', 'node3')]
    for c in clients:
        c.wait_for(20)
    for version in ('2', '3'):
        before = {p['metadata']['name'] for p in pods(lab)}
        change(lab, version)
        wait('all Pods are new ones', lambda b=before: not b & {p['metadata']['name'] for p in pods(lab)}, 90)
        wait('the rollout', lambda: is_done(lab))
    for c in clients:
        c.wait_for(20)
        seen = c.stop()
        check(not c.failed(), f'{len(c.failed())} of {len(seen)} connects from {c.place} failed: {c.failed()[:3]}')
        check(len({s[3] for s in seen}) > 4, f'only {set(s[3] for s in seen)} answered')
        print(f'# {len(seen)} connects from {c.place}, none failed', flush=True)


def goes_back_to_an_old_set(lab):
    first = next(s for s in sets(lab) if s['metadata']['annotations']['deployment.kubernetes.io/revision'] == '1')
    check(first['spec']['replicas'] == 0, 'the first set has Pods')
    lab.api.call('PATCH', f'{APPS}/deployments/web',
                 [{'op': 'remove', 'path': '/spec/template/metadata/annotations'}], 'application/json-patch+json')
    wait('the rollout', lambda: is_done(lab) and deployment(lab)['metadata']['annotations'].get(
        'deployment.kubernetes.io/revision') == '4', 90)
    now = lab.api.call('GET', f'{APPS}/replicasets/{first["metadata"]["name"]}')
    check(now['metadata']['uid'] == first['metadata']['uid'] and now['spec']['replicas'] == 4, 'another set was made')
    check(now['metadata']['annotations']['deployment.kubernetes.io/revision-history'] == '1', now['metadata'])


def replaces_what_is_deleted(lab):
    gone = pods(lab)[0]['metadata']['name']
    lab.api.delete_pod(gone)
    wait('another Pod', lambda: gone not in {p['metadata']['name'] for p in pods(lab)} and is_done(lab))


def keeps_the_number_over_a_restart_of_the_server(lab):
    before = {p['metadata']['name'] for p in pods(lab)}
    lab.kill_part('server')
    wait('the server', lambda: [1 for _ in [0] if can(lab)], 60)
    lab.api.call('PATCH', f'{APPS}/deployments/web/scale', {'spec': {'replicas': 6}}, 'application/merge-patch+json')
    wait('six Pods', lambda: is_done(lab), 60)
    after = {p['metadata']['name'] for p in pods(lab)}
    check(before <= after, f'Pods were replaced: {before - after}')


def can(lab):
    try:
        return bool(lab.api.call('GET', '/readyz'))
    except Exception:
        return False


def leaves_nothing(lab):
    lab.api.call('DELETE', f'{APPS}/deployments/web', {'propagationPolicy': 'Foreground'})
    wait('nothing is left', lambda: not lab.api.exists(f'{APPS}/deployments/web') and not sets(lab) and not pods(lab), 60)


def main():
    need(sys.argv[1], 'lab', 'agent', 'server', 'proxy')
    lab = Lab(sys.argv[1])
    try:
        lab.up()
        return run_tests(lab, [spreads_over_the_nodes, rolls_without_a_failed_connect, goes_back_to_an_old_set,
                               replaces_what_is_deleted, keeps_the_number_over_a_restart_of_the_server, leaves_nothing])
    finally:
        lab.down()


if __name__ == '__main__':
    sys.exit(main())
