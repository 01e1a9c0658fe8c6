#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sends the same generated requests to a stock kube-apiserver and to ours, and says where the answers differ. See README.md."""
import argparse
import contextlib
import io
import json
import os
import pathlib
import shutil
import sys
import tempfile
import time

import servers
from compare import Comparer, signature
from generate import Generator
from shrink import shrink
from steps import Memory, Scope, path, request

RANGES = {'dual': '10.96.0.0/24,fd00:96::/112', 'dual6': 'fd00:96::/112,10.96.0.0/24', 'v4': '10.96.0.0/24', 'v6': 'fd00:96::/112'}
HANGS_UP = 'a request at which the stock server panics and hangs up'
KINDS = ['services', 'endpoints', 'endpointslices']


class Pair:
    """Both servers, and what is known of each."""

    def __init__(self, stock, ours):
        self.sides = [stock, ours]
        self.comparer = Comparer()
        self.n_steps, self.n_scopes = 0, 0
        self.begin('diff')

    def begin(self, namespace):
        Scope.namespace = namespace
        for side in self.sides:
            side.call('POST', '/api/v1/namespaces', json.dumps({'metadata': {'name': namespace}}), {'Content-Type': 'application/json'})

    def clean(self):
        """An empty namespace on both; returns what is left of addresses, which should be nothing."""
        if not all([self.empty(side) for side in self.sides]):
            self.hangs_up()  # at any update of a Service of two families that a PUT of the status has made
            self.n_scopes += 1
            self.begin(f'diff-{self.n_scopes}')
        self.memories = [Memory(), Memory()]
        self.comparer.forget()
        left = [sorted(o['metadata']['name'] for o in side.call('GET', '/apis/networking.k8s.io/v1/ipaddresses').json['items']
                       if o['spec']['parentRef'].get('namespace', '').startswith('diff')) for side in self.sides]
        for name in left[0]:  # the stock one keeps the first address of a pair whose second one failed
            self.sides[0].call('DELETE', '/apis/networking.k8s.io/v1/ipaddresses/' + name)
        return left

    def empty(self, side):
        """Whether everything could be removed."""
        is_empty = True
        for kind in KINDS:
            where = path({'kind': kind, 'query': {}})
            for obj in side.call('GET', where).json['items'] or []:
                item = where + '/' + obj['metadata']['name']
                try:
                    gone = side.call('DELETE', item)
                    if obj['metadata'].get('finalizers') or (gone.json or {}).get('metadata', {}).get('finalizers'):
                        side.call('PATCH', item, '{"metadata":{"finalizers":null}}', {'Content-Type': 'application/merge-patch+json'})
                except OSError:
                    if side is not self.sides[0]:
                        raise
                    is_empty = False
        return is_empty

    def hangs_up(self):
        self.comparer.excepted[HANGS_UP] = self.comparer.excepted.get(HANGS_UP, 0) + 1

    def step(self, step):
        answers = []
        self.n_steps += 1
        for side, memory in zip(self.sides, self.memories):
            try:
                answers.append(side.call(*request(step, memory)))
            except OSError:
                if side is not self.sides[0]:
                    raise
                self.hangs_up()
                return [], [], True
        found, is_parted = self.comparer.compare(step, *answers)
        for answer, memory in zip(answers, self.memories):
            memory.learn(step, answer)
        return answers, found, is_parted or any(d.is_deep for d in found)

    def replay(self, steps):
        """[(index, step, answers, differences)] of those that differ, up to one after which the servers hold different things."""
        self.clean()
        out = []
        for i, step in enumerate(steps):
            answers, found, is_parted = self.step(step)
            if found:
                out.append((i, step, answers, found))
            if is_parted:
                return out
        final = [{'verb': 'GET', 'kind': kind, 'query': {}} for kind in KINDS]
        for step in final:
            answers, found, _ = self.step(step)
            if found:
                out.append((len(steps), step, answers, found))
        return out


class Report:
    def __init__(self, pair, folder, max_shrinks):
        self.pair, self.folder, self.max_shrinks = pair, pathlib.Path(folder), max_shrinks
        self.counts = {}
        self.folder.mkdir(parents=True, exist_ok=True)

    def add(self, seed, steps, i, step, found):
        for d in found:
            sig = signature(step, d)
            self.counts[sig] = self.counts.get(sig, 0) + 1
            if self.counts[sig] == 1:
                self.tell(seed, steps[:i + 1] + ([step] if i == len(steps) else []), step, d, sig)

    def tell(self, seed, steps, step, d, sig):
        n = len(self.counts)
        if n <= self.max_shrinks:
            small = shrink(self.pair, steps, sig)
        else:
            small = steps
        (self.folder / f'{n:03}.json').write_text(json.dumps(small))
        print(f'\n--- {n:03} seed {seed}: {sig}\n  {str(d)[:700]}')
        for one in small[-6:]:
            print('  ' + json.dumps(one)[:900])
        sys.stdout.flush()


def run(pair, report, args):
    for seed in args.seeds:
        generator = Generator(seed, args.apply)
        began, start = time.monotonic(), pair.n_steps
        n_before = sum(report.counts.values())
        n_codes = {}
        while pair.n_steps - start < args.steps:
            steps = generator.episode(args.episode)
            left = pair.clean()
            if left[1]:
                print(f'addresses that nobody holds: {left[1]} (stock: {left[0]})')
            done = pair.n_steps
            differing = pair.replay(steps)
            start_of_shrinking = pair.n_steps
            for i, step, answers, found in differing:
                report.add(seed, steps, i, step, found)
            start += pair.n_steps - start_of_shrinking  # shrinking's steps do not count
            if args.minutes and time.monotonic() - args.began > args.minutes * 60:
                break
        print(f'\nseed {seed} ({args.ranges}): {pair.n_steps - start} steps, {sum(report.counts.values()) - n_before} differences, '
              f'{time.monotonic() - began:.0f} s', flush=True)


def parse():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('--fairlead', default=os.environ.get('FAIRLEAD'), help='our program')
    p.add_argument('--peers', default=os.environ.get('PEERS'), help='the folder of kube-apiserver and etcd')
    p.add_argument('--ranges', default='dual', choices=sorted(RANGES), help='of cluster IPs')
    p.add_argument('--node-ports', default='30000-30511')
    p.add_argument('--store', default='memory')
    p.add_argument('--seeds', default='1', help='a list, and ranges a-b')
    p.add_argument('--steps', type=int, default=2000, help='for each seed')
    p.add_argument('--episode', type=int, default=40, help='steps until both are emptied')
    p.add_argument('--minutes', type=float, default=0, help='end after so long')
    p.add_argument('--no-apply', dest='apply', action='store_false', help='without server-side apply')
    p.add_argument('--shrinks', type=int, default=30, help='how many differences are shrunk to the fewest steps')
    p.add_argument('--examples', type=int, default=0, help='how many of each difference that is meant are shown')
    p.add_argument('--out', default=os.path.join(tempfile.gettempdir(), 'fairlead-differential'), help='where the differences go')
    p.add_argument('--tap', action='store_true', help='answer as a test')
    p.add_argument('--replay', help='a file of steps instead of seeds')
    args = p.parse_args()
    seeds = []
    for part in args.seeds.split(','):
        first, _, last = part.partition('-')
        seeds += range(int(first), int(last or first) + 1)
    args.seeds, args.began = seeds, time.monotonic()
    return args


def missing(args):
    """Why there is nothing to compare with, or None."""
    for program in ('kube-apiserver', 'etcd'):
        if not args.peers or not shutil.which(program, path=args.peers):
            return f'no {program}: name its folder in PEERS'
    return None if shutil.which('openssl') else 'no openssl'


def compare(args):
    os.makedirs(args.out, exist_ok=True)
    with contextlib.ExitStack() as stack:
        folder = tempfile.mkdtemp(prefix='fairlead-differential-')
        stack.callback(shutil.rmtree, folder, True)
        for sub in ('ours', 'stock'):
            os.mkdir(f'{folder}/{sub}')
        processes, stock = servers.start_stock(args.peers, f'{folder}/stock', RANGES[args.ranges], args.node_ports)
        for process in processes:
            stack.callback(servers.stop, process)
        process, ours = servers.start_ours(args.fairlead, f'{folder}/ours', RANGES[args.ranges], args.node_ports, args.store)
        stack.callback(servers.stop, process)
        stack.callback(shutil.copy, f'{folder}/ours/log', args.out)
        stack.callback(lambda: process.poll() is None or print(f'our server ended with status {process.returncode}'))
        pair = Pair(stock, ours)
        if args.replay:
            for i, step, answers, found in pair.replay(json.loads(pathlib.Path(args.replay).read_text())):
                print(i, json.dumps(step), *[f'\n   {d}' for d in found], *[f'\n   {a.status} {a.raw.decode()}' for a in answers])
            return 0
        report = Report(pair, args.out, args.shrinks)
        try:
            run(pair, report, args)
        finally:
            print(f'\n{pair.n_steps} requests to each, {len(report.counts)} kinds of differences:')
            for name, n in sorted(pair.comparer.excepted.items(), key=lambda x: -x[1]):
                print(f'{n:6} meant: {name}')
                for example in pair.comparer.examples.get(name, [])[:args.examples]:
                    print('    ' + example)
            for sig, n in sorted(report.counts.items(), key=lambda x: -x[1]):
                print(f'{n:6} {sig}')
        return len(report.counts)


def main():
    args = parse()
    why = missing(args)
    if why:
        print(f'1..1\nok 1 - differential # SKIP {why}')
        return 0
    if not args.tap:
        return 1 if compare(args) else 0
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        n = compare(args)
    for line in out.getvalue().splitlines():
        print('# ' + line)
    print(f"1..1\n{'not ok' if n else 'ok'} 1 - differential")
    return 1 if n else 0


if __name__ == '__main__':
    sys.exit(main())
