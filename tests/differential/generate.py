# SPDX-License-Identifier: Apache-2.0
"""Makes steps from a seed, without knowing a server: the same seed gives the same steps. What a step is, steps.py says."""
import copy
import random

import values as v

PATCHES = ['merge', 'strategic', 'json']


class Generator:
    def __init__(self, seed, has_apply=True, ranges=''):
        self.r = random.Random(seed)
        self.kinds = PATCHES + ['apply'] if has_apply else PATCHES
        self.n = 0

    # Drawing

    def chance(self, p):
        return self.r.random() < p

    def of(self, values):
        return copy.deepcopy(values[int(self.r.random() * len(values))])

    def below(self, n):
        return int(self.r.random() * n)

    def field(self, good, bad, p_bad=None):
        """A value of a field; how often it is a wrong one depends on how broken this object is to be."""
        return self.of(bad if self.chance(self.bad if p_bad is None else p_bad) else good)

    # Objects

    def begin_object(self):
        self.bad = self.of([0, 0, 0, 0.03, 0.03, 0.15])

    def labels(self):
        out = {}
        for _ in range(self.below(3) + 1):
            out[self.field(v.LABEL_KEYS, v.BAD_KEYS)] = self.field(v.LABEL_VALUES, v.BAD_LABEL_VALUES)
        return out

    def meta(self, plural, name):
        meta = {}
        if name is not None:
            meta['name'] = name
        if self.chance(0.4):
            meta['labels'] = self.labels()
        if self.chance(0.25):
            meta['annotations'] = {self.field(v.ANNOTATIONS, v.BAD_KEYS): self.of(v.ANNOTATION_VALUES) for _ in range(self.below(2) + 1)}
        if self.chance(0.07):
            meta['finalizers'] = [self.field(v.FINALIZERS, v.BAD_FINALIZERS) for _ in range(self.below(2) + 1)]
        if self.chance(0.05):
            meta['ownerReferences'] = [self.owner() for _ in range(self.below(2) + 1)]
        if self.chance(0.03):
            meta['namespace'] = self.of(['diff', 'diff', 'other', ''])
        if self.chance(0.04):
            meta['uid'] = self.of([f'@uid:{plural}:{name}@', '11111111-2222-3333-4444-555555555555', 'x', ''])
        if self.chance(0.03):
            key = self.of(['creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'selfLink', 'generation', 'managedFields'])
            meta[key] = {'creationTimestamp': self.of(['2020-01-01T00:00:00Z', None, 'x', '2020-01-01T00:00:00+02:00', 5]),
                         'deletionTimestamp': self.of(['2020-01-01T00:00:00Z', None]),
                         'deletionGracePeriodSeconds': self.of([0, 30, -1]), 'selfLink': '/x', 'generation': self.of([0, 1, 7, -1]),
                         'managedFields': self.of([[], [{}], None, [{'manager': 'm', 'operation': 'Update', 'apiVersion': 'v1', 'time': '2020-01-01T00:00:00Z',
                                                                     'fieldsType': 'FieldsV1', 'fieldsV1': {'f:metadata': {'f:labels': {'f:app': {}}}}}]])}[key]
        return meta

    def owner(self):
        owner = {'apiVersion': self.field(['v1', 'apps/v1'], ['', 'a/b/c', '/v1', 'v1/']), 'kind': self.field(['Pod', 'ConfigMap'], ['', 'Event']),
                 'name': self.field(['p', 'q'], ['']), 'uid': self.field(['u-1', 'u-2'], [''])}
        if self.chance(0.3):
            owner['controller'] = self.of([True, True, False, None])
        if self.chance(0.2):
            owner['blockOwnerDeletion'] = self.of([True, False])
        return owner

    def port(self, n):
        port = {'port': self.field(v.PORTS, v.BAD_PORTS)}
        if n > 1 or self.chance(0.4):
            port['name'] = self.field(v.PORT_NAMES, v.BAD_PORT_NAMES)
        if self.chance(0.4):
            port['protocol'] = self.field(v.PROTOCOLS, v.BAD_PROTOCOLS)
        if self.chance(0.5):
            port['targetPort'] = self.field(v.TARGETS, v.BAD_TARGETS)
        if self.chance(0.2):
            port['nodePort'] = self.field(v.NODE_PORTS, v.BAD_NODE_PORTS)
        if self.chance(0.15):
            port['appProtocol'] = self.field(v.APP_PROTOCOLS, v.BAD_APP_PROTOCOLS)
        return port

    def ports(self):
        n = self.of([0, 1, 1, 1, 1, 2, 2, 2, 3, 4])
        ports = [self.port(n) for _ in range(n)]
        if self.chance(0.75):  # mostly such that they may stand beside each other
            for i, port in enumerate(ports):
                if 'name' in port and not self.chance(self.bad):
                    port['name'] = ['http', 'https', 'dns', 'metrics'][i]
                if port.get('port') in v.PORTS and not self.chance(self.bad):
                    port['port'] = port['port'] % 60000 + i
        return ports

    def spec(self):
        spec = {}
        kind = None
        if self.chance(0.7):
            kind = spec['type'] = self.field(v.TYPES, v.BAD_TYPES)
        if self.chance(0.95):
            spec['ports'] = self.ports()
        if self.chance(0.5):
            spec['selector'] = self.labels() if self.chance(0.85) else {}
        odd = 0.04 + self.bad / 2  # that it is there although it does not belong to the type
        if kind == 'ExternalName' or self.chance(odd):
            spec['externalName'] = self.field(v.EXTERNAL_NAMES, v.BAD_EXTERNAL_NAMES)
        if self.chance(0.3 if kind != 'ExternalName' else odd):
            self.cluster_ips(spec)
        if self.chance(0.25 if kind != 'ExternalName' else odd):
            spec['ipFamilies'] = self.field(v.FAMILIES, v.BAD_FAMILIES)
        if self.chance(0.3 if kind != 'ExternalName' else odd):
            spec['ipFamilyPolicy'] = self.field(v.POLICIES, v.BAD_POLICIES)
        if self.chance(0.1):
            spec['externalIPs'] = [self.field(v.EXTERNAL_IPS, v.BAD_EXTERNAL_IPS) for _ in range(self.below(3))]
        if self.chance(0.25):
            spec['sessionAffinity'] = self.field(v.AFFINITIES, v.BAD_AFFINITIES)
        if self.chance(0.15):
            spec['sessionAffinityConfig'] = self.field(v.AFFINITY_CONFIGS, v.BAD_AFFINITY_CONFIGS)
        if self.chance(0.25):
            spec['internalTrafficPolicy'] = self.field(v.TRAFFIC, v.BAD_TRAFFIC)
        if self.chance(0.12):
            spec['trafficDistribution'] = self.field(v.DISTRIBUTIONS, v.BAD_DISTRIBUTIONS)
        if self.chance(0.1):
            spec['publishNotReadyAddresses'] = self.of([True, False])
        out = kind in ('LoadBalancer', 'NodePort') or spec.get('externalIPs')
        if self.chance(0.4 if out else odd):
            spec['externalTrafficPolicy'] = self.field(v.TRAFFIC, v.BAD_TRAFFIC)
        lb = kind == 'LoadBalancer'
        if self.chance(0.2 if lb else odd):
            spec['allocateLoadBalancerNodePorts'] = self.of([True, False, False])
        if self.chance(0.15 if lb else odd):
            spec['loadBalancerClass'] = self.field(v.LB_CLASSES, v.BAD_LB_CLASSES)
        if self.chance(0.15 if lb else odd):
            spec['loadBalancerSourceRanges'] = [self.field(v.CIDRS, v.BAD_CIDRS) for _ in range(self.below(3))]
        if self.chance(0.1 if lb else odd):
            spec['loadBalancerIP'] = self.of(v.LB_IPS)
        if self.chance(0.25 if lb and spec.get('externalTrafficPolicy') == 'Local' else odd / 2):
            spec['healthCheckNodePort'] = self.field(v.HEALTH_PORTS, v.BAD_HEALTH_PORTS)
        return spec

    def cluster_ips(self, spec):
        one = self.field(v.CLUSTER_IPS, v.BAD_CLUSTER_IPS)
        mode = self.below(5)
        if mode != 4:
            spec['clusterIP'] = one
        if mode >= 3 or self.chance(0.1):
            spec['clusterIPs'] = [one if not self.chance(self.bad) else self.of(v.CLUSTER_IPS)]
            if self.chance(0.5) and one != 'None' or self.chance(self.bad):
                spec['clusterIPs'].append(self.field(v.CLUSTER_IPS[3:], v.BAD_CLUSTER_IPS))

    def status(self):
        status = {}
        if self.chance(0.8):
            status['loadBalancer'] = {'ingress': [self.field(v.INGRESS, v.BAD_INGRESS) for _ in range(self.below(3))]} if self.chance(0.9) else {}
        if self.chance(0.3):
            status['conditions'] = [self.field(v.CONDITIONS, v.BAD_CONDITIONS) for _ in range(self.below(3))]
        return status

    def endpoint_ports(self, is_slice):
        ports = []
        for i in range(self.of([0, 1, 1, 2, 3])):
            port = {'port': self.field(v.PORTS, v.BAD_PORTS)} if self.chance(0.95) else {}
            if self.chance(0.7):
                port['name'] = self.field(['http', 'https', 'dns', 'p'], v.BAD_PORT_NAMES)
            if self.chance(0.5):
                port['protocol'] = self.field(v.PROTOCOLS, v.BAD_PROTOCOLS)
            if self.chance(0.2):
                port['appProtocol'] = self.field(v.APP_PROTOCOLS, v.BAD_APP_PROTOCOLS)
            ports.append(port)
        return ports

    def address(self):
        out = {'ip': self.field(v.ADDRESSES['IPv4'] + v.ADDRESSES['IPv6'], v.BAD_ADDRESSES)}
        if self.chance(0.2):
            out['hostname'] = self.field(v.HOSTNAMES, v.BAD_HOSTNAMES)
        if self.chance(0.2):
            out['nodeName'] = self.field(v.NODES, v.BAD_NODES)
        if self.chance(0.2):
            out['targetRef'] = self.of(v.TARGET_REFS)
        return out

    def subsets(self):
        out = []
        for _ in range(self.of([0, 1, 1, 1, 2])):
            subset = {}
            if self.chance(0.85):
                subset['addresses'] = [self.address() for _ in range(self.below(3) + 1)]
            if self.chance(0.25):
                subset['notReadyAddresses'] = [self.address() for _ in range(self.below(2) + 1)]
            if self.chance(0.85):
                subset['ports'] = self.endpoint_ports(False)
            out.append(subset)
        return out

    def endpoint(self, kind):
        out = {'addresses': [self.field(v.ADDRESSES.get(kind, ['192.0.2.1']), v.BAD_ADDRESSES + sum(v.ADDRESSES.values(), []))
                             for _ in range(self.of([1, 1, 1, 2, 0]) if self.bad else self.of([1, 1, 2]))]}
        if self.chance(0.5):
            out['conditions'] = {k: self.of([True, False, None]) for k in ('ready', 'serving', 'terminating') if self.chance(0.5)}
        if self.chance(0.2):
            out['hostname'] = self.field(v.HOSTNAMES, v.BAD_HOSTNAMES)
        if self.chance(0.3):
            out['nodeName'] = self.field(v.NODES, v.BAD_NODES)
        if self.chance(0.2):
            out['targetRef'] = self.of(v.TARGET_REFS)
        if self.chance(0.3):
            out['zone'] = self.of(v.ZONES)
        if self.chance(0.2):
            out['hints'] = self.field(v.HINTS, v.BAD_HINTS)
        if self.chance(0.07):
            out['deprecatedTopology'] = self.of([{'a': 'b'}, {'a b': 'c'}, {}, {f'k{i}': 'x' for i in range(17)}, None])
        return out

    def slice(self):
        kind = self.field(v.ADDRESS_TYPES, v.BAD_ADDRESS_TYPES)
        out = {}
        if self.chance(0.97):
            out['addressType'] = kind
        if self.chance(0.95):
            out['endpoints'] = [self.endpoint(kind) for _ in range(self.of([0, 1, 1, 2, 3]))]
            if self.chance(0.01):
                out['endpoints'] = [{'addresses': [f'10.1.{i >> 8}.{i & 255}']} for i in range(self.of([1000, 1001]))]
            if self.chance(0.01):
                out['endpoints'] = [{'addresses': [f'10.1.{i >> 8}.{i & 255}' for i in range(self.of([100, 101]))]}]
        if self.chance(0.85):
            out['ports'] = self.endpoint_ports(True) if self.chance(0.9) else None
        return out

    def body(self, plural):
        """What the kind has besides metadata."""
        if plural == 'services':
            out = {'spec': self.spec()}
            if self.chance(0.1):
                out['status'] = self.status()
            return out
        if plural == 'endpoints':
            return {'subsets': self.subsets()} if self.chance(0.97) else {}
        return self.slice()

    def envelope(self, plural, must=False):
        out = {}
        kind = {'services': 'Service', 'endpoints': 'Endpoints', 'endpointslices': 'EndpointSlice'}[plural]
        group = 'discovery.k8s.io/v1' if plural == 'endpointslices' else 'v1'
        if self.chance(0.95) or must:
            out['apiVersion'] = group if not self.chance(0.01) else self.of(['v2', 'apps/v1', ''])
            out['kind'] = kind if not self.chance(0.01) else self.of(['Pod', '', 'service', 'Services', 'List'])
        return out

    def object(self, plural, name):
        self.begin_object()
        return self.junk(dict(self.envelope(plural), metadata=self.meta(plural, name), **self.body(plural)))

    # Breaking

    def places(self, node, out=None, above=()):
        out = [] if out is None else out
        if isinstance(node, dict) and ('$dup' in node or '$num' in node):
            return out
        items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, child in items:
            out.append((node, key))
            if isinstance(child, (dict, list)) and len(out) < 400:
                self.places(child, out)
        return out

    def junk(self, obj, p=0.12):
        """Perhaps something in it is of no shape that fits."""
        if not self.chance(p):
            return obj
        for _ in range(self.of([1, 1, 1, 2, 3])):
            places = self.places(obj)
            if not places:
                return obj
            node, key = self.of_ref(places)
            how = self.below(10)
            if how < 5:
                node[key] = self.of(v.JUNK)
            elif how == 5:
                node.pop(key)
            elif isinstance(node, list):
                node.insert(self.below(len(node) + 1), copy.deepcopy(node[key]) if how < 8 else self.of(v.JUNK))
            elif '$dup' not in node and '$num' not in node:
                if how == 6:
                    node[self.of(['foo', 'Bar', 'statuss', str(key).upper(), str(key) + ' '])] = self.of(v.JUNK)
                elif how == 7:
                    node[str(key)[:1].swapcase() + str(key)[1:]] = node.pop(key)
                else:
                    items = [[k, x] for k, x in node.items()]
                    items.insert(self.below(len(items) + 1), [key, self.of(v.JUNK) if self.chance(0.4) else copy.deepcopy(node[key])])
                    node.clear()
                    node['$dup'] = items
        return obj

    def of_ref(self, values):
        return values[self.below(len(values))]

    # Steps

    def query(self, verb):
        q = {}
        if self.chance(0.35):
            q['fieldValidation'] = self.of(['Strict', 'Strict', 'Warn', 'Ignore']) if not self.chance(0.02) else self.of(['', 'strict', 'None'])
        if self.chance(0.08):
            q['dryRun'] = 'All' if not self.chance(0.06) else self.of(['', 'all', 'None'])
        if self.chance(0.08):
            q['fieldManager'] = self.of(['mgr-a', 'mgr-b']) if not self.chance(0.05) else self.of(['', 'a' * 129, 'tab\t', 'é'])
        return q

    def name(self, plural):
        return self.of(v.NAMES[plural])

    def create(self, plural):
        name = self.name(plural) if not self.chance(0.04) else self.of(v.BAD_NAMES)
        body = self.object(plural, name)
        meta = body.get('metadata')
        if isinstance(meta, dict) and self.chance(0.06):
            meta['generateName'] = self.of(['g-', 'gen-name-', 'G-', 'a' * 60, 'x', '1-', 'g.', 'g_'])
            if self.chance(0.85):
                meta.pop('name', None)
        if isinstance(meta, dict) and self.chance(0.02):
            meta['resourceVersion'] = self.of(['1', '0', 'x', ''])
        return {'verb': 'POST', 'kind': plural, 'query': self.query('create'), 'body': self.raw(body)}

    def raw(self, body):
        """Now and then what is sent is no JSON object at all."""
        if not self.chance(0.012):
            return body
        return {'$raw': self.of(['', 'null', '[]', '"x"', '5', '{', '{}', '{"metadata":', '{"a":1}x', 'kind: Service', '{"kind":"Service","apiVersion":"v1","metadata":null}',
                                 '{"spec":[]}', '[{}]', '{"metadata":{"name":"s0"},}', "{'a':1}", '{"kind":"Service","apiVersion":"v1"}{}', '\ufeff{}', '{"a":\x01}'])}

    def update(self, plural):
        name = self.name(plural) if not self.chance(0.03) else self.of(v.BAD_NAMES)
        q = self.query('update')
        if self.chance(0.4):
            body = self.alive(self.object(plural, name if not self.chance(0.02) else 'other'))
            if isinstance(body.get('metadata'), dict) and self.chance(0.15):
                body['metadata']['resourceVersion'] = self.of([f'@rv:{plural}:{name}@', f'@rv:{plural}:{name}@', f'@oldrv:{plural}:{name}@', '1', '0', 'x', '-1', '999999999'])
        else:
            self.begin_object()
            body = {'$base': [plural, name], 'edits': self.edits(plural), 'fallback': self.alive(self.object(plural, name))}
        return {'verb': 'PUT', 'kind': plural, 'name': name, 'query': q, 'body': self.raw(body)}

    @staticmethod
    def alive(body):
        """A PUT that creates would keep what says that it is being deleted (a difference that is meant)."""
        meta = body.get('metadata') if isinstance(body, dict) else None
        for key in ('deletionTimestamp', 'deletionGracePeriodSeconds', 'selfLink'):
            if isinstance(meta, dict):
                meta.pop(key, None)
        return body

    def edits(self, plural):
        """[path, value] or [path] (take it out), on what the server answered last."""
        out = []
        fresh = self.body(plural)
        flat = self.paths(fresh)
        for _ in range(self.of([0, 1, 1, 1, 2, 3, 5])):
            how = self.below(12)
            if how < 6 and flat:
                out.append(list(self.of(flat)))
            elif how < 9 and flat:
                out.append([self.of(flat)[0]])
            elif how == 9 and flat:
                out.append([self.of(flat)[0], self.of(v.JUNK)])
            else:
                meta = self.meta(plural, None)
                for key, value in meta.items():
                    out.append([['metadata', key], value])
                if self.chance(0.3):
                    out.append([['metadata', self.of(['resourceVersion', 'uid', 'creationTimestamp', 'labels', 'annotations', 'finalizers', 'generation', 'managedFields', 'name', 'namespace'])]])
                if self.chance(0.2):
                    out.append([['metadata', 'resourceVersion'], self.of([f'@oldrv:{plural}:s0@', '1', ''])])
        return out

    def paths(self, node, above=()):
        out = []
        items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, child in items:
            out.append([list(above) + [key], child])
            out += self.paths(child, tuple(above) + (key,))
        return out[:200]

    # Patches

    def partial(self, plural):
        """A part of an object, with nulls."""
        self.begin_object()
        whole = self.body(plural)
        out = {}
        if plural == 'services':
            spec = whole['spec']
            keys = list(spec)
            self.r.shuffle(keys)
            out['spec'] = {k: spec[k] if not self.chance(0.2) else None for k in keys[:self.of([0, 1, 1, 1, 2, 2, 3, 4])]}
            if self.chance(0.08):
                out['status'] = self.status()
            if self.chance(0.15):
                out.pop('spec')
        else:
            out = {k: x if not self.chance(0.1) else None for k, x in whole.items() if self.chance(0.6)}
        if self.chance(0.35):
            out['metadata'] = self.meta(plural, None)
            for key in ('labels', 'annotations'):
                if key in out['metadata'] and self.chance(0.3):
                    out['metadata'][key][self.of(v.LABEL_KEYS)] = None
            if self.chance(0.1):
                out['metadata'][self.of(['labels', 'annotations', 'finalizers', 'name', 'namespace', 'uid', 'creationTimestamp', 'ownerReferences'])] = None
            if self.chance(0.1):
                out['metadata']['resourceVersion'] = self.of([f'@rv:{plural}:{self.name(plural)}@', '1', '', 'x', None])
        if self.chance(0.1):
            out.update(self.envelope(plural))
        return out

    def directives(self, patch):
        """Members that only a strategic patch knows."""
        nodes = [n for n in self.objects(patch)]
        for _ in range(self.of([1, 1, 2])):
            node = self.of_ref(nodes)
            how = self.below(9)
            if how < 3:
                node['$patch'] = self.of(['delete', 'replace', 'merge', 'bogus', None, 5])
            elif how == 3:
                node['$retainKeys'] = self.of([list(node)[:2], ['type'], [], 'x', [5]])
            elif how == 4:
                node['$setElementOrder/ports'] = self.of([[{'port': 443}, {'port': 80}], [{'port': 80, 'protocol': 'TCP'}], [], [80], 'x', [{'name': 'x'}]])
            elif how == 5:
                node['$deleteFromPrimitiveList/' + self.of(['finalizers', 'externalIPs', 'clusterIPs', 'ports'])] = self.of([['example.com/a'], ['10.0.0.1'], [], 'x', [5]])
            elif how == 6:
                node['$setElementOrder/finalizers'] = self.of([['example.com/b', 'example.com/a'], [], 'x'])
            elif how == 7:
                node['$' + self.of(['unknown', 'setElementOrder', 'deleteFromPrimitiveList/', 'patch/x', 'setElementOrder/'])] = self.of([[], {}, 'delete'])
            else:
                spec = patch.setdefault('spec', {})
                if isinstance(spec, dict):
                    spec['ports'] = [self.of([{'port': 80, '$patch': 'delete'}, {'$patch': 'replace'}, {'port': 443, '$patch': 'merge', 'name': 'x'}, {'$patch': 'delete'},
                                              {'name': 'http', '$patch': 'delete'}, {'port': 81, 'name': 'new'}, {'port': '80', '$patch': 'delete'}, {'port': 80, 'targetPort': None}])
                                     for _ in range(self.below(3) + 1)]
        return patch

    def objects(self, node):
        out = [node]
        for child in node.values() if isinstance(node, dict) else ():
            for sub in child if isinstance(child, list) else [child]:
                if isinstance(sub, dict):
                    out += self.objects(sub)
        return out

    def json_patch(self, plural):
        self.begin_object()
        flat = self.paths(self.body(plural)) + [[['metadata', k], x] for k, x in self.meta(plural, 's0').items()]
        ops = []
        for _ in range(self.of([0, 1, 1, 1, 2, 2, 3])):
            keys, value = self.of(flat) if flat else [['metadata', 'labels'], {}]
            if self.chance(0.3):
                keys, value = self.of([[['metadata', 'labels', 'app'], 'web'], [['metadata', 'labels'], {'app': 'db'}], [['metadata', 'annotations', 'example.com/note'], 'x'],
                                       [['spec', 'ports', 0, 'port'], 81], [['spec', 'ports', '-'], {'port': 99, 'name': 'more'}], [['spec', 'type'], 'NodePort'],
                                       [['spec', 'ports', 5], {'port': 1}], [['spec', 'ports', '01'], {'port': 1}], [['spec', 'ports', -1], {'port': 1}], [[], {}], [[''], 1],
                                       [['metadata', 'finalizers', '-'], 'example.com/a'], [['metadata', 'name'], 'zz'], [['kind'], 'Pod'], [['nope', 'x'], 1]])
            op = {'op': self.of(['add', 'add', 'replace', 'replace', 'remove', 'test', 'copy', 'move']), 'path': self.pointer(keys)}
            if op['op'] in ('add', 'replace', 'test') or self.chance(0.05):
                op['value'] = value if not self.chance(0.05) else self.of(v.JUNK)
            if op['op'] in ('copy', 'move'):
                op['from'] = self.pointer(self.of(flat)[0] if flat else ['spec'])
            ops.append(op)
        if self.chance(0.06) and ops:
            op = self.of_ref(ops)
            self.of([lambda: op.pop('path', None), lambda: op.pop('value', None), lambda: op.update(op='bogus'), lambda: op.update(path='spec'), lambda: op.update(path=5),
                     lambda: op.update(extra=1), lambda: op.pop('from', None), lambda: op.pop('op', None), lambda: op.update(path='/spec/~2'), lambda: op.update(value=None),
                     lambda: op.update(path='/spec/ports/-'), lambda: op.update(op='Add')])()
        if self.chance(0.02):
            return self.of([{}, [[]], [5], 'x', [None], None, {'op': 'add'}])
        return ops

    @staticmethod
    def pointer(keys):
        return ''.join('/' + str(k).replace('~', '~0').replace('/', '~1') for k in keys)

    def patch(self, plural, sub=''):
        name = self.name(plural) if not self.chance(0.03) else self.of(v.BAD_NAMES)
        kind = self.of(self.kinds)
        q = self.query('patch')
        step = {'verb': 'PATCH', 'kind': plural, 'name': name, 'sub': sub, 'query': q, 'type': v.CONTENT_TYPES[kind]}
        if kind == 'json':
            step['body'] = self.raw(self.json_patch(plural))
        elif kind == 'apply':
            step['body'] = self.raw(self.applied(plural, name))
            if not self.chance(0.03):
                q['fieldManager'] = self.of(['mgr-a', 'mgr-a', 'mgr-b', 'mgr-c'])
            if self.chance(0.35):
                q['force'] = self.of(['true', 'true', 'false'])
        else:
            body = self.partial(plural)
            if sub and self.chance(0.8):
                body = {'status': self.status()}
            if kind == 'strategic' and self.chance(0.25):
                body = self.directives(body)
            step['body'] = self.raw(self.junk(body))
            if self.chance(0.01):
                q['force'] = 'true'
        if self.chance(0.006):
            step['type'] = self.of(['application/json', 'text/plain', '', 'application/merge-patch+json; charset=utf-8', 'application/strategic-merge-patch+json;x=y'])
        return step

    def applied(self, plural, name):
        self.begin_object()
        if self.chance(0.5):
            body = self.partial(plural)
            body.update(self.envelope(plural, True))
            body['metadata'] = dict(body.get('metadata') or {}, name=name)
        else:
            body = dict(self.envelope(plural, True), metadata=self.meta(plural, name), **self.body(plural))
        self.alive(body)
        body['metadata'].pop('managedFields', None) if not self.chance(0.1) else None
        for port in (body.get('spec') or {}).get('ports') or []:  # it needs both keys, or the default of one
            if isinstance(port, dict) and self.chance(0.3):
                port.setdefault('protocol', 'TCP')
        return self.junk(body, 0.05)

    def status_step(self):
        name = self.name('services')
        if self.chance(0.5):
            return self.patch('services', 'status')
        q = self.query('update')
        self.begin_object()
        edits = [[['status'], self.status()]]
        if self.chance(0.3):
            edits += self.edits('services')
        return {'verb': 'PUT', 'kind': 'services', 'name': name, 'sub': 'status', 'query': q, 'body': {'$base': ['services', name], 'edits': edits, 'fallback': self.alive(self.object('services', name))}}

    def delete(self, plural):
        name = self.name(plural) if not self.chance(0.02) else self.of(v.BAD_NAMES)
        step = {'verb': 'DELETE', 'kind': plural, 'name': name, 'query': {}}
        options = {}
        if self.chance(0.1):
            options['preconditions'] = self.of([{'uid': f'@uid:{plural}:{name}@'}, {'uid': 'x'}, {'resourceVersion': f'@rv:{plural}:{name}@'}, {'resourceVersion': '1'},
                                                {'resourceVersion': f'@oldrv:{plural}:{name}@'}, {}, {'uid': ''}])
        if self.chance(0.1):
            options['propagationPolicy'] = self.of(['Background', 'Background', 'Foreground', 'Orphan', 'bogus', ''])
        if self.chance(0.05):
            options['gracePeriodSeconds'] = self.of([0, 1, 30, -1])
        if self.chance(0.02):
            options['orphanDependents'] = self.of([True, False])
        if self.chance(0.05):
            options['dryRun'] = self.of([['All'], ['All'], [], ['x'], 'All'])
        if options and self.chance(0.7):
            options.update(self.of([{'kind': 'DeleteOptions', 'apiVersion': 'v1'}, {'kind': 'DeleteOptions', 'apiVersion': 'v1'}, {}, {'kind': 'Pod', 'apiVersion': 'v1'}, {'foo': 1}]))
        if options:
            step['body'] = self.raw(self.junk(options, 0.1))
        elif self.chance(0.1):
            step['query'][self.of(['propagationPolicy', 'gracePeriodSeconds', 'dryRun', 'orphanDependents'])] = self.of(['Background', '0', 'All', 'Foreground', 'x'])
        return step

    def delete_many(self, plural):
        q = {}
        if self.chance(0.8):
            q['labelSelector'] = self.of(v.LABEL_SELECTORS)
        if self.chance(0.3):
            q['fieldSelector'] = self.of(v.FIELD_SELECTORS)
        if self.chance(0.1):
            q['dryRun'] = 'All'
        return {'verb': 'DELETE', 'kind': plural, 'query': q}

    def read(self, plural):
        if self.chance(0.4):
            return {'verb': 'GET', 'kind': plural, 'name': self.name(plural), 'sub': 'status' if plural == 'services' and self.chance(0.2) else '', 'query': {}}
        q = {}
        if self.chance(0.7):
            q['labelSelector'] = self.of(v.LABEL_SELECTORS)
        if self.chance(0.4):
            q['fieldSelector'] = self.of(v.FIELD_SELECTORS)
        if self.chance(0.2):
            q['limit'] = self.of(['1', '2', '0', '500'])
        return {'verb': 'GET', 'kind': plural, 'query': q}

    def step(self):
        self.n += 1
        plural = self.of(['services'] * 12 + ['endpoints'] * 3 + ['endpointslices'] * 4)
        how = self.r.random()
        if how < 0.27:
            return self.create(plural)
        if how < 0.50:
            return self.update(plural)
        if how < 0.78:
            return self.patch(plural)
        if how < 0.84:
            return self.status_step()
        if how < 0.925:
            return self.delete(plural)
        if how < 0.935:
            return self.delete_many(plural)
        return self.read(plural)

    def episode(self, n):
        return [self.step() for _ in range(n)]
