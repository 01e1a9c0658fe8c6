# SPDX-License-Identifier: Apache-2.0
"""ServiceCIDR and IPAddress objects, and the addresses that come from them (service-api.md sections 7 and 10.4 to 10.6).

A stock server for these needs --service-cluster-ip-range 10.96.0.0/16,fd00:96::/108.
"""
import itertools
import threading
import time

from api import Api, Skip, drop_services, ours, proves, service, until

OPTIONS = ['--service-cluster-ip-range', '10.96.0.0/16,fd00:96::/108', '--service-repair-period', '1']
NETWORKING = '/apis/networking.k8s.io/v1/'
RANGES, IPS = NETWORKING + 'servicecidrs', NETWORKING + 'ipaddresses'
MANAGED = {'ipaddress.kubernetes.io/ip-family': 'IPv4', 'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io'}
NO_CONTROLLERS = 'the controller is in kube-controller-manager'
names = (f's{i}' for i in itertools.count())


def cidr(name, *cidrs):
    return {'metadata': {'name': name}, 'spec': {'cidrs': list(cidrs)}}


def address(name, ref=None, labels=None):
    ref = {'resource': 'services', 'namespace': 'default', 'name': 'x'} if ref is None else ref
    return {'metadata': {'name': name, 'labels': labels or {}}, 'spec': {'parentRef': ref}}


def make(api, **spec):
    return api.post(api.path('services'), service(next(names), **spec))


def made(api, **spec):
    return make(api, **spec).want(201).json


def refused(answer, *wanted):
    st = answer.fails(422, 'Invalid')
    got = [(c['field'], c['reason'][len('FieldValue'):], c['message'].split(': ')[-1]) for c in st['details']['causes']]
    assert got == list(wanted), got


def outside(api, ip):
    st = make(api, clusterIP=ip).fails(422, 'Invalid', 'does not match the current range')
    assert [c['field'] for c in st['details']['causes']] == ['spec.clusterIPs'], st


def drop_range(api, name):
    """Without waiting until nothing depends on it: what a test does when it is through."""
    api.delete(f'{RANGES}/{name}')
    api.patch(f'{RANGES}/{name}', {'metadata': {'finalizers': None}})


def events(api, reason):
    return [e for e in api.get('/api/v1/events').json['items'] if e['reason'] == reason]


def test_begins_with_nothing(api):
    drop_services(api)


@proves('10.4.1')
def test_one_range_of_each_family(api):
    def ask(*cidrs):
        return api.post(RANGES + '?dryRun=All', cidr('a', *cidrs))
    refused(ask(), ('spec.cidrs', 'Required', 'at least one CIDR required'))
    refused(ask('10.1.0.0/24', '10.2.0.0/24'), (
        'spec.cidrs', 'Invalid', 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64'))
    refused(ask('10.1.0.0/24', 'fd01::/64', '10.2.0.0/24'), ('spec.cidrs', 'Invalid', 'may only hold up to 2 values'))
    for good in (['10.1.0.0/24'], ['fd01::/64', '10.1.0.0/30'], ['fd01::/20'], ['10.1.0.1/32'], ['0.0.0.0/0']):
        got = ask(*good).want(201).json
        assert got['spec']['cidrs'] == good and got['status'] == {} and 'generation' not in got['metadata'], got


@proves('10.4.2')
def test_ranges_are_canonical(api):
    for bad, why in (('10.1.0.1/24', 'must not have bits set beyond the prefix length'),
                     ('10.1.0.0', 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'),
                     ('bogus', 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'),
                     ('FD01:0::/64', 'must be in canonical form ("fd01::/64")'),
                     ('010.0.0.0/8', 'must not have leading 0s in IP or prefix length'),
                     ('::ffff:10.0.0.0/112', 'must not have an IPv4-mapped IPv6 address')):
        refused(api.post(RANGES + '?dryRun=All', cidr('a', bad)), ('spec.cidrs[0]', 'Invalid', why))


@proves('10.4.3', '10.4.4', '10.5.4')
def test_ranges_stay_but_one_may_come(api):
    refused_name = api.post(RANGES, cidr('A_b', '10.98.0.0/24')).fails(422, 'Invalid')
    assert refused_name['details']['causes'][0]['field'] == 'metadata.name'
    api.put(RANGES + '/missing', cidr('missing', '10.98.0.0/24')).fails(404, 'NotFound')
    api.post(RANGES, cidr('stay', '10.98.0.0/24')).want(201)
    fixed = 'field is immutable'

    def patch(*cidrs):
        return api.patch(RANGES + '/stay', {'spec': {'cidrs': list(cidrs)}})
    refused(patch('10.98.1.0/24'), ('spec.cidrs[0]', 'Invalid', fixed))
    refused(patch(), ('spec.cidrs', 'Invalid', fixed))
    refused(patch('fd98::/64', '10.98.0.0/24'), ('spec.cidrs[0]', 'Invalid', fixed))
    refused(patch('10.98.0.0/24', 'fd98::1/64'), ('spec.cidrs[1]', 'Invalid', 'must not have bits set beyond the prefix length'))
    assert patch('10.98.0.0/24', 'fd98::/64').want(200).json['spec']['cidrs'] == ['10.98.0.0/24', 'fd98::/64']
    refused(patch('10.98.0.0/24'), ('spec.cidrs', 'Invalid', fixed))
    refused(patch('fd98::/64', '10.98.0.0/24'), ('spec.cidrs[0]', 'Invalid', fixed), ('spec.cidrs[1]', 'Invalid', fixed))
    drop_range(api, 'stay')


@proves('10.4.5')
def test_status_is_all_that_status_writes(api):
    cond = {'type': 'Ready', 'status': 'True', 'reason': 'x', 'message': 'y', 'lastTransitionTime': '2020-01-01T00:00:00Z'}
    got = api.post(RANGES, dict(cidr('st', '10.98.4.0/24'), status={'conditions': [cond]})).want(201).json
    assert got['status'] == {}, got
    got = api.patch(RANGES + '/st/status', {'metadata': {'labels': {'a': 'b'}}, 'spec': {'cidrs': ['10.9.0.0/24']},
                                            'status': {'conditions': [cond]}}).want(200).json
    assert got['status'] == {'conditions': [cond]} and got['spec']['cidrs'] == ['10.98.4.0/24'] and 'labels' not in got['metadata'], got
    drop_range(api, 'st')


@proves('10.4.6')
def test_the_default_range(api):
    got = api.get(RANGES + '/kubernetes').want(200).json
    assert got['spec']['cidrs'] == ['10.96.0.0/16', 'fd00:96::/108']
    ready = got['status']['conditions'][0]
    assert (ready['type'], ready['status'], ready['reason']) == ('Ready', 'True', ''), ready
    if api.server.store:
        drop_range(api, 'kubernetes')
        until('a new default range', lambda: api.get(RANGES + '/kubernetes').json.get('metadata', {}).get('uid')
              not in (None, got['metadata']['uid']))
        until('an address', lambda: make(api).status == 201)


@proves('10.5.1')
def test_names_of_addresses(api):
    for bad, why in (('10.01.2.3', 'must not have leading 0s'), ('FD00::1', 'must be in canonical form ("fd00::1")'),
                     ('fd00:0::1', 'must be in canonical form ("fd00::1")'),
                     ('::ffff:1.2.3.4', 'must not be an IPv4-mapped IPv6 address'),
                     ('bogus', 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')):
        refused(api.post(IPS + '?dryRun=All', address(bad)), ('metadata.name', 'Invalid', why))
    for good in ('192.0.2.3', 'fd00::1', '127.0.0.1', '0.0.0.0'):
        got = api.post(IPS + '?dryRun=All', address(good)).want(201).json
        assert 'generation' not in got['metadata'], got


@proves('10.5.2')
def test_the_parent_of_an_address(api):
    def ask(ref):
        return api.post(IPS + '?dryRun=All', address('192.0.2.1', ref))
    refused(api.post(IPS, {'metadata': {'name': '192.0.2.1'}, 'spec': {}}), ('spec.parentRef', 'Required', 'Required value'))
    refused(ask({}), ('spec.parentRef.resource', 'Required', 'Required value'), ('spec.parentRef.name', 'Required', 'Required value'))
    refused(ask({'resource': 'a/b', 'name': '..', 'namespace': '.'}), ('spec.parentRef.resource', 'Invalid', "may not contain '/'"),
            ('spec.parentRef.name', 'Invalid', "may not be '..'"), ('spec.parentRef.namespace', 'Invalid', "may not be '.'"))
    st = ask({'group': 'A_', 'resource': 'services', 'name': 'x'}).fails(422, 'Invalid', 'RFC 1123 subdomain')
    assert st['details']['causes'][0]['field'] == 'spec.parentRef.group'


@proves('10.5.3', '10.5.4')
def test_the_parent_stays(api):
    api.post(IPS, address('192.0.2.7')).want(201)
    st = api.patch(IPS + '/192.0.2.7', {'spec': {'parentRef': {'name': 'y'}}}).fails(422, 'Invalid')
    assert [(c['field'], c['message']) for c in st['details']['causes']] == [(
        'spec.parentRef', 'Invalid value: {"Group":"","Resource":"services","Namespace":"default","Name":"y"}: field is immutable')], st
    api.patch(IPS + '/192.0.2.7', {'metadata': {'labels': {'a': 'b'}}}).want(200)
    api.put(IPS + '/192.0.2.8', address('192.0.2.8')).fails(404, 'NotFound')
    api.delete(IPS + '/192.0.2.7').want(200)


@proves('7.7', '7.5')
def test_each_address_is_an_object(api):
    got = made(api, ipFamilyPolicy='RequireDualStack')
    for ip, family in zip(got['spec']['clusterIPs'], ('IPv4', 'IPv6')):
        obj = api.get(f'{IPS}/{ip}').want(200).json
        assert obj['metadata']['labels'] == dict(MANAGED, **{'ipaddress.kubernetes.io/ip-family': family}), obj
        assert obj['spec']['parentRef'] == {'resource': 'services', 'namespace': api.ns, 'name': got['metadata']['name']}, obj
    api.delete(api.path('services', got['metadata']['name'])).want(200)
    for ip in got['spec']['clusterIPs']:
        api.get(f'{IPS}/{ip}').want(404)
    made(api, clusterIP=got['spec']['clusterIPs'][0])


@proves('7.8')
def test_an_object_takes_its_address(api):
    api.post(IPS, address('10.96.78.1', labels={'ipaddress.kubernetes.io/managed-by': 'me'})).want(201)
    make(api, clusterIP='10.96.78.1').fails(422, 'Invalid', 'provided IP is already allocated')
    api.delete(IPS + '/10.96.78.1').want(200)
    made(api, clusterIP='10.96.78.1')


@proves('7.3', '7.4')
def test_drawn_addresses_are_above_the_static_band(api):
    made(api, clusterIP='10.96.0.200')
    for _ in range(40):
        ip = [int(x) for x in made(api)['spec']['clusterIP'].split('.')]
        assert ip[2] > 0 and ip[2] * 256 + ip[3] > 256, ip
        v6 = made(api, ipFamilies=['IPv6'])['spec']['clusterIP']
        assert int((v6.split(':')[-1] or '0'), 16) > 256 or v6.count(':') > 3, v6


@proves('7.9', '7.10')
def test_ranges_come_and_go(api):
    outside(api, '10.99.0.5')
    api.post(RANGES, cidr('more', '10.99.0.0/28')).want(201)
    until('the range', lambda: make(api, clusterIP='10.99.0.5').status == 201)
    outside(api, '10.99.0.0')
    outside(api, '10.99.0.15')
    api.patch(RANGES + '/more', {'metadata': {'finalizers': ['example.com/hold']}}).want(200)
    api.delete(RANGES + '/more').want(200)
    until('the end of the range', lambda: make(api, clusterIP='10.99.0.7').status == 422)
    outside(api, '10.99.0.6')
    drop_range(api, 'more')


@proves('7.6')
def test_many_at_once_never_share(api):
    got = []

    def work():
        mine = Api(api.server)
        mine.ns = api.ns
        for _ in range(15):
            got.append(made(mine, type='NodePort', ipFamilyPolicy='PreferDualStack')['spec'])

    threads = [threading.Thread(target=work) for _ in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(got) == len({s['clusterIPs'][0] for s in got}) == len({s['clusterIPs'][1] for s in got}) == 90
    assert len({s['ports'][0]['nodePort'] for s in got}) == 90


@proves('10.4.7', '10.4.8', '10.4.9')
@ours(NO_CONTROLLERS)
def test_a_range_lives_while_addresses_need_it(api):
    api.post(RANGES, cidr('life', '10.97.0.0/24')).want(201)

    def ready(status, reason):
        conds = api.get(RANGES + '/life').json.get('status', {}).get('conditions', [])
        return [(c['status'], c['reason']) for c in conds] == [(status, reason)]
    until('Ready', lambda: ready('True', ''))
    obj = api.get(RANGES + '/life').json
    assert obj['metadata']['finalizers'] == ['networking.k8s.io/service-cidr-finalizer'], obj
    assert obj['status']['conditions'][0]['message'] == 'Kubernetes Service CIDR is ready'
    svc = made(api, clusterIP='10.97.0.9')
    began = time.monotonic()
    api.delete(RANGES + '/life').want(200)
    until('not Ready', lambda: ready('False', 'Terminating'))
    outside(api, '10.97.0.10')
    api.delete(api.path('services', svc['metadata']['name'])).want(200)
    until('the end', lambda: api.get(RANGES + '/life').status == 404)
    assert time.monotonic() - began > 8  # other servers must have heard of it


@proves('10.4.9')
@ours(NO_CONTROLLERS)
def test_a_range_may_go_when_another_has_its_addresses(api):
    api.post(RANGES, cidr('small', '10.96.4.0/24')).want(201)
    until('its finalizer', lambda: api.get(RANGES + '/small').json['metadata'].get('finalizers'))
    made(api, clusterIP='10.96.4.4')
    api.delete(RANGES + '/small').want(200)
    until('the end', lambda: api.get(RANGES + '/small').status == 404)


@proves('10.3.1', '10.3.4', '10.3.6', '10.3.7', '10.1.3')
@ours('its loop is at work every three minutes')
def test_addresses_are_repaired(api):
    svc = made(api)
    ip = svc['spec']['clusterIP']
    api.delete(f'{IPS}/{ip}').want(200)
    until('a new object', lambda: api.get(f'{IPS}/{ip}').status == 200)
    ref = {'resource': 'services', 'namespace': api.ns, 'name': svc['metadata']['name']}
    api.post(IPS, address('10.96.99.1', ref, MANAGED)).want(201)
    api.post(IPS, address('10.96.99.2', {'resource': 'pods', 'namespace': api.ns, 'name': 'x'}, MANAGED)).want(201)
    api.post(IPS, address('10.96.99.3', ref, {'ipaddress.kubernetes.io/managed-by': 'me'})).want(201)
    for gone in ('10.96.99.1', '10.96.99.2'):
        until('the end of ' + gone, lambda: api.get(f'{IPS}/{gone}').status == 404)
    api.get(IPS + '/10.96.99.3').want(200)
    for reason, text in (('ClusterIPNotAllocated', f'Cluster IP [IPv4]: {ip} is not allocated; repairing'),
                         ('IPAddressWrongReference', 'has a wrong reference; cleaning up'),
                         ('IPAddressNotAllocated', 'not referencing a Service')):
        told = until(reason, lambda: [e for e in events(api, reason) if text in e['message']])[0]
        assert told['type'] == 'Warning' and told['reportingComponent'] == 'ipallocator-repair-controller', told
    assert api.get(api.path('services', svc['metadata']['name'])).json == svc
    api.delete(IPS + '/10.96.99.3').want(200)


@proves('10.6.1')
def test_the_service_of_the_servers(api):
    got = api.get('/api/v1/namespaces/default/services/kubernetes').want(200).json
    spec = got['spec']
    assert got['metadata']['labels'] == {'component': 'apiserver', 'provider': 'kubernetes'}
    assert (spec['clusterIP'], spec['ipFamilyPolicy'], spec['sessionAffinity']) == ('10.96.0.1', 'SingleStack', 'None'), spec
    assert spec['ports'] == [{'name': 'https', 'port': 443, 'protocol': 'TCP', 'targetPort': api.server.port}] and 'selector' not in spec
    if api.server.store:
        api.delete('/api/v1/namespaces/default/services/kubernetes').want(200)
        until('a new one', lambda: api.get('/api/v1/namespaces/default/services/kubernetes').status == 200)


@proves('10.6.2', '10.6.3')
def test_the_endpoints_of_the_servers(api):
    where = '/api/v1/namespaces/default/endpoints/kubernetes'
    want = [{'addresses': [{'ip': '192.0.2.10'}], 'ports': [{'name': 'https', 'port': api.server.port, 'protocol': 'TCP'}]}]
    got = until('the endpoints', lambda: api.get(where).status == 200 and api.get(where).json)
    assert got['metadata']['labels'] == {'endpointslice.kubernetes.io/skip-mirror': 'true'}, got
    assert got['subsets'] == want, got
    got = api.get('/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes').want(200).json
    assert got['metadata']['labels'] == {'kubernetes.io/service-name': 'kubernetes'} and got['addressType'] == 'IPv4', got
    assert got['endpoints'] == [{'addresses': ['192.0.2.10'], 'conditions': {'ready': True}}], got
    api.patch(where, {'subsets': [dict(want[0], addresses=[{'ip': '192.0.2.77'}])]}).want(200)
    until('the endpoints as they were', lambda: api.get(where).json['subsets'] == want)


@proves('7.11')
def test_addresses_survive_a_restart(api):
    if api.server.store != 'sqlite':
        raise Skip('only sqlite is restarted here')
    n = 30021
    one = api.post(api.path('services'), dict(service('kept', type='NodePort'), spec={
        'type': 'NodePort', 'clusterIP': '10.96.71.1', 'ports': [{'port': 80, 'nodePort': n}]})).want(201).json
    assert api.server.stop() == 0
    api.server.start()
    api.conn = None
    make(api, clusterIP='10.96.71.1').fails(422, 'Invalid', 'provided IP is already allocated')
    assert api.get(api.path('services', 'kept')).json == one
    api.post(api.path('services'), dict(service('other'), spec={'type': 'NodePort', 'ports': [{'port': 80, 'nodePort': n}]})).fails(
        422, 'Invalid', 'provided port is already allocated')
