# SPDX-License-Identifier: Apache-2.0
"""Node ports of Services (service-api.md sections 5.1 and 8), in the range 30000-32767."""
import itertools

from api import drop_services, proves, service

OPTIONS = ['--service-cluster-ip-range', '10.96.0.0/16,fd00:96::/108', '--service-node-port-range', '30000-32767']
names = (f's{i}' for i in itertools.count())
free = itertools.count(30001)  # of the static band: nobody draws these


def body(ports, **spec):
    """ports: dicts; a Service of type NodePort unless spec says otherwise."""
    obj = service(next(names), **dict({'type': 'NodePort'}, **spec))
    obj['spec']['ports'] = [dict({'name': f'p{i}', 'port': 80}, **p) for i, p in enumerate(ports)]
    return obj


def make(api, *ports, **spec):
    return api.post(api.path('services'), body(ports, **spec))


def made(api, *ports, **spec):
    return make(api, *ports, **spec).want(201).json


def node_ports(obj):
    return [p.get('nodePort') for p in obj['spec']['ports']]


def put(api, obj, *ports, **spec):
    obj['spec'] = {k: v for k, v in dict(obj['spec'], **spec).items() if v is not None}
    if ports:
        obj['spec']['ports'] = [dict({'name': f'p{i}', 'port': 80}, **p) for i, p in enumerate(ports)]
    obj['metadata'].pop('resourceVersion', None)
    return api.put(api.path('services', obj['metadata']['name']), obj)


def busy(answer, i):
    st = answer.fails(422, 'Invalid')
    got = [(c['field'], c['reason'], c['message'].split(': ')[-1]) for c in st['details']['causes']]
    assert got == [(f'spec.ports[{i}].nodePort', 'FieldValueInvalid', 'provided port is already allocated')], got


def test_begins_with_nothing(api):
    drop_services(api)


@proves('8.1', '8.2')
def test_drawn_ports_are_above_the_static_band(api):
    seen = set()
    for _ in range(40):
        n = node_ports(made(api, {}))[0]
        assert 30086 <= n <= 32767 and n not in seen, n
        seen.add(n)


@proves('8.3')
def test_out_of_range(api):
    for n in (29999, 32768, 80, 65535):
        st = make(api, {'nodePort': n}).fails(422, 'Invalid', 'The range of valid ports is 30000-32767')
        assert [c['field'] for c in st['details']['causes']] == ['spec.ports[0].nodePort'], st
    st = make(api, {'nodePort': -1}).fails(422, 'Invalid')
    assert st['details']['causes'][0]['field'] == 'spec.ports[0].nodePort', st


@proves('8.4', '8.1')
def test_taken_by_another(api):
    n = next(free)
    made(api, {'nodePort': n, 'protocol': 'UDP'})
    busy(make(api, {}, {'port': 81, 'nodePort': n}), 1)
    busy(make(api, {'nodePort': n, 'protocol': 'TCP'}), 0)


@proves('8.6')
def test_one_number_shares_a_node_port(api):
    got = node_ports(made(api, {'port': 53, 'protocol': 'TCP'}, {'port': 53, 'protocol': 'UDP'}))
    assert got[0] and got[0] == got[1]
    for flip in (False, True):
        n = next(free)
        ports = [{'port': 53, 'protocol': 'TCP', 'nodePort': n}, {'port': 53, 'protocol': 'UDP'}]
        assert node_ports(made(api, *(reversed(ports) if flip else ports))) == [n, n]


@proves('8.7')
def test_one_number_with_explicit_node_ports(api):
    n, m = next(free), next(free)
    assert node_ports(made(api, {'port': 53, 'protocol': 'TCP', 'nodePort': n}, {'port': 53, 'protocol': 'UDP', 'nodePort': n})) == [n, n]
    n = next(free)
    assert node_ports(made(api, {'port': 53, 'protocol': 'TCP', 'nodePort': n}, {'port': 53, 'protocol': 'UDP', 'nodePort': m})) == [n, m]


@proves('8.8', '9.7')
def test_two_numbers_cannot_share(api):
    n = next(free)
    busy(make(api, {'port': 53, 'protocol': 'TCP', 'nodePort': n}, {'port': 54, 'protocol': 'UDP', 'nodePort': n}), 1)
    made(api, {'nodePort': n})  # it has been given back


@proves('8.9')
def test_without_automatic_node_ports(api):
    n = next(free)
    got = made(api, {'port': 80}, {'port': 81, 'nodePort': n}, type='LoadBalancer', allocateLoadBalancerNodePorts=False)
    assert node_ports(got) == [None, n]
    busy(make(api, {'nodePort': n}), 0)


@proves('8.10')
def test_an_update_shares_nothing(api):
    obj = made(api, {'port': 53, 'protocol': 'TCP'})
    got = node_ports(put(api, obj, {'port': 53, 'protocol': 'TCP', 'nodePort': node_ports(obj)[0]},
                         {'name': 'new', 'port': 53, 'protocol': 'UDP'}).want(200).json)
    assert got[0] == node_ports(obj)[0] and got[1] and got[1] != got[0], got


@proves('8.11')
def test_an_update_may_share_what_it_has(api):
    n = next(free)
    obj = made(api, {'port': 53, 'protocol': 'TCP', 'nodePort': n})
    assert node_ports(put(api, obj, {'port': 53, 'protocol': 'TCP', 'nodePort': n},
                          {'port': 54, 'protocol': 'UDP', 'nodePort': n}).want(200).json) == [n, n]
    m = next(free)
    assert node_ports(put(api, obj, {'port': 53, 'protocol': 'TCP', 'nodePort': m},
                          {'port': 54, 'protocol': 'UDP', 'nodePort': m}).want(200).json) == [m, m]
    made(api, {'nodePort': n})


@proves('8.12')
def test_one_protocol_has_a_node_port_once(api):
    n = next(free)
    obj = made(api, {'nodePort': n})
    put(api, obj, {'port': 53, 'nodePort': n}, {'port': 54, 'nodePort': n}).fails(500, '', 'duplicate nodePort: {TCP %d}' % n)


@proves('8.13')
def test_what_is_left_out_is_free(api):
    n, m = next(free), next(free)
    obj = made(api, {'nodePort': n}, {'port': 81, 'nodePort': m})
    put(api, obj, {'nodePort': n}).want(200)
    made(api, {'nodePort': m})
    busy(make(api, {'nodePort': n}), 0)


@proves('8.14')
def test_types_without_node_ports_give_them_back(api):
    for to in ({'type': 'ClusterIP'}, {'type': 'ExternalName', 'externalName': 'example.com'}):
        n = next(free)
        name = made(api, {'nodePort': n})['metadata']['name']
        got = api.patch(api.path('services', name), {'spec': to}).want(200).json
        assert node_ports(got) == [None]
        made(api, {'nodePort': n})


@proves('8.15', '8.1')
def test_health_checks(api):
    balanced = {'type': 'LoadBalancer', 'externalTrafficPolicy': 'Local'}
    got = made(api, {}, **balanced)
    assert 30086 <= got['spec']['healthCheckNodePort'] <= 32767 and got['spec']['healthCheckNodePort'] not in node_ports(got)
    n = next(free)
    assert made(api, {}, healthCheckNodePort=n, **balanced)['spec']['healthCheckNodePort'] == n
    make(api, {}, healthCheckNodePort=n, **balanced).fails(
        500, 'InternalError', f'Internal error occurred: failed to allocate requested HealthCheck NodePort {n}: provided port is already allocated')
    make(api, {}, healthCheckNodePort=29999, **balanced).fails(
        500, 'InternalError', 'failed to allocate requested HealthCheck NodePort 29999: provided port is not in the valid range')
    busy(make(api, {'nodePort': n}), 0)
    m = next(free)
    make(api, {'nodePort': m}, healthCheckNodePort=m, **balanced).fails(500, 'InternalError', 'provided port is already allocated')
    made(api, {'nodePort': m})


@proves('8.16')
def test_without_health_check_the_port_is_free(api):
    n = next(free)
    obj = made(api, {}, type='LoadBalancer', externalTrafficPolicy='Local', healthCheckNodePort=n)
    got = api.patch(api.path('services', obj['metadata']['name']), {'spec': {'externalTrafficPolicy': 'Cluster'}}).want(200).json
    assert 'healthCheckNodePort' not in got['spec'], got
    made(api, {'nodePort': n})


@proves('8.17')
def test_the_name_of_a_port_keeps_its_node_port(api):
    obj = made(api, {'name': 'a', 'port': 80}, {'name': 'b', 'port': 81})
    a, b = node_ports(obj)
    got = put(api, obj, {'name': 'b', 'port': 8081}, {'name': 'a', 'port': 8080, 'protocol': 'UDP'}).want(200).json
    assert node_ports(got) == [b, a]
    got = put(api, got, {'name': 'a', 'port': 80}, {'name': 'c', 'port': 81}).want(200).json
    assert node_ports(got)[0] == a and node_ports(got)[1] not in (a, b, None)
