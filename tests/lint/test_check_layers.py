#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that tools/check_layers.py fails on an include that points the wrong way."""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class LayersCheck(unittest.TestCase):
    def run_with(self, files):
        with tempfile.TemporaryDirectory() as tmp:
            tmp = pathlib.Path(tmp)
            (tmp / 'tools').mkdir()
            shutil.copy(ROOT / 'tools/layers.txt', tmp / 'tools')
            for name, text in files.items():
                path = tmp / 'src' / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            out = subprocess.run([sys.executable, ROOT / 'tools/check_layers.py', tmp], capture_output=True, text=True)
            return out.returncode, out.stdout

    def test_right_way_passes(self):
        self.assertEqual(self.run_with({'svc/x.c': '#include "base/str.h"\n#include "api/kind.h"\n'})[0], 0)

    def test_wrong_way_fails(self):
        code, out = self.run_with({'svc/x.c': '#include "client/cache.h"\n'})
        self.assertEqual(code, 1)
        self.assertIn('svc must not include client', out)

    def test_a_mode_must_not_see_another_nor_the_api(self):
        self.assertEqual(self.run_with({'proxy/nftables/x.c': '#include "api/kind.h"\n'})[0], 1)

    def test_inner_rooms_see_the_public_header_only(self):
        self.assertEqual(self.run_with({'controller/frame/x.c': '#include "controller/controller.h"\n'})[0], 0)
        self.assertEqual(self.run_with({'controller/frame/x.c': '#include "controller/leader.h"\n'})[0], 1)

    def test_base_includes_nothing_of_ours(self):
        self.assertEqual(self.run_with({'base/x.c': '#include "json/json.h"\n'})[0], 1)

    def test_unknown_room_fails(self):
        self.assertEqual(self.run_with({'common/x.c': ''})[0], 1)

    def test_bare_include_fails(self):
        self.assertEqual(self.run_with({'base/x.c': '#include "str.h"\n'})[0], 1)

    def test_own_header_comes_first(self):
        files = {'base/x.h': '', 'base/x.c': '#include "base/str.h"\n#include "base/x.h"\n'}
        self.assertEqual(self.run_with(files)[0], 1)


if __name__ == '__main__':
    unittest.main()
