# SPDX-License-Identifier: Apache-2.0
"""Objects as tables (service-api.md section 17)."""
import re

from api import Watch, all_of, config_map, merged, proves, rev, rules_of, service

TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json'
BETA = 'application/json;as=Table;v=v1beta1;g=meta.k8s.io'
NETWORKING = '/apis/networking.k8s.io/v1/'
LB = {'type': 'LoadBalancer'}

# (rules, where the list is, columns: names with "+" at the end have priority 1).
COLUMNS = [
    ('17.1 17.3', '/api/v1/services', 'Name Type Cluster-IP External-IP Port(s) Age Selector+'),
    ('17.4', '/api/v1/endpoints', 'Name Endpoints Age'),
    ('17.5', '/apis/discovery.k8s.io/v1/endpointslices', 'Name AddressType Ports Endpoints Age'),
    ('17.6', '/api/v1/nodes', 'Name Status Roles Age Version Internal-IP+ External-IP+ OS-Image+ Kernel-Version+ Container-Runtime+'),
    ('17.7', '/api/v1/pods', 'Name Ready Status Restarts Age IP+ Node+ Nominated_Node+ Readiness_Gates+'),
    ('17.8', '/api/v1/namespaces', 'Name Status Age'),
    ('17.9', '/api/v1/events', 'Last_Seen Type Reason Object Subobject+ Source+ Message First_Seen+ Count+ Name+'),
    ('17.10', NETWORKING + 'servicecidrs', 'Name CIDRs Age'),
    ('17.11', NETWORKING + 'ipaddresses', 'Name ParentRef'),
    ('17.12', '/api/v1/configmaps', 'Name Data Age'),
    ('17.12', '/api/v1/secrets', 'Name Type Data Age'),
    ('17.12', '/api/v1/serviceaccounts', 'Name Age'),
]

# (rules, spec, status, cells without Name and Age).
SERVICES = [
    ('17.13 17.14 17.17 17.18', {'clusterIP': 'None', 'ports': None}, {}, ['ClusterIP', 'None', '<none>', '<none>', '<none>']),
    ('17.13 17.14 17.17 17.18', {'clusterIP': '10.96.13.1', 'externalIPs': ['192.0.2.2', '192.0.2.1'], 'selector': {'b': '2', 'a': '1'},
                                 'ports': [{'name': 'x', 'port': 80}, {'name': 'y', 'port': 53, 'protocol': 'UDP'}]}, {},
     ['ClusterIP', '10.96.13.1', '192.0.2.2,192.0.2.1', '80/TCP,53/UDP', 'a=1,b=2']),
    ('17.14 17.17', {'clusterIP': '10.96.13.1', 'type': 'NodePort', 'ports': [{'port': 80, 'nodePort': 30741}]}, {},
     ['NodePort', '10.96.13.1', '<none>', '80:30741/TCP', '<none>']),
    ('17.15', {'clusterIP': '10.96.13.1', 'allocateLoadBalancerNodePorts': False, **LB}, {}, ['LoadBalancer', '10.96.13.1', '<pending>', '80/TCP', '<none>']),
    ('17.15', {'clusterIP': '10.96.13.1', 'allocateLoadBalancerNodePorts': False, 'externalIPs': ['192.0.2.9'], **LB},
     {'ingress': [{'ip': '192.0.2.5'}, {'hostname': 'a.example.com'}, {'ip': '192.0.2.5'}, {'ip': '192.0.2.4'}]},
     ['LoadBalancer', '10.96.13.1', '192.0.2.4,192.0.2.5,a.example.com,192.0.2.9', '80/TCP', '<none>']),
    ('17.13 17.16', {'type': 'ExternalName', 'externalName': 'example.com', 'ports': None}, {},
     ['ExternalName', '<none>', 'example.com', '<none>', '<none>']),
]


def addresses(*last):
    return [{'ip': f'192.0.2.{n}'} for n in last]


def ready(*last):
    return [{'addresses': [f'192.0.2.{n}'], 'conditions': {'ready': n % 2 == 0}} for n in last]


# (rules, plural, object, cells without Name and Age).
OTHERS = [
    ('17.19', 'endpoints', {}, ['<none>']),
    ('17.19', 'endpoints', {'subsets': [{'notReadyAddresses': addresses(1), 'ports': [{'port': 80}]}]}, ['']),
    ('17.19', 'endpoints', {'subsets': [{'addresses': addresses(1, 2)}]}, ['192.0.2.1,192.0.2.2']),
    ('17.19', 'endpoints', {'subsets': [{'addresses': [*addresses(1), {'ip': '2001:db8::1'}],
                                         'ports': [{'name': 'a', 'port': 80}, {'name': 'b', 'port': 443}]}]},
     ['192.0.2.1:80,[2001:db8::1]:80,192.0.2.1:443 + 1 more...']),
    ('17.20', 'endpointslices', {'addressType': 'IPv4', 'endpoints': []}, ['IPv4', '<unset>', '<unset>']),
    ('17.20', 'endpointslices', {'addressType': 'IPv4', 'endpoints': ready(1, 2), 'ports': [{'port': 80}, {'name': 'a'}]},
     ['IPv4', '80,a', '192.0.2.1,192.0.2.2']),
    ('17.20', 'endpointslices', {'addressType': 'IPv4', 'endpoints': ready(1, 2, 3, 4), 'ports': [{'name': f'p{n}', 'port': n} for n in (1, 2, 3, 4)]},
     ['IPv4', '1,2,3 + 1 more...', '192.0.2.1,192.0.2.2,192.0.2.3 + 1 more...']),
    ('17.20', 'endpointslices', {'addressType': 'IPv4', 'endpoints': [], 'ports': [{}]}, ['IPv4', '<unset>', '<unset>']),
    ('17.20', 'endpointslices', {'addressType': 'IPv4', 'endpoints': [], 'ports': [{'name': 'a'}, {}]}, ['IPv4', 'a,', '<unset>']),
    ('17.12', 'configmaps', {'data': {'a': ''}, 'binaryData': {'b': ''}}, [2]),
    ('17.12', 'secrets', {'stringData': {'a': ''}}, ['Opaque', 1]),
    ('17.12', 'serviceaccounts', {}, []),
]

# (rules, what the Node has besides its name, cells without Name and Age).
NODES = [
    ('17.21 17.22', {}, ['Unknown', '<none>', '', '<none>', '<none>', '<unknown>', '<unknown>', '<unknown>']),
    ('17.21 17.22', {'metadata': {'labels': {'node-role.kubernetes.io/worker': '', 'kubernetes.io/role': 'edge'}}, 'spec': {'unschedulable': True},
                     'status': {'conditions': [{'type': 'Ready', 'status': 'Unknown'}],
                                'addresses': [{'type': 'InternalIP', 'address': '192.0.2.1'}, {'type': 'ExternalIP', 'address': '192.0.2.2'},
                                              {'type': 'InternalIP', 'address': '192.0.2.3'}],
                                'nodeInfo': {'kubeletVersion': 'v1', 'osImage': 'os', 'kernelVersion': 'k', 'containerRuntimeVersion': 'r'}}},
     ['NotReady,SchedulingDisabled', 'edge,worker', 'v1', '192.0.2.1', '192.0.2.2', 'os', 'k', 'r']),
    ('17.21', {'status': {'conditions': [{'type': 'Ready', 'status': 'True'}]}},
     ['Ready', '<none>', '', '<none>', '<none>', '<unknown>', '<unknown>', '<unknown>']),
]


def table(api, path, accept=TABLE):
    return api.get(path, Accept=accept).want(200).json


def cells_but(api, path, *masked):
    """The cells of an object's row but those of these columns; the age is that of something new."""
    got = table(api, path)
    assert len(got['rows']) == 1, got
    named = dict(zip((c['name'] for c in got['columnDefinitions']), got['rows'][0]['cells']))
    assert re.fullmatch(r'\d+s', named['Age']), named
    return [v for k, v in named.items() if k not in ('Name', 'Age', *masked)]


@proves(*rules_of(COLUMNS))
def test_columns(api):
    def one(path, want):
        got = table(api, path + '?limit=1')['columnDefinitions']
        assert ' '.join(c['name'].replace(' ', '_') + '+' * c['priority'] for c in got) == want, got
        for column in got:
            assert set(column) == {'name', 'type', 'format', 'description', 'priority'} and column['description'], column
            assert column['type'] in ('string', 'integer') and (column['format'] == 'name') == (column['name'] == 'Name'), column
    all_of((path, lambda p=path, w=want: one(p, w)) for _, path, want in COLUMNS)


@proves('17.2', *rules_of(SERVICES))
def test_services(api):
    def one(spec, status, want):
        api.post(api.path('services'), merged(service('a'), {'spec': spec})).want(201)
        if status:
            api.patch(api.path('services', 'a', 'status'), {'status': {'loadBalancer': status}}).want(200)
        got = cells_but(api, api.path('services', 'a'))
        api.delete(api.path('services', 'a')).want(200)
        assert got == want, got
    all_of((f'{rules} {spec}', lambda s=spec, st=status, w=want: one(s, st, w)) for rules, spec, status, want in SERVICES)


@proves(*rules_of(OTHERS))
def test_other_kinds(api):
    def one(name, plural, more, want):
        api.post(api.path(plural), dict(more, metadata={'name': name})).want(201)
        got = cells_but(api, api.path(plural, name))
        assert got == want, got
    all_of((f'{row[0]} {row[1:3]}', lambda n=f'o{i}', r=row: one(n, *r[1:])) for i, row in enumerate(OTHERS))


@proves(*rules_of(NODES))
def test_nodes(api):
    def one(more, want):
        where = '/api/v1/nodes/n-' + api.ns[-40:]
        made = merged({'metadata': {'name': where.split('/')[-1]}}, more)
        api.post('/api/v1/nodes', made).want(201)
        try:
            got = cells_but(api, where)
        finally:
            api.delete(where).want(200)
        assert got == want, got
    all_of((f'{rules} {more}', lambda m=more, w=want: one(m, w)) for rules, more, want in NODES)


@proves('17.8')
def test_namespaces(api):
    assert cells_but(api, '/api/v1/namespaces/' + api.ns) == ['Active']


@proves('17.10', '17.11')
def test_cidrs_and_addresses(api):
    got = table(api, NETWORKING + 'servicecidrs/kubernetes')['rows'][0]['cells']
    assert got[0] == 'kubernetes' and re.fullmatch(r'10\.96\.0\.0/\d+(,.*)?', got[1]), got
    ip = api.post(api.path('services'), service('a')).want(201).json['spec']['clusterIP']
    got = table(api, NETWORKING + 'ipaddresses/' + ip)['rows'][0]['cells']
    assert got[:2] == [ip, f'services/{api.ns}/a'] and re.fullmatch(r'\d+s', got[2]) and len(got) == 3, got


@proves('17.9', '17.25')
def test_events(api):
    event = {'metadata': {'name': 'e'}, 'type': 'Normal', 'reason': 'R', 'message': ' m\n', 'count': 4,
             'involvedObject': {'kind': 'Pod', 'name': 'p', 'namespace': api.ns, 'fieldPath': 'spec.x'},
             'source': {'component': 'c', 'host': 'h'}, 'firstTimestamp': '2001-01-02T03:04:05Z', 'lastTimestamp': '2010-01-02T03:04:05Z'}
    api.post(api.path('events'), event).want(201)
    got = table(api, api.path('events', 'e'))['rows'][0]['cells']
    assert re.fullmatch(r'\d+y', got[0]) and re.fullmatch(r'\d+y', got[7]) and int(got[7][:-1]) - int(got[0][:-1]) in (8, 9, 10), got
    assert got[1:7] == ['Normal', 'R', 'pod/p', 'spec.x', 'c, h', 'm'] and got[8:] == [4, 'e'], got


@proves('17.7', '17.23', '17.24')
def test_pods(api):
    pod = {'metadata': {'name': 'p'}, 'spec': {'containers': [{'name': 'c', 'image': 'i'}, {'name': 'd', 'image': 'i'}], 'nodeName': 'n'}}
    api.post(api.path('pods'), pod).want(201)
    where = api.path('pods', 'p')
    assert cells_but(api, where) == ['0/2', 'Pending', '0', '<none>', 'n', '<none>', '<none>']
    up, waits = {'running': {}}, {'waiting': {'reason': 'CrashLoopBackOff'}}

    def status(phase, *containers):
        listed = [{'name': n, 'image': 'i', 'imageID': '', 'ready': state == up, 'restartCount': restarts, 'state': state}
                  for n, (restarts, state) in zip('cd', containers)]
        sent = {'status': {'phase': phase, 'podIP': '192.0.2.1', 'podIPs': [{'ip': '192.0.2.1'}], 'containerStatuses': listed}}
        api.patch(where + '/status', sent).want(200)
        return cells_but(api, where)

    tail = ['192.0.2.1', 'n', '<none>', '<none>']
    assert status('Running', (1, up), (2, up)) == ['2/2', 'Running', '3', *tail]
    assert status('Running', (1, up), (2, waits)) == ['1/2', 'CrashLoopBackOff', '3', *tail]
    assert status('Failed', (1, up), (2, {'terminated': {'exitCode': 3}}))[1] == 'ExitCode:3'
    assert table(api, where)['rows'][0]['conditions'][0]['type'] == 'Completed'
    api.delete(where + '?gracePeriodSeconds=0').want(200)


@proves('17.26', '17.27')
def test_the_envelope(api):
    for name in ('a', 'b'):
        api.post(api.path('configmaps'), config_map(name, x='1')).want(201)
    answer = api.get(api.path('configmaps') + '?limit=1', Accept=TABLE).want(200)
    assert answer.headers['Content-Type'] == 'application/json'
    got = answer.json
    assert (got['kind'], got['apiVersion']) == ('Table', 'meta.k8s.io/v1') and rev(got) > 0, got
    assert got['metadata']['continue'] and got['metadata']['remainingItemCount'] >= 1 and len(got['rows']) == 1, got
    stored = api.get(api.path('configmaps', 'a')).json
    assert got['rows'][0]['object'] == {'kind': 'PartialObjectMetadata', 'apiVersion': 'meta.k8s.io/v1', 'metadata': stored['metadata']} or \
        got['rows'][0]['object']['metadata']['name'] != 'a', got
    one = {word: table(api, api.path('configmaps', 'a') + '?includeObject=' + word)['rows'][0]['object'] for word in ('None', 'Metadata', 'Object')}
    assert one['None'] is None and one['Object'] == stored and one['Metadata']['metadata'] == stored['metadata'], one


@proves('17.28')
def test_the_beta_version(api):
    api.post(api.path('configmaps'), config_map('a')).want(201)
    got = table(api, api.path('configmaps', 'a'), BETA)
    assert got['apiVersion'] == 'meta.k8s.io/v1beta1' and got['rows'][0]['object']['apiVersion'] == 'meta.k8s.io/v1beta1', got


@proves('17.29', '17.30')
def test_a_watch(api):
    at = rev(api.get(api.path('configmaps')).json)
    w = Watch(api, api.path('configmaps'), {'watch': '1', 'resourceVersion': at, 'allowWatchBookmarks': 'true', 'timeoutSeconds': 2}, Accept=TABLE)
    assert w.headers['Content-Type'] == 'application/json'
    for name in ('a', 'b'):
        api.post(api.path('configmaps'), config_map(name, x='1')).want(201)
    one, two = w.want('ADDED'), w.want('ADDED')
    assert one['columnDefinitions'] and not two['columnDefinitions'], two
    assert [t['rows'][0]['cells'][:2] for t in (one, two)] == [['a', 1], ['b', 1]]
    assert one['rows'][0]['object']['kind'] == 'PartialObjectMetadata'
    initial = Watch(api, api.path('configmaps'), {'watch': '1', 'sendInitialEvents': 'true', 'resourceVersionMatch': 'NotOlderThan',
                                                  'allowWatchBookmarks': 'true'}, Accept=TABLE)
    events = [initial.next() for _ in range(3)]
    assert [e[0] for e in events][-1] == 'BOOKMARK', events
    mark = events[-1][1]
    assert mark['kind'] == 'Table' and int(mark['rows'][0]['object']['metadata']['resourceVersion']) > at, mark
