#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Loads Services into the kernel through a proxy mode, without an API server, beside `nft -f` of kube-proxy's layout.

bench_proxy_load.py DRIVER [SERVICES] [PEER_SERVICES]   default 10000 and 2000 (the peer's cost grows with the square)

Each in a network namespace of its own. Quote the ratios; needs root.
"""
import os
import re
import subprocess
import sys
import tempfile
import time

ENDPOINTS = 4


def kube_proxy_layout(n):
    """A chain and an anonymous map for each Service and a chain for each endpoint, as kube-proxy 1.36 writes them."""
    out = ['table ip peer {', ' map ips { type ipv4_addr . inet_proto . inet_service : verdict; }',
           ' chain do-mark { meta mark set meta mark or 0x4000; }']
    elements = []
    for i in range(n):
        vip = f'10.96.{i // 250}.{i % 250 + 1}'
        vmap = []
        for k in range(ENDPOINTS):
            ep = f'11.{k}.{i // 250}.{i % 250 + 1}'
            out.append(f' chain endpoint-{i}-{k} {{ ip saddr {ep} jump do-mark; meta l4proto tcp dnat to {ep}:8080; }}')
            vmap.append(f'{k} : goto endpoint-{i}-{k}')
        out.append(f' chain service-{i} {{ ip daddr {vip} tcp dport 80 ip saddr != 10.64.0.0/16 jump do-mark; '
                   f'numgen random mod {ENDPOINTS} vmap {{ {", ".join(vmap)} }}; }}')
        elements.append(f'{vip} . tcp . 80 : goto service-{i}')
    out += [' chain pre { type nat hook prerouting priority -100; ip daddr . meta l4proto . th dport vmap @ips; }', '}',
            f'add element ip peer ips {{ {", ".join(elements)} }}']
    return '\n'.join(out) + '\n'


def inside(args, text=None):
    return subprocess.run(['unshare', '-n'] + args, input=text, capture_output=True, text=True, check=True).stdout


def ours(driver, n):
    text = inside([driver, 'nftables'], f'config {{"node":"n1","clusterCIDR":["10.64.0.0/16"]}}\nbench {n} {ENDPOINTS}\nquit\n')
    line = re.search(r'^bench .*$', text, re.M)
    if not line:
        raise SystemExit(text)
    print(line.group(0))
    return {k: float(v) for k, v in re.findall(r'(\w+)=([\d.]+)', line.group(0))}


def main():
    driver = os.path.abspath(sys.argv[1])
    n = int(sys.argv[2]) if len(sys.argv) > 2 else 10000
    peer_n = int(sys.argv[3]) if len(sys.argv) > 3 else 2000
    ours(driver, n)
    small = ours(driver, peer_n)
    with tempfile.NamedTemporaryFile('w', suffix='.nft') as f:
        f.write(kube_proxy_layout(peer_n))
        f.flush()
        start = time.monotonic()
        inside(['nft', '-f', f.name])
        took_ms = (time.monotonic() - start) * 1000
    print(f'peer layout services={peer_n} endpoints={ENDPOINTS} load_ms={took_ms:.0f} ratio={took_ms / small["load_ms"]:.1f}')


if __name__ == '__main__':
    main()
