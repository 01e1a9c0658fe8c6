# SPDX-License-Identifier: Apache-2.0
"""Lists: selectors, pages, revisions, formats (service-api.md sections 17 and 18.7)."""
import base64
import json
import urllib.parse

from api import Skip, compact_etcd, config_map, proves, rev, service

TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json'
PARTIAL = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io'


def fill(api, n=7):
    for i in range(n):
        api.post(api.path('configmaps'), config_map(f'c{i}', {'odd': str(i % 2), 'n': str(i)}, x='1')).want(201)


def get(api, **query):
    return api.get(api.path('configmaps') + '?' + urllib.parse.urlencode(query))


def names(obj):
    return [o['metadata']['name'] for o in obj['items']]


@proves('18.2.4')
def test_empty_list(api):
    got = get(api).want(200).json
    assert got['kind'] == 'ConfigMapList' and got['apiVersion'] == 'v1' and got['items'] == [] and rev(got) > 0


@proves('18.2.4', '18.7.10')
def test_items_have_no_kind_and_are_sorted(api):
    for name in ('b', 'a-1', 'a', 'c'):
        api.post(api.path('configmaps'), config_map(name)).want(201)
    got = get(api).want(200).json
    assert names(got) == ['a', 'a-1', 'b', 'c']
    assert all('kind' not in o and 'apiVersion' not in o and rev(o) <= rev(got) for o in got['items'])


@proves('18.7.1')
def test_pages_are_of_one_revision(api):
    fill(api)
    one = get(api, limit=3).want(200).json
    assert names(one) == ['c0', 'c1', 'c2'] and one['metadata']['remainingItemCount'] == 4
    api.delete(api.path('configmaps', 'c4')).want(200)
    api.post(api.path('configmaps'), config_map('c3x')).want(201)
    api.patch(api.path('configmaps', 'c5'), {'data': {'x': '2'}}).want(200)
    two = get(api, limit=3, **{'continue': one['metadata']['continue']}).want(200).json
    assert names(two) == ['c3', 'c4', 'c5'] and rev(two) == rev(one)
    assert two['items'][2]['data'] == {'x': '1'} and two['metadata']['remainingItemCount'] == 1
    three = get(api, limit=3, **{'continue': two['metadata']['continue']}).want(200).json
    assert names(three) == ['c6'] and rev(three) == rev(one) and 'continue' not in three['metadata']


@proves('18.7.1')
def test_pages_with_a_selector(api):
    fill(api)
    one = get(api, limit=2, labelSelector='odd=0').want(200).json
    assert names(one) == ['c0', 'c2'] and 'remainingItemCount' not in one['metadata']
    api.delete(api.path('configmaps', 'c6')).want(200)
    two = get(api, limit=2, labelSelector='odd=0', **{'continue': one['metadata']['continue']}).want(200).json
    assert names(two) == ['c4', 'c6'] and 'continue' not in two['metadata']


@proves('18.7.2')
def test_bad_tokens(api):
    for token in ('x', '!!', 'e30'):
        get(api, limit=2, **{'continue': token}).fails(400, 'BadRequest', 'continue')


@proves('18.7.3', '18.3.8')
def test_tokens_that_are_too_old(api):
    fill(api, 3)
    one = get(api, limit=1).want(200).json
    if api.server.store == 'etcd':
        compact_etcd(api, rev(one))
    elif api.server.binary:
        raise Skip('what this store was is known for minutes')
    token = json.loads(base64.urlsafe_b64decode(one['metadata']['continue'] + '=='))
    token['rv'] = 1
    old = base64.urlsafe_b64encode(json.dumps(token).encode()).decode().rstrip('=')
    st = get(api, limit=1, **{'continue': old}).fails(410, 'Expired', 'The provided continue parameter is too old')
    assert names(get(api, **{'continue': st['metadata']['continue']}).want(200).json) == ['c1', 'c2']
    get(api, resourceVersion=1, resourceVersionMatch='Exact').fails(410, 'Expired', 'too old')


@proves('18.7.7', '18.3.2')
def test_label_selectors(api):
    fill(api)
    for text, want in (('odd=1', ['c1', 'c3', 'c5']), ('odd!=1', ['c0', 'c2', 'c4', 'c6']), ('n in (1,2),odd=0', ['c2']),
                       ('n notin (0,1,2,3,4)', ['c5', 'c6']), ('odd', [f'c{i}' for i in range(7)]), ('!odd', []), ('n>4', ['c5', 'c6'])):
        assert names(get(api, labelSelector=text).want(200).json) == want, text
    get(api, labelSelector='a in').fails(400, 'BadRequest')


@proves('18.7.8')
def test_field_selectors(api):
    fill(api, 3)
    assert names(get(api, fieldSelector='metadata.name=c1').want(200).json) == ['c1']
    assert names(get(api, fieldSelector='metadata.name!=c1').want(200).json) == ['c0', 'c2']
    assert names(get(api, fieldSelector='metadata.namespace=' + api.ns).want(200).json) == ['c0', 'c1', 'c2']
    assert names(get(api, fieldSelector='metadata.namespace=other').want(200).json) == []
    assert names(get(api, fieldSelector='metadata.name=c1,metadata.name=c2').want(200).json) == []
    get(api, fieldSelector='data.x=1').fails(400, 'BadRequest')
    api.post(api.path('services'), service('a', type='NodePort')).want(201)
    api.post(api.path('services'), service('b')).want(201)
    got = api.get(api.path('services') + '?fieldSelector=spec.type%3DNodePort').want(200).json
    assert names(got) == ['a']


@proves('18.7.4', '18.7.5')
def test_revisions(api):
    fill(api, 2)
    then = rev(get(api).json)
    api.post(api.path('configmaps'), config_map('late')).want(201)
    exact = get(api, resourceVersion=then, resourceVersionMatch='Exact').want(200).json
    assert names(exact) == ['c0', 'c1'] and rev(exact) == then
    for match in ({}, {'resourceVersionMatch': 'NotOlderThan'}):
        assert names(get(api, resourceVersion=then, **match).want(200).json) == ['c0', 'c1', 'late']
    assert len(names(get(api, resourceVersion='0').want(200).json)) == 3
    st = get(api, resourceVersion=then + 10 ** 9).fails(504, 'Timeout', 'Too large resource version')
    assert st['details']['causes'][0]['reason'] == 'ResourceVersionTooLarge'


@proves('18.7.6')
def test_bad_options(api):
    for query, field in (({'resourceVersionMatch': 'Exact'}, 'resourceVersionMatch'),
                         ({'resourceVersionMatch': 'Exact', 'resourceVersion': '0'}, 'resourceVersionMatch'),
                         ({'resourceVersionMatch': 'Bad', 'resourceVersion': '1'}, 'resourceVersionMatch'),
                         ({'sendInitialEvents': 'true'}, 'sendInitialEvents')):
        st = get(api, **query).fails(422, 'Invalid', 'ListOptions.meta.k8s.io')
        assert st['details']['causes'][0]['field'] == field, st
    get(api, limit='x').fails(400, 'BadRequest')


def test_as_table(api):
    api.post(api.path('services'), service('a', ports=((80, 'http'),), selector={'b': '2', 'a': '1'})).want(201)
    got = api.get(api.path('services') + '?limit=1', Accept=TABLE).want(200)
    table = got.json
    assert got.headers['Content-Type'] == 'application/json'
    assert [c['name'] for c in table['columnDefinitions']] == ['Name', 'Type', 'Cluster-IP', 'External-IP', 'Port(s)', 'Age', 'Selector']
    cells = table['rows'][0]['cells']
    assert cells[:2] == ['a', 'ClusterIP'] and cells[3:5] == ['<none>', '80/TCP'] and cells[6] == 'a=1,b=2'
    assert table['rows'][0]['object']['metadata']['name'] == 'a'
    one = api.get(api.path('services', 'a') + '?includeObject=Object', Accept=TABLE).want(200).json
    assert one['rows'][0]['object']['spec']['ports'][0]['port'] == 80


def test_as_metadata(api):
    fill(api, 2)
    got = api.get(api.path('configmaps'), Accept=PARTIAL).want(200).json
    assert got['kind'] == 'PartialObjectMetadataList' and names(got) == ['c0', 'c1'] and 'data' not in got['items'][0]


def test_across_namespaces(api):
    fill(api, 2)
    got = api.get('/api/v1/configmaps?labelSelector=odd').want(200).json
    assert {o['metadata']['namespace'] for o in got['items']} >= {api.ns}
