# SPDX-License-Identifier: Apache-2.0
"""Who may come in, and who may do what: tokens, impersonation, roles, reviews of access."""
import base64
import http.client
import json
import pathlib
import socket
import ssl
import subprocess
import tempfile

from api import APPLY, MERGE, ours, until

ADMIN_TOKEN = 'admin-token'
STATIC = pathlib.Path(tempfile.mkdtemp(prefix='fairlead-access-')) / 'tokens.csv'
STATIC.write_text(f'{ADMIN_TOKEN},admin,admin,system:masters\njane-token,jane,77,"g1,g2"\n')
OPTIONS = ['--token-auth-file', str(STATIC), '--service-account-issuer', 'https://kubernetes.default.svc', '--controllers', 'all']
RBAC = '/apis/rbac.authorization.k8s.io/v1'
AUTHZ = '/apis/authorization.k8s.io/v1'
AUTHN = '/apis/authentication.k8s.io/v1'
ROLE = {'apiGroup': 'rbac.authorization.k8s.io', 'kind': 'Role'}


def bearer(token):
    return {'with_cert': False, 'Authorization': 'Bearer ' + token}


def as_user(api, user, *groups):
    """Impersonation by the administrator: headers that may be given once each."""
    headers = {'Impersonate_User': user}
    if groups:
        headers['Impersonate_Group'] = groups[0]
    return headers


def rule(verbs, resources, groups='', **more):
    return dict({'verbs': verbs.split(), 'apiGroups': [groups], 'resources': resources.split()}, **more)


def give(api, user, *rules, kind='User', name='given'):
    """Rules in the namespace of the test."""
    where = f'{RBAC}/namespaces/{api.ns}'
    api.post(where + '/roles', {'metadata': {'name': name}, 'rules': list(rules)}).want(201)
    subject = {'kind': kind, 'name': user}
    if kind == 'ServiceAccount':
        subject['namespace'] = api.ns
    api.post(where + '/rolebindings', {'metadata': {'name': name}, 'roleRef': dict(ROLE, name=name), 'subjects': [subject]}).want(201)


def seen(api, path, status, **headers):
    """Roles reach the evaluator of a stock server a moment after they are stored."""
    return until(f'{status} from {path}', lambda: (lambda a: a if a.status == status else None)(api.get(path, **headers)))


def claims(token):
    part = token.split('.')[1]
    return json.loads(base64.urlsafe_b64decode(part + '=' * (-len(part) % 4)))


def account(api, name='bob'):
    return api.post(api.path('serviceaccounts'), {'metadata': {'name': name}}).want(201).json


def token_for(api, name='bob', **spec):
    return api.post(api.path('serviceaccounts', name, 'token'), {'spec': spec}).want(201).json


def test_strangers_are_anonymous(api):
    for path, what in (('/api/v1/pods', 'list resource "pods" in API group "" at the cluster scope'),
                       (f'/api/v1/namespaces/{api.ns}/pods/x', f'get resource "pods" in API group "" in the namespace "{api.ns}"'),
                       ('/apis/discovery.k8s.io/v1/nonsense', 'list resource "nonsense" in API group "discovery.k8s.io" at the cluster scope')):
        api.call('GET', path, with_cert=False).fails(403, 'Forbidden', 'User "system:anonymous" cannot ' + what)
    api.call('GET', '/metrics', with_cert=False).fails(403, 'Forbidden', 'forbidden: User "system:anonymous" cannot get path "/metrics"')
    for path in ('/healthz', '/livez', '/readyz', '/version'):
        api.call('GET', path, with_cert=False).want(200)
    api.call('GET', '/livez/ping', with_cert=False).want(403)


def test_a_wrong_token_is_refused_everywhere(api):
    for path in ('/api', '/version', '/api/v1/pods'):
        for token in ('nonsense', 'a.b.c', 'e30.e30.'):
            answer = api.get(path, **bearer(token)).fails(401, 'Unauthorized')
            assert answer['message'] == 'Unauthorized'


def test_static_tokens(api):
    me = api.post(AUTHN + '/selfsubjectreviews', {}, **bearer(ADMIN_TOKEN)).want(201).json['status']['userInfo']
    assert me == {'username': 'admin', 'uid': 'admin', 'groups': ['system:masters', 'system:authenticated']}


@ours('the token file is of this server')
def test_the_token_file_is_read_again(api):
    assert api.post(AUTHN + '/selfsubjectreviews', {}, **bearer('jane-token')).want(201).json['status']['userInfo']['groups'] == [
        'g1', 'g2', 'system:authenticated']
    STATIC.write_text(STATIC.read_text() + 'new-token,new,78\n')
    until('the new token', lambda: api.get('/api', **bearer('new-token')).status == 200)


@ours('the certificate is of this server')
def test_the_certificate_is_read_again(api):
    """New connections get the new one; the old ones go on. Half a pair is not taken."""
    pki = api.server.data / 'pki'

    def shown():
        with socket.create_connection(('127.0.0.1', api.server.port)) as s, api.server.tls().wrap_socket(s, server_hostname='127.0.0.1') as t:
            return t.getpeercert(binary_form=True)
    old, crt, key = shown(), pki / 'apiserver.crt', pki / 'apiserver.key'
    other = pathlib.Path(tempfile.mkdtemp())
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=new', '-days', '1',
                    '-CA', pki / 'ca.crt', '-CAkey', pki / 'ca.key', '-addext', 'subjectAltName=IP:127.0.0.1', '-addext', 'basicConstraints=critical,CA:FALSE',
                    '-keyout', other / 'key', '-out', other / 'crt'], check=True, capture_output=True)
    key.write_bytes((other / 'key').read_bytes())
    crt.write_bytes((other / 'crt').read_bytes())
    until('the new certificate', lambda: shown() != old)
    api.get('/api').want(200)
    crt.write_text('nonsense')
    until('the complaint', lambda: 'keeping the previous certificate' in api.server.log())
    assert shown() != old


def test_tokens_of_service_accounts(api):
    made = account(api)
    got = token_for(api)
    c = claims(got['status']['token'])
    assert c['sub'] == f'system:serviceaccount:{api.ns}:bob' and c['exp'] - c['iat'] == 3600
    assert c['kubernetes.io']['serviceaccount'] == {'name': 'bob', 'uid': made['metadata']['uid']}
    assert got['spec']['audiences'] == c['aud'] and got['metadata']['name'] == 'bob'
    me = api.post(AUTHN + '/selfsubjectreviews', {}, **bearer(got['status']['token'])).want(201).json['status']['userInfo']
    assert me['username'] == c['sub'] and me['uid'] == made['metadata']['uid']
    assert me['groups'] == ['system:serviceaccounts', 'system:serviceaccounts:' + api.ns, 'system:authenticated']
    assert me['extra'] == {'authentication.kubernetes.io/credential-id': ['JTI=' + c['jti']]}


def test_a_token_ends_with_its_account(api):
    account(api)
    token = token_for(api)['status']['token']
    api.get('/api', **bearer(token)).want(200)
    api.delete(api.path('serviceaccounts', 'bob')).want(200)
    until('the token to be refused', lambda: api.get('/api', **bearer(token)).status == 401)
    account(api)
    assert api.get('/api', **bearer(token)).status == 401, 'another account of that name'


def test_a_token_ends_with_what_it_is_bound_to(api):
    account(api)
    api.post(api.path('secrets'), {'metadata': {'name': 's'}}).want(201)
    ref = {'kind': 'Secret', 'apiVersion': 'v1', 'name': 's'}
    token = token_for(api, boundObjectRef=ref)['status']['token']
    assert claims(token)['kubernetes.io']['secret']['name'] == 's'
    api.get('/api', **bearer(token)).want(200)
    api.delete(api.path('secrets', 's')).want(200)
    until('the token to be refused', lambda: api.get('/api', **bearer(token)).status == 401)


def test_a_token_is_for_its_audience(api):
    account(api)
    token = token_for(api, audiences=['elsewhere'])['status']['token']
    api.get('/api', **bearer(token)).want(401)
    review = api.post(AUTHN + '/tokenreviews', {'spec': {'token': token, 'audiences': ['elsewhere', 'x']}}).want(201).json['status']
    assert review['authenticated'] and review['audiences'] == ['elsewhere']
    review = api.post(AUTHN + '/tokenreviews', {'spec': {'token': token}}).want(201).json['status']
    assert not review.get('authenticated') and review['error']


def test_a_token_that_was_changed_is_refused(api):
    account(api)
    head, body, sig = token_for(api)['status']['token'].split('.')
    forged = dict(claims(f'.{body}.'), sub=f'system:serviceaccount:{api.ns}:other')
    text = base64.urlsafe_b64encode(json.dumps(forged).encode()).decode().rstrip('=')
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip('=')
    for token in (f'{head}.{text}.{sig}', f'{none}.{body}.', f'{none}.{body}.{sig}', f'{head}.{body}.', f'{head}.{body}.{sig[:-4]}AAAA'):
        api.get('/api', **bearer(token)).want(401)


def test_what_a_token_request_may_not_say(api):
    account(api)
    where = api.path('serviceaccounts', 'bob', 'token')
    api.post(where, {'spec': {'expirationSeconds': 10}}).fails(422, 'Invalid', 'may not specify a duration less than 10 minutes')
    api.post(where, {'spec': {'expirationSeconds': 2 ** 32 + 1}}).fails(422, 'Invalid', 'may not specify a duration larger than 2^32 seconds')
    api.post(where, {'metadata': {'name': 'x'}, 'spec': {}}).fails(422, 'Invalid', 'must match the service account name if specified')
    api.post(where, {'spec': {'boundObjectRef': {'kind': 'Pod', 'apiVersion': 'v1', 'name': 'no'}}}).fails(404, 'NotFound', 'pods "no" not found')
    api.post(where, {'spec': {'boundObjectRef': {'kind': 'Foo', 'apiVersion': 'v1', 'name': 'no'}}}).fails(
        400, 'BadRequest', 'cannot bind token to object of type /v1, Kind=Foo')
    api.post(api.path('serviceaccounts', 'nobody', 'token'), {'spec': {}}).fails(404, 'NotFound', 'serviceaccounts "nobody" not found')


def test_what_has_another_type_in_a_token_request(api):
    account(api)
    where = api.path('serviceaccounts', 'bob', 'token')
    for body in ({'spec': 'A' * 64}, {'spec': 5}, {'spec': []}, {'spec': {'audiences': 'x'}}, {'spec': {'boundObjectRef': 'x'}}, {'spec': {'audiences': [5]}},
                 {'spec': {}, 'metadata': 'x'}, {'spec': {'expirationSeconds': 'x'}}):
        api.post(where, body).fails(400, 'BadRequest', 'json: cannot unmarshal')
    token_for(api)


def test_what_has_another_type_in_a_binding(api):
    api.post(api.path('pods'), {'metadata': {'name': 'p'}, 'spec': {'containers': [{'name': 'c', 'image': 'i'}], 'schedulerName': 'none'}}).want(201)
    for body in ({'target': 'x'}, {'target': {'name': 5}}, {'target': {'name': 'n'}, 'metadata': []}):
        api.post(api.path('pods', 'p', 'binding'), body).fails(400, 'BadRequest', 'json: cannot unmarshal')
    assert not api.get(api.path('pods', 'p')).want(200).json['spec'].get('nodeName')


def test_keys_of_tokens_are_told(api):
    config = api.get('/.well-known/openid-configuration').want(200).json
    assert config['issuer'] == 'https://kubernetes.default.svc' and config['jwks_uri'].endswith('/openid/v1/jwks')
    keys = api.get('/openid/v1/jwks').want(200).json['keys']
    account(api)
    head = token_for(api)['status']['token'].split('.')[0]
    kid = json.loads(base64.urlsafe_b64decode(head + '=' * (-len(head) % 4)))['kid']
    assert kid in [k['kid'] for k in keys]


def test_roles_give_rights_and_no_more(api):
    give(api, 'jane', rule('get list', 'services'), rule('get', 'configmaps', resourceNames=['mine']))
    me = as_user(api, 'jane')
    seen(api, api.path('services'), 200, **me)
    api.get(api.path('configmaps', 'mine'), **me).want(404)
    said = api.get(api.path('configmaps', 'other'), **me).fails(403, 'Forbidden')
    assert said['message'] == (f'configmaps "other" is forbidden: User "jane" cannot get resource "configmaps" in API group "" '
                               f'in the namespace "{api.ns}"')
    assert said['details'] == {'name': 'other', 'kind': 'configmaps'}
    api.get(api.path('configmaps'), **me).fails(403, 'Forbidden', 'cannot list resource "configmaps"')
    api.get('/api/v1/services', **me).fails(403, 'Forbidden', 'at the cluster scope')
    api.get('/api/v1/namespaces/default/services', **me).fails(403, 'Forbidden')
    api.post(api.path('services'), {}, **me).fails(403, 'Forbidden', 'cannot create resource "services"')
    api.get(api.path('services') + '?watch=1', **me).fails(403, 'Forbidden', 'cannot watch resource "services"')
    api.get(api.path('services', 'x', 'status'), **me).fails(403, 'Forbidden', 'cannot get resource "services/status"')


def test_a_list_of_one_name_is_about_that_name(api):
    give(api, 'jane', rule('list', 'configmaps', resourceNames=['mine']))
    me = as_user(api, 'jane')
    seen(api, api.path('configmaps') + '?fieldSelector=metadata.name%3Dmine', 200, **me)
    api.get(api.path('configmaps') + '?fieldSelector=metadata.name%3Dother', **me).want(403)


def test_groups_and_accounts_are_subjects(api):
    account(api)
    give(api, 'bob', rule('list', 'pods'), kind='ServiceAccount', name='a')
    give(api, 'team', rule('list', 'secrets'), kind='Group', name='b')
    token = token_for(api)['status']['token']
    seen(api, api.path('pods'), 200, **bearer(token))
    api.get(api.path('secrets'), **bearer(token)).want(403)
    seen(api, api.path('secrets'), 200, **as_user(api, 'x', 'team'))


def test_a_right_ends_with_its_binding(api):
    give(api, 'jane', rule('list', 'services'))
    me = as_user(api, 'jane')
    seen(api, api.path('services'), 200, **me)
    api.delete(f'{RBAC}/namespaces/{api.ns}/rolebindings/given').want(200)
    seen(api, api.path('services'), 403, **me)


def test_roles_of_the_cluster_in_a_namespace(api):
    body = {'metadata': {'name': 'v'}, 'roleRef': dict(ROLE, kind='ClusterRole', name='system:aggregate-to-view'), 'subjects': [{'kind': 'User', 'name': 'jane'}]}
    api.post(f'{RBAC}/namespaces/{api.ns}/rolebindings', body).want(201)
    me = as_user(api, 'jane')
    seen(api, api.path('services'), 200, **me)
    for plural in ('pods', 'endpoints', 'configmaps', 'endpointslices', 'events', 'serviceaccounts'):
        api.get(api.path(plural), **me).want(200)
    api.get(api.path('secrets'), **me).want(403)
    api.delete(api.path('services', 'x'), **me).want(403)
    api.get('/api/v1/namespaces/' + api.ns, **me).want(200)


def test_a_binding_without_its_role_tells_so(api):
    body = {'metadata': {'name': 'v'}, 'roleRef': dict(ROLE, name='gone'), 'subjects': [{'kind': 'User', 'name': 'jane'}]}
    api.post(f'{RBAC}/namespaces/{api.ns}/rolebindings', body).want(201)
    until('the role to be missed', lambda: 'RBAC: role.rbac.authorization.k8s.io "gone" not found' in
          api.get(api.path('services'), **as_user(api, 'jane')).fails(403, 'Forbidden')['message'])


def test_nobody_gives_what_they_do_not_have(api):
    give(api, 'jane', rule('create update', 'roles rolebindings', 'rbac.authorization.k8s.io'), rule('get', 'pods'))
    me, where = as_user(api, 'jane'), f'{RBAC}/namespaces/{api.ns}'

    def more():
        return api.post(where + '/roles', {'metadata': {'name': 'more'}, 'rules': [rule('get list', 'pods secrets')]}, **me)
    until('the right to make roles', lambda: 'RBAC' in more().json['message'])
    said = more().fails(403, 'Forbidden')['message']
    assert said == (
        'roles.rbac.authorization.k8s.io "more" is forbidden: user "jane" (groups=["system:authenticated"]) is attempting to grant '
        'RBAC permissions not currently held:\n'
        '{APIGroups:[""], Resources:["pods"], Verbs:["list"]}\n{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}'), said
    api.post(where + '/roles', {'metadata': {'name': 'less'}, 'rules': [rule('get', 'pods')]}, **me).want(201)
    bind = {'metadata': {'name': 'b'}, 'roleRef': dict(ROLE, name='less'), 'subjects': [{'kind': 'User', 'name': 'joe'}]}
    until('the role to be seen', lambda: api.post(where + '/rolebindings', bind, **me).status in (201, 409))
    admin = dict(bind, metadata={'name': 'c'}, roleRef=dict(ROLE, kind='ClusterRole', name='cluster-admin'))
    api.post(where + '/rolebindings', admin, **me).fails(403, 'Forbidden', 'is attempting to grant RBAC permissions not currently held')


def test_impersonation_is_a_right(api):
    give(api, 'jane', rule('list', 'services'))
    account(api)
    token = token_for(api)['status']['token']
    api.get(api.path('services'), **dict(bearer(token), Impersonate_User='jane')).want(403)
    api.get(api.path('services'), Impersonate_Group='g').fails(400, 'BadRequest')
    me = api.post(AUTHN + '/selfsubjectreviews', {}, Impersonate_User='jane', Impersonate_Group='g1', Impersonate_Uid='7',
                  Impersonate_Extra_Scopes='v').want(201).json['status']['userInfo']
    assert me == {'username': 'jane', 'uid': '7', 'groups': ['g1', 'system:authenticated'], 'extra': {'scopes': ['v']}}


def test_reviews_of_access(api):
    give(api, 'jane', rule('get', 'services'))
    seen(api, api.path('services', 'x'), 404, **as_user(api, 'jane'))
    asked = {'namespace': api.ns, 'verb': 'get', 'resource': 'services'}

    def review(where, **spec):
        return api.post(f'{AUTHZ}/{where}', {'spec': spec}, **({} if 'user' in spec or 'groups' in spec else as_user(api, 'jane'))).want(201).json['status']
    said = review('selfsubjectaccessreviews', resourceAttributes=asked)
    assert said == {'allowed': True, 'reason': f'RBAC: allowed by RoleBinding "given/{api.ns}" of Role "given" to User "jane"'}, said
    assert review('selfsubjectaccessreviews', resourceAttributes=dict(asked, verb='delete')) == {'allowed': False}
    assert review('subjectaccessreviews', user='jane', resourceAttributes=asked)['allowed']
    assert not review('subjectaccessreviews', user='joe', resourceAttributes=asked)['allowed']
    assert review('subjectaccessreviews', user='joe', groups=['system:masters'], resourceAttributes=asked)['allowed']
    assert review(f'namespaces/{api.ns}/localsubjectaccessreviews', user='jane', resourceAttributes=asked)['allowed']
    assert review('subjectaccessreviews', user='joe', groups=['system:authenticated'], nonResourceAttributes={'path': '/api', 'verb': 'get'})['allowed']
    rules = api.post(AUTHZ + '/selfsubjectrulesreviews', {'spec': {'namespace': api.ns}}, **as_user(api, 'jane')).want(201).json['status']
    assert {'verbs': ['get'], 'apiGroups': [''], 'resources': ['services']} in rules['resourceRules'] and not rules['incomplete']
    where = AUTHZ + '/subjectaccessreviews'
    api.post(where, {'spec': {'resourceAttributes': asked}}).fails(422, 'Invalid', 'at least one of user or group must be specified')
    api.post(where, {'spec': {'user': 'a'}}).fails(422, 'Invalid', 'exactly one of nonResourceAttributes or resourceAttributes must be specified')


def test_rules_of_roles_and_bindings(api):
    where = f'{RBAC}/namespaces/{api.ns}'
    assert api.post(where + '/roles', {'metadata': {'name': 'a/b'}, 'rules': [{}]}).causes() == [
        "metadata.name: Invalid value: \"a/b\": may not contain '/'",
        'rules[0].verbs: Required value: verbs must contain at least one value',
        'rules[0].apiGroups: Required value: resource rules must supply at least one api group',
        'rules[0].resources: Required value: resource rules must supply at least one resource']
    assert api.post(where + '/roles', {'metadata': {'name': 'a'}, 'rules': [{'verbs': ['get'], 'nonResourceURLs': ['/x']}]}).causes() == [
        'rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs']
    bad = {'metadata': {'name': 'a'}, 'roleRef': {'kind': 'Rolex', 'name': '', 'apiGroup': 'foo'},
           'subjects': [{'kind': 'User', 'name': ''}, {'kind': 'Group', 'name': 'g', 'apiGroup': 'x'}, {'kind': 'Foo', 'name': 'x'}]}
    assert api.post(where + '/rolebindings', bad).causes() == [
        'roleRef.apiGroup: Unsupported value: "foo": supported values: "rbac.authorization.k8s.io"',
        'roleRef.kind: Unsupported value: "Rolex": supported values: "Role", "ClusterRole"',
        'roleRef.name: Required value',
        'subjects[0].name: Required value',
        'subjects[1].apiGroup: Unsupported value: "x": supported values: "rbac.authorization.k8s.io"',
        'subjects[2].kind: Unsupported value: "Foo": supported values: "ServiceAccount", "User", "Group"']
    made = {'metadata': {'name': 'a'}, 'roleRef': {'kind': 'Role', 'name': 'x'}, 'subjects': [{'kind': 'User', 'name': 'u'}]}
    got = api.post(where + '/rolebindings', made).want(201).json
    assert got['roleRef']['apiGroup'] == got['subjects'][0]['apiGroup'] == 'rbac.authorization.k8s.io'
    assert api.put(where + '/rolebindings/a', dict(made, roleRef={'kind': 'Role', 'name': 'y'})).causes() == [
        'roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"Role","Name":"y"}: cannot change roleRef']


def test_built_in_roles(api):
    names = {r['metadata']['name'] for r in api.get(RBAC + '/clusterroles').want(200).json['items']}
    assert {'cluster-admin', 'admin', 'edit', 'view', 'system:discovery', 'system:basic-user', 'system:public-info-viewer', 'system:node',
            'system:node-proxier', 'system:kube-dns', 'system:auth-delegator', 'system:monitoring'} <= names
    for user, verb, plural, group, may in (
            ('system:kube-proxy', 'watch', 'services', '', True), ('system:kube-proxy', 'watch', 'endpointslices', 'discovery.k8s.io', True),
            ('system:kube-proxy', 'get', 'nodes', '', True), ('system:kube-proxy', 'list', 'secrets', '', False),
            ('system:kube-proxy', 'update', 'services', '', False), ('nobody', 'list', 'services', '', False)):
        asked = {'verb': verb, 'resource': plural, 'group': group}
        status = api.post(AUTHZ + '/subjectaccessreviews', {'spec': {'user': user, 'resourceAttributes': asked}}).want(201).json['status']
        assert status['allowed'] == may, (user, verb, plural)


@ours('the roles are of the parts of Fairlead')
def test_least_privilege_of_each_part(api):
    def may(user, group, verb, plural, api_group='', sub=''):
        asked = {'verb': verb, 'resource': plural, 'group': api_group, 'subresource': sub}
        spec = {'user': user, 'groups': [group, 'system:authenticated'], 'resourceAttributes': asked}
        return api.post(AUTHZ + '/subjectaccessreviews', {'spec': spec}).want(201).json['status']['allowed']
    node, dns, lb = ('system:node:n1', 'system:nodes'), ('system:cluster-dns', 'system:cluster-dns'), ('system:load-balancer', 'system:load-balancers')
    assert may(*node, 'watch', 'nodes') and may(*node, 'patch', 'pods', sub='status') and not may(*node, 'watch', 'pods')
    assert not may(*node, 'create', 'serviceaccounts', sub='token') and not may(*node, 'update', 'services') and not may(*node, 'create', 'clusterroles', 'rbac.authorization.k8s.io')
    assert may(*dns, 'watch', 'endpointslices', 'discovery.k8s.io') and may(*dns, 'list', 'services')
    assert not may(*dns, 'get', 'secrets') and not may(*dns, 'create', 'events')
    assert may(*lb, 'patch', 'services', sub='status') and not may(*lb, 'delete', 'services') and not may(*lb, 'create', 'pods')


@ours('without its controllers a stock server has these roles without rules')
def test_roles_for_people(api):
    for role, verb, plural, may in (('view', 'list', 'services', True), ('view', 'create', 'services', False), ('view', 'get', 'secrets', False),
                                    ('edit', 'create', 'services', True), ('edit', 'get', 'secrets', True), ('edit', 'create', 'roles', False),
                                    ('admin', 'create', 'roles', True), ('admin', 'list', 'endpointslices', True)):
        user, groups = role + '-user', {'roles': 'rbac.authorization.k8s.io', 'endpointslices': 'discovery.k8s.io'}
        body = {'metadata': {'name': role}, 'roleRef': dict(ROLE, kind='ClusterRole', name=role), 'subjects': [{'kind': 'User', 'name': user}]}
        assert api.post(f'{RBAC}/namespaces/{api.ns}/rolebindings', body).status in (201, 409)
        asked = {'namespace': api.ns, 'verb': verb, 'resource': plural, 'group': groups.get(plural, '')}
        status = api.post(AUTHZ + '/subjectaccessreviews', {'spec': {'user': user, 'resourceAttributes': asked}}).want(201).json['status']
        assert status['allowed'] == may, (role, verb, plural)


@ours('a stock server has its controllers elsewhere')
def test_roles_are_made_of_others(api):
    """As `kubectl create clusterrole --aggregation-rule` makes one; the built-in edit has what others add to it."""
    roles = RBAC + '/clusterroles'
    label = api.ns + '/to'
    one, two = rule('get', 'services'), rule('list', 'pods')
    picks = {'clusterRoleSelectors': [{'matchLabels': {label: 'x'}}]}
    part = lambda name, *rules, **labels: {'metadata': {'name': f'{api.ns}-{name}', 'labels': labels}, 'rules': list(rules)}
    api.post(roles, dict(part('whole'), aggregationRule=picks)).want(201)
    whole = lambda: api.get(f'{roles}/{api.ns}-whole').want(200).json.get('rules') or []
    api.post(roles, part('b', one, two, **{label: 'x'})).want(201)
    until('its rules', lambda: whole() == [one, two])
    api.post(roles, part('a', two, **{label: 'x'})).want(201)
    until('the rules in order of names', lambda: whole() == [two, one])
    api.delete(f'{roles}/{api.ns}-b').want(200)
    until('the rules of what is left', lambda: whole() == [two])
    api.patch(f'{roles}/{api.ns}-whole', {'rules': [one]})
    until('the rules to be put right', lambda: whole() == [two])
    api.post(roles, part('c', rule('frob', 'things', 'a.example'), **{'rbac.authorization.k8s.io/aggregate-to-view': 'true'})).want(201)
    for role in ('view', 'edit', 'admin'):
        until(f'the rule in {role}', lambda role=role: rule('frob', 'things', 'a.example') in api.get(f'{roles}/{role}').json['rules'])
    api.delete(f'{roles}/{api.ns}-c').want(200)
    until('the rule to go', lambda: rule('frob', 'things', 'a.example') not in api.get(f'{roles}/admin').json['rules'])


@ours('a stock server has other checks besides')
def test_named_checks_of_health(api):
    said = api.get('/readyz?verbose').want(200).raw.decode().splitlines()
    assert said[0] == '[+]ping ok' and '[+]etcd ok' in said and said[-1] == 'readyz check passed'
    assert '[+]etcd excluded: ok' in api.get('/livez?verbose&exclude=etcd').want(200).raw.decode()
    assert 'no matches for "nope"' in api.get('/livez?verbose&exclude=nope').want(200).raw.decode()
    assert api.get('/livez/ping').want(200).raw == b'ok'
    assert api.get('/livez/nope').status == 404


@ours('a stock server has its controllers elsewhere')
def test_every_namespace_has_an_account_and_the_ca(api):
    until('the account', lambda: api.get(api.path('serviceaccounts', 'default')).status == 200)
    got = until('the CA', lambda: (lambda a: a.json if a.status == 200 else None)(api.get(api.path('configmaps', 'kube-root-ca.crt'))))
    assert got['data']['ca.crt'] == (api.server.data / 'pki/ca.crt').read_text()
    api.delete(api.path('serviceaccounts', 'default')).want(200)
    until('the account to be back', lambda: api.get(api.path('serviceaccounts', 'default')).status == 200)
    api.patch(api.path('configmaps', 'kube-root-ca.crt'), {'data': {'ca.crt': 'x'}}).want(200)
    until('the CA to be back', lambda: api.get(api.path('configmaps', 'kube-root-ca.crt')).json['data']['ca.crt'] != 'x')


@ours('the stock server at hand runs without the plug-in ServiceAccount')
def test_pods_get_their_account(api):
    pod = {'metadata': {'name': 'p'}, 'spec': {'containers': [{'name': 'c', 'image': 'i'}]}}
    until('the account', lambda: api.get(api.path('serviceaccounts', 'default')).status == 200)
    spec = api.post(api.path('pods'), pod).want(201).json['spec']
    assert spec['serviceAccountName'] == spec['serviceAccount'] == 'default'
    volume, mount = spec['volumes'][0], spec['containers'][0]['volumeMounts'][0]
    assert volume['name'].startswith('kube-api-access-') and mount == {
        'name': volume['name'], 'readOnly': True, 'mountPath': '/var/run/secrets/kubernetes.io/serviceaccount'}
    assert volume['projected'] == {'defaultMode': 420, 'sources': [
        {'serviceAccountToken': {'expirationSeconds': 3607, 'path': 'token'}},
        {'configMap': {'name': 'kube-root-ca.crt', 'items': [{'key': 'ca.crt', 'path': 'ca.crt'}]}},
        {'downwardAPI': {'items': [{'path': 'namespace', 'fieldRef': {'apiVersion': 'v1', 'fieldPath': 'metadata.namespace'}}]}}]}
    pod['metadata']['name'], pod['spec']['automountServiceAccountToken'] = 'q', False
    assert 'volumes' not in api.post(api.path('pods'), pod).want(201).json['spec']
    pod['metadata']['name'], pod['spec']['serviceAccountName'] = 'r', 'nobody'
    api.post(api.path('pods'), pod).fails(403, 'Forbidden', f'pods "r" is forbidden: error looking up service account {api.ns}/nobody: '
                                          'serviceaccount "nobody" not found')


def everywhere(api, user, *rules):
    """The same in all namespaces, and of paths; the role is named after the test."""
    api.post(RBAC + '/clusterroles', {'metadata': {'name': api.ns}, 'rules': list(rules)}).want(201)
    api.post(RBAC + '/clusterrolebindings', {'metadata': {'name': api.ns}, 'roleRef': dict(ROLE, kind='ClusterRole', name=api.ns),
                                             'subjects': [{'kind': 'User', 'name': user}]}).want(201)


def test_an_escaped_path_is_what_it_says(api):
    """Whoever may read every path that is no object's may not read objects by writing their path another way."""
    ann = as_user(api, 'ann')
    everywhere(api, 'ann', {'verbs': ['get'], 'nonResourceURLs': ['*']})
    seen(api, '/metrics', 200, **ann)
    for start in ('/api', '/%61pi', '/ap%69'):
        answer = api.get(f'{start}/v1/namespaces/{api.ns}/secrets', **ann)
        assert answer.status == 403, (start, answer.status)


def test_making_by_update_needs_the_right_to_make(api):
    ann, lease = as_user(api, 'ann'), f'/apis/coordination.k8s.io/v1/namespaces/{api.ns}/leases/a'
    applied = {'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': 'a'}, 'data': {'x': 'y'}}
    apply = lambda: api.call('PATCH', api.path('configmaps', 'a') + '?fieldManager=m', applied, Content_Type=APPLY, **ann)
    put = lambda: api.put(lease, {'metadata': {'name': 'a'}}, **ann)
    give(api, 'ann', rule('get update patch', 'configmaps'), rule('get update patch', 'leases', 'coordination.k8s.io'))
    seen(api, api.path('configmaps', 'a'), 404, **ann)
    st = apply().fails(403, 'Forbidden', 'User "ann" cannot create resource "configmaps" in API group ""')
    assert st['message'].startswith('configmaps "a" is forbidden'), st
    put().fails(403, 'Forbidden', 'cannot create resource "leases"')
    api.get(api.path('configmaps', 'a')).want(404)
    give(api, 'ann', rule('create', 'configmaps'), rule('create', 'leases', 'coordination.k8s.io'), name='more')
    until('the right to make it', lambda: apply().status == 201)
    put().want(201)


def test_an_object_is_not_watched_by_its_own_path(api):
    """The verb of such a request is get, so get is all that it does."""
    api.post(api.path('configmaps'), {'metadata': {'name': 'a'}}).want(201)
    got = api.get(api.path('configmaps', 'a') + '?watch=true&timeoutSeconds=1').want(200).json
    assert got['kind'] == 'ConfigMap', got


def test_a_static_token_is_for_the_server_alone(api):
    """Whoever asks whether it is for them must not be told that it is good."""
    def review(*audiences):
        return api.post(AUTHN + '/tokenreviews', {'spec': {'token': ADMIN_TOKEN, 'audiences': list(audiences)}}).want(201).json['status']
    own = review()['audiences']
    assert own and review(own[0], 'vault')['audiences'] == own[:1]
    assert not review('vault').get('authenticated')


def test_streams_need_the_right_to_make_them(api):
    """A WebSocket begins with a GET, but whoever may only read may not run anything."""
    ann = dict(as_user(api, 'ann'), Connection='Upgrade', Upgrade='websocket', Sec_WebSocket_Version='13',
               Sec_WebSocket_Key='dGhlIHNhbXBsZSBub25jZQ==', Sec_WebSocket_Protocol='v5.channel.k8s.io')
    streams = ('exec', 'attach', 'portforward')
    give(api, 'ann', rule('get', ' '.join('pods/' + s for s in streams)))
    api.post(api.path('pods'), {'metadata': {'name': 'a'}, 'spec': {'containers': [{'name': 'c', 'image': 'i'}]}}).want(201)
    until('the right to read', lambda: 'cannot get' not in api.get(api.path('pods', 'a', 'exec'), **ann).json['message'])
    for stream in streams:
        for pod in ('a', 'none'):
            st = api.get(api.path('pods', pod, stream) + '?command=x', **ann).fails(403, 'Forbidden')
            assert st['message'] == f'pods "{pod}" is forbidden: ' and st['details'] == {'name': pod, 'kind': 'pods'}, st
    give(api, 'ann', rule('create', ' '.join('pods/' + s for s in streams)), name='more')
    for stream in streams:
        seen(api, api.path('pods', 'none', stream) + '?command=x', 404, **ann)
        api.get(api.path('pods', 'a', stream) + '?command=x', **ann).fails(400, 'BadRequest', 'pod a does not have a host assigned')


def with_headers(api, path, *headers):
    """A header may be given more than once."""
    conn = api.connect()
    conn.putrequest('GET', path)
    for name, value in (*api.server.headers.items(), *headers):
        conn.putheader(name, value)
    conn.endheaders()
    answer = conn.getresponse()
    return answer.status, answer.read()


def test_all_that_is_impersonated_counts(api):
    """Nothing falls under the table: who asks to be less than they are must not be more, or the other way round."""
    api.post(RBAC + '/clusterroles', {'metadata': {'name': api.ns}, 'rules': [rule('list', 'configmaps')]}).want(201)
    api.post(f'{RBAC}/namespaces/{api.ns}/rolebindings', {'metadata': {'name': 'a'}, 'roleRef': dict(ROLE, kind='ClusterRole', name=api.ns),
                                                         'subjects': [{'kind': 'Group', 'name': 'last'}]}).want(201)
    jane = ('Impersonate-User', 'jane')
    groups = lambda n: [('Impersonate-Group', f'g{i}') for i in range(n - 1)] + [('Impersonate-Group', 'last')]
    until('the right of the group', lambda: with_headers(api, api.path('configmaps'), jane, *groups(1))[0] == 200)
    assert with_headers(api, api.path('configmaps'), jane, *groups(100))[0] == 200
    extras = [(f'Impersonate-Extra-E{i}', 'v') for i in range(90)]
    status, raw = with_headers(api, api.path('configmaps'), jane, *groups(1), *extras)
    assert status == 200, raw


@ours('the certificates are ours')
def test_the_certificate_for_agents_opens_no_server(api):
    """A Node says where its agent is, so it may lead the server to a server: to itself."""
    tls = ssl.create_default_context(cafile=str(api.server.data / 'pki/ca.crt'))
    tls.load_cert_chain(api.server.data / 'pki/agent-client.crt', api.server.data / 'pki/agent-client.key')
    conn = http.client.HTTPSConnection('127.0.0.1', api.server.port, timeout=20, context=tls)
    conn.request('GET', '/api/v1/secrets')
    assert conn.getresponse().status == 401
