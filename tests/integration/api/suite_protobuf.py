# SPDX-License-Identifier: Apache-2.0
"""Kubernetes' protobuf in requests, answers and watches, read and written field by field."""
from api import service

PROTO = 'application/vnd.kubernetes.protobuf'
MAGIC = b'k8s\0'


def varint(v):
    out = b''
    while v >= 0x80:
        out += bytes([v & 0x7f | 0x80])
        v >>= 7
    return out + bytes([v])


def message(*fields):
    """(number, int, str or bytes) each."""
    out = b''
    for number, value in fields:
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
        else:
            value = value.encode() if isinstance(value, str) else value
            out += varint(number << 3 | 2) + varint(len(value)) + value
    return out


def envelope(api_version, kind, raw):
    return MAGIC + message((1, message((1, api_version), (2, kind))), (2, raw))


def read_varint(data, at):
    v = shift = 0
    while True:
        v |= (data[at] & 0x7f) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return v, at


def fields(data):
    """number -> its values; of the wire types only varints and bytes occur."""
    ret, at = {}, 0
    while at < len(data):
        tag, at = read_varint(data, at)
        value, at = read_varint(data, at)
        if tag & 7 == 2:
            value, at = data[at:at + value], at + value
        ret.setdefault(tag >> 3, []).append(value)
    return ret


def opened(data):
    """The kind and the fields of an enveloped object."""
    assert data.startswith(MAGIC), data[:40]
    unknown = fields(data[4:])
    return fields(unknown[1][0])[2][0].decode(), fields(unknown[2][0])


def name_of(obj):
    return fields(obj[1][0])[1][0].decode()


def test_requests(api):
    """Bodies and options are taken; what is wrong in them is refused with its path."""
    path = f'/api/v1/namespaces/{api.ns}/services'
    port = message((1, 'http'), (3, 80), (4, message((1, 1), (2, 0), (3, 'web'))))
    body = message((1, message((1, 'a'), (11, message((1, 'k'), (2, 'v'))))), (2, message((1, port), (2, message((1, 'app'), (2, 'a'))))))
    made = api.post(path, envelope('v1', 'Service', body), Content_Type=PROTO).want(201).json
    assert made['spec']['ports'][0]['targetPort'] == 'web' and made['metadata']['labels'] == {'k': 'v'}, made
    api.post(path, envelope('v1', 'Pod', body), Content_Type=PROTO).fails(400, 'BadRequest', 'cannot be handled as a Service')
    api.post(path, envelope('v2', 'Service', body), Content_Type=PROTO).fails(400, 'BadRequest', 'does not match')
    api.post(path, b'{}', Content_Type=PROTO).fails(400, 'BadRequest', 'does not begin with')
    api.post(path, envelope('v1', 'Service', body[:-1]), Content_Type=PROTO).fails(400, 'BadRequest', 'no protobuf')
    wrong = message((1, message((1, 'b'))), (2, message((1, message((3, 'x'))))))
    api.post(path, envelope('v1', 'Service', wrong), Content_Type=PROTO).fails(400, 'BadRequest', 'spec.ports[0].port')
    options = message((2, message((1, 'not-its-uid'))))
    api.delete(path + '/a', envelope('v1', 'DeleteOptions', options), Content_Type=PROTO).fails(409, 'Conflict')
    api.delete(path + '/a', envelope('v1', 'Service', b''), Content_Type=PROTO).fails(400, 'BadRequest', 'no Service is expected')
    api.delete(path + '/a', envelope('v1', 'DeleteOptions', message((1, 0))), Content_Type=PROTO).want(200)
    api.get(path + '/a').want(404)


def test_answers(api):
    """Objects, lists and failures are protobuf when the client names it first; Tables are JSON."""
    path = f'/api/v1/namespaces/{api.ns}/services'
    accept = {'Accept': PROTO + ',application/json'}
    made = api.post(path, service('one'), **accept).want(201)
    kind, obj = opened(made.raw)
    assert made.headers['Content-Type'] == PROTO and kind == 'Service' and name_of(obj) == 'one'
    kind, listed = opened(api.get(path, **accept).want(200).raw)
    assert kind == 'ServiceList' and [name_of(fields(o)) for o in listed[2]] == ['one'], listed
    assert fields(listed[1][0])[2][0].isdigit()
    kind, status = opened(api.get(path + '/none', **accept).want(404).raw)
    assert kind == 'Status' and status[4] == [b'NotFound'] and status[6] == [404], status
    # The first type that can be served is taken; Tables are JSON.
    assert api.get(path, Accept='application/json,' + PROTO).want(200).json['kind'] == 'ServiceList'
    table = f'{PROTO};as=Table;g=meta.k8s.io;v=v1,application/json;as=Table;g=meta.k8s.io;v=v1'
    assert api.get(path, Accept=table).want(200).json['kind'] == 'Table'
    assert api.get(path, Accept=PROTO + ';as=Table;g=meta.k8s.io;v=v1').want(406)
    api.delete(path + '/one', **accept).want(200)


def read_frame(answer):
    head = answer.read(4)
    event = fields(answer.read(int.from_bytes(head, 'big')))
    kind, obj = opened(fields(event[2][0])[1][0])
    return event[1][0].decode(), kind, obj


def test_watch(api):
    """A watch in protobuf is frames with a length: initial events, their end, later events."""
    path = f'/api/v1/namespaces/{api.ns}/services'
    api.post(path, service('seen')).want(201)
    conn = api.connect()
    conn.request('GET', path + '?watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan',
                 headers={'Accept': PROTO + ';stream=watch'})
    answer = conn.getresponse()
    assert answer.status == 200 and answer.headers['Content-Type'] == PROTO + ';stream=watch', answer.headers.items()
    event, kind, obj = read_frame(answer)
    assert (event, kind, name_of(obj)) == ('ADDED', 'Service', 'seen')
    event, kind, obj = read_frame(answer)
    assert (event, kind) == ('BOOKMARK', 'Service') and b'initial-events-end' in obj[1][0], obj
    api.delete(path + '/seen').want(200)
    event, kind, obj = read_frame(answer)
    assert (event, kind, name_of(obj)) == ('DELETED', 'Service', 'seen')
    conn.close()
