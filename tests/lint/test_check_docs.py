#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that tools/check_docs.py finds documents and comments that name what is not there."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class DocsCheck(unittest.TestCase):
    def run_with(self, files):
        with tempfile.TemporaryDirectory() as tmp:
            for name, text in files.items():
                path = pathlib.Path(tmp, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            out = subprocess.run([sys.executable, ROOT / 'tools/check_docs.py', tmp], capture_output=True, text=True)
            self.assertEqual(out.returncode, 0 if out.stdout == 'docs: clean\n' else 1)
            return out.stdout

    def test_what_is_there_may_be_named(self):
        files = {'README.md': '`f()` of `src/a/x.c`, [more](docs/y.md)', 'docs/y.md': '',
                 'src/a/x.c': '/* As x.c, a/x.c and tests/z.h have it; <uv.h> and linux/if.h are the system\'s. */\nint f(void);\n',
                 'tests/z.h': ''}
        self.assertEqual(self.run_with(files), 'docs: clean\n')

    def test_a_document_that_names_what_is_gone(self):
        out = self.run_with({'docs/y.md': '`gone()` of `src/a/z.c`, [more](n.md)'})
        self.assertEqual(out.splitlines(), ['docs/y.md: there is no function gone()', 'docs/y.md: there is no src/a/z.c',
                                            'docs/y.md: broken link n.md'])

    def test_a_comment_that_names_what_is_gone(self):
        out = self.run_with({'src/a/x.c': '/* See y.h\n * and a/z.c. */\nconst char *s = "/* not w.h */";\n'})
        self.assertEqual(out.splitlines(), ['src/a/x.c: a comment names a/z.c, which is not there',
                                            'src/a/x.c: a comment names y.h, which is not there'])


if __name__ == '__main__':
    unittest.main()
