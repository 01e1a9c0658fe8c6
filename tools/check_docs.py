#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when a document or a comment names what is not there.

check_docs.py [ROOT]   Reads README.md, HACKING.md, CONTRIBUTING.md and docs/**/*.md for `function()`, `src/path` and
relative links, and the comments of src/ for names of our sources and headers: file.c, or with the end of its path.
"""
import pathlib
import re
import sys

CALL = re.compile(r'`([a-z][a-z0-9_]+)\(\)`')
PATH = re.compile(r'`((?:src|tests|tools|docs|examples|man|bpf)/[A-Za-z0-9_./-]+)`')
COMMENT = re.compile(r'"(?:[^"\\\n]|\\.)*"|/\*.*?\*/', re.S)
SOURCE = re.compile(r'(?<![\w<./-])((?:[\w-]+/)*[\w-]+\.[ch])(?![\w>])')
LINK = re.compile(r'\]\(([^)#:]+)(?:#[^)]*)?\)')


def check_comments(root):
    """Those of a path that is of no room of ours (linux/…) are not meant."""
    paths = ['/' + str(p.relative_to(root)) for p in root.rglob('*.[ch]') if p.is_relative_to(root / 'src') or p.is_relative_to(root / 'tests')]
    rooms = {part for p in paths for part in p.split('/')[1:-1]}
    ends = {p[i:] for p in paths for i, c in enumerate(p) if c == '/'}
    for path in sorted((root / 'src').rglob('*.[ch]')):
        comments = ' '.join(m for m in COMMENT.findall(path.read_text()) if m.startswith('/*'))
        for name in sorted(set(SOURCE.findall(comments))):
            if '/' + name not in ends and ('/' not in name or name.split('/')[0] in rooms):
                yield f'{path.relative_to(root)}: a comment names {name}, which is not there'


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
    bad += check_comments(root)
    print('\n'.join(bad) if bad else 'docs: clean')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
