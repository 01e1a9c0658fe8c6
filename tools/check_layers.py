#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when a file of src/ includes a room that tools/layers.txt does not allow its room.

check_layers.py [ROOT]   ROOT: the checkout (default: the one that this script is in).
Also fails for: a room that the table lacks, an include that is not rooted ("room/file.h"), a .c file
whose first include is not its own header, a cycle in the table, an allowance that no include uses, and
a table of rooms in docs/architecture.md that has other rooms or ranks. A room's rank is one more than
the highest of those that it may include.
"""
import pathlib
import re
import sys

DOC = 'docs/architecture.md'
DOC_ROW = re.compile(r'^\| (\d+) \| `src/([^`]+)` \|', re.M)
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)


def read_table(path):
    table = {}
    for line in path.read_text().splitlines():
        line = line.split('#')[0].strip()
        if line:
            room, _, allowed = line.partition(':')
            table[room.strip()] = allowed.split()
    return table


def find_cycle(table):
    state = {}

    def visit(room, trail):
        if state.get(room) == 'done':
            return None
        if room in trail:
            return trail[trail.index(room):] + [room]
        for other in table.get(room, []):
            cycle = visit(other, trail + [room]) if other != '*' else None
            if cycle:
                return cycle
        state[room] = 'done'
        return None

    for room in table:
        cycle = visit(room, [])
        if cycle:
            return cycle
    return None


def room_of(path, table):
    """What the table names of the path: the file itself, or the longest prefix of its folder."""
    parts = path.split('/')
    for n in range(len(parts), 0, -1):
        if '/'.join(parts[:n]) in table:
            return '/'.join(parts[:n])
    return None


def check_file(path, src, table, used):
    """`used` gets the pairs of rooms, the one that includes and the one that is included."""
    rel = path.relative_to(src)
    room = room_of(str(rel), table)
    if room is None:
        yield f'src/{rel}: the folder is no room of tools/layers.txt'
        return
    includes = INCLUDE.findall(path.read_text())
    if path.suffix == '.c' and path.with_suffix('.h').exists():
        own = str(rel.with_suffix('.h'))
        if not includes or includes[0] != own:
            yield f'src/{rel}: the first include must be "{own}"'
    for inc in includes:
        if '/' not in inc:
            yield f'src/{rel}: "{inc}": write the room too ("room/file.h")'
            continue
        other = room_of(inc, table)
        used.add((room, other))
        if other is None:
            yield f'src/{rel}: "{inc}" is in no room of tools/layers.txt'
        elif other not in (room, 'base') and '*' not in table[room] and other not in table[room]:
            yield f'src/{rel}: {room} must not include {other} ("{inc}")'


def check_unused(table, used):
    for room, allowed in table.items():
        for other in allowed:
            if other != '*' and (room, other) not in used:
                yield f'tools/layers.txt: {room} may include {other}, and nothing there does: take it out'


def ranks_of(table):
    ranks = {}

    def rank(room):
        if room not in ranks:
            below = [r for r in table if r != room] if '*' in table[room] else table[room] + ['base']
            ranks[room] = 0 if room == 'base' else 1 + max(rank(r) for r in below)
        return ranks[room]

    for room in table:
        rank(room)
    return {room: r for room, r in ranks.items() if not room.endswith('.h')}


def doc_ranks(text):
    """A row names one room, or several as a/{b,c}."""
    ranks = {}
    for rank, name in DOC_ROW.findall(text):
        head, _, inner = name.rstrip('}').partition('{')
        ranks.update({head + n: int(rank) for n in (inner.split(',') if inner else [''])})
    return ranks


def check_doc(text, table):
    want, got = ranks_of(table), doc_ranks(text)
    for room in sorted(want.keys() | got.keys()):
        if room not in want:
            yield f'{DOC}: src/{room} is no room of tools/layers.txt'
        elif want[room] != got.get(room):
            yield f'{DOC}: its table has to say that src/{room} is of rank {want[room]}'


def main():
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent
    table = read_table(root / 'tools/layers.txt')
    src = root / 'src'
    problems = []
    cycle = find_cycle(table)
    if cycle:
        problems.append('tools/layers.txt: cycle: ' + ' -> '.join(cycle))
    used = set()
    for path in sorted(src.rglob('*.[ch]')):
        problems += check_file(path, src, table, used)
    problems += check_unused(table, used)
    if not cycle:
        problems += check_doc((root / DOC).read_text(), table)
    print('\n'.join(problems) if problems else 'layers: clean')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
