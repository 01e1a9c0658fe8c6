# SPDX-License-Identifier: Apache-2.0
"""Create, get, update, delete; what the server itself sets (service-api.md sections 1 and 9)."""
from api import config_map, ours, proves, rev, service


def test_create_sets_system_metadata(api):
    sent = service('a')
    sent['metadata'].update(uid='x', creationTimestamp='2001-01-01T00:00:00Z', generation=7, selfLink='/x')
    got = api.post(api.path('services'), sent).want(201).json
    meta = got['metadata']
    assert got['kind'] == 'Service' and got['apiVersion'] == 'v1'
    assert len(meta['uid']) == 36 and meta['namespace'] == api.ns
    assert meta['creationTimestamp'].endswith('Z') and not meta['creationTimestamp'].startswith('2001')
    assert meta['generation'] == 7 and 'selfLink' not in meta  # a kind that counts none keeps what it is sent
    assert [e['operation'] for e in meta['managedFields']] == ['Update'], meta
    assert api.get(api.path('services', 'a')).want(200).json == got


def test_create_defaults_a_service(api):
    spec = api.post(api.path('services'), service('a')).want(201).json['spec']
    assert spec['type'] == 'ClusterIP' and spec['sessionAffinity'] == 'None'
    assert spec['internalTrafficPolicy'] == 'Cluster' and spec['ipFamilyPolicy'] == 'SingleStack'
    assert spec['ports'] == [{'port': 80, 'protocol': 'TCP', 'targetPort': 80}]
    assert spec['clusterIPs'] == [spec['clusterIP']] and spec['ipFamilies'] == ['IPv4']


def test_create_empties_status(api):
    sent = service('a')
    sent['status'] = {'loadBalancer': {'ingress': [{'ip': '192.0.2.1'}]}}
    assert api.post(api.path('services'), sent).want(201).json['status'] == {'loadBalancer': {}}


def test_generate_name(api):
    sent = config_map('')
    sent['metadata'] = {'generateName': 'x' * 70}
    one = api.post(api.path('configmaps'), sent).want(201).json['metadata']
    assert len(one['name']) == 63 and one['name'].startswith('x' * 58)
    assert set(one['name'][58:]) <= set('bcdfghjklmnpqrstvwxz2456789')
    assert one['name'] != api.post(api.path('configmaps'), sent).want(201).json['metadata']['name']


@proves('18.3.7')
def test_create_again_exists(api):
    api.post(api.path('configmaps'), config_map('a')).want(201)
    st = api.post(api.path('configmaps'), config_map('a')).fails(409, 'AlreadyExists', 'configmaps "a" already exists')
    assert st['details'] == {'name': 'a', 'kind': 'configmaps'}


def test_create_with_a_revision_fails(api):
    sent = config_map('a')
    sent['metadata']['resourceVersion'] = '1'
    api.post(api.path('configmaps'), sent).fails(500, '', 'resourceVersion should not be set')


@proves('1.1.2')
def test_namespace_of_the_body_must_match(api):
    sent = config_map('a')
    sent['metadata']['namespace'] = 'other'
    api.post(api.path('configmaps'), sent).fails(400, 'BadRequest', 'does not match the namespace')


def test_update_changes_and_moves_the_revision(api):
    old = api.post(api.path('configmaps'), config_map('a', x='1')).want(201).json
    old['data']['x'] = '2'
    new = api.put(api.path('configmaps', 'a'), old).want(200).json
    assert new['data'] == {'x': '2'} and rev(new) > rev(old)
    assert new['metadata']['uid'] == old['metadata']['uid']
    assert new['metadata']['creationTimestamp'] == old['metadata']['creationTimestamp']


def test_update_that_changes_nothing_keeps_the_revision(api):
    old = api.post(api.path('services'), service('a')).want(201).json
    assert api.put(api.path('services', 'a'), old).want(200).json == old
    del old['metadata']['resourceVersion']
    old['spec'] = dict(reversed(old['spec'].items()))
    again = api.put(api.path('services', 'a'), old).want(200).json
    assert rev(again) == rev(api.get(api.path('services', 'a')).json)


@proves('18.3.7')
def test_update_with_a_stale_revision_conflicts(api):
    old = api.post(api.path('configmaps'), config_map('a')).want(201).json
    api.put(api.path('configmaps', 'a'), dict(old, data={'x': '1'})).want(200)
    api.put(api.path('configmaps', 'a'), dict(old, data={'x': '2'})).fails(
        409, 'Conflict', 'Operation cannot be fulfilled on configmaps "a": the object has been modified')


def test_update_without_a_revision_is_unconditional(api):
    api.post(api.path('services'), service('a')).want(201)
    got = api.put(api.path('services', 'a'), service('a', ports=((81,),))).want(200).json
    assert got['spec']['ports'][0]['port'] == 81


def test_update_checks_name_and_uid(api):
    api.post(api.path('configmaps'), config_map('a')).want(201)
    api.put(api.path('configmaps', 'a'), config_map('b')).fails(400, 'BadRequest', 'does not match the name on the URL')
    sent = config_map('a')
    sent['metadata']['uid'] = '00000000-0000-0000-0000-000000000000'
    api.put(api.path('configmaps', 'a'), sent).fails(409, 'Conflict', 'UID in precondition')


def test_put_creates_services_but_not_slices(api):
    assert api.put(api.path('services', 'a'), service('a')).want(201).json['spec']['clusterIP']
    slice_ = {'metadata': {'name': 's'}, 'addressType': 'IPv4', 'endpoints': []}
    api.put(api.path('endpointslices', 's'), slice_).fails(404, 'NotFound', 'endpointslices.discovery.k8s.io "s" not found')


def test_generation_of_a_slice(api):
    sent = {'metadata': {'name': 's'}, 'addressType': 'IPv4', 'endpoints': []}
    one = api.post(api.path('endpointslices'), sent).want(201).json
    assert one['metadata']['generation'] == 1
    one['metadata']['annotations'] = {'a': 'b'}
    two = api.put(api.path('endpointslices', 's'), one).want(200).json
    assert two['metadata']['generation'] == 1
    two['metadata']['labels'] = {'a': 'b'}
    three = api.put(api.path('endpointslices', 's'), two).want(200).json
    assert three['metadata']['generation'] == 2
    three['endpoints'] = [{'addresses': ['192.0.2.1']}]
    assert api.put(api.path('endpointslices', 's'), three).want(200).json['metadata']['generation'] == 3


def test_status_is_written_apart(api):
    svc = api.post(api.path('services'), service('a', type='LoadBalancer')).want(201).json
    svc['status'] = {'loadBalancer': {'ingress': [{'ip': '192.0.2.1'}]}}
    svc['spec']['ports'][0]['port'] = 99
    svc['metadata']['labels'] = {'x': 'y'}
    got = api.put(api.path('services', 'a', 'status'), svc).want(200).json
    assert got['status']['loadBalancer']['ingress'][0] == {'ip': '192.0.2.1', 'ipMode': 'VIP'}
    assert got['spec']['ports'][0]['port'] == 80 and got['metadata']['labels'] == {'x': 'y'}
    del got['status']
    got['metadata']['labels'] = {}
    again = api.put(api.path('services', 'a'), got).want(200).json
    assert again['status']['loadBalancer']['ingress'] and 'labels' not in again['metadata']
    assert api.get(api.path('services', 'a', 'status')).want(200).json == again


def test_delete_answers_with_the_service(api):
    made = api.post(api.path('services'), service('a')).want(201).json
    gone = api.delete(api.path('services', 'a')).want(200).json
    assert gone['kind'] == 'Service' and gone['metadata']['uid'] == made['metadata']['uid']
    assert rev(gone) > rev(made)
    api.delete(api.path('services', 'a')).fails(404, 'NotFound', 'services "a" not found')


def test_delete_answers_with_a_status(api):
    made = api.post(api.path('configmaps'), config_map('a')).want(201).json
    st = api.delete(api.path('configmaps', 'a')).want(200).json
    assert st['kind'] == 'Status' and st['status'] == 'Success'
    assert st['details'] == {'name': 'a', 'kind': 'configmaps', 'uid': made['metadata']['uid']}


def test_delete_of_a_service_takes_its_endpoints(api):
    api.post(api.path('services'), service('a')).want(201)
    api.post(api.path('endpoints'), {'metadata': {'name': 'a'}}).want(201)
    api.post(api.path('endpoints'), {'metadata': {'name': 'b'}}).want(201)
    api.delete(api.path('services', 'a')).want(200)
    api.get(api.path('endpoints', 'a')).want(404)
    api.get(api.path('endpoints', 'b')).want(200)


@proves('18.6.2')
def test_delete_with_preconditions(api):
    made = api.post(api.path('configmaps'), config_map('a')).want(201).json
    where = api.path('configmaps', 'a')
    api.delete(where, {'preconditions': {'uid': 'x'}}).fails(409, 'Conflict', 'the UID in the precondition')
    api.delete(where, {'preconditions': {'resourceVersion': '1'}}).fails(409, 'Conflict', 'ResourceVersion')
    api.delete(where, {'preconditions': {'uid': made['metadata']['uid']}}).want(200)


@proves('18.6.5', '18.6.6')
def test_finalizers_hold_a_deletion(api):
    sent = service('a')
    sent['metadata']['finalizers'] = ['example.com/x']
    made = api.post(api.path('services'), sent).want(201).json
    held = api.delete(api.path('services', 'a')).want(200).json
    assert held['metadata']['deletionTimestamp'] and held['metadata']['deletionGracePeriodSeconds'] == 0
    assert held['spec']['clusterIP'] == made['spec']['clusterIP']
    again = api.delete(api.path('services', 'a')).want(200).json
    assert again == held
    again['metadata']['finalizers'] = []
    api.put(api.path('services', 'a', 'status'), again).want(200)
    api.get(api.path('services', 'a')).want(404)
    # Its address is free again.
    api.post(api.path('services'), service('b', clusterIP=made['spec']['clusterIP'])).want(201)


@proves('18.6.3')
def test_propagation_policies(api):
    for name, body in (('a', {'propagationPolicy': 'Foreground'}), ('b', {'propagationPolicy': 'Orphan'})):
        api.post(api.path('configmaps'), config_map(name)).want(201)
        got = api.delete(api.path('configmaps', name), body).want(200).json
        assert got['metadata']['finalizers'] == [{'a': 'foregroundDeletion', 'b': 'orphan'}[name]]
    api.post(api.path('configmaps'), config_map('c')).want(201)
    api.delete(api.path('configmaps', 'c'), {'propagationPolicy': 'Bad'}).fails(422, 'Invalid', 'propagationPolicy')
    api.delete(api.path('configmaps', 'c'), {'propagationPolicy': 'Background'}).want(200)
    api.get(api.path('configmaps', 'c')).want(404)


def test_delete_collection(api):
    for i in range(5):
        api.post(api.path('configmaps'), config_map(f'c{i}', {'odd': str(i % 2)})).want(201)
    got = api.delete(api.path('configmaps') + '?labelSelector=odd%3D1').want(200).json
    assert got['kind'] == 'ConfigMapList' and [o['metadata']['name'] for o in got['items']] == ['c1', 'c3']
    left = api.get(api.path('configmaps')).json['items']
    assert [o['metadata']['name'] for o in left] == ['c0', 'c2', 'c4']
    api.delete(api.path('configmaps')).want(200)
    assert api.get(api.path('configmaps')).json['items'] == []
    assert api.delete(api.path('configmaps')).want(200).json['items'] == []


def test_dry_run_changes_nothing(api):
    got = api.post(api.path('services') + '?dryRun=All', service('a', type='NodePort')).want(201).json
    assert got['spec']['clusterIP'] == '10.96.0.0' and got['spec']['ports'][0]['nodePort'] == 32769
    assert got['metadata']['uid'] and 'resourceVersion' not in got['metadata']
    api.get(api.path('services', 'a')).want(404)
    made = api.post(api.path('services'), service('a')).want(201).json
    api.post(api.path('services') + '?dryRun=All', service('a')).fails(409, 'AlreadyExists')
    got = api.patch(api.path('services', 'a') + '?dryRun=All', {'metadata': {'labels': {'x': 'y'}}}).want(200).json
    assert got['metadata']['labels'] == {'x': 'y'} and rev(got) == rev(made)
    api.delete(api.path('services', 'a') + '?dryRun=All').want(200)
    assert api.get(api.path('services', 'a')).want(200).json == made
    api.delete(api.path('services', 'a') + '?dryRun=Some').fails(422, 'Invalid', 'dryRun')


@proves('18.3.3', '18.4.1')
def test_field_validation(api):
    sent = service('a')
    sent['spec']['foo'] = 1
    api.post(api.path('services') + '?fieldValidation=Strict', sent).fails(400, 'BadRequest', 'unknown field "spec.foo"')
    got = api.post(api.path('services'), sent).want(201)
    assert 'unknown field "spec.foo"' in got.headers['Warning'].replace('\\', '') and 'foo' not in got.json['spec']
    sent['metadata']['name'] = 'b'
    assert not api.post(api.path('services') + '?fieldValidation=Ignore', sent).want(201).headers['Warning']
    raw = '{"metadata":{"name":"c"},"spec":{"ports":[{"port":1}],"type":"ClusterIP","type":"ClusterIP"}}'
    api.post(api.path('services') + '?fieldValidation=Strict', raw).fails(400, 'BadRequest', 'duplicate field "spec.type"')


def test_pods_end_gracefully_on_their_node(api):
    pod = {'metadata': {'name': 'p'}, 'spec': {'containers': [{'name': 'c', 'image': 'i'}]}}
    got = api.post(api.path('pods'), pod).want(201).json
    assert got['status']['phase'] == 'Pending' and got['spec']['terminationGracePeriodSeconds'] == 30
    api.post(api.path('pods', 'p', 'binding'), {'metadata': {'name': 'p'}, 'target': {'kind': 'Node', 'name': 'n1'}}).want(201)
    assert api.get(api.path('pods', 'p')).json['spec']['nodeName'] == 'n1'
    api.post(api.path('pods', 'p', 'binding'), {'metadata': {'name': 'p'}, 'target': {'kind': 'Node', 'name': 'n2'}}).fails(409, 'Conflict', 'already assigned')
    held = api.delete(api.path('pods', 'p')).want(200).json
    assert held['metadata']['deletionGracePeriodSeconds'] == 30 and held['metadata']['deletionTimestamp']
    shorter = api.delete(api.path('pods', 'p'), {'gracePeriodSeconds': 5}).want(200).json
    assert shorter['metadata']['deletionGracePeriodSeconds'] == 5
    api.patch(api.path('pods', 'p', 'status'), {'status': {'phase': 'Running'}}).want(200)
    api.get(api.path('pods', 'p')).want(200)
    api.delete(api.path('pods', 'p') + '?gracePeriodSeconds=0').want(200)
    api.get(api.path('pods', 'p')).want(404)


def bound(api, name, **spec):
    sent = {'metadata': {'name': name}, 'spec': dict({'nodeName': 'n1', 'containers': [{'name': 'c', 'image': 'i'}]}, **spec)}
    return api.post(api.path('pods'), sent).want(201).json


def test_a_negative_grace_is_a_second(api):
    for name, query, body in (('a', '?gracePeriodSeconds=-5', None), ('b', '', {'gracePeriodSeconds': -1})):
        bound(api, name)
        got = api.delete(api.path('pods', name) + query, body).want(200).json['metadata']
        assert got['deletionGracePeriodSeconds'] == 1 and api.get(api.path('pods', name)).want(200), got
    assert bound(api, 'c', terminationGracePeriodSeconds=-7)['spec']['terminationGracePeriodSeconds'] == 1
    got = api.patch(api.path('pods', 'c'), {'spec': {'terminationGracePeriodSeconds': -7}}).want(200).json
    assert got['spec']['terminationGracePeriodSeconds'] == 1
    assert api.delete(api.path('pods', 'c')).want(200).json['metadata']['deletionGracePeriodSeconds'] == 1


def test_a_long_grace(api):
    """Of 64 bits: more than any clock tells (a stock server's then runs over)."""
    most = 2 ** 63 - 1
    for name, query, body in (('a', f'?gracePeriodSeconds={most}', None), ('b', '', {'gracePeriodSeconds': most})):
        bound(api, name)
        assert api.delete(api.path('pods', name) + query.replace(str(most), str(most + 1)),
                          body and {'gracePeriodSeconds': most + 1}).fails(400, 'BadRequest')
        got = api.delete(api.path('pods', name) + query, body).want(200).json['metadata']
        assert got['deletionGracePeriodSeconds'] == most, got
        assert api.server.headers or got['deletionTimestamp'].startswith('2262-'), got
    bound(api, 'c', terminationGracePeriodSeconds=9223372036)
    got = api.delete(api.path('pods', 'c')).want(200).json['metadata']
    assert '2262' <= got['deletionTimestamp'], got


@ours('a stock server wants the Node')
def test_logs_without_an_agent(api):
    pod = {'metadata': {'name': 'p'}, 'spec': {'nodeName': 'n1', 'containers': [{'name': 'c', 'image': 'i'}]}}
    api.post(api.path('pods'), pod).want(201)
    api.get(api.path('pods', 'p', 'log')).fails(503, 'ServiceUnavailable', 'no InternalIP')
    api.get(api.path('pods', 'none', 'log')).fails(404, 'NotFound')
