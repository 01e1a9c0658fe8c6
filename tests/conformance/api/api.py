# SPDX-License-Identifier: Apache-2.0
"""A server under test, and the API as a client sees it: standard library only."""
import http.client
import json
import pathlib
import re
import signal
import ssl
import subprocess
import time
import urllib.parse
import urllib.request
import uuid

DEADLINE_S = 20
MERGE = 'application/merge-patch+json'
STRATEGIC = 'application/strategic-merge-patch+json'
JSON_PATCH = 'application/json-patch+json'
APPLY = 'application/apply-patch+yaml'
# How the text of a cause begins, by its reason.
REASONS = {'Required value': 'FieldValueRequired', 'Invalid value': 'FieldValueInvalid', 'Unsupported value': 'FieldValueNotSupported',
           'Forbidden': 'FieldValueForbidden', 'Duplicate value': 'FieldValueDuplicate', 'Too long': 'FieldValueTooLong',
           'Too many': 'FieldValueTooMany', 'Not found': 'FieldValueNotFound', 'Internal error': 'InternalError'}


class Skip(Exception):
    """The test cannot run here; its text says why."""


def proves(*rules):
    """Says which rules (rules/*.txt) a test proves; tools/check_rules.py makes the list of rules and tests from it."""
    def mark(test):
        test.proves = rules
        return test
    return mark


def rules_of(rows):
    """Of a table of cases that begin with their rules, as text: "3.4.1 3.4.2"."""
    return dict.fromkeys(rule for row in rows for rule in row[0].split())


def ours(why):
    """A test that means nothing to a stock server, and why."""
    def mark(test):
        test.ours = why
        return test
    return mark


def compact_etcd(api, at):
    """Lets etcd forget what was before a revision, by its JSON gateway."""
    where = api.server.options[api.server.options.index('--etcd-servers') + 1].split(',')[0]
    request = urllib.request.Request(where + '/v3/kv/compaction', json.dumps({'revision': at}).encode())
    with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:
        assert answer.status == 200


class Answer:
    def __init__(self, status, headers, raw):
        self.status, self.headers, self.raw = status, headers, raw

    @property
    def json(self):
        return json.loads(self.raw)

    def want(self, status):
        """This answer, if it has that status."""
        assert self.status == status, f'status {self.status}, wanted {status}: {self.raw[:800]!r}'
        return self

    def fails(self, status, reason, *texts):
        """The Status object of a failure."""
        obj = self.want(status).json
        assert obj['kind'] == 'Status' and obj['status'] == 'Failure' and obj['code'] == status, obj
        assert obj.get('reason', '') == reason, obj
        for text in texts:
            assert text in obj['message'], f'{text!r} is not in {obj["message"]!r}'
        return obj

    def causes(self):
        """The causes of a 422, each once, as "field: text"; their reasons and the message are looked at here."""
        st = self.fails(422, 'Invalid')
        listed = list(dict.fromkeys(f'{c["field"]}: {c["message"]}' for c in st['details']['causes']))
        for cause in st['details']['causes']:
            assert cause['reason'] == REASONS[cause['message'].split(':')[0]], cause
        what = '.'.join(filter(None, [st['details']['kind'], st['details'].get('group')]))
        told = listed[0] if len(listed) == 1 else '[' + ', '.join(listed) + ']'
        assert st['message'] == f'{what} "{st["details"].get("name", "")}" is invalid: {told}', st
        return listed

    def warnings(self):
        """The texts of the Warning headers."""
        return [re.fullmatch(r'299 - "(.*)"', text)[1].replace('\\"', '"').replace('\\\\', '\\')
                for text in self.headers.get_all('Warning') or []]


class Server:
    headers = {}  # that say who asks

    def __init__(self, binary, store, folder, options=()):
        self.binary, self.store, self.folder, self.options = binary, store, pathlib.Path(folder), list(options)
        self.process = None
        self.data = self.folder / 'data'

    def command(self):
        """Unless the suite says otherwise, namespaces are empty at first, as on a server without controllers of accounts."""
        return [self.binary, 'server', '--data-dir', str(self.data), '--store', self.store, '--bind-address', '127.0.0.1',
                '--advertise-address', '192.0.2.10', '--secure-port', '0', '--write-kubeconfig', str(self.folder / 'kubeconfig'),
                *([] if '--controllers' in self.options else ['--controllers', 'all,-accounts', '--disable-admission-plugins', 'ServiceAccount']), *self.options]

    def start(self):
        with open(self.folder / 'log', 'a') as log:
            at = log.tell()
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log)
        deadline = time.monotonic() + DEADLINE_S
        while True:
            ready = re.search(r'ready port=(\d+)', self.log()[at:])
            if ready:
                break
            assert self.process.poll() is None, 'the server has ended:\n' + self.log()
            assert time.monotonic() < deadline, 'not ready:\n' + self.log()
            time.sleep(0.02)
        self.port = int(ready.group(1))

    def log(self):
        path = self.folder / 'log'
        return path.read_text() if path.exists() else ''

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(DEADLINE_S)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def tls(self, with_cert=True):
        tls = ssl.create_default_context(cafile=str(self.data / 'pki/ca.crt'))
        if with_cert:
            tls.load_cert_chain(self.data / 'pki/admin.crt', self.data / 'pki/admin.key')
        return tls

    def api(self, name):
        api = Api(self)
        api.ns = re.sub('[^a-z0-9]+', '-', name)[:50].strip('-')
        if api.get('/api/v1/namespaces/' + api.ns).status == 404:
            api.post('/api/v1/namespaces', {'metadata': {'name': api.ns}}).want(201)
        return api


class Peer(Server):
    """A stock kube-apiserver that runs already: the same tests are asked of it. Its administrator has a token."""

    def __init__(self, port, token, folder):
        super().__init__(None, None, folder)
        self.port, self.headers, self.used = port, {'Authorization': 'Bearer ' + token}, []

    def start(self):
        """The kubeconfig, in JSON, for clients that want one."""
        cluster = {'server': f'https://127.0.0.1:{self.port}', 'insecure-skip-tls-verify': True}
        (self.folder / 'kubeconfig').write_text(json.dumps({
            'apiVersion': 'v1', 'kind': 'Config', 'current-context': 'peer',
            'clusters': [{'name': 'peer', 'cluster': cluster}],
            'users': [{'name': 'admin', 'user': {'token': self.headers['Authorization'].split()[1]}}],
            'contexts': [{'name': 'peer', 'context': {'cluster': 'peer', 'user': 'admin'}}]}))

    def api(self, name):
        """In a namespace of its own also when the same test ran there before."""
        api = super().api(f'{name[:40]}-{uuid.uuid4().hex[:6]}')
        self.used.append(api.ns)
        return api

    def stop(self, how=None):
        """The Services go, which hold addresses and node ports."""
        api = Api(self)
        for where in (f'/api/v1/namespaces/{ns}/services' for ns in self.used):
            for obj in api.get(where).json['items']:
                if obj['metadata'].get('finalizers'):
                    api.patch(where + '/' + obj['metadata']['name'], {'metadata': {'finalizers': None}})
                api.delete(where + '/' + obj['metadata']['name'])
        return 0

    def tls(self, with_cert=True):
        return ssl._create_unverified_context()


class Api:
    def __init__(self, server):
        self.server, self.conn = server, None
        self.ns = 'default'

    def connect(self, with_cert=True):
        return http.client.HTTPSConnection('127.0.0.1', self.server.port, timeout=DEADLINE_S,
                                           context=self.server.tls(with_cert))

    def call(self, method, path, body=None, with_cert=True, **headers):
        headers = {k.replace('_', '-'): v for k, v in headers.items()}
        if with_cert:
            headers = dict(self.server.headers, **headers)
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            headers.setdefault('Content-Type', 'application/json')
        for attempt in (0, 1):
            conn = self.conn if with_cert else None
            if conn is None:
                conn = self.connect(with_cert)
            if with_cert:
                self.conn = conn
            try:
                conn.request(method, path, body, headers)
                r = conn.getresponse()
                return Answer(r.status, r.headers, r.read())
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                self.conn = None
                if attempt or not with_cert:
                    raise

    def get(self, path, **headers):
        return self.call('GET', path, **headers)

    def post(self, path, body, **headers):
        return self.call('POST', path, body, **headers)

    def put(self, path, body, **headers):
        return self.call('PUT', path, body, **headers)

    def delete(self, path, body=None, **headers):
        return self.call('DELETE', path, body, **headers)

    def patch(self, path, body, kind=MERGE):
        return self.call('PATCH', path, body, Content_Type=kind)

    def path(self, plural, name='', sub=''):
        groups = {'endpointslices': 'apis/discovery.k8s.io/v1', 'leases': 'apis/coordination.k8s.io/v1'}
        return '/' + '/'.join(x for x in [groups.get(plural, 'api/v1'), 'namespaces', self.ns, plural, name, sub] if x)

    def watch(self, path, **query):
        return Watch(self, path, dict(query, watch='true'))


class Watch:
    """An open watch: next() gives (type, object)."""

    def __init__(self, api, path, query, **headers):
        self.conn = api.connect()
        self.conn.request('GET', path + '?' + urllib.parse.urlencode(query), None, dict(api.server.headers, **headers))
        self.answer = self.conn.getresponse()
        self.status, self.headers = self.answer.status, self.answer.headers

    def next(self):
        line = self.answer.readline()
        if not line:
            return None
        event = json.loads(line)
        return event['type'], event['object']

    def want(self, kind, name=None):
        event = self.next()
        assert event, f'the watch has ended; wanted {kind}'
        assert event[0] == kind, f'wanted {kind}: {event}'
        if name:
            assert event[1]['metadata']['name'] == name, event
        return event[1]

    def close(self):
        self.conn.close()


def service(name, ports=((80,),), **spec):
    """A Service; ports: (port, name) each."""
    listed = [dict({'port': p[0]}, **({'name': p[1]} if len(p) > 1 else {})) for p in ports]
    return {'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': name}, 'spec': dict({'ports': listed}, **spec)}


def config_map(name, labels=None, **data):
    return {'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': name, 'labels': labels or {}}, 'data': data}


def merged(value, patch):
    """A value with a merge patch (RFC 7396) applied: the base of a table of changes stays as it is."""
    if not isinstance(patch, dict) or not isinstance(value, dict):
        return patch
    made = {k: v for k, v in value.items() if k not in patch}
    made.update((k, merged(value.get(k, {}), v)) for k, v in patch.items() if v is not None)
    return made


def all_of(checks):
    """Runs (name, function) pairs and fails with what all of them said."""
    said = []
    for name, fn in checks:
        try:
            fn()
        except AssertionError as why:
            said.append(f'{name}: {why}')
    assert not said, f'{len(said)} differ:\n' + '\n'.join(said)


def drop_services(api):
    """For suites that name addresses and node ports: every Service goes but default/kubernetes."""
    for svc in api.get('/api/v1/services').json['items']:
        meta = svc['metadata']
        where = f'/api/v1/namespaces/{meta["namespace"]}/services/{meta["name"]}'
        if meta['name'] != 'kubernetes':
            if 'finalizers' in meta:
                api.patch(where, {'metadata': {'finalizers': None}})
            api.delete(where)


def until(what, fn):
    """The first true value of fn(), which is asked again and again."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        value = fn()
        if value:
            return value
        assert time.monotonic() < deadline, 'waited in vain for ' + what
        time.sleep(0.02)


def rev(obj):
    return int(obj['metadata']['resourceVersion'])
