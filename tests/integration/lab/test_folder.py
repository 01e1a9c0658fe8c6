#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that 'lab up' and 'lab down' remove only a folder that is a lab's: one with anything else in it is left as it is."""
import os
import subprocess
import sys
import tempfile


def lab(program, verb, folder):
    return subprocess.run([program, 'lab', verb, '--state-dir', folder], capture_output=True, text=True, timeout=60)


def main(program):
    failed = 0
    print('1..3')
    with tempfile.TemporaryDirectory(prefix='fairlead-folder-') as tmp:
        home = f'{tmp}/home'
        os.mkdir(home)
        letter = f'{home}/letter'
        with open(letter, 'w') as f:
            f.write('dear reader')
        for number, verb in enumerate(('up', 'down'), 1):
            done = lab(program, verb, home)
            good = done.returncode != 0 and 'something else than a lab' in done.stderr and os.path.exists(letter)
            failed += not good
            print(f'{"ok" if good else "not ok"} {number} - lab {verb} leaves a foreign folder alone')
            if not good:
                print(f'# status {done.returncode}: {done.stdout}{done.stderr}')
        left = f'{tmp}/left'
        os.makedirs(f'{left}/log')
        open(f'{left}/supervisor', 'w').close()  # a lab that ended before it was up
        done = lab(program, 'down', left)
        good = done.returncode == 0 and not os.path.exists(left)
        failed += not good
        print(f'{"ok" if good else "not ok"} 3 - lab down removes what a lab left')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(os.path.abspath(sys.argv[1])))
