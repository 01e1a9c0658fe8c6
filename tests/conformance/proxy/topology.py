# SPDX-License-Identifier: Apache-2.0
"""A node with Pods and an outside, as network namespaces of this process alone.

enter() gives the process namespaces of its own (network, mounts, and users where it is not root), so nothing of
the host changes and everything goes when the process ends. Topology() then makes, inside:

    outside 192.0.2.100 ---- 192.0.2.1 node 10.64.1.1 ---- a 10.64.1.2, b 10.64.1.3, client 10.64.1.9
                                                     \\---- far 10.64.2.2 (a Pod of another node)

and the same with 2001:db8::/64 and fd64:0:1::/64, fd64:0:2::/64.
"""
import contextlib
import ctypes
import os
import socket
import subprocess
import sys
import threading

CLONE_NEWNET = 0x40000000
PODS = {'a': ('10.64.1.2', 'fd64:0:1::2'), 'b': ('10.64.1.3', 'fd64:0:1::3'),
        'client': ('10.64.1.9', 'fd64:0:1::9'), 'far': ('10.64.2.2', 'fd64:0:2::2')}
NODE = ('192.0.2.1', '2001:db8::1')
OUTSIDE = ('192.0.2.100', '2001:db8::100')
libc = ctypes.CDLL(None, use_errno=True)


def enter():
    """Restarts the program in namespaces of its own; returns there. False: the kernel does not let us."""
    if os.environ.get('TOPOLOGY_INSIDE'):
        # In a chroot '/' is no mount point: then the mount that /run is on is made private alone.
        if subprocess.run(['mount', '--make-rprivate', '/'], stderr=subprocess.DEVNULL).returncode != 0:
            subprocess.run(['mount', '--make-rprivate', '/run'], stderr=subprocess.DEVNULL)
        subprocess.run(['mount', '-t', 'tmpfs', 'tmpfs', '/run'], check=True)
        return True
    unshare = ['unshare', '-nm' if os.geteuid() == 0 else '-Urnm', '--propagation', 'unchanged']
    if subprocess.run(unshare + ['true'], stderr=subprocess.DEVNULL).returncode != 0:
        return False
    os.environ['TOPOLOGY_INSIDE'] = '1'
    os.execvp('unshare', unshare + [sys.executable] + sys.argv)


def run(*args):
    subprocess.run(args, check=True, stdout=subprocess.DEVNULL)


def ip(ns, *args):
    # Not 'ip -n', which wants to change the propagation of '/' and cannot in a chroot.
    run('nsenter', f'--net=/run/netns/{ns}', 'ip', *args)


class Topology:
    def __init__(self):
        for ns in ['node', 'outside'] + list(PODS):
            run('ip', 'netns', 'add', ns)
            ip(ns, 'link', 'set', 'lo', 'up')
        self.fds = {ns: os.open(f'/run/netns/{ns}', os.O_RDONLY) for ns in ['node', 'outside'] + list(PODS)}
        self.fds[''] = os.open('/proc/self/ns/net', os.O_RDONLY)
        self._wire('outside', 'out0')
        for side, (v4, v6) in (('node', NODE), ('outside', OUTSIDE)):
            dev = 'out0' if side == 'node' else 'eth0'
            ip(side, 'addr', 'add', v4 + '/24', 'dev', dev)
            ip(side, 'addr', 'add', v6 + '/64', 'dev', dev, 'nodad')
        ip('node', 'route', 'add', 'default', 'via', OUTSIDE[0])
        ip('node', '-6', 'route', 'add', 'default', 'via', OUTSIDE[1])
        # The outside routes everything of the cluster to the node.
        ip('outside', 'route', 'add', 'default', 'via', NODE[0])
        ip('outside', '-6', 'route', 'add', 'default', 'via', NODE[1])
        for name, (v4, v6) in PODS.items():
            self._pod(name, v4, v6)
        for key in ('net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding'):
            run('nsenter', '--net=/run/netns/node', 'sysctl', '-qw', key + '=1')

    def _wire(self, ns, dev):
        ip('node', 'link', 'add', dev, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', ns)
        ip('node', 'link', 'set', dev, 'up')
        ip(ns, 'link', 'set', 'eth0', 'up')

    def _pod(self, name, v4, v6):
        dev = 'p-' + name
        self._wire(name, dev)
        gw4, gw6 = '10.64.1.1', 'fd64:0:1::1'
        ip('node', 'addr', 'add', gw4 + '/32', 'dev', dev)
        ip('node', 'addr', 'add', gw6 + '/128', 'dev', dev, 'nodad')
        ip('node', 'route', 'add', v4, 'dev', dev)
        ip('node', '-6', 'route', 'add', v6, 'dev', dev)
        ip(name, 'addr', 'add', v4 + '/32', 'dev', 'eth0')
        ip(name, 'addr', 'add', v6 + '/128', 'dev', 'eth0', 'nodad')
        ip(name, 'route', 'add', gw4, 'dev', 'eth0')
        ip(name, 'route', 'add', 'default', 'via', gw4)
        ip(name, '-6', 'route', 'add', gw6, 'dev', 'eth0')
        ip(name, '-6', 'route', 'add', 'default', 'via', gw6)

    @contextlib.contextmanager
    def inside(self, ns):
        """What this thread opens meanwhile belongs to that namespace."""
        if libc.setns(self.fds[ns], CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), 'setns ' + ns)
        try:
            yield
        finally:
            if libc.setns(self.fds[''], CLONE_NEWNET):
                os.abort()

    def socket(self, ns, address, kind=socket.SOCK_STREAM, timeout=3.0):
        with self.inside(ns):
            s = socket.socket(socket.AF_INET6 if ':' in address else socket.AF_INET, kind)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.settimeout(timeout)
        return s

    def serve(self, ns, port, name=None):
        """Answers "<name> <client address>" on TCP and UDP of both families, to whatever arrives."""
        text = (name or ns).encode()
        for family in (socket.AF_INET, socket.AF_INET6):
            any_addr = '::' if family == socket.AF_INET6 else '0.0.0.0'
            tcp, udp = (self.socket(ns, any_addr, k, None) for k in (socket.SOCK_STREAM, socket.SOCK_DGRAM))
            for s in (tcp, udp):
                if family == socket.AF_INET6:
                    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                s.bind((any_addr, port))
            tcp.listen(64)
            threading.Thread(target=_serve_tcp, args=(tcp, text), daemon=True).start()
            threading.Thread(target=_serve_udp, args=(udp, text), daemon=True).start()


def _serve_one(c, peer, text):
    with c:
        while c.recv(1500):
            c.sendall(text + b' ' + peer[0].encode())


def _serve_tcp(s, text):
    while True:
        c, peer = s.accept()
        c.settimeout(None)
        threading.Thread(target=_serve_one, args=(c, peer, text), daemon=True).start()


def _serve_udp(s, text):
    while True:
        _, peer = s.recvfrom(1500)
        s.sendto(text + b' ' + peer[0].encode(), peer)
