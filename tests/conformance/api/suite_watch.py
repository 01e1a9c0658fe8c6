# SPDX-License-Identifier: Apache-2.0
"""Watches (service-api.md section 18.8)."""
import json
import signal
import urllib.parse

from api import Skip, Watch, compact_etcd, config_map, ours, proves, rev

TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io'
PARTIAL = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io'


def make(api, name, labels=None, **data):
    return api.post(api.path('configmaps'), config_map(name, labels, **data)).want(201).json


def list_rev(api):
    return rev(api.get(api.path('configmaps')).json)


@proves('18.8.1', '18.6.7')
def test_events_in_order(api):
    w = api.watch(api.path('configmaps'), resourceVersion=list_rev(api))
    assert w.headers['Content-Type'] == 'application/json'
    made = make(api, 'a', x='1')
    changed = api.patch(api.path('configmaps', 'a'), {'data': {'x': '2'}}).want(200).json
    api.delete(api.path('configmaps', 'a')).want(200)
    assert w.want('ADDED', 'a') == made
    assert w.want('MODIFIED', 'a') == changed
    gone = w.want('DELETED', 'a')
    assert rev(gone) > rev(changed) and gone['data'] == {'x': '2'}


@proves('18.8.2')
def test_resume_from_a_revision(api):
    make(api, 'a')
    at = rev(make(api, 'b'))
    make(api, 'c')
    w = api.watch(api.path('configmaps'), resourceVersion=at)
    w.want('ADDED', 'c')
    api.delete(api.path('configmaps', 'a')).want(200)
    w.want('DELETED', 'a')


@proves('18.8.2')
def test_without_a_revision_begins_with_what_is_there(api):
    make(api, 'a')
    make(api, 'b')
    for query in ({}, {'resourceVersion': '0'}):
        w = api.watch(api.path('configmaps'), **query)
        w.want('ADDED', 'a')
        w.want('ADDED', 'b')
    make(api, 'c')
    w.want('ADDED', 'c')


def test_other_namespaces_and_kinds_are_not_seen(api):
    w = api.watch(api.path('configmaps'), resourceVersion=list_rev(api))
    api.post('/api/v1/namespaces/default/configmaps', config_map(api.ns)).want(201)
    api.post(api.path('secrets'), {'metadata': {'name': 's'}}).want(201)
    make(api, 'a')
    w.want('ADDED', 'a')


def test_all_namespaces(api):
    w = api.watch('/api/v1/configmaps', resourceVersion=list_rev(api))
    make(api, 'a')
    assert w.want('ADDED', 'a')['metadata']['namespace'] == api.ns


@proves('18.8.4')
def test_label_selector_translates(api):
    w = api.watch(api.path('configmaps'), resourceVersion=list_rev(api), labelSelector='color=red')
    make(api, 'blue', {'color': 'blue'})
    make(api, 'a', {'color': 'red'}, x='1')
    w.want('ADDED', 'a')
    api.patch(api.path('configmaps', 'a'), {'data': {'x': '2'}}).want(200)
    w.want('MODIFIED', 'a')
    last = api.patch(api.path('configmaps', 'a'), {'metadata': {'labels': {'color': 'blue'}}}).want(200).json
    left = w.want('DELETED', 'a')
    assert left['metadata']['labels'] == {'color': 'red'} and rev(left) == rev(last)
    api.patch(api.path('configmaps', 'blue'), {'metadata': {'labels': {'color': 'red'}}}).want(200)
    w.want('ADDED', 'blue')
    api.delete(api.path('configmaps', 'blue')).want(200)
    w.want('DELETED', 'blue')


@proves('18.8.5')
def test_field_selector_by_name(api):
    make(api, 'a')
    w = api.watch(api.path('configmaps'), fieldSelector='metadata.name=b')
    make(api, 'b')
    w.want('ADDED', 'b')
    api.patch(api.path('configmaps', 'a'), {'data': {'x': '2'}}).want(200)
    api.delete(api.path('configmaps', 'b')).want(200)
    w.want('DELETED', 'b')


def test_field_selector_by_node(api):
    w = api.watch('/api/v1/pods', fieldSelector='spec.nodeName=' + api.ns)
    api.post(api.path('pods'), {'metadata': {'name': 'p'}, 'spec': {'containers': [{'name': 'c', 'image': 'i'}]}}).want(201)
    api.post(api.path('pods', 'p', 'binding'), {'metadata': {'name': 'p'}, 'target': {'name': api.ns}}).want(201)
    assert w.want('ADDED', 'p')['spec']['nodeName'] == api.ns


@proves('18.8.7', '18.8.8')
def test_initial_events_end_with_a_bookmark(api):
    made = make(api, 'a')
    w = api.watch(api.path('configmaps'), sendInitialEvents='true', resourceVersionMatch='NotOlderThan', allowWatchBookmarks='true')
    w.want('ADDED', 'a')
    mark = w.want('BOOKMARK')
    assert mark['metadata']['annotations'] == {'k8s.io/initial-events-end': 'true'}
    assert mark['kind'] == 'ConfigMap' and rev(mark) >= rev(made)
    make(api, 'b')
    w.want('ADDED', 'b')


@proves('18.8.3', '18.8.7')
@ours('a stock server has no time for a bookmark in a second')
def test_time_limit_ends_with_a_bookmark(api):
    at = list_rev(api)
    other = api.post(api.path('secrets'), {'metadata': {'name': 's'}}).want(201).json
    w = api.watch(api.path('configmaps'), resourceVersion=at, timeoutSeconds=1, allowWatchBookmarks='true')
    mark = w.want('BOOKMARK')
    assert rev(mark) >= rev(other)
    assert w.next() is None
    assert api.watch(api.path('configmaps'), resourceVersion=rev(mark), timeoutSeconds=1).next() is None


@proves('18.8.6', '18.3.8')
def test_too_old_is_told_in_the_stream(api):
    if api.server.store != 'memory':
        raise Skip('shown on the store that is quick')
    # Push the ring past what it can keep.
    make(api, 'a')
    for i in range(4200):
        api.patch(api.path('configmaps', 'a'), {'data': {'x': str(i)}}).want(200)
    w = api.watch(api.path('configmaps'), resourceVersion='1')
    assert w.status == 200
    status = w.want('ERROR')
    assert status['code'] == 410 and status['reason'] == 'Expired' and 'too old resource version: 1 (' in status['message']
    assert w.next() is None


def test_watches_go_on_after_a_restart(api):
    if api.server.store == 'memory':
        raise Skip('it has gone with the server')
    make(api, 'gone')
    at = list_rev(api)
    made = make(api, 'new')
    changed = api.patch(api.path('configmaps', 'new'), {'data': {'x': '1'}}).want(200).json
    api.delete(api.path('configmaps', 'gone')).want(200)
    api.server.stop(signal.SIGKILL)
    api.server.start()
    api.conn = None
    assert api.get(api.path('configmaps', 'new')).want(200).json == changed
    w = api.watch(api.path('configmaps'), resourceVersion=at)
    assert rev(w.want('ADDED', 'new')) == rev(made)
    assert w.want('MODIFIED', 'new') == changed
    w.want('DELETED', 'gone')
    make(api, 'next')
    w.want('ADDED', 'next')
    w.close()


def test_watches_go_on_from_where_history_begins(api):
    """Another server has had etcd forget what was before, not as long ago as a start looks back."""
    if api.server.store != 'etcd':
        raise Skip('nobody else compacts this store')
    make(api, 'a')
    old = list_rev(api)
    kept = rev(make(api, 'b'))
    make(api, 'c')
    compact_etcd(api, kept)
    api.server.stop(signal.SIGKILL)
    api.server.start()
    api.conn = None
    api.watch(api.path('configmaps'), resourceVersion=kept).want('ADDED', 'c')
    assert api.watch(api.path('configmaps'), resourceVersion=old).want('ERROR')['code'] == 410


def test_what_was_answered_can_be_watched_from(api):
    for i in range(50):
        w = api.watch(api.path('configmaps'), resourceVersion=rev(make(api, f'n{i}')))
        make(api, f'm{i}')
        w.want('ADDED', f'm{i}')


@ours('a stock server waits for it')
def test_newer_than_there_is(api):
    """The store was put back from a backup: whoever saw more than it has must look anew."""
    w = api.watch(api.path('configmaps'), resourceVersion=list_rev(api) + 1000)
    status = w.want('ERROR')
    assert status['code'] == 410 and status['reason'] == 'Expired' and 'another history' in status['message']


def test_as_table(api):
    w = Watch(api, api.path('configmaps'), {'watch': '1', 'resourceVersion': list_rev(api)}, Accept=TABLE)
    assert w.headers['Content-Type'] == 'application/json'
    make(api, 'a', x='1')
    make(api, 'b')
    one, two = w.want('ADDED'), w.want('ADDED')
    assert one['kind'] == 'Table' and one['columnDefinitions'][0]['name'] == 'Name'
    assert one['rows'][0]['cells'][:2] == ['a', 1] and one['rows'][0]['object']['kind'] == 'PartialObjectMetadata'
    assert not two['columnDefinitions'] and two['rows'][0]['cells'][0] == 'b'


def test_as_metadata(api):
    w = Watch(api, api.path('configmaps'), {'watch': '1', 'resourceVersion': list_rev(api)}, Accept=PARTIAL)
    made = make(api, 'a', x='1')
    assert w.want('ADDED') == {'kind': 'PartialObjectMetadata', 'apiVersion': 'meta.k8s.io/v1', 'metadata': made['metadata']}


@proves('18.8.11')
def test_old_path(api):
    make(api, 'a')
    conn = api.connect()
    conn.request('GET', f'/api/v1/watch/namespaces/{api.ns}/configmaps', headers=api.server.headers)
    assert json.loads(conn.getresponse().readline())['object']['metadata']['name'] == 'a'


def test_old_path_only_reads(api):
    """…/watch/… is for GET: whatever else is sent there changes nothing, also from those who may watch."""
    make(api, 'a', x='1')
    old = f'/api/v1/watch/namespaces/{api.ns}/configmaps'
    api.post(old, {'metadata': {'name': 'b'}}).fails(405, 'MethodNotAllowed')
    api.put(old + '/a', {'metadata': {'name': 'a'}, 'data': {'x': '2'}}).fails(405, 'MethodNotAllowed')
    api.patch(old + '/a', {'data': {'x': '2'}}).fails(405, 'MethodNotAllowed')
    api.delete(old + '/a').fails(405, 'MethodNotAllowed')
    api.delete(old).fails(405, 'MethodNotAllowed')
    assert [(o['metadata']['name'], o['data']['x']) for o in api.get(api.path('configmaps')).want(200).json['items'] if 'x' in o.get('data', {})] == [('a', '1')]
    api.post(f'/api/v1/watch/namespaces/{api.ns}/serviceaccounts/default/token', {'spec': {}}).want(404)
    api.get(f'/api/v1/watch/namespaces/{api.ns}/pods/a/log').want(404)


@proves('18.8.8', '18.8.9')
def test_bad_options(api):
    for query, field in (
            ({'sendInitialEvents': 'true'}, 'resourceVersionMatch'),
            ({'resourceVersionMatch': 'NotOlderThan', 'resourceVersion': '1'}, 'resourceVersionMatch'),
            ({'resourceVersionMatch': 'Exact', 'sendInitialEvents': 'true', 'resourceVersion': '1'}, 'resourceVersionMatch')):
        st = api.get(api.path('configmaps') + '?watch=true&' + urllib.parse.urlencode(query)).fails(422, 'Invalid')
        assert st['details']['causes'][0]['field'] == field, st


@ours('a stock server answers 500 (docs/api.md)')
def test_a_revision_that_is_no_number(api):
    api.get(api.path('configmaps') + '?watch=true&resourceVersion=x').fails(400, 'BadRequest', 'Invalid resourceVersion')


def test_many_watchers_see_the_same(api):
    at = list_rev(api)
    all_ = [api.watch(api.path('configmaps'), resourceVersion=at) for _ in range(50)]
    names = [f'n{i}' for i in range(20)]
    for name in names:
        make(api, name)
    for w in all_:
        assert [w.want('ADDED')['metadata']['name'] for _ in names] == names


@ours('a stock server ends such a watch')
def test_a_reader_that_sleeps_does_not_hold_up_others(api):
    slow = api.watch(api.path('configmaps'))
    quick = api.watch(api.path('configmaps'))
    big = 'x' * 500000
    for i in range(40):
        make(api, f'n{i}', big=big)
        quick.want('ADDED', f'n{i}')
    # The sleeper is given everything when it wakes up: the ring still has it.
    for i in range(40):
        slow.want('ADDED', f'n{i}')
