# SPDX-License-Identifier: Apache-2.0
"""Pods that are asked to leave, and how Pods go."""
from api import MERGE


def pod(api, name, on=None):
    spec = {'containers': [{'name': 'c', 'image': 'i'}]}
    if on:
        spec['nodeName'] = on
    return api.post(api.path('pods'), {'metadata': {'name': name}, 'spec': spec}).want(201).json


def evict(api, name, **more):
    body = dict({'apiVersion': 'policy/v1', 'kind': 'Eviction', 'metadata': {'name': name}}, **more)
    return api.post(api.path('pods', name, 'eviction'), body)


DONE = {'kind': 'Status', 'apiVersion': 'v1', 'metadata': {}, 'status': 'Success', 'code': 201}


def test_an_eviction_deletes_the_pod(api):
    pod(api, 'loose')
    assert evict(api, 'loose').want(201).json == DONE
    api.get(api.path('pods', 'loose')).want(404)
    pod(api, 'bound', 'n1')
    assert evict(api, 'bound', deleteOptions={'gracePeriodSeconds': 7}).want(201).json == DONE
    got = api.get(api.path('pods', 'bound')).want(200).json
    assert got['metadata']['deletionGracePeriodSeconds'] == 7 and got['metadata']['generation'] == 2
    condition = got['status']['conditions'][-1]
    assert {k: condition[k] for k in ('type', 'status', 'reason', 'message', 'lastProbeTime')} == {
        'type': 'DisruptionTarget', 'status': 'True', 'reason': 'EvictionByEvictionAPI', 'message': 'Eviction API: evicting', 'lastProbeTime': None}
    evict(api, 'bound').want(201)
    assert len(api.get(api.path('pods', 'bound')).json['status']['conditions']) == len(got['status']['conditions'])
    evict(api, 'bound', deleteOptions={'gracePeriodSeconds': 0}).want(201)
    api.get(api.path('pods', 'bound')).want(404)


def test_an_eviction_that_is_tried_only(api):
    pod(api, 'p')
    assert evict(api, 'p', deleteOptions={'dryRun': ['All']}).want(201).json == DONE
    assert api.post(api.path('pods', 'p', 'eviction') + '?dryRun=All', {'metadata': {'name': 'p'}}).want(201).json == DONE
    assert 'conditions' not in api.get(api.path('pods', 'p')).want(200).json['status']


def test_older_clients_and_bare_bodies(api):
    for body in ({'apiVersion': 'policy/v1beta1', 'kind': 'Eviction', 'metadata': {'name': 'p'}}, {'metadata': {'name': 'p', 'namespace': api.ns}}):
        pod(api, 'p')
        api.post(api.path('pods', 'p', 'eviction'), body).want(201)
        api.get(api.path('pods', 'p')).want(404)


def test_what_an_eviction_must_say(api):
    made = pod(api, 'p')
    where, bad = api.path('pods', 'p', 'eviction'), lambda body, *text: api.post(where, body).fails(400, 'BadRequest', *text)
    bad({'metadata': {'name': 'other'}}, 'name in URL does not match name in Eviction object')
    bad({'metadata': {}}, 'name in URL does not match name in Eviction object')
    bad({'metadata': {'name': 'p', 'namespace': 'zzz'}}, 'the namespace of the provided object does not match the namespace sent on the request')
    bad({'apiVersion': 'v1', 'kind': 'Pod', 'metadata': {'name': 'p'}})
    api.post(where + '?fieldValidation=Strict', {'metadata': {'name': 'p'}, 'x': 1}).fails(400, 'BadRequest', 'strict decoding error: unknown field "x"')
    uid, version = made['metadata']['uid'], made['metadata']['resourceVersion']
    told = evict(api, 'p', deleteOptions={'preconditions': {'uid': 'x'}}).fails(409, 'Conflict')['message']
    assert told == (f'Operation cannot be fulfilled on Pod "p": the UID in the precondition (x) does not match the UID in record ({uid}). '
                    'The object might have been deleted and then recreated'), told
    evict(api, 'p', deleteOptions={'preconditions': {'resourceVersion': '1'}}).fails(
        409, 'Conflict', f'the ResourceVersion in the precondition (1) does not match the ResourceVersion in record ({version})')
    for options, text in (({'dryRun': ['Foo']}, 'dryRun: Unsupported value: ["Foo"]: supported values: "All"'),
                          ({'propagationPolicy': 'Foo'}, 'propagationPolicy: Unsupported value: "Foo"')):
        evict(api, 'p', deleteOptions=options).fails(422, 'Invalid', 'DeleteOptions.meta.k8s.io "" is invalid: ' + text)
    evict(api, 'none').fails(404, 'NotFound', 'pods "none" not found')
    for method in ('GET', 'PUT', 'PATCH', 'DELETE'):
        body = None if method == 'GET' else {}
        assert api.call(method, where, body, Content_Type=MERGE).fails(405, 'MethodNotAllowed')['details'] == {}
    api.get(api.path('pods', 'p')).want(200)


def test_where_clients_look_for_evictions(api):
    """kubectl drain deletes unless this is there."""
    found = [r for r in api.get('/api/v1').want(200).json['resources'] if r['name'] == 'pods/eviction']
    assert found == [{'name': 'pods/eviction', 'singularName': '', 'namespaced': True, 'group': 'policy', 'version': 'v1', 'kind': 'Eviction', 'verbs': ['create']}], found


def test_a_node_evicts_its_pods_only(api):
    pod(api, 'p', 'n1')
    who = lambda node: {'Impersonate_User': 'system:node:' + node, 'Impersonate_Group': 'system:nodes'}
    body = {'metadata': {'name': 'p'}}
    answer = api.post(api.path('pods', 'p', 'eviction'), body, **who('n2')).want(403).json
    if 'cannot create' not in answer['message']:  # a stock server without the Node authorizer
        assert answer['message'] == 'pods "p" is forbidden: node n2 can only evict pods with spec.nodeName set to itself'
        api.post(api.path('pods', 'p', 'eviction'), body, **who('n1')).want(201)


def test_a_deleted_pod_shows_when(api):
    """Also one that goes at once, in the answer."""
    for name, on, body in (('a', None, None), ('b', 'n1', {'gracePeriodSeconds': 0})):
        pod(api, name, on)
        meta = api.delete(api.path('pods', name), body).want(200).json['metadata']
        assert meta['deletionGracePeriodSeconds'] == 0 and meta['generation'] == 2 and meta['deletionTimestamp'], meta
        api.get(api.path('pods', name)).want(404)
    pod(api, 'c', 'n1')
    assert api.delete(api.path('pods', 'c')).want(200).json['metadata']['deletionGracePeriodSeconds'] == 30
    meta = api.delete(api.path('pods', 'c'), {'gracePeriodSeconds': 0}).want(200).json['metadata']
    assert meta['deletionGracePeriodSeconds'] == 0 and meta['generation'] == 2, meta
