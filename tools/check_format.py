#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when a C file is not as clang-format 14 would write it, or lacks its SPDX line.

check_format.py [--fix] [FILE…]   Without files: every .c and .h that git tracks. --fix rewrites them.
"""
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def tracked():
    out = subprocess.run(['git', 'ls-files', '*.c', '*.h'], cwd=ROOT, capture_output=True, text=True)
    if out.returncode == 0 and out.stdout:
        return [ROOT / line for line in out.stdout.splitlines()]
    return [p for d in ('src', 'tests', 'bpf') for p in sorted((ROOT / d).rglob('*.[ch]'))]


def main():
    args = [a for a in sys.argv[1:] if a != '--fix']
    fix = '--fix' in sys.argv
    tool = shutil.which('clang-format-14')
    if not tool:
        print('format: clang-format-14 is missing: apt-get install clang-format-14')
        return 1
    files = [p for p in ([pathlib.Path(a).resolve() for a in args] or tracked()) if p.exists()]
    bad = [f'{p.relative_to(ROOT)}: no SPDX-License-Identifier in the first two lines' for p in files
           if 'SPDX-License-Identifier' not in ''.join(p.read_text().splitlines()[:2])]
    for i in range(0, len(files), 50):
        chunk = [str(p) for p in files[i:i + 50]]
        if fix:
            subprocess.run([tool, '-i', *chunk], check=True)
            continue
        out = subprocess.run([tool, '--dry-run', '--Werror', *chunk], cwd=ROOT, capture_output=True, text=True)
        bad += sorted({line.split(': error')[0] for line in out.stderr.splitlines() if ': error' in line})
    if bad:
        print('\n'.join(bad[:40]) + '\nmend with: tools/check_format.py --fix FILE…')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
