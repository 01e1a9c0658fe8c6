# SPDX-License-Identifier: Apache-2.0
"""What each kubectl must be able to do; a case is given a Kubectl with a namespace of its own."""
import json
import re

from api import Skip, proves, service, until

POD = {'apiVersion': 'v1', 'kind': 'Pod', 'metadata': {'name': 'web-1', 'labels': {'app': 'web'}},
       'spec': {'containers': [{'name': 'c', 'image': 'built-in', 'ports': [{'containerPort': 8080, 'name': 'http'}]}]}}


def web(**spec):
    """A Service of type NodePort with a selector and two ports."""
    obj = service('web', ports=((80, 'http'), (443, 'https')), selector={'app': 'web'}, **spec)
    obj['metadata']['labels'] = {'app': 'web', 'tier': 'front'}
    return obj


@proves('19.5')
def test_apply_creates_leaves_and_changes(k):
    """apply makes what is absent, leaves what is the same, changes what differs and removes what was taken out."""
    assert k.apply(web(), POD) == 'service/web created\npod/web-1 created'
    before = k.field('svc/web', '.metadata.resourceVersion')
    assert k.apply(web(), POD) == 'service/web unchanged\npod/web-1 unchanged'
    assert k.field('svc/web', '.metadata.resourceVersion') == before
    ip = k.field('svc/web', '.spec.clusterIP')
    changed = web(sessionAffinity='ClientIP')
    del changed['spec']['ports'][1], changed['metadata']['labels']['tier']
    assert k.apply(changed) == 'service/web configured'
    got = k.json('svc', 'web')
    assert [p['name'] for p in got['spec']['ports']] == ['http'] and got['metadata']['labels'] == {'app': 'web'}
    assert got['spec']['clusterIP'] == ip and got['spec']['sessionAffinityConfig']['clientIP']['timeoutSeconds'] == 10800


@proves('19.1')
def test_get_prints_tables(k):
    """get prints the columns of Services and Pods, wide ones with -o wide, labels with --show-labels."""
    k.apply(web(type='NodePort'), POD)
    ip, port, tls = (k.field('svc/web', p) for p in ('.spec.clusterIP', '.spec.ports[0].nodePort', '.spec.ports[1].nodePort'))
    head, row = (re.split(' {2,}|\t', line) for line in k.ok('get', 'svc').splitlines())
    assert head == ['NAME', 'TYPE', 'CLUSTER-IP', 'EXTERNAL-IP', 'PORT(S)', 'AGE'], head
    assert row[:5] == ['web', 'NodePort', ip, '<none>', f'80:{port}/TCP,443:{tls}/TCP'], row
    head, row = (line.split() for line in k.ok('get', 'svc', 'web', '-o', 'wide').splitlines())
    assert head[-1] == 'SELECTOR' and row[-1] == 'app=web'
    head, row = (line.split() for line in k.ok('get', 'svc', '--show-labels').splitlines())
    assert head[-1] == 'LABELS' and row[-1] == 'app=web,tier=front'
    head, row = (line.split() for line in k.ok('get', 'pods').splitlines())
    assert head == ['NAME', 'READY', 'STATUS', 'RESTARTS', 'AGE'] and row[:4] == ['web-1', '0/1', 'Pending', '0']
    assert k.ok('get', 'pods', '-o', 'wide').split('\n')[0].split()[:7] == ['NAME', 'READY', 'STATUS', 'RESTARTS', 'AGE', 'IP', 'NODE']
    assert 'service/web' in k.ok('get', 'all') and 'pod/web-1' in k.ok('get', 'all')
    assert {'default', k.ns} <= {line.split()[0] for line in k.ok('get', 'svc', '-A', '--no-headers', ns=False).splitlines()}


@proves('19.1')
def test_get_prints_whole_objects(k):
    """get -o yaml and -o json give the object whole, jsonpath and custom columns parts of it."""
    k.apply(web())
    obj = k.json('svc', 'web')
    assert (obj['apiVersion'], obj['kind'], obj['status']) == ('v1', 'Service', {'loadBalancer': {}})
    text = k.ok('get', 'svc', 'web', '-o', 'yaml')
    for line in ('kind: Service', f'  namespace: {k.ns}', f'  uid: {obj["metadata"]["uid"]}', '  - name: http', '    targetPort: 443'):
        assert line in text.splitlines(), (line, text)
    listed = k.json('svc')
    assert listed['kind'] == 'List' and listed['items'] == [obj]
    assert k.ok('get', 'svc', '-o', 'custom-columns=N:.metadata.name,C:.spec.clusterIP').split() == \
        ['N', 'C', 'web', obj['spec']['clusterIP']]
    assert 'NotFound' in k.fails('get', 'svc', 'none')


@proves('19.1')
def test_selectors(k):
    """-l and --field-selector choose objects on the server; a field that is not selectable is refused by name."""
    k.apply(web(type='NodePort'), service('other'), POD)
    for args, want in ((['-l', 'app=web'], 'service/web'), (['-l', 'app!=web'], 'service/other'),
                       (['-l', 'tier in (front,back),app'], 'service/web'), (['-l', '!app'], 'service/other'),
                       (['--field-selector', 'metadata.name=other'], 'service/other'),
                       (['--field-selector', 'spec.type=NodePort'], 'service/web'),
                       (['--field-selector', 'spec.type=NodePort', '-l', 'app=none'], '')):
        k.says(want, 'get', 'svc', '-o', 'name', *args)
    k.says('pod/web-1', 'get', 'pods', '-o', 'name', '--field-selector', 'status.phase=Pending,spec.nodeName=')
    assert 'spec.color' in k.fails('get', 'svc', '--field-selector', 'spec.color=red')


@proves('19.3')
def test_describe(k):
    """describe tells about Services, Pods, Nodes and Endpoints without an error."""
    node = {'apiVersion': 'v1', 'kind': 'Node', 'metadata': {'name': k.ns + '-node'}, 'spec': {'podCIDR': '192.0.2.0/25'}}
    ends = {'apiVersion': 'v1', 'kind': 'Endpoints', 'metadata': {'name': 'ext'},
            'subsets': [{'addresses': [{'ip': '192.0.2.42'}], 'ports': [{'port': 9376}]}]}
    k.apply(web(), POD, node, ends)
    text = k.ok('describe', 'svc', 'web')
    for want in (r'Name: +web', r'Type: +ClusterIP', r'IP: +' + re.escape(k.field('svc/web', '.spec.clusterIP')),
                 r'Port: +http +80/TCP', r'TargetPort: +443/TCP', r'Selector: +app=web', r'Session Affinity: +None'):
        assert re.search(want, text), (want, text)
    text = k.ok('describe', 'pod', 'web-1')
    assert re.search(r'Status: +Pending', text) and re.search(r'Ports?: +8080', text), text
    text = k.ok('describe', 'node', k.ns + '-node')
    assert re.search(r'PodCIDR: +192.0.2.0/25', text), text
    assert re.search(r'Addresses: +192.0.2.42', k.ok('describe', 'endpoints', 'ext'))
    k.ok('delete', 'node', k.ns + '-node')


@proves('19.2')
def test_watch(k):
    """get -w prints what is there, then each change as it is made, and the end."""
    k.apply(service('a'))
    with k.background('get', 'svc', '-w') as all_, k.background('get', 'svc', 'a', '-w', '-o', 'jsonpath={.metadata.labels}{"\\n"}') as one:
        all_.until('a ')
        k.ok('label', 'svc', 'a', 'color=red')
        one.until('red')
        k.apply(service('b'))
        all_.until('b ')
        k.ok('patch', 'svc', 'a', '-p', '{"spec":{"type":"NodePort"}}')
        all_.until('NodePort')


@proves('19.7')
def test_edit(k):
    """edit opens the object, and what the editor leaves is what is stored; a bad edit is refused with the reason."""
    k.apply(web())
    assert 'service/web edited' in k.ok('edit', 'svc', 'web', KUBE_EDITOR='sed -i "s/port: 80$/port: 8088/"')
    assert k.field('svc/web', '.spec.ports[0].port') == '8088'
    assert k.field('svc/web', '.spec.ports[1].port') == '443'
    assert 'no changes' in (lambda r: r.stdout + r.stderr)(k.run('edit', 'svc', 'web', KUBE_EDITOR='true')).lower()
    out = k.run('edit', 'svc', 'web', KUBE_EDITOR='sed -i "s/port: 8088$/port: 70000/"')
    assert out.returncode != 0 and 'is invalid' in out.stderr, out
    assert k.field('svc/web', '.spec.ports[0].port') == '8088'


@proves('19.8')
def test_patch(k):
    """patch of the three types does what each says: merges a list by its key, replaces it, edits it by position."""
    k.apply(web())
    k.says('service/web patched', 'patch', 'svc', 'web', '-p', '{"spec":{"ports":[{"port":443,"targetPort":8443}]}}')
    ports = k.json('svc', 'web')['spec']['ports']
    assert {(p['name'], p['targetPort']) for p in ports} == {('http', 80), ('https', 8443)}, ports
    k.says('service/web patched', 'patch', 'svc', 'web', '--type', 'merge', '-p', '{"spec":{"ports":[{"port":81}]}}')
    assert [p['port'] for p in k.json('svc', 'web')['spec']['ports']] == [81]
    k.says('service/web patched', 'patch', 'svc', 'web', '--type', 'json', '-p',
           '[{"op":"test","path":"/spec/ports/0/port","value":81},{"op":"replace","path":"/spec/ports/0/port","value":82}]')
    assert k.field('svc/web', '.spec.ports[0].port') == '82'
    assert '(no change)' in k.ok('patch', 'svc', 'web', '-p', '{}')
    bad = k.fails('patch', 'svc', 'web', '--type', 'json', '-p', '[{"op":"remove","path":"/spec/nothing"}]')
    assert 'nothing' in bad or 'invalid' in bad, bad
    if k.minor >= 24:
        k.apply(service('lb', type='LoadBalancer'))
        k.ok('patch', 'svc', 'lb', '--subresource', 'status', '--type', 'merge', '-p',
             '{"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.7"}]}}}')
        assert k.ok('get', 'svc', 'lb').splitlines()[1].split()[1:4:2] == ['LoadBalancer', '192.0.2.7']


@proves('19.10')
def test_label_and_annotate(k):
    """label and annotate add, refuse to overwrite unless told to, overwrite, and remove."""
    k.apply(service('a'))
    for verb, at in (('label', 'labels'), ('annotate', 'annotations')):
        k.ok(verb, 'svc', 'a', 'x=1')
        assert k.field('svc/a', f'.metadata.{at}.x') == '1'
        assert 'overwrite' in k.fails(verb, 'svc', 'a', 'x=2')
        k.ok(verb, 'svc', 'a', 'x=2', '--overwrite')
        assert k.field('svc/a', f'.metadata.{at}.x') == '2'
        k.ok(verb, 'svc', 'a', 'x-')
        assert k.field('svc/a', f'.metadata.{at}.x') == ''
    k.ok('label', 'svc', '--all', 'y=1')
    k.says('service/a', 'get', 'svc', '-l', 'y', '-o', 'name')


@proves('19.9')
def test_replace(k):
    """replace puts the whole object, refuses a stale one as a conflict, and with --force makes it anew."""
    k.apply(web())
    obj = k.json('svc', 'web')
    stale = json.dumps(obj)
    obj['spec']['ports'] = [{'name': 'http', 'port': 8080}]
    k.says('service/web replaced', 'replace', '-f', '-', stdin=json.dumps(obj))
    assert k.field('svc/web', '.spec.ports[*].port') == '8080'
    assert 'the object has been modified' in k.fails('replace', '-f', '-', stdin=stale)
    uid = k.field('svc/web', '.metadata.uid')
    k.ok('replace', '--force', '-f', '-', stdin=json.dumps(web()))
    assert k.field('svc/web', '.metadata.uid') not in ('', uid)


@proves('19.11')
def test_delete(k):
    """delete waits until the object is gone (--wait), or only asks for it; by name, label and all; twice is NotFound."""
    k.apply(web(), service('a'), service('b'), POD)
    assert 'service "web" deleted' in k.ok('delete', 'svc', 'web')
    assert 'NotFound' in k.fails('delete', 'svc', 'web')
    k.ok('delete', 'svc', 'web', '--ignore-not-found')
    assert 'pod "web-1" deleted' in k.ok('delete', 'pod', '-l', 'app=web', '--wait=false')
    until('the Pod to go', lambda: k.ok('get', 'pods', '-o', 'name') == '')
    k.ok('delete', 'svc', '--all')
    k.says('', 'get', 'svc', '-o', 'name')


@proves('19.11')
def test_delete_waits_for_finalizers(k):
    """delete --wait does not return while a finalizer holds the object; wait --for=delete sees its end."""
    held = service('held')
    held['metadata']['finalizers'] = ['example.com/hold']
    k.apply(held)
    with k.background('delete', 'svc', 'held') as deleting, k.background('wait', '--for=delete', 'svc/held', '--timeout=20s') as waiting:
        until('the deletion to begin', lambda: k.field('svc/held', '.metadata.deletionTimestamp'))
        assert deleting.process.poll() is None
        k.ok('patch', 'svc', 'held', '--type', 'merge', '-p', '{"metadata":{"finalizers":null}}')
        assert deleting.process.wait(20) == 0, deleting.lines
        assert waiting.process.wait(20) == 0, waiting.lines
    assert 'NotFound' in k.fails('get', 'svc', 'held')


@proves('19.4')
def test_create_service_and_expose(k):
    """create service (ClusterIP, headless, NodePort, ExternalName), create of others, run and expose make what they say."""
    k.says('service/a created', 'create', 'service', 'clusterip', 'a', '--tcp=80:8080')
    k.says('service/h created', 'create', 'service', 'clusterip', 'h', '--clusterip=None')
    k.says('service/b created', 'create', 'service', 'nodeport', 'b', '--tcp=80:8080')
    k.says('service/c created', 'create', 'service', 'externalname', 'c', '--external-name=example.com')
    port = k.json('svc', 'a')['spec']['ports'][0]
    assert (port['name'], port['port'], port['targetPort'], port['protocol']) == ('80-8080', 80, 8080, 'TCP')
    assert k.field('svc/a', '.spec.selector.app') == 'a' and k.field('svc/h', '.spec.clusterIP') == 'None'
    assert 30000 <= int(k.field('svc/b', '.spec.ports[0].nodePort')) <= 32767
    assert k.field('svc/c', '.spec.externalName') == 'example.com'
    k.says('pod/p created', 'run', 'p', '--image=built-in', '--port=8080', '--labels=app=p')
    k.says('service/p exposed', 'expose', 'pod', 'p', '--port=80')
    assert (k.field('svc/p', '.spec.selector.app'), k.field('svc/p', '.spec.ports[0].targetPort')) == ('p', '80')
    k.says('configmap/m created', 'create', 'configmap', 'm', '--from-literal=x=1')
    assert k.field('cm/m', '.data.x') == '1'
    k.ok('create', 'namespace', k.ns + '-2')
    assert k.field('ns/' + k.ns + '-2', '.status.phase') == 'Active'
    assert 'AlreadyExists' in k.fails('create', 'namespace', k.ns + '-2')


@proves('19.13')
def test_explain(k):
    """explain tells fields, types and descriptions, from OpenAPI 2 (old clients) or 3 (new ones)."""
    text = k.ok('explain', 'service.spec.ports')
    for want in ('targetPort', 'nodePort', 'appProtocol', '<integer>', 'TCP, UDP or SCTP'):
        assert want in text, (want, text)
    assert 'containerPort' in k.ok('explain', 'pod.spec.containers.ports')
    assert 'addressType' in k.ok('explain', 'endpointslices')
    assert 'field "color" does not exist' in k.fails('explain', 'service.spec.color')


@proves('19.13')
def test_discovery(k):
    """api-resources and api-versions list what is served; short names lead to their kinds."""
    lines = {line.split()[0]: line.split() for line in k.ok('api-resources', '--no-headers').splitlines()}
    assert lines['services'] == ['services', 'svc', 'v1', 'true', 'Service']
    assert lines['endpointslices'][-1] == 'EndpointSlice' and lines['nodes'][-2] == 'false'
    assert {'v1', 'discovery.k8s.io/v1', 'coordination.k8s.io/v1', 'networking.k8s.io/v1'} <= set(k.ok('api-versions').split())
    for short in ('svc', 'po', 'ep', 'cm', 'ev'):
        k.ok('get', short)
    k.ok('get', 'no')
    k.ok('get', 'ns')
    assert 'doesn\'t have a resource type "gadgets"' in k.fails('get', 'gadgets')
    assert 'v1.' in k.ok('version', ns=False) and k.ok('get', '--raw', '/readyz', ns=False) == 'ok'


@proves('19.15', '19.3')
def test_events(k):
    """get events prints an Event's columns, and describe shows the Events of its object."""
    k.apply(service('a'))
    uid = k.field('svc/a', '.metadata.uid')
    k.ok('create', '-f', '-', stdin=json.dumps({
        'apiVersion': 'v1', 'kind': 'Event', 'metadata': {'name': 'a.1', 'namespace': k.ns}, 'type': 'Warning', 'reason': 'Full',
        'message': 'no address is left', 'count': 3, 'firstTimestamp': '2026-01-02T03:04:05Z', 'lastTimestamp': '2026-01-02T03:04:05Z',
        'source': {'component': 'test'},
        'involvedObject': {'apiVersion': 'v1', 'kind': 'Service', 'name': 'a', 'namespace': k.ns, 'uid': uid}}))
    head, row = k.ok('get', 'events').splitlines()
    assert head.split() == ['LAST', 'SEEN', 'TYPE', 'REASON', 'OBJECT', 'MESSAGE']
    assert re.split(' {2,}', row)[1:] == ['Warning', 'Full', 'service/a', 'no address is left'], row
    assert re.search(r'Warning +Full .*no address is left', k.ok('describe', 'svc', 'a'))


@proves('19.12')
def test_wait_for_a_field(k):
    """wait --for=jsonpath returns when the field has the value (clients that know it)."""
    k.apply(service('a'), POD)
    if k.minor < 23:
        raise Skip('this kubectl cannot wait for a field')
    with k.background('wait', '--for=jsonpath={.spec.type}=NodePort', 'svc/a', '--timeout=20s') as waiting:
        k.ok('patch', 'svc', 'a', '-p', '{"spec":{"type":"NodePort"}}')
        assert waiting.process.wait(20) == 0, waiting.lines
    assert 'timed out' in k.fails('wait', '--for=condition=Ready', 'pod/web-1', '--timeout=1s')


def test_unknown_fields_are_refused(k):
    """A manifest with a field that does not exist is refused, and each such field is named; --validate=false lets it pass."""
    sent = web()
    sent['spec']['sesionAffinity'] = 'ClientIP'
    sent['spec']['ports'][0]['tragetPort'] = 8080
    for verb in ('apply', 'create'):
        text = k.fails(verb, '-f', '-', stdin=json.dumps(sent))
        assert 'unknown field "' in text and 'sesionAffinity' in text and 'tragetPort' in text, text
    k.says('', 'get', 'svc', '-o', 'name')
    k.ok('apply', '--validate=false', '-f', '-', stdin=json.dumps(sent))
    assert 'sesionAffinity' not in k.json('svc', 'web')['spec']


def test_bad_values_are_refused(k):
    """A manifest with bad values is refused with every cause."""
    sent = service('Web_1', ports=((0,), (80, 'x'), (80, 'x')), type='Nonsense')
    text = k.fails('apply', '-f', '-', stdin=json.dumps(sent))
    for want in ('is invalid', 'metadata.name', 'spec.ports[0].port', 'spec.ports[0].name', 'spec.ports[2].name', 'spec.type'):
        assert want in text, (want, text)


def test_dry_run(k):
    """--dry-run=server answers what would be, and stores nothing."""
    k.says('service/web created (server dry run)', 'apply', '--dry-run=server', '-f', '-', stdin=json.dumps(web()))
    assert 'NotFound' in k.fails('get', 'svc', 'web')
    k.apply(web())
    assert 'deleted' in k.ok('delete', 'svc', 'web', '--dry-run=server')
    k.ok('get', 'svc', 'web')


def managers(k, what):
    """(manager, operation) of each owner. Newer kubectls hide them unless asked."""
    flag = ['--show-managed-fields'] if k.minor > 20 else []
    entries = json.loads(k.ok('get', what, '-o', 'json', *flag))['metadata']['managedFields']
    return sorted((e['manager'], e['operation']) for e in entries)


@proves('19.6')
def test_server_side_apply(k):
    """apply --server-side makes, merges, tells who owns what differs, takes it with --force-conflicts; get shows the owners."""
    args = ('apply', '--server-side', '-f', '-')
    k.says('service/web serverside-applied', *args, stdin=json.dumps(web()))
    assert managers(k, 'svc/web') == [('kubectl', 'Apply')]
    before = k.field('svc/web', '.metadata.resourceVersion')
    k.says('service/web serverside-applied', *args, stdin=json.dumps(web()))
    assert k.field('svc/web', '.metadata.resourceVersion') == before
    k.ok('label', 'svc', 'web', 'tier=back', '--overwrite')
    assert managers(k, 'svc/web') == [('kubectl', 'Apply'), ('kubectl-label', 'Update')]
    said = k.fails(*args, '--field-manager=other', stdin=json.dumps(web()))
    assert 'Apply failed with 1 conflict: conflict with "kubectl' in said and '.metadata.labels.tier' in said, said
    assert '--force-conflicts' in said, said
    assert k.field('svc/web', '.metadata.labels.tier') == 'back'
    k.says('service/web serverside-applied', *args, '--field-manager=other', '--force-conflicts', stdin=json.dumps(web()))
    assert k.field('svc/web', '.metadata.labels.tier') == 'front'
    assert ('other', 'Apply') in managers(k, 'svc/web')
    if k.minor > 20:
        assert 'managedFields' not in k.ok('get', 'svc', 'web', '-o', 'yaml')


def test_apply_moves_to_the_server(k):
    """What was applied by the client can be applied by the server without a conflict, and removed by it."""
    k.apply(web())
    less = web()
    del less['metadata']['labels']['tier']
    other = web()
    other['spec']['selector'] = {'app': 'other'}
    k.says('service/web serverside-applied', 'apply', '--server-side', '-f', '-', stdin=json.dumps(other))
    assert k.field('svc/web', '.spec.selector.app') == 'other'
    k.says('service/web serverside-applied', 'apply', '--server-side', '-f', '-', stdin=json.dumps(less))
    assert k.field('svc/web', '.spec.selector.app') == 'web'
    if k.minor > 25:
        assert managers(k, 'svc/web') == [('kubectl', 'Apply'), ('kubectl-last-applied', 'Apply')], 'kubectl has taken over what it had applied from the client'
        assert k.json('svc', 'web')['metadata']['labels'] == {'app': 'web'}


@proves('19.16')
def test_warnings_are_shown(k):
    """What the server warns of is on stderr."""
    sent = dict(service('a', externalName='example.com'), kind='Service', apiVersion='v1')
    said = k.run('create', '-f', '-', stdin=json.dumps(sent))
    assert said.returncode == 0 and 'Warning: spec.externalName is ignored when spec.type is not "ExternalName"' in said.stderr, said


@proves('19.17')
def test_scale_and_rollout(k):
    """scale sets the replicas of a Deployment; rollout status tells what it waits for."""
    k.says('deployment.apps/d created', 'create', 'deployment', 'd', '--image=built-in')
    k.says('deployment.apps/d scaled', 'scale', 'deployment', 'd', '--replicas=3')
    assert k.field('deployment/d', '.spec.replicas') == '3'
    assert 'expected replicas' in k.fails('scale', 'deployment', 'd', '--current-replicas=7', '--replicas=1').lower()
    until('the rollout to begin', lambda: 'Waiting for deployment "d" rollout to finish' in k.ok('rollout', 'status', 'deployment', 'd', '--watch=false'))


@proves('19.14')
def test_port_forward_needs_a_selector(k):
    """port-forward to a Service without selector is refused, and says why."""
    k.apply(service('a'))
    said = k.fails('port-forward', 'svc/a', ':80')
    assert "invalid service 'a': Service is defined without a selector" in said, said


@proves('19.1')
def test_large_lists_come_in_pages(k):
    """get --chunk-size reads a list page by page and prints all of it, in order."""
    k.apply(*[service(f's{i:02}') for i in range(25)])
    names = k.ok('get', 'svc', '--chunk-size=7', '-o', 'name').split()
    assert names == [f'service/s{i:02}' for i in range(25)], names


def test_secrets(k):
    """create secret and a manifest's stringData end as base64 under data; clear text is never shown."""
    k.ok('create', 'secret', 'generic', 'a', '--from-literal=x=hello')
    assert k.field('secret/a', '.data.x') == 'aGVsbG8='
    k.apply({'apiVersion': 'v1', 'kind': 'Secret', 'metadata': {'name': 'b'}, 'stringData': {'x': 'hello'}})
    got = k.json('secret', 'b')
    assert got['data'] == {'x': 'aGVsbG8='} and 'stringData' not in got, got
