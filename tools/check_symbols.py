#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when a room exports a symbol that does not begin with the name of the room or of one of its files.

check_symbols.py BUILD   BUILD: the build folder. In base, and wherever a file has its own subject, the file's name
is the prefix (buf_add in base/buf.c); elsewhere the room's (svc_build in svc/build.c).
"""
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Names that a file may export besides its own: the file (without .c) -> prefixes.
ALSO = {'mem': ['arena'], 'metrics': ['metric']}


def main():
    build = pathlib.Path(sys.argv[1])
    bad = []
    for lib in sorted(build.glob('src/**/lib*.a')):
        room = lib.parent.relative_to(build / 'src')
        folders = [p.name for p in (ROOT / 'src' / room).iterdir() if p.is_dir()]
        out = subprocess.run(['nm', '--defined-only', '-g', str(lib)], capture_output=True, text=True)
        file = stem = ''
        for line in out.stdout.splitlines():
            if line.endswith('.o:'):
                stem = pathlib.Path(line[:-1]).name.split('.c.o')[0]
                file = stem.replace('-', '_')
            words = line.split()
            if len(words) != 3 or words[1] in 'uUwWV':
                continue
            name = words[2].lstrip('_')
            # A source in a folder below is called folder_file.c.o: its own name follows the folder's.
            own = next((file[len(f) + 1:] for f in folders if file.startswith(f + '_')), file)
            prefixes = [p.replace('-', '_') for p in room.parts] + [file, own] + ALSO.get(own, [])
            if name.startswith(('asan', 'ubsan', 'odr_asan', 'start_', 'stop_', 'gcov', 'llvm')):
                continue
            if not any(name == p or name.startswith(p + '_') for p in prefixes):
                bad.append(f'src/{room}: {words[2]} (in {stem})')
    print('\n'.join(bad) if bad else 'symbols: clean')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
