# SPDX-License-Identifier: Apache-2.0
"""Proves that programs that use the official Python client list, make, patch, delete and watch Services and Pods."""
import json

from api import Skip, until

try:
    import kubernetes
except ImportError:
    kubernetes = None

WATCH_S = 20


def core(api):
    """The client's CoreV1Api for the server under test."""
    if not kubernetes:
        raise Skip('the Python client is not installed: apt-get install python3-kubernetes')
    conf = kubernetes.client.Configuration()
    kubernetes.config.load_kube_config(str(api.server.folder / 'kubeconfig'), client_configuration=conf)
    return kubernetes.client.CoreV1Api(kubernetes.client.ApiClient(conf))


def service(name, **spec):
    c = kubernetes.client
    return c.V1Service(metadata=c.V1ObjectMeta(name=name, labels={'app': name}),
                       spec=c.V1ServiceSpec(selector={'app': name}, ports=[c.V1ServicePort(port=80, target_port=8080)], **spec))


def pod(name):
    c = kubernetes.client
    return c.V1Pod(metadata=c.V1ObjectMeta(name=name, labels={'app': name}),
                   spec=c.V1PodSpec(containers=[c.V1Container(name='c', image='built-in')]))


def test_services(api):
    """Services are made with an address, read, listed by label, patched, replaced, and deleted; errors are ApiExceptions."""
    v = core(api)
    made = v.create_namespaced_service(api.ns, service('a', type='NodePort'))
    assert made.spec.cluster_ip and 30000 <= made.spec.ports[0].node_port <= 32767 and made.metadata.creation_timestamp
    v.create_namespaced_service(api.ns, service('b'))
    assert [s.metadata.name for s in v.list_namespaced_service(api.ns).items] == ['a', 'b']
    assert [s.metadata.name for s in v.list_namespaced_service(api.ns, label_selector='app=b').items] == ['b']
    assert api.ns in {s.metadata.namespace for s in v.list_service_for_all_namespaces().items}
    got = v.patch_namespaced_service('a', api.ns, {'spec': {'ports': [{'port': 80, 'name': 'http'}]}})
    assert (got.spec.ports[0].name, got.spec.ports[0].target_port) == ('http', 8080), got.spec.ports
    got.spec.session_affinity = 'ClientIP'
    got = v.replace_namespaced_service('a', api.ns, got)
    assert got.spec.session_affinity_config.client_ip.timeout_seconds == 10800
    v.delete_namespaced_service('a', api.ns)
    for call, status in ((lambda: v.read_namespaced_service('a', api.ns), 404),
                         (lambda: v.create_namespaced_service(api.ns, service('b')), 409),
                         (lambda: v.create_namespaced_service(api.ns, service('B_')), 422)):
        try:
            call()
            raise AssertionError('no exception')
        except kubernetes.client.ApiException as e:
            assert e.status == status and '"kind":"Status"' in e.body.replace(' ', ''), e


def test_pods(api):
    """Pods are made, read, listed by field, patched (also their status), and deleted."""
    v = core(api)
    v.create_namespaced_pod(api.ns, pod('p'))
    assert v.read_namespaced_pod('p', api.ns).status.phase == 'Pending'
    v.patch_namespaced_pod('p', api.ns, {'metadata': {'annotations': {'x': 'y'}}})
    v.patch_namespaced_pod_status('p', api.ns, {'status': {'phase': 'Running', 'podIP': '192.0.2.9'}})
    got = v.list_namespaced_pod(api.ns, field_selector='status.phase=Running').items
    assert [(p.metadata.name, p.status.pod_ip, p.metadata.annotations['x']) for p in got] == [('p', '192.0.2.9', 'y')]
    v.delete_namespaced_pod('p', api.ns, grace_period_seconds=0)
    until('the Pod to go', lambda: not v.list_namespaced_pod(api.ns).items)


def watched(v, call, ns, make, change, remove):
    """The events that making, changing and removing cause on a watch from before."""
    w, seen = kubernetes.watch.Watch(), []
    rev = call(ns).metadata.resource_version
    make()
    for event in w.stream(call, ns, resource_version=rev, timeout_seconds=WATCH_S):
        seen.append((event['type'], event['object'].metadata.name))
        if len(seen) == 1:
            change()
        elif len(seen) == 2:
            remove()
        elif event['type'] == 'DELETED':
            w.stop()
    return seen


def test_watch(api):
    """A watch of Services, and one of Pods, sees ADDED, MODIFIED and DELETED in order, as objects of their classes."""
    v = core(api)
    label = {'metadata': {'labels': {'x': 'y'}}}
    assert watched(v, v.list_namespaced_service, api.ns, lambda: v.create_namespaced_service(api.ns, service('a')),
                   lambda: v.patch_namespaced_service('a', api.ns, label),
                   lambda: v.delete_namespaced_service('a', api.ns)) == [('ADDED', 'a'), ('MODIFIED', 'a'), ('DELETED', 'a')]
    assert watched(v, v.list_namespaced_pod, api.ns, lambda: v.create_namespaced_pod(api.ns, pod('p')),
                   lambda: v.patch_namespaced_pod('p', api.ns, label),
                   lambda: v.delete_namespaced_pod('p', api.ns)) == [('ADDED', 'p'), ('MODIFIED', 'p'), ('DELETED', 'p')]


def test_pages(api):
    """limit and continue give a long list in pages."""
    v, names, token = core(api), [], None
    for i in range(12):
        v.create_namespaced_service(api.ns, service(f's{i:02}'))
    while True:
        page = v.list_namespaced_service(api.ns, limit=5, _continue=token)
        names += [s.metadata.name for s in page.items]
        token = page.metadata._continue
        if not token:
            break
    assert names == [f's{i:02}' for i in range(12)], names


def test_apply(api):
    """The dynamic client applies on the server: it makes, is told of a conflict, and takes over by force."""
    from kubernetes.dynamic import DynamicClient
    from kubernetes.dynamic.exceptions import ConflictError
    services = DynamicClient(core(api).api_client).resources.get(api_version='v1', kind='Service')

    def apply(port, manager, **more):
        body = {'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': 'web'}, 'spec': {'ports': [{'port': 80, 'targetPort': port}]}}
        # This version sends a body of that type only as text.
        return services.server_side_apply(json.dumps(body), 'web', api.ns, field_manager=manager, **more)

    assert apply(8080, 'one').spec.ports[0].targetPort == 8080
    try:
        apply(9090, 'two')
        raise AssertionError('no conflict')
    except ConflictError as e:
        assert b'FieldManagerConflict' in e.body and b'.spec.ports[port=80' in e.body, e.body
    assert apply(9090, 'two', force_conflicts=True).spec.ports[0].targetPort == 9090
    owners = {(f.manager, f.operation) for f in services.get('web', api.ns).metadata.managedFields}
    assert owners == {('one', 'Apply'), ('two', 'Apply')}, owners


def test_a_cache_that_follows(api):
    """What controllers in Python do: list, watch from there, and begin anew where the revision is gone (410)."""
    v, cache = core(api), {}
    for i in range(5):
        v.create_namespaced_service(api.ns, service(f's{i}'))
    first = v.list_namespaced_service(api.ns)
    cache.update((s.metadata.name, s) for s in first.items)
    v.create_namespaced_service(api.ns, service('later'))
    v.patch_namespaced_service('s3', api.ns, {'metadata': {'labels': {'x': 'y'}}})
    for i in (0, 1, 2, 4):
        v.delete_namespaced_service(f's{i}', api.ns)
    w = kubernetes.watch.Watch()
    for event in w.stream(v.list_namespaced_service, api.ns, resource_version=first.metadata.resource_version, timeout_seconds=WATCH_S,
                          allow_watch_bookmarks=True):
        name = event['object'].metadata.name
        if event['type'] == 'DELETED':
            del cache[name]
        elif event['type'] != 'BOOKMARK':
            cache[name] = event['object']
        if set(cache) == {'s3', 'later'}:
            w.stop()
    assert cache['s3'].metadata.labels['x'] == 'y' and cache['later'].spec.cluster_ip
    try:
        for _ in kubernetes.watch.Watch().stream(v.list_namespaced_service, api.ns, resource_version='999999999', timeout_seconds=1):
            raise AssertionError('an event from the future')
    except kubernetes.client.ApiException as e:
        assert e.status in (410, 504), e
