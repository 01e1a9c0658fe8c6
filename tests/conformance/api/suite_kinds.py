# SPDX-License-Identifier: Apache-2.0
"""Which kinds are served, and how discovery tells them (service-api.md sections 18.10 and 20)."""
import json

from api import all_of, proves, rules_of

ITEM = 'create delete deletecollection get list patch update watch'
NO_COLLECTION = ITEM.replace('deletecollection ', '')
STATUS = 'get patch update'
PROXY = 'create delete get patch update'
CONNECT = 'create get'
AGGREGATED = ('application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,'
              'application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json')

# (rules, group and version, resource, kind, singular name, short names, namespaced, categories, verbs).
KINDS = [
    ('20.1', 'v1', 'services', 'Service', 'service', 'svc', True, 'all', ITEM),
    ('20.1', 'v1', 'services/status', 'Service', '', '', True, '', STATUS),
    ('20.1', 'v1', 'services/proxy', 'ServiceProxyOptions', '', '', True, '', PROXY),
    ('20.2', 'v1', 'endpoints', 'Endpoints', 'endpoints', 'ep', True, '', ITEM),
    ('20.3', 'v1', 'pods', 'Pod', 'pod', 'po', True, 'all', ITEM),
    ('20.3', 'v1', 'pods/status', 'Pod', '', '', True, '', STATUS),
    ('20.3', 'v1', 'pods/log', 'Pod', '', '', True, '', 'get'),
    ('20.3', 'v1', 'pods/exec', 'PodExecOptions', '', '', True, '', CONNECT),
    ('20.3', 'v1', 'pods/attach', 'PodAttachOptions', '', '', True, '', CONNECT),
    ('20.3', 'v1', 'pods/portforward', 'PodPortForwardOptions', '', '', True, '', CONNECT),
    ('20.3', 'v1', 'pods/proxy', 'PodProxyOptions', '', '', True, '', PROXY),
    ('20.3', 'v1', 'pods/binding', 'Binding', '', '', True, '', 'create'),
    ('20.4', 'v1', 'nodes', 'Node', 'node', 'no', False, '', ITEM),
    ('20.4', 'v1', 'nodes/status', 'Node', '', '', False, '', STATUS),
    ('20.4', 'v1', 'nodes/proxy', 'NodeProxyOptions', '', '', False, '', PROXY),
    ('20.5', 'v1', 'namespaces', 'Namespace', 'namespace', 'ns', False, '', NO_COLLECTION),
    ('20.5', 'v1', 'namespaces/status', 'Namespace', '', '', False, '', STATUS),
    ('20.5', 'v1', 'namespaces/finalize', 'Namespace', '', '', False, '', 'update'),
    ('20.6', 'v1', 'events', 'Event', 'event', 'ev', True, '', ITEM),
    ('20.7', 'v1', 'configmaps', 'ConfigMap', 'configmap', 'cm', True, '', ITEM),
    ('20.7', 'v1', 'secrets', 'Secret', 'secret', '', True, '', ITEM),
    ('20.7', 'v1', 'serviceaccounts', 'ServiceAccount', 'serviceaccount', 'sa', True, '', ITEM),
    ('20.7', 'v1', 'serviceaccounts/token', 'TokenRequest', '', '', True, '', 'create'),
    ('20.8', 'discovery.k8s.io/v1', 'endpointslices', 'EndpointSlice', 'endpointslice', '', True, '', ITEM),
    ('20.9', 'events.k8s.io/v1', 'events', 'Event', 'event', 'ev', True, '', ITEM),
    ('20.10', 'networking.k8s.io/v1', 'servicecidrs', 'ServiceCIDR', 'servicecidr', '', False, '', ITEM),
    ('20.10', 'networking.k8s.io/v1', 'servicecidrs/status', 'ServiceCIDR', '', '', False, '', STATUS),
    ('20.10', 'networking.k8s.io/v1', 'ipaddresses', 'IPAddress', 'ipaddress', 'ip', False, '', ITEM),
    ('20.11', 'coordination.k8s.io/v1', 'leases', 'Lease', 'lease', '', True, '', ITEM),
    ('20.12', 'apps/v1', 'deployments', 'Deployment', 'deployment', 'deploy', True, 'all', ITEM),
    ('20.12', 'apps/v1', 'deployments/status', 'Deployment', '', '', True, '', STATUS),
    ('20.12', 'apps/v1', 'deployments/scale', 'Scale', '', '', True, '', STATUS),
    ('20.12', 'apps/v1', 'replicasets', 'ReplicaSet', 'replicaset', 'rs', True, 'all', ITEM),
    ('20.12', 'apps/v1', 'replicasets/status', 'ReplicaSet', '', '', True, '', STATUS),
    ('20.12', 'apps/v1', 'replicasets/scale', 'Scale', '', '', True, '', STATUS),
]


def base(version):
    return ('/apis/' if '/' in version else '/api/') + version


@proves('18.10.1', '18.10.3', *rules_of(KINDS))
def test_plain_discovery(api):
    lists = {}

    def one(version, name, *want):
        if version not in lists:
            lists[version] = api.get(base(version)).want(200).json
            assert (lists[version]['kind'], lists[version]['groupVersion']) == ('APIResourceList', version)
        r = next((r for r in lists[version]['resources'] if r['name'] == name), None)
        assert r, 'is not served'
        got = (r['kind'], r['singularName'], ' '.join(r.get('shortNames', [])), r['namespaced'], ' '.join(r.get('categories', [])),
               ' '.join(sorted(r['verbs'])))
        assert got == want, got
    all_of((f'{row[0]} {row[1]} {row[2]}', lambda r=row: one(*r[1:])) for row in KINDS)


@proves('18.10.1', '18.10.3')
def test_groups(api):
    core = api.get('/api').want(200).json
    assert (core['kind'], core['versions']) == ('APIVersions', ['v1']) and core['serverAddressByClientCIDRs'], core
    groups = api.get('/apis').want(200).json
    assert groups['kind'] == 'APIGroupList' and groups == api.get('/apis').json
    named = {g['name']: g for g in groups['groups']}
    for version in {row[1] for row in KINDS if '/' in row[1]}:
        group = version.split('/')[0]
        want = {'groupVersion': version, 'version': 'v1'}
        assert want in named[group]['versions'] and named[group]['preferredVersion'] == want, named[group]
        one = api.get('/apis/' + group).want(200).json
        assert one['kind'] == 'APIGroup' and one['preferredVersion'] == want, one
    api.get('/apis/nonsense.example.com').want(404)


@proves('18.10.2', '18.10.3')
def test_aggregated_discovery(api):
    found = {}
    for path in ('/api', '/apis'):
        answer = api.get(path, Accept=AGGREGATED).want(200)
        assert answer.headers['Content-Type'] == 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'
        assert (answer.json['kind'], answer.json['apiVersion']) == ('APIGroupDiscoveryList', 'apidiscovery.k8s.io/v2')
        for group in answer.json['items']:
            for version in group['versions']:
                assert version['freshness'] == 'Current', version
                for r in version['resources']:
                    name = '/'.join(filter(None, [group['metadata'].get('name'), version['version']]))
                    found[name, r['resource']] = r
                    found.update({(name, r['resource'] + '/' + s['subresource']): s for s in r.get('subresources', [])})
    def one(version, name, kind, singular, short, namespaced, categories, verbs):
        r = found.get((version, name))
        assert r, 'is not told'
        assert r['responseKind']['kind'] == kind and ' '.join(sorted(r['verbs'])) == verbs, r
        if singular:
            got = (r['singularResource'], ' '.join(r.get('shortNames', [])), r['scope'], ' '.join(r.get('categories', [])))
            assert got == (singular, short, 'Namespaced' if namespaced else 'Cluster', categories), got
    all_of((f'{row[0]} {row[1]} {row[2]}', lambda r=row: one(*r[1:])) for row in KINDS)


@proves('20.9')
def test_events_are_of_both_groups(api):
    event = {'metadata': {'name': 'e', 'namespace': api.ns}, 'reason': 'R', 'message': 'm', 'type': 'Normal',
             'involvedObject': {'kind': 'Pod', 'name': 'p', 'namespace': api.ns}}
    api.post(api.path('events'), event).want(201)
    got = api.get(f'/apis/events.k8s.io/v1/namespaces/{api.ns}/events/e').want(200).json
    assert (got['apiVersion'], got['kind'], got['note'], got['regarding']['name']) == ('events.k8s.io/v1', 'Event', 'm', 'p'), json.dumps(got)


@proves('20.13')
def test_namespaces_of_the_start(api):
    names = {o['metadata']['name'] for o in api.get('/api/v1/namespaces').want(200).json['items']}
    assert {'default', 'kube-system', 'kube-public', 'kube-node-lease'} <= names, names
    for name in ('default', 'kube-system', 'kube-public'):
        st = api.delete('/api/v1/namespaces/' + name).fails(403, 'Forbidden')
        assert st['message'] == f'namespaces "{name}" is forbidden: this namespace may not be deleted', st
