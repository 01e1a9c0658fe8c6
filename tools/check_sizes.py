#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails for a C function over 100 lines or a file over 1,500 (docs/principles.md).

A longer function needs a comment directly above it that contains "long because". Tests count too.
Prints functions over 60 lines and files over 800 as a warning.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
START = re.compile(r'^[A-Za-z_].*\)\s*$|^[A-Za-z_].*\)\s*_\w+_\s*$|^TEST\(')


def functions(lines):
    """(name line, length, has the excuse) of each function: the body is between '{' and '}' in column 0."""
    start = None
    for i, line in enumerate(lines):
        if line == '{':
            start = i
        elif line == '}' and start is not None:
            head = start
            while head > 0 and lines[head - 1].strip() and not lines[head - 1].startswith(('}', ' */', '#')):
                head -= 1
            above = '\n'.join(lines[max(0, head - 8):head])
            yield head + 1, i - start + 1, 'long because' in above
            start = None


def main():
    out = subprocess.run(['git', 'ls-files', '*.c', '*.h'], cwd=ROOT, capture_output=True, text=True)
    failed = False
    for name in out.stdout.splitlines():
        path = ROOT / name
        if not path.exists():
            continue
        lines = path.read_text().splitlines()
        if len(lines) > 1500:
            print(f'{name}: {len(lines)} lines; 1,500 are the limit')
            failed = True
        elif len(lines) > 800:
            print(f'warning: {name}: {len(lines)} lines')
        for at, length, excused in functions(lines):
            if length > 100 and not excused:
                print(f'{name}:{at}: function of {length} lines; 100 are the limit')
                failed = True
            elif length > 60 and not excused:
                print(f'warning: {name}:{at}: function of {length} lines')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
