# SPDX-License-Identifier: Apache-2.0
"""Proves that the examples that the default ranges refuse are accepted by a server with the ranges that they need."""
from api import Skip
from examples_cases import path
from kubectl import Kubectl, current, debian

OPTIONS = ['--service-cluster-ip-range', '10.0.0.0/16', '--service-node-port-range', '8000-9000']


def clients(api):
    """Each kubectl that there is."""
    found = []
    for find in (debian, current):
        try:
            found.append(Kubectl(find(), api))
        except Skip as why:
            print(f'# {why}')
    if not found:
        raise Skip('no kubectl')
    return found


def test_my_nginx(api):
    """my-nginx is accepted with --service-node-port-range 8000-9000."""
    for k in clients(api):
        k.ok('apply', '-f', path('my-nginx'))
        assert k.field('svc/my-nginx', '.spec.ports[0].nodePort') == '8080'
        k.ok('delete', '-f', path('my-nginx'))


def test_loadbalancer_with_clusterip(api):
    """loadbalancer-with-clusterip gets 10.0.171.239 of a range that has it; its node port is still checked."""
    for k in clients(api):
        said = k.fails('apply', '-f', path('loadbalancer-with-clusterip'))
        assert 'spec.ports[0].nodePort: Invalid value: 30061' in said and '8000-9000' in said, said
        text = open(path('loadbalancer-with-clusterip'), encoding='utf-8').read().replace('30061', '8061')
        k.ok('apply', '-f', '-', stdin=text)
        assert k.field('svc/mi-servicio', '.spec.clusterIP') == '10.0.171.239'
        k.ok('delete', '-f', path('loadbalancer-with-clusterip'))
