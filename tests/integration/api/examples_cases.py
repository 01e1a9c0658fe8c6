# SPDX-License-Identifier: Apache-2.0
"""What examples/README.md says each manifest does, as far as the API server alone decides it: one case a manifest."""
import pathlib

FOLDER = pathlib.Path(__file__).resolve().parents[3] / 'examples'


def path(name):
    return str(FOLDER / (name + '.yaml'))


def apply(k, name):
    k.ok('apply', '-f', path(name))


def refused(k, name, *texts):
    said = k.fails('apply', '-f', path(name))
    for text in texts:
        assert text in said, (text, said)


def namespace(k, name):
    """Manifests that name a namespace are applied without -n; it has to be there."""
    k.ns = None
    if k.run('get', 'ns', name).returncode != 0:
        k.apply({'apiVersion': 'v1', 'kind': 'Namespace', 'metadata': {'name': name}})


def test_example_service_python(k):
    """service-python: ClusterIP, then NodePort and LoadBalancer keep the VIP and the node port; ExternalName drops them."""
    apply(k, 'service-python-clusterip')
    vip = k.field('svc/service-python', '.spec.clusterIP')
    assert vip and k.field('svc/service-python', '.spec.ports[0].targetPort') == '443'
    apply(k, 'service-python-nodeport')
    assert k.field('svc/service-python', '.spec.clusterIP,.spec.ports[0].nodePort'.replace(',', '}{" "}{')) == vip + ' 30080'
    apply(k, 'service-python-loadbalancer')
    assert k.field('svc/service-python', '.spec.clusterIP,.spec.ports[0].nodePort'.replace(',', '}{" "}{')) == vip + ' 30080'
    apply(k, 'service-python-externalname')
    spec = k.json('svc', 'service-python')['spec']
    assert spec['externalName'] == 'remote.server.url.com' and 'clusterIP' not in spec and 'nodePort' not in spec['ports'][0], spec
    apply(k, 'service-python-clusterip')
    assert k.field('svc/service-python', '.spec.clusterIP')
    k.ok('delete', '--ignore-not-found', '-f', path('service-python-clusterip'))


def test_example_service_nodeport_dev(k):
    """service-nodeport-dev: the table shows 80:30002/TCP."""
    namespace(k, 'dev')
    apply(k, 'service-nodeport-dev')
    head, row = (line.split() for line in k.ok('get', 'svc', 'service-nodeport', '-n', 'dev').splitlines())
    assert head == ['NAME', 'TYPE', 'CLUSTER-IP', 'EXTERNAL-IP', 'PORT(S)', 'AGE']
    assert row[:2] + row[3:5] == ['service-nodeport', 'NodePort', '<none>', '80:30002/TCP']
    k.ok('delete', '--ignore-not-found', '-f', path('service-nodeport-dev'))


def test_example_my_nginx(k):
    """my-nginx: refused on spec.ports[0].nodePort with the default range."""
    refused(k, 'my-nginx', 'The Service "my-nginx" is invalid', 'spec.ports[0].nodePort: Invalid value: 8080',
            'provided port is not in the valid range. The range of valid ports is 30000-32767')


def test_example_service_loadbalancer(k):
    """example-service-loadbalancer: a NodePort that waits for its address."""
    apply(k, 'example-service-loadbalancer')
    assert '<pending>' in k.ok('get', 'svc', 'example-service')
    assert 30000 <= int(k.field('svc/example-service', '.spec.ports[0].nodePort')) <= 32767
    k.ok('delete', '--ignore-not-found', '-f', path('example-service-loadbalancer'))


def test_example_without_selector(k):
    """without-selector: the Service and its Endpoints; the Endpoints column shows the address by hand."""
    apply(k, 'without-selector')
    assert '192.0.2.42:9376' in k.ok('get', 'endpoints', 'mi-servicio')
    k.ok('delete', '--ignore-not-found', '-f', path('without-selector'))


def test_example_multi_port(k):
    """multi-port: both ports; without their names it is refused."""
    apply(k, 'multi-port')
    assert '80/TCP,443/TCP' in k.ok('get', 'svc', 'mi-servicio')
    text = ''.join(line.replace('- name: http\n', '- port: 80\n').replace('- name: https\n', '- port: 443\n')
                   for line in open(path('multi-port'), encoding='utf-8') if ' port: ' not in line)
    said = k.fails('replace', '-f', '-', stdin=text)
    assert 'spec.ports[0].name: Required value' in said and 'spec.ports[1].name: Required value' in said, said
    k.ok('delete', '--ignore-not-found', '-f', path('multi-port'))


def test_example_external_ips(k):
    """external-ips: the address shows under EXTERNAL-IP; the client is warned that the field is deprecated."""
    out = k.run('apply', '-f', path('external-ips'))
    assert out.returncode == 0 and 'spec.externalIPs is deprecated' in out.stderr, out
    assert k.ok('get', 'svc', 'mi-servicio').splitlines()[1].split()[3] == '80.11.12.10'
    k.ok('delete', '--ignore-not-found', '-f', path('external-ips'))


def test_example_loadbalancer_with_clusterip(k):
    """loadbalancer-with-clusterip: refused while 10.0.171.239 is in no range of this server."""
    refused(k, 'loadbalancer-with-clusterip', 'The Service "mi-servicio" is invalid', 'spec.clusterIPs', '10.0.171.239',
            'failed to allocate IP 10.0.171.239')


def test_example_external_name_prod(k):
    """external-name-prod: the table shows the name that it stands for; without its namespace it is refused."""
    k.ns = None
    if k.run('get', 'ns', 'prod').returncode != 0:
        refused(k, 'external-name-prod', 'namespaces "prod" not found')
    namespace(k, 'prod')
    apply(k, 'external-name-prod')
    assert k.ok('get', 'svc', '-n', 'prod', 'mi-servicio').splitlines()[1].split()[:4] == \
        ['mi-servicio', 'ExternalName', '<none>', 'my.database.example.com']
    k.ok('delete', '--ignore-not-found', '-f', path('external-name-prod'))


def test_example_pods(k):
    """pods: four Pods, three of them behind run=pod-python."""
    apply(k, 'pods')
    k.says('pod/pod-python-1\npod/pod-python-2\npod/pod-python-3', 'get', 'pods', '-l', 'run=pod-python', '-o', 'name')
    k.ok('delete', '--ignore-not-found', '-f', path('pods'))


def test_every_example_has_a_case(_):
    """No manifest of examples/ is left out above."""
    covered = pathlib.Path(__file__).read_text(encoding='utf-8')
    missing = [p.stem for p in FOLDER.glob('*.yaml') if f"'{p.stem}'" not in covered]
    assert not missing, missing
