# SPDX-License-Identifier: Apache-2.0
"""IP families and cluster IPs of Services on a cluster of two families (service-api.md sections 2.4, 5 and 6).

A stock server for these needs --service-cluster-ip-range 10.96.0.0/16,fd00:96::/108.
"""
import itertools

from api import drop_services, ours, proves, service

OPTIONS = ['--service-cluster-ip-range', '10.96.0.0/16,fd00:96::/108']
IP = '/apis/networking.k8s.io/v1/ipaddresses/'
names = (f's{i}' for i in itertools.count())


def make(api, **spec):
    return api.post(api.path('services'), service(next(names), **spec))


def made(api, **spec):
    return make(api, **spec).want(201).json


def test_begins_with_nothing(api):
    drop_services(api)


def causes(answer):
    """(field, message without the value) of each cause."""
    st = answer.fails(422, 'Invalid')
    return [(c['field'], c['message'].split(': ')[-1]) for c in st['details']['causes']]


def refused(answer, *wanted):
    assert causes(answer) == list(wanted), causes(answer)


def put(api, obj, **spec):
    """The object with these members of spec; None takes one out."""
    obj['spec'] = {k: v for k, v in dict(obj['spec'], **spec).items() if v is not None}
    obj['metadata'].pop('resourceVersion', None)
    return api.put(api.path('services', obj['metadata']['name']), obj)


def families(obj):
    return obj['spec'].get('ipFamilyPolicy'), obj['spec'].get('ipFamilies'), len(obj['spec'].get('clusterIPs', []))


@proves('6.3', '6.12', '6.13')
def test_what_a_create_gets(api):
    both, turned = ['IPv4', 'IPv6'], ['IPv6', 'IPv4']
    for spec, want in (
            ({}, ('SingleStack', ['IPv4'], 1)),
            ({'ipFamilyPolicy': 'SingleStack'}, ('SingleStack', ['IPv4'], 1)),
            ({'ipFamilyPolicy': 'PreferDualStack'}, ('PreferDualStack', both, 2)),
            ({'ipFamilyPolicy': 'RequireDualStack'}, ('RequireDualStack', both, 2)),
            ({'ipFamilies': ['IPv6']}, ('SingleStack', ['IPv6'], 1)),
            ({'ipFamilies': ['IPv6'], 'ipFamilyPolicy': 'PreferDualStack'}, ('PreferDualStack', turned, 2)),
            ({'ipFamilies': turned, 'ipFamilyPolicy': 'RequireDualStack'}, ('RequireDualStack', turned, 2)),
            ({'clusterIP': 'None', 'selector': {'a': 'b'}}, ('SingleStack', ['IPv4'], 1)),
            ({'clusterIP': 'None', 'selector': {'a': 'b'}, 'ipFamilyPolicy': 'PreferDualStack'}, ('PreferDualStack', both, 1)),
            ({'clusterIP': 'None'}, ('RequireDualStack', both, 1)),
            ({'clusterIP': 'None', 'ipFamilyPolicy': 'SingleStack'}, ('SingleStack', ['IPv4'], 1)),
            ({'clusterIP': 'None', 'ipFamilies': ['IPv6']}, ('RequireDualStack', turned, 1))):
        got = made(api, **spec)
        assert families(got) == want, (spec, families(got))
        ips = got['spec']['clusterIPs']
        assert got['spec']['clusterIP'] == ips[0]
        if ips != ['None']:
            assert [':' in ip for ip in ips] == [f == 'IPv6' for f in got['spec']['ipFamilies']], got


@proves('6.1')
def test_an_external_name_gets_nothing(api):
    got = made(api, type='ExternalName', externalName='example.com')
    assert not {'clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy'} & set(got['spec']), got
    st = make(api, type='ExternalName', externalName='example.com', clusterIP='10.96.0.9').fails(422, 'Invalid')
    assert {c['field'] for c in st['details']['causes']} == {'spec.clusterIPs'}, st


@proves('6.7')
def test_single_stack_with_two_of_something(api):
    text = "must be 'RequireDualStack' or 'PreferDualStack' when multiple %s are specified"
    refused(make(api, ipFamilyPolicy='SingleStack', ipFamilies=['IPv4', 'IPv6']),
            ('spec.ipFamilyPolicy', text % 'IP families'))
    refused(make(api, clusterIP='10.96.7.1', clusterIPs=['10.96.7.1', 'fd00:96::71']), ('spec.ipFamilyPolicy', text % 'cluster IPs'))
    refused(make(api, clusterIP='10.96.7.1', clusterIPs=['10.96.7.1', 'fd00:96::71'], ipFamilies=['IPv4', 'IPv6']),
            ('spec.ipFamilyPolicy', text % 'cluster IPs'), ('spec.ipFamilyPolicy', text % 'IP families'))


@proves('6.4')
def test_contradictions_come_before_allocation(api):
    for spec in ({'clusterIP': '10.96.7.2', 'ipFamilies': ['IPv6']},
                 {'ipFamilies': ['IPv4', 'IPv4'], 'ipFamilyPolicy': 'PreferDualStack'},
                 {'ipFamilies': ['IPv5']}, {'ipFamilyPolicy': 'Both'},
                 {'clusterIP': 'bogus'}, {'clusterIPs': ['10.96.7.2']},
                 {'clusterIP': '10.96.7.2', 'clusterIPs': ['10.96.7.2', '10.96.7.3'], 'ipFamilyPolicy': 'PreferDualStack'}):
        # Without a port it is wrong in another way, which is not looked at then.
        got = causes(make(api, ports=(), **spec))
        assert got and not any(f.startswith('spec.ports') for f, _ in got), (spec, got)


@proves('6.8')
def test_an_address_adds_its_family(api):
    got = made(api, clusterIP='fd00:96::8:1')
    assert families(got) == ('SingleStack', ['IPv6'], 1)
    got = made(api, clusterIP='10.96.8.1', ipFamilyPolicy='PreferDualStack', clusterIPs=['10.96.8.1', 'fd00:96::8:2'])
    assert got['spec']['ipFamilies'] == ['IPv4', 'IPv6'] and got['spec']['clusterIPs'] == ['10.96.8.1', 'fd00:96::8:2']
    got = made(api, clusterIP='fd00:96::8:3', ipFamilyPolicy='RequireDualStack')
    assert got['spec']['ipFamilies'] == ['IPv6', 'IPv4'] and got['spec']['clusterIPs'][0] == 'fd00:96::8:3'


@proves('6.14')
def test_an_address_that_is_taken(api):
    ip = made(api)['spec']['clusterIP']
    refused(make(api, clusterIP=ip), ('spec.clusterIPs', 'provided IP is already allocated'))
    refused(make(api, clusterIP='10.96.14.1', clusterIPs=['10.96.14.1', made(api, ipFamilies=['IPv6'])['spec']['clusterIP']],
                 ipFamilyPolicy='RequireDualStack'), ('spec.clusterIPs', 'provided IP is already allocated'))


@proves('6.14', '9.7')
@ours('gives the first address of a pair back only in its repair loop')
def test_half_a_pair_is_given_back(api):
    v6 = made(api, ipFamilies=['IPv6'])['spec']['clusterIP']
    refused(make(api, clusterIP='10.96.14.2', clusterIPs=['10.96.14.2', v6], ipFamilyPolicy='RequireDualStack'),
            ('spec.clusterIPs', 'provided IP is already allocated'))
    made(api, clusterIP='10.96.14.2')


@proves('6.15', '7.1')
def test_addresses_outside(api):
    for ip in ('10.97.0.1', '10.96.0.0', '10.96.255.255', 'fd00:97::1', 'fd00:96::', '192.0.2.1'):
        refused(make(api, clusterIP=ip), ('spec.clusterIPs', 'the provided network does not match the current range'))
    made(api, clusterIP='fd00:96::f:ffff')  # IPv6 has no broadcast address


@proves('6.5')
def test_the_policy_alone_takes_the_second_away(api):
    one = made(api, ipFamilyPolicy='PreferDualStack')
    got = put(api, dict(one), ipFamilyPolicy='SingleStack').want(200).json
    assert families(got) == ('SingleStack', ['IPv4'], 1) and got['spec']['clusterIP'] == one['spec']['clusterIP']
    api.get(IP + one['spec']['clusterIPs'][1]).want(404)
    got = api.patch(api.path('services', got['metadata']['name']), {'spec': {'ipFamilyPolicy': 'RequireDualStack'}}).want(200).json
    assert families(got) == ('RequireDualStack', ['IPv4', 'IPv6'], 2)



@proves('6.6')
def test_only_single_stack_takes_away(api):
    one = made(api, ipFamilyPolicy='RequireDualStack')
    got = causes(put(api, one, clusterIPs=one['spec']['clusterIPs'][:1], ipFamilies=['IPv4']))
    assert got == [('spec.ipFamilyPolicy', "must be 'SingleStack' to release the secondary cluster IP"),
                   ('spec.ipFamilyPolicy', "must be 'SingleStack' to release the secondary IP family")], got


@proves('6.2')
def test_prefer_dual_stack_is_left_alone(api):
    one = made(api, ipFamilyPolicy='PreferDualStack')
    got = put(api, one, publishNotReadyAddresses=True).want(200).json
    assert got['spec']['clusterIPs'] == one['spec']['clusterIPs']


@proves('6.3')
def test_an_update_keeps_the_policy(api):
    one = made(api, ipFamilyPolicy='RequireDualStack')
    got = put(api, one, ipFamilyPolicy=None, ipFamilies=None, clusterIP=None, clusterIPs=None).want(200).json
    assert got['spec']['clusterIPs'] == one['spec']['clusterIPs'] if 'clusterIPs' in one['spec'] else True
    assert families(got) == ('RequireDualStack', ['IPv4', 'IPv6'], 2)


@proves('6.17')
@ours('its repair loop takes the IPAddress of a second family away, and so gives it twice')
def test_a_second_family_may_name_its_address(api):
    one = made(api)
    got = put(api, one, ipFamilyPolicy='RequireDualStack', clusterIPs=[one['spec']['clusterIP'], 'fd00:96::17']).want(200).json
    assert got['spec']['clusterIPs'][1] == 'fd00:96::17' and got['spec']['ipFamilies'] == ['IPv4', 'IPv6']
    other = made(api)
    refused(put(api, other, ipFamilyPolicy='RequireDualStack', clusterIPs=[other['spec']['clusterIP'], 'fd00:96::17']),
            ('spec.clusterIPs', 'provided IP is already allocated'))


@proves('6.18')
def test_by_way_of_external_name(api):
    one = made(api, ipFamilyPolicy='PreferDualStack')
    name, ips = one['metadata']['name'], one['spec']['clusterIPs']
    got = api.patch(api.path('services', name), {'spec': {'type': 'ExternalName', 'externalName': 'example.com'}}).want(200).json
    assert not {'clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy'} & set(got['spec']), got
    for ip in ips:
        api.get(IP + ip).want(404)
    got = api.patch(api.path('services', name), {'spec': {'type': 'ClusterIP', 'externalName': None}}).want(200).json
    assert families(got) == ('SingleStack', ['IPv4'], 1)


@proves('6.19')
def test_a_changed_address_is_not_allotted(api):
    one = made(api)
    st = put(api, one, clusterIP='10.96.19.1', clusterIPs=['10.96.19.1']).fails(422, 'Invalid', 'may not change once set')
    assert st['details']['causes'][0]['field'] == 'spec.clusterIPs[0]', st
    made(api, clusterIP='10.96.19.1')


def test_changed_families_are_shown_as_families(api):
    first = api.post(api.path('services'), service('a', ipFamilies=['IPv4'])).want(201).json['spec']['clusterIP']
    other = api.post(api.path('services'), service('b', ipFamilies=['IPv6'])).want(201).json['spec']['clusterIP']
    assert ':' in other and ':' not in first
    answer = api.put(api.path('services', 'a'), service('a', clusterIP=other)).want(422)
    assert [c['message'] for c in answer.json['details']['causes'] if c['field'] == 'spec.ipFamilies[0]'] == ['Invalid value: ["IPv6"]: may not change once set']


def test_none_instead_of_an_address_is_told_with_the_second_one(api):
    api.post(api.path('services'), service('a')).want(201)
    answer = api.patch(api.path('services', 'a'), {'spec': {'clusterIP': 'None', 'ipFamilyPolicy': 'RequireDualStack'}}).want(422)
    found = [c['message'] for c in answer.json['details']['causes'] if c['field'] == 'spec.clusterIPs']
    assert len(found) == 1 and found[0].startswith('Invalid value: ["None","fd00:96:') and found[0].endswith("'None' must be the first and only value")
    api.post(api.path('services'), service('b', clusterIP='None')).want(201)
    answer = api.patch(api.path('services', 'b'), {'spec': {'clusterIPs': ['10.96.0.7', 'None']}}).want(422)
    assert 'Internal error: failed to check for dual stack with error:invalid IP[1]: None' in [c['message'] for c in answer.json['details']['causes']]
