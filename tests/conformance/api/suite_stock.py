# SPDX-License-Identifier: Apache-2.0
"""Where the comparison with a stock server (tests/differential) has found a difference: a case each."""
import collections
import json
import urllib.parse

from api import JSON_PATCH, MERGE, STRATEGIC, ours, service


def slice_of(name, **members):
    return dict({'metadata': {'name': name}, 'addressType': 'IPv4', 'endpoints': []}, **members)


def warnings(answer):
    return answer.headers.get_all('Warning') or []


def causes(answer, field):
    return [c for c in answer.json['details']['causes'] if c['field'] == field]


def test_every_request_for_endpoints_is_warned_of(api):
    where = api.path('endpoints')
    for answer in (api.post(where, {'metadata': {'name': 'a'}}), api.get(where), api.get(where + '/a'), api.delete(where + '/a'),
                   api.get(where + '/a').want(404), api.post(where, {'metadata': {'name': 'A'}}).want(422)):
        assert ['v1 Endpoints is deprecated' in w for w in warnings(answer)] == [True]


def test_what_a_member_was_before_it_was_repeated_counts(api):
    sent = '{"metadata":{"name":"a"},"spec":{"ports":[{"port":true,"port":80}]}}'
    api.call('POST', api.path('services'), sent, Content_Type='application/json').want(400)
    sent = '{"metadata":{"name":"a"},"spec":{"ports":[{"port":80}]},"spec":{"type":"NodePort"}}'
    made = api.call('POST', api.path('services'), sent, Content_Type='application/json').want(201)
    assert made.json['spec']['type'] == 'NodePort' and made.json['spec']['ports'][0]['port'] == 80
    assert any('duplicate field' in w for w in warnings(made))


def test_lengths_are_told_in_bytes(api):
    sent = service('a', selector={'a' * 64: 'b' * 64})
    texts = [c['message'] for c in causes(api.post(api.path('services'), sent).want(422), 'spec.selector')]
    assert any('name part must be no more than 63 bytes' in t for t in texts)
    assert any(t.endswith('must be no more than 63 bytes') for t in texts)


def test_owners_are_told_without_an_index(api):
    sent = service('a')
    owner = {'apiVersion': 'v1', 'kind': 'Pod', 'name': 'p', 'uid': 'u', 'controller': True}
    sent['metadata']['ownerReferences'] = [dict(owner, uid=''), owner]
    answer = api.post(api.path('services'), sent).want(422)
    assert causes(answer, 'metadata.ownerReferences.uid')
    assert 'in references for Pod/p and Pod/p' in causes(answer, 'metadata.ownerReferences')[0]['message']


def test_an_update_tells_of_metadata_as_often_as_a_stock_server(api):
    api.post(api.path('services'), service('a')).want(201)
    api.post(api.path('endpoints'), {'metadata': {'name': 'b'}}).want(201)
    api.post(api.path('endpointslices'), slice_of('a')).want(201)
    bad = {'metadata': {'labels': {'a b': 'x'}, 'finalizers': ['x'], 'uid': 'x'}}
    for plural, name, labels, uid, finalizers in (('services', 'a', 3, 2, 1), ('endpoints', 'b', 4, 2, 2), ('endpointslices', 'a', 3, 1, 1)):
        answer = api.patch(api.path(plural, name), bad).want(422)
        count = collections.Counter(c['field'] for c in answer.json['details']['causes'])
        assert (count['metadata.labels'], count['metadata.uid'], count['metadata.finalizers[0]']) == (labels, uid, finalizers), count


def test_unsupported_options_are_listed(api):
    where = api.path('services')
    answer = api.post(where + '?dryRun=x&dryRun=All', service('a')).want(422)
    assert causes(answer, 'dryRun')[0]['message'] == 'Unsupported value: ["x","All"]: supported values: "All"'
    answer = api.post(where + '?fieldValidation=strict', service('a')).want(422)
    assert causes(answer, 'fieldValidation')[0]['message'].endswith('supported values: "", "Ignore", "Strict", "Warn"')
    answer = api.post(where + '?fieldManager=a%09', service('a')).want(422)
    assert causes(answer, 'fieldManager')[0]['message'] == 'Invalid value: "a\\t": invalid character U+0009 (at position 1)'


def test_delete_options_are_checked_before_the_object_is_looked_for(api):
    where = api.path('services', 'nobody')
    answer = api.delete(where, {'propagationPolicy': ''}).want(422)
    assert causes(answer, 'propagationPolicy')[0]['message'].endswith('"Foreground", "Background", "Orphan", "nil"')
    api.delete(where, {'dryRun': 'All'}).want(400)
    api.delete(where, {'kind': 'Pod', 'apiVersion': 'v1'}).want(400)
    api.delete(where, {'propagationPolicy': 'Background'}).want(404)


def test_a_failed_precondition_names_the_kind(api):
    api.post(api.path('endpointslices'), slice_of('a')).want(201)
    answer = api.delete(api.path('endpointslices', 'a'), {'preconditions': {'uid': ''}})
    st = answer.fails(409, 'Conflict', 'Operation cannot be fulfilled on EndpointSlice.discovery.k8s.io "a": the UID in the precondition ()')
    assert st['details']['kind'] == 'EndpointSlice'


def test_a_put_is_read_before_its_object_is_looked_for(api):
    where = api.path('endpointslices', 'a')
    api.put(where, {'metadata': {'name': 'b'}}).want(400)
    api.put(where, {'metadata': {'name': 'a'}, 'endpoints': 5}).want(400)
    api.put(where, slice_of('a')).want(404)


def test_a_body_must_name_its_object(api):
    api.post(api.path('services'), service('a')).want(201)
    api.put(api.path('services', 'a'), {'spec': {'ports': [{'port': 80}]}}).fails(400, 'BadRequest', 'name must be provided')
    api.patch(api.path('services', 'a'), {'metadata': {'name': None}}).fails(400, 'BadRequest', 'name must be provided')


def test_a_create_ignores_a_revision_that_is_none(api):
    for name, rev in (('a', '0'), ('b', 'x')):
        sent = service(name)
        sent['metadata']['resourceVersion'] = rev
        api.post(api.path('services'), sent).want(201)


def test_a_name_beside_a_prefix_is_told_of_as_drawn(api):
    sent = service('a')
    sent['metadata']['generateName'] = 'a-'
    api.post(api.path('services'), sent).want(201)
    st = api.post(api.path('services'), sent).fails(409, 'AlreadyExists', 'was not able to generate a unique name')
    assert st['details']['retryAfterSeconds'] == 1


def test_a_patch_that_makes_no_object_is_invalid(api):
    api.post(api.path('services'), service('a')).want(201)
    where = api.path('services', 'a')
    for kind, patch in ((MERGE, {'spec': {'type': 5}}), (STRATEGIC, {'spec': {'ports': [{'port': 'x'}]}}),
                        (JSON_PATCH, [{'op': 'add', 'path': '/spec/type', 'value': {}}])):
        answer = api.patch(where, patch, kind).want(422)
        assert answer.json['reason'] == 'Invalid' and [c['field'] for c in answer.json['details']['causes']] == ['patch'], answer.json
    api.patch(where, [{'op': 'spam', 'path': '/spec'}], JSON_PATCH).want(422)


def test_another_uid_in_a_patch_is_a_changed_field(api):
    api.post(api.path('services'), service('a')).want(201)
    assert causes(api.patch(api.path('services', 'a'), {'metadata': {'uid': 'x'}}).want(422), 'metadata.uid')


def test_topology_is_no_part_of_a_slice(api):
    sent = slice_of('a', endpoints=[{'addresses': ['192.0.2.1'], 'deprecatedTopology': {'a b': 'c'}}])
    assert 'deprecatedTopology' not in api.post(api.path('endpointslices'), sent).want(201).json['endpoints'][0]


def test_a_name_has_no_internal_policy(api):
    sent = service('a', type='ExternalName', externalName='example.com', internalTrafficPolicy='Local')
    assert 'internalTrafficPolicy' not in api.post(api.path('services'), sent).want(201).json['spec']
    sent = service('b', type='ExternalName', externalName='example.com', internalTrafficPolicy='x')
    assert causes(api.post(api.path('services'), sent).want(422), 'spec.internalTrafficPolicy')


def test_an_empty_policy_is_no_policy(api):
    answer = api.post(api.path('services'), service('a', ipFamilyPolicy='')).want(422)
    assert causes(answer, 'spec.ipFamilyPolicy')[0]['reason'] == 'FieldValueNotSupported'


def test_a_refused_address_is_shown_with_a_place_for_each_family(api):
    taken = api.post(api.path('services'), service('a')).want(201).json['spec']['clusterIP']
    sent = service('b', clusterIP=taken, ipFamilyPolicy='PreferDualStack')
    answer = api.post(api.path('services'), sent).want(422)
    shown = causes(answer, 'spec.clusterIPs')[0]['message']
    families = json.loads(shown[len('Invalid value: '):shown.index(']') + 1])
    assert families in ([taken], [taken, '']), shown


def test_what_is_wrong_with_options_is_told_together(api):
    answer = api.post(api.path('services') + '?dryRun=x&fieldValidation=x&fieldManager=%09', service('a')).want(422)
    assert {c['field'] for c in answer.json['details']['causes']} == {'dryRun', 'fieldValidation', 'fieldManager'}
    answer = api.delete(api.path('services', 'a'), {'propagationPolicy': 'x', 'dryRun': ['x']}).want(422)
    assert {c['field'] for c in answer.json['details']['causes']} == {'propagationPolicy', 'dryRun'}


def test_orphan_dependents_is_a_policy(api):
    api.post(api.path('services'), service('a')).want(201)
    got = api.delete(api.path('services', 'a') + '?orphanDependents=true').want(200).json
    assert got['metadata']['finalizers'] == ['orphan'] and got['metadata']['deletionTimestamp']
    api.post(api.path('services'), service('a')).fails(409, 'AlreadyExists', 'object is being deleted: services "a" already exists')


def test_a_marked_slice_gets_a_generation(api):
    api.post(api.path('endpointslices'), slice_of('a')).want(201)
    got = api.delete(api.path('endpointslices', 'a'), {'propagationPolicy': 'Foreground'}).want(200).json
    assert got['metadata']['generation'] == 2


def test_dummy_node_ports_follow_those_that_are_named(api):
    sent = service('a', ports=((80, 'a'), (81, 'b')), type='NodePort')
    assert [p['nodePort'] for p in api.post(api.path('services') + '?dryRun=All', sent).want(201).json['spec']['ports']] == [32769, 32770]
    sent['spec']['ports'][0]['nodePort'] = 30500
    assert [p['nodePort'] for p in api.post(api.path('services') + '?dryRun=All', sent).want(201).json['spec']['ports']] == [30500, 30501]


def test_selectors_of_nothing(api):
    api.post(api.path('services'), service('a')).want(201)
    where = api.path('services')
    assert len(api.get(where + '?fieldSelector=%3D').want(200).json['items']) == 1
    assert api.get(where + '?labelSelector=app+in+()').want(200).json['items'] == []
    api.get(where + '?fieldSelector=metadata.name%3Da%3D1').want(400)


def test_a_patch_is_told_of_its_repeated_members(api):
    api.post(api.path('services'), service('a')).want(201)
    where = api.path('services', 'a')
    twice = '{"metadata":{"labels":{"a":"b","a":"c"}}}'
    for kind in (MERGE, STRATEGIC):
        assert any('duplicate field \\"metadata.labels.a\\"' in w for w in warnings(api.patch(where, twice, kind).want(200)))
        assert causes(api.patch(where + '?fieldValidation=Strict', twice, kind).want(422), 'patch')
    answer = api.patch(where, '[{"op":"test","op":"test","path":"/kind","value":"Service"}]', JSON_PATCH).want(200)
    assert any('json patch duplicate field \\"[0].op\\"' in w for w in warnings(answer))


def test_a_patch_keeps_the_kind(api):
    api.post(api.path('services'), service('a')).want(201)
    assert causes(api.patch(api.path('services', 'a'), {'kind': 'Pod'}).want(422), 'patch')
    assert api.patch(api.path('services', 'a'), {'kind': 'Pod'}, STRATEGIC).want(200).json['kind'] == 'Service'


def test_addresses_of_endpoints_are_warned_of(api):
    answer = api.post(api.path('endpoints'), {'metadata': {'name': 'a'}, 'subsets': [{'addresses': [{'ip': '2001:DB8::1'}]}]}).want(201)
    assert any('subsets[0].addresses[0].ip: IPv6 address' in w for w in warnings(answer))
    sent = slice_of('a', addressType='IPv6', endpoints=[{'addresses': ['2001:db8::1', '2001:DB8::2']}])
    answer = api.post(api.path('endpointslices'), sent).want(422)  # of a slice they are refused
    assert causes(answer, 'endpoints[0].addresses[1]')[0]['message'].endswith('must be in canonical form ("2001:db8::2")')


def test_a_refused_check_port_is_told_as_a_cause(api):
    sent = service('a', type='LoadBalancer', externalTrafficPolicy='Local')
    taken = api.post(api.path('services'), sent).want(201).json['spec']['healthCheckNodePort']
    sent['metadata']['name'], sent['spec']['healthCheckNodePort'] = 'b', taken
    st = api.post(api.path('services'), sent).fails(500, 'InternalError', 'failed to allocate requested HealthCheck NodePort')
    assert st['details']['causes'] == [{'message': f'failed to allocate requested HealthCheck NodePort {taken}: provided port is already allocated'}]


def test_a_path_that_is_none_has_details(api):
    assert api.get('/api/v1/namespaces/x/nothings').want(404).json['details'] == {}
    api.get('/api/v1/namespaces/default/services/..').fails(400, 'BadRequest', "may not be '..'")


def test_endpoints_with_finalizers_outlive_their_service(api):
    api.post(api.path('services'), service('a')).want(201)
    api.post(api.path('endpoints'), {'metadata': {'name': 'a', 'finalizers': ['example.com/x']}}).want(201)
    api.delete(api.path('services', 'a')).want(200)
    assert api.get(api.path('endpoints', 'a')).want(200).json['metadata']['deletionTimestamp']
    api.patch(api.path('endpoints', 'a'), {'metadata': {'finalizers': None}}).want(200)
    api.get(api.path('endpoints', 'a')).want(404)


def test_repeated_owners_are_dropped(api):
    owner = {'apiVersion': 'v1', 'kind': 'Pod', 'name': 'a', 'uid': 'u'}
    sent = slice_of('a')
    sent['metadata']['ownerReferences'] = [owner, dict(owner, name='b'), owner]
    answer = api.post(api.path('endpointslices'), sent).want(201)
    assert [o['name'] for o in answer.json['metadata']['ownerReferences']] == ['a', 'b']
    assert any('duplicate UID(s) observed: u' in w for w in warnings(answer))
    answer = api.patch(api.path('endpointslices', 'a'), {'metadata': {'ownerReferences': [owner, owner]}}).want(200)
    assert any('after mutating admission happens' in w for w in warnings(answer))


def test_a_merge_patch_puts_no_null_into_a_list(api):
    api.post(api.path('services'), service('a')).want(201)
    patch = {'spec': {'ports': [{'port': 80, 'foo': None}]}}
    assert not warnings(api.patch(api.path('services', 'a'), patch).want(200))


def test_another_uid_in_a_put_is_a_conflict_of_the_store(api):
    api.post(api.path('services'), service('a')).want(201)
    for name in ('a', 'b'):
        sent = service(name)
        sent['metadata']['uid'] = 'x'
        api.put(api.path('services', name), sent).fails(409, 'Conflict', f'/services/specs/{api.ns}/{name}', 'UID in precondition: x')


def test_a_slice_has_no_empty_protocol(api):
    answer = api.post(api.path('endpointslices'), slice_of('a', ports=[{'protocol': ''}])).want(422)
    assert causes(answer, 'ports[0].protocol')[0]['reason'] == 'FieldValueNotSupported'


def test_of_what_a_patch_says_twice_the_last_counts(api):
    for kind in (MERGE, STRATEGIC):
        name = kind[12:17]
        api.post(api.path('services'), service(name)).want(201)
        twice = '{"metadata":{"labels":{"a":"b"}},"metadata":{"labels":{"c":"d"}}}'
        assert api.patch(api.path('services', name), twice, kind).want(200).json['metadata']['labels'] == {'c': 'd'}


def test_a_replaced_list_is_taken_as_it_is(api):
    api.post(api.path('services'), service('a')).want(201)
    ports = [{'$patch': 'replace'}, {'port': 53, 'name': 'a'}, {'port': 53, 'name': 'b', 'protocol': 'UDP'}]
    got = api.patch(api.path('services', 'a'), {'spec': {'ports': ports}}, STRATEGIC).want(200).json
    assert [p['name'] for p in got['spec']['ports']] == ['a', 'b']


def test_a_condition_without_a_time_tells_null(api):
    api.post(api.path('services'), service('a')).want(201)
    patch = {'status': {'conditions': [{'type': 'Ready', 'status': 'True'}]}}
    got = api.call('PATCH', api.path('services', 'a', 'status'), json.dumps(patch), Content_Type=MERGE).want(200).json
    assert got['status']['conditions'][0]['lastTransitionTime'] is None


def test_a_type_that_is_none_has_no_external_policy(api):
    api.post(api.path('services'), service('a', externalIPs=['203.0.113.5'])).want(201)
    answer = api.patch(api.path('services', 'a'), {'spec': {'type': 'None'}}).want(422)
    assert causes(answer, 'spec.type') and not causes(answer, 'spec.externalTrafficPolicy')


def test_who_wants_no_orphans_is_told_that_it_takes_time(api):
    sent = service('a')
    sent['metadata']['finalizers'] = ['example.com/x']
    api.post(api.path('services'), sent).want(201)
    api.delete(api.path('services', 'a') + '?orphanDependents=false').want(202)


def test_a_dry_run_ignores_the_revision(api):
    sent = service('a')
    sent['metadata']['resourceVersion'] = '1'
    api.post(api.path('services') + '?dryRun=All', sent).want(201)
    api.post(api.path('services'), sent).want(500)


def test_external_addresses_of_a_headless_service_are_ignored_not_deprecated(api):
    answer = api.post(api.path('services'), service('a', clusterIP='None', externalIPs=['203.0.113.5'])).want(201)
    assert [w for w in warnings(answer) if 'externalIPs' in w] == ['299 - "spec.externalIPs is ignored for headless services"']


def owners(obj):
    """Who has set which fields at the top of the object, apart from metadata."""
    return {e['manager']: sorted(f for f in e['fieldsV1'] if f != 'f:metadata') for e in obj['metadata'].get('managedFields', [])}


def test_empty_lists_of_a_slice_are_null_and_owned(api):
    where = api.path('endpointslices')
    for query in ('&dryRun=All', ''):
        got = api.post(where + '?fieldManager=a' + query, slice_of('a', ports=[])).want(201).json
        assert got['endpoints'] is None and got['ports'] is None
        assert owners(got) == {'a': ['f:addressType', 'f:endpoints', 'f:ports']}
    sent = slice_of('b')
    del sent['endpoints']
    got = api.post(where + '?fieldManager=a', sent).want(201).json
    assert got['endpoints'] is None and owners(got) == {'a': ['f:addressType']}
    # To send [] where null is stored takes the field over, but changes nothing that a generation counts.
    got = api.put(where + '/b?fieldManager=b', slice_of('b')).want(200).json
    assert owners(got) == {'a': ['f:addressType'], 'b': ['f:endpoints']} and got['metadata']['generation'] == 1
    after = api.put(where + '/b?fieldManager=c', slice_of('b', endpoints=None)).want(200).json
    assert after['metadata']['resourceVersion'] == got['metadata']['resourceVersion']


def test_empty_lists_of_a_slice_are_null_for_patches(api):
    api.post(api.path('endpointslices'), slice_of('a')).want(201)
    where = api.path('endpointslices', 'a')
    api.patch(where, [{'op': 'test', 'path': '/endpoints', 'value': []}], JSON_PATCH).want(422)
    api.patch(where, [{'op': 'test', 'path': '/endpoints', 'value': None}], JSON_PATCH).want(200)
    api.patch(where, [{'op': 'add', 'path': '/ports/-', 'value': {'port': 80}}], JSON_PATCH).want(422)
    got = api.patch(where, {'endpoints': [{'addresses': ['192.0.2.1']}]}).want(200).json
    assert got['metadata']['generation'] == 2
    got = api.patch(where, {'endpoints': []}).want(200).json
    assert got['endpoints'] is None and got['metadata']['generation'] == 3


def test_an_empty_list_of_a_slice_is_a_value_that_conflicts(api):
    def sent(manager, value):
        body = dict(slice_of('a'), apiVersion='discovery.k8s.io/v1', kind='EndpointSlice', endpoints=value)
        return api.call('PATCH', api.path('endpointslices', 'a') + '?fieldManager=' + manager, json.dumps(body), Content_Type='application/apply-patch+yaml')

    assert owners(sent('x', []).want(201).json) == {'x': ['f:addressType', 'f:endpoints']}
    assert causes(sent('y', []).want(409), '.endpoints')
    assert owners(sent('z', None).want(200).json)['z'] == ['f:addressType', 'f:endpoints']


def test_a_role_without_rules_tells_null(api):
    got = api.post(f'/apis/rbac.authorization.k8s.io/v1/namespaces/{api.ns}/roles', {'metadata': {'name': 'a'}, 'rules': []}).want(201).json
    assert got['rules'] is None


def test_a_patch_keeps_the_version(api):
    api.post(api.path('services'), service('a')).want(201)
    for sub in ('', '/status'):
        where = api.path('services', 'a') + sub
        for value in ('', None):
            api.patch(where, {'apiVersion': value}).fails(400, 'BadRequest', 'name must be provided')
            api.patch(where, {'apiVersion': value}, STRATEGIC).want(200)
        api.patch(where, [{'op': 'replace', 'path': '/apiVersion', 'value': ''}], JSON_PATCH).fails(400, 'BadRequest', 'name must be provided')
        api.patch(where, {'kind': ''}).want(200)


def test_a_lease_is_not_replaced_unread(api):
    where = f'/apis/coordination.k8s.io/v1/namespaces/{api.ns}/leases'
    api.post(where, {'metadata': {'name': 'a'}}).want(201)
    for rev in ('', '0'):
        sent = {'metadata': {'name': 'a', 'resourceVersion': rev}, 'spec': {'holderIdentity': 'x'}}
        st = api.put(where + '/a', sent).fails(422, 'Invalid', 'leases.coordination.k8s.io "a" is invalid: metadata.resourceVersion: Invalid value: 0: must be')
        assert st['details']['kind'] == 'leases' and st['details']['causes'][0]['field'] == 'metadata.resourceVersion'
    api.patch(where + '/a', {'spec': {'holderIdentity': 'y'}}).want(200)
    made = api.get(where + '/a').json
    api.put(where + '/a', made).want(200)


def test_times_of_an_event_are_told_when_there_are_none(api):
    sent = {'metadata': {'name': 'a'}, 'involvedObject': {'kind': 'Pod', 'namespace': api.ns, 'name': 'x'}}
    api.post(api.path('events'), sent).want(201)
    got = api.get(api.path('events', 'a')).want(200).json
    assert [got[key] for key in ('eventTime', 'firstTimestamp', 'lastTimestamp')] == [None, None, None]
    got = api.get(f'/apis/events.k8s.io/v1/namespaces/{api.ns}/events/a').want(200).json
    assert [got[key] for key in ('eventTime', 'deprecatedFirstTimestamp', 'deprecatedLastTimestamp')] == [None, None, None]


def test_what_only_looks_like_a_directive_is_a_member(api):
    api.post(api.path('services'), service('a')).want(201)
    where = api.path('services', 'a')
    for patch, field in (({'$unknown': []}, '$unknown'), ({'spec': {'$replace': 1}}, 'spec.$replace')):
        assert [w for w in warnings(api.patch(where, patch, STRATEGIC).want(200)) if f'unknown field \\"{field}\\"' in w]
    assert api.patch(where, {'spec': {'selector': {'$a': 'b'}}}, STRATEGIC).status == 422


def test_an_address_of_the_other_family_need_not_be_canonical(api):
    answer = api.post(api.path('endpointslices'), slice_of('a', endpoints=[{'addresses': ['2001:db8:0::1']}])).want(422)
    assert [c['field'] for c in answer.json['details']['causes']] == ['endpoints[0].addresses']


def test_all_that_is_wrong_with_a_propagation_policy_is_told(api):
    answer = api.delete(api.path('services', 'a'), {'propagationPolicy': 'bogus', 'orphanDependents': True}).want(422)
    assert sorted(c['reason'] for c in causes(answer, 'propagationPolicy')) == ['FieldValueInvalid', 'FieldValueNotSupported']
    answer = api.delete(api.path('services', 'a'), {'propagationPolicy': 'a\tb'}).want(422)
    assert causes(answer, 'propagationPolicy')[0]['message'].startswith('Unsupported value: "a\\tb": ')


def test_a_strategic_patch_has_no_directives_where_it_is_merged_with_nothing(api):
    api.post(api.path('services'), service('a')).want(201)
    where = api.path('services', 'a')
    got = api.patch(where, {'spec': {'selector': {'$patch': 'merge', 'a': 'b'}}}, STRATEGIC).want(200).json
    assert 'selector' not in got['spec']
    assert causes(api.patch(where, {'spec': {'selector': {'$retainKeys': ['a']}}}, STRATEGIC).want(422), 'patch')
    got = api.patch(where, {'spec': {'selector': {'a': 'b'}}}, STRATEGIC).want(200).json
    assert got['spec']['selector'] == {'a': 'b'}
    assert 'selector' not in api.patch(where, {'spec': {'selector': {'$retainKeys': []}}}, STRATEGIC).want(200).json['spec']


def test_new_elements_of_a_merged_list_are_taken_as_they_are(api):
    api.post(api.path('services'), service('a')).want(201)
    conditions = [{'type': 'a', 'status': status} for status in ('True', 'False')]
    got = api.call('PATCH', api.path('services', 'a', 'status'), json.dumps({'status': {'conditions': conditions}}), Content_Type=STRATEGIC).want(200).json
    assert [c['status'] for c in got['status']['conditions']] == ['True', 'False']
    made = {'metadata': {'name': 'b'}, 'spec': {'type': 'ExternalName', 'externalName': 'a.b'}}
    api.post(api.path('services'), made).want(201)
    answer = api.patch(api.path('services', 'b'), {'spec': {'ports': [{'name': 'x'}]}}, STRATEGIC).want(422)
    assert causes(answer, 'spec.ports[0].port')
    answer = api.patch(api.path('services', 'a'), {'spec': {'ports': [{'port': 81, 'name': 'x', '$retainKeys': []}]}}, STRATEGIC)
    assert any('unknown field' in w for w in warnings(answer))


def test_a_directive_must_name_its_list(api):
    api.post(api.path('services'), service('a')).want(201)
    where = api.path('services', 'a')
    for name in ('$setElementOrder', '$deleteFromPrimitiveList', '$setElementOrderports'):
        api.patch(where, {'spec': {name: []}}, STRATEGIC).fails(400, 'BadRequest')
    for patch in ({'spec': {'$setElementOrder/loadBalancerSourceRanges': ['x']}}, {'spec': {'$setElementOrder/ports': [], 'ports': [{'port': 80, 'name': 'x'}]}}):
        api.patch(where, patch, STRATEGIC).want(200)


@ours('a stock server fails with 500')
def test_what_no_strategic_patch_can_say_is_a_bad_request(api):
    api.post(api.path('services'), service('a')).want(201)
    where = api.path('services', 'a')
    order = {'$setElementOrder/ports': [{'port': 81}, {'port': 80}], 'ports': [{'port': 80}, {'port': 81}]}
    for spec in (order, {'$patch': 'merge'}, {'ports': [{'port': 80, '$patch': 'merge'}]}, {'$setElementOrder/x': []}, {'$deleteFromPrimitiveList/ports': [5]},
                 {'$setElementOrder/ports': [], 'ports': None}):
        api.patch(where, {'spec': spec}, STRATEGIC).fails(400, 'BadRequest')


def test_an_object_that_ends_is_told_as_it_was_stored_last(api):
    where = api.path('services', 'a')
    for kind, patch in ((None, None), (MERGE, {'metadata': {'finalizers': None}}), (JSON_PATCH, [{'op': 'remove', 'path': '/metadata/finalizers'}])):
        sent = service('a')
        api.post(api.path('services'), dict(sent, metadata={'name': 'a', 'finalizers': ['example.com/x']})).want(201)
        marked = api.delete(where).want(200).json
        ended = (api.patch(where, patch, kind) if patch else api.put(where, sent)).want(200).json
        assert ended['metadata']['resourceVersion'] == marked['metadata']['resourceVersion']
        api.get(where).want(404)


def test_a_policy_decides_alone_which_finalizers_of_the_collector_stay(api):
    where = api.path('services', 'a')
    for held, policy, left in ((['orphan', 'example.com/x'], 'Background', ['example.com/x']), (['example.com/x', 'foregroundDeletion'], 'Orphan', ['example.com/x', 'orphan']),
                               (['orphan', 'example.com/x'], 'Foreground', ['example.com/x', 'foregroundDeletion']), (['orphan', 'example.com/x'], None, ['orphan', 'example.com/x'])):
        sent = service('a')
        sent['metadata']['finalizers'] = held
        api.post(api.path('services'), sent).want(201)
        api.delete(where, {'propagationPolicy': policy} if policy else None).want(200)
        assert api.get(where).json['metadata']['finalizers'] == left
        api.patch(where, {'metadata': {'finalizers': None}}).want(200)
    sent['metadata']['finalizers'] = ['foregroundDeletion']
    api.post(api.path('services'), sent).want(201)
    api.delete(where, {'propagationPolicy': 'Background'}).want(200)
    api.get(where).want(404)


def test_endpoints_that_wait_for_their_end_are_marked_once(api):
    where = api.path('endpoints', 'a')
    api.post(api.path('endpoints'), {'metadata': {'name': 'a', 'finalizers': ['example.com/x']}}).want(201)
    marked = api.delete(where).want(200).json
    api.post(api.path('services'), service('a')).want(201)
    api.delete(api.path('services', 'a')).want(200)
    assert api.get(where).json['metadata'] == marked['metadata']
    api.patch(where, {'metadata': {'finalizers': None}}).want(200)


def test_what_is_no_member_of_a_json_patch_is_told(api):
    api.post(api.path('services'), service('a')).want(201)
    where, patch = api.path('services', 'a'), [{'op': 'add', 'path': '/metadata/labels', 'value': {'a': 'b'}, 'extra': 1, 'From': '/x'}]
    told = api.patch(where, patch, JSON_PATCH).want(200).warnings()
    assert [w for w in told if 'json' in w] == ['json patch unknown field "[0].extra"', 'json patch unknown field "[0].From"']
    assert not api.patch(where + '?fieldValidation=Ignore', patch, JSON_PATCH).want(200).warnings()
    assert causes(api.patch(where + '?fieldValidation=Strict', patch, JSON_PATCH).want(422), 'patch')
    patch[0]['op'] = 'test'
    st = api.patch(where + '?fieldValidation=Strict', [dict(patch[0], value='x')], JSON_PATCH).fails(422, 'Invalid')
    assert not st['details'].get('causes')


def test_all_that_is_wrong_with_the_options_of_a_patch_is_told(api):
    where = api.path('services', 'a')
    answer = api.patch(where + '?fieldValidation=x&force=true', {}).want(422)
    assert causes(answer, 'fieldValidation') and causes(answer, 'force')
    answer = api.call('PATCH', where + '?dryRun=x', '{}', Content_Type='application/apply-patch+yaml').want(422)
    assert causes(answer, 'dryRun') and causes(answer, 'fieldManager')
    assert api.call('PATCH', where + '?force=true&fieldValidation=x', '{}', Content_Type='text/plain').want(415).json['details'] == {}


def test_all_that_an_apply_says_twice_is_told_once_nothing_conflicts(api):
    api.post(api.path('services'), service('a')).want(201)
    where = api.path('services', 'a') + '?fieldManager=x'
    sent = '{"kind":"Service","apiVersion":"v1","metadata":{"name":"a"},"spec":{"type":"NodePort","type":"NodePort","ports":[{"port":80,"port":80}]}}'

    def apply(query):
        return api.call('PATCH', where + query, sent, Content_Type='application/apply-patch+yaml')
    told = ['line 1: key "type" already set in map', 'line 1: key "port" already set in map']
    apply('&fieldValidation=Strict').want(409)
    apply('&fieldValidation=Strict&force=true').fails(400, 'BadRequest', '\n  ' + '\n  '.join(told))
    assert [w for w in apply('&force=true').want(200).warnings() if 'key' in w] == told


def test_an_unknown_distribution_is_shown_as_text(api):
    sent = service('a', trafficDistribution='\x01')
    assert causes(api.post(api.path('services'), sent).want(422), 'spec.trafficDistribution')[0]['message'].startswith(r'Unsupported value: "\x01": ')


def test_owned_fields_may_be_null(api):
    owned = {'manager': 'm', 'operation': 'Update', 'apiVersion': 'v1', 'fieldsType': 'FieldsV1', 'fieldsV1': {'f:metadata': {'f:labels': None}}}
    got = api.post(api.path('endpoints'), {'metadata': {'name': 'a', 'managedFields': [owned]}}).want(201).json
    assert [e['fieldsV1'] for e in got['metadata']['managedFields'] if e['manager'] == 'm'] == [{'f:metadata': {'f:labels': {}}}]


def test_what_ends_as_an_external_name_gives_its_address_back(api):
    sent = service('a')
    sent['metadata']['finalizers'] = ['example.com/x']
    ip = api.post(api.path('services'), sent).want(201).json['spec']['clusterIP']
    api.delete(api.path('services', 'a')).want(200)
    api.put(api.path('services', 'a'), {'metadata': {'name': 'a'}, 'spec': {'type': 'ExternalName', 'externalName': 'b.c'}}).want(200)
    api.get(api.path('services', 'a')).want(404)
    assert api.post(api.path('services'), service('b', clusterIP=ip)).want(201).json['spec']['clusterIP'] == ip


def test_lists_that_are_repeated_grow_together(api):
    def made(spec):
        sent = '{"metadata":{"name":"a"},"spec":{%s}}' % spec
        return api.call('POST', api.path('services') + '?dryRun=All', sent, Content_Type='application/json').want(201).json['spec']
    assert made('"ports":[{"port":80,"targetPort":"http"}],"ports":[{"port":82}]')['ports'][0]['targetPort'] == 'http'
    assert made('"ports":[{"port":80,"name":"b"}],"ports":[null,{"port":81,"name":"c"}]')['ports'][0]['name'] == 'b'
    assert made('"ports":[{"port":80}],"externalIPs":["203.0.113.5"],"externalIPs":[null]')['externalIPs'] == ['203.0.113.5']
    assert made('"ports":[{"port":80}],"type":"NodePort","type":null')['type'] == 'NodePort'


def test_a_broken_selector_is_told_of_as_people_know_it(api):
    for selector, text in (('app=a,', "found '', expected: identifier after ','"), ('=', "found '=', expected: !, identifier, or 'end of string'"),
                           ('a=b=c', "found '=', expected: ',' or 'end of string'"), ('a in b', "unable to parse requirement: found 'b' expected: '('"),
                           ('app>web', "unable to parse requirement: values[0]: Invalid value: \"web\": for 'Gt', 'Lt' operators, the value must be an integer"),
                           ('-a=b', 'unable to parse requirement: <nil>: Invalid value: "-a": '), ('app=-x', 'unable to parse requirement: values[0][app]: Invalid value: "-x": ')):
        answer = api.get(api.path('services') + '?labelSelector=' + urllib.parse.quote(selector))
        assert answer.fails(400, 'BadRequest')['message'].startswith(text), (selector, answer.raw)


def test_every_cause_of_a_full_slice_is_told(api):
    sent = slice_of('a', addressType='IPv6', endpoints=[{'addresses': [f'10.1.{i >> 8}.{i & 255}']} for i in range(1000)], ports=[{'port': 80, 'name': 'A'}])
    assert len(api.post(api.path('endpointslices'), sent).want(422).json['details']['causes']) > 1000


def test_none_instead_of_an_address_may_not_be_put(api):
    api.post(api.path('services'), service('a')).want(201)
    answer = api.patch(api.path('services', 'a'), {'spec': {'clusterIP': 'None', 'ipFamilyPolicy': 'SingleStack'}}).want(422)
    assert [c['message'] for c in causes(answer, 'spec.clusterIPs[0]')] == ['Invalid value: ["None"]: may not change once set']


def test_an_apply_with_a_uid_makes_nothing(api):
    sent = {'kind': 'Service', 'apiVersion': 'v1', 'metadata': {'uid': 'x'}}
    answer = api.call('PATCH', api.path('services', 'a') + '?fieldManager=x', json.dumps(sent), Content_Type='application/apply-patch+yaml')
    answer.fails(409, 'Conflict', 'uid mismatch: the provided object specified uid x, and no existing object was found')


def test_an_unknown_member_that_is_repeated_is_only_unknown(api):
    sent = '{"metadata":{"name":"a"},"spec":{"ports":[{"port":80}],"type":"NodePort","type":"NodePort","x":1,"x":2}}'
    told = api.call('POST', api.path('services') + '?dryRun=All', sent, Content_Type='application/json').want(201).warnings()
    assert sorted(told) == ['duplicate field "spec.type"', 'unknown field "spec.x"']


def test_the_version_of_a_strategic_patch_is_text(api):
    api.post(api.path('services'), service('a')).want(201)
    assert causes(api.patch(api.path('services', 'a'), {'apiVersion': []}, STRATEGIC).want(422), 'patch')
    assert causes(api.patch(api.path('services', 'a'), {'kind': {}}, STRATEGIC).want(422), 'patch')


def test_null_behind_an_object_says_nothing(api):
    sent = '{"metadata":{"name":"a"},"spec":{"ports":[{"port":80}],"type":"NodePort"},"spec":null,"metadata":null}'
    got = api.call('POST', api.path('services') + '?dryRun=All', sent, Content_Type='application/json').want(201).json
    assert (got['metadata']['name'], got['spec']['type']) == ('a', 'NodePort')


def test_a_topology_that_is_dropped_counts_as_a_change(api):
    sent = slice_of('a', endpoints=[{'addresses': ['192.0.2.1']}])
    got = api.post(api.path('endpointslices'), sent).want(201).json
    got['endpoints'][0]['deprecatedTopology'] = {'x': 'y'}
    got = api.put(api.path('endpointslices', 'a'), got).want(200).json
    assert got['metadata']['generation'] == 2 and 'deprecatedTopology' not in got['endpoints'][0]


def test_addresses_of_names_are_warned_of_too(api):
    sent = slice_of('a', addressType='FQDN', endpoints=[{'addresses': ['192.0.2.01']}])
    told = api.call('POST', api.path('endpointslices') + '?dryRun=All', json.dumps(sent), Content_Type='application/json').warnings()
    assert 'endpoints[0].addresses[0]: non-standard IP address "192.0.2.01" is invalid: use "192.0.2.1"' in told, told


def test_a_dry_run_shows_a_self_link(api):
    api.post(api.path('services'), service('a')).want(201)
    patch = {'metadata': {'selfLink': '/x'}}
    assert api.patch(api.path('services', 'a') + '?dryRun=All', patch).want(200).json['metadata']['selfLink'] == '/x'
    assert 'selfLink' not in api.patch(api.path('services', 'a'), patch).want(200).json['metadata']


def test_an_empty_group_is_the_core_group(api):
    sent = service('a')
    sent['metadata']['ownerReferences'] = [{'apiVersion': '/v1', 'kind': 'Event', 'name': 'p', 'uid': 'u'}]
    assert [c['message'].split('}: ')[-1] for c in causes(api.post(api.path('services'), sent).want(422), 'metadata.ownerReferences')] == [
        '/v1, Kind=Event is disallowed from being an owner']
