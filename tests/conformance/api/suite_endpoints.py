# SPDX-License-Identifier: Apache-2.0
"""Endpoints: what they must be, and what their controller writes (service-api.md section 11)."""
from api import Skip, all_of, merged, ours, proves, rev, rules_of, service, until
from pods import NO_CONTROLLERS, default_node, kill, pod, report, settle, subset, subsets
from suite_validation import ADDRESS, LABEL, QUALIFIED, SUBDOMAIN

OPTIONS = ['--service-cluster-ip-range', '10.96.0.0/16,fd00:96::/108']
RANGE = 'must be between 1 and 65535, inclusive'
LOOPBACK = 'may not be in the loopback range (127.0.0.0/8, ::1/128)'
LINK_LOCAL = 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'
MULTICAST = 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'
CAPACITY = 'endpoints.kubernetes.io/over-capacity'
TRIGGER = 'endpoints.kubernetes.io/last-change-trigger-time'
HEADLESS = 'service.kubernetes.io/headless'
MANAGED = 'endpoints.kubernetes.io/managed-by'


def endpoints(name, *each):
    return {'apiVersion': 'v1', 'kind': 'Endpoints', 'metadata': {'name': name}, 'subsets': list(each)}


def address(**members):
    return {'addresses': [dict({'ip': '10.1.2.3'}, **members)]}


def not_ready(ip):
    return {'addresses': None, 'notReadyAddresses': [{'ip': ip}]}


def ports(*each):
    return {'ports': [dict({'port': 80}, **p) for p in each]}


def bad_ip(ip, why, where='addresses'):
    return f'subsets[0].{where}[0].ip: Invalid value: "{ip}": {why}'


ROWS = [
    ('11.1.2', {'addresses': None}, 'subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`'),
    ('11.1.2', not_ready('10.1.2.3')),
    *[('11.1.3', address(ip=ip), bad_ip(ip, ADDRESS), bad_ip(ip, 'must be a valid IP address')) for ip in ('x', '', '10.1.2')],
    ('11.1.3', not_ready('x'), bad_ip('x', ADDRESS, 'notReadyAddresses'), bad_ip('x', 'must be a valid IP address', 'notReadyAddresses')),
    *[('11.1.4', address(ip=ip), bad_ip(ip, why)) for ip, why in (
        ('0.0.0.0', 'may not be unspecified (0.0.0.0)'), ('::', 'may not be unspecified (::)'), ('127.0.0.1', LOOPBACK),
        ('::1', LOOPBACK), ('169.254.1.1', LINK_LOCAL), ('fe80::1', LINK_LOCAL), ('224.0.0.1', MULTICAST), ('ff02::1', MULTICAST))],
    ('11.1.4', not_ready('127.0.0.1'), bad_ip('127.0.0.1', LOOPBACK, 'notReadyAddresses')),
    ('11.1.5', address(hostname='a.b'), 'subsets[0].addresses[0].hostname: Invalid value: "a.b": must not contain dots'),
    ('11.1.5', address(hostname='h-1')),
    ('11.1.6', address(nodeName='a.b')),
    ('11.1.6', address(nodeName='A_b'), f'subsets[0].addresses[0].nodeName: Invalid value: "A_b": {SUBDOMAIN}'),
    ('11.1.7', ports({'name': 'x'}, {}), 'subsets[0].ports[1].name: Required value'),
    ('11.1.7', ports({'name': 'x'}, {'name': 'x'})),
    ('11.1.7', ports({'name': 'X'}), f'subsets[0].ports[0].name: Invalid value: "X": {LABEL}'),
    ('11.1.7', ports({})),
    *[('11.1.8', ports({'port': n}), f'subsets[0].ports[0].port: Invalid value: {n}: {RANGE}') for n in (0, 65536, -1)],
    ('11.1.9', ports({'protocol': 'tcp'}), 'subsets[0].ports[0].protocol: Unsupported value: "tcp": supported values: "SCTP", "TCP", "UDP"'),
    ('11.1.9', ports({'protocol': 'SCTP'})),
    ('11.1.10', ports({'appProtocol': 'a b'}), f'subsets[0].ports[0].appProtocol: Invalid value: "a b": {QUALIFIED}'),
    ('11.1.10', ports({'appProtocol': 'kubernetes.io/h2c'})),
    ('11.1.11', {'ports': None}),
]


@proves(*rules_of(ROWS))
def test_what_endpoints_must_be(api):
    where = api.path('endpoints')

    def one(change, causes):
        answer = api.post(where, endpoints('a', merged(address(), change)))
        if causes:
            assert answer.causes() == causes, f'wanted {causes}, got {answer.causes()}'
        else:
            answer.want(201)
            api.delete(where + '/a').want(200)
    all_of((f'{rules} {change!r:.200}', lambda c=change, w=causes: one(c, w)) for rules, change, *causes in ROWS)


@proves('11.1.1')
def test_names(api):
    api.post(api.path('endpoints'), endpoints('a.b', address())).want(201)
    api.post(api.path('endpoints'), endpoints('1a', address())).want(201)
    assert api.post(api.path('endpoints'), endpoints('A_b', address())).causes() == [f'metadata.name: Invalid value: "A_b": {SUBDOMAIN}']


@proves('11.1.9', '11.1.12', '11.1.14')
def test_subsets_stay_as_they_were_sent(api):
    sent = endpoints('a', {'addresses': [{'ip': '10.1.2.9'}, {'ip': '10.1.2.3'}], 'ports': [{'port': 443, 'name': 'b'}, {'port': 80, 'name': 'a'}]},
                     address(), address())
    got = api.put(api.path('endpoints', 'a'), sent).want(201).json
    for subset_sent in sent['subsets']:
        for port in subset_sent.get('ports', []):
            port['protocol'] = 'TCP'
    assert got['subsets'] == sent['subsets']
    assert 'generation' not in got['metadata']
    sent = endpoints('a', {'addresses': [{'ip': '2001:db8::5', 'hostname': 'h'}], 'ports': [{'port': 1, 'protocol': 'UDP'}]})
    assert api.put(api.path('endpoints', 'a'), sent).want(200).json['subsets'] == sent['subsets']


@proves('11.1.13')
def test_endpoints_are_deprecated(api):
    text = 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice'
    assert api.post(api.path('endpoints'), endpoints('a', address())).want(201).warnings() == [text]
    assert api.get(api.path('endpoints', 'a')).want(200).warnings() == [text]
    assert api.get(api.path('endpoints')).want(200).warnings() == [text]


def web(name='web', port=80, **spec):
    return service(name, ports=((port,),), **dict({'selector': {'app': 'web'}}, **spec))


@ours(NO_CONTROLLERS)
@proves('11.2.1', '11.2.3', '11.2.10', '11.2.11')
def test_pods_that_match_and_have_an_address(api):
    api.post(api.path('services'), web()).want(201)
    settle(api, 'web', [])
    pod(api, 'a', ['10.1.0.1'])
    pod(api, 'b', ['10.1.0.2'], is_ready=False)
    pod(api, 'pending', ['10.1.0.3'], is_ready=False, phase='Pending')
    pod(api, 'failed', ['10.1.0.4'], phase='Failed')
    pod(api, 'done', ['10.1.0.5'], phase='Succeeded')
    pod(api, 'bare', [])
    pod(api, 'other', ['10.1.0.6'], labels={'app': 'other'})
    settle(api, 'web', [subset(['10.1.0.1'], ['10.1.0.2', '10.1.0.3'])])
    report(api, 'b', ['10.1.0.2'])
    settle(api, 'web', [subset(['10.1.0.1', '10.1.0.2'], ['10.1.0.3'])])
    api.delete(api.path('services', 'web')).want(200)
    until('the Endpoints to go', lambda: subsets(api, 'web') is None)


@ours(NO_CONTROLLERS)
@proves('11.2.2')
def test_services_without_selector_are_left_alone(api):
    mine = subset(['10.1.2.3'], ports=())
    for name, spec in (('none', {}), ('external', {'type': 'ExternalName', 'externalName': 'example.com', 'selector': {'app': 'web'}})):
        api.post(api.path('endpoints'), endpoints(name, address())).want(201)
        api.post(api.path('services'), service(name, **spec)).want(201)
    pod(api, 'a', ['10.1.0.1'])
    api.post(api.path('services'), web()).want(201)
    settle(api, 'web', [subset(['10.1.0.1'])])  # the controller has passed them by
    assert subsets(api, 'none') == subsets(api, 'external') == {mine}
    api.patch(api.path('services', 'web'), {'spec': {'selector': None}}).want(200)
    report(api, 'a', ['10.1.0.1'], is_ready=False)
    api.post(api.path('services'), web('web2')).want(201)
    settle(api, 'web2', [subset([], ['10.1.0.1'])])
    assert subsets(api, 'web') == {subset(['10.1.0.1'])}


@ours(NO_CONTROLLERS)
@proves('11.2.4', '11.2.10')
def test_pods_that_end(api):
    api.post(api.path('services'), web()).want(201)
    api.post(api.path('services'), web('all', publishNotReadyAddresses=True)).want(201)
    pod(api, 'a', ['10.1.0.1'])
    pod(api, 'b', ['10.1.0.2'], is_ready=False)
    settle(api, 'web', [subset(['10.1.0.1'], ['10.1.0.2'])])
    settle(api, 'all', [subset(['10.1.0.1', '10.1.0.2'])])
    api.delete(api.path('pods', 'a')).want(200)
    settle(api, 'web', [subset([], ['10.1.0.2'])])
    assert subsets(api, 'all') == {subset(['10.1.0.1', '10.1.0.2'])}
    kill(api, 'a')
    settle(api, 'all', [subset(['10.1.0.2'])])


@ours(NO_CONTROLLERS)
@proves('11.2.5', '11.2.6')
def test_addresses_say_whose_they_are(api):
    api.post(api.path('services'), web()).want(201)
    api.post(api.path('services'), web('six', ipFamilies=['IPv6'])).want(201)
    pod(api, 'a', ['2001:db8::1', '10.1.0.1'], hostname='h', subdomain='web')
    pod(api, 'b', ['10.1.0.2'], hostname='h', subdomain='other')
    settle(api, 'web', [subset(['10.1.0.1', '10.1.0.2'])])
    settle(api, 'six', [subset(['2001:db8::1'])])
    got = {a['ip']: a for a in api.get(api.path('endpoints', 'web')).json['subsets'][0]['addresses']}
    uid = api.get(api.path('pods', 'a')).json['metadata']['uid']
    assert got['10.1.0.1'] == {'ip': '10.1.0.1', 'hostname': 'h', 'nodeName': default_node(api),
                               'targetRef': {'kind': 'Pod', 'namespace': api.ns, 'name': 'a', 'uid': uid}}, got
    assert 'hostname' not in got['10.1.0.2']


@ours(NO_CONTROLLERS)
@proves('11.2.7', '11.2.8', '11.2.11')
def test_named_ports(api):
    sent = web()
    sent['spec']['ports'] = [{'name': 'http', 'port': 80, 'targetPort': 'http', 'appProtocol': 'kubernetes.io/h2c'},
                             {'name': 'admin', 'port': 81, 'targetPort': 'admin'}, {'name': 'fixed', 'port': 82, 'targetPort': 9000}]
    api.post(api.path('services'), sent).want(201)
    pod(api, 'a', ['10.1.0.1'], ports=[('http', 8080, 'TCP'), ('admin', 8081, 'TCP')])
    pod(api, 'b', ['10.1.0.2'], ports=[('http', 8888, 'TCP'), ('admin', 8081, 'UDP')])
    side = [{'name': 'side', 'image': 'none', 'restartPolicy': 'Always', 'ports': [{'name': 'admin', 'containerPort': 8081}]},
            {'name': 'once', 'image': 'none', 'ports': [{'name': 'http', 'containerPort': 7777}]}]
    pod(api, 'c', ['10.1.0.3'], initContainers=side)
    settle(api, 'web', [subset(['10.1.0.1'], ports=[('http', 8080, 'TCP')]), subset(['10.1.0.2'], ports=[('http', 8888, 'TCP')]),
                        subset(['10.1.0.1', '10.1.0.3'], ports=[('admin', 8081, 'TCP')]),
                        subset(['10.1.0.1', '10.1.0.2', '10.1.0.3'], ports=[('fixed', 9000, 'TCP')])])
    listed = [p for s in api.get(api.path('endpoints', 'web')).json['subsets'] for p in s['ports']]
    assert {p.get('appProtocol') for p in listed if p['name'] == 'http'} == {'kubernetes.io/h2c'}


@ours(NO_CONTROLLERS)
@proves('11.2.9', '11.2.13')
def test_headless(api):
    sent = web(clusterIP='None')
    sent['metadata']['labels'] = {'team': 'x', MANAGED: 'me'}
    del sent['spec']['ports']
    api.post(api.path('services'), sent).want(201)
    pod(api, 'a', ['10.1.0.1'])
    settle(api, 'web', [subset(['10.1.0.1'], ports=())])
    labels = api.get(api.path('endpoints', 'web')).json['metadata']['labels']
    assert labels == {'team': 'x', HEADLESS: '', MANAGED: 'endpoint-controller'}, labels


@ours(NO_CONTROLLERS)
@proves('11.2.13', '11.2.15')
def test_labels_are_the_services(api):
    sent = web()
    sent['metadata']['labels'] = {'team': 'x'}
    api.post(api.path('services'), sent).want(201)
    pod(api, 'a', ['10.1.0.1'])
    settle(api, 'web', [subset(['10.1.0.1'])])
    where = api.path('endpoints', 'web')
    before = api.patch(where, {'metadata': {'labels': {'foreign': 'y'}, 'annotations': {'note': 'stays'}}}).want(200).json
    api.post(api.path('services'), web('other')).want(201)
    settle(api, 'other', [subset(['10.1.0.1'])])
    assert rev(api.get(where).json) == rev(before)  # nobody looked yet, or found nothing to do for a Service
    api.patch(api.path('services', 'web'), {'metadata': {'labels': {'team': 'z'}}}).want(200)
    want = {'team': 'z', MANAGED: 'endpoint-controller'}
    until('the labels', lambda: api.get(where).json['metadata']['labels'] == want)
    assert api.get(where).json['metadata']['annotations']['note'] == 'stays'


@ours(NO_CONTROLLERS)
@proves('11.2.14', '11.3.1')
def test_trigger_times(api):
    made = api.post(api.path('services'), web()).want(201).json['metadata']['creationTimestamp']

    def trigger():
        return api.get(api.path('endpoints', 'web')).json['metadata'].get('annotations', {}).get(TRIGGER)
    settle(api, 'web', [])
    assert trigger() == made
    pod(api, 'a', ['10.1.0.1'])  # its readiness is of a time in the past
    settle(api, 'web', [subset(['10.1.0.1'])])
    assert trigger() == '2026-01-01T00:00:00Z'
    kill(api, 'a')
    settle(api, 'web', [])
    assert trigger() is None


@ours(NO_CONTROLLERS)
@proves('11.2.15', '11.2.16', '11.2.17')
def test_what_changes_is_written(api):
    api.post(api.path('services'), web()).want(201)
    api.post(api.path('services'), web('blue', selector={'app': 'blue'})).want(201)
    pod(api, 'a', ['10.1.0.1'])
    settle(api, 'web', [subset(['10.1.0.1'])])
    was = rev(api.get(api.path('endpoints', 'web')).json)
    api.patch(api.path('pods', 'a'), {'metadata': {'annotations': {'any': 'thing'}}}).want(200)
    api.patch(api.path('pods', 'a'), {'metadata': {'labels': {'app': 'blue'}}}).want(200)
    settle(api, 'blue', [subset(['10.1.0.1'])])
    settle(api, 'web', [])
    assert rev(api.get(api.path('endpoints', 'web')).json) > was
    was = rev(api.get(api.path('endpoints', 'blue')).json)
    api.patch(api.path('services', 'blue'), {'metadata': {'annotations': {'any': 'thing'}}}).want(200)
    api.delete(api.path('endpoints', 'web')).want(200)
    settle(api, 'web', [])
    assert rev(api.get(api.path('endpoints', 'blue')).json) == was


@ours(NO_CONTROLLERS)
@proves('11.2.18')
def test_a_namespace_that_goes_gets_nothing(api):
    held = {'metadata': {'name': 'held', 'finalizers': ['example.com/x']}}
    api.post(api.path('configmaps'), held).want(201)
    pod(api, 'a', ['10.1.0.1'])
    sent = web()
    sent['metadata']['finalizers'] = ['example.com/x']
    api.post(api.path('services'), sent).want(201)
    settle(api, 'web', [subset(['10.1.0.1'])])
    where = '/api/v1/namespaces/' + api.ns
    api.delete(where).want(200)
    until('the Endpoints to go', lambda: subsets(api, 'web') is None)
    kill(api, 'a')  # which has no agent to end it
    api.patch(api.path('services', 'web'), {'metadata': {'finalizers': None}}).want(200)
    api.patch(api.path('configmaps', 'held'), {'metadata': {'finalizers': None}}).want(200)
    until('the namespace to go', lambda: api.get(where).status == 404)
    assert 'FailedToCreateEndpoint' not in str(api.get('/api/v1/events').json)


@ours(NO_CONTROLLERS)
@proves('11.2.12')
def test_more_than_a_thousand(api):
    default_node(api)
    for i in range(1010):
        pod(api, f'p{i}', [f'10.1.{i // 250}.{i % 250 + 1}'], is_ready=i >= 20)
    api.post(api.path('services'), web()).want(201)

    def counts():
        got = api.get(api.path('endpoints', 'web')).json
        return ([(len(s.get('addresses', [])), len(s.get('notReadyAddresses', []))) for s in got.get('subsets', [])],
                got['metadata'].get('annotations', {}).get(CAPACITY))
    until('the Endpoints', lambda: subsets(api, 'web') and counts() == ([(990, 10)], 'truncated'))
    for i in range(10):
        kill(api, f'p{i}')
    until('no more than there may be', lambda: counts() == ([(990, 10)], None))


@ours(NO_CONTROLLERS)
@proves('11.2.19')
def test_endpoints_without_service_at_the_start(api):
    if api.server.store == 'memory':
        raise Skip('it forgets with the server')
    old = endpoints('leader', address())
    old['metadata']['annotations'] = {'control-plane.alpha.kubernetes.io/leader': '{}'}
    api.post(api.path('endpoints'), old).want(201)
    api.post(api.path('endpoints'), endpoints('lone', address())).want(201)
    api.server.stop()
    api.server.start()
    api.conn = None
    until('the lone Endpoints to go', lambda: subsets(api, 'lone') is None)
    assert subsets(api, 'leader')
