#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What every proxy mode must do, with real packets: section 2 of the data-plane specification.

test_behaviours.py DRIVER [--mode nftables] [NAME...]   DRIVER: the program proxy-driver. TAP on standard output.
"""
import json
import os
import random
import socket
import subprocess
import sys
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import topology

VIP, VIP6, EXTERNAL, LB = '10.96.0.10', 'fd96::10', '198.51.100.7', '203.0.113.5'
NODE, NODE6 = topology.NODE
POD = {name: addrs[0] for name, addrs in topology.PODS.items()}
POD6 = {name: addrs[1] for name, addrs in topology.PODS.items()}
REFUSED, TIMEOUT = 'refused', 'timeout'
WHERE = {'far': 'n2'}
CONFIG = {'node': 'n1', 'zone': 'z1', 'clusterCIDR': ['10.64.0.0/16', 'fd64::/32'], 'primary': True,
          'nodeAddresses': [NODE, NODE6]}


class Skipped(Exception):
    """This mode cannot do it; its text says why."""


class Driver:
    def __init__(self, top, program, mode):
        with top.inside('node'):
            self.p = subprocess.Popen([program, mode], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.answer()

    def answer(self):
        lines = []
        while True:
            line = self.p.stdout.readline()
            if not line:
                raise AssertionError('the driver ended')
            line = line.rstrip('\n')
            if line.startswith('error'):
                raise AssertionError(line)
            if line == 'ok':
                return lines
            lines.append(line)

    def __call__(self, verb, arg=None):
        self.p.stdin.write(verb + (' ' + json.dumps(arg) if arg is not None else '') + '\n')
        self.p.stdin.flush()
        return self.answer()

    def end(self, how):
        self(how)
        self.p.wait(5)


def service(name='web', ip=VIP, ip6=VIP6, protocol='TCP', port=80, **spec):
    ports = [{'name': 'p', 'port': port, 'protocol': protocol, **spec.pop('port_extra', {})}]
    status = spec.pop('status', {})
    full = {'type': 'ClusterIP', 'clusterIP': ip, 'clusterIPs': [ip] + ([ip6] if ip6 else []),
            'ipFamilies': ['IPv4'] + (['IPv6'] if ip6 else []), 'ports': ports, **spec}
    return {'metadata': {'name': name, 'namespace': 'default'}, 'spec': full, 'status': status}


def slices(names, service_name='web', protocol='TCP', port=8080, **conditions):
    """Both families' slices of these Pods: a name, or (name, conditions)."""
    out = []
    for family, table in (('IPv4', POD), ('IPv6', POD6)):
        endpoints = []
        for n in names:
            n, cond = n if isinstance(n, tuple) else (n, conditions)
            endpoints.append({'addresses': [table[n]], 'nodeName': WHERE.get(n, 'n1'), 'conditions': cond})
        out.append({'metadata': {'name': f'{service_name}-{family}'.lower(), 'namespace': 'default',
                                 'labels': {'kubernetes.io/service-name': service_name}},
                    'addressType': family, 'ports': [{'name': 'p', 'port': port, 'protocol': protocol}],
                    'endpoints': endpoints})
    return out


TERMINATING = {'ready': False, 'serving': True, 'terminating': True}
UNREADY = {'ready': False}


class Bench:
    """One node with a driver in it, and what a scenario needs to send packets about."""

    def __init__(self, top, program, mode):
        self.top, self.program, self.mode = top, program, mode
        self.start()

    def start(self, **config):
        self.driver = Driver(self.top, self.program, self.mode)
        self.driver('config', {**CONFIG, **config})

    def reset(self):
        self.driver.end('purge')
        self.start()

    def reconfigure(self, **config):
        self.driver.end('purge')
        self.start(**config)

    def table(self, *services, slices=()):
        flat = [s for part in slices for s in (part if isinstance(part, list) else [part])]
        self.driver('table', {'services': list(services), 'slices': flat})
        self.driver('check')

    def connect(self, ns, address, port, timeout=3.0, source=None):
        s = self.top.socket(ns, address, timeout=timeout)
        if source:
            s.bind((source, 0))
        try:
            s.connect((address, port))
        except ConnectionRefusedError:
            s.close()
            return REFUSED
        except (TimeoutError, socket.timeout):
            s.close()
            return TIMEOUT
        return s

    def ask(self, ns, address, port, timeout=3.0, source=None):
        """(who answered, which client address it saw), or REFUSED, or TIMEOUT. TCP."""
        s = self.connect(ns, address, port, timeout, source)
        if isinstance(s, str):
            return s
        with s:
            return talk(s)

    def ask_udp(self, ns, address, port, timeout=1.0, s=None):
        own = s is None
        s = s or self.top.socket(ns, address, socket.SOCK_DGRAM, timeout)
        try:
            if own:
                s.connect((address, port))
            return talk(s)
        except ConnectionRefusedError:
            return REFUSED
        except PermissionError:
            # What the kernel says to a sender on the node itself when output refuses.
            return REFUSED
        except (TimeoutError, socket.timeout):
            return TIMEOUT
        finally:
            if own:
                s.close()


def talk(s):
    s.send(b'?')
    return tuple(s.recv(1500).decode().split(' '))


def eq(got, want):
    if got != want:
        raise AssertionError(f'got {got!r}, wanted {want!r}')


def spread(fn, n=48):
    return {fn()[0] for _ in range(n)}


# Scenarios: each begins with a sentence of what it proves.

def cluster_ip_tcp(b):
    """A Pod reaches a cluster IP over TCP, IPv4 and IPv6, every backend gets its share, and sees the Pod."""
    b.table(service(), slices=slices(['a', 'b', 'far']))
    eq(spread(lambda: b.ask('client', VIP, 80)), {'a', 'b', 'far'})
    eq(spread(lambda: b.ask('client', VIP6, 80)), {'a', 'b', 'far'})
    eq(b.ask('client', VIP, 80)[1], POD['client'])
    eq(b.ask('client', VIP6, 80)[1], POD6['client'])


def cluster_ip_udp(b):
    """A Pod reaches a cluster IP over UDP, IPv4 and IPv6, and every backend gets its share."""
    b.table(service(protocol='UDP'), slices=slices(['a', 'b'], protocol='UDP'))
    eq(spread(lambda: b.ask_udp('client', VIP, 80)), {'a', 'b'})
    eq(spread(lambda: b.ask_udp('client', VIP6, 80)), {'a', 'b'})


def from_the_node(b):
    """The node itself reaches cluster IPs, and its address, being no Pod's, is masqueraded to one of its own."""
    b.table(service(), slices=slices(['a', 'far']))
    eq(spread(lambda: b.ask('node', VIP, 80)), {'a', 'far'})
    eq(spread(lambda: b.ask('node', VIP6, 80)), {'a', 'far'})


def from_outside_to_cluster_ip(b):
    """A client outside that routes to a cluster IP is served, with the node's address as its source."""
    b.table(service(), slices=slices(['a']))
    eq(b.ask('outside', VIP, 80), ('a', '10.64.1.1'))


def node_port(b):
    """A node port answers outside clients, Pods and the node, on the node's address, and is masqueraded."""
    b.table(service(type='NodePort', port_extra={'nodePort': 30080}), slices=slices(['a', 'far']))
    eq(spread(lambda: b.ask('outside', NODE, 30080)), {'a', 'far'})
    eq(spread(lambda: b.ask('outside', NODE6, 30080)), {'a', 'far'})
    eq(b.ask('outside', NODE, 30080)[1], '10.64.1.1')
    eq(spread(lambda: b.ask('client', NODE, 30080)), {'a', 'far'})
    eq(spread(lambda: b.ask('node', NODE, 30080)), {'a', 'far'})


def node_port_udp(b):
    """A node port answers over UDP."""
    b.table(service(type='NodePort', protocol='UDP', port_extra={'nodePort': 30053}),
            slices=slices(['a'], protocol='UDP'))
    eq(b.ask_udp('outside', NODE, 30053)[0], 'a')
    eq(b.ask_udp('outside', NODE6, 30053)[0], 'a')


def node_port_only_on_selected_addresses(b):
    """A node port does not answer on a cluster IP, nor on a local address that was not selected, nor on loopback."""
    b.table(service(type='NodePort', port_extra={'nodePort': 30080}), slices=slices(['a']))
    eq(b.ask('client', VIP, 30080), REFUSED)
    eq(b.ask('client', '10.64.1.1', 30080), REFUSED)
    eq(b.ask('node', '127.0.0.1', 30080), REFUSED)
    b.reconfigure(primary=False, nodePortAddresses=['10.64.1.0/24'])
    b.table(service(type='NodePort', port_extra={'nodePort': 30080}), slices=slices(['a']))
    eq(b.ask('client', '10.64.1.1', 30080)[0], 'a')
    eq(b.ask('outside', NODE, 30080), REFUSED)
    eq(b.ask('outside', NODE6, 30080)[0], 'a')


def external_ip(b):
    """An external IP answers from outside and from Pods, masqueraded."""
    b.table(service(externalIPs=[EXTERNAL]), slices=slices(['a']))
    eq(b.ask('outside', EXTERNAL, 80), ('a', '10.64.1.1'))
    eq(b.ask('client', EXTERNAL, 80)[0], 'a')


def load_balancer_address(b):
    """A balancer's address answers when its ipMode is VIP, and is left alone when it is Proxy."""
    def lb(mode):
        return service(type='LoadBalancer', status={'loadBalancer': {'ingress': [{'ip': LB, 'ipMode': mode}]}})
    b.table(lb('VIP'), slices=slices(['a']))
    eq(b.ask('client', LB, 80)[0], 'a')
    b.table(lb('Proxy'), slices=slices(['a']))
    eq([f for f in b.driver('dump') if LB in f], [])


def source_ranges(b):
    """Source ranges hold for the balancer's address alone: others get no answer there, but do on the cluster IP."""
    b.table(service(type='LoadBalancer', loadBalancerSourceRanges=['10.64.1.0/29', '192.0.2.0/24'],
                    status={'loadBalancer': {'ingress': [{'ip': LB}]}}), slices=slices(['a', 'b']))
    eq(b.ask('outside', LB, 80)[0] in 'ab', True)
    eq(b.ask('b', LB, 80)[0] in 'ab', True)
    eq(b.ask('client', LB, 80, timeout=0.5), TIMEOUT)
    eq(b.ask('client', VIP, 80)[0] in 'ab', True)


def affinity(b):
    """With ClientIP affinity a client stays with one backend, over every address of the port, until its timeout."""
    b.table(service(type='NodePort', sessionAffinity='ClientIP', externalIPs=[EXTERNAL],
                    port_extra={'nodePort': 30080},
                    sessionAffinityConfig={'clientIP': {'timeoutSeconds': 1}}), slices=slices(['a', 'b', 'far']))
    first = {b.ask('client', a, p)[0] for _ in range(6) for a, p in ((VIP, 80), (EXTERNAL, 80), (NODE, 30080))}
    eq(len(first), 1)
    eq(len(spread(lambda: b.ask('client', VIP6, 80), 16)), 1)
    seen, end = set(first), time.monotonic() + 30
    while len(seen) < 2 and time.monotonic() < end:
        time.sleep(1.1)  # the passing of the timeout itself is what is tested
        seen |= {b.ask('client', VIP, 80)[0]}
    eq(len(seen) > 1, True)


def affinity_forgets_a_backend_that_left(b):
    """A client whose remembered backend left gets another at once, and stays with that."""
    spec = {'sessionAffinity': 'ClientIP', 'sessionAffinityConfig': {'clientIP': {'timeoutSeconds': 10800}}}
    b.table(service(**spec), slices=slices(['a', 'b', 'far']))
    first = b.ask('client', VIP, 80)[0]
    rest = sorted({'a', 'b', 'far'} - {first})
    b.table(service(**spec), slices=slices(rest))
    second = spread(lambda: b.ask('client', VIP, 80), 12)
    eq(len(second), 1)
    eq(second <= set(rest), True)


def hairpin(b):
    """A Pod reaches itself through its own Service, IPv4 and IPv6."""
    b.table(service(), slices=slices(['a']))
    for _ in range(4):
        eq(b.ask('a', VIP, 80)[0], 'a')
        eq(b.ask('a', VIP6, 80)[0], 'a')
    eq(b.ask('a', VIP, 80)[1] != POD['a'], True)


def masquerade_all(b):
    """With masqueradeAll, Pods too come from the node's address."""
    b.reconfigure(masqueradeAll=True)
    b.table(service(), slices=slices(['a']))
    eq(b.ask('client', VIP, 80)[1] != POD['client'], True)


def no_detector_no_masquerade(b):
    """Without a cluster CIDR nobody is masqueraded on the way to a cluster IP."""
    b.reconfigure(clusterCIDR=[])
    b.table(service(), slices=slices(['a']))
    eq(b.ask('outside', VIP, 80), ('a', topology.OUTSIDE[0]))


def reject_without_endpoints(b):
    """A Service without a usable endpoint refuses at once, TCP and UDP, from Pods, the node and outside."""
    b.table(service(type='NodePort', port_extra={'nodePort': 30080}),
            service('udp', ip='10.96.0.11', ip6='fd96::11', protocol='UDP'), slices=slices([('a', UNREADY)]))
    for ns in ('client', 'node', 'outside'):
        start = time.monotonic()
        eq(b.ask(ns, VIP, 80), REFUSED)
        eq(b.ask(ns, VIP6, 80), REFUSED)
        eq(b.ask(ns, NODE, 30080), REFUSED)
        eq(time.monotonic() - start < 2, True)
    eq(b.ask_udp('client', '10.96.0.11', 80), REFUSED)


def unknown_port_of_a_cluster_ip(b):
    """A port that a cluster IP does not have is refused at once."""
    b.table(service(), slices=slices(['a']))
    eq(b.ask('client', VIP, 81), REFUSED)
    eq(b.ask('client', VIP6, 81), REFUSED)
    eq(b.ask_udp('client', VIP, 80), REFUSED)


def internal_local(b):
    """Internal policy Local uses the backends here alone; without any, packets are dropped, not refused."""
    b.table(service(internalTrafficPolicy='Local'), slices=slices(['a', 'far']))
    eq(spread(lambda: b.ask('client', VIP, 80)), {'a'})
    b.table(service(internalTrafficPolicy='Local'), slices=slices(['far']))
    eq(b.ask('client', VIP, 80, timeout=0.5), TIMEOUT)


def external_local(b):
    """External policy Local keeps an outside client's address and stays here; Pods and the node reach all."""
    spec = {'type': 'NodePort', 'externalTrafficPolicy': 'Local', 'port_extra': {'nodePort': 30080}}
    b.table(service(**spec), slices=slices(['a', 'far']))
    eq({b.ask('outside', NODE, 30080) for _ in range(24)}, {('a', topology.OUTSIDE[0])})
    eq(spread(lambda: b.ask('client', NODE, 30080)), {'a', 'far'})
    eq(b.ask('client', NODE, 30080)[1], POD['client'])
    eq(spread(lambda: b.ask('node', NODE, 30080)), {'a', 'far'})
    b.table(service(**spec), slices=slices(['far']))
    eq(b.ask('outside', NODE, 30080, timeout=0.5), TIMEOUT)
    eq(b.ask('client', NODE, 30080)[0], 'far')


def unready_is_removed(b):
    """An endpoint that is not ready gets no new connection from the moment the change is made."""
    b.table(service(), slices=slices(['a', 'b']))
    b.table(service(), slices=slices([('a', UNREADY), 'b']))
    eq(spread(lambda: b.ask('client', VIP, 80)), {'b'})


def terminating_fallback(b):
    """Endpoints that terminate but still serve are used when nothing else is left, and only then."""
    b.table(service(), slices=slices([('a', TERMINATING), 'b']))
    eq(spread(lambda: b.ask('client', VIP, 80), 24), {'b'})
    b.table(service(), slices=slices([('a', TERMINATING), ('b', UNREADY)]))
    eq(spread(lambda: b.ask('client', VIP, 80), 8), {'a'})


def established_survive(b):
    """An established connection survives the loss of its endpoint, of the Service, and a full sync."""
    b.table(service(), slices=slices(['a']))
    with b.connect('client', VIP, 80) as s:
        eq(talk(s)[0], 'a')
        b.table(service(), slices=slices(['b']))
        eq(talk(s)[0], 'a')
        b.driver('sync')
        eq(talk(s)[0], 'a')
        b.table()
        eq(talk(s)[0], 'a')


def restart_keeps_forwarding(b):
    """While no process runs, and through the sync of a new one, every connection succeeds."""
    b.table(service(), slices=slices(['a', 'b']))
    b.driver.end('quit')
    eq(b.ask('client', VIP, 80)[0] in 'ab', True)
    b.start()
    eq(b.ask('client', VIP, 80)[0] in 'ab', True)
    b.table(service(), slices=slices(['b']))
    eq(spread(lambda: b.ask('client', VIP, 80), 16), {'b'})


def restart_removes_what_went_meanwhile(b):
    """What the table lost while no process ran is gone after the sync, and the kernel equals the table."""
    gone = service('gone', ip='10.96.0.99', ip6=None, externalIPs=[EXTERNAL])
    b.table(service(), gone, slices=[slices(['a']), slices(['b'], 'gone')])
    eq(b.ask('client', '10.96.0.99', 80)[0], 'b')
    b.driver.end('quit')
    b.start()
    b.table(service(), slices=slices(['a']))
    eq([f for f in b.driver('dump') if '10.96.0.99' in f or EXTERNAL in f], [])


def contested_address(b):
    """Of two Services that claim one external IP the first by name has it, and when it goes the other does."""
    one = service('one', ip='10.96.0.21', ip6=None, externalIPs=[EXTERNAL])
    two = service('two', ip='10.96.0.22', ip6=None, externalIPs=[EXTERNAL])
    both = [slices(['a'], 'one'), slices(['b'], 'two')]
    b.table(one, two, slices=both)
    eq(spread(lambda: b.ask('client', EXTERNAL, 80), 8), {'a'})
    b.table(two, slices=both)
    eq(spread(lambda: b.ask('client', EXTERNAL, 80), 8), {'b'})


def nft(b, *words):
    with b.top.inside('node'):
        return subprocess.run(['nft', *words], check=True, capture_output=True, text=True).stdout


def nftables_vandalisms(b):
    """What others could do to our tables: (what it is, nft commands)."""
    for name in ('cluster-ips', 'members', 'local-members', 'sources', 'hairpins', 'node-addresses'):
        yield f'empty set {name}', [f'flush set ip fairlead {name}']
    for name in ('services', 'node-ports', 'origins', 'node-origins', 'backends'):
        yield f'empty map {name}', [f'flush map ip fairlead {name}']
    for family in ('ip', 'ip6'):
        chains = [c['chain'] for c in json.loads(nft(b, '-j', 'list', 'chains'))['nftables'] if 'chain' in c]
        chains = [c['name'] for c in chains if c['family'] == family and c['table'] == 'fairlead']
        eq(len(chains) > 10, True)
        for name in chains:
            yield f'flush {family} {name}', [f'flush chain {family} fairlead {name}']
        for name in (c for c in chains if c.startswith('hook-')):
            yield f'delete {family} {name}', [f'flush chain {family} fairlead {name}', f'delete chain {family} fairlead {name}']
            yield f'policy of {family} {name}', [f'add chain {family} fairlead {name} {{ policy drop; }}']
            # A chain of that name that no packet comes to.
            yield f'unhook {family} {name}', [f'flush chain {family} fairlead {name}', f'delete chain {family} fairlead {name}',
                                              f'add chain {family} fairlead {name}',
                                              f'add rule {family} fairlead {name} jump services']
        yield f'insert a rule, {family}', [f'insert rule {family} fairlead services drop']
        yield f'put {family} to sleep', [f'add table {family} fairlead {{ flags dormant; }}']
        yield f'delete {family}', [f'delete table {family} fairlead']


VANDALISMS = {'nftables': nftables_vandalisms}


def drift_is_seen_and_mended(b):
    """Whatever somebody else does to what the mode put into the kernel, a check tells it and a sync mends it."""
    if b.mode not in VANDALISMS:
        raise Skipped(f'{b.mode} has no verifier yet')
    sticky = {'sessionAffinity': 'ClientIP', 'sessionAffinityConfig': {'clientIP': {'timeoutSeconds': 600}}}
    plain = service('plain', ip='10.96.0.11', ip6='fd96::11')
    both = [slices(['a', 'far']), slices(['a'], 'plain')]
    b.table(service(type='LoadBalancer', externalTrafficPolicy='Local', loadBalancerSourceRanges=['192.0.2.0/24'],
                    status={'loadBalancer': {'ingress': [{'ip': LB}]}}, port_extra={'nodePort': 30080}, **sticky),
            plain, slices=both)
    for what, commands in VANDALISMS[b.mode](b):
        nft(b, '; '.join(commands))
        try:
            b.driver('check')
        except AssertionError as e:
            eq('kernel differs' in str(e), True)
        else:
            raise AssertionError(f'nobody sees: {what}')
        b.driver('sync')
        try:
            b.driver('check')
        except AssertionError as e:
            raise AssertionError(f'not mended: {what}: {e}') from None
        eq(b.ask('client', '10.96.0.11', 80)[0], 'a')
    b.table(plain, slices=both)
    b.driver('sync')  # collects the chains that look into it
    if b.mode == 'nftables':
        nft(b, 'delete set ip fairlead members')
        b.driver('sync')
        b.driver('check')


def purge_leaves_nothing(b):
    """Closing with purge removes all that the mode put into the kernel."""
    b.table(service(), slices=slices(['a']))
    b.driver.end('purge')
    b.start()
    eq(b.driver('dump'), [])


def random_service(r, i):
    spec = {'internalTrafficPolicy': r.choice(['Cluster', 'Cluster', 'Local']),
            'externalTrafficPolicy': r.choice(['Cluster', 'Local']),
            'type': r.choice(['ClusterIP', 'NodePort', 'LoadBalancer'])}
    if r.random() < 0.4:
        spec.update(sessionAffinity='ClientIP',
                    sessionAffinityConfig={'clientIP': {'timeoutSeconds': r.choice([60, 10800])}})
    if r.random() < 0.4:
        spec['externalIPs'] = [f'198.51.100.{r.randrange(1, 12)}', f'2001:db8:1::{r.randrange(1, 12)}']
    if spec['type'] != 'ClusterIP':
        spec['port_extra'] = {'nodePort': 30000 + i}
    if spec['type'] == 'LoadBalancer':
        spec['status'] = {'loadBalancer': {'ingress': [{'ip': f'203.0.113.{i + 1}'}]}}
        spec['loadBalancerSourceRanges'] = r.sample(['10.0.0.0/8', '192.0.2.0/24', '198.18.0.0/15', 'fd64::/16'], 2)
    return service(f's{i}', ip=f'10.96.1.{i + 1}', ip6=r.choice([None, f'fd96::1:{i + 1:x}']),
                   protocol=r.choice(['TCP', 'UDP', 'SCTP']), **spec)


def changes_equal_a_sync(b):
    """After each of many random changes the kernel holds exactly the table, whether applied or synced."""
    r = random.Random(4)
    state = {}
    for step in range(60):
        for _ in range(r.randrange(1, 4)):
            i = r.randrange(12)
            if i in state and r.random() < 0.3:
                del state[i]
                continue
            s = random_service(r, i)
            pods = [(p, r.choice([{}, {}, UNREADY, TERMINATING])) for p in r.sample(list(POD), r.randrange(5))]
            state[i] = (s, slices(pods, f's{i}', protocol=s['spec']['ports'][0]['protocol']))
        b.table(*(s for s, _ in state.values()), slices=[x for _, x in state.values()])
        if step % 10 == 9:
            applied = b.driver('dump')
            b.driver('sync')
            eq(b.driver('dump'), applied)


SCENARIOS = [cluster_ip_tcp, cluster_ip_udp, from_the_node, from_outside_to_cluster_ip, node_port, node_port_udp,
             node_port_only_on_selected_addresses, external_ip, load_balancer_address, source_ranges, affinity,
             affinity_forgets_a_backend_that_left, hairpin, masquerade_all, no_detector_no_masquerade,
             reject_without_endpoints, unknown_port_of_a_cluster_ip, internal_local, external_local,
             unready_is_removed, terminating_fallback, established_survive, restart_keeps_forwarding,
             restart_removes_what_went_meanwhile, contested_address, changes_equal_a_sync, drift_is_seen_and_mended,
             purge_leaves_nothing]


def main():
    args = sys.argv[1:]
    mode = 'nftables'
    if '--mode' in args:
        at = args.index('--mode')
        mode = args[at + 1]
        del args[at:at + 2]
    program, only = args[0], args[1:]
    if not topology.enter():
        print('1..0 # SKIP this kernel does not let us make namespaces')
        return 0
    top = topology.Topology()
    for pod in topology.PODS:
        top.serve(pod, 8080)
    todo = [s for s in SCENARIOS if not only or s.__name__ in only]
    print(f'1..{len(todo)}', flush=True)
    failed = 0
    bench = Bench(top, program, mode)
    for i, scenario in enumerate(todo, 1):
        try:
            bench.reset()
            scenario(bench)
            print(f'ok {i} - {scenario.__name__}', flush=True)
        except Skipped as why:
            print(f'ok {i} - {scenario.__name__} # SKIP {why}', flush=True)
        except Exception:
            failed += 1
            for line in traceback.format_exc().splitlines():
                print('# ' + line)
            print(f'not ok {i} - {scenario.__name__}', flush=True)
            if bench.driver.p.poll() is not None:
                bench.start()
    bench.driver.end('purge')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
