# SPDX-License-Identifier: Apache-2.0
"""Nodes and Pods as an agent would report them, for tests of what the controllers make of them."""
from api import STRATEGIC, until

NO_CONTROLLERS = 'a kube-apiserver has no controllers'


def ready(is_so):
    return {'type': 'Ready', 'status': 'True' if is_so else 'False', 'lastTransitionTime': '2026-01-01T00:00:00Z'}


def node(api, name, zone=None, cpu='4', **labels):
    """A ready Node, named after the test's namespace; gives its name."""
    name = f'{api.ns}-{name}'
    labels = {k.replace('__', '/').replace('_', '-'): v for k, v in labels.items()}
    if zone:
        labels['topology.kubernetes.io/zone'] = zone
    api.post('/api/v1/nodes', {'metadata': {'name': name, 'labels': labels}}).want(201)
    status = {'conditions': [ready(True)], 'allocatable': {'cpu': cpu}}
    api.patch(f'/api/v1/nodes/{name}/status', {'status': status}, STRATEGIC).want(200)
    return name


def pod(api, name, ips=(), on=None, labels=None, is_ready=True, phase='Running', ports=(), **spec):
    """A Pod that runs on a node with these addresses."""
    on = on or default_node(api)
    container = {'name': 'c', 'image': 'none', 'ports': [{'name': n, 'containerPort': p, 'protocol': proto} for n, p, proto in ports]}
    meta = {'name': name, 'labels': {'app': 'web'} if labels is None else labels}
    api.post(api.path('pods'), {'metadata': meta, 'spec': dict({'nodeName': on, 'containers': [container]}, **spec)}).want(201)
    report(api, name, ips, is_ready, phase)


def report(api, name, ips, is_ready=True, phase='Running'):
    status = {'phase': phase, 'conditions': [ready(is_ready)]}
    if ips:
        status.update(podIP=ips[0], podIPs=[{'ip': ip} for ip in ips])
    api.patch(api.path('pods', name, 'status'), {'status': status}, STRATEGIC).want(200)


def default_node(api):
    name = f'{api.ns}-n'
    if api.get('/api/v1/nodes/' + name).status == 404:
        node(api, 'n', zone='z1')
    return name


def kill(api, name):
    """As an agent does that has ended the Pod."""
    api.delete(api.path('pods', name) + '?gracePeriodSeconds=0').want(200)


def slices(api, name):
    """The slices of a Service, by name."""
    where = api.path('endpointslices') + '?labelSelector=kubernetes.io/service-name%3D' + name
    return api.get(where).want(200).json['items']


def of_slices(api, name):
    """Every endpoint of a Service's slices, by its first address."""
    return {e['addresses'][0]: e for s in slices(api, name) for e in s.get('endpoints') or []}


def subsets(api, name):
    """The Endpoints of a Service in a form that can be compared: sets of (ready, not ready, ports)."""
    answer = api.get(api.path('endpoints', name))
    if answer.status == 404:
        return None
    return {(frozenset(a['ip'] for a in s.get('addresses', [])), frozenset(a['ip'] for a in s.get('notReadyAddresses', [])),
             frozenset((p.get('name', ''), p['port'], p['protocol']) for p in s.get('ports', [])))
            for s in answer.json.get('subsets', [])}


def subset(ready=(), not_ready=(), ports=(('', 80, 'TCP'),)):
    return frozenset(ready), frozenset(not_ready), frozenset(ports)


def settle(api, name, want):
    """Waits until the Service's Endpoints are these subsets."""
    def look():
        return subsets(api, name) == set(want)
    try:
        until(f'the Endpoints {name}', look)
    except AssertionError as why:
        raise AssertionError(f'{why}: wanted {set(want)}, there is {subsets(api, name)}') from None


def events(api, about, reason):
    where = api.path('events') + f'?fieldSelector=involvedObject.name%3D{about},reason%3D{reason}'
    return [e['message'] for e in api.get(where).want(200).json['items']]
