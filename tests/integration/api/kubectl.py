# SPDX-License-Identifier: Apache-2.0
"""kubectl as a person runs it: which programs there are, and one bound to a server and a namespace."""
import functools
import json
import os
import pathlib
import re
import shutil
import subprocess
import threading

from api import DEADLINE_S, Skip
from clients import go_program

COMMAND_S = 60
CACHE = pathlib.Path.home() / '.cache/fairlead-peers/bin/kubectl'


@functools.lru_cache(maxsize=None)
def minor(program):
    """The minor version of a kubectl, None when there is no such program."""
    if not shutil.which(program):
        return None
    out = subprocess.run([program, 'version', '--client', '-o', 'json'], capture_output=True, text=True, timeout=COMMAND_S)
    found = re.search(r'"gitVersion": *"v1\.(\d+)', out.stdout)
    return int(found.group(1)) if found else None


def on_path():
    return [str(pathlib.Path(d) / 'kubectl') for d in os.environ.get('PATH', '').split(':') if d]


def debian():
    """Debian 12's: 1.20, which validates by OpenAPI 2 in protobuf and knows no server-side validation."""
    for program in filter(None, [os.environ.get('KUBECTL_DEBIAN'), *on_path()]):
        if (minor(program) or 99) <= 20:
            return program
    raise Skip('no kubectl 1.20: apt-get install kubernetes-client, or set KUBECTL_DEBIAN')


def current():
    """A current one: OpenAPI 3, validation by the server, protobuf where it can."""
    for program in filter(None, [os.environ.get('KUBECTL_CURRENT'), str(CACHE), *on_path()]):
        if (minor(program) or 0) > 30:
            return program
    return built()


def built():
    """One of the library that kubectl is, for machines that have none."""
    mod = (pathlib.Path(__file__).parent / 'clients/go/go.mod').read_text(encoding='utf-8')
    minor_, patch = re.search(r'k8s.io/kubectl v0\.(\d+)\.(\d+)', mod).groups()
    version = {'gitVersion': f'v1.{minor_}.{patch}', 'gitMajor': '1', 'gitMinor': minor_}
    return go_program('kubectl', '-ldflags=-s -w ' + ' '.join(f'-X k8s.io/component-base/version.{k}={v}' for k, v in version.items()))


class Kubectl:
    """Runs of one program against one server, in one namespace (ns=None: none is given)."""

    def __init__(self, program, api):
        self.program, self.api, self.ns, self.minor = program, api, api.ns, minor(program)
        self.folder = api.server.folder
        (self.folder / 'home').mkdir(exist_ok=True)
        # An own HOME: a cache of another server's discovery would be believed.
        self.env = dict(os.environ, HOME=str(self.folder / 'home'), KUBECONFIG=str(self.folder / 'kubeconfig'), TMPDIR=str(self.folder))
        self.env.pop('KUBERNETES_SERVICE_HOST', None)

    def command(self, *args, ns=True):
        where = ['-n', self.ns] if ns and self.ns else []
        return [self.program, *where, *args]

    def run(self, *args, ns=True, stdin=None, **env):
        return subprocess.run(self.command(*args, ns=ns), input=stdin, capture_output=True, text=True, timeout=COMMAND_S,
                              env=dict(self.env, **env))

    def ok(self, *args, **more):
        """What a command that must succeed prints."""
        out = self.run(*args, **more)
        assert out.returncode == 0, f'kubectl {" ".join(args)}: {out.stderr}{out.stdout}'
        return out.stdout.strip()

    def fails(self, *args, **more):
        """What a command that must fail says."""
        out = self.run(*args, **more)
        assert out.returncode != 0, f'kubectl {" ".join(args)} did not fail: {out.stdout}'
        return out.stderr.strip()

    def says(self, want, *args, **more):
        """A command that must succeed and print exactly that."""
        got = self.ok(*args, **more)
        assert got == want, f'kubectl {" ".join(args)}: wanted {want!r}, got {got!r}'

    def apply(self, *objects):
        """Applies objects, given as values; what is printed."""
        return self.ok('apply', '-f', '-', stdin=manifest(*objects))

    def json(self, *args):
        return json.loads(self.ok('get', *args, '-o', 'json'))

    def field(self, what, path):
        """One field, by jsonpath."""
        return self.ok('get', what, '-o', 'jsonpath={' + path + '}')

    def background(self, *args):
        return Background(self, *args)


class Background:
    """A kubectl that runs on; its lines are read as they come."""

    def __init__(self, k, *args):
        self.lines, self.more = [], threading.Condition()
        self.process = subprocess.Popen(k.command(*args), env=k.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            with self.more:
                self.lines.append(line.rstrip())
                self.more.notify_all()

    def until(self, text):
        """The first line that holds the text."""
        def found():
            return next((line for line in self.lines if text in line), None)
        with self.more:
            assert self.more.wait_for(found, DEADLINE_S), f'{text!r} did not come; came {self.lines}'
            return found()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(DEADLINE_S)
        self.reader.join(DEADLINE_S)
        self.process.stdout.close()


def manifest(*objects):
    """Objects as one List."""
    return json.dumps({'apiVersion': 'v1', 'kind': 'List', 'items': objects})


def scenarios(module, find):
    """The test_ functions of a module, each given a Kubectl of the program that find() finds: for a suite's globals()."""
    def bind(fn):
        @functools.wraps(fn)
        def test(api):
            fn(Kubectl(find(), api))
        return test
    return {n: bind(f) for n, f in vars(module).items() if n.startswith('test_')}
