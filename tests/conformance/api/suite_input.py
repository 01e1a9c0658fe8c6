# SPDX-License-Identifier: Apache-2.0
"""Bodies that no client should send: each gets its reason, and the server goes on."""
import json

from api import APPLY, JSON_PATCH, Skip, config_map, ours, proves, service

JSON = 'application/json'


def post(api, raw, kind=JSON, plural='services'):
    return api.call('POST', api.path(plural), raw, Content_Type=kind)


def test_truncated(api):
    whole = json.dumps(service('a'))
    for n in range(0, len(whole) - 1, 7):
        post(api, whole[:n]).fails(400, 'BadRequest')


@ours('texts of 400 are our own')
def test_not_json(api):
    for raw in (b'\xff\xfe{}', b'{"a":"\xc3\x28"}', b"{'a':1}", b'{"a":01}', b'{"a":1,}', b'{}{}', b'nonsense', b'{"a":"\\ud800"}'):
        post(api, raw).fails(400, 'BadRequest', 'JSON')


@ours('texts of 400 are our own')
def test_not_an_object(api):
    for raw in ('[]', '1', '"x"', 'null', 'true'):
        post(api, raw).fails(400, 'BadRequest', 'object')


@ours('the limit is our own (docs/api.md)')
def test_deep(api):
    post(api, '{"metadata":' * 1000 + '1' + '}' * 1000).fails(400, 'BadRequest')
    post(api, '[' * 500000).fails(400, 'BadRequest')


@proves('18.2.7')
def test_huge(api):
    answer = post(api, json.dumps(config_map('a', x='x' * (3 * 1024 * 1024))), plural='configmaps')
    assert answer.status == 413, answer.status
    post(api, json.dumps(config_map('a', x='x' * (1000 * 1024))), plural='configmaps').want(201)


@ours('what a stock server says of it is 500')
def test_an_object_that_becomes_too_large(api):
    """Of a request that is not; etcd has its own limit."""
    where = api.path('endpoints', 'a')
    subset = lambda port: {'addresses': [{'ip': '192.0.2.1', 'targetRef': {'name': 'x' * 2200000}}], 'ports': [{'port': port}]}
    made = api.post(api.path('endpoints'), {'metadata': {'name': 'a'}, 'subsets': [subset(1)]})
    if api.server.store == 'etcd':
        made.fails(413, 'RequestEntityTooLarge')
        return
    made.want(201)
    for query in ('?dryRun=All', ''):
        answer = api.patch(where + query, [{'op': 'add', 'path': '/subsets/-', 'value': subset(2)}], JSON_PATCH)
        st = answer.fails(413, 'RequestEntityTooLarge', 'endpoints "a" is too large', '4194304 are the limit')
        assert st['details'] == {'name': 'a', 'kind': 'endpoints'}, st
    assert len(api.get(where).want(200).json['subsets']) == 1
    api.delete(where).want(200)


@proves('18.3.2')
def test_wrong_types(api):
    for path, value in ((['spec'], []), (['spec', 'ports'], {}), (['spec', 'ports', 0, 'port'], 'x'), (['spec', 'type'], 1),
                        (['metadata', 'labels'], [1]), (['metadata', 'name'], 5), (['spec', 'selector'], {'a': 1}),
                        (['spec', 'ports', 0, 'port'], 1.5), (['spec', 'ports', 0, 'port'], 1 << 40)):
        sent = service('a')
        at = sent
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = value
        api.post(api.path('services'), sent).fails(400, 'BadRequest', 'cannot be handled as a Service')


@ours('texts of 400 are our own')
def test_wrong_kind(api):
    sent = service('a')
    sent['kind'] = 'Pod'
    api.post(api.path('services'), sent).fails(400, 'BadRequest', 'cannot be handled as a Service')
    sent = service('a')
    sent['apiVersion'] = 'v2'
    api.post(api.path('services'), sent).fails(400, 'BadRequest', 'does not match the expected API version')


@proves('18.2.1')
def test_media_types(api):
    post(api, '<a/>', 'text/xml').fails(415, 'UnsupportedMediaType', 'application/json')
    post(api, json.dumps(service('a')), 'application/json; charset=utf-8').want(201)
    post(api, json.dumps(service('b')), '').want(201)


def test_odd_names_in_paths(api):
    for path in ('%zz', 'a%00b', '%2e%2e', 'a%2fb', 'x' * 300):
        assert api.get(api.path('services') + '/' + path).status in (400, 404)
    assert api.get('/api/v1/namespaces/' + 'n' * 5000 + '/services').status in (200, 404, 414)


def test_nulls_are_absent(api):
    sent = service('a')
    sent['spec']['selector'] = None
    sent['metadata']['labels'] = None
    got = api.post(api.path('services'), sent).want(201).json
    assert 'selector' not in got['spec'] and 'labels' not in got['metadata']


def test_long_lists_cost_no_square(api):
    """Each took half a minute, in which nobody else was answered; whether the store takes them is another matter."""
    ips = [f'10.{i >> 16}.{i >> 8 & 255}.{i & 255}' for i in range(100000)]
    big = {'metadata': {'name': 'big'}}
    api.post(api.path('endpoints'), dict(big, subsets=[{'addresses': [{'ip': ip} for ip in ips], 'ports': [{'port': 80}]}]))
    api.post(api.path('secrets'), dict(big, data={f'a{i}': '' for i in range(80000)}, stringData={f'b{i}': '' for i in range(80000)}))
    two = {'clusterIP': ips[0], 'clusterIPs': ips[:1] * 100000, 'ipFamilies': ['IPv4'] * 100000, 'ports': [{'port': 80}]}
    api.post(api.path('services'), dict(big, spec=two)).want(422)
    api.post(api.path('services'), service('balanced', type='LoadBalancer')).want(201)
    for _ in range(2):
        body = {'status': {'loadBalancer': {'ingress': [{'ip': ip} for ip in ips]}}}
        api.call('PATCH', api.path('services', 'balanced', 'status'), json.dumps(body), Content_Type='application/merge-patch+json')
    api.delete(api.path('services', 'balanced')).want(200)


@ours('a stock server answers 500, and stores protobuf, which is shorter')
def test_more_than_the_store_takes(api):
    """etcd takes 1.5 MiB in one request, its gRPC 2 MiB: trying again would not help."""
    if api.server.store != 'etcd':
        raise Skip('the other stores take what a request may have')
    for n, text in ((75000, 'request is too large'), (110000, 'larger than max')):
        ips = [f'10.{i >> 16}.{i >> 8 & 255}.{i & 255}' for i in range(n)]
        big = {'metadata': {'name': 'big'}, 'subsets': [{'addresses': [{'ip': ip} for ip in ips], 'ports': [{'port': 80}]}]}
        api.post(api.path('endpoints'), big).fails(413, 'RequestEntityTooLarge', text)


@ours('a stock server takes its time, and has more than one thread')
def test_repeated_members_cost_no_square(api):
    """Each takes a fraction of a second; by walking it was minutes."""
    keys = [f'"k{i}":0' for i in range(100000)]
    raw = '{"kind":"Nothing","apiVersion":"v1",' + ','.join(keys + keys[:1]) + '}'
    api.call('PATCH', api.path('configmaps', 'a') + '?fieldManager=a', raw, Content_Type=APPLY).fails(400, 'BadRequest', 'invalid object type')
    raw = json.dumps({'k' * 100000: [{}] * 100000})
    api.call('PATCH', api.path('configmaps', 'a') + '?fieldManager=a', raw, Content_Type=APPLY).fails(400, 'BadRequest')
    labels = [json.dumps({'labels': {f'{letter}{i}': '' for i in range(100000)}}) for letter in 'ab']
    raw = '{"metadata":%s,"metadata":%s,"spec":{"nonResourceAttributes":{"path":"/","verb":"get"}}}' % tuple(labels)
    api.call('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', raw, Content_Type=JSON).want(201)


def test_the_server_still_stands(api):
    api.post(api.path('services'), service('a')).want(201)
