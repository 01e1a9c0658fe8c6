# SPDX-License-Identifier: Apache-2.0
"""Transcripts of kubectl: what a person typed, and what was printed, held against what is printed now.

A transcript is a text, transcripts/<version of kubectl>/<name>.txt:

    # What it shows.
    # proves: 19.8 19.9         rules of tests/conformance/api/rules that it proves
    # ours: why                 a stock API server alone cannot answer so: recorded from ours
    $ kubectl create -f - <<EOF
    > {"kind": …}
    > EOF
    service/web created
    [1]                         the exit status, unless it is 0

Commands are run by bash in a folder of their own, with the kubectl of that version, in a namespace of their own. Beside what bash
has there are `begin NAME COMMAND…` (runs it in the background), `await NAME TEXT` (until it has printed that), `ended NAME` (waits
for its end) and `stop NAME`; the last two print what it printed. What differs from run to run (times, uids, addresses and node
ports that were drawn, names of namespaces) is written as a word in capitals.

To record: write the commands, then, with a stock kube-apiserver that runs (tests/conformance/api/run.py tells its variables),
    TRANSCRIPTS=record PEER_PORT=… PYTHONPATH=tests/integration/api python3 tests/conformance/api/run.py - peer transcripts_current [NAME…]
"""
import difflib
import os
import pathlib
import re
import subprocess

from api import Skip, ours, proves
from kubectl import COMMAND_S, Kubectl

FOLDER = pathlib.Path(__file__).resolve().parent / 'transcripts'
PRELUDE = r'''
begin() { local n=$1; shift; "$@" > "$n.log" 2>&1 < /dev/null & echo $! > "$n.pid"; }
await() { local i; for i in {1..400}; do grep -qe "$2" "$1.log" && return; sleep 0.05; done; echo "$2 did not come; came:"; cat "$1.log"; return 1; }
stop() { kill "$(cat "$1.pid")" 2> /dev/null; cat "$1.log"; }
ended() { timeout 20 tail --pid="$(cat "$1.pid")" -f /dev/null || echo "it goes on"; cat "$1.log"; }
'''
# What is drawn or measured: (pattern, word).
DRAWN = (
    (r'[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}', 'UID'),
    (r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z', 'TIME'),
    (r'[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}', 'TIME'),
    (r'\b10\.96\.\d+\.\d+\b(?!/)', 'VIP'),
    (r'fd00:96::[0-9a-f]+', 'VIP6'),
    (r'(?<![\d-])3[0-2]\d{3}(?![\d-])', 'NODEPORT'),
    (r'(resourceVersion\\?"?: ?\\?"?)\d+', r'\1VERSION'),
    (r'\b(\d+[smhd])+(?![\w-])', 'AGE'),
    (r'\b([a-z]+)-[bcdfghjklmnpqrstvwxz2456789]{7,10}-[a-z0-9]{5}\b', r'\1-HASH-NAME'),
    (r'\b([a-z]+)-(?=[a-z]*[2456789])[bcdfghjklmnpqrstvwxz2456789]{7,10}\b', r'\1-HASH'),
    (r'(pod-template-hash=)\w+', r'\1HASH'),
    (r'(?m)^[EWIF]\d{4} [\d:.]+ +\d+ ', 'LOG '),
    (r'(?<=\S) {2,}', '  '),
    (r'(?m)\s+$', ''),
)


class Transcript:
    def __init__(self, path):
        self.path, self.head, self.steps = path, [], []
        for line in path.read_text(encoding='utf-8').splitlines():
            if line.startswith('$ '):
                self.steps.append(([line[2:]], []))
            elif not self.steps:
                self.head.append(line)
            elif line.startswith('> ') and not self.steps[-1][1]:
                self.steps[-1][0].append(line[2:])
            else:
                self.steps[-1][1].append(line)

    def told(self, what):
        """The value of a line of the head, '' without it."""
        return next((line.partition(': ')[2] for line in self.head if line.startswith(f'# {what}: ')), '')

    def run(self, shell):
        """The text with what is printed now."""
        text = list(self.head)
        for command, _ in self.steps:
            text += ['$ ' + command[0], *('> ' + line for line in command[1:]), *shell.run('\n'.join(command))]
        return '\n'.join(text) + '\n'

    def text(self):
        return self.path.read_text(encoding='utf-8')


class Shell:
    """Runs the commands of one transcript."""

    def __init__(self, k, name):
        self.folder = k.folder / ('transcript-' + name)
        self.folder.mkdir()
        (self.folder / 'kubectl').symlink_to(k.program)
        config = self.folder / 'kubeconfig'
        config.write_text((k.folder / 'kubeconfig').read_text())
        self.env = dict(k.env, PATH=f'{self.folder}:{os.environ["PATH"]}', KUBECONFIG=str(config), LC_ALL='C.UTF-8')
        self.names = ((str(self.folder), 'FOLDER'), (f'https://127.0.0.1:{k.api.server.port}', 'URL'), (k.ns, 'NAMESPACE'))
        subprocess.run([k.program, 'config', 'set-context', '--current', '--namespace', k.ns], env=self.env, check=True,
                       capture_output=True, timeout=COMMAND_S)

    def run(self, command):
        """The lines that a command prints, and its status, without what is drawn."""
        out = subprocess.run(['bash', '-c', PRELUDE + command], cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=COMMAND_S * 2)
        said = out.stdout
        for value, word in self.names:
            said = said.replace(value, word)
        for pattern, word in DRAWN:
            said = re.sub(pattern, word, said)
        return said.splitlines() + ([f'[{out.returncode}]'] if out.returncode else [])


def test_of(transcript, find):
    def test(api):
        k = Kubectl(find(), api)
        if transcript.path.parent.name != f'1.{k.minor}':
            raise Skip(f'this is kubectl 1.{k.minor}; the transcript is of {transcript.path.parent.name}')
        now = transcript.run(Shell(k, transcript.path.stem))
        if os.environ.get('TRANSCRIPTS') == 'record':
            transcript.path.write_text(now, encoding='utf-8')
            return
        diff = list(difflib.unified_diff(transcript.text().splitlines(), now.splitlines(), transcript.path.name, 'now', lineterm='', n=4))
        assert not diff, 'printed otherwise:\n' + '\n'.join(diff)
    return test


def transcripts(version, find, module):
    """A test for each transcript of a version, for a suite's globals()."""
    made = {}
    for path in sorted((FOLDER / version).glob('*.txt')):
        transcript = Transcript(path)
        test = proves(*transcript.told('proves').split())(test_of(transcript, find))
        if transcript.told('ours'):
            test = ours(transcript.told('ours'))(test)
        test.__name__ = test.__qualname__ = 'test_transcript_' + path.stem.replace('-', '_')
        test.__module__ = module
        made[test.__name__] = test
    return made
