# SPDX-License-Identifier: Apache-2.0
"""The audit log, field by field, and the id that every request has.

A stock server tells the same with a policy of the one rule "level: Metadata"; $PEER_AUDIT is the path of its log. Its stage RequestReceived is passed over.
"""
import json
import os
import pathlib
import re
import tempfile

from api import MERGE, Peer, Skip, until

OURS_LOG = pathlib.Path(tempfile.mkdtemp(prefix='fairlead-audit-')) / 'audit.log'
OPTIONS = ['--audit-log-path', str(OURS_LOG)]
UUID = re.compile('[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')
TIME = re.compile(r'20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z')


def log_of(api):
    if not isinstance(api.server, Peer):
        return OURS_LOG
    if not os.environ.get('PEER_AUDIT'):
        raise Skip('the stock server at hand has no audit log')
    return pathlib.Path(os.environ['PEER_AUDIT'])


def told(api, answer, n=1):
    """What the log says of an answer."""
    def look():
        lines = log_of(api).read_bytes().split(b'\n')
        found = [json.loads(line.decode()) for line in lines if answer.headers['Audit-Id'].encode() in line]
        found = [e for e in found if e['auditID'] == answer.headers['Audit-Id'] and e['stage'] != 'RequestReceived']
        return found if len(found) >= n else None
    return until('the event', look)


def look(api, method, path, body=None, n=1, **headers):
    """The event of one request, without what it cannot help to have; its user is looked at elsewhere."""
    answer = api.call(method, path, body, User_Agent='test/1', **headers)
    events = told(api, answer, n)
    for event in events:
        assert event.pop('kind') == 'Event' and event.pop('apiVersion') == 'audit.k8s.io/v1' and event.pop('level') == 'Metadata'
        assert UUID.fullmatch(event.pop('auditID')) and event.pop('userAgent') == 'test/1' and event.pop('sourceIPs') == ['127.0.0.1']
        assert TIME.fullmatch(event.pop('requestReceivedTimestamp')) and TIME.fullmatch(event.pop('stageTimestamp'))
        assert event.pop('requestURI') == path
        event.pop('user')
    return events[0] if n == 1 else events


ALLOWED = {'authorization.k8s.io/decision': 'allow', 'authorization.k8s.io/reason': ''}


def test_what_is_told_of_a_request(api):
    log_of(api)
    maps, one = api.path('configmaps'), api.path('configmaps', 'a')
    ref = {'resource': 'configmaps', 'namespace': api.ns, 'apiVersion': 'v1'}
    named, good = dict(ref, name='a'), lambda code: {'metadata': {}, 'code': code}

    def bad(code, reason, message, **details):
        return dict({'metadata': {}, 'status': 'Failure', 'message': message, 'reason': reason}, **({'details': details} if details else {}), code=code)
    missing = bad(404, 'NotFound', 'configmaps "b" not found', name='b', kind='configmaps')
    rows = (('POST', maps, {'metadata': {'name': 'a'}}, 'create', named, good(201)),
            ('POST', maps, {'metadata': {'generateName': 'a'}}, 'create', ref, good(201)),
            ('POST', maps, {'metadata': {'name': 'a'}}, 'create', named, bad(409, 'AlreadyExists', 'configmaps "a" already exists', name='a', kind='configmaps')),
            ('GET', one + '?x=%20y', None, 'get', named, good(200)), ('GET', api.path('configmaps', 'b'), None, 'get', dict(ref, name='b'), missing),
            ('GET', maps + '?limit=3', None, 'list', ref, good(200)), ('GET', '/api/v1/configmaps?limit=1', None, 'list', {'resource': 'configmaps', 'apiVersion': 'v1'}, good(200)),
            ('GET', maps + '?fieldSelector=metadata.name%3Da', None, 'list', named, good(200)),
            ('PUT', one, {'metadata': {'name': 'a'}, 'data': {'a': 'b'}}, 'update', named, good(200)),
            ('PATCH', one, {'data': {'a': 'c'}}, 'patch', named, good(200)),
            ('PATCH', api.path('services', 's', 'status'), {}, 'patch', dict(ref, resource='services', name='s', subresource='status'),
             bad(404, 'NotFound', 'services "s" not found', name='s', kind='services')),
            ('DELETE', maps, None, 'deletecollection', ref, good(200)),
            ('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {'spec': {'user': 'a', 'resourceAttributes': {'verb': 'get', 'resource': 'x'}}}, 'create',
             {'resource': 'subjectaccessreviews', 'apiGroup': 'authorization.k8s.io', 'apiVersion': 'v1'}, good(201)),
            ('GET', '/version', None, 'get', None, good(200)), ('GET', '/healthz', None, 'get', None, good(200)))
    for method, path, body, verb, about, status in rows:
        event = look(api, method, path, body, **({'Content_Type': MERGE} if method == 'PATCH' else {}))
        want = {'stage': 'ResponseComplete', 'verb': verb, 'objectRef': about, 'responseStatus': status, 'annotations': ALLOWED}
        if not about:
            del want['objectRef']
        assert event == want, (method, path, event)
        order = ['stage', 'verb', 'objectRef', 'responseStatus', 'annotations']
        assert list(event) == [k for k in order if k in want], list(event)


def test_what_a_body_says_of_its_object(api):
    log_of(api)
    made = api.post(api.path('configmaps'), {'metadata': {'name': 'a'}}).want(201).json
    event = look(api, 'PUT', api.path('configmaps', 'a'), made)
    meta = made['metadata']
    assert event['objectRef'] == {'resource': 'configmaps', 'namespace': api.ns, 'name': 'a', 'uid': meta['uid'], 'apiVersion': 'v1', 'resourceVersion': meta['resourceVersion']}
    gone = look(api, 'DELETE', api.path('configmaps', 'a'))['responseStatus']
    assert gone == {'metadata': {}, 'status': 'Success', 'details': {'name': 'a', 'kind': 'configmaps', 'uid': meta['uid']}, 'code': 200}
    wrong = look(api, 'POST', api.path('configmaps'), {'metadata': {'name': 'A_'}})['responseStatus']
    assert wrong['code'] == 422 and wrong['details']['causes'][0]['field'] == 'metadata.name' and wrong['details']['name'] == 'A_', wrong


def test_a_watch_is_told_twice(api):
    log_of(api)
    events = look(api, 'GET', api.path('configmaps') + '?watch=1&timeoutSeconds=1', n=2)
    assert [e['stage'] for e in events] == ['ResponseStarted', 'ResponseComplete']
    for event in events:
        assert event['verb'] == 'watch' and event['responseStatus'] == {'metadata': {}, 'code': 200} and event['annotations'] == ALLOWED


def test_who_is_told(api):
    log_of(api)
    path = api.path('configmaps', 'a')
    forbidden = lambda user: {'metadata': {}, 'status': 'Failure', 'message': f'configmaps "a" is forbidden: User "{user}" cannot get resource "configmaps" in API group "" '
                              f'in the namespace "{api.ns}"', 'reason': 'Forbidden', 'details': {'name': 'a', 'kind': 'configmaps'}, 'code': 403}
    event = told(api, api.get(path, Impersonate_User='spy', Impersonate_Group='g', Impersonate_Uid='7', Impersonate_Extra_foo='bar'))[0]
    assert event['impersonatedUser'] == {'username': 'spy', 'uid': '7', 'groups': ['g', 'system:authenticated'], 'extra': {'foo': ['bar']}}
    assert 'system:masters' in event['user']['groups'] and event['responseStatus'] == forbidden('spy')
    assert event['annotations'] == dict(ALLOWED, **{'authorization.k8s.io/decision': 'forbid'})
    event = told(api, api.call('GET', path, with_cert=False))[0]
    assert event['user'] == {'username': 'system:anonymous', 'groups': ['system:unauthenticated']} and event['responseStatus'] == forbidden('system:anonymous')
    event = told(api, api.call('GET', path, with_cert=False, Authorization='Bearer wrong'))[0]
    assert event['user'] == {} and event['stage'] == 'ResponseStarted' and event['verb'] == 'get' and event['objectRef']['name'] == 'a'
    assert event['responseStatus'] == {'metadata': {}, 'status': 'Failure', 'message': 'Unauthorized', 'reason': 'Unauthorized', 'code': 401}
    assert 'annotations' not in event
    rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/' + api.ns
    api.post(rbac + '/roles', {'metadata': {'name': 'r'}, 'rules': [{'verbs': ['get'], 'apiGroups': [''], 'resources': ['configmaps']}]}).want(201)
    api.post(rbac + '/rolebindings', {'metadata': {'name': 'b'}, 'roleRef': {'apiGroup': 'rbac.authorization.k8s.io', 'kind': 'Role', 'name': 'r'},
                                      'subjects': [{'kind': 'User', 'name': 'ann'}]}).want(201)
    answer = until('the right', lambda: (lambda a: a if a.status == 404 else None)(api.get(path, Impersonate_User='ann')))
    assert told(api, answer)[0]['annotations'] == {
        'authorization.k8s.io/decision': 'allow', 'authorization.k8s.io/reason': f'RBAC: allowed by RoleBinding "b/{api.ns}" of Role "r" to User "ann"'}


def test_where_from_and_with_what(api):
    log_of(api)
    ask = lambda **headers: told(api, api.get('/version', **headers))[0]
    for headers, want in (({'X_Forwarded_For': '192.0.2.7, 2001:db8::1', 'X_Real_Ip': '192.0.2.9'}, ['192.0.2.7', '2001:db8::1', '192.0.2.9', '127.0.0.1']),
                          ({'X_Forwarded_For': '192.0.2.7', 'X_Real_Ip': '192.0.2.7'}, ['192.0.2.7', '127.0.0.1']),
                          ({'X_Forwarded_For': 'nonsense, 192.0.2.7,127.0.0.1'}, ['192.0.2.7', '127.0.0.1'])):
        assert ask(**headers)['sourceIPs'] == want, headers
    assert ask(User_Agent='x' * 3000)['userAgent'] == 'x' * 1024 + '...TRUNCATED'


def test_every_request_has_an_id(api):
    ids = [api.get(path).headers['Audit-Id'] for path in ('/version', '/nope', '/healthz', api.path('configmaps'), '/api/v1/nope')]
    ids += [api.call('GET', '/version', with_cert=False, Authorization='Bearer wrong').headers['Audit-Id']]
    assert len(set(ids)) == len(ids) and all(UUID.fullmatch(i) for i in ids), ids
    for own in ('my-own-id', 'a b"c', 'x' * 100):
        assert api.get('/version', Audit_ID=own).headers['Audit-Id'] == own
    watch = api.watch(api.path('configmaps'), timeoutSeconds=1)
    assert UUID.fullmatch(watch.headers['Audit-Id'])
    watch.close()


def test_a_line_is_text_whatever_was_asked(api):
    answer = api.get(api.path('configmaps', 'odd%FF%22%0a')).want(404)
    assert answer.json['details']['name'].startswith('odd\ufffd')
    event = told(api, answer)[0]
    assert event['verb'] == 'get' and event['requestURI'].endswith('odd%FF%22%0a')
