# SPDX-License-Identifier: Apache-2.0
"""PATCH in its three forms (service-api.md section 18.5)."""
import threading

from api import JSON_PATCH, MERGE, STRATEGIC, config_map, proves, rev, service


def test_merge_patch(api):
    api.post(api.path('configmaps'), config_map('a', {'k': 'v'}, x='1', y='2')).want(201)
    got = api.patch(api.path('configmaps', 'a'), {'data': {'x': None, 'z': '3'}}).want(200).json
    assert got['data'] == {'y': '2', 'z': '3'} and got['metadata']['labels'] == {'k': 'v'}


@proves('18.5.2')
def test_json_patch(api):
    api.post(api.path('configmaps'), config_map('a', x='1')).want(201)
    ops = [{'op': 'test', 'path': '/data/x', 'value': '1'}, {'op': 'add', 'path': '/data/y', 'value': '2'},
           {'op': 'remove', 'path': '/data/x'}]
    assert api.patch(api.path('configmaps', 'a'), ops, JSON_PATCH).want(200).json['data'] == {'y': '2'}
    api.patch(api.path('configmaps', 'a'), ops, JSON_PATCH).fails(422, 'Invalid')
    api.patch(api.path('configmaps', 'a'), {'op': 'x'}, JSON_PATCH).want(400)


def test_strategic_patch_merges_ports_by_number(api):
    api.post(api.path('services'), service('a', ports=((80, 'http'), (443, 'https')))).want(201)
    patch = {'spec': {'ports': [{'port': 80, 'targetPort': 8080}, {'port': 443, '$patch': 'delete'}, {'port': 53, 'name': 'dns'}]}}
    ports = api.patch(api.path('services', 'a'), patch, STRATEGIC).want(200).json['spec']['ports']
    assert sorted((p['port'], p['name'], p['targetPort']) for p in ports) == [(53, 'dns', 53), (80, 'http', 8080)]


@proves('18.5.7')
def test_empty_patch_is_no_change(api):
    made = api.post(api.path('services'), service('a')).want(201).json
    for kind in (MERGE, STRATEGIC):
        assert api.patch(api.path('services', 'a'), {}, kind).want(200).json == made
    assert api.patch(api.path('services', 'a'), [], JSON_PATCH).want(200).json == made


@proves('18.5.6')
def test_patch_of_name_or_namespace_is_refused(api):
    api.post(api.path('configmaps'), config_map('a')).want(201)
    api.patch(api.path('configmaps', 'a'), {'metadata': {'name': 'b'}}).fails(400, 'BadRequest', 'does not match the name')
    api.patch(api.path('configmaps', 'a'), {'metadata': {'namespace': 'b'}}).fails(400, 'BadRequest', 'namespace')


def test_patch_of_what_is_missing(api):
    api.patch(api.path('services', 'none'), {}).fails(404, 'NotFound', 'services "none" not found')


def test_patch_with_a_revision_is_conditional(api):
    made = api.post(api.path('configmaps'), config_map('a')).want(201).json
    at = {'metadata': {'resourceVersion': made['metadata']['resourceVersion']}, 'data': {'x': '1'}}
    got = api.patch(api.path('configmaps', 'a'), at).want(200).json
    assert rev(got) > rev(made)
    at['data'] = {'x': '2'}
    api.patch(api.path('configmaps', 'a'), at).fails(409, 'Conflict')


@proves('18.5.5')
def test_patch_is_validated(api):
    api.post(api.path('services'), service('a')).want(201)
    st = api.patch(api.path('services', 'a'), {'spec': {'type': 'Nonsense', 'sessionAffinity': 'Never'}}).fails(422, 'Invalid')
    assert {c['field'] for c in st['details']['causes']} >= {'spec.type', 'spec.sessionAffinity'}


def test_content_types(api):
    api.post(api.path('configmaps'), config_map('a')).want(201)
    st = api.call('PATCH', api.path('configmaps', 'a'), '{}', Content_Type='text/plain').fails(415, 'UnsupportedMediaType')
    assert st['message'] == '415: Unsupported Media Type', st
    api.call('PATCH', api.path('configmaps', 'a'), '[]', Content_Type=MERGE).want(400)


@proves('1.2.10')
def test_patches_at_once_all_count(api):
    api.post(api.path('configmaps'), config_map('a')).want(201)

    def work(n, failures):
        mine = type(api)(api.server)
        for i in range(10):
            if mine.patch(api.path('configmaps', 'a'), {'data': {f'k{n}-{i}': 'x'}}).status != 200:
                failures.append((n, i))

    failures = []
    threads = [threading.Thread(target=work, args=(n, failures)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures and len(api.get(api.path('configmaps', 'a')).json['data']) == 80
