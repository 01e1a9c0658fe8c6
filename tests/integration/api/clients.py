# SPDX-License-Identifier: Apache-2.0
"""The client libraries of other languages: built and installed outside of the repository, in $XDG_CACHE_HOME/fairlead-tests, once
for each state of their sources. Where a language, or its registry, is absent the tests are skipped and say so."""
import contextlib
import fcntl
import functools
import hashlib
import os
import pathlib
import shutil
import subprocess

from api import Skip

CLIENTS = pathlib.Path(__file__).resolve().parent / 'clients'
CACHE = pathlib.Path(os.environ.get('XDG_CACHE_HOME') or pathlib.Path.home() / '.cache') / 'fairlead-tests'
# Two cores compile client-go from nothing within a few minutes.
INSTALL_S = 1200
RUN_S = 120


def find(program, language):
    return shutil.which(program) or skip(f'no {program} in PATH: install {language}')


def skip(why):
    raise Skip(why)


def state(language):
    """A short name for the sources of one language."""
    digest = hashlib.sha256()
    for path in sorted(p for p in (CLIENTS / language).rglob('*') if p.is_file()):
        digest.update(str(path.relative_to(CLIENTS)).encode() + b'\0' + path.read_bytes() + b'\0')
    return digest.hexdigest()[:16]


@contextlib.contextmanager
def locked(name):
    """Suites run side by side: one of them builds, the others wait for it."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / (name + '.lock'), 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def install(command, what, **more):
    try:
        out = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S, **more)
    except subprocess.TimeoutExpired:
        raise Skip(f'{what} takes more than {INSTALL_S} s') from None
    if out.returncode != 0:
        text = out.stderr + out.stdout
        # What does not compile is an error of ours; what cannot be had is none.
        assert not any(word in text for word in ('.go:', 'SyntaxError')), text
        raise Skip(f'{what} is not to be had here: {text.strip().splitlines()[-1] if text.strip() else out.returncode}')


@functools.lru_cache(maxsize=None)
def go_program(name, *flags):
    """A program of clients/go."""
    go = find('go', 'Go')
    with locked('go'):
        path = CACHE / f'{name}-{state("go")}'
        if not path.exists():
            install([go, 'build', '-trimpath', *flags, '-o', str(path) + '.new', './' + name], f'the Go program {name}',
                    cwd=CLIENTS / 'go', env=dict(os.environ, CGO_ENABLED='0', GOFLAGS='-mod=readonly -buildvcs=false'))
            os.replace(str(path) + '.new', path)
    return str(path)


@functools.lru_cache(maxsize=None)
def node_folder():
    """A folder with the scenarios of clients/node and what package.json names beside them."""
    npm = find('npm', 'Node.js')
    with locked('node'):
        folder = CACHE / ('node-' + state('node'))
        if not (folder / 'installed').exists():
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(CLIENTS / 'node', folder)
            install([npm, 'ci', '--ignore-scripts', '--no-audit', '--no-fund'], 'what clients/node/package.json names', cwd=folder)
            (folder / 'installed').touch()
    return folder


def run(command, **env):
    """A scenario that must succeed."""
    out = subprocess.run(command, capture_output=True, text=True, timeout=RUN_S, env=dict(os.environ, **env))
    assert out.returncode == 0, out.stderr[-4000:] + out.stdout[-4000:]
