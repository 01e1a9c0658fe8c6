#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when a file of src/ includes a room that tools/layers.txt does not allow its room.

check_layers.py [ROOT]   ROOT: the checkout (default: the one that this script is in).
Also fails for: a room that the table lacks, an include that is not rooted ("room/file.h"), a .c file
whose first include is not its own header, a cycle in the table.
"""
import pathlib
import re
import sys

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


def check_file(path, src, table):
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
        if other is None:
            yield f'src/{rel}: "{inc}" is in no room of tools/layers.txt'
        elif other not in (room, 'base') and '*' not in table[room] and other not in table[room]:
            yield f'src/{rel}: {room} must not include {other} ("{inc}")'


def main():
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent
    table = read_table(root / 'tools/layers.txt')
    src = root / 'src'
    problems = []
    cycle = find_cycle(table)
    if cycle:
        problems.append('tools/layers.txt: cycle: ' + ' -> '.join(cycle))
    for path in sorted(src.rglob('*.[ch]')):
        problems += check_file(path, src, table)
    print('\n'.join(problems) if problems else 'layers: clean')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
