# SPDX-License-Identifier: Apache-2.0
"""What every kind has in common and no suite of its own looks at (service-api.md section 18)."""
import gzip
import json
import re

from api import JSON_PATCH, MERGE, STRATEGIC, Watch, all_of, config_map, merged, proves, rev, rules_of, service

JSON = 'application/json'
POD = {'metadata': {'name': 'a'}, 'spec': {'containers': [{'name': 'c', 'image': 'i'}]}}
OWNER = {'apiVersion': 'v1', 'kind': 'ConfigMap', 'name': 'x'}


def post(api, plural, obj, query=''):
    return api.post(api.path(plural) + query, obj).want(201).json


@proves('18.1.1', '18.1.2')
def test_collections_and_objects(api):
    groups = (('configmaps', config_map('a'), '/api/v1/configmaps'),
              ('endpointslices', {'metadata': {'name': 'a'}, 'addressType': 'IPv4', 'endpoints': []}, '/apis/discovery.k8s.io/v1/endpointslices'),
              ('leases', {'metadata': {'name': 'a'}, 'spec': {}}, '/apis/coordination.k8s.io/v1/leases'))
    for plural, obj, everywhere in groups:
        where, collection = api.path(plural, 'a'), api.path(plural)
        made = post(api, plural, obj)
        assert api.get(where).want(200).json == made
        assert [o['metadata']['name'] for o in api.get(collection).want(200).json['items']] == ['a']
        assert (api.ns, 'a') in [(o['metadata']['namespace'], o['metadata']['name']) for o in api.get(everywhere).want(200).json['items']]
        at = api.put(where, merged(made, {'metadata': {'labels': {'x': 'y'}}})).want(200).json
        assert rev(api.patch(where, {'metadata': {'labels': {'x': 'z'}}}).want(200).json) > rev(at)
        for path in (collection, everywhere):
            assert api.watch(path, fieldSelector='metadata.name=a').want('ADDED', 'a')
        assert api.delete(where).want(200).json['status'] == 'Success'
        post(api, plural, obj)
        assert len(api.delete(collection).want(200).json['items']) == 1
        api.post(everywhere, obj).want(405)


@proves('18.1.5')
def test_version(api):
    got = api.get('/version').want(200).json
    assert {'major', 'minor', 'gitVersion', 'gitCommit', 'gitTreeState', 'buildDate', 'goVersion', 'compiler', 'platform'} <= set(got), got
    assert (got['major'], got['minor']) == ('1', '36') and got['gitVersion'].startswith('v1.36.')


@proves('18.2.2')
def test_yaml(api):
    text = 'metadata:\n  name: a\ndata:\n  x: "1"\n'
    got = api.call('POST', api.path('configmaps'), text, Content_Type='application/yaml').want(201).json
    assert got['data'] == {'x': '1'}


@proves('18.2.5')
def test_times(api):
    sent = {'metadata': {'name': 'a'}, 'spec': {'acquireTime': '2026-01-02T03:04:05.100000Z', 'renewTime': '2026-01-02T05:04:05.123456+02:00'}}
    got = post(api, 'leases', sent)
    assert (got['spec']['acquireTime'], got['spec']['renewTime']) == ('2026-01-02T03:04:05.100000Z', '2026-01-02T03:04:05.123456Z')
    assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ', got['metadata']['creationTimestamp'])
    status = {'conditions': [{'type': 'A', 'status': 'True', 'reason': 'R', 'message': '', 'lastTransitionTime': '2026-01-02T05:04:05.9+02:00'}]}
    post(api, 'services', service('a'))
    got = api.patch(api.path('services', 'a', 'status'), {'status': status}).want(200).json
    assert got['status']['conditions'][0]['lastTransitionTime'] == '2026-01-02T03:04:05Z'


@proves('18.3.3')
def test_all_odd_fields_are_told(api):
    raw = ('{"kind":"Service","apiVersion":"v1","metadata":{"name":"a"},'
           '"spec":{"foo":1,"ports":[{"port":1,"bar":2}],"type":"ClusterIP","type":"ClusterIP"}}')
    st = api.post(api.path('services') + '?fieldValidation=Strict', raw, Content_Type=JSON).fails(400, 'BadRequest')
    head, told = st['message'].split(': strict decoding error: ')
    assert head == 'Service in version "v1" cannot be handled as a Service'
    assert sorted(told.split(', ')) == ['duplicate field "spec.type"', 'unknown field "spec.foo"', 'unknown field "spec.ports[0].bar"'], told


# (rules, query, what is told of it).
OPTIONS_OF_CREATES = [
    ('18.4.1', 'fieldValidation=Bad', 'fieldValidation: Unsupported value: "Bad": supported values: "", "Ignore", "Strict", "Warn"'),
    ('18.4.2', 'fieldManager=' + 'x' * 129, 'fieldManager: Too long: may not be more than 128 bytes'),
    ('18.4.3', 'dryRun=Some', 'dryRun: Unsupported value: ["Some"]: supported values: "All"'),
    ('18.4.3', 'dryRun=Some&dryRun=All', 'dryRun: Unsupported value: ["Some","All"]: supported values: "All"'),
    ('18.4.3', 'dryRun=All&dryRun=All', None),
    ('18.4.1', 'fieldValidation=Ignore', None),
    ('18.4.6 18.2.8', 'pretty=true&nonsense=1&timeout=30s&force=true', None),
]


@proves(*rules_of(OPTIONS_OF_CREATES))
def test_options(api):
    def one(query, want):
        answer = api.post(api.path('configmaps') + '?' + query, {'metadata': {'generateName': 'a'}})
        if want:
            assert answer.causes() == [want] and answer.json['details']['kind'] == 'CreateOptions', answer.raw
        else:
            answer.want(201)
    all_of((f'{rules} {query[:40]}', lambda q=query, w=want: one(q, w)) for rules, query, want in OPTIONS_OF_CREATES)
    told = api.post(api.path('configmaps') + '?fieldManager=%01', config_map('a')).causes()
    assert told[0].startswith('fieldManager: Invalid value: ') and told[0].endswith(': invalid character U+0001 (at position 0)'), told


def fetch(api, path, encoding, body=None, **headers):
    """The status and the whole body, unpacked; the encodings that the answer names."""
    answer = api.call('POST' if body else 'GET', path, body, Accept_Encoding=encoding, **headers)
    named = answer.headers.get('Content-Encoding')
    if named:
        assert named == 'gzip' and 'Accept-Encoding' in ', '.join(answer.headers.get_all('Vary')), answer.headers
    return answer.status, gzip.decompress(answer.raw) if named else answer.raw, named


def fetch_as(api, path, encoding, **headers):
    """What is answered to those who accept this encoding: the plain length, the encoding. The same as others are told, at a
    moment when the revision of a list is the same, too."""
    while True:
        before, got, after = (fetch(api, path, e, **headers) for e in ('identity', encoding, 'identity'))
        if before == after:
            break
    assert (before[0], before[2]) == (200, None) and got[:2] == before[:2], (path, encoding, headers)
    return len(got[1]), got[2]


@proves('18.2.9')
def test_long_answers_are_compressed_for_those_who_accept_it(api):
    where = api.path('configmaps')
    for i in range(3):
        post(api, 'configmaps', config_map(f'c{i}', x=f'{i}' * 60000))
    for query, wanted in (('', 'gzip'), ('?limit=2', None)):
        for accept in (JSON, 'application/vnd.kubernetes.protobuf'):
            for encoding in ('gzip', 'identity, gzip', ' gzip ,br'):
                length, named = fetch_as(api, where + query, encoding, Accept=accept)
                assert (length > 128 * 1024) == bool(wanted) and named == wanted, (query, accept, encoding)
            for encoding in ('gzip;q=0', 'gzip; q=0.0', 'br', 'identity', ''):
                assert fetch_as(api, where + query, encoding, Accept=accept)[1] is None, (query, accept, encoding)
    for i in range(3, 25):
        post(api, 'configmaps', config_map(f'c{i}', x=f'{i} ' * 20000))
    length, named = fetch_as(api, where, 'gzip')
    assert length > 1024 * 1024 and named == 'gzip'


@proves('18.2.9')
def test_answers_to_writes_failures_and_documents_are_compressed_too(api):
    where, long = api.path('configmaps') + '?dryRun=All', 'x' * 140000
    status, plain, named = fetch(api, where, 'gzip', json.dumps(config_map('a', x=long)), Content_Type=JSON)
    assert (status, named) == (201, 'gzip') and json.loads(plain)['data'] == {'x': long}
    status, plain, named = fetch(api, where, 'gzip', json.dumps(config_map('a', **{long: 'x'})), Content_Type=JSON)
    assert (status, named) == (422, 'gzip') and json.loads(plain)['reason'] == 'Invalid'
    status, plain, named = fetch(api, '/openapi/v2', 'gzip')
    assert (status, named) == (200, 'gzip') and json.loads(plain)['swagger'] == '2.0'
    assert fetch(api, '/openapi/v2', 'identity') == (200, plain, None) and fetch(api, '/openapi/v2', 'gzip') == (200, plain, 'gzip')
    assert fetch(api, '/api/v1', 'gzip')[2] is None


@proves('18.2.9')
def test_watches_are_not_compressed(api):
    for i in range(3):
        post(api, 'configmaps', config_map(f'c{i}', x=f'{i}' * 60000))
    watch = Watch(api, api.path('configmaps'), {'watch': 'true'}, **{'Accept-Encoding': 'gzip'})
    assert watch.status == 200 and 'Content-Encoding' not in watch.headers
    assert {watch.want('ADDED')['metadata']['name'] for i in range(3)} == {'c0', 'c1', 'c2'}
    watch.close()


@proves('18.2.10')
def test_bodies_are_taken_as_they_are(api):
    where, raw = api.path('configmaps') + '?dryRun=All', json.dumps(dict(config_map('a', x='1'), kind='ConfigMap', apiVersion='v1')).encode()
    api.post(where, gzip.compress(raw), Content_Type=JSON, Content_Encoding='gzip').fails(400, 'BadRequest')
    api.post(where, raw, Content_Type=JSON, Content_Encoding='gzip').want(201)


@proves('18.5.1', '18.5.2', '18.5.3', '18.5.4')
def test_patches_that_are_none(api):
    where = api.path('configmaps', 'a')
    made = post(api, 'configmaps', config_map('a', x='1'))
    for kind in (MERGE, STRATEGIC):
        for body in ('[]', '1', 'x', ''):
            api.call('PATCH', where, body, Content_Type=kind).fails(400, 'BadRequest')
    for body in ('{}', '1', 'x', ''):
        api.call('PATCH', where, body, Content_Type=JSON_PATCH).fails(400, 'BadRequest')
    for op in ({'op': 'remove', 'path': '/none'}, {'op': 'test', 'path': '/data/x', 'value': '2'},
               {'op': 'add', 'path': '/a/b/c', 'value': '2'}, {'op': 'move', 'from': '/none', 'path': '/data/z'}):
        api.patch(where, [op], JSON_PATCH).fails(422, 'Invalid')
    api.patch(where, [{'op': 'test', 'path': '/data/x', 'value': '1'}] * 10001, JSON_PATCH).fails(413, 'RequestEntityTooLarge')
    st = api.call('PATCH', where, '{}', Content_Type='text/plain').fails(415, 'UnsupportedMediaType')
    assert st['message'] == '415: Unsupported Media Type', st
    assert api.get(where).json == made


# (rules, plural, object, strategic patch, path in the object, what is there then).
PORTS = [{'name': 'a', 'port': 80}, {'name': 'b', 'port': 81}]
CONTAINER = {'name': 'c', 'image': 'i', 'env': [{'name': 'A', 'value': '1'}, {'name': 'B', 'value': '2'}], 'ports': [{'containerPort': 80, 'name': 'x'}],
             'volumeMounts': [{'mountPath': '/a', 'name': 'v'}]}
FULL_POD = {'metadata': {'name': 'a'}, 'spec': {'containers': [CONTAINER], 'volumes': [{'name': 'v', 'emptyDir': {}}]}}
STRATEGIC_PATCHES = [
    ('18.5.8', 'configmaps', config_map('a', x='1', y='2'), {'data': {'x': None, 'z': '3'}}, 'data', {'y': '2', 'z': '3'}),
    ('18.5.8', 'configmaps', config_map('a', x='1'), {'data': {'$patch': 'replace', 'z': '3'}}, 'data', {'z': '3'}),
    ('18.5.8', 'configmaps', config_map('a', x='1'), {'data': {'$patch': 'delete'}}, 'data', None),
    ('18.5.8 18.5.11', 'services', service('a', ports=((80, 'a'), (81, 'b'))), {'spec': {'ports': [{'port': 80, '$patch': 'delete'}]}}, 'spec.ports.port', [81]),
    ('18.5.8', 'services', service('a', ports=((80, 'a'), (81, 'b'))), {'spec': {'ports': [{'$patch': 'replace'}, {'port': 82}]}}, 'spec.ports.port', [82]),
    ('18.5.11', 'services', service('a', ports=((80, 'a'), (81, 'b'))), {'spec': {'ports': [{'port': 81, 'targetPort': 8}, {'port': 82, 'name': 'c'}]}},
     'spec.ports.targetPort', [8, 80, 82]),
    ('18.5.11', 'services', service('a', selector={'a': 'b'}), {'spec': {'selector': {'c': 'd'}}}, 'spec.selector', {'a': 'b', 'c': 'd'}),
    ('18.5.11', 'services', service('a', externalIPs=['192.0.2.1']), {'spec': {'externalIPs': ['192.0.2.2']}}, 'spec.externalIPs', ['192.0.2.2']),
    ('18.5.9', 'services', service('a', ports=((80, 'a'), (81, 'b'))), {'spec': {'$setElementOrder/ports': [{'port': 81}, {'port': 80}]}},
     'spec.ports.port', [81, 80]),
    ('18.5.9 18.5.13', 'services', merged(service('a'), {'metadata': {'finalizers': ['example.com/a', 'example.com/b']}}),
     {'metadata': {'$deleteFromPrimitiveList/finalizers': ['example.com/a']}}, 'metadata.finalizers', ['example.com/b']),
    ('18.5.13', 'services', merged(service('a'), {'metadata': {'finalizers': ['example.com/a']}}),
     {'metadata': {'finalizers': ['example.com/b']}}, 'metadata.finalizers', ['example.com/b', 'example.com/a']),
    ('18.5.13', 'services', merged(service('a'), {'metadata': {'ownerReferences': [dict(OWNER, uid='u'), dict(OWNER, uid='v')]}}),
     {'metadata': {'ownerReferences': [{'uid': 'u', '$patch': 'delete'}, dict(OWNER, uid='w')]}}, 'metadata.ownerReferences.uid', ['w', 'v']),
    ('18.5.12', 'endpoints', {'metadata': {'name': 'a'}, 'subsets': [{'addresses': [{'ip': '192.0.2.1'}]}]},
     {'subsets': [{'addresses': [{'ip': '192.0.2.2'}]}]}, 'subsets', [{'addresses': [{'ip': '192.0.2.2'}]}]),
    ('18.5.12', 'endpointslices', {'metadata': {'name': 'a'}, 'addressType': 'IPv4', 'endpoints': [{'addresses': ['192.0.2.1']}], 'ports': PORTS},
     {'endpoints': [{'addresses': ['192.0.2.2']}], 'ports': [{'name': 'a', 'port': 82}]}, 'endpoints.addresses', [['192.0.2.2']]),
    ('18.5.12', 'endpointslices', {'metadata': {'name': 'a'}, 'addressType': 'IPv4', 'endpoints': [], 'ports': PORTS},
     {'ports': [{'name': 'a', 'port': 82}]}, 'ports.port', [82]),
    ('18.5.14', 'pods', POD, {'spec': {'containers': [{'name': 'c', 'image': 'j'}]}}, 'spec.containers.image', ['j']),
    ('18.5.15', 'nodes', {'metadata': {'name': 'a'}, 'spec': {'taints': [{'key': 'a', 'effect': 'NoSchedule'}]}},
     {'spec': {'taints': [{'key': 'b', 'effect': 'NoSchedule'}]}}, 'spec.taints.key', ['b']),
]


def at(obj, path):
    """The value at a path of names; of each item where it goes through a list."""
    for name in path.split('.'):
        obj = [item.get(name) for item in obj] if isinstance(obj, list) else obj.get(name)
    return obj


@proves('18.5.8', *rules_of(STRATEGIC_PATCHES))
def test_strategic_patches(api):
    def one(plural, obj, patch, path, want):
        where = api.path(plural)
        if plural == 'nodes':
            where, obj = '/api/v1/nodes', merged(obj, {'metadata': {'name': 'n-' + api.ns[-40:]}})
        name = obj['metadata']['name']
        api.post(where, obj).want(201)
        answer = api.patch(f'{where}/{name}', patch, STRATEGIC)
        api.patch(f'{where}/{name}', {'metadata': {'finalizers': None}})
        api.delete(f'{where}/{name}?gracePeriodSeconds=0').want(200)
        got = at(answer.want(200).json, path)
        assert (sorted(got) if path.endswith(('.port', '.targetPort')) and '$set' not in str(patch) else got) == want, got
    all_of((f'{row[0]} {row[1]} {row[3]}', lambda r=row: one(*r[1:])) for row in STRATEGIC_PATCHES)


@proves('18.5.10', '18.5.14')
def test_strategic_patches_of_templates(api):
    labels = {'a': 'b'}
    sent = {'metadata': {'name': 'a'}, 'spec': {'replicas': 0, 'selector': {'matchLabels': labels}, 'strategy': {'type': 'RollingUpdate'},
                                                'template': {'metadata': {'labels': labels}, 'spec': merged(FULL_POD['spec'], {})}}}
    where = f'/apis/apps/v1/namespaces/{api.ns}/deployments'
    api.post(where, sent).want(201)
    container = {'name': 'c', 'env': [{'name': 'A', '$patch': 'delete'}, {'name': 'C', 'value': '3'}], 'ports': [{'containerPort': 81}],
                 'volumeMounts': [{'mountPath': '/b', 'name': 'v'}]}
    spec = {'containers': [container], 'volumes': [{'name': 'v', '$retainKeys': ['name', 'hostPath'], 'hostPath': {'path': '/x'}}]}
    patch = {'spec': {'strategy': {'$retainKeys': ['type'], 'type': 'Recreate'}, 'template': {'spec': spec}}}
    got = api.patch(where + '/a', patch, STRATEGIC).want(200).json['spec']
    assert got['strategy'] == {'type': 'Recreate'}, got['strategy']
    c, volume = got['template']['spec']['containers'][0], got['template']['spec']['volumes'][0]
    assert {e['name'] for e in c['env']} == {'B', 'C'} and c['image'] == 'i', c
    assert {p['containerPort'] for p in c['ports']} == {80, 81} and {m['mountPath'] for m in c['volumeMounts']} == {'/a', '/b'}, c
    assert set(volume) == {'name', 'hostPath'}, volume


@proves('18.5.11', '18.5.15')
def test_strategic_patches_of_status(api):
    where = '/api/v1/nodes/n-' + api.ns[-40:]
    api.post('/api/v1/nodes', {'metadata': {'name': where.split('/')[-1]}}).want(201)
    for part, key in ((('A', '192.0.2.1'), 'A'), (('B', '192.0.2.2'), 'B'), (('A', '192.0.2.3'), 'A')):
        status = {'addresses': [{'type': part[0], 'address': part[1]}], 'conditions': [{'type': key, 'status': 'True'}]}
        got = api.patch(where + '/status', {'status': status}, STRATEGIC).want(200).json['status']
    assert sorted((a['type'], a['address']) for a in got['addresses']) == [('A', '192.0.2.3'), ('B', '192.0.2.2')], got
    assert {c['type'] for c in got['conditions']} == {'A', 'B'}, got
    api.patch(where, {'spec': {'podCIDR': '192.0.2.0/25', 'podCIDRs': ['192.0.2.0/25']}}, STRATEGIC).want(200)
    api.delete(where).want(200)
    post(api, 'services', service('a', type='LoadBalancer'))
    for ip in ('192.0.2.1', '192.0.2.2'):
        status = {'loadBalancer': {'ingress': [{'ip': ip}]}, 'conditions': [
            {'type': 'C' + ip[-1], 'status': 'True', 'reason': 'R', 'message': '', 'lastTransitionTime': '2026-01-02T03:04:05Z'}]}
        got = api.patch(api.path('services', 'a', 'status'), {'status': status}, STRATEGIC).want(200).json['status']
    assert [i['ip'] for i in got['loadBalancer']['ingress']] == ['192.0.2.2'] and {c['type'] for c in got['conditions']} == {'C1', 'C2'}, got


@proves('18.6.1', '18.6.2', '18.6.3', '18.6.4')
def test_options_of_deletions(api):
    where = api.path('configmaps', 'a')
    want = ['propagationPolicy: Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set']
    made = post(api, 'configmaps', config_map('a'))
    assert api.delete(where, {'propagationPolicy': 'Orphan', 'orphanDependents': True}).causes() == want
    assert api.delete(where, {'propagationPolicy': 'Bad'}).causes() == [
        'propagationPolicy: Unsupported value: "Bad": supported values: "Foreground", "Background", "Orphan", "nil"']
    uid = '00000000-0000-4000-8000-000000000000'
    for pre, text in (({'uid': uid}, f'the UID in the precondition ({uid}) does not match the UID in record ({made["metadata"]["uid"]})'),
                      ({'resourceVersion': '1'}, f'the ResourceVersion in the precondition (1) does not match the ResourceVersion in record ({rev(made)})')):
        api.delete(where, {'preconditions': pre}).fails(409, 'Conflict', text)
    api.delete(where, {'kind': 'DeleteOptions', 'apiVersion': 'v1', 'dryRun': ['All'], 'preconditions': {'uid': made['metadata']['uid']}}).want(200)
    assert api.get(where).want(200).json == made
    for name, query, body, finalizers in (('b', '?propagationPolicy=Foreground', None, ['foregroundDeletion']), ('c', '', {'propagationPolicy': 'Orphan'}, ['orphan']),
                                          ('d', '', {'orphanDependents': True}, ['orphan']), ('e', '?gracePeriodSeconds=0', None, None),
                                          ('f', '', {'propagationPolicy': 'Background', 'kind': 'DeleteOptions', 'apiVersion': 'meta.k8s.io/v1'}, None)):
        post(api, 'configmaps', config_map(name))
        got = api.delete(api.path('configmaps', name) + query, body).want(200).json
        assert got['metadata'].get('finalizers') == finalizers, (name, got)
        assert api.get(api.path('configmaps', name)).status == (200 if finalizers else 404), name
        api.patch(api.path('configmaps', name), {'metadata': {'finalizers': None}})


# (rules, plural, object, field selectors that find it, ones that do not).
EVENT = {'metadata': {'name': 'a'}, 'reason': 'R', 'type': 'Normal', 'source': {'component': 'c'}, 'reportingComponent': 'r'}
SELECTED = [
    ('18.7.8 18.7.9', 'services', service('a', clusterIP='None'), ['spec.clusterIP=None', 'spec.type==ClusterIP', 'spec.type!=NodePort,metadata.name=a'],
     ['spec.clusterIP=10.96.0.9', 'spec.type=NodePort']),
    ('18.7.9', 'pods', POD, ['spec.nodeName=', 'spec.restartPolicy=Always', 'spec.schedulerName=default-scheduler', 'status.phase=Pending',
                             'spec.serviceAccountName=', 'spec.hostNetwork=false', 'status.podIP=', 'status.nominatedNodeName='],
     ['spec.nodeName=x', 'status.phase=Running', 'spec.hostNetwork=true']),
    ('18.7.9', 'secrets', {'metadata': {'name': 'a'}, 'type': 'example.com/x'}, ['type=example.com/x'], ['type=Opaque']),
    ('18.7.9', 'events', EVENT, ['reason=R', 'type=Normal', 'source=c', 'involvedObject.kind=Thing', 'involvedObject.name=p', 'reportingComponent=r'],
     ['reason=S', 'involvedObject.name=q']),
]


@proves('18.7.8', '18.7.9', '18.3.2', *rules_of(SELECTED))
def test_field_selectors(api):
    def one(plural, obj, finds, misses):
        if plural == 'events':
            obj = merged(obj, {'involvedObject': {'kind': 'Thing', 'name': 'p', 'namespace': api.ns}})
        post(api, plural, obj)
        for selectors, n in ((finds, 1), (misses, 0)):
            for selector in selectors:
                got = api.get(api.path(plural) + '?fieldSelector=' + selector.replace('=', '%3D')).want(200).json['items']
                assert len(got) == n, (selector, n)
        api.delete(api.path(plural, 'a') + '?gracePeriodSeconds=0').want(200)
    all_of((f'{row[0]} {row[1]}', lambda r=row: one(*r[1:])) for row in SELECTED)
    assert [o['metadata']['name'] for o in api.get('/api/v1/namespaces?fieldSelector=status.phase%3DActive,metadata.name%3D' + api.ns).json['items']] == [api.ns]
    st = api.get(api.path('configmaps') + '?fieldSelector=data.x%3D1').fails(400, 'BadRequest')
    assert '"data.x" is not a known field selector: only "metadata.name", "metadata.namespace"' in st['message'], st
    api.get(api.path('services') + '?fieldSelector=spec.x%3D1').fails(400, 'BadRequest', 'field label not supported: spec.x')


@proves('18.8.10')
def test_revisions_are_of_all_kinds(api):
    revs = [rev(post(api, plural, obj)) for plural, obj in (('configmaps', config_map('a')), ('secrets', {'metadata': {'name': 'a'}}),
                                                            ('configmaps', config_map('b')))]
    assert revs == sorted(set(revs)) and rev(api.get(api.path('secrets')).json) >= revs[2], revs


@proves('18.11.1', '18.11.2', '18.11.3', '18.11.4')
def test_openapi(api):
    index = api.get('/openapi/v3').want(200).json['paths']
    for version in ('api/v1', 'apis/discovery.k8s.io/v1', 'apis/networking.k8s.io/v1', 'apis/coordination.k8s.io/v1', 'apis/apps/v1'):
        assert re.fullmatch(f'/openapi/v3/{version}' r'\?hash=\w+', index[version]['serverRelativeURL']), index[version]
    doc = api.get(index['api/v1']['serverRelativeURL']).want(200).json
    assert doc['openapi'].startswith('3.0')
    patch = doc['paths']['/api/v1/namespaces/{namespace}/services/{name}']['patch']
    assert patch['x-kubernetes-group-version-kind'] == {'group': '', 'kind': 'Service', 'version': 'v1'}, patch
    assert [p['in'] for p in patch['parameters'] if p.get('name') == 'fieldValidation'] == ['query']
    assert {STRATEGIC, MERGE, JSON_PATCH} <= set(patch['requestBody']['content'])
    schemas = doc['components']['schemas']
    assert {'group': '', 'kind': 'Service', 'version': 'v1'} in schemas['io.k8s.api.core.v1.Service']['x-kubernetes-group-version-kind']
    ports = schemas['io.k8s.api.core.v1.ServiceSpec']['properties']['ports']
    assert (ports['x-kubernetes-patch-merge-key'], ports['x-kubernetes-patch-strategy'], ports['x-kubernetes-list-map-keys']) == ('port', 'merge', ['port', 'protocol'])
    assert ports['description'] and ports['x-kubernetes-list-type'] == 'map'
    old = api.get('/openapi/v2').want(200).json
    assert old['swagger'] == '2.0' and '/api/v1/namespaces/{namespace}/services/{name}' in old['paths']
    proto = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf'
    assert b'2.0' in api.get('/openapi/v2', Accept=proto).want(200).raw[:20]


@proves('18.3.12', '18.3.9')
def test_how_causes_are_shown(api):
    sent = merged(service('a'), {'spec': {'ports': [{'port': 80, 'nodePort': 30999}, {'port': 80, 'name': 'A'}], 'sessionAffinity': 'x', 'externalIPs': ['x']}})
    answer = api.post(api.path('services'), sent)
    assert [c.split(': ')[1] for c in answer.causes()] == [
        'Required value', 'Invalid value', 'Unsupported value', 'Invalid value', 'Forbidden', 'Duplicate value'], answer.causes()
    st = api.post(api.path('endpointslices'), {'metadata': {'name': 'a'}, 'addressType': 'x', 'endpoints': []}).fails(422, 'Invalid')
    assert st['message'].startswith('EndpointSlice.discovery.k8s.io "a" is invalid: addressType: '), st
    assert (st['details']['group'], st['details']['kind'], st['details']['name']) == ('discovery.k8s.io', 'EndpointSlice', 'a'), json.dumps(st)
