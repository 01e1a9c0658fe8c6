# SPDX-License-Identifier: Apache-2.0
"""Addresses and node ports of Services (service-api.md sections 6 to 8), on small ranges of both families."""
import ipaddress
import threading

from api import Api, proves, service

OPTIONS = ['--service-cluster-ip-range', '10.96.0.0/28,fd00:96::/120', '--service-node-port-range', '30000-30009']


def drop_all(api):
    """Tests share the ranges: each begins with only default/kubernetes."""
    for ns in api.get('/api/v1/namespaces').json['items']:
        where = f'/api/v1/namespaces/{ns["metadata"]["name"]}/services'
        for svc in api.get(where).json['items']:
            if svc['metadata']['name'] != 'kubernetes':
                api.delete(f'{where}/{svc["metadata"]["name"]}').want(200)


def live_name(address):
    """Of the IPAddress object: the canonical text."""
    return str(ipaddress.ip_address(address))


def make(api, name, **spec):
    return api.post(api.path('services'), service(name, **spec))


def test_kubernetes_has_the_first_address(api):
    got = api.get('/api/v1/namespaces/default/services/kubernetes').want(200).json
    assert got['spec']['clusterIP'] == '10.96.0.1'
    assert got['metadata']['labels'] == {'component': 'apiserver', 'provider': 'kubernetes'}
    assert got['spec']['ports'] == [{'name': 'https', 'port': 443, 'protocol': 'TCP', 'targetPort': api.server.port}]
    ends = api.get('/api/v1/namespaces/default/endpoints/kubernetes').want(200).json
    assert ends['subsets'][0]['addresses'] == [{'ip': '192.0.2.10'}]
    ends = api.get('/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes').want(200).json
    assert ends['endpoints'][0]['addresses'] == ['192.0.2.10']


def test_explicit_addresses(api):
    drop_all(api)
    assert make(api, 'a', clusterIP='10.96.0.7').want(201).json['spec']['clusterIPs'] == ['10.96.0.7']
    st = make(api, 'b', clusterIP='10.96.0.7').fails(422, 'Invalid', 'provided IP is already allocated')
    assert st['details']['causes'][0]['field'] == 'spec.clusterIPs'
    for outside in ('10.97.0.1', '10.96.0.0', '10.96.0.15'):
        make(api, 'b', clusterIP=outside).fails(422, 'Invalid', f'failed to allocate IP {outside}')
    ip = api.get('/apis/networking.k8s.io/v1/ipaddresses/10.96.0.7').want(200).json
    parent = ip['spec']['parentRef']
    assert (parent['resource'], parent['namespace'], parent['name']) == ('services', api.ns, 'a')
    api.delete(api.path('services', 'a')).want(200)
    api.get('/apis/networking.k8s.io/v1/ipaddresses/10.96.0.7').want(404)
    make(api, 'b', clusterIP='10.96.0.7').want(201)


@proves('6.16', '7.4', '18.3.11')
def test_addresses_run_out_and_come_back(api):
    drop_all(api)
    seen = {'10.96.0.1'}
    for i in range(13):
        ip = make(api, f's{i}').want(201).json['spec']['clusterIP']
        assert ip not in seen
        seen.add(ip)
    make(api, 'one-more').fails(500, 'InternalError', 'range is full')
    api.get(api.path('services', 'one-more')).want(404)
    api.delete(api.path('services', 's5')).want(200)
    make(api, 'one-more').want(201)


def test_a_failed_create_takes_nothing(api):
    drop_all(api)
    for i in range(30):
        api.post(api.path('services'), service('BAD', type='NodePort')).want(422)
    for i in range(13):
        make(api, f's{i}').want(201)


def test_two_families(api):
    drop_all(api)
    spec = make(api, 'a', ipFamilyPolicy='PreferDualStack').want(201).json['spec']
    assert spec['ipFamilies'] == ['IPv4', 'IPv6'] and spec['clusterIPs'][1].startswith('fd00:96::')
    spec = make(api, 'b', ipFamilies=['IPv6']).want(201).json['spec']
    assert spec['clusterIP'].startswith('fd00:96::') and spec['ipFamilyPolicy'] == 'SingleStack'
    both = api.get(api.path('services', 'a')).json
    both['spec']['ipFamilyPolicy'] = 'SingleStack'
    spec = api.put(api.path('services', 'a'), both).want(200).json['spec']
    assert len(spec['clusterIPs']) == 1 and spec['ipFamilies'] == ['IPv4']


def test_a_watch_sees_every_event_of_one_revision(api):
    drop_all(api)
    where = '/apis/networking.k8s.io/v1/ipaddresses'
    at = api.get(where).json['metadata']['resourceVersion']
    live = api.watch(where, resourceVersion=at)
    addresses = make(api, 'a', ipFamilyPolicy='RequireDualStack').want(201).json['spec']['clusterIPs']
    for w in (live, api.watch(where, resourceVersion=at)):
        assert {w.want('ADDED')['metadata']['name'] for _ in addresses} == {addresses[0], live_name(addresses[1])}


def test_headless(api):
    drop_all(api)
    spec = make(api, 'a', clusterIP='None', selector={'a': 'b'}).want(201).json['spec']
    assert spec['clusterIPs'] == ['None'] and spec['ipFamilies'] == ['IPv4']
    spec = make(api, 'b', clusterIP='None').want(201).json['spec']
    assert spec['ipFamilyPolicy'] == 'RequireDualStack' and spec['ipFamilies'] == ['IPv4', 'IPv6']


def test_node_ports(api):
    drop_all(api)
    spec = make(api, 'a', type='NodePort', ports=((80, 'x'), (81, 'y'))).want(201).json['spec']
    ports = [p['nodePort'] for p in spec['ports']]
    assert len(set(ports)) == 2 and all(30000 <= p <= 30009 for p in ports)
    sent = service('b', type='NodePort')
    sent['spec']['ports'][0]['nodePort'] = ports[0]
    st = api.post(api.path('services'), sent).fails(422, 'Invalid', 'provided port is already allocated')
    assert st['details']['causes'][0]['field'] == 'spec.ports[0].nodePort'
    sent['spec']['ports'][0]['nodePort'] = 40000
    api.post(api.path('services'), sent).fails(422, 'Invalid', 'The range of valid ports is 30000-30009')


def test_node_ports_shared_by_protocols(api):
    drop_all(api)
    sent = service('dns', type='NodePort', ports=((53, 'udp'), (53, 'tcp')))
    sent['spec']['ports'][0]['protocol'] = 'UDP'
    ports = api.post(api.path('services'), sent).want(201).json['spec']['ports']
    assert ports[0]['nodePort'] == ports[1]['nodePort']


@proves('8.5')
def test_node_ports_run_out(api):
    drop_all(api)
    for i in range(10):
        make(api, f's{i}', type='NodePort').want(201)
    make(api, 'more', type='NodePort').fails(500, 'InternalError', 'range is full')
    assert make(api, 'more').want(201)
    api.patch(api.path('services', 's3'), {'spec': {'type': 'ClusterIP'}}).want(200)
    make(api, 'again', type='NodePort').want(201)


def test_type_changes(api):
    drop_all(api)
    one = make(api, 'a').want(201).json
    two = api.patch(api.path('services', 'a'), {'spec': {'type': 'NodePort'}}).want(200).json
    assert two['spec']['clusterIP'] == one['spec']['clusterIP'] and two['spec']['ports'][0]['nodePort']
    three = api.patch(api.path('services', 'a'), {'spec': {'type': 'ExternalName', 'externalName': 'example.com'}}).want(200).json
    assert 'clusterIP' not in three['spec'] and 'nodePort' not in three['spec']['ports'][0]
    api.get('/apis/networking.k8s.io/v1/ipaddresses/' + one['spec']['clusterIP']).want(404)


def test_a_manifest_may_be_sent_again(api):
    drop_all(api)
    sent = service('a', type='NodePort')
    made = api.post(api.path('services'), sent).want(201).json
    assert api.put(api.path('services', 'a'), sent).want(200).json == made


def test_cluster_ip_does_not_change(api):
    drop_all(api)
    made = make(api, 'a').want(201).json
    free = next(f'10.96.0.{i}' for i in range(2, 14) if f'10.96.0.{i}' != made['spec']['clusterIP'])
    made['spec']['clusterIP'], made['spec']['clusterIPs'] = free, [free]
    api.put(api.path('services', 'a'), made).fails(422, 'Invalid', 'may not change once set')
    make(api, 'b', clusterIP=free).want(201)


def test_many_at_once_never_share(api):
    drop_all(api)
    got = []

    def work(n):
        mine = Api(api.server)
        mine.ns = api.ns
        for i in range(4):
            got.append(make(mine, f's{n}-{i}', type='NodePort').status)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert got.count(201) == 10 and got.count(500) == 14, got
    specs = [o['spec'] for o in api.get(api.path('services')).json['items']]
    assert len({s['clusterIP'] for s in specs}) == 10 and len({s['ports'][0]['nodePort'] for s in specs}) == 10
