# SPDX-License-Identifier: Apache-2.0
"""A lab for tests: up and down, an API client, commands in its places, TAP. Python's standard library only."""
import base64
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import traceback

DEADLINE_S = 30


class Failed(Exception):
    pass


class Skipped(Exception):
    """This test cannot run here; its text says why."""


def check(condition, text):
    if not condition:
        raise Failed(text)


def wait(what, condition, deadline_s=DEADLINE_S):
    """Polls until the condition gives something true, and returns that."""
    end = time.monotonic() + deadline_s
    last = None
    while time.monotonic() < end:
        last = condition()
        if last:
            return last
        time.sleep(0.02)
    raise Failed(f'gave up after {deadline_s} s: {what} (last: {last!r})')


class Api:
    def __init__(self, kubeconfig):
        text = pathlib.Path(kubeconfig).read_text()
        self.port = int(re.search(r'server: https://127\.0\.0\.1:(\d+)', text).group(1))
        with tempfile.TemporaryDirectory() as tmp:
            files = {}
            for key in ('certificate-authority-data', 'client-certificate-data', 'client-key-data'):
                files[key] = f'{tmp}/{key}'
                pathlib.Path(files[key]).write_bytes(base64.b64decode(re.search(f'{key}: (\\S+)', text).group(1)))
            self.tls = ssl.create_default_context(cafile=files['certificate-authority-data'])
            self.tls.load_cert_chain(files['client-certificate-data'], files['client-key-data'])

    def call(self, method, path, body=None, kind='application/json'):
        conn = http.client.HTTPSConnection('127.0.0.1', self.port, context=self.tls, timeout=20)
        try:
            conn.request(method, path, json.dumps(body) if body is not None else None, {'Content-Type': kind})
            answer = conn.getresponse()
            text = answer.read().decode()
        finally:
            conn.close()
        if answer.status >= 400:
            raise Failed(f'{method} {path}: {answer.status} {text[:500]}')
        return json.loads(text) if 'json' in answer.headers.get('Content-Type', '') else text

    def exists(self, path):
        try:
            self.call('GET', path)
            return True
        except Failed as e:
            if ': 404 ' in str(e):
                return False
            raise

    def pod(self, name):
        return self.call('GET', f'/api/v1/namespaces/default/pods/{name}')

    def create_pod(self, name, containers, node=None, labels=None, **spec):
        if node:
            spec['nodeName'] = node
        self.call('POST', '/api/v1/namespaces/default/pods', {
            'apiVersion': 'v1', 'kind': 'Pod', 'metadata': {'name': name, 'labels': labels or {}},
            'spec': {'containers': containers, 'terminationGracePeriodSeconds': 1, **spec}})

    def delete_pod(self, name):
        self.call('DELETE', f'/api/v1/namespaces/default/pods/{name}')

    def create_service(self, name, selector, ports, **spec):
        return self.call('POST', '/api/v1/namespaces/default/services', {
            'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': name},
            'spec': {'selector': selector, 'ports': ports, **spec}})

    def condition(self, name, kind='Ready'):
        for c in self.pod(name).get('status', {}).get('conditions', []):
            if c['type'] == kind:
                return c['status'] == 'True'
        return False

    def wait_ready(self, name, want=True):
        wait(f'Pod {name} ready={want}', lambda: self.condition(name) == want)
        return self.pod(name)


def responder(port=80, **more):
    return {'name': 'web', 'image': 'built-in', 'ports': [{'containerPort': port}], **more}


class Lab:
    def __init__(self, program, *up):
        self.program = os.path.abspath(program)
        self.tmp = tempfile.mkdtemp(prefix='fairlead-lab-')
        self.dir = f'{self.tmp}/state'
        self.up_args = up
        self.api = None

    def verb(self, name, *args, **kw):
        return subprocess.run([self.program, 'lab', name, '--state-dir', self.dir, *args], capture_output=True,
                              text=True, timeout=120, **kw)

    def up(self):
        out = self.verb('up', *self.up_args)
        if out.returncode != 0:
            self.show_logs()
            raise Failed(f'lab up: {out.stderr}')
        self.api = Api(f'{self.dir}/kubeconfig')
        return out.stdout

    def down(self):
        out = self.verb('down')
        shutil.rmtree(self.tmp, ignore_errors=True)
        check(out.returncode == 0, f'lab down: {out.stderr}')

    def run(self, place, *command):
        return self.verb('exec', place, '--', *command)

    def inside(self, place, *command):
        """What the command printed, None when it failed."""
        out = self.run(place, *command)
        return out.stdout.strip() if out.returncode == 0 else None

    def ask(self, place, url, seconds=2):
        """The fields of a responder's answer, or None."""
        text = self.inside(place, 'curl', '-gs', '-m', str(seconds), url)
        return dict(w.split('=', 1) for w in text.split() if '=' in w) if text else None

    def state(self):
        return json.loads(pathlib.Path(self.dir, 'lab.json').read_text())

    def part(self, name):
        return next(p for p in self.state()['parts'] if p['name'] == name)

    def host_pid(self, name):
        """A part's process as seen from outside, or None while it does not run. The state file lags, so this looks at
        the supervisor's children."""
        verb, _, node = name.partition('-')
        supervisor = self.supervisor()
        for child in pathlib.Path(f'/proc/{supervisor}/task/{supervisor}/children').read_text().split():
            try:
                argv = pathlib.Path(f'/proc/{child}/cmdline').read_bytes().decode().split('\0')
            except OSError:
                continue
            if argv[1:2] == [verb] and (not node or node in argv):
                return int(child)
        return None

    def supervisor(self):
        return int(pathlib.Path(self.dir, 'supervisor').read_text().split()[0])

    def kill_part(self, name):
        """kill -9, and waits until it runs again."""
        before = self.part(name)
        check(before['pid'] > 0, f'{name} does not run')
        self.run('router', 'kill', '-9', str(before['pid']))
        wait(f'{name} runs again', lambda: self.part(name)['restarts'] > before['restarts'] and self.part(name)['pid'])

    def show_logs(self):
        for log in sorted(pathlib.Path(self.dir, 'log').glob('*.log')):
            print(f'# {log.name}:')
            for line in log.read_text(errors='replace').splitlines()[-8:]:
                print(f'#   {line}')


class Connects:
    """connects.py at work in a place. `targets`: {name: 'tcp:ADDRESS:PORT', …}."""

    def __init__(self, lab, place, targets, pause_ms=5):
        self.seen, self.place = [], place  # (name, began, took, pod or '!error'), in the order of their ends
        script = str(pathlib.Path(__file__).resolve().parent / 'connects.py')
        self.process = subprocess.Popen(
            [lab.program, 'lab', 'exec', '--state-dir', lab.dir, place, '--', sys.executable, script, str(pause_ms),
             *(f'{k}={v}' for k, v in targets.items())], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            name, began, took, said = line.split(None, 3)
            self.seen.append((name, float(began), float(took), said.strip()))

    def wait_for(self, n):
        """Until `n` more attempts have ended."""
        want = len(self.seen) + n
        wait(f'{n} more connects from {self.place}', lambda: len(self.seen) >= want, 60)

    def failed(self, since=0.0):
        return [s for s in self.seen if s[3].startswith('!') and s[1] >= since]

    def stop(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.reader.join(30)
        return self.seen


def skip(why):
    print(f'1..0 # SKIP {why}')
    sys.exit(0)


def need(program, *verbs):
    if os.geteuid() != 0:
        skip('needs root')
    have = subprocess.run([program, 'help'], capture_output=True, text=True).stdout
    for verb in verbs:
        if not re.search(f'^  {verb} ', have, re.M):
            skip(f'this program has no verb {verb}')


def run_tests(lab, tests):
    """Each test takes the lab; TAP."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the lab is taken down
    print(f'1..{len(tests)}', flush=True)
    failed = False
    for i, test in enumerate(tests, 1):
        began = time.monotonic()
        try:
            test(lab)
            result, why = 'ok', ''
        except Skipped as e:
            result, why = 'ok', f' # SKIP {e}'
        except Exception as e:  # whatever goes wrong is this test's failure
            result, why, failed = 'not ok', '', True
            print('# ' + '\n# '.join(traceback.format_exc().splitlines()[-6:] + [str(e)]))
            lab.show_logs()
        print(f'{result} {i} - {test.__name__} ({time.monotonic() - began:.1f} s){why}', flush=True)
    return 1 if failed else 0
