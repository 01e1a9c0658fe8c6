# SPDX-License-Identifier: Apache-2.0
"""Hints of endpoints: trafficDistribution and topology (service-api.md section 13). Nodes are the whole cluster's, so tests drop them."""
from api import STRATEGIC, ours, proves, rev, until
from pods import NO_CONTROLLERS, events, kill, node, of_slices, pod, ready, report, slices
from suite_endpoints import web

MODE = 'service.kubernetes.io/topology-mode'
OLD_MODE = 'service.kubernetes.io/topology-aware-hints'


def drop_nodes(api):
    for n in api.get('/api/v1/nodes').json['items']:
        api.delete('/api/v1/nodes/' + n['metadata']['name']).want(200)


def hints(api):
    """Of each endpoint its zones and nodes, by address."""
    return {ip: tuple(tuple(h['name'] for h in e.get('hints', {}).get(k, [])) for k in ('forZones', 'forNodes'))
            for ip, e in of_slices(api, 'web').items()}


def settle(api, want):
    try:
        until('the hints', lambda: hints(api) == want)
    except AssertionError as why:
        raise AssertionError(f'{why}: wanted {want}, there is {hints(api)}') from None


def zone_count(api):
    count = {}
    for zones, _ in hints(api).values():
        for z in zones:
            count[z] = count.get(z, 0) + 1
    return count


@ours(NO_CONTROLLERS)
@proves('13.1.1', '13.1.2', '13.1.3', '13.1.4')
def test_traffic_distribution(api):
    drop_nodes(api)
    z1, bare = node(api, 'z1', zone='z1'), node(api, 'bare')
    pod(api, 'a', ['10.1.0.1'], on=z1)
    pod(api, 'b', ['10.1.0.2'], on=z1, is_ready=False)
    pod(api, 'c', ['10.1.0.3'], on=bare)
    api.post(api.path('services'), web(trafficDistribution='PreferClose')).want(201)
    none, zone = ((), ()), (('z1',), ())
    settle(api, {'10.1.0.1': zone, '10.1.0.2': none, '10.1.0.3': none})

    def prefer(what):
        api.patch(api.path('services', 'web'), {'spec': {'trafficDistribution': what}}).want(200)
    prefer('PreferSameNode')
    settle(api, {'10.1.0.1': (('z1',), (z1,)), '10.1.0.2': none, '10.1.0.3': ((), (bare,))})
    prefer('PreferSameZone')
    settle(api, {'10.1.0.1': zone, '10.1.0.2': none, '10.1.0.3': none})
    prefer(None)
    settle(api, {'10.1.0.1': none, '10.1.0.2': none, '10.1.0.3': none})


def auto(api, mode='Auto', key=MODE, **spec):
    sent = web(**spec)
    sent['metadata']['annotations'] = {key: mode}
    api.post(api.path('services'), sent).want(201)


def three_zones(api):
    drop_nodes(api)
    names = [node(api, zone, zone=zone, cpu=cpu) for zone, cpu in (('a', '3500m'), ('b', '3.5'), ('c', '3'))]
    n = 0
    for name, count in zip(names, (5, 2, 3)):
        for _ in range(count):
            n += 1
            pod(api, f'p{n}', [f'10.1.0.{n}'], on=name)
    return names


@ours(NO_CONTROLLERS)
@proves('13.2.1', '13.2.5', '13.2.7', '13.2.8')
def test_endpoints_are_shared_out(api):
    three_zones(api)
    auto(api, trafficDistribution='PreferSameNode')
    until('the hints', lambda: zone_count(api) == {'a': 4, 'b': 3, 'c': 3})
    assert not any(nodes for _, nodes in hints(api).values())
    until('an Event', lambda: events(api, 'web', 'TopologyAwareHintsEnabled') ==
          ['Topology Aware Hints has been enabled, addressType: IPv4'])
    before = {s['metadata']['name']: rev(s) for s in slices(api, 'web')}
    api.patch(api.path('services', 'web'), {'metadata': {'annotations': {'any': 'thing'}}}).want(200)
    report(api, 'p1', ['10.1.0.1'], is_ready=False)  # the zones need not change
    until('one hint less', lambda: sum(zone_count(api).values()) == 9)
    api.patch(api.path('services', 'web'), {'metadata': {'annotations': {MODE: 'Never'}}}).want(200)
    until('hints to the nodes', lambda: any(nodes for _, nodes in hints(api).values()))
    assert before.keys() == {s['metadata']['name'] for s in slices(api, 'web')}


@ours(NO_CONTROLLERS)
@proves('13.2.1', '13.2.2', '13.2.8')
def test_nodes_that_do_not_serve(api):
    names = three_zones(api)
    auto(api, 'auto', OLD_MODE)
    until('the hints', lambda: len(zone_count(api)) == 3)

    def off(why):
        until('no hints', lambda: not zone_count(api))
        until(why, lambda: f'{why}, addressType: IPv4' in events(api, 'web', 'TopologyAwareHintsDisabled'))

    def allocatable(cpu):
        api.patch(f'/api/v1/nodes/{names[2]}/status', {'status': {'allocatable': {'cpu': cpu}}}, STRATEGIC).want(200)
    allocatable(None)
    off('Insufficient Node information: allocatable CPU or zone not specified on one or more nodes')
    master = {'node-role.kubernetes.io/control-plane': ''}
    for name in names[1:]:
        api.patch('/api/v1/nodes/' + name, {'metadata': {'labels': master}}).want(200)
    off('Nodes only ready in one zone')
    api.patch('/api/v1/nodes/' + names[1], {'metadata': {'labels': dict.fromkeys(master)}}).want(200)
    until('two zones', lambda: len(zone_count(api)) >= 2)
    api.patch(f'/api/v1/nodes/{names[1]}/status', {'status': {'conditions': [ready(False)]}}, STRATEGIC).want(200)
    until('no hints', lambda: not zone_count(api))


@ours(NO_CONTROLLERS)
@proves('13.2.3', '13.2.4', '13.2.6')
def test_endpoints_that_do_not_suffice(api):
    drop_nodes(api)
    a, b, c = [node(api, z, zone=z) for z in 'abc']
    auto(api)

    def off(why):
        until(why, lambda: f'{why}, addressType: IPv4' in events(api, 'web', 'TopologyAwareHintsDisabled'))
        assert not zone_count(api)
    pod(api, 'a', ['10.1.0.1'], on=a)
    pod(api, 'b', ['10.1.0.2'], on=b)
    off('Insufficient number of endpoints (2 endpoints, 3 zones)')
    pod(api, 'c', ['10.1.0.3'], on=c)
    until('the hints', lambda: zone_count(api) == {'a': 1, 'b': 1, 'c': 1})
    pod(api, 'd', ['10.1.0.4'], on=a)
    off('Unable to allocate minimum required endpoints to each zone without exceeding overload threshold (4 endpoints, 3 zones)')
    kill(api, 'd')
    until('the hints', lambda: zone_count(api) == {'a': 1, 'b': 1, 'c': 1})
    bare = node(api, 'bare', node_role_kubernetes_io__control_plane='')
    api.patch('/api/v1/nodes/' + bare, {'metadata': {'labels': {'node-role.kubernetes.io/control-plane': ''}}}).want(200)
    for i in range(3):
        pod(api, f'e{i}', [f'10.1.1.{i}'], on=bare)
    off('One or more endpoints do not have a zone specified')
