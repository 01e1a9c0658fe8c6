#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that several servers on one etcd give no cluster IP and no node port twice, and lose no acknowledged write.

test_claims.py FAIRLEAD [--count N] [--clients N] [--kill SECONDS] [--tmp DIR]

Three servers; at each, CLIENTS connections create and delete Services of all types, with drawn and with demanded
addresses and ports, some under names that all of them use, until COUNT creates and deletes are acknowledged: half of them
where addresses and ports run out, half where there are plenty. Every SECONDS a server is killed (-9) and started again, or
what etcd answers to it is lost and then its connections; the repair loop of each server runs all the time.

Watches that began at each server see all that happens. From its events alone:
 - at no revision do two living Services have an address, a node port or a health check port in common;
 - what was acknowledged as created was there with just these, and until somebody asked to delete it;
 - what was acknowledged as deleted has gone; all servers tell the same events in the same order.
At the end etcd itself is asked: no claim is left, and a small range can be filled to its last address.
"""
import argparse
import asyncio
import base64
import collections
import hashlib
import http.client
import json
import multiprocessing
import pathlib
import random
import shutil
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'harness'))
import etcd as etcd_harness  # noqa: E402
import servers  # noqa: E402
from relay import DOWN, PASS, SWALLOW, UP, Relay  # noqa: E402

SPACE = '/api/v1/namespaces/load'
SERVICES = SPACE + '/services'
N_SERVERS = 3
SHARED_NAMES = 12  # of which all clients create and delete the same
LIVE_MAX = 12      # Services that one client keeps at most
CALL_S = 20
REPAIR_S = '5'
QUIET_S = 60       # all watches have come to the end
WORLDS = {         # name: ranges of addresses, node ports, addresses of the small range of IPv4
    'scarce': ('10.96.0.0/24,fd00:96::/120', '30000-30127', '10.96.0.'),
    'plenty': ('10.96.0.0/16,fd00:96::/108', '30000-32767', '10.96.7.'),
}


def check(what, text):
    if not what:
        raise AssertionError(text)


def wait(what, text, seconds=QUIET_S):
    deadline = time.monotonic() + seconds
    while not what():
        check(time.monotonic() < deadline, f'not within {seconds} s: {text}')
        time.sleep(0.05)


def claims_of(service):
    """What nobody else may have."""
    spec = service['spec']
    yield from (ip for ip in spec.get('clusterIPs', []) if ip != 'None')
    yield from {p['nodePort'] for p in spec.get('ports', []) if p.get('nodePort')}
    if spec.get('healthCheckNodePort'):
        yield spec['healthCheckNodePort']


class Connection:
    """HTTP/1.1 to one server, for many small requests."""

    def __init__(self, port):
        self.port, self.reader, self.writer = port, None, None

    async def call(self, method, path, body=None):
        if not self.writer:
            self.reader, self.writer = await asyncio.open_connection('127.0.0.1', self.port, limit=1 << 20)
        data = json.dumps(body).encode() if body else b''
        try:
            self.writer.write(f'{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n'
                              f'Content-Length: {len(data)}\r\n\r\n'.encode() + data)
            head = (await self.reader.readuntil(b'\r\n\r\n')).lower()
            at = head.index(b'content-length:')
            got = await self.reader.readexactly(int(head[at + 15:head.index(b'\r\n', at)]))
            return int(head[9:12]), json.loads(got)
        except (OSError, EOFError, ValueError):
            self.writer.close()
            self.writer = None
            raise OSError('lost') from None


class Client:
    """One connection's creates and deletes, and what it knows of them."""

    def __init__(self, load, i):
        self.load, self.rand = load, random.Random(f'{load.seed}-{i}')
        self.prefix, self.n, self.live = f'c{load.server}-{i}', 0, []
        self.connection = Connection(load.port)

    async def run(self):
        while self.load.goes_on():
            if self.live and self.rand.random() < len(self.live) / LIVE_MAX:
                await self.delete(self.live.pop(self.rand.randrange(len(self.live))))
            else:
                await self.create()
        while self.live:
            await self.delete(self.live.pop())

    async def call(self, method, path, body=None):
        try:
            status, got = await asyncio.wait_for(self.connection.call(method, path, body), CALL_S)
        except (OSError, asyncio.TimeoutError):
            self.load.count['lost'] += 1
            await asyncio.sleep(0.2)
            return 0, {}
        if status in (429, 503, 504):
            self.load.count[f'{method} {status}'] += 1
            await asyncio.sleep(0.05)
        return status, got

    def service(self):
        r = self.rand
        self.n += 1
        name = f'shared-{r.randrange(SHARED_NAMES)}' if r.random() < 0.1 else f'{self.prefix}-{self.n}'
        spec = {'type': r.choice(['ClusterIP', 'NodePort', 'NodePort', 'LoadBalancer']),
                'ipFamilyPolicy': r.choice(['SingleStack', 'PreferDualStack', 'RequireDualStack']),
                'ports': [{'name': f'p{i}', 'port': 80 + i} for i in range(r.choice([1, 1, 2]))]}
        if spec['type'] == 'LoadBalancer' and r.random() < 0.3:
            spec['externalTrafficPolicy'] = 'Local'
        if r.random() < 0.15:  # all want the same few
            spec['clusterIP'] = self.load.wanted + str(r.randrange(20, 28))
        if spec['type'] != 'ClusterIP' and r.random() < 0.15:
            spec['ports'][0]['nodePort'] = 30000 + r.randrange(8)
        return {'metadata': {'name': name}, 'spec': spec}

    async def create(self):
        body = self.service()
        status, got = await self.call('POST', SERVICES, body)
        if status == 201:
            name, uid = got['metadata']['name'], got['metadata']['uid']
            self.load.created[uid] = (name, sorted(map(str, claims_of(got))))
            self.live.append(name)
            self.load.count['created'] += 1
        elif status == 409:
            self.load.count['name taken'] += 1
        elif status == 422 and 'already allocated' in got['message']:
            self.load.count['claim taken'] += 1
        elif status in (422, 500) and 'range is full' in got['message']:
            self.load.count['exhausted'] += 1
        elif status not in (0, 429, 503, 504):
            self.load.wrong.append(f'create {body}: {status} {got}')

    async def delete(self, name):
        self.load.attempts.add(name)
        status, got = await self.call('DELETE', f'{SERVICES}/{name}')
        if status == 200:
            uid = got['details']['uid'] if got['kind'] == 'Status' else got['metadata']['uid']
            self.load.deleted.add(uid)
            self.load.count['deleted'] += 1
        elif status == 404:
            self.load.count['not there'] += 1
        elif status in (429, 503):
            self.live.append(name)
        elif status not in (0, 504):
            self.load.wrong.append(f'delete {name}: {status} {got}')


class Load:
    """The clients of one server, in a process of their own."""

    def __init__(self, server, port, n_clients, seed, wanted, acknowledged, goal):
        self.server, self.port, self.seed, self.wanted = server, port, seed, wanted
        self.acknowledged, self.goal = acknowledged, goal
        self.created, self.deleted, self.attempts = {}, set(), set()
        self.count, self.wrong, self.told = collections.Counter(), [], 0
        self.clients = [Client(self, i) for i in range(n_clients)]

    def goes_on(self):
        mine = self.count['created'] + self.count['deleted']
        with self.acknowledged.get_lock():
            self.acknowledged.value += mine - self.told
            self.told = mine
            return self.acknowledged.value < self.goal and len(self.wrong) < 5

    async def run(self):
        await asyncio.gather(*(c.run() for c in self.clients))

    def result(self):
        return self.created, self.deleted, self.attempts, self.count, self.wrong


class Watch:
    """What becomes of all Services after a list, until one named "end" comes. It moves to the next server when one breaks
    off, or has started later than what is asked of it (410)."""

    def __init__(self, ports, start):
        self.ports, self.n_gone, self.rev = ports, 0, start['metadata']['resourceVersion']
        self.held, self.owner = {}, {}  # uid -> claims; claim -> uid
        self.seen, self.gone = {}, {}   # uid -> (name, all claims it had); uid -> revision
        self.n, self.chain, self.wrong, self.is_over = 0, hashlib.sha256(), [], False
        for o in start['items']:
            self.hold(o['metadata']['uid'], o['metadata']['name'], set(claims_of(o)))

    def run(self):
        while not self.is_over and len(self.wrong) < 5:
            try:
                self.follow()
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)
            self.ports = self.ports[1:] + self.ports[:1]

    def follow(self):
        conn = http.client.HTTPConnection('127.0.0.1', self.ports[0], timeout=30)
        conn.request('GET', f'/api/v1/services?watch=true&resourceVersion={self.rev}')
        answer = conn.getresponse()
        while answer.status == 200 and not self.is_over:
            line = answer.readline()
            if not line.endswith(b'\n'):
                break
            self.take(json.loads(line))
        conn.close()

    def take(self, event):
        o = event['object']
        if event['type'] == 'ERROR':
            self.n_gone += o.get('code') == 410
            check(self.n_gone < 10 * len(self.ports), 'no server can tell what has happened')
            raise OSError(o)
        self.n_gone = 0
        meta = o['metadata']
        uid, name, mine = meta['uid'], meta['name'], set(claims_of(o))
        if (event['type'] == 'ADDED') == (uid in self.held):
            self.wrong.append(f'{event["type"]} of {name} at {meta["resourceVersion"]}, which is '
                              f'{"there" if uid in self.held else "not there"}')
        check(int(meta['resourceVersion']) > int(self.rev), f'{name}: events go backwards')
        for claim in self.held.pop(uid, ()):
            self.owner.pop(claim, None)
        self.rev = meta['resourceVersion']
        if event['type'] == 'DELETED':
            self.gone[uid] = int(self.rev)
        else:
            self.hold(uid, name, mine)
        self.n += 1
        self.chain.update(f'{event["type"]} {uid} {self.rev};'.encode())
        self.is_over = name == 'end'

    def hold(self, uid, name, mine):
        for claim in mine:
            if claim in self.owner:
                self.wrong.append(f'{claim} given twice: {name} at {self.rev} and {self.seen[self.owner[claim]][0]}')
            self.owner[claim] = uid
        self.held[uid] = mine
        self.seen[uid] = (name, sorted(map(str, mine)))

    def result(self):
        return self.n, self.chain.hexdigest(), self.seen, self.gone, self.wrong


def in_process(pipe, make, *args):
    try:
        x = make(*args)
        run = x.run()
        if run:
            asyncio.run(run)
        pipe.send(x.result())
    except BaseException as e:
        pipe.send(e)


class Child:
    def __init__(self, make, *args):
        self.pipe, end = multiprocessing.Pipe(False)
        self.process = multiprocessing.Process(target=in_process, args=(end, make, *args), daemon=True)
        self.process.start()

    def result(self, seconds=None):
        check(self.pipe.poll(seconds), f'a part has not ended within {seconds} s')
        got = self.pipe.recv()
        if isinstance(got, BaseException):
            raise got
        return got


class World:
    def __init__(self, args, name, folder):
        self.args, self.name = args, name
        self.cidrs, self.ports, self.wanted = WORLDS[name]
        self.etcd = etcd_harness.Etcd(folder / 'etcd')
        self.etcd.start()
        options = ['--service-cluster-ip-range', self.cidrs, '--service-node-port-range', self.ports,
                   '--service-repair-period', REPAIR_S]
        self.relays = [Relay(self.etcd.members[0].client) for _ in range(N_SERVERS)]
        self.servers = [servers.Server(args.fairlead, folder, i, r.url, options) for i, r in enumerate(self.relays)]
        self.kills = self.losses = 0

    def start(self):
        for s in self.servers:
            s.start()
            wait(s.is_ready, f'server {s.i} is ready')
        status, got = self.servers[0].call('POST', '/api/v1/namespaces', {'metadata': {'name': 'load'}})
        check(status == 201, f'{status} {got}')
        for s in self.servers:
            wait(lambda: s.call('GET', '/api/v1/namespaces/load')[0] == 200, 'the namespace')

    def stop(self):
        for s in self.servers:
            s.kill()
        self.etcd.kill()

    def load(self):
        status, got = self.servers[0].call('GET', '/api/v1/services')
        check(status == 200, got)
        acknowledged = multiprocessing.Value('q', 0)
        ports = [s.port for s in self.servers]
        self.watches = [Child(Watch, ports[i:] + ports[:i], got) for i in range(N_SERVERS)]
        began = time.monotonic()
        loads = [Child(Load, s.i, s.port, self.args.clients, self.args.seed, self.wanted, acknowledged, self.args.count // 2)
                 for s in self.servers]
        rand, last = random.Random(self.args.seed), began
        while any(c.process.is_alive() and not c.pipe.poll() for c in loads):
            time.sleep(0.2)
            # Others go on meanwhile; near the end there is nothing left to disturb.
            if acknowledged.value > self.args.count // 2 * 0.9 or time.monotonic() - last < self.args.kill:
                continue
            disturb = self.kill if self.kills < self.losses else self.lose_answers
            disturb(rand.randrange(N_SERVERS), rand)
            last = time.monotonic()
        self.took = time.monotonic() - began
        return [c.result(CALL_S) for c in loads]

    def kill(self, i, _rand):
        s = self.servers[i]
        s.kill()
        s.start()
        wait(s.is_ready, f'server {i} is ready again')
        self.kills += 1

    def lose_answers(self, i, rand):
        """What was asked until then may have been done, or may not."""
        self.relays[i].way[rand.choice([UP, DOWN])] = SWALLOW
        time.sleep(rand.random() / 2)
        self.relays[i].set(PASS)
        self.relays[i].cut()
        self.losses += 1

    def finish(self):
        """What nobody knows the outcome of is deleted; then the watches are told that all is over."""
        s = self.servers[0]
        left = {o['metadata']['name'] for o in s.call('GET', SERVICES)[1]['items']}
        for name in left:
            status, got = s.call('DELETE', f'{SERVICES}/{name}')
            check(status == 200, f'{status} {got}')
        self.full = self.fill() if self.name == 'scarce' else 0
        status, got = s.call('POST', SERVICES, {'metadata': {'name': 'end'}, 'spec': {'clusterIP': 'None'}})
        check(status == 201, f'{status} {got}')
        return left, [w.result(QUIET_S) for w in self.watches]

    def fill(self):
        """Every address and every port can be had again: nothing has leaked."""
        names = []
        for i in range(1000):
            s = self.servers[i % N_SERVERS]
            spec = {'type': 'NodePort' if i < 128 else 'ClusterIP', 'ports': [{'port': 80}]}
            status, got = s.call('POST', SERVICES, {'metadata': {'name': f'fill-{i}'}, 'spec': spec})
            if status != 201:
                break
            names.append(f'fill-{i}')
        check('range is full' in got['message'] and i == 253, f'after {i} Services: {status} {got["message"]}')
        for name in names:
            check(s.call('DELETE', f'{SERVICES}/{name}')[0] == 200, name)
        return len(names)

    def keys(self, prefix):
        """Asked of etcd itself."""
        word = etcd_harness.word
        end = prefix[:-1] + bytes([prefix[-1] + 1])
        got = self.etcd.members[0].ask('kv/range', key=word(prefix), range_end=word(end), keys_only=True)
        return [base64.b64decode(kv['key']).decode() for kv in got.get('kvs', [])]


def judge(world, loads, left, watches):
    created, deleted, attempts, count = {}, set(), set(left), collections.Counter()
    for one in loads:
        check(not one[4], one[4][:3])
        created.update(one[0])
        deleted |= one[1]
        attempts |= one[2]
        count += one[3]
    for i, one in enumerate(watches):
        check(not one[4], f'the watch at server {i}: {one[4][:3]}')
        check(one[:2] == watches[0][:2], f'server {i} has told other events than server 0: {one[0]}, {watches[0][0]}')
    n, _, seen, gone, _ = watches[0]
    for uid, (name, claims) in created.items():
        check(uid in seen, f'{name} was acknowledged and never seen')
        check(seen[uid] == (name, claims), f'{name} was acknowledged with {claims} and seen as {seen[uid]}')
    for uid in gone:
        name = seen[uid][0]
        check(name in attempts or name.startswith('fill-'), f'{name} has gone and nobody asked for it')
    for uid in deleted:
        check(uid in gone, f'{seen[uid]} was acknowledged as deleted and is there')
    check({seen[uid][0] for uid in seen if uid not in gone} == {'kubernetes', 'end'}, 'all have gone')
    ips, ports = world.keys(b'/registry/ipaddresses/'), world.keys(b'/registry/fairlead/nodeports/')
    check(len(ips) == 1 and not ports, f'claims without a Service: {ips} {ports}')
    print(f'# {world.name}: {count["created"]} creates and {count["deleted"]} deletes acknowledged in {world.took:.0f} s, '
          f'{n} events at each watch, {world.kills} servers killed, {world.losses} times answers lost; {dict(count)}; {len(left)} left by lost answers'
          + (f'; filled to {world.full}' if world.full else ''), flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('fairlead')
    p.add_argument('--count', type=int, default=3000, help='creates and deletes')
    p.add_argument('--clients', type=int, default=12, help='at each server')
    p.add_argument('--kill', type=float, default=0.5, help='seconds between kills and losses')
    p.add_argument('--seed', type=int, default=1)
    p.add_argument('--tmp', help='where etcd keeps its data')
    args = p.parse_args()
    if not etcd_harness.find():
        print('1..0 # SKIP no etcd in PATH (Debian: etcd-server)')
        return 0
    failed = 0
    for i, name in enumerate(WORLDS, 1):
        folder = pathlib.Path(tempfile.mkdtemp(prefix='fairlead-claims-', dir=args.tmp))
        world = World(args, name, folder)
        try:
            world.start()
            loads = world.load()
            judge(world, loads, *world.finish())
            print(f'ok {i} - nothing_is_given_twice_where_there_is_{name}', flush=True)
        except AssertionError as e:
            failed += 1
            print(f'not ok {i} - nothing_is_given_twice_where_there_is_{name}\n# {e}', flush=True)
            for s in world.servers:
                print(f'# server {s.i}:\n# ' + s.log()[-1500:].replace('\n', '\n# '), flush=True)
        finally:
            world.stop()
        if not failed:
            shutil.rmtree(folder, ignore_errors=True)
    print(f'1..{len(WORLDS)}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
