#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when a document names what is not there: `function()`, `src/path`, or a relative link.

check_docs.py [ROOT]   Reads README.md, HACKING.md, CONTRIBUTING.md and docs/**/*.md.
"""
import pathlib
import re
import sys

CALL = re.compile(r'`([a-z][a-z0-9_]+)\(\)`')
PATH = re.compile(r'`((?:src|tests|tools|docs|examples|man|bpf)/[A-Za-z0-9_./-]+)`')
LINK = re.compile(r'\]\(([^)#:]+)(?:#[^)]*)?\)')


def main():
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent
    code = '\n'.join(p.read_text() for p in sorted((root / 'src').rglob('*.[ch]')))
    bad = []
    docs = [root / n for n in ('README.md', 'HACKING.md', 'CONTRIBUTING.md') if (root / n).exists()]
    for doc in docs + sorted((root / 'docs').rglob('*.md')):
        text = doc.read_text()
        name = doc.relative_to(root)
        for function in sorted(set(CALL.findall(text))):
            if not re.search(rf'\b{function}\(', code):
                bad.append(f'{name}: there is no function {function}()')
        for path in sorted(set(PATH.findall(text))):
            if not (root / path.rstrip('/.')).exists():
                bad.append(f'{name}: there is no {path}')
        for link in sorted(set(LINK.findall(text))):
            if not (doc.parent / link).exists():
                bad.append(f'{name}: broken link {link}')
    print('\n'.join(bad) if bad else 'docs: clean')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
