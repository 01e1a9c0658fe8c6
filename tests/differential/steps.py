# SPDX-License-Identifier: Apache-2.0
"""A step is one request, as JSON: verb, kind (plural), name, sub, query, type (of the body) and body.

What a server drew itself cannot be in a step. Strings that are wholly a reference stand for it, each server's own:
    @ip:s0:0@ @np:s0:0@ @hc:s0@                 clusterIPs[0], ports[0].nodePort and healthCheckNodePort of the Service s0
    @rv:services:s0@ @oldrv:…@ @uid:…@          metadata of an object as it was answered last, and the resourceVersion before that
A body of {"$base": [kind, name], "edits": […]} is the object as it was answered last, with members put in or taken out.
{"$raw": text} is sent as it is; {"$dup": [[key, value]…]} is an object whose members may occur twice; {"$num": text} is a number.
"""
import copy
import json
import urllib.parse

GROUPS = {'endpointslices': '/apis/discovery.k8s.io/v1'}
FALLBACK = {'ip': '10.96.0.9', 'np': 30009, 'hc': 30014, 'rv': '1', 'oldrv': '1', 'uid': '00000000-0000-0000-0000-000000000000'}


class Scope:
    namespace = 'diff'  # of all steps; another one when the stock server could not empty it


class Memory:
    """What one server has answered."""

    def __init__(self):
        self.objects, self.old_rv = {}, {}

    def learn(self, step, answer):
        obj = answer.json
        if not isinstance(obj, dict) or answer.status >= 300 or step['query'].get('dryRun') or 'dryRun' in str(step.get('body')):
            return
        plural = step['kind']
        if step['verb'] == 'DELETE':
            if 'name' in step and not (obj.get('metadata') or {}).get('finalizers'):
                self.objects.pop((plural, step['name']), None)
            return
        meta = obj.get('metadata')
        if not isinstance(meta, dict) or not meta.get('name'):
            return
        key = plural, meta['name']
        before = self.objects.get(key)
        if before and before['metadata'].get('resourceVersion') != meta.get('resourceVersion'):
            self.old_rv[key] = before['metadata'].get('resourceVersion')
        self.objects[key] = obj

    def resolve(self, text):
        what, *args = text.strip('@').split(':')
        try:
            if what in ('ip', 'np', 'hc'):
                spec = self.objects['services', args[0]]['spec']
                found = {'ip': lambda: spec['clusterIPs'][int(args[1])], 'np': lambda: spec['ports'][int(args[1])]['nodePort'],
                         'hc': lambda: spec['healthCheckNodePort']}[what]()
                return found
            if what == 'oldrv':
                return self.old_rv[args[0], args[1]]
            return self.objects[args[0], args[1]]['metadata'][{'rv': 'resourceVersion', 'uid': 'uid'}[what]]
        except (KeyError, IndexError):
            return FALLBACK[what]


def is_reference(text):
    return len(text) > 4 and text[0] == text[-1] == '@' and text[1:].split(':')[0] in FALLBACK


def edit(root, path, value):
    """Puts a value at a place, or takes it out (no value); a place that cannot be is left alone."""
    node = root
    for key in path[:-1]:
        if isinstance(node, dict):
            if key not in node and value:
                node[key] = {}
            node = node.get(key)
        elif isinstance(node, list) and isinstance(key, int) and key < len(node):
            node = node[key]
        else:
            return
    key = path[-1]
    if isinstance(node, dict):
        if value:
            node[key] = copy.deepcopy(value[0])
        else:
            node.pop(key, None)
    elif isinstance(node, list) and isinstance(key, int):
        if key < len(node):
            if value:
                node[key] = copy.deepcopy(value[0])
            else:
                node.pop(key)
        elif value:
            node.append(copy.deepcopy(value[0]))


def build(body, memory):
    if isinstance(body, dict) and '$base' in body:
        base = memory.objects.get(tuple(body['$base']))
        obj = copy.deepcopy(base if base is not None else body['fallback'])
        for key in ('endpoints', 'ports') if body['$base'][0] == 'endpointslices' else ():
            if isinstance(obj, dict) and obj.get(key) is None:  # the stock server's for []
                obj[key] = []
        for path, *value in body['edits']:
            edit(obj, path, value)
        return obj
    return body


def dump(node, memory):
    if isinstance(node, dict):
        if '$num' in node and isinstance(node['$num'], str):
            return node['$num']
        if '$raw' in node:
            return node['$raw']
        items = node['$dup'] if '$dup' in node else node.items()
        return '{' + ','.join(json.dumps(str(k)) + ':' + dump(x, memory) for k, x in items) + '}'
    if isinstance(node, list):
        return '[' + ','.join(dump(x, memory) for x in node) + ']'
    if isinstance(node, str) and is_reference(node):
        return json.dumps(memory.resolve(node))
    return json.dumps(node)


def path(step):
    parts = [GROUPS.get(step['kind'], '/api/v1'), 'namespaces', Scope.namespace, step['kind']]
    if 'name' in step:
        parts.append(urllib.parse.quote(step['name'], safe='%'))
    if step.get('sub'):
        parts.append(step['sub'])
    query = urllib.parse.urlencode(step['query'])
    return '/'.join(parts) + ('?' + query if query else '')


def request(step, memory):
    """(method, path, body or None, headers)"""
    headers = {}
    body = None
    if 'body' in step:
        body = dump(build(step['body'], memory), memory).encode('utf-8', 'surrogatepass')
        kind = step.get('type', 'application/json')
        if kind:
            headers['Content-Type'] = kind
    return step['verb'], path(step), body, headers
