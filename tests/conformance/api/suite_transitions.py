# SPDX-License-Identifier: Apache-2.0
"""What becomes of allocated values when a Service changes (service-api.md section 5)."""
from api import MERGE, STRATEGIC, all_of, merged, proves, rules_of, service

OPTIONS = ['--service-cluster-ip-range', '10.96.0.0/16,fd00:96::/108']
PLAIN = {'type': 'ClusterIP'}
NODE = {'type': 'NodePort'}
LB = {'type': 'LoadBalancer'}
LOCAL = {'externalTrafficPolicy': 'Local', 'healthCheckNodePort': 30700, **LB}
NAMED = {'type': 'ExternalName', 'externalName': 'example.com'}
ONE = '10.96.11.1'
V4 = {'clusterIP': ONE}
HEADLESS = {'clusterIP': 'None'}
SAME = {'clusterIP': ONE, 'clusterIPs': [ONE], 'ipFamilies': ['IPv4'], 'ipFamilyPolicy': 'SingleStack'}
LB_ONLY = "may only be used when `type` is 'LoadBalancer'"


def ports(*listed):
    """Of (port, name, node port, protocol) each; the last two may be missing or None."""
    made = []
    for port, name, node_port, protocol in ((p + (None, None))[:4] for p in listed):
        made.append({k: v for k, v in (('port', port), ('name', name), ('nodePort', node_port), ('protocol', protocol)) if v})
    return {'ports': made}


# (rules, spec before, the changes of a merge patch, what the spec has then (None: not that field), or causes).
CHANGES = [
    ('5.1.1 5.2.16', V4, NODE, SAME),
    ('5.1.1', V4, {'clusterIP': None}, SAME),
    ('5.1.1', V4, {'clusterIPs': None}, SAME),
    ('5.1.1 5.2.16', merged(V4, NODE), LB, SAME),
    ('5.1.2', V4, {'clusterIP': '10.96.11.9'}, 'spec.clusterIPs[0]: Invalid value: ["10.96.11.9"]: may not change once set'),
    ('5.1.7', LOCAL, {'healthCheckNodePort': None}, {'healthCheckNodePort': 30700}),
    ('5.2.1 5.2.2 5.2.3 5.2.14', V4, NAMED, {'clusterIP': None, 'clusterIPs': None, 'ipFamilies': None, 'ipFamilyPolicy': None}),
    ('5.2.1 5.2.2 5.2.3', HEADLESS, NAMED, {'clusterIP': None, 'clusterIPs': None, 'ipFamilies': None, 'ipFamilyPolicy': None}),
    ('5.2.1', V4, {'clusterIP': '10.96.11.9', 'clusterIPs': ['10.96.11.9'], **NAMED}, 'spec.clusterIPs: Forbidden: may not be set for ExternalName services'),
    ('5.2.2', V4, {'ipFamilies': ['IPv6'], **NAMED}, 'spec.ipFamilies: Forbidden: may not be set for ExternalName services'),
    ('5.2.3', V4, {'ipFamilyPolicy': 'PreferDualStack', **NAMED}, 'spec.ipFamilyPolicy: Forbidden: may not be set for ExternalName services'),
    ('5.2.4', merged(NODE, ports((80, 'a', 30701), (81, 'b', 30702))), PLAIN, {'ports': [None, None]}),
    ('5.2.4', merged(NODE, ports((80, 'a', 30701), (81, 'b', 30702))), merged(PLAIN, ports((82, 'c', 30702))), {'ports': [None]}),
    ('5.2.4', merged(LB, ports((80, 'a', 30701))), NAMED, {'ports': [None]}),
    ('5.2.4', merged(NODE, ports((80, 'a', 30701))), merged(PLAIN, ports((80, 'a', 30703))),
     "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"),
    ('5.2.5', LOCAL, {'externalTrafficPolicy': 'Cluster'}, {'healthCheckNodePort': None}),
    ('5.2.5', LOCAL, {'externalTrafficPolicy': 'Cluster', 'healthCheckNodePort': 30704},
     "spec.healthCheckNodePort: Invalid value: 30704: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"),
    ('5.2.5 5.2.8', LOCAL, NODE, {'healthCheckNodePort': None, 'externalTrafficPolicy': 'Local'}),
    ('5.2.6', LB, PLAIN, {'allocateLoadBalancerNodePorts': None}),
    ('5.2.6', LB, {'allocateLoadBalancerNodePorts': False, **PLAIN}, f'spec.allocateLoadBalancerNodePorts: Forbidden: {LB_ONLY}'),
    ('5.2.7', {'loadBalancerClass': 'x', **LB}, NODE, {'loadBalancerClass': None}),
    ('5.2.7', {'loadBalancerClass': 'x', **LB}, {'loadBalancerClass': 'y', **NODE}, f'spec.loadBalancerClass: Forbidden: {LB_ONLY}'),
    ('5.2.8', NODE, PLAIN, {'externalTrafficPolicy': None}),
    ('5.2.8', NODE, {'externalTrafficPolicy': 'Local', **PLAIN},
     'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services'),
    ('5.2.8', {'externalIPs': ['192.0.2.1']}, {'externalIPs': None}, {'externalTrafficPolicy': None}),
    ('5.2.10', {'selector': {'a': 'b'}, 'sessionAffinity': 'ClientIP', 'externalIPs': ['192.0.2.1'], 'loadBalancerIP': '192.0.2.2', **LB}, NAMED,
     {'selector': {'a': 'b'}, 'sessionAffinity': 'ClientIP', 'externalIPs': ['192.0.2.1'], 'loadBalancerIP': '192.0.2.2'}),
    ('5.2.10', NAMED, PLAIN, {'externalName': 'example.com', 'internalTrafficPolicy': 'Cluster'}),
    ('5.2.10', {'internalTrafficPolicy': 'Local'}, NODE, {'internalTrafficPolicy': 'Local'}),
    ('5.2.11', {'loadBalancerSourceRanges': ['192.0.2.0/24'], **LB}, PLAIN, f'spec.LoadBalancerSourceRanges: Forbidden: {LB_ONLY}'),
    ('5.2.11', {'loadBalancerSourceRanges': ['192.0.2.0/24'], **LB}, {'loadBalancerSourceRanges': None, **PLAIN}, {'type': 'ClusterIP'}),
    ('5.2.12', merged(V4, LOCAL), PLAIN, {'type': 'ClusterIP', 'ports': [None], 'externalTrafficPolicy': None, 'healthCheckNodePort': None,
                                          'allocateLoadBalancerNodePorts': None, **SAME}),
    ('5.2.13', NAMED, {'clusterIP': ONE, 'externalName': None, **PLAIN}, SAME),
    ('5.2.13', NAMED, {'clusterIP': ONE, 'clusterIPs': [ONE, 'fd00:96::b1'], 'ipFamilyPolicy': 'RequireDualStack', **PLAIN},
     {'clusterIPs': [ONE, 'fd00:96::b1'], 'ipFamilies': ['IPv4', 'IPv6']}),
    ('5.2.14', V4, {'type': 'ExternalName'}, 'spec.externalName: Required value'),
    ('5.2.17', HEADLESS, NODE, 'spec.clusterIPs[0]: Invalid value: "None": may not be set to \'None\' for NodePort services'),
    ('5.2.17', HEADLESS, LB, 'spec.clusterIPs[0]: Invalid value: "None": may not be set to \'None\' for LoadBalancer services'),
]

# (rules, spec before, PUT of this spec, node ports then). Two that are given, then what is left out.
BEFORE = merged(NODE, ports((80, 'a', 30711), (81, 'b', 30712)))
NODE_PORTS = [
    ('5.1.3', BEFORE, merged(NODE, ports((81, 'b'), (80, 'a'))), [30712, 30711]),
    ('5.1.3', BEFORE, merged(NODE, ports((8080, 'a', None, 'UDP'), (8081, 'b'))), [30711, 30712]),
    ('5.1.3', merged(NODE, {'ports': [{'port': 80, 'nodePort': 30713}]}), merged(NODE, {'ports': [{'port': 81}]}), [30713]),
    ('5.1.3', BEFORE, merged(NODE, ports((80, 'c'), (81, 'b'))), [None, 30712]),
    ('5.1.4', BEFORE, merged(NODE, ports((80, 'c', 30711), (81, 'a'))), [30711, None]),
    ('5.1.5', BEFORE, merged(LB, ports((80, 'a'), (81, 'b'))), [30711, 30712]),
    ('5.1.5', merged(LB, ports((80, 'a', 30711), (81, 'b', 30712))), merged(NODE, ports((80, 'a'), (81, 'b'))), [30711, 30712]),
]


@proves(*rules_of(CHANGES))
def test_changes(api):
    def one(before, change, want):
        api.post(api.path('services'), merged(service('a'), {'spec': before})).want(201)
        answer = api.patch(api.path('services', 'a'), {'spec': change})
        api.delete(api.path('services', 'a')).want(200)
        if isinstance(want, str):
            assert '; '.join(answer.causes()) == want, answer.causes()
            return
        spec = answer.want(200).json['spec']
        got = {k: [p.get('nodePort') for p in spec['ports']] if k == 'ports' else spec.get(k) for k in want}
        assert got == want, got
    all_of((f'{rules} {before} => {change}', lambda b=before, c=change, w=want: one(b, c, w)) for rules, before, change, want in CHANGES)


@proves(*rules_of(NODE_PORTS))
def test_node_ports_that_are_left_out(api):
    def one(before, after, want):
        made = api.post(api.path('services'), merged(service('a'), {'spec': before})).want(201).json
        answer = api.put(api.path('services', 'a'), merged(service('a'), {'spec': after}))
        api.delete(api.path('services', 'a')).want(200)
        got = [port['nodePort'] for port in answer.want(200).json['spec']['ports']]
        old = [port['nodePort'] for port in made['spec']['ports']]
        assert len(set(got)) == len(got) and all(g == w if w else g not in old for g, w in zip(got, want)), got
    all_of((f'{rules} {before} => {after}', lambda b=before, a=after, w=want: one(b, a, w)) for rules, before, after, want in NODE_PORTS)


@proves('5.1.6')
def test_node_ports_are_dropped_without_allocation(api):
    where = api.path('services', 'a')
    made = api.post(api.path('services'), merged(service('a'), {'spec': LB})).want(201).json['spec']['ports'][0]
    assert made['nodePort']
    assert api.patch(where, {'spec': {'allocateLoadBalancerNodePorts': False}}).want(200).json['spec']['ports'][0] == made
    got = api.patch(where, {'spec': {'ports': [{'port': 80}]}}).want(200).json['spec']['ports'][0]
    assert 'nodePort' not in got, got


@proves('5.2.9')
def test_status_is_emptied(api):
    for i, change in enumerate(({'type': 'ClusterIP'}, NAMED)):
        name = f's{i}'
        api.post(api.path('services'), service(name, **LB)).want(201)
        status = {'loadBalancer': {'ingress': [{'ip': '192.0.2.1'}]}}
        api.patch(api.path('services', name, 'status'), {'status': status}).want(200)
        assert api.patch(api.path('services', name), {'spec': {'selector': {'a': 'b'}}}).want(200).json['status']['loadBalancer']['ingress']
        assert api.patch(api.path('services', name), {'spec': change}, STRATEGIC).want(200).json['status'] == {'loadBalancer': {}}


@proves('5.2.13')
def test_a_name_becomes_addresses(api):
    api.post(api.path('services'), service('a', **NAMED)).want(201)
    spec = api.patch(api.path('services', 'a'), {'spec': PLAIN}, MERGE).want(200).json['spec']
    assert spec['clusterIP'].startswith('10.96.') and spec['clusterIPs'] == [spec['clusterIP']], spec
    assert (spec['ipFamilies'], spec['ipFamilyPolicy']) == (['IPv4'], 'SingleStack'), spec


@proves('5.2.14')
def test_addresses_are_given_up(api):
    api.post(api.path('services'), service('a', clusterIP='10.96.11.2')).want(201)
    api.patch(api.path('services', 'a'), {'spec': NAMED}).want(200)
    api.post(api.path('services'), service('b', clusterIP='10.96.11.2')).want(201)


@proves('5.2.15')
def test_headless_by_way_of_a_name(api):
    where = api.path('services', 'a')
    api.post(api.path('services'), service('a', **HEADLESS)).want(201)
    api.patch(where, {'spec': {'clusterIP': '10.96.11.3', 'clusterIPs': ['10.96.11.3']}}).want(422)
    api.patch(where, {'spec': NAMED}).want(200)
    assert api.patch(where, {'spec': PLAIN}).want(200).json['spec']['clusterIP'].startswith('10.96.')
    api.patch(where, {'spec': {'clusterIP': 'None', 'clusterIPs': ['None']}}).want(422)
    api.patch(where, {'spec': NAMED}).want(200)
    assert api.patch(where, {'spec': {'clusterIP': 'None', **PLAIN}}).want(200).json['spec']['clusterIPs'] == ['None']
