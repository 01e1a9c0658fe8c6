# SPDX-License-Identifier: Apache-2.0
"""What an update may change, writes of status, and warnings (service-api.md section 4)."""
from api import STRATEGIC, all_of, config_map, merged, proves, rules_of, service

OPTIONS = ['--service-cluster-ip-range', '10.96.0.0/16,fd00:96::/108']
LB = {'type': 'LoadBalancer'}
LOCAL = {'externalTrafficPolicy': 'Local', **LB}
EXT = {'type': 'ExternalName', 'externalName': 'example.com'}
HEADLESS = {'clusterIP': 'None'}
ONCE = 'may not change once set'
ONE, TWO, SIX = '10.96.10.1', '10.96.10.2', 'fd00:96::a1'
V4, V6, DUAL = {'clusterIP': ONE}, {'clusterIP': SIX}, {'clusterIP': ONE, 'clusterIPs': [ONE, SIX], 'ipFamilyPolicy': 'RequireDualStack'}
QUALIFIED = ("name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
             "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')")
SUBDOMAIN = ("a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with "
             "an alphanumeric character (e.g. 'example.com', regex used for validation is "
             "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')")

# (rules, spec before, what a PUT changes in it, causes).
CHANGES = [
    ('4.1.6', {}, {'type': 'Nonsense', 'sessionAffinity': 'Never'},
     'spec.sessionAffinity: Unsupported value: "Never": supported values: "ClientIP", "None"',
     'spec.type: Unsupported value: "Nonsense": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'),
    ('4.1.7', V4, {'clusterIP': TWO, 'clusterIPs': [TWO]}, f'spec.clusterIPs[0]: Invalid value: ["{TWO}"]: {ONCE}'),
    ('4.1.7', DUAL, {'clusterIPs': [ONE, 'fd00:96::a2']}, f'spec.clusterIPs[1]: Invalid value: ["10.96.10.1","fd00:96::a2"]: {ONCE}'),
    ('4.1.7', DUAL, {'clusterIP': TWO, 'clusterIPs': [TWO, 'fd00:96::a2']},
     f'spec.clusterIPs[0]: Invalid value: ["10.96.10.2","fd00:96::a2"]: {ONCE}',
     f'spec.clusterIPs[1]: Invalid value: ["10.96.10.2","fd00:96::a2"]: {ONCE}'),
    ('4.1.8', V4, {'clusterIP': 'None', 'clusterIPs': ['None']}, f'spec.clusterIPs[0]: Invalid value: ["None"]: {ONCE}'),
    ('4.1.8', HEADLESS, {'clusterIP': ONE, 'clusterIPs': [ONE]}, f'spec.clusterIPs[0]: Invalid value: ["10.96.10.1"]: {ONCE}'),
    ('4.1.10', DUAL, {'clusterIP': TWO, 'clusterIPs': [TWO], 'ipFamilies': ['IPv4'], 'ipFamilyPolicy': 'SingleStack'},
     f'spec.clusterIPs[0]: Invalid value: ["10.96.10.2"]: {ONCE}'),
    ('4.1.10', V4, {'clusterIP': TWO, 'clusterIPs': [TWO, SIX], 'ipFamilies': None, 'ipFamilyPolicy': 'RequireDualStack'},
     f'spec.clusterIPs[0]: Invalid value: ["10.96.10.2","fd00:96::a1"]: {ONCE}'),
    ('4.1.11', DUAL, {'clusterIPs': [ONE]},
     'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": must be \'SingleStack\' to release the secondary cluster IP'),
    ('4.1.12', V4, {'clusterIPs': [ONE, SIX], 'ipFamilyPolicy': 'RequireDualStack'}),
    ('4.1.13', DUAL, {'ipFamilies': ['IPv6', 'IPv4']},
     'spec.clusterIPs[0]: Invalid value: "10.96.10.1": expected an IPv6 value as indicated by `ipFamilies[0]`',
     'spec.clusterIPs[1]: Invalid value: "fd00:96::a1": expected an IPv4 value as indicated by `ipFamilies[1]`'),
    ('4.1.13', V4, {'ipFamilies': ['IPv6']},
     'spec.clusterIPs[0]: Invalid value: "10.96.10.1": expected an IPv6 value as indicated by `ipFamilies[0]`'),
    ('4.1.14', DUAL, {'ipFamilies': ['IPv6'], 'ipFamilyPolicy': 'SingleStack'},
     'spec.clusterIPs[0]: Invalid value: "10.96.10.1": expected an IPv6 value as indicated by `ipFamilies[0]`'),
    ('4.1.14', V4, {'ipFamilies': ['IPv6', 'IPv4'], 'ipFamilyPolicy': 'RequireDualStack'},
     'spec.clusterIPs[0]: Invalid value: "10.96.10.1": expected an IPv6 value as indicated by `ipFamilies[0]`'),
    ('4.1.15', DUAL, {'ipFamilies': ['IPv4']},
     'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": must be \'SingleStack\' to release the secondary IP family'),
    ('4.1.16', HEADLESS, {'ipFamilies': ['IPv6'], 'ipFamilyPolicy': 'SingleStack'}),
    ('4.1.16', merged(HEADLESS, {'selector': {'a': 'b'}}), {'ipFamilies': ['IPv6']}),
    ('4.1.17', LB, {'loadBalancerClass': 'x'}, f'spec.loadBalancerClass: Invalid value: "x": {ONCE}'),
    ('4.1.17', {'loadBalancerClass': 'x', **LB}, {'loadBalancerClass': 'y'}, f'spec.loadBalancerClass: Invalid value: "y": {ONCE}'),
    ('4.1.17', {'loadBalancerClass': 'x', **LB}, {'loadBalancerClass': None}, f'spec.loadBalancerClass: Invalid value: null: {ONCE}'),
    ('4.1.17', {}, {'loadBalancerClass': 'x', **LB}),
    ('4.1.19', LOCAL, {'healthCheckNodePort': 30651}, 'spec.healthCheckNodePort: Forbidden: field is immutable'),
    ('4.1.20', {}, {'ports': [{'port': 81}], 'selector': {'a': 'b'}, 'sessionAffinity': 'ClientIP', 'externalIPs': ['192.0.2.1'],
                    'externalTrafficPolicy': 'Local', 'internalTrafficPolicy': 'Local', 'trafficDistribution': 'PreferSameNode',
                    'publishNotReadyAddresses': True, 'loadBalancerIP': '192.0.2.2', 'externalName': 'example.com'}),
    ('4.1.20', merged(LB, {'loadBalancerSourceRanges': ['192.0.2.0/24']}),
     {'loadBalancerSourceRanges': ['198.51.100.0/24'], 'allocateLoadBalancerNodePorts': False, 'externalTrafficPolicy': 'Local'}),
    ('4.1.20', EXT, {'externalName': 'www.example.com'}),
]

# (rules, type, ingress, causes).
INGRESS = [
    ('4.2.1', 'NodePort', [{'ip': '192.0.2.1', 'ipMode': 'VIP'}],
     'status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is \'LoadBalancer\''),
    ('4.2.1', 'ClusterIP', [{'hostname': 'example.com'}],
     'status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is \'LoadBalancer\''),
    ('4.2.2', 'LoadBalancer', [{'ip': '192.0.2.1'}, {'ip': 'x'}],
     'status.loadBalancer.ingress[1].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'),
    ('4.2.2', 'LoadBalancer', [{'ip': '2001:db8::1'}]),
    ('4.2.3', 'LoadBalancer', [{'hostname': 'example.com', 'ipMode': 'VIP'}],
     'status.loadBalancer.ingress[0].ipMode: Forbidden: may not be specified when `ip` is not set'),
    ('4.2.4', 'LoadBalancer', [{'ip': '192.0.2.1', 'ipMode': 'vip'}],
     'status.loadBalancer.ingress[0].ipMode: Unsupported value: "vip": supported values: "Proxy", "VIP"'),
    ('4.2.5', 'LoadBalancer', [{'hostname': 'A_b'}], f'status.loadBalancer.ingress[0].hostname: Invalid value: "A_b": {SUBDOMAIN}'),
    ('4.2.5', 'LoadBalancer', [{'hostname': '192.0.2.1'}],
     'status.loadBalancer.ingress[0].hostname: Invalid value: "192.0.2.1": must be a DNS name, not an IP address'),
    ('4.2.6', 'LoadBalancer', [{'hostname': 'example.com', 'ports': [{'port': 0, 'protocol': 'x'}]}, {}]),
]

# (rules, what is changed in a good Service, warnings).
WARNINGS = [
    ('4.3.1', {'metadata': {'annotations': {'service.kubernetes.io/topology-aware-hints': 'Auto'}}},
     'annotation service.kubernetes.io/topology-aware-hints is deprecated, please use service.kubernetes.io/topology-mode instead'),
    ('4.3.2', {'spec': {'loadBalancerIP': '192.0.2.01', **LB}},
     'spec.loadBalancerIP: non-standard IP address "192.0.2.01" is invalid: use "192.0.2.1"'),
    ('4.3.2', {'spec': {'loadBalancerIP': '2001:DB8::1', **LB}},
     'spec.loadBalancerIP: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")'),
    ('4.3.2', {'spec': {'loadBalancerIP': 'text', **LB}}),
    ('4.3.2 4.3.5', {'spec': {'externalIPs': ['2001:DB8::1']}},
     'spec.externalIPs[0]: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")',
     'spec.externalIPs is deprecated and may no longer be implemented in some clusters'),
    ('4.3.2', {'spec': {'loadBalancerSourceRanges': ['2001:DB8::/32'], **LB}},
     'spec.loadBalancerSourceRanges[0]: IPv6 CIDR value "2001:DB8::/32" should be in RFC 5952 canonical format ("2001:db8::/32")'),
    ('4.3.3', {'spec': EXT}),
    ('4.3.3', {'spec': {'externalIPs': ['192.0.2.1'], **EXT}}, 'spec.externalIPs is ignored when spec.type is "ExternalName"'),
    ('4.3.3', {'spec': {'externalName': 'example.com'}}, 'spec.externalName is ignored when spec.type is not "ExternalName"'),
    ('4.3.4', {'spec': {'loadBalancerIP': '192.0.2.1', **HEADLESS}}, 'spec.loadBalancerIP is ignored for headless services'),
    ('4.3.4', {'spec': {'externalIPs': ['192.0.2.1'], **HEADLESS}}, 'spec.externalIPs is ignored for headless services'),
    ('4.3.4', {'spec': {'sessionAffinity': 'ClientIP', **HEADLESS}}, 'spec.SessionAffinity is ignored for headless services'),
    ('4.3.5', {'spec': {'externalIPs': ['192.0.2.1']}}, 'spec.externalIPs is deprecated and may no longer be implemented in some clusters'),
    ('4.3.6', {'spec': {'trafficDistribution': 'PreferClose'}}, 'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"'),
    ('4.3.6', {'spec': {'trafficDistribution': 'PreferSameZone'}}),
]


@proves(*rules_of(CHANGES))
def test_what_may_change(api):
    def one(before, change, causes):
        made = api.post(api.path('services'), merged(service('a'), {'spec': before})).want(201).json
        answer = api.put(api.path('services', 'a'), merged(made, {'spec': change}))
        api.delete(api.path('services', 'a')).want(200)
        if causes:
            assert answer.causes() == causes, answer.causes()
        else:
            got = answer.want(200).json['spec']
            assert {k: got[k] for k in change if k != 'ports'} == {k: v for k, v in change.items() if k != 'ports'}, got
    all_of((f'{rules} {before} => {change}', lambda b=before, c=change, w=causes: one(b, c, w)) for rules, before, change, *causes in CHANGES)


@proves('4.1.1', '4.1.2', '4.1.5')
def test_system_metadata(api):
    where, uid = api.path('services', 'a'), '00000000-0000-4000-8000-000000000000'
    made = api.post(api.path('services'), service('a')).want(201).json
    for field, value in (('deletionTimestamp', '2001-01-01T00:00:00Z'), ('deletionGracePeriodSeconds', 5), ('uid', uid)):
        told = f'"{value}"' if isinstance(value, str) else value
        assert api.patch(where, {'metadata': {field: value}}).causes() == [f'metadata.{field}: Invalid value: {told}: field is immutable']
        assert api.patch(where, {'metadata': {field: None}}).want(200).json == made
    for value in (9, -1):
        assert api.patch(where, {'metadata': {'generation': value}}).want(200).json == made


@proves('4.1.3')
def test_finalizers_of_a_deletion(api):
    where = api.path('services', 'a')
    api.post(api.path('services'), merged(service('a'), {'metadata': {'finalizers': ['example.com/x']}})).want(201)
    api.delete(where).want(200)
    assert api.patch(where, {'metadata': {'finalizers': ['example.com/x', 'example.com/y']}}).causes() == [
        'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers '
        '[]string{"example.com/y"}']
    assert api.patch(where, {'spec': {'selector': {'a': 'b'}}}).want(200).json['spec']['selector'] == {'a': 'b'}


@proves('4.1.4')
def test_labels_and_annotations(api):
    api.post(api.path('services'), service('a')).want(201)
    for labels in ({'a': 'b', 'c': 'd'}, {'a': 'x', 'c': None}):
        got = api.patch(api.path('services', 'a'), {'metadata': {'labels': labels, 'annotations': labels}}).want(200).json['metadata']
        assert got['labels'] == got['annotations'] == {k: v for k, v in labels.items() if v}, got


@proves('4.1.9')
def test_addresses_cannot_be_taken_away(api):
    """Leaving them out means the old ones, so this is the only way to ask for it."""
    made = api.post(api.path('services'), service('a', **V4)).want(201).json
    made['metadata']['resourceVersion'] = None
    for spec in ({'clusterIP': '', 'clusterIPs': []}, {'clusterIP': None, 'clusterIPs': None}):
        assert api.put(api.path('services', 'a'), merged(made, {'spec': spec})).want(200).json['spec'] == made['spec']


@proves('4.1.18')
def test_a_bad_class_is_told_twice(api):
    for name, before, change in (('a', {}, {'loadBalancerClass': 'x'}), ('b', {}, {'loadBalancerClass': 'a b', **LB})):
        api.post(api.path('services'), service(name, **before)).want(201)
        st = api.patch(api.path('services', name), {'spec': change}).fails(422, 'Invalid')
        assert [c['field'] for c in st['details']['causes']] == ['spec.loadBalancerClass'] * 2, st
        assert st['message'].count('spec.loadBalancerClass') == 1, st


@proves(*rules_of(INGRESS))
def test_addresses_of_balancers(api):
    def one(type_, ingress, causes):
        api.post(api.path('services'), service('a', type=type_)).want(201)
        answer = api.patch(api.path('services', 'a', 'status'), {'status': {'loadBalancer': {'ingress': ingress}}})
        api.delete(api.path('services', 'a')).want(200)
        if causes:
            assert answer.causes() == causes, answer.causes()
        else:
            assert len(answer.want(200).json['status']['loadBalancer']['ingress']) == len(ingress)
    all_of((f'{rules} {type_} {ingress}', lambda t=type_, i=ingress, w=causes: one(t, i, w)) for rules, type_, ingress, *causes in INGRESS)


@proves('4.2.6', '4.2.7')
def test_status_is_not_the_spec(api):
    where = api.path('services', 'a', 'status')
    api.post(api.path('services'), service('a')).want(201)
    got = api.patch(where, {'spec': {'type': 'Nonsense', 'clusterIP': 'x'}, 'status': {'conditions': [{'type': 'a b', 'status': 'x'}]}}).want(200).json
    assert got['spec']['type'] == 'ClusterIP' and got['status']['conditions'][0]['type'] == 'a b'
    causes = api.patch(where, {'metadata': {'labels': {'a b': 'c'}}}).causes()
    assert causes == [f'metadata.labels: Invalid value: "a b": {QUALIFIED}'], causes


@proves(*rules_of(WARNINGS))
def test_warnings(api):
    def one(change, warnings):
        answer = api.post(api.path('services'), merged(service('a'), change)).want(201)
        api.delete(api.path('services', 'a')).want(200)
        assert answer.warnings() == warnings, answer.warnings()
    all_of((f'{rules} {change}', lambda c=change, w=warnings: one(c, w)) for rules, change, *warnings in WARNINGS)


@proves('4.3.7')
def test_warnings_of_status(api):
    api.post(api.path('services'), service('a', **LB)).want(201)
    answer = api.patch(api.path('services', 'a', 'status'), {'status': {'loadBalancer': {'ingress': [{'ip': '2001:DB8::1'}]}}}).want(200)
    assert answer.warnings() == [
        'status.loadBalancer.ingress[0]: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")']


@proves('4.3.8')
def test_warnings_of_unknown_fields(api):
    raw = ('{"kind":"Service","apiVersion":"v1","metadata":{"name":"%s"},"spec":{"foo":1,"ports":[{"port":1,"bar":2}],"type":"ClusterIP","type":"ClusterIP"}}')
    want = ['unknown field "spec.foo"', 'unknown field "spec.ports[0].bar"', 'duplicate field "spec.type"']
    for query in ('', '?fieldValidation=Warn'):
        answer = api.post(api.path('services') + query, raw % ('a' + str(len(query))), Content_Type='application/json').want(201)
        assert sorted(answer.warnings()) == sorted(want), answer.warnings()
    assert not api.post(api.path('services') + '?fieldValidation=Ignore', raw % 'c', Content_Type='application/json').want(201).warnings()


@proves('4.3.9')
def test_updates_warn(api):
    where, texts = api.path('services', 'a'), ['spec.externalName is ignored when spec.type is not "ExternalName"']
    api.post(api.path('services'), service('a')).want(201)
    sent = service('a', externalName='example.com')
    assert api.put(where, sent).want(200).warnings() == texts
    assert api.put(where, sent).want(200).warnings() == texts
    assert api.patch(where, {'spec': {'selector': {'a': 'b'}}}, STRATEGIC).want(200).warnings() == texts
