#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run.py FAIRLEAD STORE SUBJECT [NAME…]: the tests of suite_<SUBJECT>.py against a server of their own.

The suites are those of this folder and of PYTHONPATH; $FAIRLEAD, if set, is run instead of FAIRLEAD. A test is a
function test_…(api): `api` is an Api (api.py) with a fresh namespace in api.ns. Its name says what it proves. With NAMEs, only tests whose name contains one of them run. Prints TAP.

With STORE "peer", the server is a stock kube-apiserver that runs already: $PEER_PORT, and $PEER_TOKEN of its administrator
("admin-token" unless set). Tests that mean nothing to it (@ours, or OURS of their suite) are skipped. It has its own address ranges: what the suite's OPTIONS
say is not so there.
"""
import atexit
import importlib
import os
import pathlib
import sys
import tempfile
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'harness'))
import etcd
from api import Peer, Server, Skip


def main():
    binary, store, subject, *names = sys.argv[1:]
    binary = os.environ.get('FAIRLEAD') or binary
    module = importlib.import_module('suite_' + subject)
    tests = [f for n, f in vars(module).items() if n.startswith('test_') and (not names or any(x in n for x in names))]
    failed = 0
    with tempfile.TemporaryDirectory(prefix='fairlead-api-') as folder:
        if store == 'peer':
            server = Peer(int(os.environ['PEER_PORT']), os.environ.get('PEER_TOKEN', 'admin-token'), folder)
        else:
            options = list(getattr(module, 'OPTIONS', []))
            if store == 'etcd':
                if not etcd.find():
                    print('1..0 # SKIP no etcd in PATH (Debian: etcd-server)')
                    return 0
                cluster = etcd.Etcd(folder + '/etcd')
                atexit.register(cluster.kill)
                cluster.start()
                options += ['--etcd-servers', cluster.urls]
            server = Server(binary, store, folder, options)
        atexit.register(server.kill)
        server.start()
        for i, test in enumerate(tests, 1):
            name = test.__name__[5:]
            try:
                ours = getattr(test, 'ours', getattr(module, 'OURS', None))
                if store == 'peer' and ours:
                    raise Skip(ours)
                test(server.api(name))
                print(f'ok {i} - {name}', flush=True)
            except Skip as why:
                print(f'ok {i} - {name} # SKIP {why}', flush=True)
            except Exception:
                failed += 1
                print(f'not ok {i} - {name}', flush=True)
                for line in traceback.format_exc().splitlines():
                    print('# ' + line, flush=True)
        code = server.stop()
        if 'ignoring a change in the store' in server.log():
            failed += 1
            print('# the server cannot read what it has stored:\n# ' + server.log()[-4000:].replace('\n', '\n# '))
        if code != 0:
            failed += 1
            print(f'# the server ended with status {code}:\n# ' + server.log()[-4000:].replace('\n', '\n# '))
    print(f'1..{len(tests)}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
