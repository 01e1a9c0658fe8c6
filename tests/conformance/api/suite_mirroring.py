# SPDX-License-Identifier: Apache-2.0
"""Endpoints written by hand become slices (service-api.md section 14)."""
from api import ours, proves, service, until
from pods import NO_CONTROLLERS, events, of_slices, slices
from suite_endpoints import TRIGGER, address, endpoints
from suite_slices import HEADLESS, MANAGED, SERVICE

OPTIONS = ['--service-cluster-ip-range', '10.96.0.0/16,fd00:96::/108']
OWN = 'endpointslicemirroring-controller.k8s.io'
APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'
SKIP = 'endpointslice.kubernetes.io/skip-mirror'
LEADER = 'control-plane.alpha.kubernetes.io/leader'


def shape(api, name='web'):
    """The slices in a form that can be compared: type, ports and addresses of each."""
    return {(s['addressType'], frozenset(p['port'] for p in s['ports'] or []), frozenset(a for e in s['endpoints'] for a in e['addresses']))
            for s in slices(api, name)}


def settle(api, *want, name='web'):
    wanted = {(kind, frozenset(ports), frozenset(ips)) for kind, ports, ips in want}
    try:
        until('the slices', lambda: shape(api, name) == wanted)
    except AssertionError as why:
        raise AssertionError(f'{why}: wanted {wanted}, there is {shape(api, name)}') from None


def ends(*ips, ports=(), **members):
    return dict({'addresses': [{'ip': ip} for ip in ips], 'ports': [{'name': f'p{n}', 'port': n} for n in ports]}, **members)


ONE = ('IPv4', (80,), ('10.1.2.3',))


@ours(NO_CONTROLLERS)
@proves('14.1.1', '14.1.3', '14.1.11')
def test_which_are_mirrored(api):
    for name in ('web', 'lone', 'external'):
        api.post(api.path('endpoints'), endpoints(name, ends('10.1.2.3', ports=[80]))).want(201)
    api.post(api.path('services'), service('external', type='ExternalName', externalName='example.com')).want(201)
    settle(api, ONE, name='external')
    assert not slices(api, 'lone') and not slices(api, 'web')
    api.post(api.path('services'), service('web')).want(201)
    settle(api, ONE)
    api.patch(api.path('endpoints', 'web'), {'subsets': None}).want(200)
    settle(api)
    api.patch(api.path('endpoints', 'web'), {'subsets': [ends('10.1.2.3', ports=[80])]}).want(200)
    settle(api, ONE)
    api.delete(api.path('endpoints', 'external')).want(200)
    settle(api, name='external')
    api.delete(api.path('services', 'web')).want(200)
    settle(api)


@ours(NO_CONTROLLERS)
@proves('14.1.2', '14.1.3')
def test_which_are_not(api):
    api.post(api.path('services'), service('web')).want(201)
    api.post(api.path('endpoints'), endpoints('web', ends('10.1.2.3', ports=[80]))).want(201)
    for mark in ({'labels': {SKIP: 'true'}}, {'annotations': {LEADER: '{}'}}):
        settle(api, ONE)
        api.patch(api.path('endpoints', 'web'), {'metadata': mark}).want(200)
        settle(api)
        api.patch(api.path('endpoints', 'web'), {'metadata': {k: dict.fromkeys(v) for k, v in mark.items()}}).want(200)
    api.patch(api.path('endpoints', 'web'), {'metadata': {'labels': {SKIP: 'yes'}}}).want(200)
    settle(api, ONE)
    api.patch(api.path('services', 'web'), {'spec': {'selector': {'app': 'none'}}}).want(200)
    until('no mirror', lambda: all(s['metadata']['labels'][MANAGED] != OWN for s in slices(api, 'web')))


@ours(NO_CONTROLLERS)
@proves('14.1.4', '14.1.12')
def test_subsets_become_slices(api):
    api.post(api.path('services'), service('web')).want(201)
    sent = endpoints('web', ends('10.1.2.3', '2001:db8::1', ports=[80]), ends('10.1.2.4', ports=[443]), ends('10.1.2.4', ports=[8443]))
    api.post(api.path('endpoints'), sent).want(201)
    settle(api, ONE, ('IPv6', (80,), ('2001:db8::1',)), ('IPv4', (443, 8443), ('10.1.2.4',)))
    names = {s['metadata']['name'] for s in slices(api, 'web')}
    api.patch(api.path('endpoints', 'web'), {'subsets': [ends('10.1.2.4', ports=[444])]}).want(200)
    settle(api, ('IPv4', (444,), ('10.1.2.4',)))
    assert {s['metadata']['name'] for s in slices(api, 'web')} < names


@ours(NO_CONTROLLERS)
@proves('14.1.5')
def test_endpoints_say_what_addresses_said(api):
    api.post(api.path('services'), service('web')).want(201)
    ref = {'kind': 'Pod', 'namespace': api.ns, 'name': 'p', 'uid': 'u'}
    sent = address(hostname='h', nodeName='n', targetRef=ref)
    api.post(api.path('endpoints'), endpoints('web', dict(sent, notReadyAddresses=[{'ip': '10.1.2.4'}]))).want(201)
    settle(api, ('IPv4', (), ('10.1.2.3', '10.1.2.4')))
    got = of_slices(api, 'web')
    assert got['10.1.2.3'] == {'addresses': ['10.1.2.3'], 'conditions': {'ready': True}, 'hostname': 'h', 'nodeName': 'n', 'targetRef': ref}, got
    assert got['10.1.2.4'] == {'addresses': ['10.1.2.4'], 'conditions': {'ready': False}}, got


@ours(NO_CONTROLLERS)
@proves('14.1.7')
def test_too_many(api):
    api.post(api.path('services'), service('web')).want(201)
    ips = [f'10.1.{i // 250}.{i % 250 + 1}' for i in range(1005)]
    many = {'addresses': [{'ip': ip} for ip in ips[10:]], 'notReadyAddresses': [{'ip': ip} for ip in ips[:10]]}
    api.post(api.path('endpoints'), endpoints('web', many)).want(201)
    until('a thousand', lambda: len(of_slices(api, 'web')) == 1000)
    assert len(slices(api, 'web')) == 1 and of_slices(api, 'web').keys() >= set(ips[10:])
    text = 'A max of 1000 addresses can be mirrored to EndpointSlices per Endpoints subset. 5 addresses were skipped'
    until('an Event', lambda: events(api, 'web', 'TooManyAddressesToMirror') == [text])


@ours(NO_CONTROLLERS)
@proves('14.1.8', '14.1.9', '14.1.10')
def test_what_a_slice_says(api):
    api.post(api.path('services'), service('web', clusterIP='None')).want(201)
    sent = endpoints('web', ends('10.1.2.3', ports=[80]))
    sent['metadata'].update(labels={'team': 'x', SERVICE: 'lie', MANAGED: 'lie'},
                            annotations={'note': 'y', TRIGGER: '2026-01-01T00:00:00Z', APPLIED: '{}'})
    uid = api.post(api.path('endpoints'), sent).want(201).json['metadata']['uid']
    settle(api, ONE)

    def meta():
        return slices(api, 'web')[0]['metadata']
    assert meta()['generateName'] == 'web-'
    owner = [{'apiVersion': 'v1', 'kind': 'Endpoints', 'name': 'web', 'uid': uid, 'controller': True, 'blockOwnerDeletion': True}]
    labels, annotations = {'team': 'x', SERVICE: 'web', MANAGED: OWN}, {'note': 'y'}

    def is_right():
        return (meta().get('ownerReferences') == owner and {k: v for k, v in meta()['labels'].items() if k != HEADLESS} == labels
                and meta().get('annotations') == annotations)
    until('what it says', is_right)
    where = api.path('endpointslices', meta()['name'])
    for wrong in ({'labels': {'team': 'z'}}, {'annotations': {'note': None}}, {'ownerReferences': None}):
        api.patch(where, {'metadata': wrong}).want(200)
        until(f'{wrong} to be put right', is_right)
    api.patch(api.path('endpoints', 'web'), {'metadata': {'labels': {'team': 'q'}}}).want(200)
    labels['team'] = 'q'
    until('the new label', is_right)
