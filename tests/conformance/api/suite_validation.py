# SPDX-License-Identifier: Apache-2.0
"""What a Service must be (service-api.md section 3): tables of (rules, what is changed in a good Service, causes)."""
from api import all_of, merged, proves, rules_of, service

OPTIONS = ['--service-cluster-ip-range', '10.96.0.0/16,fd00:96::/108']

LABEL = ("a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an "
         "alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')")
SUBDOMAIN = ("a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with "
             "an alphanumeric character (e.g. 'example.com', regex used for validation is "
             "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')")
QUALIFIED = ("name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
             "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')")
VALUE = ("a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
         "alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
         "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')")
ADDRESS = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'
CIDR = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'
PORT_SET = 'contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)'
A_LETTER = 'contain at least one letter (a-z)'
LB_ONLY = "may only be used when `type` is 'LoadBalancer'"
RANGES = 'service.beta.kubernetes.io/load-balancer-source-ranges'
UNFIT = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
LB = {'type': 'LoadBalancer'}
EXT = {'type': 'ExternalName', 'externalName': 'example.com'}


def check(api, rows):
    """Makes a Service of each row; without causes it must come to be, else exactly these are told."""
    where = api.path('services')

    def one(change, causes):
        answer = api.post(where, merged(service('a'), change))
        if causes:
            assert answer.causes() == causes, f'wanted {causes}, got {answer.causes()}'
        else:
            api.delete(where + '/' + answer.want(201).json['metadata']['name']).want(200)
    all_of((f'{rules} {change!r:.300}', lambda c=change, w=causes: one(c, w)) for rules, change, *causes in rows)


def of_spec(*rows):
    return [(rules, {'spec': change}, *causes) for rules, change, *causes in rows]


def of_ports(*rows):
    return [(rules, {'spec': merged({'ports': ports}, more)}, *causes) for rules, ports, more, *causes in rows]


def meta(**members):
    return {'metadata': members}


def owner(**members):
    return dict({'apiVersion': 'v1', 'kind': 'Pod', 'name': 'p', 'uid': 'u'}, **members)


META = [
    ('3.1.1', meta(name=None, generateName='ok-')),
    ('3.1.3', meta(name='1a')),
    ('3.1.3', meta(name='a' * 63)),
    ('3.1.3', meta(name='a' * 64), f'metadata.name: Invalid value: "{"a" * 64}": must be no more than 63 characters'),
    ('3.1.3', meta(name='a.b'), 'metadata.name: Invalid value: "a.b": must not contain dots'),
    *[('3.1.3', meta(name=name), f'metadata.name: Invalid value: "{name}": {LABEL}') for name in ('A', '-a', 'a-', 'a_b')],
    ('3.1.6', meta(labels={'example.com/A_b.c': 'x'})),
    ('3.1.6', meta(labels={'a b': 'x'}), f'metadata.labels: Invalid value: "a b": {QUALIFIED}'),
    ('3.1.6', meta(labels={'Ex/a': 'x'}), f'metadata.labels: Invalid value: "Ex/a": prefix part {SUBDOMAIN}'),
    ('3.1.6', meta(labels={'/a': 'x'}), 'metadata.labels: Invalid value: "/a": prefix part must be non-empty'),
    ('3.1.7', meta(labels={'a': 'A_b.c-1', 'b': ''})),
    ('3.1.7', meta(labels={'a': '-x'}), f'metadata.labels: Invalid value: "-x": {VALUE}'),
    ('3.1.7', meta(labels={'a': 'x' * 64}), f'metadata.labels: Invalid value: "{"x" * 64}": must be no more than 63 bytes'),
    ('3.1.8', meta(annotations={'Example.COM/Ab': 'any {"text"} \n'})),
    ('3.1.8', meta(annotations={'a b': ''}), f'metadata.annotations: Invalid value: "a b": {QUALIFIED}'),
    ('3.1.9', meta(annotations={'a': 'x' * (262144 - 1)})),
    ('3.1.9', meta(annotations={'a': 'x' * 262144}), 'metadata.annotations: Too long: may not be more than 262144 bytes'),
    ('3.1.10', meta(ownerReferences=[owner()])),
    ('3.1.10', meta(ownerReferences=[owner(apiVersion='')]), 'metadata.ownerReferences.apiVersion: Invalid value: "": version must not be empty'),
    ('3.1.10', meta(ownerReferences=[owner(kind='')]), 'metadata.ownerReferences.kind: Invalid value: "": must not be empty'),
    ('3.1.10', meta(ownerReferences=[owner(), owner(name='')]), 'metadata.ownerReferences.name: Invalid value: "": must not be empty'),
    ('3.1.10', meta(ownerReferences=[owner(uid='')]), 'metadata.ownerReferences.uid: Invalid value: "": must not be empty'),
    ('3.1.11', meta(ownerReferences=[owner(kind='Event')]),
     'metadata.ownerReferences: Invalid value: {"apiVersion":"v1","kind":"Event","name":"p","uid":"u"}: '
     '/v1, Kind=Event is disallowed from being an owner'),
    ('3.1.12', meta(ownerReferences=[owner(controller=True), owner(uid='v', controller=False)])),
    ('3.1.12', meta(ownerReferences=[owner(controller=True), owner(uid='v', controller=True)]),
     'metadata.ownerReferences: Invalid value: [{"apiVersion":"v1","kind":"Pod","name":"p","uid":"u","controller":true},'
     '{"apiVersion":"v1","kind":"Pod","name":"p","uid":"v","controller":true}]: Only one reference can have Controller set to true. '
     'Found "true" in references for Pod/p and Pod/p'),
    ('3.1.13', meta(finalizers=['a b']), f'metadata.finalizers: Invalid value: "a b": {QUALIFIED}',
     'metadata.finalizers[0]: Invalid value: "a b": name is neither a standard finalizer name nor is it fully qualified'),
    ('3.1.14', meta(finalizers=['nonsense']), 'metadata.finalizers[0]: Invalid value: "nonsense": name is neither a standard finalizer name nor is it fully qualified'),
    ('3.1.15', meta(finalizers=['orphan', 'foregroundDeletion']),
     'metadata.finalizers: Invalid value: ["orphan","foregroundDeletion"]: finalizer orphan and foregroundDeletion cannot be both set'),
    ('3.2.1', meta(annotations={'service.kubernetes.io/topology-mode': 'x', 'service.kubernetes.io/topology-aware-hints': 'x'})),
    ('3.2.1', meta(annotations={'service.kubernetes.io/topology-mode': 'x', 'service.kubernetes.io/topology-aware-hints': 'y'}),
     'metadata.annotations[service.kubernetes.io/topology-mode]: Invalid value: "x": must match '
     'annotations[service.kubernetes.io/topology-aware-hints] when both are specified'),
]

TYPES = of_spec(
    ('3.3.1', {'ports': []}, 'spec.ports: Required value'),
    ('3.3.1', {'ports': None, 'type': 'NodePort'}, 'spec.ports: Required value'),
    ('3.3.1', {'ports': None, 'clusterIP': 'None'}),
    ('3.3.1', {'ports': None, **EXT}),
    ('3.3.2', {'ports': [{'port': 10250}], **LB}),
    ('3.3.3', {'clusterIP': 'None', **LB}, 'spec.clusterIPs[0]: Invalid value: "None": may not be set to \'None\' for LoadBalancer services'),
    ('3.3.4', {'clusterIP': 'None', 'type': 'NodePort'}, 'spec.clusterIPs[0]: Invalid value: "None": may not be set to \'None\' for NodePort services'),
    ('3.3.5', {'clusterIP': '10.96.9.9', **EXT}, 'spec.clusterIPs: Forbidden: may not be set for ExternalName services'),
    ('3.3.5', {'clusterIPs': ['10.96.9.9'], **EXT}, 'spec.clusterIPs: Forbidden: may not be set for ExternalName services'),
    ('3.3.6', {'ipFamilies': ['IPv4'], **EXT}, 'spec.ipFamilies: Forbidden: may not be set for ExternalName services'),
    ('3.3.7', {'ipFamilyPolicy': 'SingleStack', **EXT}, 'spec.ipFamilyPolicy: Forbidden: may not be set for ExternalName services'),
    ('3.3.8', {'type': 'ExternalName'}, 'spec.externalName: Required value'),
    ('3.3.8', {'type': 'ExternalName', 'externalName': '.'}, 'spec.externalName: Required value'),
    ('3.3.8', {'type': 'ExternalName', 'externalName': 'example.com.'}),
    ('3.3.9', {'type': 'ExternalName', 'externalName': 'example.com..'}, f'spec.externalName: Invalid value: "example.com.": {SUBDOMAIN}'),
    ('3.3.9', {'type': 'ExternalName', 'externalName': 'Example_com'}, f'spec.externalName: Invalid value: "Example_com": {SUBDOMAIN}'),
    ('3.3.9', {'type': 'ExternalName', 'externalName': '192.0.2.1'}),
    ('3.3.10', {'externalName': 'Nonsense_!'}),
    ('3.3.11', {'selector': {'a': 'b'}, 'externalIPs': ['192.0.2.1'], **EXT}),
    ('3.3.11', {'ports': [{'port': 0, 'targetPort': 1}], **EXT}, 'spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive'),
    ('3.3.12', {'ports': [{'port': 80, 'nodePort': 1}], **EXT}),
    ('3.8.1', {'type': 'Nonsense'}, 'spec.type: Unsupported value: "Nonsense": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'),
    ('3.8.1', {'type': 'clusterip'}, 'spec.type: Unsupported value: "clusterip": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'),
)

PORTS = of_ports(
    ('3.4.1', [{'port': 80}, {'port': 81, 'name': 'x'}], {}, 'spec.ports[0].name: Required value'),
    ('3.4.2', [{'port': 80, 'name': '80'}, {'port': 81, 'name': 'a' * 63}], {}),
    ('3.4.2', [{'port': 80, 'name': 'A'}], {}, f'spec.ports[0].name: Invalid value: "A": {LABEL}'),
    ('3.4.2', [{'port': 80, 'name': 'a' * 64}], {}, f'spec.ports[0].name: Invalid value: "{"a" * 64}": must be no more than 63 characters'),
    ('3.4.3', [{'port': 80, 'name': 'x'}, {'port': 81, 'name': 'x'}], {}, 'spec.ports[1].name: Duplicate value: "x"'),
    *[('3.4.4 2.2.6', [{'port': n}], {}, *[f'spec.ports[0].{f}: Invalid value: {n}: must be between 1 and 65535, inclusive'
                                     for f in ('port', 'targetPort')]) for n in (0, -1, 65536)],
    ('3.4.4', [{'name': 'x'}], {}, 'spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive', 'spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive'),
    ('3.4.4', [{'port': 1}], {}),
    ('3.4.4', [{'port': 65535}], {}),
    ('3.4.5', [{'port': 80, 'protocol': 'SCTP'}], {}),
    ('3.4.5', [{'port': 80, 'protocol': 'tcp'}], {}, 'spec.ports[0].protocol: Unsupported value: "tcp": supported values: "SCTP", "TCP", "UDP"'),
    ('3.4.6', [{'port': 80, 'targetPort': 65535}], {}),
    ('3.4.6', [{'port': 80, 'targetPort': 65536}], {}, 'spec.ports[0].targetPort: Invalid value: 65536: must be between 1 and 65535, inclusive'),
    ('3.4.6', [{'port': 80, 'targetPort': -1}], {}, 'spec.ports[0].targetPort: Invalid value: -1: must be between 1 and 65535, inclusive'),
    ('3.4.7', [{'port': 80, 'targetPort': 'a-1'}], {}),
    *[('3.4.7', [{'port': 80, 'targetPort': name}], {}, *[f'spec.ports[0].targetPort: Invalid value: "{name}": must {text}' for text in texts])
      for name, *texts in (
          ('abcdefghijklmnop', 'be no more than 15 characters'),
          ('80', A_LETTER), ('A', PORT_SET, A_LETTER),
          ('a--b', 'not contain consecutive hyphens'),
          ('-a', 'not begin or end with a hyphen'), ('a-', 'not begin or end with a hyphen'),
          ('-1--A_', PORT_SET, A_LETTER, 'not contain consecutive hyphens', 'not begin or end with a hyphen'))],
    ('3.4.8', [{'port': 80, 'appProtocol': 'kubernetes.io/h2c'}], {}),
    ('3.4.8', [{'port': 80, 'appProtocol': 'a b'}], {}, f'spec.ports[0].appProtocol: Invalid value: "a b": {QUALIFIED}'),
    ('3.4.9', [{'port': 80, 'nodePort': 30333}], {}, "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"),
    ('3.4.10', [{'port': 80, 'name': 'a', 'nodePort': 30334}, {'port': 81, 'name': 'b', 'nodePort': 30334}], EXT, 'spec.ports[1].nodePort: Duplicate value: 30334'),
    ('3.4.10', [{'port': 80, 'name': 'a', 'nodePort': 30334}, {'port': 80, 'name': 'b', 'protocol': 'UDP', 'nodePort': 30334}], {'type': 'NodePort'}),
    ('3.4.11', [{'port': 80, 'name': 'a'}, {'port': 80, 'name': 'b'}], {},
     'spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,"TargetPort":0,"NodePort":0}'),
    ('3.4.11', [{'port': 80, 'name': 'a'}, {'port': 80, 'name': 'b', 'protocol': 'UDP'}], {}),
    ('3.4.12', [{'port': 80, 'targetPort': 'web'}], {'clusterIP': 'None'}),
    ('3.4.12', [{'port': 80, 'targetPort': 8080}], {'clusterIP': 'None'}),
)

AFFINITY = of_spec(
    ('3.5.1', {'selector': {}}),
    ('3.5.1', {'selector': {'a b': 'c'}}, f'spec.selector: Invalid value: "a b": {QUALIFIED}'),
    ('3.5.1', {'selector': {'a': 'b c'}}, f'spec.selector: Invalid value: "b c": {VALUE}'),
    ('3.5.2', {'sessionAffinity': 'Never'}, 'spec.sessionAffinity: Unsupported value: "Never": supported values: "ClientIP", "None"'),
    *[('3.5.3', {'sessionAffinity': 'ClientIP', 'sessionAffinityConfig': {'clientIP': {'timeoutSeconds': n}}}) for n in (1, 86400)],
    *[('3.5.3', {'sessionAffinity': 'ClientIP', 'sessionAffinityConfig': {'clientIP': {'timeoutSeconds': n}}},
       f'spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: {n}: must be greater than 0 and less than 86400') for n in (0, -1, 86401)],
)

ADDRESSES = of_spec(
    ('3.6.1', {'clusterIP': '10.96.9.1', 'clusterIPs': ['10.96.9.2']}, 'spec.clusterIPs: Invalid value: ["10.96.9.2"]: first value must match `clusterIP`'),
    ('3.6.2', {'clusterIPs': ['10.96.9.2']}, 'spec.clusterIPs: Invalid value: ["10.96.9.2"]: must be empty when `clusterIP` is not specified'),
    ('3.6.3', {'ipFamilies': ['IPv5']}, 'spec.ipFamilies[0]: Unsupported value: "IPv5": supported values: "IPv4", "IPv6"'),
    ('3.6.4', {'ipFamilies': ['IPv4', 'IPv4']}, 'spec.ipFamilies[1]: Duplicate value: "IPv4"'),
    ('3.6.5', {'ipFamilyPolicy': 'Both'}, 'spec.ipFamilyPolicy: Unsupported value: "Both": supported values: "PreferDualStack", "RequireDualStack", "SingleStack"'),
    ('3.6.6', {'clusterIP': 'None', 'clusterIPs': ['None', '10.96.9.1']},
     'spec.clusterIPs: Invalid value: ["None","10.96.9.1"]: \'None\' must be the first and only value'),
    ('3.6.7', {'clusterIP': 'x'}, f'spec.clusterIPs[0]: Invalid value: "x": {ADDRESS}'),
    ('3.6.7', {'clusterIP': '10.96.9.1', 'clusterIPs': ['10.96.9.1', '']}, f'spec.clusterIPs[1]: Invalid value: "": {ADDRESS}'),
    ('3.6.7', {'clusterIP': '10.96.9.1', 'clusterIPs': ['10.96.9.1', 'None']}, f'spec.clusterIPs[1]: Invalid value: "None": {ADDRESS}'),
    ('3.6.8', {'clusterIP': '10.96.9.1', 'clusterIPs': ['10.96.9.1', 'fd00:96::9', '10.96.9.2']},
     'spec.clusterIPs: Invalid value: ["10.96.9.1","fd00:96::9","10.96.9.2"]: may only hold up to 2 values'),
    ('3.6.9', {'clusterIP': '10.96.9.1', 'clusterIPs': ['10.96.9.1', '10.96.9.2', 'x']},
     f'spec.clusterIPs[2]: Invalid value: "x": {ADDRESS}',
     'spec.clusterIPs: Invalid value: ["10.96.9.1","10.96.9.2","x"]: may only hold up to 2 values'),
    ('3.6.10', {'clusterIP': '10.96.9.1', 'clusterIPs': ['10.96.9.1', '10.96.9.2']},
     'spec.clusterIPs: Invalid value: ["10.96.9.1","10.96.9.2"]: may specify no more than one IP for each IP family'),
    ('3.6.11', {'clusterIP': '10.96.9.1', 'ipFamilies': ['IPv6']}, 'spec.clusterIPs[0]: Invalid value: "10.96.9.1": expected an IPv6 value as indicated by `ipFamilies[0]`'),
    ('3.6.11', {'clusterIP': 'fd00:96::9', 'ipFamilies': ['IPv4']}, 'spec.clusterIPs[0]: Invalid value: "fd00:96::9": expected an IPv4 value as indicated by `ipFamilies[0]`'),
    ('3.6.12', {'clusterIP': '10.96.9.01'}, 'spec.clusterIPs[0]: Invalid value: "10.96.9.01": must not have leading 0s'),
    ('3.6.12', {'clusterIP': '::ffff:10.96.9.1'}, 'spec.clusterIPs[0]: Invalid value: "::ffff:10.96.9.1": must not be an IPv4-mapped IPv6 address'),
)

EXTERNAL = of_spec(
    ('3.7.1', {'externalIPs': ['192.0.2.1', '2001:db8::1']}),
    ('3.7.1', {'externalIPs': ['192.0.2.1', 'x']}, f'spec.externalIPs[1]: Invalid value: "x": {ADDRESS}'),
    *[('3.7.2', {'externalIPs': [ip]}, f'spec.externalIPs[0]: Invalid value: "{ip}": {what}') for ip, what in (
        ('0.0.0.0', 'may not be unspecified (0.0.0.0)'),
        ('::', 'may not be unspecified (::)'),
        ('127.0.0.1', 'may not be in the loopback range (127.0.0.0/8, ::1/128)'),
        ('::1', 'may not be in the loopback range (127.0.0.0/8, ::1/128)'),
        ('169.254.1.1', 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'),
        ('fe80::1', 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'),
        ('224.0.0.1', 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'),
        ('ff02::1', 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'))],
    ('3.7.3', {'externalIPs': ['192.0.2.1', '192.0.2.1']}),
)


def ranges(value, **spec):
    return {'metadata': {'annotations': {RANGES: value}}, 'spec': spec}


BALANCERS = [
    *of_spec(
        ('3.9.1', {'loadBalancerSourceRanges': ['192.0.2.0/24']}, f'spec.LoadBalancerSourceRanges: Forbidden: {LB_ONLY}'),
        ('3.9.2', {'loadBalancerSourceRanges': [' 192.0.2.0/24 ', '2001:db8::/32'], **LB}),
        ('3.9.2', {'loadBalancerSourceRanges': ['192.0.2.0/24', '192.0.2.1'], **LB}, f'spec.LoadBalancerSourceRanges[1]: Invalid value: "192.0.2.1": {CIDR}'),
        ('3.9.2', {'loadBalancerSourceRanges': ['192.0.2.1/24'], **LB},
     'spec.LoadBalancerSourceRanges[0]: Invalid value: "192.0.2.1/24": must not have bits set beyond the prefix length'),
        ('3.9.2', {'loadBalancerSourceRanges': [''], **LB}, f'spec.LoadBalancerSourceRanges[0]: Invalid value: "": {CIDR}'),
    ),
    ('3.9.3', ranges('garbage', loadBalancerSourceRanges=['192.0.2.0/24'], **LB)),
    ('3.9.4', ranges('192.0.2.0/24'), f'metadata.annotations[{RANGES}]: Forbidden: {LB_ONLY}'),
    ('3.9.4', ranges(''), f'metadata.annotations[{RANGES}]: Forbidden: {LB_ONLY}'),
    ('3.9.5', ranges('192.0.2.0/24, 198.51.100.0/24', **LB)),
    ('3.9.5', ranges(' ', **LB)),
    ('3.9.5', ranges('', **LB)),
    ('3.9.5', ranges('192.0.2.0/24,x', **LB), f'metadata.annotations[{RANGES}]: Invalid value: "x": {CIDR}'),
    *of_spec(
        *[('3.10.1', {'allocateLoadBalancerNodePorts': value}, f'spec.allocateLoadBalancerNodePorts: Forbidden: {LB_ONLY}') for value in (True, False)],
        ('3.10.2', {'loadBalancerClass': 'example.com/x', **LB}),
        ('3.10.2', {'loadBalancerClass': 'a b', **LB}, f'spec.loadBalancerClass: Invalid value: "a b": {QUALIFIED}'),
        ('3.10.2', {'loadBalancerClass': '', **LB}, 'spec.loadBalancerClass: Invalid value: "": name part must be non-empty',
         f'spec.loadBalancerClass: Invalid value: "": {QUALIFIED}'),
        ('3.10.3', {'loadBalancerClass': 'x'}, f'spec.loadBalancerClass: Forbidden: {LB_ONLY}'),
    ),
]

POLICIES = of_spec(
    ('3.11.1', {'externalTrafficPolicy': 'Cluster'}, 'spec.externalTrafficPolicy: Invalid value: "Cluster": may only be set for externally-accessible services'),
    ('3.11.1', {'externalTrafficPolicy': 'Local', **EXT}, 'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services'),
    ('3.11.1', {'externalTrafficPolicy': 'Local', 'externalIPs': ['192.0.2.1']}),
    ('3.11.2', {'externalTrafficPolicy': 'Near', 'type': 'NodePort'}, 'spec.externalTrafficPolicy: Unsupported value: "Near": supported values: "Cluster", "Local"'),
    ('3.11.3', {'healthCheckNodePort': 30444}, f'spec.healthCheckNodePort: Invalid value: 30444: {UNFIT}'),
    ('3.11.3', {'healthCheckNodePort': 30444, **LB}, f'spec.healthCheckNodePort: Invalid value: 30444: {UNFIT}'),
    ('3.11.3', {'healthCheckNodePort': 30444, 'externalTrafficPolicy': 'Local', 'type': 'NodePort'}, f'spec.healthCheckNodePort: Invalid value: 30444: {UNFIT}'),
    ('3.11.4', {'healthCheckNodePort': 30444, 'externalTrafficPolicy': 'Local', **LB}),
    ('3.11.5', {'internalTrafficPolicy': 'Near'}, 'spec.internalTrafficPolicy: Unsupported value: "Near": supported values: "Cluster", "Local"'),
    ('3.11.5', {'internalTrafficPolicy': 'Near', **EXT}, 'spec.internalTrafficPolicy: Unsupported value: "Near": supported values: "Cluster", "Local"'),
    ('3.11.5', {'internalTrafficPolicy': 'Local', **EXT}),
    *[('3.11.6', {'trafficDistribution': value}) for value in ('PreferClose', 'PreferSameNode', 'PreferSameZone')],
    *[('3.11.6', {'trafficDistribution': value}, f'spec.trafficDistribution: Unsupported value: "{value}": supported values: "PreferClose", "PreferSameZone", "PreferSameNode"')
      for value in ('preferclose', '')],
)


@proves(*rules_of(META))
def test_metadata(api):
    check(api, META)


@proves(*rules_of(TYPES))
def test_types(api):
    check(api, TYPES)


@proves(*rules_of(PORTS))
def test_ports(api):
    check(api, PORTS)


@proves(*rules_of(AFFINITY))
def test_selector_and_affinity(api):
    check(api, AFFINITY)


@proves(*rules_of(ADDRESSES))
def test_cluster_ips_and_families(api):
    check(api, ADDRESSES)


@proves(*rules_of(EXTERNAL))
def test_external_ips(api):
    check(api, EXTERNAL)


@proves(*rules_of(BALANCERS))
def test_balancer_fields(api):
    check(api, BALANCERS)


@proves(*rules_of(POLICIES))
def test_traffic_policies(api):
    check(api, POLICIES)


@proves('3.1.1')
def test_generated_names(api):
    sent = merged(service('a'), meta(name=None, generateName='A_'))
    causes = api.post(api.path('services'), sent).causes()
    assert causes[0] == f'metadata.generateName: Invalid value: "A_": {LABEL}', causes
    assert causes[1].startswith('metadata.name: Invalid value: "A_') and len(causes) == 2, causes


@proves('3.1.2')
def test_a_name_is_required(api):
    # A Service without one is an error of the allocation on a stock server (docs/api.md).
    for plural in ('configmaps', 'endpoints'):
        assert api.post(api.path(plural), {}).causes()[:1] == ['metadata.name: Required value: name or generateName is required']


@proves('3.1.4')
def test_a_malformed_namespace_is_not_found(api):
    api.post('/api/v1/namespaces/A_b/services', service('a')).fails(404, 'NotFound', 'namespaces "A_b" not found')


@proves('3.1.5')
def test_generation(api):
    sent = {'metadata': {'name': 'a', 'generation': -1}}
    assert api.post(api.path('configmaps'), sent).causes() == ['metadata.generation: Invalid value: -1: must be greater than or equal to 0']


@proves('3.1.16')
def test_managed_fields(api):
    good = {'manager': 'm', 'operation': 'Update', 'apiVersion': 'v1', 'fieldsType': 'FieldsV1', 'fieldsV1': {'f:data': {}}}
    for i, bad in enumerate(({'operation': 'Bad'}, {'fieldsType': 'Bad'})):
        sent = {'metadata': {'name': f'c{i}', 'managedFields': [dict(good, **bad)]}}
        got = api.post(api.path('configmaps'), sent).want(201).json['metadata']
        assert 'm' not in [entry['manager'] for entry in got.get('managedFields', [])], got
    sent = {'metadata': {'name': 'c', 'managedFields': [dict(good, manager='m' * 129)]}}
    assert api.post(api.path('configmaps'), sent).causes() == ['metadata.managedFields[0].manager: Too long: may not be more than 128 bytes']


@proves('3.5.4')
def test_a_config_without_affinity_vanishes(api):
    sent = service('a', sessionAffinityConfig={'clientIP': {'timeoutSeconds': -1}})
    assert 'sessionAffinityConfig' not in api.post(api.path('services'), sent).want(201).json['spec']


@proves('3.3.12')
def test_node_ports_of_external_names_are_not_taken(api):
    sent = service('a', ports=(), **EXT)
    sent['spec']['ports'] = [{'port': 80, 'nodePort': 30555}]
    for name in ('a', 'b'):
        made = api.post(api.path('services'), merged(sent, meta(name=name))).want(201).json
        assert made['spec']['ports'][0]['nodePort'] == 30555
    api.post(api.path('services'), merged(sent, {'metadata': {'name': 'c'}, 'spec': {'type': 'NodePort', 'externalName': None}})).want(201)
