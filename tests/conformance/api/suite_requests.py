# SPDX-License-Identifier: Apache-2.0
"""How a request is handled, and in which order its errors come (service-api.md section 1)."""
import re
import time

from api import config_map, merged, ours, proves, rev, service

OPTIONS = ['--service-cluster-ip-range', '10.96.0.0/16,fd00:96::/108']
APPLY = 'application/apply-patch+yaml'
LOCAL = {'type': 'LoadBalancer', 'externalTrafficPolicy': 'Local'}
CIDRS = '/apis/networking.k8s.io/v1/servicecidrs'
ADDRESSES = '/apis/networking.k8s.io/v1/ipaddresses'


def post(api, name, **spec):
    return api.post(api.path('services'), service(name, **spec))


def with_node_port(name, port, **spec):
    sent = service(name, **dict({'type': 'NodePort'}, **spec))
    sent['spec']['ports'][0]['nodePort'] = port
    return sent


def is_free(api, ip):
    return api.get(f'{ADDRESSES}/{ip}').status == 404


def slice_(name, **more):
    return dict({'metadata': {'name': name}, 'addressType': 'IPv4', 'endpoints': []}, **more)


def cidr_name(api):
    return 'c-' + api.ns[-40:]


@proves('1.1.1')
def test_what_cannot_be_read_comes_first(api):
    sent = merged(service('A_bad', type=5, clusterIP='x'), {'metadata': {'namespace': 'other'}})
    api.post(api.path('services'), sent).fails(400, 'BadRequest', 'cannot be handled as a Service')


@proves('1.1.3', '1.1.4', '1.1.8', '1.1.18')
def test_what_the_server_sets(api):
    sent = {'metadata': {'name': 'a', 'uid': 'x', 'creationTimestamp': '2001-01-01T00:00:00Z', 'deletionTimestamp': '2001-01-01T00:00:00Z',
                         'deletionGracePeriodSeconds': 5, 'generation': 7, 'selfLink': '/x'}}
    for plural, more, generation in (('services', service('a'), 7), ('endpointslices', slice_('a'), 1)):
        got = api.post(api.path(plural), merged(more, sent)).want(201).json
        meta = got['metadata']
        assert re.fullmatch('[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}', meta['uid'])
        assert abs(time.time() - time.mktime(time.strptime(meta['creationTimestamp'], '%Y-%m-%dT%H:%M:%SZ')) + time.timezone) < 600
        assert not {'deletionTimestamp', 'deletionGracePeriodSeconds', 'selfLink'} & set(meta), meta
        assert meta['generation'] == generation
        assert api.get(api.path(plural, 'a')).want(200).json == got


@proves('1.1.5')
def test_a_create_has_a_manager(api):
    for query, want in (('?fieldManager=me', 'me'), ('', 'tester')):
        sent = config_map('a' + want, x='1')
        got = api.post(api.path('configmaps') + query, sent, User_Agent='tester/1.0 (x)').want(201).json['metadata']['managedFields']
        assert [(e['manager'], e['operation'], e['apiVersion'], e['fieldsType']) for e in got] == [(want, 'Update', 'v1', 'FieldsV1')]
        assert got[0]['fieldsV1'] == {'f:data': {'.': {}, 'f:x': {}}}


@proves('1.1.6')
def test_a_namespace_that_is_not(api):
    # Whatever is wrong with the object.
    st = api.post('/api/v1/namespaces/none/services', service('A_bad', type='x')).fails(404, 'NotFound', 'namespaces "none" not found')
    assert st['details'] == {'name': 'none', 'kind': 'namespaces'}


@proves('1.1.7')
def test_a_namespace_that_ends(api):
    # A finalizer of its own keeps it until the test has looked.
    held = config_map('held')
    held['metadata']['finalizers'] = ['example.com/x']
    api.post(api.path('configmaps'), held).want(201)
    api.delete('/api/v1/namespaces/' + api.ns).want(200)
    st = post(api, 'A_bad').fails(403, 'Forbidden', f'is forbidden: unable to create new content in namespace {api.ns} because it is being terminated')
    assert st['details']['causes'] == [{'reason': 'NamespaceTerminating', 'field': 'metadata.namespace',
                                        'message': f'namespace {api.ns} is being terminated'}]
    api.patch(api.path('configmaps', 'held'), {'metadata': {'finalizers': None}}).want(200)


@proves('1.1.9')
def test_generated_names(api):
    sent = merged(service(''), {'metadata': {'name': None, 'generateName': 'x' * 60}})
    one, two = (api.post(api.path('services'), sent).want(201).json['metadata']['name'] for _ in range(2))
    assert re.fullmatch('x{58}[bcdfghjklmnpqrstvwxz2456789]{5}', one) and one != two


@proves('1.1.10')
def test_no_name_is_free(api):
    # That it is tried 8 times cannot be seen from outside; this is how the last one ends.
    sent = merged(service('a'), {'metadata': {'generateName': 'x'}})
    api.post(api.path('services'), sent).want(201)
    st = api.post(api.path('services'), sent).fails(409, 'AlreadyExists')
    assert st['message'] == 'services "a" already exists, the server was not able to generate a unique name for the object', st
    assert st['details'] == {'name': 'a', 'kind': 'services', 'retryAfterSeconds': 1}, st


@proves('1.1.11')
def test_errors_of_addresses_come_alone(api):
    bad = {'sessionAffinity': 'Never', 'type': 'NodePort', 'trafficDistribution': 'x'}
    for spec, field in (({'clusterIP': 'x'}, 'spec.clusterIPs[0]'), ({'clusterIP': '192.0.2.1'}, 'spec.clusterIPs'),
                        ({'ipFamilyPolicy': 'x'}, 'spec.ipFamilyPolicy')):
        causes = api.post(api.path('services'), with_node_port('A_bad', 1, **bad, **spec)).causes()
        assert [c.split(':')[0] for c in causes] == [field], causes


@proves('1.1.12')
def test_errors_of_node_ports_come_alone(api):
    causes = api.post(api.path('services'), with_node_port('A_bad', 1, clusterIP='10.96.7.1', sessionAffinity='Never')).causes()
    assert causes == ['spec.ports[0].nodePort: Invalid value: 1: provided port is not in the valid range. '
                      'The range of valid ports is 30000-32767']
    assert is_free(api, '10.96.7.1')


@proves('1.1.13')
def test_a_create_has_no_status(api):
    sent = merged(service('a', type='LoadBalancer'), {'status': {'loadBalancer': {'ingress': [{'ip': '192.0.2.1'}]}}})
    assert api.post(api.path('services'), sent).want(201).json['status'] == {'loadBalancer': {}}


@proves('1.1.14')
def test_errors_of_validation_come_together(api):
    causes = post(api, 'A_bad', type='Nonsense', sessionAffinity='Never', ports=((0,), (80, 'x'))).causes()
    assert [c.split(':')[0] for c in causes] == ['metadata.name', 'spec.ports[0].name', 'spec.ports[0].port', 'spec.ports[0].targetPort',
                                                 'spec.sessionAffinity', 'spec.type'], causes


@proves('1.1.15')
def test_warnings_come_with_success(api):
    answer = post(api, 'a', externalName='example.com').want(201)
    assert answer.warnings() == ['spec.externalName is ignored when spec.type is not "ExternalName"']


def test_long_warnings_are_cut(api):
    """A head that is too long would hide from the client that the write was made."""
    def told(*lengths, letter='x'):
        fields = {f'k{i}'.ljust(n, letter): 1 for i, n in enumerate(lengths)}
        answer = api.post(api.path('configmaps') + '?dryRun=All', dict(config_map('a'), **fields)).want(201)
        return [len(text) for text in answer.warnings()]
    assert api.post(api.path('configmaps'), dict(config_map('long'), **{'x' * 70000: 1})).want(201).warnings()[0].startswith('unknown field "xxx')
    assert told(1000, 1000, 1000) == [1016] * 3 and told(*[1000] * 5) == [256] * 5
    assert told(*[250] * 20) == [256] * 16
    fields = ','.join(f'"{i}%s":1' % ('\u00e4' * 500) for i in range(9))
    raw = '{"metadata":{"name":"a"},%s}' % fields
    cut = api.post(api.path('configmaps') + '?dryRun=All', raw.encode(), Content_Type='application/json').want(201).headers['Warning']
    assert cut.encode('latin-1').decode().count('\u00e4') == 256 - len('unknown field "0'), cut


@proves('1.1.16')
def test_a_create_has_no_revision(api):
    sent = merged(config_map('a'), {'metadata': {'resourceVersion': '1'}})
    st = api.post(api.path('configmaps'), sent).want(500).json
    assert st['message'] == 'resourceVersion should not be set on objects to be created' and not st.get('reason'), st
    assert st['code'] == 500 and st['status'] == 'Failure'


@proves('1.1.17')
def test_a_refused_create_takes_nothing(api):
    sent = with_node_port('a', 30777, clusterIP='10.96.7.2', sessionAffinity='Never')
    assert len(api.post(api.path('services'), sent).causes()) == 1
    assert is_free(api, '10.96.7.2')
    api.post(api.path('services'), merged(sent, {'spec': {'sessionAffinity': None}})).want(201)


@proves('1.1.19')
def test_a_name_that_is_taken(api):
    post(api, 'a').want(201)
    st = post(api, 'a', clusterIP='10.96.7.3').fails(409, 'AlreadyExists', 'services "a" already exists')
    assert st['details'] == {'name': 'a', 'kind': 'services'} and is_free(api, '10.96.7.3')


@proves('1.2.1')
def test_put_under_another_name(api):
    post(api, 'a').want(201)
    api.put(api.path('services', 'a'), service('b')).fails(
        400, 'BadRequest', 'the name of the object (b) does not match the name on the URL (a)')


@proves('1.2.2')
def test_put_makes(api):
    assert api.put(api.path('services', 'a'), service('a')).want(201).json['spec']['clusterIP'].startswith('10.96.')
    assert api.put(api.path('endpoints', 'b'), {'metadata': {'name': 'b'}}).want(201).json['metadata']['uid']


@proves('1.2.3')
def test_put_does_not_make(api):
    api.put(api.path('endpointslices', 'a'), slice_('a')).fails(404, 'NotFound', 'endpointslices.discovery.k8s.io "a" not found')
    sent = {'metadata': {'name': cidr_name(api)}, 'spec': {'cidrs': ['192.0.2.0/24']}}
    api.put(f'{CIDRS}/{cidr_name(api)}', sent).fails(404, 'NotFound', f'servicecidrs.networking.k8s.io "{cidr_name(api)}" not found')
    sent = {'metadata': {'name': '192.0.2.1'}, 'spec': {'parentRef': {'resource': 'services', 'namespace': api.ns, 'name': 'a'}}}
    api.put(f'{ADDRESSES}/192.0.2.1', sent).fails(404, 'NotFound', 'ipaddresses.networking.k8s.io "192.0.2.1" not found')


@proves('1.2.4', '1.2.5')
def test_put_of_what_is_absent_and_its_preconditions(api):
    where = api.path('services', 'a')
    sent = merged(service('a'), {'metadata': {'uid': '00000000-0000-4000-8000-000000000000'}})
    api.put(where, sent).fails(409, 'Conflict', 'UID in precondition: 00000000-0000-4000-8000-000000000000')
    api.put(where, merged(service('a'), {'metadata': {'resourceVersion': '12345'}})).want(201)


@proves('1.2.6', '1.2.7')
def test_patch_of_what_is_absent(api):
    api.patch(api.path('services', 'a'), {}).fails(404, 'NotFound', 'services "a" not found')
    sent = service('a')
    sent['spec']['ports'][0]['protocol'] = 'TCP'
    got = api.call('PATCH', api.path('services', 'a') + '?fieldManager=me', sent, Content_Type=APPLY).want(201).json
    assert got['spec']['clusterIP']


@proves('1.2.8')
def test_put_without_a_revision(api):
    post(api, 'a').want(201)
    api.put(api.path('services', 'a'), service('a', ports=((81,),))).want(200)
    for plural, sent in (('endpoints', {'metadata': {'name': 'b'}}), ('endpointslices', slice_('b'))):
        api.post(api.path(plural), sent).want(201)
        api.put(api.path(plural, 'b'), merged(sent, {'metadata': {'labels': {'x': 'y'}}})).want(200)
    name = cidr_name(api)
    parent = {'parentRef': {'group': '', 'resource': 'services', 'namespace': api.ns, 'name': 'a'}}
    for where, sent in ((CIDRS, {'metadata': {'name': name}, 'spec': {'cidrs': ['203.0.113.0/24']}}),
                        (ADDRESSES, {'metadata': {'name': '203.0.113.9'}, 'spec': parent})):
        api.post(where, sent).want(201)
        changed = api.put(f'{where}/{sent["metadata"]["name"]}', merged(sent, {'metadata': {'labels': {'x': 'y'}}})).want(200)
        assert changed.json['metadata']['labels'] == {'x': 'y'}
        api.patch(f'{where}/{sent["metadata"]["name"]}', {'metadata': {'finalizers': None}}).want(200)
        api.delete(f'{where}/{sent["metadata"]["name"]}').want(200)


@proves('1.2.9')
def test_put_with_a_stale_revision(api):
    old = post(api, 'a').want(201).json
    api.put(api.path('services', 'a'), merged(old, {'metadata': {'labels': {'x': '1'}}})).want(200)
    st = api.put(api.path('services', 'a'), merged(old, {'metadata': {'labels': {'x': '2'}}})).fails(409, 'Conflict')
    assert st['message'] == ('Operation cannot be fulfilled on services "a": the object has been modified; please apply your changes to '
                             'the latest version and try again'), st
    assert st['details'] == {'name': 'a', 'kind': 'services'}


@proves('1.2.11')
def test_put_with_another_uid(api):
    made = post(api, 'a').want(201).json['metadata']['uid']
    other = '00000000-0000-4000-8000-000000000000'
    api.put(api.path('services', 'a'), merged(service('a'), {'metadata': {'uid': other}})).fails(
        409, 'Conflict', f'Precondition failed: UID in precondition: {other}, UID in object meta: {made}')


@proves('1.2.12')
def test_errors_of_allocation_come_first_in_updates(api):
    post(api, 'a').want(201)
    causes = api.patch(api.path('services', 'a'), {'spec': {'ipFamilyPolicy': 'x', 'sessionAffinity': 'Never'}}).causes()
    assert [c.split(':')[0] for c in causes] == ['spec.ipFamilyPolicy'], causes
    causes = api.put(api.path('services', 'a'), with_node_port('a', 1, sessionAffinity='Never')).causes()
    assert [c.split(':')[0] for c in causes] == ['spec.ports[0].nodePort'], causes


@proves('1.2.13')
def test_a_refused_update_takes_nothing(api):
    post(api, 'a').want(201)
    api.put(api.path('services', 'a'), with_node_port('a', 30778, sessionAffinity='Never')).want(422)
    api.post(api.path('services'), with_node_port('b', 30778)).want(201)


@proves('1.2.14')
def test_a_refused_update_keeps_what_it_has(api):
    api.post(api.path('services'), with_node_port('a', 30779)).want(201)
    api.patch(api.path('services', 'a'), {'spec': {'type': 'ClusterIP', 'sessionAffinity': 'Never'}}).want(422)
    assert api.post(api.path('services'), with_node_port('b', 30779)).causes() == [
        'spec.ports[0].nodePort: Invalid value: 30779: provided port is already allocated']


@proves('1.2.15')
def test_an_update_that_changes_nothing(api):
    made = post(api, 'a').want(201).json
    w = api.watch(api.path('services'), resourceVersion=rev(made))
    assert api.put(api.path('services', 'a'), made).want(200).json == made
    assert rev(api.put(api.path('services', 'a'), service('a')).want(200).json) == rev(made)
    post(api, 'b').want(201)
    w.want('ADDED', 'b')


@proves('1.2.16', '1.2.17')
def test_system_metadata_stays(api):
    made = post(api, 'a').want(201).json['metadata']
    got = api.put(api.path('services', 'a'), service('a', ports=((81,),))).want(200).json['metadata']
    assert (got['uid'], got['creationTimestamp']) == (made['uid'], made['creationTimestamp'])
    sent = merged(service('a'), {'metadata': {'creationTimestamp': '2001-01-01T00:00:00Z'}})
    assert api.put(api.path('services', 'a'), sent).want(200).json['metadata']['creationTimestamp'] == made['creationTimestamp']


@proves('1.3.1')
def test_verbs_of_status(api):
    where = api.path('services', 'a', 'status')
    api.get(where).fails(404, 'NotFound', 'services "a" not found')
    api.patch(where, {}).fails(404, 'NotFound', 'services "a" not found')
    made = post(api, 'a').want(201).json
    assert api.get(where).want(200).json == made
    assert api.patch(where, {'metadata': {'labels': {'x': 'y'}}}).want(200).json['metadata']['labels'] == {'x': 'y'}
    for method in ('POST', 'DELETE'):
        api.call(method, where, {}).fails(405, 'MethodNotAllowed')


@ours('a stock server makes a Service without addresses (docs/api.md)')
def test_a_write_of_status_makes_nothing(api):
    api.put(api.path('services', 'a', 'status'), service('a')).fails(404, 'NotFound', 'services "a" not found')


@proves('1.3.2', '1.3.3', '1.3.5')
def test_what_a_write_of_status_changes(api):
    made = post(api, 'a', type='LoadBalancer').want(201).json
    ingress = [{'ip': '192.0.2.1'}, {'hostname': 'example.com'}]
    meta = {'labels': {'x': 'y'}, 'annotations': {'a': 'b'}, 'finalizers': ['example.com/x']}
    sent = merged(made, {'metadata': meta, 'spec': {'selector': {'c': 'd'}}, 'status': {'loadBalancer': {'ingress': ingress}}})
    got = api.put(api.path('services', 'a', 'status'), sent).want(200).json
    assert got['spec'] == made['spec'] and {k: got['metadata'][k] for k in meta} == meta
    assert got['status']['loadBalancer']['ingress'] == [{'ip': '192.0.2.1', 'ipMode': 'VIP'}, {'hostname': 'example.com'}]
    got = api.patch(api.path('services', 'a', 'status'), {'metadata': {'finalizers': None}, 'spec': {'selector': {'c': 'd'}}}).want(200).json
    assert got['spec'] == made['spec'] and 'finalizers' not in got['metadata']


def test_a_write_of_a_pods_status_keeps_its_owners(api):
    """Whoever may report how a Pod runs could otherwise have it collected."""
    owners = [{'apiVersion': 'v1', 'kind': 'ConfigMap', 'name': 'x', 'uid': '1234'}]
    where, meta = api.path('pods', 'a', 'status'), {'ownerReferences': owners, 'labels': {'x': 'y'}}
    made = api.post(api.path('pods'), {'metadata': {'name': 'a'}, 'spec': {'containers': [{'name': 'c', 'image': 'i'}]}}).want(201).json
    for got in (api.patch(where, {'metadata': meta}), api.put(where, merged(made, {'metadata': dict(meta, resourceVersion=None)}))):
        got = got.want(200).json['metadata']
        assert 'ownerReferences' not in got and got['labels'] == {'x': 'y'}, got
    api.patch(api.path('pods', 'a'), {'metadata': {'ownerReferences': owners}}).want(200)
    got = api.patch(where, {'metadata': {'ownerReferences': None}}).want(200).json['metadata']
    assert got['ownerReferences'] == owners, got


@proves('1.3.4')
def test_the_last_finalizer_through_status(api):
    sent = with_node_port('a', 30780, clusterIP='10.96.7.4')
    sent['metadata']['finalizers'] = ['example.com/x']
    api.post(api.path('services'), sent).want(201)
    api.post(api.path('endpoints'), {'metadata': {'name': 'a'}}).want(201)
    api.delete(api.path('services', 'a')).want(200)
    assert not is_free(api, '10.96.7.4') and api.get(api.path('endpoints', 'a')).want(200)
    assert 'finalizers' not in api.patch(api.path('services', 'a', 'status'), {'metadata': {'finalizers': None}}).want(200).json['metadata']
    api.get(api.path('services', 'a')).want(404)
    api.get(api.path('endpoints', 'a')).want(404)
    assert is_free(api, '10.96.7.4')
    api.post(api.path('services'), with_node_port('b', 30780)).want(201)


@proves('1.4.1')
def test_kinds_without_generation(api):
    for where, sent in ((api.path('services'), service('a')), (api.path('endpoints'), {'metadata': {'name': 'a'}}),
                        (CIDRS, {'metadata': {'name': cidr_name(api)}, 'spec': {'cidrs': ['203.0.113.0/24']}})):
        api.post(where, sent).want(201)
        at = f'{where}/{sent["metadata"]["name"]}'
        change = merged({'metadata': {'labels': {'x': 'y'}}}, {'spec': {'cidrs': ['203.0.113.0/24', '2001:db8::/64']}} if where == CIDRS else {})
        assert 'generation' not in api.patch(at, change).want(200).json['metadata']
    api.patch(at, {'metadata': {'finalizers': None}}).want(200)
    api.delete(at).want(200)


@proves('1.4.2')
def test_generation_of_a_slice(api):
    where = api.path('endpointslices', 'a')
    assert api.post(api.path('endpointslices'), slice_('a')).want(201).json['metadata']['generation'] == 1
    for change, want in (({'metadata': {'annotations': {'a': 'b'}}}, 1), ({'metadata': {'labels': {'a': 'b'}}}, 2), ({'metadata': {'labels': {'a': 'b'}}}, 2),
                         ({'endpoints': [{'addresses': ['192.0.2.1']}]}, 3), ({'metadata': {'generation': 9}, 'ports': [{'port': 80}]}, 4)):
        assert api.patch(where, change).want(200).json['metadata']['generation'] == want, change


@proves('1.5.1', '1.5.2', '1.5.3', '1.5.4')
def test_what_a_deletion_answers(api):
    where = api.path('services', 'a')
    made = post(api, 'a').want(201).json
    got = api.delete(where).want(200).json
    assert got['kind'] == 'Service' and got['spec'] == made['spec'] and got['metadata']['uid'] == made['metadata']['uid']
    api.delete(where).fails(404, 'NotFound', 'services "a" not found')
    api.post(api.path('services'), merged(service('a'), {'metadata': {'finalizers': ['example.com/x']}})).want(201)
    got = api.delete(where).want(200).json
    assert got['metadata']['deletionTimestamp'] and got['metadata']['finalizers'] == ['example.com/x'] and got['kind'] == 'Service'
    for plural, sent, group in (('endpoints', {'metadata': {'name': 'a'}}, {}), ('endpointslices', slice_('a'), {'group': 'discovery.k8s.io'})):
        uid = api.post(api.path(plural), sent).want(201).json['metadata']['uid']
        st = api.delete(api.path(plural, 'a')).want(200).json
        assert (st['kind'], st['status'], st['details']) == ('Status', 'Success', {'name': 'a', **group, 'kind': plural, 'uid': uid}), st


@proves('1.5.5')
def test_what_goes_with_a_service(api):
    post(api, 'a').want(201)
    for name in ('a', 'b'):
        api.post(api.path('endpoints'), {'metadata': {'name': name}}).want(201)
    api.post(api.path('endpointslices'), merged(slice_('a'), {'metadata': {'labels': {'kubernetes.io/service-name': 'a'}}})).want(201)
    api.delete(api.path('services', 'a')).want(200)
    api.get(api.path('endpoints', 'a')).want(404)
    api.get(api.path('endpoints', 'b')).want(200)
    api.get(api.path('endpointslices', 'a')).want(200)


@proves('1.5.6')
def test_what_a_deletion_frees(api):
    sent = with_node_port('a', 30781, clusterIP='10.96.7.5', healthCheckNodePort=30782, **LOCAL)
    api.post(api.path('services'), sent).want(201)
    assert not is_free(api, '10.96.7.5')
    api.delete(api.path('services', 'a')).want(200)
    assert is_free(api, '10.96.7.5')
    api.post(api.path('services'), sent).want(201)


@proves('1.5.7')
def test_a_deletion_of_several(api):
    for name in ('a', 'b', 'c'):
        post(api, name).want(201)
        api.post(api.path('endpoints'), {'metadata': {'name': name}}).want(201)
    api.patch(api.path('services', 'b'), {'metadata': {'finalizers': ['example.com/x']}}).want(200)
    got = api.delete(api.path('services') + '?fieldSelector=metadata.name!%3Dc').want(200).json
    assert got['kind'] == 'ServiceList' and [o['metadata']['name'] for o in got['items']] == ['a', 'b']
    assert 'deletionTimestamp' not in got['items'][1]['metadata']
    assert 'deletionTimestamp' in api.get(api.path('services', 'b')).want(200).json['metadata']
    assert [o['metadata']['name'] for o in api.get(api.path('services')).json['items']] == ['b', 'c']
    assert [o['metadata']['name'] for o in api.get(api.path('endpoints')).json['items']] == ['b', 'c']
