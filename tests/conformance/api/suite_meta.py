# SPDX-License-Identifier: Apache-2.0
"""Discovery, OpenAPI, version, health, metrics (service-api.md sections 18.10, 18.11)."""
from api import ours, proves

AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'
PROTO = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf'


def test_plain_discovery(api):
    assert api.get('/api').want(200).json['versions'] == ['v1']
    groups = {g['name']: g for g in api.get('/apis').want(200).json['groups']}
    assert {'discovery.k8s.io', 'coordination.k8s.io', 'networking.k8s.io'} <= set(groups)
    assert api.get('/apis/discovery.k8s.io').want(200).json['preferredVersion']['version'] == 'v1'
    listed = {r['name']: r for r in api.get('/api/v1').want(200).json['resources']}
    assert listed['services']['shortNames'] == ['svc'] and listed['services']['categories'] == ['all']
    assert listed['services/status']['verbs'] == ['get', 'patch', 'update']
    assert {'pods', 'nodes', 'namespaces', 'endpoints', 'events', 'configmaps', 'secrets'} <= set(listed)
    assert api.get('/apis/discovery.k8s.io/v1').want(200).json['resources'][0]['kind'] == 'EndpointSlice'
    api.get('/apis/nonsense').want(404)


def test_aggregated_discovery(api):
    for path, name in (('/api', ''), ('/apis', None)):
        got = api.get(path, Accept=AGGREGATED + ',application/json').want(200)
        assert got.headers['Content-Type'] == AGGREGATED
        assert got.json['kind'] == 'APIGroupDiscoveryList'
        if name is not None:
            assert got.json['items'][0]['metadata'].get('name', '') == name


def test_openapi(api):
    index = api.get('/openapi/v3').want(200).json['paths']
    assert {'api/v1', 'apis/discovery.k8s.io/v1'} <= set(index)
    doc = api.get(index['api/v1']['serverRelativeURL']).want(200).json
    patch = doc['paths']['/api/v1/namespaces/{namespace}/services/{name}']['patch']
    assert any(p.get('name') == 'fieldValidation' for p in patch['parameters'])
    assert doc['components']['schemas']['io.k8s.api.core.v1.ServiceSpec']
    assert api.get('/openapi/v2').want(200).json['swagger'] == '2.0'
    got = api.get('/openapi/v2', Accept=PROTO).want(200)
    assert got.headers['Content-Type'] == PROTO.replace('@', '.') and b'\n\x032.0' in got.raw
    api.get('/openapi/v3/apis/nonsense/v1').want(404)


def test_version(api):
    got = api.get('/version').want(200).json
    assert got['major'] == '1' and got['gitVersion'].startswith('v1.36')


@proves('18.1.4')
def test_health(api):
    for path in ('/healthz', '/livez', '/readyz', '/readyz/ping'):
        assert api.get(path).want(200).raw == b'ok'


@ours('names of metrics are our own')
def test_metrics(api):
    text = api.get('/metrics').want(200).raw.decode()
    for name in ('apiserver_request_total', 'apiserver_storage_objects{resource="services"}', 'fairlead_apiserver_revision'):
        assert name in text, name


def test_head_and_options(api):
    assert api.call('HEAD', '/api/v1/namespaces').raw == b''
    assert api.call('OPTIONS', '/api/v1/namespaces').status == 405
