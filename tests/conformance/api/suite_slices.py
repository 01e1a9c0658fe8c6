# SPDX-License-Identifier: Apache-2.0
"""EndpointSlices: what they must be, and what their controller writes (service-api.md section 12)."""
from api import all_of, merged, ours, proves, rev, rules_of, service, until
from pods import NO_CONTROLLERS, default_node, kill, node, of_slices, pod, report, slices
from suite_endpoints import LINK_LOCAL, LOOPBACK, TRIGGER, web
from suite_validation import ADDRESS, LABEL, QUALIFIED, SUBDOMAIN, VALUE

OPTIONS = ['--service-cluster-ip-range', '10.96.0.0/16,fd00:96::/108']
OWN = 'endpointslice-controller.k8s.io'
MANAGED = 'endpointslice.kubernetes.io/managed-by'
SERVICE = 'kubernetes.io/service-name'
HEADLESS = 'service.kubernetes.io/headless'


def a_slice(name='a', kind='IPv4', **members):
    return dict({'apiVersion': 'discovery.k8s.io/v1', 'kind': 'EndpointSlice', 'metadata': {'name': name}, 'addressType': kind,
                 'endpoints': []}, **members)


def end(**members):
    return {'endpoints': [dict({'addresses': ['10.1.2.3']}, **members)]}


def of(kind, *addresses):
    return dict(end(addresses=list(addresses)), addressType=kind)


def zones(*names):
    return end(hints={'forZones': [{'name': n} for n in names]})


def nodes(*names):
    return end(hints={'forNodes': [{'name': n} for n in names]})


def ports(*each):
    return {'ports': list(each)}


def bad(value, why, index='[0]'):
    return f'endpoints[0].addresses{index}: Invalid value: "{value}": {why}'


NINE = 'abcdefghi'
KINDS = 'Unsupported value: "IPv5": supported values: "FQDN", "IPv4", "IPv6"'
ROWS = [
    ('12.1.2', {'addressType': None}, 'addressType: Required value'),
    ('12.1.2', of('IPv5', 'nonsense'), f'addressType: {KINDS}'),
    ('12.1.4', {'endpoints': [{'addresses': ['10.1.2.3']}] * 1000}),
    ('12.1.4', {'endpoints': [{'addresses': ['x']}] * 1001}, 'endpoints: Too many: 1001: must have at most 1000 items'),
    ('12.1.5', end(addresses=[]), 'endpoints[0].addresses: Required value: must contain at least 1 address'),
    ('12.1.5', end(addresses=[f'10.1.2.{i}' for i in range(100)])),
    ('12.1.5', end(addresses=[f'10.1.2.{i}' for i in range(101)]), 'endpoints[0].addresses: Too many: 101: must have at most 100 items'),
    ('12.1.6', of('IPv4', 'x'), bad('x', ADDRESS)),
    ('12.1.6', of('IPv4', '2001:db8::1'), bad('2001:db8::1', 'must be an IPv4 address', '')),
    ('12.1.6', of('IPv4', '127.0.0.1'), bad('127.0.0.1', LOOPBACK)),
    ('12.1.6', of('IPv4', '010.1.2.3'), bad('010.1.2.3', 'must not have leading 0s')),
    ('12.1.6', of('IPv6', '2001:db8::1')),
    ('12.1.6', of('IPv6', '10.1.2.3'), bad('10.1.2.3', 'must be an IPv6 address', '')),
    ('12.1.6', of('IPv6', 'fe80::1'), bad('fe80::1', LINK_LOCAL)),
    ('12.1.7', of('FQDN', 'www.example.com.')),
    ('12.1.7', of('FQDN', 'example'), bad('example', 'should be a domain with at least two segments separated by dots')),
    ('12.1.7', of('FQDN', 'Example_.com'), bad('Example_.com', SUBDOMAIN)),
    ('12.1.8', end(nodeName='A_b'), f'endpoints[0].nodeName: Invalid value: "A_b": {SUBDOMAIN}'),
    ('12.1.9', end(hostname='a.b'), 'endpoints[0].hostname: Invalid value: "a.b": must not contain dots'),
    ('12.1.11', zones(*NINE[:8])),
    ('12.1.11', zones(*NINE), 'endpoints[0].hints.forZones: Too many: 9: must have at most 8 items'),
    ('12.1.12', zones('a', 'a'), 'endpoints[0].hints.forZones[1].name: Duplicate value: "a"'),
    ('12.1.12', zones('a b'), f'endpoints[0].hints.forZones[0].name: Invalid value: "a b": {VALUE}'),
    ('12.1.13', nodes(*NINE[:8])),
    ('12.1.13', nodes(*NINE), 'endpoints[0].hints.forNodes: Too many: 9: must have at most 8 items'),
    ('12.1.13', nodes('a', 'a'), 'endpoints[0].hints.forNodes[1].name: Duplicate value: "a"'),
    ('12.1.13', nodes('A_b'), f'endpoints[0].hints.forNodes[0].name: Invalid value: "A_b": {SUBDOMAIN}'),
    ('12.1.14', ports(*[{'name': f'p{i}', 'port': 1} for i in range(101)])),
    ('12.1.15', ports({'name': 'A'}), f'ports[0].name: Invalid value: "A": {LABEL}'),
    ('12.1.15', ports({}, {}), 'ports[1].name: Duplicate value: ""'),
    ('12.1.15', ports({'name': 'a'}, {'name': 'a'}), 'ports[1].name: Duplicate value: "a"'),
    ('12.1.15', ports({'name': ''}, {'name': 'a'})),
    ('12.1.16', ports({'protocol': 'tcp'}), 'ports[0].protocol: Unsupported value: "tcp": supported values: "SCTP", "TCP", "UDP"'),
    ('12.1.17', ports({'appProtocol': 'a b'}), f'ports[0].appProtocol: Invalid value: "a b": {QUALIFIED}'),
    *[('12.1.18', ports(p)) for p in ({'port': 0}, {'port': 99999}, {})],
    ('12.1.19', end(zone='no label !', targetRef={'kind': 'Any', 'name': 'A B'})),
]


@proves(*rules_of(ROWS))
def test_what_slices_must_be(api):
    where = api.path('endpointslices')

    def one(change, causes):
        answer = api.post(where, merged(a_slice(), change))
        if causes:
            assert answer.causes() == causes, f'wanted {causes}, got {answer.causes()}'
        else:
            answer.want(201)
            api.delete(where + '/a').want(200)
    all_of((f'{rules} {change!r:.200}', lambda c=change, w=causes: one(c, w)) for rules, change, *causes in ROWS)


@proves('12.1.1', '12.1.3', '12.1.7')
def test_names_and_types(api):
    where = api.path('endpointslices')
    api.post(where, a_slice('a.b')).want(201)
    assert api.post(where, a_slice('A_b')).causes() == [f'metadata.name: Invalid value: "A_b": {SUBDOMAIN}']
    made = api.post(where, dict(a_slice(), metadata={'generateName': 'x-'})).want(201).json
    assert made['metadata']['name'].startswith('x-')
    got = api.put(where + '/a.b', a_slice('a.b', 'IPv6')).causes()
    assert got == ['addressType: Invalid value: "IPv6": field is immutable'], got
    assert api.post(where, a_slice('f', **of('FQDN', 'a.b'))).warnings() == ['spec.addressType: FQDN endpoints are deprecated']


@proves('12.1.10', '12.1.16', '12.1.20', '12.1.21')
def test_what_is_filled_in_and_dropped(api):
    where = api.path('endpointslices')
    got = api.post(where, a_slice(**end(deprecatedTopology={'a': 'b'}), ports=[{'port': 1}])).want(201).json
    assert got['endpoints'] == [{'addresses': ['10.1.2.3'], 'conditions': {}}], got
    assert got['ports'] == [{'name': '', 'port': 1, 'protocol': 'TCP'}]
    for name, members in (('b', {}), ('c', {'endpoints': None, 'ports': None}), ('d', {'ports': []})):
        got = api.post(where, a_slice(name, **members)).want(201).json
        assert not got['endpoints'] and not got['ports']


@proves('12.1.22')
def test_generation(api):
    where = api.path('endpointslices', 'a')
    api.post(api.path('endpointslices'), a_slice()).want(201)

    def generation(patch):
        return api.patch(where, patch).want(200).json['metadata']['generation']
    assert api.get(where).json['metadata']['generation'] == 1
    assert generation({'metadata': {'annotations': {'a': 'b'}}}) == 1
    assert generation({'metadata': {'labels': {'a': 'b'}}}) == 2
    assert generation({'endpoints': end()['endpoints']}) == 3
    assert generation({'endpoints': end()['endpoints']}) == 3


def settle(api, name, want):
    """Waits until the endpoints are exactly these, each with these members."""
    def look():
        got = of_slices(api, name)
        return got.keys() == want.keys() and all(got[ip].get(k) == v for ip, members in want.items() for k, v in members.items())
    try:
        until('the slices', look)
    except AssertionError as why:
        raise AssertionError(f'{why}: wanted {want}, there is {of_slices(api, name)}') from None


def conditions(ready, serving, terminating):
    return {'conditions': {'ready': ready, 'serving': serving, 'terminating': terminating}}


UP, DOWN = conditions(True, True, False), conditions(False, False, False)


def sizes(api, name):
    return sorted((len(s['endpoints'] or []) for s in slices(api, name)), reverse=True)


@ours(NO_CONTROLLERS)
@proves('12.2.4', '12.2.5', '12.2.6', '12.2.7')
def test_pods_become_endpoints(api):
    api.post(api.path('services'), web()).want(201)
    api.post(api.path('services'), web('all', publishNotReadyAddresses=True)).want(201)
    pod(api, 'a', ['10.1.0.1', '2001:db8::1', '10.1.0.9'], hostname='h', subdomain='web')
    pod(api, 'b', ['10.1.0.2'], is_ready=False)
    pod(api, 'c', ['10.1.0.3'])
    pod(api, 'six', ['2001:db8::2'])
    pod(api, 'failed', ['10.1.0.4'], phase='Failed')
    pod(api, 'bare', [])
    settle(api, 'web', {'10.1.0.1': UP, '10.1.0.2': DOWN, '10.1.0.3': UP})
    api.delete(api.path('pods', 'c')).want(200)
    settle(api, 'web', {'10.1.0.1': UP, '10.1.0.2': DOWN, '10.1.0.3': conditions(False, True, True)})
    settle(api, 'all', {'10.1.0.1': UP, '10.1.0.2': conditions(True, False, False), '10.1.0.3': conditions(True, True, True)})
    got = of_slices(api, 'web')['10.1.0.1']
    uid = api.get(api.path('pods', 'a')).json['metadata']['uid']
    assert got == {'addresses': ['10.1.0.1', '10.1.0.9'], 'hostname': 'h', 'nodeName': default_node(api), 'zone': 'z1',
                   'targetRef': {'kind': 'Pod', 'namespace': api.ns, 'name': 'a', 'uid': uid}, **UP}, got


@ours(NO_CONTROLLERS)
@proves('12.2.2', '12.2.15')
def test_two_families(api):
    api.post(api.path('services'), web(ipFamilyPolicy='RequireDualStack')).want(201)
    until('an empty slice each', lambda: sorted(s['addressType'] for s in slices(api, 'web')) == ['IPv4', 'IPv6'])
    assert all(not s['endpoints'] and not s['ports'] for s in slices(api, 'web'))
    pod(api, 'a', ['10.1.0.1', '2001:db8::1'])
    settle(api, 'web', {'10.1.0.1': UP, '2001:db8::1': UP})
    assert len(slices(api, 'web')) == 2
    api.patch(api.path('services', 'web'), {'spec': {'ipFamilyPolicy': 'SingleStack'}}).want(200)
    settle(api, 'web', {'10.1.0.1': UP})
    until('the other family to go', lambda: [s['addressType'] for s in slices(api, 'web')] == ['IPv4'])


@ours(NO_CONTROLLERS)
@proves('12.2.1')
def test_services_that_go_or_cease_to_select(api):
    for name in ('web', 'external', 'unselected'):
        api.post(api.path('services'), web(name)).want(201)
    pod(api, 'a', ['10.1.0.1'])
    for name in ('web', 'external', 'unselected'):
        settle(api, name, {'10.1.0.1': UP})
    api.patch(api.path('services', 'external'), {'spec': {'type': 'ExternalName', 'externalName': 'example.com'}}).want(200)
    api.patch(api.path('services', 'unselected'), {'spec': {'selector': None}}).want(200)
    report(api, 'a', ['10.1.0.1'], is_ready=False)
    settle(api, 'web', {'10.1.0.1': DOWN})
    settle(api, 'external', {'10.1.0.1': UP})
    kept = [s for s in slices(api, 'unselected') if s['metadata']['labels'][MANAGED] == OWN]  # its Endpoints are mirrored now
    assert [e['conditions'] for s in kept for e in s['endpoints']] == [UP['conditions']]
    api.delete(api.path('services', 'web')).want(200)
    until('the slices to go', lambda: not slices(api, 'web'))


@ours(NO_CONTROLLERS)
@proves('12.2.3', '12.2.17')
def test_slices_of_others(api):
    labels = {SERVICE: 'web', MANAGED: OWN}
    owner = {'apiVersion': 'v1', 'kind': 'Service', 'name': 'web', 'uid': '0f' * 18, 'controller': True}
    pod(api, 'a', ['10.1.0.1'])
    api.post(api.path('services'), web()).want(201)
    settle(api, 'web', {'10.1.0.1': UP})
    old = a_slice('old', **end())
    old['metadata'].update(labels=labels, ownerReferences=[owner])
    api.post(api.path('endpointslices'), old).want(201)
    foreign = a_slice('foreign', **end(addresses=['10.1.9.9']))
    foreign['metadata']['labels'] = {SERVICE: 'web', MANAGED: 'me'}
    api.post(api.path('endpointslices'), foreign).want(201)
    until('the old slice to go', lambda: api.get(api.path('endpointslices', 'old')).status == 404)
    assert of_slices(api, 'web').keys() == {'10.1.0.1', '10.1.9.9'}


@ours(NO_CONTROLLERS)
@proves('12.2.8')
def test_nodes_that_are_not_known(api):
    api.post(api.path('services'), web()).want(201)
    api.post(api.path('services'), web('all', publishNotReadyAddresses=True)).want(201)
    pod(api, 'a', ['10.1.0.1'])
    pod(api, 'b', ['10.1.0.2'], on=f'{api.ns}-late')
    settle(api, 'all', {'10.1.0.1': {'zone': 'z1'}, '10.1.0.2': {'zone': None, 'nodeName': f'{api.ns}-late'}})
    settle(api, 'web', {'10.1.0.1': UP})
    node(api, 'late', zone='z2')
    settle(api, 'web', {'10.1.0.1': {'zone': 'z1'}, '10.1.0.2': {'zone': 'z2'}})


@ours(NO_CONTROLLERS)
@proves('12.2.9', '12.2.18')
def test_groups_of_ports(api):
    sent = web()
    sent['spec']['ports'] = [{'port': 80, 'targetPort': 'http'}]
    api.post(api.path('services'), sent).want(201)
    pod(api, 'a', ['10.1.0.1'], ports=[('http', 8080, 'TCP')])
    settle(api, 'web', {'10.1.0.1': UP})
    first = slices(api, 'web')[0]['metadata']['name']
    pod(api, 'b', ['10.1.0.2'], ports=[('http', 8888, 'TCP')])
    pod(api, 'c', ['10.1.0.3'])
    settle(api, 'web', {'10.1.0.1': UP, '10.1.0.2': UP, '10.1.0.3': UP})
    got = {tuple(p['port'] for p in s['ports'] or []): {e['addresses'][0] for e in s['endpoints']} for s in slices(api, 'web')}
    assert got == {(8080,): {'10.1.0.1'}, (8888,): {'10.1.0.2'}, (): {'10.1.0.3'}}, got
    for name in 'bc':
        kill(api, name)
    settle(api, 'web', {'10.1.0.1': UP})
    api.patch(api.path('services', 'web'), {'spec': {'ports': [{'port': 80, 'targetPort': 9000}]}}).want(200)
    until('the other port', lambda: [[p['port'] for p in s['ports']] for s in slices(api, 'web')] == [[9000]])
    assert slices(api, 'web')[0]['metadata']['name'] == first  # recycled


@ours(NO_CONTROLLERS)
@proves('12.2.10', '12.2.11')
def test_what_a_new_slice_says(api):
    sent = web(clusterIP='None')
    sent['metadata']['labels'] = {'team': 'x', SERVICE: 'lie', MANAGED: 'lie', HEADLESS: 'lie'}
    svc = api.post(api.path('services'), sent).want(201).json
    until('a slice', lambda: slices(api, 'web'))
    meta = slices(api, 'web')[0]['metadata']
    assert meta['generateName'] == 'web-' and meta['name'].startswith('web-')
    assert meta['labels'] == {'team': 'x', SERVICE: 'web', MANAGED: OWN, HEADLESS: ''}, meta
    assert meta['ownerReferences'] == [{'apiVersion': 'v1', 'kind': 'Service', 'name': 'web', 'uid': svc['metadata']['uid'],
                                        'controller': True, 'blockOwnerDeletion': True}]
    assert meta['annotations'] == {TRIGGER: svc['metadata']['creationTimestamp']}
    pod(api, 'a', ['10.1.0.1'])
    settle(api, 'web', {'10.1.0.1': UP})
    assert slices(api, 'web')[0]['metadata']['annotations'] == {TRIGGER: '2026-01-01T00:00:00Z'}
    kill(api, 'a')
    settle(api, 'web', {})
    assert not slices(api, 'web')[0]['metadata'].get('annotations')


@ours(NO_CONTROLLERS)
@proves('12.2.12', '12.2.13', '12.2.14', '12.2.19')
def test_packing(api):
    default_node(api)
    for i in range(250):
        pod(api, f'p{i}', [f'10.1.{i // 250}.{i + 1}'])
    api.post(api.path('services'), web()).want(201)
    until('250 endpoints', lambda: sizes(api, 'web') == [100, 100, 50])
    before = {s['metadata']['name']: rev(s) for s in slices(api, 'web')}
    report(api, 'p7', ['10.1.0.8'], is_ready=False)
    settle(api, 'web', {ip: DOWN if ip == '10.1.0.8' else UP for ip in of_slices(api, 'web')})
    after = {s['metadata']['name']: rev(s) for s in slices(api, 'web')}
    assert sum(before[name] != after[name] for name in before) == 1 and before.keys() == after.keys()
    pod(api, 'late', ['10.1.7.7'])
    until('it to fit', lambda: sizes(api, 'web') == [100, 100, 51])
    for s in slices(api, 'web'):  # a slice that lost endpoints is filled up again, nothing is moved
        if len(s['endpoints']) == 100:
            lost = [e['targetRef']['name'] for e in s['endpoints']][:3]
            break
    for name in lost:
        kill(api, name)
    until('three to go', lambda: sizes(api, 'web') == [100, 97, 51])


@ours(NO_CONTROLLERS)
@proves('12.2.13', '12.2.16')
def test_slices_are_put_right(api):
    api.post(api.path('services'), web()).want(201)
    pod(api, 'a', ['10.1.0.1'])
    settle(api, 'web', {'10.1.0.1': UP})
    found = slices(api, 'web')[0]
    where = api.path('endpointslices', found['metadata']['name'])
    api.patch(api.path('services', 'web'), {'metadata': {'annotations': {'any': 'thing'}}}).want(200)
    api.patch(where, {'endpoints': end()['endpoints']}).want(200)
    settle(api, 'web', {'10.1.0.1': UP})
    api.patch(where, {'metadata': {'labels': {SERVICE: None}}}).want(200)
    settle(api, 'web', {'10.1.0.1': UP})
    for s in slices(api, 'web'):
        api.delete(api.path('endpointslices', s['metadata']['name'])).want(200)
    settle(api, 'web', {'10.1.0.1': UP})


@ours(NO_CONTROLLERS)
@proves('12.2.20')
def test_a_service_that_is_going_gets_nothing_new(api):
    sent = web()
    sent['metadata']['finalizers'] = ['example.com/x']
    api.post(api.path('services'), sent).want(201)
    until('a slice', lambda: slices(api, 'web'))
    api.delete(api.path('services', 'web')).want(200)
    for s in slices(api, 'web'):
        api.delete(api.path('endpointslices', s['metadata']['name'])).want(200)
    pod(api, 'a', ['10.1.0.1'])
    api.post(api.path('services'), web('other')).want(201)
    settle(api, 'other', {'10.1.0.1': UP})
    assert not slices(api, 'web')
    api.patch(api.path('services', 'web'), {'metadata': {'finalizers': None}}).want(200)
