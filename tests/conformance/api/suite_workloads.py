# SPDX-License-Identifier: Apache-2.0
"""Deployments and ReplicaSets: defaults, rules, generations, status, scale, and their controllers; the two shapes of Events."""
from api import MERGE, STRATEGIC, ours, proves, rev, until

KINDS = {'deployments': 'Deployment', 'replicasets': 'ReplicaSet'}


def path(api, plural, name='', sub=''):
    return '/' + '/'.join(x for x in ['apis/apps/v1/namespaces', api.ns, plural, name, sub] if x)


def workload(name='d', labels=None, selector=None, pod=None, template=None, **spec):
    """Its Pods fit nowhere, so that a controller that runs beside the server does not get far with it."""
    containers = {'containers': [{'name': 'a', 'image': 'i'}], 'nodeSelector': {'no': 'where'}}
    meta = dict({'labels': labels or {'a': 'c'}}, **(template or {}))
    return {'metadata': {'name': name},
            'spec': dict({'replicas': 0, 'selector': selector or {'matchLabels': {'a': 'c'}},
                          'template': {'metadata': meta, 'spec': dict(containers, **(pod or {}))}}, **spec)}


def causes(answer):
    return [(c['field'], c['reason'], c['message']) for c in answer.fails(422, 'Invalid')['details']['causes']]


def test_defaults_of_a_deployment(api):
    body = workload(pod={'containers': [{'name': 'a', 'image': 'i:1', 'resources': {'limits': {'cpu': '100m'}},
                                         'livenessProbe': {'httpGet': {'port': 80}}, 'ports': [{'containerPort': 80}]}],
                         'volumes': [{'name': 'v'}]})
    del body['spec']['replicas']
    made = api.post(path(api, 'deployments'), body).want(201).json
    spec = made['spec']
    assert made['metadata']['generation'] == 1 and made['status'] == {} or 'status' in made
    assert (spec['replicas'], spec['revisionHistoryLimit'], spec['progressDeadlineSeconds']) == (1, 10, 600)
    assert spec['strategy'] == {'type': 'RollingUpdate', 'rollingUpdate': {'maxUnavailable': '25%', 'maxSurge': '25%'}}
    pod = spec['template']['spec']
    assert pod['restartPolicy'] == 'Always' and pod['dnsPolicy'] == 'ClusterFirst' and pod['schedulerName'] == 'default-scheduler'
    assert 'enableServiceLinks' not in pod and pod['volumes'] == [{'name': 'v', 'emptyDir': {}}]
    container = pod['containers'][0]
    assert container['imagePullPolicy'] == 'IfNotPresent' and 'requests' not in container['resources']
    assert container['livenessProbe']['failureThreshold'] == 3 and container['ports'][0]['protocol'] == 'TCP'
    assert 'creationTimestamp' not in spec['template']['metadata']
    api.delete(path(api, 'deployments', 'd')).want(200)


def test_a_surge_alone_keeps_the_other_default(api):
    made = api.post(path(api, 'deployments'), workload(strategy={'type': 'RollingUpdate', 'rollingUpdate': {'maxSurge': 2}})).want(201).json
    assert made['spec']['strategy']['rollingUpdate'] == {'maxUnavailable': '25%', 'maxSurge': 2}
    made = api.patch(path(api, 'deployments', 'd'), {'spec': {'strategy': {'$retainKeys': ['type'], 'type': 'Recreate'}}}, STRATEGIC).want(200).json
    assert made['spec']['strategy'] == {'type': 'Recreate'}


def test_a_replicaset_begins_with_a_status(api):
    made = api.post(path(api, 'replicasets'), workload()).want(201).json
    assert made['status']['replicas'] == 0 and made['metadata']['generation'] == 1


def test_what_is_missing(api):
    for plural in KINDS:
        assert causes(api.post(path(api, plural), {'metadata': {'name': 'x'}, 'spec': {}})) == [
            ('spec.selector', 'FieldValueRequired', 'Required value'),
            ('spec.template.metadata.labels', 'FieldValueInvalid', 'Invalid value: null: `selector` does not match template `labels`'),
            ('spec.template.spec.containers', 'FieldValueRequired', 'Required value')]


def test_selectors(api):
    for plural in KINDS:
        where = path(api, plural)
        got = causes(api.post(where, workload(selector={'matchExpressions': [
            {'key': 'x', 'operator': 'In'}, {'key': 'y', 'operator': 'Foo'}, {'key': 'z', 'operator': 'Exists', 'values': ['b']}]})))
        assert got[:3] == [
            ('spec.selector.matchExpressions[0].values', 'FieldValueRequired', "Required value: must be specified when `operator` is 'In' or 'NotIn'"),
            ('spec.selector.matchExpressions[1].operator', 'FieldValueInvalid', 'Invalid value: "Foo": not a valid selector operator'),
            ('spec.selector.matchExpressions[2].values', 'FieldValueForbidden', "Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'")]
        assert got[3][0] == 'spec.selector' and got[3][2].endswith(': invalid label selector') and len(got) == 4
        body = workload()
        body['spec']['selector'] = {}
        assert causes(api.post(where, body)) == [('spec.selector', 'FieldValueInvalid', 'Invalid value: {}: empty selector is invalid for deployment')]
        assert causes(api.post(where, workload(selector={'matchLabels': {'a': 'x'}}))) == [
            ('spec.template.metadata.labels', 'FieldValueInvalid', 'Invalid value: {"a":"c"}: `selector` does not match template `labels`')]


def test_templates(api):
    body = workload(labels={'a': 'c', 'x y': 'z'}, template={'annotations': {'A b': 'x'}},
                    pod={'restartPolicy': 'Never', 'activeDeadlineSeconds': 3, 'nodeSelector': {'k': '-'},
                         'ephemeralContainers': [{'name': 'e', 'image': 'i'}]})
    for plural in KINDS:
        got = [c[0] for c in causes(api.post(path(api, plural), body))]
        assert got == ['spec.template.labels', 'spec.template.annotations', 'spec.template.spec.nodeSelector',
                       'spec.template.spec.ephemeralContainers', 'spec.template.spec.restartPolicy',
                       'spec.template.spec.activeDeadlineSeconds'], got
        got = causes(api.post(path(api, plural), workload(pod={'restartPolicy': 'Foo'})))
        assert [c[2] for c in got] == ['Unsupported value: "Foo": supported values: "Always", "OnFailure", "Never"',
                                       'Unsupported value: "Foo": supported values: "Always"']


def test_strategies(api):
    percent = ("a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', "
               "regex used for validation is '[0-9]+%')")
    rolling = 'spec.strategy.rollingUpdate'
    for strategy, wanted in (
            ({'type': 'Recreate', 'rollingUpdate': {}}, [(rolling, "Forbidden: may not be specified when strategy `type` is 'Recreate'")]),
            ({'rollingUpdate': {'maxSurge': 0, 'maxUnavailable': '0%'}}, [(rolling + '.maxUnavailable', 'Invalid value: "0%": may not be 0 when `maxSurge` is 0')]),
            ({'type': 'Foo'}, [('spec.strategy', 'Unsupported value: {"Type":"Foo","RollingUpdate":null}: supported values: "Recreate", "RollingUpdate"')]),
            ({'rollingUpdate': {'maxSurge': -1, 'maxUnavailable': -2}},
             [(rolling + '.maxUnavailable', 'Invalid value: -2: must be greater than or equal to 0'),
              (rolling + '.maxSurge', 'Invalid value: -1: must be greater than or equal to 0')]),
            ({'rollingUpdate': {'maxSurge': 'x', 'maxUnavailable': '300%'}},
             [(rolling + '.maxSurge', f'Invalid value: "x": {percent}'),
              (rolling + '.maxUnavailable', 'Invalid value: "300%": must not be greater than 100%')])):
        got = [(c[0], c[2]) for c in causes(api.post(path(api, 'deployments'), workload(strategy=strategy)))]
        assert got == wanted, got


def test_numbers(api):
    got = causes(api.post(path(api, 'deployments'), workload(replicas=-1, minReadySeconds=-1, progressDeadlineSeconds=-5, revisionHistoryLimit=-1)))
    assert [c[0] for c in got] == ['spec.replicas', 'spec.minReadySeconds', 'spec.revisionHistoryLimit',
                                   'spec.progressDeadlineSeconds', 'spec.progressDeadlineSeconds']
    got = causes(api.post(path(api, 'deployments'), workload(minReadySeconds=7, progressDeadlineSeconds=5)))
    assert got == [('spec.progressDeadlineSeconds', 'FieldValueInvalid', 'Invalid value: 5: must be greater than minReadySeconds')]


def test_a_name_with_dots_is_warned_of(api):
    for plural in KINDS:
        answer = api.post(path(api, plural), workload('d.x')).want(201)
        assert 'this is used in Pod names and hostnames' in answer.headers['Warning'], answer.headers


def test_the_selector_is_for_life(api):
    for plural in KINDS:
        api.post(path(api, plural), workload('life')).want(201)
        got = causes(api.patch(path(api, plural, 'life'), {'spec': {'selector': {'matchLabels': {'d': 'e'}}, 'template': {'metadata': {'labels': {'d': 'e'}}}}}))
        assert got == [('spec.selector', 'FieldValueInvalid', 'Invalid value: {"matchLabels":{"a":"c","d":"e"}}: field is immutable')]


def test_generations(api):
    for plural, on_annotation in (('deployments', 1), ('replicasets', 0)):
        one = path(api, plural, 'gen')
        api.post(path(api, plural), workload('gen', paused=True) if plural == 'deployments' else workload('gen')).want(201)
        generation = lambda: api.get(one).json['metadata']['generation']
        api.patch(one, {'spec': {'minReadySeconds': 2}}).want(200)
        was = generation()
        assert was >= 2
        api.patch(one, {'metadata': {'labels': {'x': 'y'}}}).want(200)
        assert generation() == was
        api.patch(one, {'metadata': {'annotations': {'x': 'y'}}}).want(200)
        assert generation() == was + on_annotation
        was = generation()
        api.patch(path(api, plural, 'gen', 'status'), {'status': {'replicas': 0}, 'spec': {'minReadySeconds': 9}}).want(200)
        assert generation() == was and api.get(one).json['spec']['minReadySeconds'] == 2


def test_status_is_checked(api):
    common = {'replicas': 1, 'readyReplicas': 2, 'availableReplicas': 4, 'observedGeneration': -4}
    for plural, more in (('deployments', 'updatedReplicas'), ('replicasets', 'fullyLabeledReplicas')):
        api.post(path(api, plural), workload('s')).want(201)
        got = causes(api.patch(path(api, plural, 's', 'status'), {'status': dict(common, **{more: 3})}))
        assert got == [('status.observedGeneration', 'FieldValueInvalid', 'Invalid value: -4: must be greater than or equal to 0'),
                       ('status.' + more, 'FieldValueInvalid', 'Invalid value: 3: cannot be greater than status.replicas'),
                       ('status.readyReplicas', 'FieldValueInvalid', 'Invalid value: 2: cannot be greater than status.replicas'),
                       ('status.availableReplicas', 'FieldValueInvalid', 'Invalid value: 4: cannot be greater than status.replicas'),
                       ('status.availableReplicas', 'FieldValueInvalid', 'Invalid value: 4: cannot be greater than readyReplicas')]


def test_scale(api):
    for plural in KINDS:
        api.post(path(api, plural), workload('sc')).want(201)
        one = path(api, plural, 'sc', 'scale')
        scale = api.get(one).want(200).json
        assert scale['kind'] == 'Scale' and scale['apiVersion'] == 'autoscaling/v1' and scale['spec'] == {}
        assert scale['status'] == {'replicas': 0, 'selector': 'a=c'} and set(scale['metadata']) == {
            'name', 'namespace', 'uid', 'resourceVersion', 'creationTimestamp'}
        del scale['metadata']['resourceVersion']
        scale['spec']['replicas'] = 1
        made = api.put(one, scale).want(200).json
        assert made['spec'] == {'replicas': 1} and api.get(path(api, plural, 'sc')).json['spec']['replicas'] == 1
        api.put(one, {'metadata': {'name': 'sc'}, 'spec': {'replicas': -1}}).fails(
            422, 'Invalid', 'Scale.autoscaling "sc" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0')
        api.put(one, {'metadata': {'name': 'sc', 'resourceVersion': '1'}, 'spec': {'replicas': 0}}).fails(
            409, 'Conflict', f'{plural}.apps "sc": the object has been modified')
        api.put(one, {'metadata': {'name': 'other'}, 'spec': {'replicas': 0}}).fails(400, 'BadRequest', 'does not match the name on the URL')
        api.put(path(api, plural, 'nope', 'scale'), {'metadata': {'name': 'nope'}}).fails(404, 'NotFound', f'{plural}.apps "nope" not found')
        assert api.patch(one, {'spec': {'replicas': 0}}, MERGE).want(200).json['spec'] == {}
        table = api.get(one, Accept='application/json;as=Table;g=meta.k8s.io;v=v1').want(200).json
        assert [c['name'] for c in table['columnDefinitions']] == ['Name', 'Desired', 'Available', 'Age']


def test_tables(api):
    accept = 'application/json;as=Table;g=meta.k8s.io;v=v1'
    for plural, columns, cells in (('deployments', 'Name,Ready,Up-to-date,Available,Age,Containers,Images,Selector', ['t', '0/0', 0, 0]),
                                   ('replicasets', 'Name,Desired,Current,Ready,Age,Containers,Images,Selector', ['t', 0, 0, 0])):
        api.post(path(api, plural), workload('t')).want(201)
        table = api.get(path(api, plural, 't'), Accept=accept).want(200).json
        assert ','.join(c['name'] for c in table['columnDefinitions']) == columns
        assert table['rows'][0]['cells'][:4] == cells and table['rows'][0]['cells'][5:] == ['a', 'i', 'a=c']


def test_a_conflicting_update_is_refused(api):
    api.post(path(api, 'replicasets'), workload('c')).want(201)

    def changed():
        """A controller may be writing the status."""
        nonlocal made
        made = api.get(path(api, 'replicasets', 'c')).json
        made['spec']['minReadySeconds'] = 1
        answer = api.put(path(api, 'replicasets', 'c'), made)
        return answer.status == 200 and answer.json
    made = None
    assert rev(until('it is changed', changed)) > rev(made)
    api.put(path(api, 'replicasets', 'c'), made).fails(409, 'Conflict')


@ours('a stock server leaves that to its controllers')
def test_a_namespace_that_ends_tells_what_is_left(api):
    """What empties namespaces is a controller, which a stock server alone does not have."""
    api.post('/api/v1/namespaces', {'metadata': {'name': 'ending'}}).want(201)
    held = {'metadata': {'name': 'held', 'finalizers': ['example.com/hold']}}
    api.post('/api/v1/namespaces/ending/configmaps', held).want(201)
    api.post('/apis/apps/v1/namespaces/ending/deployments', workload()).want(201)
    api.post('/apis/apps/v1/namespaces/ending/replicasets', workload(selector={'matchLabels': {'x': 'y'}}, labels={'x': 'y'})).want(201)
    api.delete('/api/v1/namespaces/ending').want(200)

    def conditions():
        status = api.get('/api/v1/namespaces/ending').json['status']
        got = {c['type']: (c['status'], c['reason'], c['message']) for c in status.get('conditions', [])}
        return got.get('NamespaceContentRemaining', ('', '', ''))[2].endswith(
            'Some resources are remaining: configmaps. has 1 resource instances') and got
    got = until('only the held one is left', conditions)
    assert got['NamespaceContentRemaining'][:2] == ('True', 'SomeResourcesRemain')
    assert got['NamespaceFinalizersRemaining'] == (
        'True', 'SomeFinalizersRemain', 'Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances')
    assert got['NamespaceDeletionContentFailure'][:2] == ('False', 'ContentDeleted')
    assert got['NamespaceDeletionDiscoveryFailure'][:2] == ('False', 'ResourcesDiscovered')
    api.patch('/api/v1/namespaces/ending/configmaps/held', {'metadata': {'finalizers': None}}).want(200)
    until('it is gone', lambda: api.get('/api/v1/namespaces/ending').status == 404)


@proves('18.6.8')
@ours('a stock server leaves that to its controllers')
def test_deleting_an_owner_takes_what_it_owns(api):
    """So does garbage collection need its controller."""
    for policy in ('Background', 'Foreground', 'Orphan'):
        name = policy.lower()
        api.post(path(api, 'deployments'), workload(name, replicas=2, labels={'app': name}, selector={'matchLabels': {'app': name}})).want(201)
        listed = lambda plural, n=name: [o for o in api.get(f'{path(api, plural)}?labelSelector=app%3D{n}').json['items']]
        pods = lambda n=name: api.get(f'{api.path("pods")}?labelSelector=app%3D{n}').json['items']
        until('two Pods', lambda: len(pods()) == 2)
        api.delete(path(api, 'deployments', name), {'propagationPolicy': policy}).want(200)
        until('the Deployment is gone', lambda: api.get(path(api, 'deployments', name)).status == 404)
        if policy == 'Orphan':
            left = listed('replicasets')
            assert len(left) == 1 and 'ownerReferences' not in left[0]['metadata'] and len(pods()) == 2
        else:
            until('nothing is left', lambda: not listed('replicasets') and not pods())


@ours('a stock server leaves that to its controllers')
def test_what_two_own_stays_with_the_other(api):
    """Neither the owner's deletion in the foreground nor one in the background takes it, and no stranger holds up the former."""
    other = api.ns + '-other'
    api.post('/api/v1/namespaces', {'metadata': {'name': other}}).want(201)
    refs = []
    for name in ('a', 'b'):
        uid = api.post(api.path('configmaps'), {'metadata': {'name': name}}).want(201).json['metadata']['uid']
        refs.append({'apiVersion': 'v1', 'kind': 'ConfigMap', 'name': name, 'uid': uid, 'blockOwnerDeletion': True})
    api.post(api.path('configmaps'), {'metadata': {'name': 'both', 'ownerReferences': refs}}).want(201)
    api.post(api.path('configmaps'), {'metadata': {'name': 'one', 'ownerReferences': refs[:1]}}).want(201)
    stranger = {'metadata': {'name': 'stranger', 'ownerReferences': refs[:1], 'finalizers': ['example.com/hold']}}
    api.post(f'/api/v1/namespaces/{other}/configmaps', stranger).want(201)
    api.delete(api.path('configmaps', 'a'), {'propagationPolicy': 'Foreground'}).want(200)
    gone = lambda name: lambda: api.get(api.path('configmaps', name)).status == 404
    until('the owner is gone', gone('a'))
    until('what it had alone is gone', gone('one'))
    left = api.get(api.path('configmaps', 'both')).want(200).json
    assert [r['name'] for r in left['metadata']['ownerReferences']] == ['b'] and 'deletionTimestamp' not in left['metadata']
    api.patch(f'/api/v1/namespaces/{other}/configmaps/stranger', {'metadata': {'finalizers': None}})
    api.delete(api.path('configmaps', 'b'), {'propagationPolicy': 'Foreground'}).want(200)
    until('nobody owns it any more', gone('both'))
    api.delete('/api/v1/namespaces/' + other).want(200)


@ours('a stock server leaves that to its controllers')
def test_a_deployment_rolls_and_goes_back(api):
    """Its Pods fit nowhere, so only what needs none that is ready can be seen."""
    one = path(api, 'deployments', 'roll')
    api.post(path(api, 'deployments'), workload('roll', replicas=4, labels={'app': 'roll'}, selector={'matchLabels': {'app': 'roll'}})).want(201)
    sets = lambda: {s['metadata']['annotations']['deployment.kubernetes.io/revision']: s['spec']['replicas']
                    for s in api.get(f'{path(api, "replicasets")}?labelSelector=app%3Droll').json['items']}
    until('the first set', lambda: sets() == {'1': 4})
    api.patch(one, {'spec': {'template': {'spec': {'containers': [{'name': 'a', 'image': 'j'}]}}}}, STRATEGIC).want(200)
    # No Pod is available, so it stalls where maxSurge and maxUnavailable allow no more.
    until('the second set has grown', lambda: sets() == {'1': 3, '2': 2})
    api.patch(one, {'spec': {'template': {'spec': {'containers': [{'name': 'a', 'image': 'i'}]}}}}, STRATEGIC).want(200)
    until('the first set is the third', lambda: sets() == {'2': 2, '3': 3})
    d = until('it is told', lambda: (lambda d: d['metadata']['annotations'].get('deployment.kubernetes.io/revision') == '3' and d)(api.get(one).json))
    status = d['status']
    assert status['observedGeneration'] == d['metadata']['generation'] == 3
    assert {c['type']: c['status'] for c in status['conditions']} == {'Available': 'False', 'Progressing': 'True'}
    api.patch(one, {'spec': {'paused': True}}).want(200)
    api.patch(one, {'spec': {'template': {'spec': {'containers': [{'name': 'a', 'image': 'k'}]}}}}, STRATEGIC).want(200)
    api.put(path(api, 'deployments', 'roll', 'scale'), {'metadata': {'name': 'roll'}, 'spec': {'replicas': 5}}).want(200)
    until('each has its part of the new size', lambda: sets() == {'2': 3, '3': 4})


def test_events_have_two_shapes(api):
    newer, core = f'/apis/events.k8s.io/v1/namespaces/{api.ns}/events', api.path('events')
    about = {'kind': 'Pod', 'name': 'p', 'namespace': api.ns}
    event = {'metadata': {'name': 'e1'}, 'eventTime': '2026-01-01T00:00:00.000000Z', 'regarding': about, 'type': 'Normal', 'reason': 'R',
             'reportingController': 'a.b/c', 'reportingInstance': 'i', 'action': 'Do', 'note': 'hello'}
    made = api.post(newer, event).want(201).json
    assert made['apiVersion'] == 'events.k8s.io/v1' and made['regarding'] == about and made['note'] == 'hello'
    old = api.get(core + '/e1').want(200).json
    assert old['apiVersion'] == 'v1' and old['involvedObject'] == about and old['message'] == 'hello'
    assert old['reportingComponent'] == 'a.b/c' and not {'regarding', 'note', 'reportingController'} & set(old)
    api.post(core, {'metadata': {'name': 'e2'}, 'involvedObject': about, 'type': 'Warning', 'reason': 'R', 'message': 'm', 'count': 2,
                    'source': {'component': 'c'}, 'firstTimestamp': '2026-01-01T00:00:00Z', 'lastTimestamp': '2026-01-01T00:00:00Z'}).want(201)
    listed = {e['metadata']['name']: e for e in api.get(newer + '?fieldSelector=regarding.name=p').want(200).json['items']}
    assert listed['e2']['deprecatedCount'] == 2 and listed['e2']['deprecatedSource'] == {'component': 'c'} and listed['e2']['eventTime'] is None
    api.get(newer + '?fieldSelector=involvedObject.name=p').fails(400, 'BadRequest', 'field label not supported: involvedObject.name')
    watch = api.watch(newer, resourceVersion=rev(made))
    assert watch.want('ADDED', 'e2')['note'] == 'm'
    series = {'series': {'count': 3, 'lastObservedTime': '2026-01-01T00:00:05.000000Z'}}
    assert api.patch(newer + '/e1', series).want(200).json['series'] == series['series']
    seen = watch.want('MODIFIED', 'e1')
    assert seen['apiVersion'] == 'events.k8s.io/v1' and seen['regarding'] == about
    assert api.get(core + '/e1').json['series']['count'] == 3
    table = api.get(newer, Accept='application/json;as=Table;g=meta.k8s.io;v=v1').want(200).json
    assert [row['cells'][6] for row in table['rows']] == ['hello', 'm']
    got = api.post(newer, dict(event, metadata={'name': 'e3'}, type='Foo', reason='', deprecatedCount=1)).fails(422, 'Invalid')
    assert [c['field'] for c in got['details']['causes']] == ['reason', 'type', 'count']
    api.get(newer + '/nope').fails(404, 'NotFound', 'events.events.k8s.io "nope" not found')
    api.delete(newer + '/e1').want(200)
    api.get(core + '/e1').want(404)


def containers(api, *containers, **spec):
    """The answer to a trial of creating a Pod of these."""
    return api.post(api.path('pods') + '?dryRun=All', {'metadata': {'name': 'p'}, 'spec': dict({'containers': list(containers)}, **spec)})


def test_hooks_of_a_container(api):
    def with_hooks(**hooks):
        return {'name': 'c', 'image': 'i', 'lifecycle': hooks}
    made = containers(api, with_hooks(preStop={'httpGet': {'port': 80}}, postStart={'sleep': {'seconds': 30}})).want(201).json
    assert made['spec']['containers'][0]['lifecycle'] == {
        'preStop': {'httpGet': {'path': '/', 'port': 80, 'scheme': 'HTTP'}}, 'postStart': {'sleep': {'seconds': 30}}}
    at = 'spec.containers[0].lifecycle.'
    late = 'must be non-negative and less than terminationGracePeriodSeconds (30)'
    for hooks, want in (
            ({'preStop': {}}, [('preStop', 'FieldValueRequired', 'Required value: must specify a handler type')]),
            ({'preStop': {'grpc': {'port': 1}}}, [('preStop', 'FieldValueRequired', 'Required value: must specify a handler type')]),
            ({'preStop': {'exec': {}}}, [('preStop.exec.command', 'FieldValueRequired', 'Required value')]),
            ({'preStop': {'exec': {'command': ['a']}, 'httpGet': {'port': 80}}},
             [('preStop.httpGet', 'FieldValueForbidden', 'Forbidden: may not specify more than 1 handler type')]),
            ({'preStop': {'sleep': {'seconds': -1}}}, [('preStop.sleep', 'FieldValueInvalid', f'Invalid value: -1: {late}')]),
            ({'postStart': {'sleep': {'seconds': 31}}}, [('postStart.sleep', 'FieldValueInvalid', f'Invalid value: 31: {late}')])):
        got = causes(containers(api, with_hooks(**hooks)))
        assert got == [(at + field, *rest) for field, *rest in want], (hooks, got)


def test_an_init_container_has_no_hooks_and_probes(api):
    both = {'lifecycle': {'preStop': {'sleep': {'seconds': 1}}}, 'startupProbe': {'httpGet': {'port': 80}},
            'livenessProbe': {'httpGet': {'port': 80}}, 'readinessProbe': {'httpGet': {'port': 80}}}
    init = dict({'name': 'i', 'image': 'i'}, **both)
    main = {'name': 'c', 'image': 'i'}
    forbidden = 'Forbidden: may not be set for init containers without restartPolicy=Always'
    assert sorted(causes(containers(api, main, initContainers=[init]))) == sorted(
        (f'spec.initContainers[0].{field}', 'FieldValueForbidden', forbidden) for field in both)
    containers(api, main, initContainers=[dict(init, restartPolicy='Always')]).want(201)


def test_options_of_a_log(api):
    api.post(api.path('pods'), {'metadata': {'name': 'quiet'}, 'spec': {
        'containers': [{'name': 'c', 'image': 'i'}], 'nodeSelector': {'no': 'where'}}}).want(201)
    log = api.path('pods', 'quiet', 'log')
    for query, field, message in (
            ('tailLines=-1', 'tailLines', 'Invalid value: -1: must be greater than or equal to 0'),
            ('limitBytes=0', 'limitBytes', 'Invalid value: 0: must be greater than 0'),
            ('sinceSeconds=-5', 'sinceSeconds', 'Invalid value: -5: must be greater than 0')):
        answer = api.get(f'{log}?{query}')
        assert causes(answer) == [(field, 'FieldValueInvalid', message)]
        assert answer.json['message'] == f'PodLogOptions "quiet" is invalid: {field}: {message}', answer.json
    assert causes(api.get(f'{log}?sinceSeconds=5&sinceTime=2026-01-02T03:04:05Z')) == [
        ('[]', 'FieldValueForbidden', 'Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified')]
    for query, message in (('tailLines=x', 'strconv.ParseInt: parsing "x": invalid syntax'),
                           ('sinceTime=now', 'parsing time "now" as "2006-01-02T15:04:05Z07:00": cannot parse "now" as "2006"')):
        assert api.get(f'{log}?{query}').fails(400, 'BadRequest')['message'] == message
    api.get(f'{log}?tailLines=0&limitBytes=1&sinceTime=2026-01-02T03:04:05Z').want(204)
