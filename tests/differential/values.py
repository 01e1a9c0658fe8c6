# SPDX-License-Identifier: Apache-2.0
"""Values for each field: good ones, ones at a border, and wrong ones. Lists are drawn from evenly, so what is common stands twice.

Strings that begin with '@' are references (steps.py): each server gets what it answered itself.
"""

LONG63, LONG64 = 'a' * 63, 'a' * 64
SUBDOMAIN253 = '.'.join(['a' * 62] * 3 + ['a' * 61, 'bb'])[:253]

# What fits in no field, or only just: set at any place of a tree.
JUNK = [None, '', 0, 1, -1, True, False, [], {}, 'x', 'None', ' ', [None], {'a': None}, ['x'], [[]], [{}], {'x': {}}, 1.5, 65536, 2147483648,
        -2147483649, 9223372036854775808, {'$num': '1e3'}, {'$num': '80.0'}, {'$num': '1e400'}, {'$num': '-0'}, 'é', 'a' * 300, 'tab\there', '\u0001',
        '@ip:s0:0@', '80', 'true']

NAMES = {'services': ['s0', 's1', 's2', 's3', 's4'], 'endpoints': ['s0', 's1', 'e0', 'e1'], 'endpointslices': ['x0', 'x1', 'x2']}
BAD_NAMES = ['1s', 'S0', 's_0', '-s', 's-', 's.0', LONG63, LONG64, SUBDOMAIN253, 'a' * 254, 's0 ', 'é', 'sl%2fash', '1']

LABEL_KEYS = ['app', 'app', 'tier', 'example.com/role', 'kubernetes.io/service-name', 'endpointslice.kubernetes.io/managed-by',
              'service.kubernetes.io/headless', 'a.b']
BAD_KEYS = ['', 'a b', '/x', 'x/', 'a/b/c', 'Ex.com/x', LONG64, 'ex_ample.com/x', '-a', 'a-', 'é', 'a' * 254 + '/x', '.', 'a..b/x']
LABEL_VALUES = ['web', 'db', '', 'A_b.c-1', LONG63]
BAD_LABEL_VALUES = ['a b', '-a', 'a-', LONG64, 'é', 'a/b', '.', ' ']
ANNOTATIONS = ['example.com/note', 'note', 'service.kubernetes.io/topology-mode', 'service.kubernetes.io/topology-aware-hints',
               'service.beta.kubernetes.io/load-balancer-source-ranges', 'endpoints.kubernetes.io/last-change-trigger-time', 'Upper.Case/Key']
ANNOTATION_VALUES = ['', 'Auto', 'auto', '10.0.0.0/8', '10.0.0.0/8, 192.0.2.0/24', ' ', 'x,y', '10.0.0.1/8', 'é', '2001:db8::/32']
FINALIZERS = ['example.com/a', 'example.com/b', 'orphan', 'foregroundDeletion', 'kubernetes', 'service.kubernetes.io/load-balancer-cleanup']
BAD_FINALIZERS = ['bad', '', 'a b/c', 'x/', 'Example.com/x', 'example.com/' + LONG64]

TYPES = ['ClusterIP', 'NodePort', 'NodePort', 'LoadBalancer', 'LoadBalancer', 'ExternalName']
BAD_TYPES = ['clusterip', 'Headless', '', 'None', 'LoadBalancer ']
PORTS = [80, 80, 443, 53, 8080, 1, 65535]
BAD_PORTS = [0, 65536, -1, 10250, 2147483647, 2147483648, 99999]
PORT_NAMES = ['http', 'https', 'dns', 'a', LONG63, '123', '1-2']
BAD_PORT_NAMES = ['', 'HTTP', 'a.b', '-a', 'a-', LONG64, 'a_b', 'é', 'a b']
PROTOCOLS = ['TCP', 'TCP', 'UDP', 'SCTP']
BAD_PROTOCOLS = ['', 'tcp', 'ICMP', 'TCP ', 'HTTP']
TARGETS = [80, 8080, 'http', 'a-b', '1a', 'a' * 15, 65535, 1]
BAD_TARGETS = [0, '', 'HTTP', 'a--b', '-a', 'a-', 'a' * 16, '80', 65536, -1, 'a_b', 1.5, True, '1-2', '--', 'é', 4294967296]
NODE_PORTS = [0, 30000, 30001, 30002, 30003, '@np:s0:0@', '@np:s1:0@', '@np:s0:1@', '@hc:s1@', '@hc:s0@']
BAD_NODE_PORTS = [29999, 32768, -1, 1, 65536, 2147483648, '30000']
APP_PROTOCOLS = ['http', 'https', 'kubernetes.io/h2c', 'kubernetes.io/ws', 'example.com/My.proto', 'http-x']
BAD_APP_PROTOCOLS = ['', 'a b', 'a/b/c', 'kubernetes.io/', '/x', 'UPPER_case-', 'é', 'kubernetes.io/foo', LONG64]

CLUSTER_IPS = ['', '', 'None', '10.96.0.5', '10.96.0.6', '10.96.0.7', '10.96.0.16', 'fd00:96::5', 'fd00:96::6', '@ip:s0:0@', '@ip:s1:0@', '@ip:s0:1@']
BAD_CLUSTER_IPS = ['10.96.0.0', '10.96.0.255', '10.97.0.1', 'fd00:96::', 'fd00:97::1', '192.0.2.1', 'x', '10.96.0.05', '010.096.0.5', '::ffff:10.96.0.5',
                   'FD00:96::5', 'fd00:96:0::5', 'fd00:96:0:0:0:0:0:5', 'none', '10.96.0.5/32', ' 10.96.0.5', 'fd00:96::5%eth0', '0.0.0.0', '::', '10.96.0.1',
                   '1.2.3', '127.0.0.1', '256.1.1.1', '::1']
FAMILIES = [['IPv4'], ['IPv6'], ['IPv4', 'IPv6'], ['IPv6', 'IPv4'], []]
BAD_FAMILIES = [['IPv4', 'IPv4'], ['ipv4'], ['IPv5'], [''], ['IPv4', 'IPv6', 'IPv4'], ['IPv6', 'IPv4', 'IPv6'], ['IPv4', ''], [None]]
POLICIES = ['SingleStack', 'PreferDualStack', 'RequireDualStack']
BAD_POLICIES = ['', 'DualStack', 'singlestack']
EXTERNAL_IPS = ['203.0.113.5', '203.0.113.5', '198.51.100.7', '2001:db8::5', '10.0.0.1']
BAD_EXTERNAL_IPS = ['127.0.0.1', '0.0.0.0', '::', '::1', '169.254.1.1', 'fe80::1', '224.0.0.1', 'ff02::1', '', 'x', '203.0.113.05', '::ffff:203.0.113.5',
                    '2001:DB8::5', '2001:db8:0:0::5', '255.255.255.255', '239.1.1.1', 'ff05::1', '203.0.113.5/32', ' 203.0.113.5']
AFFINITIES = ['None', 'ClientIP', 'ClientIP']
BAD_AFFINITIES = ['', 'clientIP', 'Cookie']
AFFINITY_CONFIGS = [{'clientIP': {'timeoutSeconds': 10}}, {'clientIP': {'timeoutSeconds': 86400}}, {'clientIP': {'timeoutSeconds': 1}}, {'clientIP': {}}, {},
                    {'clientIP': None}, None]
BAD_AFFINITY_CONFIGS = [{'clientIP': {'timeoutSeconds': n}} for n in (0, -1, 86401, 2147483648, '10', None)] + [{'cookie': {}}, {'clientIP': 5}]
CIDRS = ['10.0.0.0/8', '192.0.2.0/24', '2001:db8::/32', '0.0.0.0/0', '203.0.113.7/32', ' 10.0.0.0/8 ']
BAD_CIDRS = ['10.0.0.1/8', '10.0.0.0', '10.0.0.0/33', '2001:db8::1/32', '2001:DB8::/32', '', 'x', '010.0.0.0/8', '::ffff:10.0.0.0/104', '10.0.0.0/08',
             '10.0.0.0/8,192.0.2.0/24', '2001:db8::/129', '10.0.0.0/-1', '10.0.0.0/+8']
EXTERNAL_NAMES = ['example.com', 'example.com.', 'a', 'xn--bcher-kva.example', '192.0.2.1', 'a-b.c']
BAD_EXTERNAL_NAMES = ['', '.', 'example.com..', 'Example.com', 'a_b.c', '-a', 'a' * 64 + '.b', SUBDOMAIN253 + 'a', '*.example.com', 'a b', 'http://x', '::1']
TRAFFIC = ['Cluster', 'Local']
BAD_TRAFFIC = ['', 'local', 'Global']
HEALTH_PORTS = [0, 30010, 30011, '@hc:s0@', '@hc:s1@', '@np:s0:0@']
BAD_HEALTH_PORTS = [1, 65536, -1, 29999, 32768, '30010']
LB_CLASSES = ['example.com/lb', 'internal', 'example.com/other']
BAD_LB_CLASSES = ['', 'a b', 'a/b/c', '/x', '-']
LB_IPS = ['192.0.2.9', '', 'x', '192.0.2.09', '2001:DB8::9', '::ffff:192.0.2.9']
DISTRIBUTIONS = ['PreferClose', 'PreferSameZone', 'PreferSameNode']
BAD_DISTRIBUTIONS = ['', 'preferclose', 'Random']
INGRESS = [{'ip': '192.0.2.9'}, {'ip': '2001:db8::9', 'ipMode': 'Proxy'}, {'hostname': 'lb.example.com'}, {'ip': '192.0.2.9', 'hostname': 'lb.example.com'}, {},
           {'ip': '192.0.2.9', 'ipMode': 'VIP', 'ports': [{'port': 80, 'protocol': 'TCP'}]}]
BAD_INGRESS = [{'ip': 'x'}, {'ip': '192.0.2.9', 'ipMode': 'vip'}, {'hostname': 'lb', 'ipMode': 'VIP'}, {'hostname': '192.0.2.1'}, {'hostname': 'A_b'},
               {'ip': '192.0.2.09'}, {'ip': '::ffff:192.0.2.9'}, {'ip': '2001:DB8::9'}, {'ip': '192.0.2.9', 'ports': [{'port': 0, 'protocol': 'x', 'error': 'a b'}]},
               {'ip': '192.0.2.9', 'ports': [{'error': ''}]}, None, {'ip': '192.0.2.9', 'ipMode': ''}, {'ip': '192.0.2.9', 'ports': [{'port': 70000, 'protocol': 'TCP', 'error': 'x/y'}]}]
CONDITIONS = [{'type': 'Ready', 'status': 'True', 'reason': 'Ok', 'message': '', 'lastTransitionTime': '2026-01-01T00:00:00Z'},
              {'type': 'example.com/X', 'status': 'False', 'reason': 'No', 'message': 'm', 'lastTransitionTime': '2026-01-01T00:00:00+01:00', 'observedGeneration': 3}]
BAD_CONDITIONS = [{'type': 'Ready'}, {}, {'type': 'a b', 'status': 'Maybe', 'reason': '', 'lastTransitionTime': 'x'}, {'type': 'Ready', 'status': 'x', 'lastTransitionTime': None}]

ADDRESSES = {'IPv4': ['192.0.2.1', '192.0.2.2', '203.0.113.1', '10.1.2.3'], 'IPv6': ['2001:db8::1', '2001:db8::2', 'fd00::1'],
             'FQDN': ['a.example.com', 'b.example.com.', 'x.y']}
BAD_ADDRESSES = ['', 'x', '127.0.0.1', '0.0.0.0', '::1', '::', '169.254.0.1', 'fe80::1', '224.0.0.1', 'ff02::1', '192.0.2.01', '::ffff:192.0.2.1', '2001:DB8::1',
                 '2001:db8:0::1', '192.0.2.1/32', '192.0.2.1:80', 'a_b.c', 'single', 'A.b', '.', 'a..b']
HOSTNAMES = ['pod-0', 'a', '0', LONG63]
BAD_HOSTNAMES = ['', 'A', 'a.b', LONG64, 'a_', '-a']
NODES = ['node1', 'node-2.example.com']
BAD_NODES = ['', 'Node', 'a_b', 'a' * 254]
TARGET_REFS = [{'kind': 'Pod', 'name': 'p', 'namespace': 'default', 'uid': 'u-1'}, {'kind': 'Pod', 'name': 'p'}, {},
               {'apiVersion': 'v1', 'kind': 'Node', 'name': 'n', 'resourceVersion': '7', 'fieldPath': 'spec.x'}]
ADDRESS_TYPES = ['IPv4', 'IPv4', 'IPv4', 'IPv6', 'FQDN']
BAD_ADDRESS_TYPES = ['', 'ipv4', 'IP', 'DNS', None]
ZONES = ['zone-a', 'zone-b', '', 'a b']
HINTS = [{'forZones': [{'name': 'zone-a'}]}, {'forZones': [{'name': 'zone-a'}, {'name': 'zone-b'}]}, {'forNodes': [{'name': 'node1'}]}, {},
         {'forZones': [], 'forNodes': []}]
BAD_HINTS = [{'forZones': [{'name': 'a'}] * 2}, {'forZones': [{'name': f'z{i}'} for i in range(9)]}, {'forZones': [{'name': 'a b'}]}, {'forZones': [{}]},
             {'forNodes': [{'name': f'n{i}'} for i in range(9)]}, {'forNodes': [{'name': 'A b'}]}, {'forNodes': [{'name': 'n'}] * 2}, {'forZones': [{'name': ''}]}, None]

LABEL_SELECTORS = ['app=web', 'app==web', 'app!=web', 'app', '!app', 'app in (web,db)', 'app notin (web)', 'tier=', 'app=web,tier', 'example.com/role=db', 'x=y=z',
                   'app in ()', 'app in', '=', 'a b', 'app>1', 'app<x', ',', 'app=web,', '-a=b', 'app=a b', 'app in (web', '(app)', 'app=-x', 'app>web']
FIELD_SELECTORS = ['metadata.name=s0', 'metadata.name!=s0', 'metadata.namespace=diff', 'spec.type=NodePort', 'spec.clusterIP=None', 'spec.clusterIP!=None',
                   'spec.type!=ClusterIP', 'metadata.name=s0,spec.type=ClusterIP', 'metadata.labels=x', 'spec.ports=80', 'metadata.name', 'x', '=', 'status.phase=Running',
                   'metadata.name==x0', 'metadata.name=', 'metadata.name=a,metadata.name=b', 'metadata.name in (a)', 'metadata.name=s0=1', 'metadata.name=s\\,0']
CONTENT_TYPES = {'merge': 'application/merge-patch+json', 'strategic': 'application/strategic-merge-patch+json', 'json': 'application/json-patch+json',
                 'apply': 'application/apply-patch+yaml'}
