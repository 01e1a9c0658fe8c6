# SPDX-License-Identifier: Apache-2.0
"""What a Service has, and what is filled in (service-api.md section 2)."""
from api import JSON_PATCH, MERGE, STRATEGIC, all_of, merged, proves, rules_of, service

OPTIONS = ['--service-cluster-ip-range', '10.96.0.0/16,fd00:96::/108']
LB = {'type': 'LoadBalancer'}
EXT = {'type': 'ExternalName', 'externalName': 'example.com'}
CLIENT = {'sessionAffinity': 'ClientIP'}
THREE_HOURS = {'clientIP': {'timeoutSeconds': 10800}}

# (rules, what is changed in the spec of a Service with one port, what is then in it: None, it is not there).
FILLED = [
    ('2.2.1 2.2.4 2.2.9', {}, {'sessionAffinity': 'None', 'type': 'ClusterIP', 'internalTrafficPolicy': 'Cluster', 'externalTrafficPolicy': None,
                               'allocateLoadBalancerNodePorts': None}),
    ('2.2.1 2.2.4', {'sessionAffinity': '', 'type': ''}, {'sessionAffinity': 'None', 'type': 'ClusterIP'}),
    ('2.2.2', {'sessionAffinityConfig': {'clientIP': {'timeoutSeconds': 5}}}, {'sessionAffinityConfig': None}),
    *[('2.2.3', merged(CLIENT, {'sessionAffinityConfig': config}), {'sessionAffinityConfig': THREE_HOURS}) for config in (None, {}, {'clientIP': {}})],
    ('2.2.3', merged(CLIENT, {'sessionAffinityConfig': {'clientIP': {'timeoutSeconds': 7}}}), {'sessionAffinityConfig': {'clientIP': {'timeoutSeconds': 7}}}),
    *[('2.2.5 2.2.6', {'ports': [dict(port=80, **more)]}, {'ports': [{'port': 80, 'protocol': 'TCP', 'targetPort': 80}]})
      for more in ({}, {'targetPort': 0}, {'targetPort': ''}, {'protocol': ''})],
    ('2.2.6', {'ports': [{'port': 80, 'targetPort': 'web'}]}, {'ports': [{'port': 80, 'protocol': 'TCP', 'targetPort': 'web'}]}),
    ('2.2.8', {'type': 'NodePort'}, {'externalTrafficPolicy': 'Cluster'}),
    ('2.2.8 2.2.10', LB, {'externalTrafficPolicy': 'Cluster', 'allocateLoadBalancerNodePorts': True}),
    ('2.2.8', {'externalIPs': ['192.0.2.1']}, {'externalTrafficPolicy': 'Cluster'}),
    ('2.2.8 2.2.9', {'externalIPs': ['192.0.2.1'], **EXT}, {'externalTrafficPolicy': None, 'internalTrafficPolicy': None}),
    ('2.2.10', {'allocateLoadBalancerNodePorts': False, **LB}, {'allocateLoadBalancerNodePorts': False}),
    ('2.2.12', LB, {'publishNotReadyAddresses': None, 'trafficDistribution': None, 'loadBalancerClass': None, 'healthCheckNodePort': None}),
    ('2.3.5', {'internalTrafficPolicy': 'Local', **EXT}, {'internalTrafficPolicy': None}),
    ('2.1.3', {'loadBalancerIP': 'any text!', **LB}, {'loadBalancerIP': 'any text!'}),
    ('2.1.2', {'selector': {}, 'externalIPs': [], 'publishNotReadyAddresses': False, 'loadBalancerIP': '', 'externalName': ''},
     {'selector': None, 'externalIPs': None, 'publishNotReadyAddresses': None, 'loadBalancerIP': None, 'externalName': None}),
    ('2.4.1', {'clusterIP': '10.96.8.1'}, {'clusterIPs': ['10.96.8.1']}),
    ('2.4.1', {'clusterIP': 'None'}, {'clusterIPs': ['None']}),
]

# Of a Service with 10.96.8.2: (rules, changes of the spec in a PUT, addresses afterwards or causes).
ONCE = 'may not change once set'
IP2 = ['10.96.8.2']
SIX = 'fd00:96::82'
ADDRESSES = [
    ('2.4.3', {'clusterIP': '10.96.8.2', 'clusterIPs': None}, IP2),
    ('2.4.8', {'clusterIP': None, 'clusterIPs': None}, IP2),
    ('2.4.4', {'clusterIP': None, 'clusterIPs': IP2}, IP2),
    ('2.4.4', {'clusterIP': '', 'clusterIPs': []}, IP2),
    ('2.4.5', {'clusterIP': None, 'clusterIPs': ['10.96.8.3']}, 'spec.clusterIPs: Invalid value: ["10.96.8.3"]: first value must match `clusterIP`'),
    ('2.4.6', {'clusterIP': '10.96.8.3', 'clusterIPs': IP2}, f'spec.clusterIPs[0]: Invalid value: ["10.96.8.3"]: {ONCE}'),
    ('2.4.6', {'clusterIP': '10.96.8.3', 'clusterIPs': None}, f'spec.clusterIPs[0]: Invalid value: ["10.96.8.3"]: {ONCE}'),
    ('2.4.6', {'clusterIP': 'None', 'clusterIPs': IP2}, f'spec.clusterIPs[0]: Invalid value: ["None"]: {ONCE}'),
    ('2.4.7', {'clusterIP': '10.96.8.3', 'clusterIPs': ['10.96.8.3']}, f'spec.clusterIPs[0]: Invalid value: ["10.96.8.3"]: {ONCE}'),
    ('2.4.7', {'clusterIP': '10.96.8.3', 'clusterIPs': ['10.96.8.3', SIX], 'ipFamilyPolicy': 'RequireDualStack', 'ipFamilies': None},
     f'spec.clusterIPs[0]: Invalid value: ["10.96.8.3","{SIX}"]: {ONCE}'),
    ('2.4.7', {'clusterIP': '10.96.8.2', 'clusterIPs': ['10.96.8.2', SIX], 'ipFamilyPolicy': 'RequireDualStack', 'ipFamilies': None}, ['10.96.8.2', SIX]),
]


def picked(spec, wanted):
    return {key: spec.get(key) for key in wanted}


@proves(*rules_of(FILLED))
def test_what_is_filled_in(api):
    def one(change, want):
        sent = merged(service('a'), {'spec': change})
        got = api.post(api.path('services'), sent).want(201).json
        api.delete(api.path('services', 'a')).want(200)
        ports = [{k: v for k, v in port.items() if k != 'nodePort'} for port in got['spec']['ports']]
        assert picked(dict(got['spec'], ports=ports), want) == want, got['spec']
        assert got['status'] == {'loadBalancer': {}}, got['status']
    all_of((f'{rules} {change}', lambda c=change, w=want: one(c, w)) for rules, change, want in FILLED)


@proves('2.1.1')
def test_every_field_is_kept(api):
    spec = {'ports': [{'name': 'x', 'protocol': 'UDP', 'appProtocol': 'example.com/p', 'port': 80, 'targetPort': 'web', 'nodePort': 30601}],
            'selector': {'a': 'b'}, 'clusterIP': '10.96.8.9', 'clusterIPs': ['10.96.8.9', 'fd00:96::89'], 'type': 'LoadBalancer',
            'externalIPs': ['192.0.2.1'], 'sessionAffinity': 'ClientIP', 'loadBalancerIP': '192.0.2.2',
            'loadBalancerSourceRanges': ['192.0.2.0/24'], 'externalName': 'example.com', 'externalTrafficPolicy': 'Local',
            'healthCheckNodePort': 30602, 'publishNotReadyAddresses': True, 'sessionAffinityConfig': {'clientIP': {'timeoutSeconds': 9}},
            'ipFamilies': ['IPv4', 'IPv6'], 'ipFamilyPolicy': 'RequireDualStack', 'allocateLoadBalancerNodePorts': False,
            'loadBalancerClass': 'example.com/c', 'internalTrafficPolicy': 'Local', 'trafficDistribution': 'PreferSameZone'}
    status = {'loadBalancer': {'ingress': [{'ip': '192.0.2.3', 'ipMode': 'Proxy', 'ports': [{'port': 80, 'protocol': 'TCP', 'error': 'example.com/no'}]},
                                           {'hostname': 'example.com'}]},
              'conditions': [{'type': 'Good', 'status': 'True', 'reason': 'Is', 'message': 'x', 'observedGeneration': 1,
                              'lastTransitionTime': '2026-01-02T03:04:05Z'}]}
    made = api.post(api.path('services'), dict(service('a'), spec=spec)).want(201).json
    assert made['spec'] == spec, made['spec']
    assert api.put(api.path('services', 'a', 'status'), dict(made, status=status)).want(200).json['status'] == status
    assert picked(api.get(api.path('services', 'a')).json, ('spec', 'status')) == {'spec': spec, 'status': status}


@proves('2.2.7')
def test_a_target_port_stays(api):
    made = api.post(api.path('services'), service('a')).want(201).json
    made['spec']['ports'][0]['port'] = 81
    assert api.put(api.path('services', 'a'), made).want(200).json['spec']['ports'][0]['targetPort'] == 80


@proves('2.2.11')
def test_modes_of_addresses(api):
    where = api.path('services', 'a', 'status')
    api.post(api.path('services'), service('a', **LB)).want(201)
    ingress = [{'ip': '192.0.2.1'}, {'ip': '192.0.2.2', 'ipMode': 'Proxy'}, {'hostname': 'example.com'}]
    got = api.patch(where, {'status': {'loadBalancer': {'ingress': ingress}}}).want(200).json['status']['loadBalancer']['ingress']
    assert got == [{'ip': '192.0.2.1', 'ipMode': 'VIP'}, *ingress[1:]], got


@proves('2.2.13')
def test_defaults_are_filled_in_by_every_verb(api):
    where = api.path('services', 'a')
    bare, full = {'port': 81}, [{'port': 81, 'protocol': 'TCP', 'targetPort': 81}]
    assert api.post(api.path('services') + '?dryRun=All', service('a', ports=((81,),))).want(201).json['spec']['ports'] == full
    api.post(api.path('services'), service('a')).want(201)
    for n, (patch, kind) in enumerate((({'spec': {'ports': [bare]}}, MERGE), ({'spec': {'ports': [{'$patch': 'replace'}, bare]}}, STRATEGIC),
                                       ([{'op': 'replace', 'path': '/spec/ports', 'value': [bare]}], JSON_PATCH))):
        assert api.patch(where, patch, kind).want(200).json['spec']['ports'] == full, kind
        assert api.put(where, service('a')).want(200).json['spec']['ports'][0]['targetPort'] == 80, n


@proves('2.2.14')
def test_defaults_of_endpoints(api):
    sent = {'metadata': {'name': 'a'}, 'subsets': [{'addresses': [{'ip': '192.0.2.1'}], 'ports': [{'port': 80}]}]}
    assert api.post(api.path('endpoints'), sent).want(201).json['subsets'][0]['ports'] == [{'port': 80, 'protocol': 'TCP'}]


@proves('2.2.15')
def test_defaults_of_slices(api):
    sent = {'metadata': {'name': 'a'}, 'addressType': 'IPv4', 'endpoints': [], 'ports': [{'port': 80}]}
    assert api.post(api.path('endpointslices'), sent).want(201).json['ports'] == [{'name': '', 'port': 80, 'protocol': 'TCP'}]


@proves('2.4.2')
def test_cluster_ips_alone(api):
    assert api.post(api.path('services'), service('a', clusterIPs=['10.96.8.4'])).causes() == [
        'spec.clusterIPs: Invalid value: ["10.96.8.4"]: must be empty when `clusterIP` is not specified']


@proves(*rules_of(ADDRESSES))
def test_cluster_ip_and_cluster_ips_of_updates(api):
    def one(change, want):
        made = api.post(api.path('services'), service('a', clusterIP='10.96.8.2')).want(201).json
        answer = api.put(api.path('services', 'a'), merged(made, {'spec': change}))
        api.delete(api.path('services', 'a')).want(200)
        got = answer.want(200).json['spec']['clusterIPs'] if isinstance(want, list) else '; '.join(answer.causes())
        assert got == want, got
    all_of((f'{rules} {change}', lambda c=change, w=want: one(c, w)) for rules, change, want in ADDRESSES)
