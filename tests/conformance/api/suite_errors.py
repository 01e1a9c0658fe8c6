# SPDX-License-Identifier: Apache-2.0
"""What is refused, and how it is said (service-api.md section 18.3); Namespaces' life."""
from api import config_map, ours, proves, service, until


@proves('18.1.3')
@ours('a stock server answers those of no group in text, and has more subresources (docs/api.md)')
def test_unknown_paths(api):
    for path in ('/api/v1/nonsense', '/api/v2/pods', '/apis/example.com/v1/things', '/nonsense', '/api/v1/namespaces/x/y/z/a/b',
                 '/api/v1/namespaces/default/services/', '/api/v1/namespaces/default/pods/a/exec/b', '/api/v1/namespaces/a/proxy',
                 '/api/v1/services/a', '/api/v1/namespaces/default/nodes',
                 '/api/v1/namespaces/default/services/a/nonsense', '/apis/discovery.k8s.io/v9/endpointslices'):
        api.get(path).fails(404, 'NotFound', 'could not find the requested resource')


@proves('18.1.3', '18.3.6')
def test_methods(api):
    for method, path in (('POST', '/api/v1/services'), ('PUT', api.path('services')), ('PATCH', api.path('services')),
                         ('POST', api.path('services', 'a')), ('DELETE', '/api/v1/services'), ('DELETE', api.path('services', 'a', 'status'))):
        api.call(method, path, {}).fails(405, 'MethodNotAllowed', 'does not allow this method')


@proves('18.3.1', '18.3.5')
def test_not_found(api):
    st = api.get(api.path('services', 'x')).fails(404, 'NotFound', 'services "x" not found')
    assert st['details'] == {'name': 'x', 'kind': 'services'}
    st = api.get(api.path('endpointslices', 'x')).fails(404, 'NotFound', 'endpointslices.discovery.k8s.io "x" not found')
    assert st['details'] == {'name': 'x', 'group': 'discovery.k8s.io', 'kind': 'endpointslices'}


@proves('18.2.3')
def test_accept(api):
    api.get(api.path('services'), Accept='text/html').fails(406, 'NotAcceptable')
    api.get(api.path('services'), Accept='application/vnd.kubernetes.protobuf,application/json').want(200)
    api.get(api.path('services'), Accept='text/html, */*').want(200)


@proves('18.3.9')
def test_all_causes_are_told(api):
    sent = service('A_bad', ports=((0,), (80, 'x'), (80, 'x')), type='Nonsense', sessionAffinity='Never')
    st = api.post(api.path('services'), sent).fails(422, 'Invalid', 'Service "A_bad" is invalid: [')
    fields = {c['field'] for c in st['details']['causes']}
    assert {'metadata.name', 'spec.ports[0].port', 'spec.ports[2].name', 'spec.type', 'spec.sessionAffinity'} <= fields, fields
    assert st['details']['kind'] == 'Service' and all(c['reason'] and c['message'] for c in st['details']['causes'])


def test_pod_cidrs_of_nodes(api):
    node = {'metadata': {'name': api.ns}, 'spec': {'podCIDR': 'x'}}
    api.post('/api/v1/nodes', node).fails(422, 'Invalid', 'spec.podCIDRs[0]: Invalid value: "x": must be a valid CIDR value')
    node['spec']['podCIDR'] = '192.0.2.0/24'
    assert api.post('/api/v1/nodes', node).want(201).json['spec']['podCIDRs'] == ['192.0.2.0/24']
    api.patch('/api/v1/nodes/' + api.ns, {'spec': {'podCIDR': '198.51.100.0/24'}}).fails(422, 'Invalid', 'may not change podCIDR')
    api.delete('/api/v1/nodes/' + api.ns).want(200)


def test_missing_namespace(api):
    st = api.post('/api/v1/namespaces/none/services', service('a')).fails(404, 'NotFound', 'namespaces "none" not found')
    assert st['details']['kind'] == 'namespaces'
    assert api.get('/api/v1/namespaces/none/services').want(200).json['items'] == []


@proves('18.3.4', '20.13')
def test_own_namespaces_stay(api):
    for name in ('default', 'kube-system', 'kube-public'):
        api.delete('/api/v1/namespaces/' + name).fails(403, 'Forbidden', 'may not be deleted')


@ours('a stock server leaves that to its controllers')
def test_a_deleted_namespace_is_emptied(api):
    where = '/api/v1/namespaces/' + api.ns
    held = config_map('held')
    held['metadata']['finalizers'] = ['example.com/x']
    api.post(api.path('configmaps'), held).want(201)
    api.post(api.path('services'), service('a')).want(201)
    got = api.delete(where).want(200).json
    assert got['status']['phase'] == 'Terminating' and got['metadata']['deletionTimestamp']
    st = api.post(api.path('configmaps'), config_map('late')).fails(403, 'Forbidden', 'it is being terminated')
    assert st['details']['causes'] == [{'reason': 'NamespaceTerminating', 'field': 'metadata.namespace',
                                        'message': f'namespace {api.ns} is being terminated'}]
    until('the Service to go', lambda: api.get(api.path('services', 'a')).status == 404)
    assert api.get(where).want(200).json['status']['phase'] == 'Terminating'
    api.patch(api.path('configmaps', 'held'), {'metadata': {'finalizers': None}}).want(200)
    until('the namespace to go', lambda: api.get(where).status == 404)


@proves('18.4.6')
def test_query_options(api):
    api.post(api.path('configmaps') + '?fieldValidation=Bad', config_map('a')).fails(422, 'Invalid', 'fieldValidation')
    api.post(api.path('configmaps') + '?dryRun=Bad', config_map('a')).fails(422, 'Invalid', 'dryRun')
    api.post(api.path('configmaps') + '?fieldManager=' + 'x' * 129, config_map('a')).fails(422, 'Invalid', 'fieldManager')
    api.post(api.path('configmaps') + '?nonsense=1&pretty=true&timeout=30s', config_map('a')).want(201)


@proves('18.1.4', '18.3.4')
def test_who_may_come_in(api):
    assert api.call('GET', '/api/v1/pods', with_cert=False).fails(403, 'Forbidden')
    assert api.call('GET', '/metrics', with_cert=False).status == 403
    for path in ('/healthz', '/livez', '/readyz'):
        assert api.call('GET', path, with_cert=False).want(200).raw == b'ok'
    assert api.call('GET', '/version', with_cert=False).want(200).json['major'] == '1'
