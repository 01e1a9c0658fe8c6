#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that a lab changes nothing of the host's network: interfaces, addresses, routes, rules, nftables, sysctls, named
namespaces, mounts are the same before, while it is up and after; and that it works inside 'unshare -Urn' as well."""
import json
import os
import pathlib
import subprocess
import sys

from lab import Lab, Skipped, check, need, responder, run_tests, wait

INSIDE = 'FAIRLEAD_TEST_USERNS'  # set in the copy of this program that runs in a user namespace
COMMANDS = (['ip', '-d', '-j', 'link'], ['ip', '-j', 'addr'], ['ip', '-j', 'route', 'show', 'table', 'all'],
            ['ip', '-j', '-6', 'route', 'show', 'table', 'all'], ['ip', '-j', 'rule'], ['ip', '-j', '-6', 'rule'],
            ['nft', '-j', 'list', 'ruleset'], ['ip', 'netns', 'list'])
# What counts down or up by itself.
RESTLESS = {'valid_life_time', 'preferred_life_time', 'expires', 'used', 'age'}


def still(value):
    if isinstance(value, dict):
        return {k: still(v) for k, v in value.items() if k not in RESTLESS and k != 'metainfo'}
    return [still(v) for v in value] if isinstance(value, list) else value


def sysctls():
    """All of net: what a module that is loaded meanwhile adds is no change of what was there."""
    values = {}
    for path in pathlib.Path('/proc/sys/net').rglob('*'):
        try:
            values[str(path)] = path.read_text()
        except (OSError, UnicodeDecodeError):
            continue
    return {k: v for k, v in values.items() if not k.endswith('_count')}


def host():
    seen = {}
    for command in COMMANDS:
        out = subprocess.run(command, capture_output=True, text=True)
        text = out.stdout
        seen[' '.join(command)] = still(json.loads(text)) if text.startswith(('[', '{')) else text
    seen['mounts'] = sorted(line for line in pathlib.Path('/proc/self/mountinfo').read_text().split('\n'))
    seen['netns'] = sorted(os.listdir('/run/netns')) if os.path.isdir('/run/netns') else []
    return seen, sysctls()


def check_same(before, what):
    now = host()
    for key, value in before[0].items():
        check(now[0][key] == value, f'{what}: {key}: was {value}, is {now[0][key]}')
    changed = {k: (v, now[1].get(k)) for k, v in before[1].items() if now[1].get(k) != v}
    check(not changed, f'{what}: sysctls: {changed}')


def a_working_lab(lab):
    lab.api.create_pod('web', [responder(80)], 'node1', {'run': 'web'})
    lab.api.create_pod('asker', [responder()], 'node2')
    vip = lab.api.create_service('web', {'run': 'web'}, [{'port': 80, 'nodePort': 30080}],
                                 type='NodePort')['spec']['clusterIP']
    for name in ('web', 'asker'):
        lab.api.wait_ready(name)
    wait('by name', lambda: lab.ask('pod/asker', 'http://web/'))
    wait('by cluster IP', lambda: lab.ask('pod/asker', f'http://{vip}/'))
    wait('from outside', lambda: lab.ask('client', 'http://203.0.113.12:30080/'))


def the_host_does_not_change(lab):
    before = host()
    try:
        lab.up()
        check_same(before, 'while it comes up')
        a_working_lab(lab)
        check_same(before, 'while it is at work')
    finally:
        lab.down()
    check_same(before, 'after it was down')
    left = subprocess.run(['pgrep', '-f', lab.dir], capture_output=True, text=True).stdout
    check(not left, f'processes are left: {left}')


def it_works_without_root(lab):
    if lab.no_userns:
        raise Skipped(lab.no_userns)
    before = host()
    out = subprocess.run(['unshare', '-Urn', sys.executable, *sys.argv], capture_output=True, text=True, timeout=120,
                         env=dict(os.environ, **{INSIDE: '1'}))
    print('# ' + '\n# '.join(out.stdout.split('\n')[:40]))
    check(out.returncode == 0, f'{out.stdout[-300:]} {out.stderr[-300:]}')
    check_same(before, 'a lab in a user namespace')


def why_no_userns():
    out = subprocess.run(['unshare', '-Urn', 'true'], capture_output=True, text=True)
    return out.stderr.strip() if out.returncode else None


def run_inside():
    """With root's rights in the new user namespace only; its own network has nothing but a loopback."""
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    lab = Lab(sys.argv[1], '--nodes', '2')
    try:
        lab.up()
        return run_tests(lab, [a_working_lab])
    finally:
        lab.down()


def main():
    if INSIDE in os.environ:
        return run_inside()
    need(sys.argv[1], 'server', 'agent', 'proxy', 'dns', 'lab')
    lab = Lab(sys.argv[1], '--nodes', '2')
    lab.no_userns = why_no_userns()
    return run_tests(lab, [the_host_does_not_change, it_works_without_root])


if __name__ == '__main__':
    sys.exit(main())
