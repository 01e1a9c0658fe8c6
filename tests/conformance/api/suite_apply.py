# SPDX-License-Identifier: Apache-2.0
"""Who owns which field, and server-side apply (service-api.md sections 18.5, 18.9).

Every expectation was seen of a stock server; with STORE "peer" they are asked of it again.
"""
import json

from api import APPLY, JSON_PATCH, MERGE, STRATEGIC, config_map, proves, rev

LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'
HTTP = 'k:{"port":80,"protocol":"TCP"}'
PORT = {HTTP: {'.': {}, 'f:port': {}}}


def service(name='web', labels=None, ports=(80,), **spec):
    meta = {'name': name}
    if labels is not None:
        meta['labels'] = labels
    if ports is not None:
        spec['ports'] = [p if isinstance(p, dict) else {'port': p} for p in ports]
    return {'apiVersion': 'v1', 'kind': 'Service', 'metadata': meta, 'spec': spec}


def apply(api, config, manager='a', sub='', query='', name=None, plural='services'):
    name = name or config['metadata']['name']
    return api.patch(f'{api.path(plural, name, sub)}?fieldManager={manager}{query}', config, APPLY)


def write(api, method, path, body, manager, kind='application/json'):
    join = '&' if '?' in path else '?'
    return api.call(method, f'{path}{join}fieldManager={manager}', body if isinstance(body, str) else json.dumps(body), Content_Type=kind)


def owners(obj):
    """{(manager, operation, subresource): fields}"""
    found = {}
    for e in obj['metadata'].get('managedFields', []):
        assert e['fieldsType'] == 'FieldsV1' and e['apiVersion'], e
        found[e['manager'], e['operation'], e.get('subresource', '')] = e['fieldsV1']
    return found


def same(got, want):
    assert got == want, got


def owned_by(obj, manager, operation='Apply', sub=''):
    return owners(obj).get((manager, operation, sub))


def conflicts(answer, *causes):
    st = answer.fails(409, 'Conflict', 'Apply failed with %d conflict' % len(causes))
    got = sorted((c['message'], c['field']) for c in st['details']['causes'])
    assert all(c['reason'] == 'FieldManagerConflict' for c in st['details']['causes'])
    assert got == sorted(('conflict with ' + who, field) for who, field in causes), got
    return st


@proves('18.9.2', '18.9.6', '18.9.7')
def test_a_create_owns_what_it_sends_and_static_defaults(api):
    made = api.post(api.path('services') + '?fieldManager=m', service(labels={'a': 'b'}, selector={'x': 'y'})).want(201).json
    port = {'.': {}, 'f:port': {}, 'f:protocol': {}, 'f:targetPort': {}}
    assert owners(made) == {('m', 'Update', ''): {
        'f:metadata': {'f:labels': {'.': {}, 'f:a': {}}},
        'f:spec': {'f:internalTrafficPolicy': {}, 'f:ports': {'.': {}, HTTP: port}, 'f:selector': {}, 'f:sessionAffinity': {}, 'f:type': {}}}}
    assert made['metadata']['managedFields'][0]['time'].endswith('Z')


@proves('18.9.1')
def test_the_manager_is_the_first_part_of_the_user_agent(api):
    for agent, manager in (('kubectl/v1.36 (linux)', 'kubectl'), ('a b', 'a b'), ('/x', 'unknown'), ('', 'unknown'), ('x' * 200, 'x' * 128)):
        made = api.post(api.path('configmaps'), {'metadata': {'generateName': 'a'}, 'data': {'x': 'y'}}, User_Agent=agent).want(201).json
        assert made['metadata']['managedFields'][0]['manager'] == manager, (agent, made)


@proves('18.9.3')
def test_a_changed_field_moves_to_who_changed_it(api):
    api.post(api.path('configmaps') + '?fieldManager=a', config_map('c', None, x='1', y='2')).want(201)
    got = write(api, 'PATCH', api.path('configmaps', 'c'), {'data': {'x': '3', 'y': '2', 'z': '4'}}, 'b', MERGE).want(200).json
    same(owners(got), {('a', 'Update', ''): {'f:data': {'.': {}, 'f:y': {}}}, ('b', 'Update', ''): {'f:data': {'f:x': {}, 'f:z': {}}}})
    got = write(api, 'PATCH', api.path('configmaps', 'c'), {'data': {'y': None}}, 'c', MERGE).want(200).json
    same(owners(got), {('a', 'Update', ''): {'f:data': {}}, ('b', 'Update', ''): {'f:data': {'f:x': {}, 'f:z': {}}}})
    got = write(api, 'PUT', api.path('configmaps', 'c'), config_map('c', None, q='5'), 'd').want(200).json
    same(owners(got), {('a', 'Update', ''): {'f:data': {}}, ('d', 'Update', ''): {'f:data': {'f:q': {}}}})


@proves('18.9.15')
def test_what_changes_nothing_leaves_owners_and_revision(api):
    made = apply(api, service(selector={'a': 'b'})).want(201).json
    assert apply(api, service(selector={'a': 'b'})).want(200).json == made
    assert write(api, 'PATCH', api.path('services', 'web'), {'spec': {'selector': {'a': 'b'}}}, 'b', STRATEGIC).want(200).json == made


@proves('18.9.2')
def test_status_has_entries_of_its_own(api):
    api.post(api.path('services'), service()).want(201)
    condition = {'type': 'A', 'status': 'True', 'reason': 'R', 'message': '', 'lastTransitionTime': '2020-01-01T00:00:00Z'}
    patch = {'metadata': {'annotations': {'q': 'r'}}, 'spec': {'type': 'NodePort'}, 'status': {'conditions': [condition]}}
    got = write(api, 'PATCH', api.path('services', 'web', 'status'), patch, 's', MERGE).want(200).json
    fields = {'.': {}, 'f:lastTransitionTime': {}, 'f:message': {}, 'f:reason': {}, 'f:status': {}, 'f:type': {}}
    assert owned_by(got, 's', 'Update', 'status') == {
        'f:metadata': {'f:annotations': {'.': {}, 'f:q': {}}}, 'f:status': {'f:conditions': {'.': {}, 'k:{"type":"A"}': fields}}}
    config = {'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': 'web'}, 'status': {'conditions': [dict(condition, status='False')]}}
    conflicts(apply(api, config, 't', 'status'), ('"s" with subresource "status" using v1', '.status.conditions[type="A"].status'))
    got = apply(api, config, 't', 'status', '&force=true').want(200).json
    assert got['status']['conditions'] == [dict(condition, status='False')]
    assert owned_by(got, 't', 'Apply', 'status') == {'f:status': {'f:conditions': {'k:{"type":"A"}': fields}}}


@proves('18.9.5', '18.9.14')
def test_clients_may_reset_owners(api):
    for empty in ([], [{}]):
        api.post(api.path('configmaps'), config_map('c', None, x='1')).want(201)
        got = api.patch(api.path('configmaps', 'c'), {'metadata': {'managedFields': empty}}).want(200).json
        assert 'managedFields' not in got['metadata']
        got = api.patch(api.path('configmaps', 'c'), {'data': {'y': '2'}}).want(200).json
        assert 'managedFields' not in got['metadata']
        config = dict(config_map('c', None, y='3'), apiVersion='v1', kind='ConfigMap')
        conflicts(apply(api, config, plural='configmaps'), ('"before-first-apply" using v1', '.data.y'))
        got = apply(api, config, query='&force=true', plural='configmaps').want(200).json
        same(owners(got), {('a', 'Apply', ''): {'f:data': {'f:y': {}}, 'f:metadata': {'f:labels': {}}}, ('before-first-apply', 'Update', ''): {'f:data': {'.': {}, 'f:x': {}}}})
        api.delete(api.path('configmaps', 'c')).want(200)


def test_clients_may_send_owners_of_their_own(api):
    made = api.post(api.path('configmaps') + '?fieldManager=a', config_map('c', None, x='1', y='2')).want(201).json
    entry = {'manager': 'other', 'operation': 'Apply', 'apiVersion': 'v1', 'fieldsType': 'FieldsV1', 'fieldsV1': {'f:data': {'f:x': {}}}}
    path = api.path('configmaps', 'c')
    got = write(api, 'PATCH', path, {'metadata': {'managedFields': [entry]}}, 'b', MERGE).want(200).json
    same(owners(got), {('other', 'Apply', ''): {'f:data': {'f:x': {}}}})
    for broken in (dict(entry, operation='Other'), dict(entry, apiVersion=''), dict(entry, fieldsType='Other'), dict(entry, fieldsV1={'x': {}})):
        again = write(api, 'PATCH', path, {'metadata': {'managedFields': [broken]}}, 'b', MERGE).want(200).json
        assert owners(again) == owners(got), broken
    write(api, 'PATCH', path, {'metadata': {'managedFields': [dict(entry, manager='x' * 129)]}}, 'b', MERGE).fails(422, 'Invalid', 'managedFields[0].manager')
    assert rev(made) < rev(got)


@proves('18.9.4')
def test_ten_updaters_are_kept(api):
    api.post(api.path('configmaps') + '?fieldManager=m', config_map('c', None, x='1')).want(201)
    for i in range(12):
        got = write(api, 'PATCH', api.path('configmaps', 'c'), {'data': {'k%d' % i: 'v'}}, 'm%02d' % i, MERGE).want(200).json
    kept = owners(got)
    assert len(kept) == 10
    assert len(kept['ancient-changes', 'Update', '']['f:data']) >= 4


@proves('18.9.8', '1.2.7')
def test_apply_creates(api):
    made = apply(api, service(labels={'x': 'y'}, selector={'a': 'b'})).want(201).json
    assert owners(made) == {('a', 'Apply', ''): {'f:metadata': {'f:labels': {'f:x': {}}}, 'f:spec': {'f:ports': PORT, 'f:selector': {}}}}
    assert made['spec']['type'] == 'ClusterIP' and made['spec']['clusterIP']


@proves('18.9.9')
def test_apply_removes_what_it_does_not_apply_any_more(api):
    apply(api, service(labels={'x': 'y', 'z': '1'}, ports=({'port': 80, 'name': 'a'}, {'port': 81, 'name': 'b'}), type='NodePort')).want(201)
    apply(api, service(labels={'z': '1'}, ports=None), 'b').want(200)
    got = apply(api, service(ports=({'port': 81, 'name': 'b'},))).want(200).json
    assert got['metadata']['labels'] == {'z': '1'}, 'another owns it'
    assert [p['port'] for p in got['spec']['ports']] == [81]
    assert got['spec']['type'] == 'ClusterIP'


@proves('18.9.13')
def test_items_of_others_stay(api):
    apply(api, service(ports=({'port': 80, 'name': 'a'},))).want(201)
    got = apply(api, service(ports=({'port': 53, 'name': 'd', 'protocol': 'UDP'},)), 'b').want(200).json
    assert [(p['port'], p['protocol']) for p in got['spec']['ports']] == [(80, 'TCP'), (53, 'UDP')]
    got = apply(api, service(ports=({'port': 80, 'name': 'a', 'targetPort': 8080},))).want(200).json
    assert [(p['port'], p['targetPort']) for p in got['spec']['ports']] == [(80, 8080), (53, 53)]


def test_items_come_in_the_order_of_the_configuration(api):
    apply(api, service(ports=({'port': 1, 'name': 'a'}, {'port': 2, 'name': 'b'}, {'port': 3, 'name': 'c'}))).want(201)
    got = apply(api, service(ports=({'port': 3, 'name': 'c'}, {'port': 4, 'name': 'd'}, {'port': 1, 'name': 'a'})), 'b').want(200).json
    assert [p['port'] for p in got['spec']['ports']] == [2, 3, 4, 1]


@proves('18.9.10')
def test_conflicts_name_the_owners(api):
    apply(api, service(labels={'x': '1', 'y': '1'}, selector={'a': 'b'})).want(201)
    write(api, 'PATCH', api.path('services', 'web'), {'metadata': {'labels': {'u': '1'}}}, 'upd', MERGE).want(200)
    st = conflicts(apply(api, service(selector={'a': 'c'}), 'b'), ('"a"', '.spec.selector'))
    assert st['message'] == 'Apply failed with 1 conflict: conflict with "a": .spec.selector'
    st = conflicts(apply(api, service(labels={'x': '2', 'y': '2', 'u': '2'}), 'b'), ('"a"', '.metadata.labels.x'),
                   ('"a"', '.metadata.labels.y'), ('"upd" using v1', '.metadata.labels.u'))
    assert st['message'] == ('Apply failed with 3 conflicts: conflicts with "a":\n- .metadata.labels.x\n- .metadata.labels.y\n'
                             'conflicts with "upd" using v1:\n- .metadata.labels.u')
    conflicts(apply(api, service(labels={'u': '3'}), 'b', query='&force=false'), ('"upd" using v1', '.metadata.labels.u'))


@proves('18.9.10', '18.9.11')
def test_force_takes_fields_over_and_equal_values_are_shared(api):
    apply(api, service(selector={'a': 'b'})).want(201)
    got = apply(api, service(selector={'a': 'b'}), 'b').want(200).json
    assert owned_by(got, 'a') == owned_by(got, 'b') == {'f:spec': {'f:ports': PORT, 'f:selector': {}}}
    got = apply(api, service(selector={'a': 'c'}), 'b', query='&force=true').want(200).json
    assert got['spec']['selector'] == {'a': 'c'}
    assert owned_by(got, 'a') == {'f:spec': {'f:ports': PORT}}


def test_sets_are_merged_by_value(api):
    apply(api, dict(service(), metadata={'name': 'web', 'finalizers': ['a.b/c']})).want(201)
    got = apply(api, dict(service(), metadata={'name': 'web', 'finalizers': ['a.b/d']}), 'b').want(200).json
    assert got['metadata']['finalizers'] == ['a.b/c', 'a.b/d']
    assert owned_by(got, 'b')['f:metadata'] == {'f:finalizers': {'v:"a.b/d"': {}}}
    got = apply(api, service()).want(200).json
    assert got['metadata']['finalizers'] == ['a.b/d']
    apply(api, service(), 'b').want(200)


def test_null_and_empty_values(api):
    apply(api, service(sessionAffinity='ClientIP', selector={'a': 'b'})).want(201)
    got = apply(api, service(sessionAffinity=None, selector={'a': 'b'})).want(200).json
    assert got['spec']['sessionAffinity'] == 'None'
    got = apply(api, service(labels={}, selector={})).want(200).json
    assert 'selector' not in got['spec'] and 'labels' not in got['metadata']


@proves('18.4.4', '18.4.5')
def test_the_options_of_an_apply(api):
    path = api.path('services', 'web')
    api.patch(path, service(), APPLY).fails(422, 'Invalid', 'fieldManager: Required value: is required for apply patch')
    api.patch(path + '?fieldManager=' + 'x' * 129, service(), APPLY).fails(422, 'Invalid', 'fieldManager: Too long')
    api.post(api.path('services'), service()).want(201)
    api.patch(path + '?force=true', {}, MERGE).fails(422, 'Invalid', 'force: Forbidden: may not be specified for non-apply patch')


@proves('18.9.12')
def test_the_configuration_must_fit(api):
    apply(api, service()).want(201)
    apply(api, dict(service(), kind='Pod')).fails(400, 'BadRequest', 'invalid object type: /v1, Kind=Pod')
    apply(api, {'kind': 'Service', 'metadata': {'name': 'web'}}).fails(400, 'BadRequest', 'invalid object type: /, Kind=Service')
    apply(api, service('other'), name='web').fails(400, 'BadRequest', 'the name of the object (other) does not match the name on the URL (web)')
    apply(api, dict(service(), metadata={}), name='new').fails(400, 'BadRequest', 'name must be provided')
    apply(api, dict(service(), metadata={'name': 'web', 'managedFields': []})).fails(400, 'BadRequest', 'metadata.managedFields must be nil')
    apply(api, dict(service(), metadata={'name': 'web', 'namespace': 'other'})).fails(400, 'BadRequest', 'namespace')
    apply(api, dict(service(), metadata={'name': 'web', 'resourceVersion': '1'})).fails(409, 'Conflict')
    apply(api, dict(service(), metadata={'name': 'new', 'uid': 'x'}), name='new').fails(409, 'Conflict', 'uid mismatch')
    where = 'failed to create typed patch object (/web; /v1, Kind=Service): '
    for spec, why in (({'foo': 1}, '.spec.foo: field not declared in schema'),
                      ({'type': 3}, '.spec.type: expected string, got &value.valueUnstructured{Value:3}'),
                      ({'selector': ['x']}, '.spec.selector: expected map, got &{[x]}'),
                      ({'ports': 'x'}, '.spec.ports: expected list, got &{x}'),
                      ({'ports': [{'port': 80}, {'port': 80}]}, '.spec.ports: duplicate entries for key [port=80,protocol="TCP"]'),
                      ({'ports': [{'port': 'x'}]}, '.spec.ports[port="x",protocol="TCP"].port: expected numeric (int or float), got string'),
                      ({'ports': [1]}, '.spec.ports: element 0: associative list with keys may not have non-map elements'),
                      ({'publishNotReadyAddresses': 'x'}, '.spec.publishNotReadyAddresses: expected boolean, got &{x}')):
        assert apply(api, dict(service(), spec=spec)).fails(500, '')['message'] == where + why
    apply(api, service(ports=({'port': 0},))).fails(422, 'Invalid', 'spec.ports')


@proves('18.2.2')
def test_yaml(api):
    text = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: doc # a comment\n  labels: &l {a: "1"}\n  annotations: *l\ndata:\n  on: "yes"\n  text: |\n    x\n    y\n'
    got = write(api, 'PATCH', api.path('configmaps', 'doc'), text, 'a', APPLY).want(201).json
    assert got['data'] == {'true': 'yes', 'text': 'x\ny\n'}
    assert got['metadata']['labels'] == got['metadata']['annotations'] == {'a': '1'}
    got = api.call('POST', api.path('services'), 'metadata: {name: s}\nspec:\n  ports:\n  - port: 0x50\n', Content_Type='application/yaml').want(201).json
    assert got['spec']['ports'][0]['port'] == 80
    for broken in ('{', 'a: b: c', '[1]', 'x'):
        write(api, 'PATCH', api.path('configmaps', 'doc'), broken, 'a', APPLY).fails(400, 'BadRequest', 'error decoding YAML')
    write(api, 'PATCH', api.path('configmaps', 'doc'), '', 'a', APPLY).fails(400, 'BadRequest', 'invalid object type')
    twice = text + '  on: "no"\n'
    warned = write(api, 'PATCH', api.path('configmaps', 'doc'), twice, 'a', APPLY).want(200)
    assert 'already set in map' in warned.headers['Warning']
    write(api, 'PATCH', api.path('configmaps', 'doc') + '?fieldValidation=Strict', twice, 'a', APPLY).fails(400, 'BadRequest', 'already set in map')


def test_a_dry_run_stores_nothing(api):
    apply(api, service(), query='&dryRun=All').want(201)
    api.get(api.path('services', 'web')).want(404)
    made = apply(api, service()).want(201).json
    got = apply(api, service(selector={'a': 'b'}), query='&dryRun=All').want(200).json
    assert got['spec']['selector'] == {'a': 'b'}
    assert api.get(api.path('services', 'web')).want(200).json == made


def test_kubectl_moves_from_the_client_to_the_server(api):
    def config(**selector):
        return dict(service(selector=selector), metadata={'name': 'web', 'annotations': {}})
    first = config(a='b')
    first['metadata']['annotations'][LAST_APPLIED] = json.dumps(first)
    write(api, 'POST', api.path('services'), first, 'kubectl-client-side-apply').want(201)
    conflicts(apply(api, config(a='c'), 'other'), ('"kubectl-client-side-apply" using v1', '.spec.selector'))
    got = apply(api, config(a='c'), 'kubectl').want(200).json
    assert got['spec']['selector'] == {'a': 'c'}
    assert json.loads(got['metadata']['annotations'][LAST_APPLIED]) == config(a='c')
    write(api, 'PATCH', api.path('services', 'web'), {'spec': {'selector': {'a': 'z'}}}, 'other', MERGE).want(200)
    conflicts(apply(api, config(a='d'), 'kubectl'), ('"other" using v1', '.spec.selector'))
    entries = [dict(e, manager='kubectl', operation='Apply') for e in got['metadata']['managedFields'] if e['operation'] == 'Update']
    ops = [{'op': 'replace', 'path': '/metadata/managedFields', 'value': entries}]
    got = api.patch(api.path('services', 'web'), ops, JSON_PATCH).want(200).json
    assert all(who[:2] == ('kubectl', 'Apply') for who in owners(got))


def test_scaling_is_owned_apart(api):
    labels = {'a': 'b'}
    template = {'metadata': {'labels': labels}, 'spec': {'containers': [{'name': 'c', 'image': 'x:1'}]}}
    made = {'metadata': {'name': 'd'}, 'spec': {'replicas': 0, 'selector': {'matchLabels': labels}, 'template': template}}
    where = f'/apis/apps/v1/namespaces/{api.ns}/replicasets'
    write(api, 'POST', where, made, 'a').want(201)
    scale = {'metadata': {'name': 'd', 'namespace': api.ns}, 'spec': {'replicas': 1}}
    write(api, 'PUT', where + '/d/scale', scale, 's').want(200)
    got = api.get(where + '/d').want(200).json
    assert owned_by(got, 's', 'Update', 'scale') == {'f:spec': {'f:replicas': {}}}
    assert 'f:replicas' not in owned_by(got, 'a', 'Update')['f:spec']


def test_server_writes_are_owned_by_nobody(api):
    made = api.post(api.path('services'), dict(service(), metadata={'name': 'web', 'finalizers': ['a.b/c']})).want(201).json
    got = api.delete(api.path('services', 'web')).want(200).json
    assert got['metadata']['deletionTimestamp'] and owners(got) == owners(made)
    api.patch(api.path('services', 'web'), {'metadata': {'finalizers': None}}).want(200)


def test_what_a_status_write_keeps_is_nobodys(api):
    """Of metadata, what such a write changes and what its manager owns afterwards are the same."""
    deployments = f'/apis/apps/v1/namespaces/{api.ns}/deployments'
    template = {'metadata': {'labels': {'a': 'b'}}, 'spec': {'containers': [{'name': 'c', 'image': 'i'}]}}
    kinds = [
        (api.path('pods'), template['spec'], {'phase': 'Pending'}, {'annotations', 'labels'}),
        (deployments, {'selector': {'matchLabels': {'a': 'b'}}, 'template': template}, {}, {'annotations', 'ownerReferences'}),
        (api.path('services'), {'ports': [{'port': 80}]}, {}, {'annotations', 'labels', 'ownerReferences'}),
        ('/apis/networking.k8s.io/v1/servicecidrs', {'cidrs': ['198.51.100.0/24']}, {}, set()),
    ]
    new = {'annotations': {'x': 'y'}, 'labels': {'x': 'y'},
           'ownerReferences': [{'apiVersion': 'v1', 'kind': 'ConfigMap', 'name': 'a', 'uid': 'u'}]}
    for path, spec, status, want in kinds:
        one = f'{path}/{api.ns}'
        before = write(api, 'POST', path, {'metadata': {'name': api.ns}, 'spec': spec}, 'maker').want(201).json['metadata']
        meta = write(api, 'PATCH', one + '/status', {'metadata': new, 'status': status}, 'teller', MERGE).want(200).json['metadata']
        changed = {k for k in new if meta.get(k) != before.get(k)}
        entries = [e['fieldsV1'] for e in meta['managedFields'] if e['manager'] == 'teller']
        owned = {k[2:] for e in entries for k in e.get('f:metadata', {})}
        api.delete(one)
        assert (changed, owned) == (want, want), path
