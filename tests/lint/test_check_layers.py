#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that tools/check_layers.py fails on an include that points the wrong way, and on tables that say what is not so."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


TABLE = 'base:\napi:\nsvc: api\nsvc/in: svc svc/open.h\nsvc/open.h:\n'
DOC = '| 0 | `src/base` | x |\n| 1 | `src/api` | x |\n| 2 | `src/svc` | x |\n| 3 | `src/svc/{in}` | x |\n'
GOOD = {'svc/x.c': '#include "base/str.h"\n#include "api/kind.h"\n',
        'svc/in/y.c': '#include "svc/x.h"\n#include "svc/open.h"\n'}


class LayersCheck(unittest.TestCase):
    def run_with(self, files, table=None, doc=DOC):
        """Without a table: ours, which then has much that is not used."""
        with tempfile.TemporaryDirectory() as tmp:
            tmp = pathlib.Path(tmp)
            (tmp / 'tools').mkdir()
            (tmp / 'docs').mkdir()
            (tmp / 'tools/layers.txt').write_text(table or (ROOT / 'tools/layers.txt').read_text())
            (tmp / 'docs/architecture.md').write_text(doc)
            for name, text in files.items():
                path = tmp / 'src' / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            out = subprocess.run([sys.executable, ROOT / 'tools/check_layers.py', tmp], capture_output=True, text=True)
            self.assertEqual(out.returncode, 0 if out.stdout == 'layers: clean\n' else 1)
            return out.stdout

    def test_right_way_passes(self):
        self.assertEqual(self.run_with(GOOD, TABLE), 'layers: clean\n')

    def test_wrong_way_fails(self):
        self.assertIn('svc must not include client', self.run_with({'svc/x.c': '#include "client/cache.h"\n'}))

    def test_a_mode_must_not_see_another_nor_the_api(self):
        self.assertIn('proxy/nftables must not include api', self.run_with({'proxy/nftables/x.c': '#include "api/kind.h"\n'}))

    def test_inner_rooms_see_the_public_header_only(self):
        self.assertNotIn('must not', self.run_with({'controller/frame/x.c': '#include "controller/controller.h"\n'}))
        self.assertIn('must not', self.run_with({'controller/frame/x.c': '#include "controller/leader.h"\n'}))

    def test_base_includes_nothing_of_ours(self):
        self.assertIn('base must not include json', self.run_with({'base/x.c': '#include "json/json.h"\n'}))

    def test_unknown_room_fails(self):
        self.assertIn('is no room', self.run_with({'common/x.c': ''}))

    def test_bare_include_fails(self):
        self.assertIn('write the room too', self.run_with({'base/x.c': '#include "str.h"\n'}))

    def test_own_header_comes_first(self):
        files = {'base/x.h': '', 'base/x.c': '#include "base/str.h"\n#include "base/x.h"\n'}
        self.assertIn('the first include', self.run_with(files))

    def test_an_allowance_that_nobody_uses_fails(self):
        out = self.run_with(GOOD, TABLE.replace('svc: api', 'svc: api json') + 'json:\n', DOC + '| 1 | `src/json` | x |\n')
        self.assertEqual(out, 'tools/layers.txt: svc may include json, and nothing there does: take it out\n')

    def test_the_documented_ranks_are_those_of_the_table(self):
        out = self.run_with(GOOD, TABLE, DOC.replace('| 2 |', '| 1 |') + '| 1 | `src/gone` | x |\n')
        self.assertEqual(out.splitlines(), ['docs/architecture.md: src/gone is no room of tools/layers.txt',
                                            'docs/architecture.md: its table has to say that src/svc is of rank 2'])


if __name__ == '__main__':
    unittest.main()
