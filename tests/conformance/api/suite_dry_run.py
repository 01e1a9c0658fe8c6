# SPDX-License-Identifier: Apache-2.0
"""Dry runs, deletes and failures of Services (service-api.md section 9).

A stock server for these needs --service-cluster-ip-range 10.96.0.0/16,fd00:96::/108.
"""
from api import drop_services, proves, service
from suite_node_ports import body, busy, free, made, make, names, node_ports

OPTIONS = ['--service-cluster-ip-range', '10.96.0.0/16,fd00:96::/108', '--service-node-port-range', '30000-32767']
IP = '/apis/networking.k8s.io/v1/ipaddresses/'
DRY = '?dryRun=All'


def dry(api, *ports, **spec):
    return api.post(api.path('services') + DRY, body(ports or ({},), **dict({'type': 'ClusterIP'}, **spec)))


def test_begins_with_nothing(api):
    drop_services(api)


@proves('9.1', '9.4')
def test_a_create(api):
    got = dry(api).want(201).json
    meta = got['metadata']
    assert meta['uid'] and meta['creationTimestamp'] and 'resourceVersion' not in meta, meta
    api.get(api.path('services', meta['name'])).want(404)


@proves('9.2', '9.5')
def test_addresses(api):
    for _ in range(2):
        assert dry(api).want(201).json['spec']['clusterIP'] == '10.96.0.0'
    got = dry(api, ipFamilyPolicy='RequireDualStack').want(201).json
    assert got['spec']['clusterIPs'] == ['10.96.0.0', 'fd00:96::'], got
    taken = made(api, {}, type='ClusterIP')['spec']['clusterIP']
    assert dry(api, clusterIP=taken).want(201).json['spec']['clusterIP'] == taken
    st = dry(api, clusterIP='192.0.2.1').fails(422, 'Invalid', 'The range of valid IPs is 10.96.0.0/16')
    assert st['details']['causes'][0]['field'] == 'spec.clusterIPs'
    assert dry(api, clusterIP='10.96.9.2').want(201)
    api.get(IP + '10.96.9.2').want(404)
    made(api, {}, type='ClusterIP', clusterIP='10.96.9.2')


@proves('9.3', '9.5')
def test_node_ports(api):
    two = ({'port': 80}, {'port': 81})
    for _ in range(2):
        assert node_ports(dry(api, *two, type='NodePort').want(201).json) == [32769, 32770]
    assert node_ports(dry(api, {'port': 53}, {'port': 53, 'protocol': 'UDP'}, type='NodePort').want(201).json) == [32769, 32769]
    n = next(free)
    assert node_ports(dry(api, {'nodePort': n}, {'port': 81}, type='NodePort').want(201).json) == [n, n + 1]
    assert node_ports(dry(api, {'nodePort': 40000}, {'port': 81}, type='NodePort').want(201).json) == [40000, 40001]
    made(api, {'nodePort': n})
    busy(dry(api, {'nodePort': n}, type='NodePort'), 0)
    assert node_ports(dry(api, {'nodePort': 40000}, type='NodePort').want(201).json) == [40000]
    got = dry(api, {}, type='LoadBalancer', externalTrafficPolicy='Local').want(201).json
    assert sorted([*node_ports(got), got['spec']['healthCheckNodePort']]) == [32769, 32770], got


@proves('9.1', '9.5')
def test_updates_and_deletes(api):
    obj = made(api, {}, type='ClusterIP')
    name, ip = obj['metadata']['name'], obj['spec']['clusterIP']
    got = api.patch(api.path('services', name) + DRY, {'spec': {'type': 'NodePort'}}).want(200).json
    assert node_ports(got) == [32769]
    api.put(api.path('endpoints', name), {'metadata': {'name': name}, 'subsets': []})
    assert api.delete(api.path('services', name) + DRY).want(200).json['kind'] == 'Service'
    assert api.get(api.path('services', name)).want(200).json == obj
    api.get(api.path('endpoints', name)).want(200)
    api.get(IP + ip).want(200)
    got = api.patch(api.path('services', name) + DRY, {'spec': {'type': 'ExternalName', 'externalName': 'example.com'}}).want(200).json
    assert 'clusterIP' not in got['spec']
    api.get(IP + ip).want(200)


@proves('9.6')
def test_other_values(api):
    for value in ('Some', 'all', 'true'):
        st = api.post(api.path('services') + '?dryRun=' + value, service(next(names))).fails(422, 'Invalid')
        assert [(c['field'], c['reason']) for c in st['details']['causes']] == [('dryRun', 'FieldValueNotSupported')], st


@proves('9.7')
def test_a_failure_takes_nothing(api):
    n = next(free)
    obj = body(({'nodePort': n},), clusterIP='10.96.9.7', clusterIPs=['10.96.9.7'])
    obj['spec']['sessionAffinity'] = 'Sometimes'
    st = api.post(api.path('services'), obj).fails(422, 'Invalid')
    assert st['details']['causes'][0]['field'] == 'spec.sessionAffinity', st
    api.get(IP + '10.96.9.7').want(404)
    obj['spec']['sessionAffinity'] = 'None'
    api.post(api.path('services'), obj).want(201)
    busy(make(api, {'nodePort': n}, clusterIP='10.96.9.8'), 0)
    made(api, {}, clusterIP='10.96.9.8')
    # An update that fails, too.
    m = next(free)
    st = api.patch(api.path('services', obj['metadata']['name']), {'spec': {'sessionAffinity': 'Sometimes', 'ports': [
        {'name': 'p0', 'port': 80, 'nodePort': m}]}}).fails(422, 'Invalid')
    made(api, {'nodePort': m})
    busy(make(api, {'nodePort': n}), 0)


@proves('9.8', '7.5')
def test_finalizers_keep_what_it_has(api):
    for sub in ('', 'status'):
        n = next(free)
        obj = body(({'nodePort': n},))
        obj['metadata']['finalizers'] = ['example.com/hold']
        obj = api.post(api.path('services'), obj).want(201).json
        name, ip = obj['metadata']['name'], obj['spec']['clusterIP']
        got = api.delete(api.path('services', name)).want(200).json
        assert got['kind'] == 'Service' and got['metadata']['deletionTimestamp']
        busy(make(api, {'nodePort': n}), 0)
        api.get(IP + ip).want(200)
        api.patch(api.path('services', name, sub), {'metadata': {'finalizers': None}}).want(200)
        api.get(api.path('services', name)).want(404)
        api.get(IP + ip).want(404)
        made(api, {'nodePort': n}, clusterIP=ip)


@proves('9.9')
def test_one_that_is_being_deleted(api):
    obj = body(({},))
    obj['metadata']['finalizers'] = ['example.com/hold']
    name = api.post(api.path('services'), obj).want(201).json['metadata']['name']
    api.delete(api.path('services', name)).want(200)
    got = api.patch(api.path('services', name), {'metadata': {'labels': {'a': 'b'}}, 'spec': {'type': 'ClusterIP'}}).want(200).json
    assert got['metadata']['labels'] == {'a': 'b'} and node_ports(got) == [None]
    st = api.patch(api.path('services', name), {'metadata': {'finalizers': ['example.com/hold', 'example.com/more']}}).fails(422, 'Invalid')
    assert st['details']['causes'][0]['field'] == 'metadata.finalizers', st
    api.patch(api.path('services', name), {'metadata': {'finalizers': None}}).want(200)
    api.get(api.path('services', name)).want(404)


@proves('9.10')
def test_the_endpoints_go_with_it(api):
    name = made(api, {}, type='ClusterIP')['metadata']['name']
    api.put(api.path('endpoints', name), {'metadata': {'name': name}, 'subsets': [{'addresses': [{'ip': '192.0.2.1'}]}]})
    api.get(api.path('endpoints', name)).want(200)
    api.delete(api.path('services', name)).want(200)
    api.get(api.path('endpoints', name)).want(404)
