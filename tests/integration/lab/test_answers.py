#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that everything that should answer in a cluster answers, whoever asks from wherever, in both IP families: by
name, cluster IP, node port, external IP; headless, SRV, PTR; and that nobody home is refused at once."""
import shutil
import subprocess
import sys

from lab import Lab, check, need, responder, run_tests, wait

PODS = {'web-1': 'node1', 'web-2': 'node2', 'web-3': 'node3'}
NODES = (11, 12, 13)
DOMAIN = 'default.svc.cluster.local'
REFUSED = '''
import socket, sys, time
began = time.monotonic()
s = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET)
s.settimeout(5)
try:
    s.connect((sys.argv[1], int(sys.argv[2])))
    print('connected')
except OSError as e:
    print(type(e).__name__, 'at once' if time.monotonic() - began < 1 else 'late')
'''
UDP = '''
import socket, sys
s = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(2)
s.connect((sys.argv[1], int(sys.argv[2])))
s.send(b'hello')
print(s.recv(4096).decode())
'''


def url(address, port):
    return f'http://[{address}]:{port}/' if ':' in address else f'http://{address}:{port}/'


def service(lab, name):
    return lab.api.call('GET', f'/api/v1/namespaces/default/services/{name}')


def ask_until_all(lab, place, where, pods, what):
    """Everyone answers, and nothing but answers comes meanwhile."""
    met = set()
    for _ in range(100):
        got = lab.ask(place, where)
        check(got, f'{what}: no answer from {where} to {place} (met {met})')
        met.add(got['pod'])
        if met == pods:
            return
    check(False, f'{what}: {place} met only {met} at {where}')


def dig(lab, *args, place='pod/asker'):
    return sorted((lab.inside(place, 'dig', '+short', '+time=2', *args) or '').split('\n'))


def python(lab, place, script, *args):
    return lab.inside(place, sys.executable, '-c', script, *args)


def pods_and_services_are_made(lab):
    for name, node in PODS.items():
        lab.api.create_pod(name, [responder(443)], node, {'run': 'web'})
    lab.api.create_pod('asker', [responder()], 'node1')
    lab.api.create_pod('alone', [responder(8080)], 'node2', {'run': 'alone'})
    lab.api.create_pod('udp', [{'name': 'u', 'image': 'built-in', 'ports': [
        {'containerPort': 5353, 'protocol': 'UDP'}]}], 'node3', {'run': 'udp'})
    dual = {'ipFamilyPolicy': 'RequireDualStack'}
    lab.api.create_service('web', {'run': 'web'}, [{'name': 'http', 'port': 3000, 'targetPort': 443, 'nodePort': 30080}],
                           type='NodePort', externalIPs=['203.0.113.77'], **dual)
    lab.api.create_service('lonely', {'run': 'alone'}, [{'port': 80, 'targetPort': 8080}], **dual)
    lab.api.create_service('udp', {'run': 'udp'}, [{'port': 53, 'targetPort': 5353, 'protocol': 'UDP',
                                                   'nodePort': 30053}], type='NodePort', **dual)
    lab.api.create_service('headless', {'run': 'web'}, [{'name': 'http', 'port': 443}], clusterIP='None')
    lab.api.create_service('empty', {'run': 'nobody'}, [{'port': 80, 'nodePort': 30090}], type='NodePort', **dual)
    lab.api.create_service('sticky', {'run': 'web'}, [{'port': 80, 'targetPort': 443}], sessionAffinity='ClientIP')
    lab.api.call('POST', '/api/v1/namespaces/default/services', {
        'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': 'elsewhere'},
        'spec': {'type': 'ExternalName', 'externalName': 'remote.server.url.com'}})
    for name in (*PODS, 'asker', 'alone', 'udp'):
        lab.api.wait_ready(name)
    for name, families in (('web', 2), ('lonely', 2), ('empty', 2), ('sticky', 1)):
        check(len(service(lab, name)['spec']['clusterIPs']) == families, f'{name} has {families} addresses')
    for place in ('pod/asker', 'node2', 'node3'):
        for address in service(lab, 'web')['spec']['clusterIPs']:
            wait(f'all of web answer {place}', lambda: {(lab.ask(place, url(address, 3000)) or {}).get('pod')
                                                        for _ in range(12)} == set(PODS))


def a_pod_asks_by_name_and_by_address(lab):
    for name in ('web', 'web.default', f'web.{DOMAIN}', f'web.{DOMAIN}.'):
        ask_until_all(lab, 'pod/asker', f'http://{name}:3000/', set(PODS), 'by name')
    for address in service(lab, 'web')['spec']['clusterIPs']:
        for place in ('pod/asker', 'node1', 'node2', 'node3'):
            ask_until_all(lab, place, url(address, 3000), set(PODS), 'by cluster IP')


def the_source_of_a_pod_is_kept(lab):
    ip = lab.api.pod('asker')['status']['podIP']
    seen = lab.ask('pod/asker', url(service(lab, 'web')['spec']['clusterIP'], 3000))['from']
    check(seen.rsplit(':', 1)[0] == ip, f'the Pod behind the cluster IP saw {seen}, not {ip}')


def node_ports_answer_on_every_address(lab):
    for place in ('pod/asker', 'client', 'node1'):
        for node in NODES:
            for address in (f'198.51.100.{node}', f'203.0.113.{node}', f'2001:db8:0:1::{node:x}',
                            f'2001:db8:0:2::{node:x}'):
                ask_until_all(lab, place, url(address, 30080), set(PODS), f'node port of node{node - 10}')


def an_external_ip_answers(lab):
    ask_until_all(lab, 'pod/asker', url('203.0.113.77', 3000), set(PODS), 'external IP')


def the_only_pod_reaches_itself(lab):
    for address in service(lab, 'lonely')['spec']['clusterIPs']:
        ask_until_all(lab, 'pod/alone', url(address, 80), {'alone'}, 'hairpin')
    ask_until_all(lab, 'pod/alone', 'http://lonely/', {'alone'}, 'hairpin by name')


def udp_is_served(lab):
    for place, addresses, port in (('pod/asker', service(lab, 'udp')['spec']['clusterIPs'], '53'),
                                   ('client', ['203.0.113.11', '198.51.100.12', '2001:db8:0:2::d'], '30053')):
        for address in addresses:
            got = python(lab, place, UDP, address, port)
            check(got and 'pod=udp ' in got, f'{place} {address}: {got}')


def affinity_keeps_a_client_at_a_pod(lab):
    address = service(lab, 'sticky')['spec']['clusterIP']
    met = {(lab.ask('pod/asker', url(address, 80)) or {}).get('pod') for _ in range(30)}
    check(len(met) == 1 and met < set(PODS), f'one client met {met}')


def names_resolve(lab):
    ips = {p: lab.api.pod(p)['status']['podIP'] for p in PODS}
    vips = service(lab, 'web')['spec']['clusterIPs']
    check(dig(lab, 'A', f'web.{DOMAIN}') == [vips[0]], 'A of a Service')
    check(dig(lab, 'AAAA', f'web.{DOMAIN}') == [vips[1]], 'AAAA of a Service')
    check(dig(lab, '+search', 'web') == [vips[0]], 'the search list')
    check(dig(lab, '+tcp', f'web.{DOMAIN}') == [vips[0]], 'over TCP')
    check(dig(lab, 'A', f'headless.{DOMAIN}') == sorted(ips.values()), 'A of a headless Service')
    srv = [line.split()[2:] for line in dig(lab, 'SRV', f'_http._tcp.web.{DOMAIN}')]
    check(srv == [['3000', f'web.{DOMAIN}.']], f'SRV of a Service: {srv}')
    srv = [line.split() for line in dig(lab, 'SRV', f'_http._tcp.headless.{DOMAIN}')]
    check(len(srv) == 3 and all(line[2] == '443' for line in srv), f'SRV of a headless Service: {srv}')
    check(sorted(a for line in srv for a in dig(lab, 'A', line[3])) == sorted(ips.values()), 'and its targets')
    for address in vips:
        check(dig(lab, '-x', address) == [f'web.{DOMAIN}.'], f'PTR of {address}')
    for line in srv:
        check(line[3] in dig(lab, '-x', dig(lab, 'A', line[3])[0]), 'PTR of a headless endpoint')
    check(dig(lab, 'CNAME', f'elsewhere.{DOMAIN}') == ['remote.server.url.com.'], 'ExternalName')
    check('NXDOMAIN' in lab.inside('pod/asker', 'dig', f'nobody.{DOMAIN}'), 'an unknown name')
    nodata = lab.inside('pod/asker', 'dig', 'AAAA', f'sticky.{DOMAIN}')
    check('NOERROR' in nodata and 'ANSWER: 0' in nodata, f'a name without that type: {nodata}')


def nobody_home_is_refused_at_once(lab):
    addresses = [(a, '80') for a in service(lab, 'empty')['spec']['clusterIPs']]
    ports = [('198.51.100.11', '30090'), ('203.0.113.12', '30090'), ('2001:db8:0:2::d', '30090')]
    for place in ('pod/asker', 'node2', 'client'):
        for address, port in ports if place == 'client' else addresses + ports:
            got = python(lab, place, REFUSED, address, port)
            check(got == 'ConnectionRefusedError at once', f'{place} to {address} port {port}: {got}')


def pods_have_the_services_in_their_environment(lab):
    lab.api.create_pod('env', [{'name': 'sh', 'image': 'x', 'command': ['sh', '-c', (
        'echo "$WEB_SERVICE_HOST:$WEB_SERVICE_PORT:$WEB_SERVICE_PORT_HTTP:$WEB_PORT_3000_TCP_PROTO'
        ':$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT"; cat /etc/resolv.conf; exec sleep 600')]}], 'node3')
    lab.api.wait_ready('env')
    path = '/api/v1/namespaces/default/pods/env/log'
    log = wait('its log', lambda: (t := lab.api.call('GET', path)) and 'ndots' in t and t)
    vip = service(lab, 'web')['spec']['clusterIP']
    check(log.split('\n')[0] == f'{vip}:3000:3000:tcp:10.96.0.1:443', log)
    check(f'nameserver 10.96.0.10\nsearch {DOMAIN} svc.cluster.local cluster.local\noptions ndots:5\n' in log, log)
    if shutil.which('kubectl'):
        out = subprocess.run(['kubectl', '--kubeconfig', f'{lab.dir}/kubeconfig', 'logs', 'env'], capture_output=True,
                             text=True)
        check(out.stdout == log, f'kubectl logs: {out.stdout!r} {out.stderr!r}')


def the_api_answers_by_its_name(lab):
    got = wait('https://kubernetes', lambda: lab.inside('pod/asker', 'curl', '-sk', '-m', '3', 'https://kubernetes/livez'))
    check(got == 'ok', got)


def main():
    need(sys.argv[1], 'server', 'agent', 'proxy', 'dns', 'lab')
    lab = Lab(sys.argv[1])
    try:
        lab.up()
        return run_tests(lab, [
            pods_and_services_are_made, a_pod_asks_by_name_and_by_address, the_source_of_a_pod_is_kept,
            node_ports_answer_on_every_address, an_external_ip_answers, the_only_pod_reaches_itself, udp_is_served,
            affinity_keeps_a_client_at_a_pod, names_resolve, nobody_home_is_refused_at_once,
            pods_have_the_services_in_their_environment, the_api_answers_by_its_name])
    finally:
        lab.down()


if __name__ == '__main__':
    sys.exit(main())
