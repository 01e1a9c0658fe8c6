# SPDX-License-Identifier: Apache-2.0
"""What a node may do: its own Node, Lease and Pods, and what its Pods name; nothing else.

A stock server says the same with --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction; one that runs without them is not asked.
"""
from api import MERGE, Skip, ours, until

AUTHZ = '/apis/authorization.k8s.io/v1'
RBAC = '/apis/rbac.authorization.k8s.io/v1'
LEASES = '/apis/coordination.k8s.io/v1/namespaces/%s/leases'
MIRROR = {'kubernetes.io/config.mirror': 'x'}


def node(name):
    return {'Impersonate_User': 'system:node:' + name, 'Impersonate_Group': 'system:nodes'}


def begin(api, *nodes):
    """Nodes of the test: their names, and themselves as who asks."""
    may = api.post(AUTHZ + '/subjectaccessreviews', {'spec': {'user': 'system:node:x', 'groups': ['system:nodes'], 'resourceAttributes': {
        'verb': 'get', 'resource': 'nodes', 'name': 'x'}}}).want(201).json['status']['allowed']
    if not may:
        raise Skip('the stock server at hand has no Node authorizer')
    names = [f'{api.ns}-{n}'[-60:].strip('-') for n in nodes]
    for name in names:
        api.post('/api/v1/nodes', {'metadata': {'name': name}}).want(201)
    return names


def pod(name, on, **spec):
    return {'metadata': {'name': name}, 'spec': dict({'nodeName': on, 'containers': [{'name': 'c', 'image': 'i'}]}, **spec)}


def make_pod(api, name, on, **spec):
    """Its uid. A stock server's Node authorizer learns of it a moment later."""
    uid = api.post(api.path('pods'), pod(name, on, **spec)).want(201).json['metadata']['uid']
    if on:
        until('the node to know its Pod', lambda: api.get(api.path('pods', name), **node(on)).status == 200)
    return uid


def patch(api, path, body, who):
    return api.call('PATCH', path, body, Content_Type=MERGE, **who)


def refused(answer, *texts):
    return answer.fails(403, 'Forbidden', *texts)


def review(api, user, groups=('system:nodes',), **asked):
    return api.post(AUTHZ + '/subjectaccessreviews', {'spec': {'user': user, 'groups': list(groups), 'resourceAttributes': asked}})


def told(api, user, **asked):
    status = review(api, user, **asked).want(201).json['status']
    return status['allowed'], status.get('reason', '')


def test_a_node_reads_its_own_node_only(api):
    n1, n2 = begin(api, 'n1', 'n2')
    for path in ('/' + n1, f'?fieldSelector=metadata.name%3D{n1}', f'/{n1}-is-not-there-yet'):
        who = n1 if not path.endswith('yet') else f'{n1}-is-not-there-yet'
        assert api.get('/api/v1/nodes' + path, **node(who)).status == (404 if who != n1 else 200), path
    cannot = f'User "system:node:{n1}" cannot '
    st = refused(patch(api, '/api/v1/nodes/' + n2, {'metadata': {'labels': {'x': 'y'}}}, node(n1)))
    assert st['message'] == f'nodes "{n2}" is forbidden: node "{n1}" is not allowed to modify node "{n2}"' and st['details'] == {'name': n2, 'kind': 'nodes'}
    refused(api.delete('/api/v1/nodes/' + n1, **node(n1)), f'nodes "{n1}" is forbidden: ' + cannot + 'delete resource "nodes" in API group ""')
    refused(api.post('/api/v1/nodes', {'metadata': {'name': n2 + 'x'}}, **node(n1)), f'node "{n1}" is not allowed to modify node "{n2}x"')
    refused(api.post('/api/v1/nodes', {'metadata': {'generateName': 'q'}}, **node(n1)), f'nodes "q" is forbidden: node "{n1}" is not allowed to modify node ""')
    refused(patch(api, f'/api/v1/nodes/{n2}/status', {'status': {'phase': 'Running'}}, node(n1)), 'is not allowed to modify node')
    patch(api, f'/api/v1/nodes/{n1}/status', {'status': {'phase': 'Running'}}, node(n1)).want(200)


def test_other_nodes_are_hidden(api):
    """Of ours, agents read all Nodes for their routes, by a role of their own; without its binding they are as on a stock server."""
    n1, n2 = begin(api, 'n1', 'n2')
    binding = api.get(RBAC + '/clusterrolebindings/system:node-network')
    if binding.status == 200:
        api.get('/api/v1/nodes', **node(n1)).want(200)
        api.delete(RBAC + '/clusterrolebindings/system:node-network').want(200)
        until('the binding to go', lambda: api.get('/api/v1/nodes', **node(n1)).status == 403)
    refused(api.get('/api/v1/nodes', **node(n1)), f"at the cluster scope: node '{n1}' cannot read all nodes, only its own Node object")
    refused(api.get('/api/v1/nodes/' + n2, **node(n1)), f"node '{n1}' cannot read '{n2}', only its own Node object")
    refused(api.get(f'/api/v1/nodes?fieldSelector=metadata.name%3D{n2}', **node(n1)), f"cannot read '{n2}'")
    refused(api.get(f'/api/v1/nodes?fieldSelector=spec.unschedulable!%3Da%5C,metadata.name%3D{n1}', **node(n1)), 'cannot read all nodes')
    refused(api.get('/api/v1/nodes/' + n1, Impersonate_User='system:node:' + n1))
    for name in ('system:node', 'system:node:'):
        st = refused(api.get('/api/v1/nodes/' + n1, Impersonate_User=name, Impersonate_Group='system:nodes'))
        assert st['message'].endswith(': unknown node for user "system:node:"' if name[-1] == ':' else 'at the cluster scope'), st
    if binding.status == 200:
        made = binding.json
        made['metadata'] = {'name': 'system:node-network', 'labels': made['metadata']['labels'], 'annotations': made['metadata']['annotations']}
        api.post(RBAC + '/clusterrolebindings', made).want(201)


def test_a_node_says_of_itself_what_it_may(api):
    n1, = begin(api, 'n1')
    path = '/api/v1/nodes/' + n1
    for body in ({'metadata': {'labels': {'x': 'y', 'kubelet.kubernetes.io/x': 'y', 'a.node.kubernetes.io/x': 'y', 'topology.kubernetes.io/zone': 'a',
                                          'kubernetes.io/hostname': 'h', 'kubernetes.io/os': 'linux'}}},
                 {'metadata': {'finalizers': ['a.b/c']}}, {'metadata': {'finalizers': None}}, {'metadata': {'annotations': {'a': 'b'}}},
                 {'spec': {'podCIDR': '10.1.0.0/24', 'podCIDRs': ['10.1.0.0/24']}}, {'spec': {'unschedulable': True}}):
        patch(api, path, body, node(n1)).want(200)
    for body, why in (
            ({'metadata': {'labels': {'foo.kubernetes.io/x': 'y'}}}, 'is not allowed to modify labels: foo.kubernetes.io/x'),
            ({'metadata': {'labels': {'node-restriction.kubernetes.io/a': 'b', 'k8s.io/x': 'y', 'z': 'z'}}},
             'is not allowed to modify labels: k8s.io/x, node-restriction.kubernetes.io/a'),
            ({'spec': {'taints': [{'key': 'a', 'effect': 'NoSchedule'}]}}, f'node "{n1}" is not allowed to modify taints'),
            ({'metadata': {'ownerReferences': [{'apiVersion': 'v1', 'kind': 'Node', 'name': 'n', 'uid': '1'}]}}, f'node "{n1}" is not allowed to modify ownerReferences')):
        for sub in ('', '/status'):
            if 'ownerReferences' not in body['metadata'] if 'metadata' in body else True:
                assert refused(patch(api, path + sub, body, node(n1)))['message'] == f'nodes "{n1}" is forbidden: {why}', (body, sub)
    refused(patch(api, path, {'metadata': {'ownerReferences': [{'apiVersion': 'v1', 'kind': 'Node', 'name': 'n', 'uid': '1'}]}}, node(n1)), 'modify ownerReferences')
    api.patch(path, {'metadata': {'labels': {'node-restriction.kubernetes.io/a': 'b'}}, 'spec': {'taints': [{'key': 'a', 'effect': 'NoSchedule'}]}}).want(200)
    for body, why in (({'metadata': {'labels': {'node-restriction.kubernetes.io/a': None}}}, 'modify labels: node-restriction.kubernetes.io/a'),
                      ({'metadata': {'labels': {'node-restriction.kubernetes.io/a': 'c'}}}, 'modify labels: node-restriction.kubernetes.io/a'),
                      ({'spec': {'taints': None}}, 'modify taints')):
        refused(patch(api, path, body, node(n1)), why)
    other = n1 + '-b'
    labels = {'foo.kubernetes.io/x': 'a', 'k8s.io/z': 'a', 'node-restriction.kubernetes.io/a': 'b', 'kubernetes.io/hostname': 'h', 'x': 'y'}
    st = refused(api.post('/api/v1/nodes', {'metadata': {'name': other, 'labels': labels}}, **node(other)))
    assert st['message'] == (f'nodes "{other}" is forbidden: node "{other}" is not allowed to set the following labels: '
                             'foo.kubernetes.io/x, k8s.io/z, node-restriction.kubernetes.io/a'), st
    api.post('/api/v1/nodes', {'metadata': {'name': other, 'labels': {'kubernetes.io/hostname': 'h'}},
                               'spec': {'taints': [{'key': 'a', 'effect': 'NoSchedule'}]}}, **node(other)).want(201)


def test_a_node_has_one_lease(api):
    n1, n2 = begin(api, 'n1', 'n2')
    own, same = LEASES % 'kube-node-lease', 'can only access node lease with the same name as the requesting node'
    api.post(own, {'metadata': {'name': n1}}, **node(n1)).want(201)
    api.get(f'{own}/{n1}', **node(n1)).want(200)
    patch(api, f'{own}/{n1}', {'spec': {'holderIdentity': n1}}, node(n1)).want(200)
    assert refused(api.post(own, {'metadata': {'name': n2}}, **node(n1)))['message'] == f'leases.coordination.k8s.io "{n2}" is forbidden: {same}'
    for method, path, body in (('GET', f'{own}/{n2}', None), ('PUT', f'{own}/{n2}', {'metadata': {'name': n2}}), ('DELETE', f'{own}/{n2}', None)):
        st = refused(api.call(method, path, body, **node(n1)), f'User "system:node:{n1}" cannot ')
        assert st['message'].endswith(f'in the namespace "kube-node-lease": {same}'), st
    for method, path in (('GET', own), ('DELETE', own)):
        refused(api.call(method, path, **node(n1)), 'can only get, create, update, patch, or delete a node lease')
    refused(api.post(LEASES % api.ns, {'metadata': {'name': n1}}, **node(n1)), 'can only access leases in the "kube-node-lease" system namespace')
    refused(api.get(f'{LEASES % "kube-system"}/{n1}', **node(n1)), 'can only access leases in the "kube-node-lease" system namespace')
    api.put(f'{own}/{n2}', {'metadata': {'name': n2}}, **node(n2)).want(201)
    for name in (n1, n2):
        api.delete(f'{own}/{name}', **node(name)).want(200)


VOLUMES = [{'name': 'a', 'secret': {'secretName': 's-volume'}}, {'name': 'b', 'configMap': {'name': 'c-volume'}},
           {'name': 'c', 'projected': {'sources': [{'secret': {'name': 's-projected'}}, {'configMap': {'name': 'c-projected'}}]}},
           {'name': 'd', 'csi': {'driver': 'd', 'nodePublishSecretRef': {'name': 's-csi'}}},
           {'name': 'e', 'flexVolume': {'driver': 'd/d', 'secretRef': {'name': 's-flex'}}}]
INIT = [{'name': 'i', 'image': 'i', 'env': [{'name': 'E', 'valueFrom': {'secretKeyRef': {'name': 's-env', 'key': 'k'}}}], 'envFrom': [{'configMapRef': {'name': 'c-from'}}]}]
CONTAINERS = [{'name': 'c', 'image': 'i', 'envFrom': [{'secretRef': {'name': 's-from'}}], 'env': [{'name': 'E', 'valueFrom': {'configMapKeyRef': {'name': 'c-env', 'key': 'k'}}}]}]


def test_a_node_reads_what_its_pods_name(api):
    n1, n2 = begin(api, 'n1', 'n2')
    for name in ('bob', 'eve'):
        api.post(api.path('serviceaccounts'), {'metadata': {'name': name}}).want(201)
    make_pod(api, 'p', n1, serviceAccountName='bob', imagePullSecrets=[{'name': 's-pull'}], volumes=VOLUMES, initContainers=INIT, containers=CONTAINERS)
    api.post(api.path('secrets'), {'metadata': {'name': 's-pull'}}).want(201)
    none = f"no relationship found between node '%s' and this object"
    for name in ('s-volume', 's-projected', 's-csi', 's-flex', 's-env', 's-from'):
        api.get(api.path('secrets', name), **node(n1)).want(404)
    for name in ('c-volume', 'c-projected', 'c-env', 'c-from'):
        api.get(api.path('configmaps', name), **node(n1)).want(404)
    api.get(api.path('secrets', 's-pull'), **node(n1)).want(200)
    assert len(api.get(api.path('secrets') + '?fieldSelector=metadata.name%3Ds-pull', **node(n1)).want(200).json['items']) == 1
    api.get(api.path('serviceaccounts', 'bob'), **node(n1)).want(200)
    for plural, name in (('secrets', 's-other'), ('configmaps', 's-volume'), ('secrets', 'c-volume'), ('serviceaccounts', 'eve')):
        st = refused(api.get(api.path(plural, name), **node(n1)))
        assert st['message'] == (f'{plural} "{name}" is forbidden: User "system:node:{n1}" cannot get resource "{plural}" in API group "" '
                                 f'in the namespace "{api.ns}": {none % n1}'), st
    refused(api.get(api.path('secrets', 's-pull'), **node(n2)), none % n2)
    refused(api.get('/api/v1/namespaces/default/secrets/s-pull', **node(n1)), none % n1)
    refused(api.get(api.path('secrets'), **node(n1)), 'No Object name found')
    refused(api.get('/api/v1/secrets', **node(n1)), 'can only read namespaced object of this type')
    refused(api.put(api.path('secrets', 's-pull'), {'metadata': {'name': 's-pull'}}, **node(n1)), 'can only read resources of this type')
    refused(api.get(api.path('serviceaccounts'), **node(n1)), 'can only create tokens for individual service accounts')
    api.delete(api.path('pods', 'p'), {'gracePeriodSeconds': 0}).want(200)
    until('the Secret to be hidden again', lambda: api.get(api.path('secrets', 's-pull'), **node(n1)).status == 403)


def test_a_pod_that_is_bound_later_counts(api):
    n1, = begin(api, 'n1')
    make_pod(api, 'p', None, imagePullSecrets=[{'name': 's'}])
    api.get(api.path('secrets', 's'), **node(n1)).want(403)
    api.post(api.path('pods', 'p', 'binding'), {'metadata': {'name': 'p'}, 'target': {'kind': 'Node', 'name': n1}}).want(201)
    until('the node to see its Secret', lambda: api.get(api.path('secrets', 's'), **node(n1)).status == 404)


def test_a_node_reads_and_writes_its_pods_only(api):
    n1, n2 = begin(api, 'n1', 'n2')
    make_pod(api, 'p', n1)
    mine = f'?fieldSelector=spec.nodeName%3D{n1}'
    for where in ('/api/v1/pods', api.path('pods')):
        api.get(where + mine, **node(n1)).want(200)
        api.get(where + mine + ',status.phase!%3DFailed', **node(n1)).want(200)
        for more in ('', f'?fieldSelector=spec.nodeName%3D{n2}', f'?fieldSelector=spec.nodeName!%3D{n1}', f'?fieldSelector=metadata.name!%3Da%5C,spec.nodeName%3D{n1}',
                     '?watch=true', '?labelSelector=spec.nodeName%3D' + n1):
            st = refused(api.get(where + more, **node(n1)))
            assert st['message'].endswith(': can only list/watch pods with spec.nodeName field selector'), st
    refused(api.get(api.path('pods', 'p'), **node(n2)), 'no relationship found')
    own = api.path('pods', 'p')
    for method, path, body in (('PUT', own, pod('p', n1)), ('PATCH', own, {}), ('GET', own + '/log', None), ('POST', own + '/binding', {}), ('DELETE', api.path('pods'), None)):
        answer = api.call(method, path, body, Content_Type=MERGE if method == 'PATCH' else 'application/json', **node(n1))
        assert refused(answer, f'User "system:node:{n1}" cannot')['message'].endswith(f'in the namespace "{api.ns}"'), (method, path)
    patch(api, own + '/status', {'status': {'phase': 'Running'}}, node(n1)).want(200)
    for body, who, why in (({'status': {'phase': 'Failed'}}, n2, f'node "{n2}" can only update pod status for pods with spec.nodeName set to itself'),
                           ({'metadata': {'labels': {'a': 'b'}}}, n1, f'node "{n1}" cannot update labels through pod status')):
        assert refused(patch(api, own + '/status', body, node(who)))['message'] == f'pods "p" is forbidden: {why}'
    assert refused(api.delete(own, **node(n2)))['message'] == f'pods "p" is forbidden: node "{n2}" can only delete pods with spec.nodeName set to itself'
    api.delete(own, {'gracePeriodSeconds': 0}, **node(n1)).want(200)
    api.delete(own, **node(n1)).want(404)


def test_a_node_makes_mirror_pods_only(api):
    n1, n2 = begin(api, 'n1', 'n2')
    own = {'apiVersion': 'v1', 'kind': 'Node', 'name': n1, 'uid': api.get('/api/v1/nodes/' + n1).json['metadata']['uid'], 'controller': True}

    def make(refs=(own,), on=n1, who=n1, notes=MIRROR, dry='?dryRun=All', **spec):
        made = pod('m', on, **spec)
        made['metadata'].update(annotations=notes, ownerReferences=list(refs))
        return api.post(api.path('pods') + dry, made, **node(who))
    make().want(201)
    make(refs=[dict(own, blockOwnerDeletion=False)]).want(201)
    itself, volume = 'can only create pods with an owner reference set to itself', lambda **what: {'volumes': [dict({'name': 'v'}, **what)]}
    for why, case in (
            (f'pod does not have "kubernetes.io/config.mirror" annotation, node "{n1}" can only create mirror pods', {'notes': {}}),
            ('can only create pods with spec.nodeName set to itself', {'on': n2}), ('can only create pods with spec.nodeName set to itself', {'on': None}),
            (itself, {'refs': []}), (itself, {'refs': [dict(own, kind='Pod')]}), (itself, {'refs': [dict(own, name=n2)]}), (itself, {'refs': [dict(own, apiVersion='v2')]}),
            ('can only create pods with a single owner reference set to itself', {'refs': [own, dict(own, uid='2', controller=False)]}),
            ('can only create pods with a controller owner reference set to itself', {'refs': [dict(own, controller=False)]}),
            ('must not set blockOwnerDeletion on an owner reference', {'refs': [dict(own, blockOwnerDeletion=True)]}),
            (f'node {n1} UID mismatch: expected 2 got {own["uid"]}', {'refs': [dict(own, uid='2')]}),
            ('can not create pods that reference serviceaccounts', {'serviceAccountName': 'bob'}),
            ('can not create pods that reference secrets', {'imagePullSecrets': [{'name': 's'}]}),
            ('can not create pods that reference configmaps', volume(configMap={'name': 'c'})),
            ('can not create pods that reference persistentvolumeclaims', volume(persistentVolumeClaim={'claimName': 'c'})),
            ('can not create pods that reference serviceaccounts (via projected volumes)', volume(projected={'sources': [{'serviceAccountToken': {'path': 'token'}}]}))):
        told = why if why.startswith(('pod ', f'node {n1} ')) else f'node "{n1}" {why}'
        assert refused(make(**case))['message'] == 'pods "m" is forbidden: ' + told, case
    away = n1 + '-away'
    make(refs=[dict(own, name=away)], on=away, who=away).fails(404, 'NotFound', f'node "{away}" not found')
    make(dry='').want(201)
    api.get(api.path('pods', 'm'), **node(n1))


def token(api, who, account, name, uid, **spec):
    ref = {'apiVersion': 'v1', 'kind': 'Pod', 'name': name}
    if uid:
        ref['uid'] = uid
    return api.post(api.path('serviceaccounts', account, 'token'), {'spec': dict({'boundObjectRef': ref}, **spec)}, **who)


def test_a_node_gets_tokens_of_its_pods_only(api):
    n1, n2 = begin(api, 'n1', 'n2')
    for name in ('bob', 'eve', 'ann'):
        api.post(api.path('serviceaccounts'), {'metadata': {'name': name}}).want(201)
    tokens = lambda *audiences: [{'name': 'w', 'projected': {'sources': [
        {'serviceAccountToken': dict({'path': f't{i}'}, **({'audience': x} if x else {}))} for i, x in enumerate(audiences)]}}]
    p = make_pod(api, 'p', n1, serviceAccountName='bob', volumes=tokens('vault', ''))
    far = make_pod(api, 'far', n2, serviceAccountName='bob', volumes=tokens(''))
    eve = make_pod(api, 'eve', n1, serviceAccountName='eve', volumes=tokens(''))
    one = make_pod(api, 'one', n1, serviceAccountName='bob', volumes=tokens('vault'))
    token(api, node(n1), 'bob', 'p', p).want(201)
    token(api, node(n1), 'bob', 'p', p, audiences=['vault']).want(201)
    forbidden = lambda answer: refused(answer)['message'].removeprefix('serviceaccounts "bob" is forbidden: ')
    where = api.path('serviceaccounts', 'bob', 'token')
    assert forbidden(api.post(where, {'spec': {}}, **node(n1))) == 'node requested token not bound to a pod'
    assert forbidden(api.post(where, {'spec': {'boundObjectRef': {'apiVersion': 'v1', 'kind': 'Secret', 'name': 's', 'uid': p}}},
                              **node(n1))) == 'node requested token not bound to a pod'
    assert forbidden(token(api, node(n1), 'bob', 'p', '')) == 'node requested token with a pod binding without a uid'
    assert forbidden(token(api, node(n1), 'bob', 'p', 'x')) == ('the UID in the bound object reference (x) does not match the UID in record. '
                                                                'The object might have been deleted and then recreated')
    assert forbidden(token(api, node(n1), 'bob', 'far', far)) == 'node requested token bound to a pod scheduled on a different node'
    assert forbidden(token(api, node(n1), 'bob', 'p', p, audiences=['vault', 'x'])) == 'node may only request 0 or 1 audiences'
    missing = 'audience "%s" not found in pod spec volume, system:node:%s is not authorized to request tokens for this audience'
    assert forbidden(token(api, node(n1), 'bob', 'one', one)) == missing % ('', n1)
    assert forbidden(token(api, node(n1), 'bob', 'one', one, audiences=['x'])) == missing % ('x', n1)
    st = token(api, node(n1), 'bob', 'zz', '1').fails(404, 'NotFound', 'pod "zz" not found')
    assert st['details'] == {'name': 'zz', 'kind': 'pod'}
    other = 'cannot bind token for serviceaccount "bob" to pod running with different serviceaccount name.'
    for who in (node(n1), {}):
        token(api, who, 'bob', 'eve', eve).fails(400, 'BadRequest', other)
    refused(token(api, node(n1), 'ann', 'p', p), 'cannot create resource "serviceaccounts/token"', 'no relationship found')
    rules = [{'verbs': ['request-serviceaccounts-token-audience'], 'apiGroups': [''], 'resources': ['x'], 'resourceNames': ['bob']}]
    api.post(RBAC + '/clusterroles', {'metadata': {'name': api.ns}, 'rules': rules}).want(201)
    api.post(RBAC + '/clusterrolebindings', {'metadata': {'name': api.ns}, 'roleRef': {'apiGroup': 'rbac.authorization.k8s.io', 'kind': 'ClusterRole', 'name': api.ns},
                                             'subjects': [{'kind': 'Group', 'name': 'system:nodes'}]}).want(201)
    until('the right to another audience', lambda: token(api, node(n1), 'bob', 'one', one, audiences=['x']).status == 201)


def test_reviews_tell_of_nodes_what_is_decided(api):
    n1, = begin(api, 'n1')
    api.post(api.path('serviceaccounts'), {'metadata': {'name': 'bob'}}).want(201)
    make_pod(api, 'p', n1, serviceAccountName='bob', imagePullSecrets=[{'name': 's'}])
    me, here = 'system:node:' + n1, {'namespace': api.ns}
    none, mine = f"no relationship found between node '{n1}' and this object", {'rawSelector': f'spec.nodeName={n1}'}
    only = 'can only list/watch pods with spec.nodeName field selector'
    term = lambda op, *values: {'requirements': [{'key': 'spec.nodeName', 'operator': op, 'values': list(values)}]}
    for want, asked in (
            ((True, ''), dict(verb='get', resource='nodes', name=n1)), ((True, ''), dict(verb='update', resource='nodes', subresource='status')),
            ((False, ''), dict(verb='get', resource='nodes', subresource='status', name=n1)),
            ((True, ''), dict(here, verb='get', resource='secrets', name='s')), ((False, none), dict(here, verb='get', resource='secrets', name='t')),
            ((False, 'cannot read subresource'), dict(here, verb='get', resource='secrets', subresource='x', name='s')),
            ((False, only), dict(verb='list', resource='pods')), ((True, ''), dict(verb='list', resource='pods', fieldSelector=mine)),
            ((True, ''), dict(verb='list', resource='pods', fieldSelector=term('In', n1))), ((False, only), dict(verb='list', resource='pods', fieldSelector=term('NotIn', n1))),
            ((False, only), dict(verb='list', resource='pods', fieldSelector=term('In', n1, 'b'))), ((False, only), dict(verb='list', resource='pods', fieldSelector={'rawSelector': '!!!'})),
            ((False, 'No Object name found'), dict(verb='get', resource='pods', fieldSelector=mine)),
            ((True, ''), dict(here, verb='create', resource='serviceaccounts', subresource='token', name='bob')),
            ((False, 'can only create tokens for individual service accounts'), dict(here, verb='create', resource='serviceaccounts', subresource='token')),
            ((True, ''), dict(here, verb='create', resource='events')), ((True, ''), dict(here, verb='create', resource='pods', subresource='eviction', name='p')),
            ((False, ''), dict(verb='patch', resource='services')), ((True, ''), dict(verb='list', resource='services')),
            ((True, ''), dict(here, verb='get', resource='endpoints', name='x')), ((True, ''), dict(verb='create', resource='tokenreviews', group='authentication.k8s.io'))):
        assert told(api, me, **asked) == want, (asked, told(api, me, **asked), want)
    assert told(api, 'system:node:', verb='list', resource='services') == (False, 'unknown node for user "system:node:"')
    can = api.post(AUTHZ + '/selfsubjectaccessreviews', {'spec': {'resourceAttributes': dict(here, verb='get', resource='secrets', name='t')}}, **node(n1)).want(201)
    assert can.json['status'] == {'allowed': False, 'reason': none}
    rules = api.post(AUTHZ + '/selfsubjectrulesreviews', {'spec': {'namespace': api.ns}}, **node(n1)).want(201).json['status']
    assert rules['incomplete'] and rules['evaluationError'] == 'node authorizer does not support user rule resolution'


def test_selectors_in_reviews(api):
    def ask(**asked):
        return review(api, 'u', groups=(), verb='list', resource='pods', **asked)
    one = {'key': 'a', 'operator': 'In', 'values': ['b']}
    for kind in ('fieldSelector', 'labelSelector'):
        at, begin_text = 'spec.resourceAttributes.' + kind, '.authorization.k8s.io "" is invalid: spec.resourceAttributes.' + kind
        for selector, why in (
                ({}, f'.requirements: Required value: when {at} is specified, requirements or rawSelector is required'),
                ({'rawSelector': 'a=b', 'requirements': [one]}, '.rawSelector: Invalid value: "a=b": may not specified at the same time as requirements'),
                ({'requirements': [one, {'key': 'a', 'operator': 'In'}]}, ".requirements[1].values: Required value: must be specified when `operator` is 'In' or 'NotIn'"),
                ({'requirements': [dict(one, operator='Exists')]}, ".requirements[0].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'")):
            assert ask(**{kind: selector}).fails(422, 'Invalid')['message'] == begin_text + why, selector
        for selector in ({'requirements': [{'key': 'a', 'operator': 'Foo'}]}, {'rawSelector': '!!!'}):
            assert ask(**{kind: selector}).want(201).json['status']['evaluationError'] == at + ' ignored due to parse error', selector
        assert 'evaluationError' not in ask(**{kind: {'requirements': [one]}}).want(201).json['status']
    assert ask(fieldSelector={'requirements': [{'operator': 'In', 'values': ['x']}]}).fails(422, 'Invalid')['message'].endswith(
        'fieldSelector.requirements[0].key: Required value: must be specified')


@ours('a stock cluster has its network from another part')
def test_a_role_of_nodes_for_their_network(api):
    role = api.get(RBAC + '/clusterroles/system:node-network').want(200).json
    assert role['rules'] == [{'verbs': ['get', 'list', 'watch'], 'apiGroups': [''], 'resources': ['nodes']}]
    assert 'subjects' not in api.get(RBAC + '/clusterrolebindings/system:node').want(200).json
