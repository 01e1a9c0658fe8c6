#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that clients reach into Pods through the API server as on a stock cluster: exec with exit codes, input, terminals; attach;
port-forward; proxy; by kubectl of today (WebSocket) and of old (SPDY), and by a plain WebSocket client."""
import base64
import contextlib
import hashlib
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import urllib.request

from lab import Lab, check, need, responder, run_tests, wait

POD = '/api/v1/namespaces/default/pods/'
ROOT = pathlib.Path(__file__).resolve().parents[3]
kubectls = {}


def find_kubectls(tmp):
    current = os.environ.get('KUBECTL_CURRENT') or str(pathlib.Path.home() / '.cache/fairlead-peers/bin/kubectl')
    if not os.access(current, os.X_OK):
        current = '/usr/bin/kubectl'
    if os.access(current, os.X_OK):
        kubectls['current'] = current
    old = subprocess.run(['sh', ROOT / 'tools/old_kubectl.sh', tmp], capture_output=True, text=True)
    if old.returncode == 0:
        kubectls['old'] = old.stdout.strip()


def kubectl(lab, which, *args, **kw):
    kw.setdefault('timeout', 60)
    return subprocess.run([kubectls[which], '--kubeconfig', f'{lab.dir}/kubeconfig', *args], capture_output=True, **kw)


def each_kubectl(test):
    def run(lab):
        check(kubectls, 'no kubectl at all')
        for which in kubectls:
            test(lab, which)
    run.__name__ = test.__name__
    return run


@each_kubectl
def exec_tells_output_and_exit_code(lab, which):
    out = kubectl(lab, which, 'exec', 'sh', '--', 'sh', '-c', 'echo out; echo err >&2; exit 3')
    check((out.returncode, out.stdout) == (3, b'out\n') and out.stderr.startswith(b'err\n'), out)
    check(kubectl(lab, which, 'exec', 'sh', '--', 'true').returncode == 0, 'true')
    out = kubectl(lab, which, 'exec', 'sh', '--', 'sh', '-c', 'kill -9 $$')
    check(out.returncode == 137, out)
    out = kubectl(lab, which, 'exec', 'sh', '--', 'no-such-program')
    check(out.returncode == 1 and b'no-such-program' in out.stderr, out)
    out = kubectl(lab, which, 'exec', 'sh', '-c', 'none', '--', 'true')
    check(out.returncode == 1 and b'container none is not valid for pod sh' in out.stderr, out)
    out = kubectl(lab, which, 'exec', 'sh', '--', 'sh', '-c', 'hostname; echo $HOSTNAME; ls -d /proc/1')
    check(out.stdout == b'sh\nsh\n/proc/1\n', out)


@each_kubectl
def input_and_output_are_whole(lab, which):
    sent = os.urandom(10 * 1024 * 1024)
    out = kubectl(lab, which, 'exec', '-i', 'sh', '--', 'cat', input=sent)
    check(out.returncode == 0 and hashlib.sha256(out.stdout).digest() == hashlib.sha256(sent).digest(),
          (out.returncode, len(out.stdout), out.stderr))
    out = kubectl(lab, which, 'exec', 'sh', '--', 'head', '-c', '20000000', '/dev/zero')
    check(len(out.stdout) == 20000000, len(out.stdout))
    out = kubectl(lab, which, 'exec', '-i', 'sh', '--', 'head', '-c', '5', input=sent)  # it does not read the rest
    check(out.stdout == sent[:5], out.stdout[:20])


@each_kubectl
def terminals_have_a_size(lab, which):
    size = 'until stty size | grep -v "^0 0"; do sleep 0.05; done'  # it comes behind the terminal
    command = f"stty cols 91 rows 33; {kubectls[which]} exec -it sh -- sh -c '{size}; echo $TERM; test -t 0 && exit 4'; echo rc=$?"
    out = subprocess.run(['script', '-qec', command, '/dev/null'], stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
                         env=dict(os.environ, KUBECONFIG=f'{lab.dir}/kubeconfig')).stdout
    check(b'33 91\r\nxterm\r\n' in out and b'rc=4' in out, out)


def processes(words):
    text = '\0'.join(words).encode() + b'\0'
    found = 0
    for path in pathlib.Path('/proc').glob('[0-9]*/cmdline'):
        with contextlib.suppress(OSError):
            found += path.read_bytes() == text
    return found


@each_kubectl
def a_client_that_goes_takes_its_process_along(lab, which):
    number = {'current': '98761', 'old': '98762'}[which]
    p = subprocess.Popen([kubectls[which], '--kubeconfig', f'{lab.dir}/kubeconfig', 'exec', 'sh', '--', 'sleep', number],
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait('it sleeps', lambda: processes(['sleep', number]))
    p.kill()
    p.wait()
    wait('it is gone', lambda: not processes(['sleep', number]))


@contextlib.contextmanager
def forward(lab, which, *what):
    p = subprocess.Popen([kubectls[which], '--kubeconfig', f'{lab.dir}/kubeconfig', 'port-forward', *what],
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        ports = []
        while len(ports) < len(what) - 1:
            line = p.stdout.readline()
            check(line, f'port-forward {what} has ended: {ports}')
            if line.startswith('Forwarding from 127.0.0.1:'):
                ports.append(int(line.split(':')[1].split()[0]))
        threading.Thread(target=p.stdout.read, daemon=True).start()
        yield ports
    finally:
        p.send_signal(signal.SIGKILL)
        p.wait()


def fetch(port, path='/'):
    with urllib.request.urlopen(f'http://127.0.0.1:{port}{path}', timeout=20) as answer:
        return answer.read()


@each_kubectl
def ports_are_forwarded(lab, which):
    with forward(lab, which, 'pod/web', ':8080', ':8081') as (one, two):
        said = []

        def ask():
            said.append(fetch(one))
        threads = [threading.Thread(target=ask) for _ in range(50)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
        check(len(said) == 50 and all(s.startswith(b'pod=web node=node1 from=127.0.0.1:') for s in said), said[:3])
        check(b'port=8081' in fetch(two), 'the other port')
    with forward(lab, which, 'pod/web', ':9') as (closed,):
        try:
            fetch(closed)
            check(False, 'nobody listens there')
        except OSError:
            pass
    with forward(lab, which, 'service/web', ':80') as (port,):
        check(fetch(port).startswith(b'pod=web '), 'by the Service')


@each_kubectl
def much_is_forwarded_both_ways(lab, which):
    with forward(lab, which, 'pod/sh', ':7000') as (port,), socket.create_connection(('127.0.0.1', port), timeout=60) as s:
        sent = os.urandom(8 * 1024 * 1024)

        def send():
            s.sendall(sent)
            s.shutdown(socket.SHUT_WR)
        threading.Thread(target=send, daemon=True).start()
        got = bytearray()
        while len(got) < len(sent):
            piece = s.recv(1 << 16)
            check(piece, f'ended after {len(got)} bytes')
            got += piece
        check(got == sent, 'what came back is what was sent')


@each_kubectl
def a_service_without_selector_is_not_forwarded(lab, which):
    out = kubectl(lab, which, 'port-forward', 'service/kubernetes', ':443')
    check(out.returncode == 1 and b"invalid service 'kubernetes': Service is defined without a selector" in out.stderr, out)


@each_kubectl
def logs_and_proxy(lab, which):
    out = kubectl(lab, which, 'logs', '--tail=1', 'sh')
    check(out.stdout == b'ready\n', out)
    out = kubectl(lab, which, 'get', '--raw', f'{POD}web:8080/proxy/')
    check(out.stdout.startswith(b'pod=web node=node1 '), out)
    out = kubectl(lab, which, 'get', '--raw', '/api/v1/namespaces/default/services/web:http/proxy/')
    check(out.stdout.startswith(b'pod=web node=node1 '), out)
    out = kubectl(lab, which, 'get', '--raw', '/api/v1/nodes/node2/proxy/healthz')
    check(out.stdout == b'ok', out)


TICKS = 'echo before; for i in $(seq 120); do sleep 0.1; echo tick $i; echo tock $i >&2; done'


@each_kubectl
def attach_follows_output_until_the_container_ends(lab, which):
    name = 'ticks-' + which
    lab.api.create_pod(name, [{'name': 'c', 'image': 'x', 'command': ['sh', '-c', TICKS]}], 'node2')
    lab.api.wait_ready(name)
    wait('it has printed', lambda: b'tock 2\n' in kubectl(lab, which, 'logs', name).stdout)
    p = subprocess.Popen([kubectls[which], '--kubeconfig', f'{lab.dir}/kubeconfig', 'attach', name],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    errors = []
    reader = threading.Thread(target=lambda: errors.extend(p.stderr), daemon=True)
    reader.start()
    try:
        first = p.stdout.readline()
        check(first.startswith(b'tick ') and first != b'tick 1\n', first)
        at = int(first.split()[1])
        got = [p.stdout.readline() for _ in range(5)]
        check(got == [b'tick %d\n' % i for i in range(at + 1, at + 6)], (first, got))
        rest = p.stdout.read().splitlines()
        p.wait(60)
        reader.join(10)
        check(rest == [b'tick %d' % i for i in range(at + 6, 121)], rest)
        tocks = [line for line in errors if line.startswith(b'tock ')]
        check(p.returncode == 0 and tocks and tocks == [b'tock %d\n' % i for i in range(121 - len(tocks), 121)], (p.returncode, errors))
    finally:
        p.kill()
        p.wait()
        lab.api.delete_pod(name)


TALK = 'echo old; sleep 2.5; echo new; echo errors >&2; sleep 600'


@each_kubectl
def logs_are_cut_as_asked_for(lab, which):
    """By lines, bytes, age; with times; and those of the run before."""
    def logs(*args):
        out = kubectl(lab, which, 'logs', 'talks', *args)
        check(out.returncode == 0, out)
        return out.stdout
    if not lab.api.exists(POD + 'talks'):
        lab.api.create_pod('talks', [{'name': 'c', 'image': 'x', 'command': ['sh', '-c', TALK]}], 'node1')
        lab.api.create_pod('twice', [{'name': 'c', 'image': 'x', 'command': ['sh', '-c', 'echo run; exit 3']}], 'node1')
    wait('it has said all', lambda: logs() == b'old\nnew\nerrors\n')
    check((logs('--tail=2'), logs('--tail=0'), logs('--limit-bytes=5')) == (b'new\nerrors\n', b'', b'old\nn'), 'cut')
    check(logs('--since=1h') == logs(), 'an hour is enough')
    lines = [line.split(b' ', 1) for line in logs('--timestamps').splitlines()]
    check([text for _, text in lines] == [b'old', b'new', b'errors'], lines)
    times = [time.decode() for time, _ in lines]
    check(all(re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z', t) for t in times) and times == sorted(times), times)
    # kubectl writes a time in whole seconds: one between the first line and the others.
    second = times[1][:19] + 'Z'
    check(logs('--since-time', second) == b'new\nerrors\n', (second, times))
    check(logs('--since-time', second, '--tail=1', '--timestamps') == f'{times[2]} errors\n'.encode(), times)
    wait('it is old', lambda: logs('--since=1s') == b'')
    wait('it has run twice', lambda: lab.api.pod('twice')['status']['containerStatuses'][0]['restartCount'] >= 1)
    check(kubectl(lab, which, 'logs', '-p', 'twice').stdout == b'run\n', 'the run before')
    out = kubectl(lab, which, 'logs', '-p', 'talks')
    check(out.returncode == 1 and b'previous terminated container "c" in pod "talks" not found' in out.stderr, out)


def attach(lab, which, *args):
    return subprocess.Popen([kubectls[which], '--kubeconfig', f'{lab.dir}/kubeconfig', 'attach', *args],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


READ = 'while read a; do echo got $a; done; echo end'


@each_kubectl
def attach_gives_input(lab, which):
    """With stdinOnce the container's input ends with the client's; else the next client goes on."""
    lab.api.create_pod('once-' + which, [{'name': 'c', 'image': 'x', 'stdin': True, 'stdinOnce': True, 'command': ['sh', '-c', READ]}],
                       'node2', restartPolicy='Never')
    lab.api.create_pod('often-' + which, [{'name': 'c', 'image': 'x', 'stdin': True, 'command': ['sh', '-c', READ]}], 'node2')
    for name in ('once-', 'often-'):
        lab.api.wait_ready(name + which)
    p = attach(lab, which, '-i', 'once-' + which)
    out, errors = p.communicate(b'one\ntwo\n', timeout=60)
    check(p.returncode == 0 and out == b'got one\ngot two\nend\n', (p.returncode, out, errors))
    wait('it is over', lambda: lab.api.pod('once-' + which)['status']['phase'] == 'Succeeded')
    for word in (b'one', b'two'):
        p = attach(lab, which, '-i', 'often-' + which)
        try:
            p.stdin.write(word + b'\n')
            p.stdin.close()
            got = p.stdout.readline()
            check(got == b'got ' + word + b'\n', got)
        finally:
            p.kill()
            p.wait()
    check(kubectl(lab, which, 'logs', 'often-' + which).stdout == b'got one\ngot two\n', 'it still reads')
    for name in ('once-', 'often-'):
        lab.api.delete_pod(name + which)


class WebSocket:
    """A client's side, for messages that are whole in their frames."""

    def __init__(self, lab, path, protocol):
        self.s = lab.api.tls.wrap_socket(socket.create_connection(('127.0.0.1', lab.api.port), timeout=20), server_hostname='127.0.0.1')
        key = base64.b64encode(os.urandom(16)).decode()
        self.s.sendall((f'GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n'
                        f'Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: {protocol}\r\n\r\n').encode())
        self.head = b''
        while b'\r\n\r\n' not in self.head:
            self.head += self.take(1)
        accept = base64.b64encode(hashlib.sha1((key + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').encode()).digest())
        check(self.head.startswith(b'HTTP/1.1 101 ') and accept in self.head, self.head)
        check(f'sec-websocket-protocol: {protocol}'.encode() in self.head.lower(), self.head)

    def take(self, n):
        got = b''
        while len(got) < n:
            piece = self.s.recv(n - len(got))
            check(piece, 'the connection has ended')
            got += piece
        return got

    def message(self):
        """(opcode, payload)"""
        first, length = self.take(2)
        if length == 126:
            length, = struct.unpack('>H', self.take(2))
        elif length == 127:
            length, = struct.unpack('>Q', self.take(8))
        return first & 15, self.take(length)

    def send(self, payload, opcode=2):
        mask = os.urandom(4)
        head = bytes([0x80 | opcode]) + (bytes([0x80 | len(payload)]) if len(payload) < 126 else
                                         bytes([0x80 | 126]) + struct.pack('>H', len(payload)))
        self.s.sendall(head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload)))

    def channels(self):
        """All that comes until the Close, by channel."""
        got = {}
        while True:
            opcode, payload = self.message()
            if opcode == 8:
                return got
            got[payload[0]] = got.get(payload[0], b'') + payload[1:]


def channels_of_a_plain_websocket(lab):
    query = 'exec?command=sh&command=-c&command=read+a;echo+"got+$a";echo+e+%3E%262;exit+7&stdin=1&stdout=1&stderr=1'
    for protocol in ('v4.channel.k8s.io', 'v5.channel.k8s.io'):
        ws = WebSocket(lab, f'{POD}sh/{query}', protocol)
        check(ws.message() == (2, b'\x01'), 'an empty message says that it is connected')
        ws.send(b'ping', 9)
        check(ws.message() == (10, b'ping'), 'a ping is answered')
        ws.send(b'\x00wor')
        ws.send(b'\x00ld\n', 1)
        got = ws.channels()
        check(got[1] == b'got world\n' and got[2] == b'e\n', got)
        st = json.loads(got[3])
        check(st['reason'] == 'NonZeroExitCode' and st['details']['causes'] == [{'reason': 'ExitCode', 'message': '7'}], st)
    ws = WebSocket(lab, f'{POD}sh/exec?command=wc&command=-c&stdin=1&stdout=1', 'v5.channel.k8s.io')
    ws.message()
    ws.send(b'\x00' + b'x' * 1000)
    ws.send(b'\xff\x00')  # the end of channel 0
    got = ws.channels()
    check(got[1] == b'1000\n' and json.loads(got[3])['status'] == 'Success', got)


def ports_by_a_plain_websocket(lab):
    ws = WebSocket(lab, f'{POD}web/portforward?ports=8080&ports=9', 'v4.channel.k8s.io')
    got = [ws.message() for _ in range(4)]
    check(sorted(p for _, p in got)[:2] == [b'\x00' + struct.pack('<H', 8080), b'\x01' + struct.pack('<H', 8080)], got)
    ws.send(b'\x00GET / HTTP/1.0\r\n\r\n')
    text = {0: b'', 3: b''}
    while b'pod=web' not in text[0] or b'error forwarding port 9' not in text[3]:
        _, payload = ws.message()
        text[payload[0]] = text.get(payload[0], b'') + payload[1:]


def refused(lab, path, headers):
    """The status and text of an answer that is no upgrade."""
    import http.client
    conn = http.client.HTTPSConnection('127.0.0.1', lab.api.port, context=lab.api.tls, timeout=20)
    conn.request('POST', path, None, headers)
    answer = conn.getresponse()
    return answer.status, answer.read().decode()


def what_cannot_be_is_told(lab):
    spdy = {'Connection': 'Upgrade', 'Upgrade': 'SPDY/3.1', 'X-Stream-Protocol-Version': 'v4.channel.k8s.io'}
    path = f'{POD}sh/exec?command=true&stdout=1'
    status, text = refused(lab, path, {})
    check(status == 400 and 'Upgrade request required' in text, (status, text))
    status, text = refused(lab, path, dict(spdy, Upgrade='h2c'))
    check(status == 400 and 'SPDY/3.1' in text, (status, text))
    status, text = refused(lab, path, {**spdy, 'X-Stream-Protocol-Version': 'v9'})
    check(status == 403 and 'unable to negotiate protocol' in text, (status, text))
    status, text = refused(lab, f'{POD}sh/exec?command=true', spdy)
    check((status, text) == (400, 'you must specify at least 1 of stdin, stdout, stderr'), (status, text))
    status, text = refused(lab, f'{POD}sh/exec?stdout=1', spdy)
    check((status, text) == (400, 'you must specify at least 1 command'), (status, text))
    status, text = refused(lab, f'{POD}sh/attach?stdin=1&stdout=1', spdy)
    check(status == 501 and 'kubectl exec -i' in text, (status, text))


def strangers_run_nothing(lab):
    """The agent itself: neither without a certificate, nor with one that is not the server's."""
    def status(*more):
        return lab.inside('node1', 'curl', '-sk', '-m', '5', '-o', '/dev/null', '-w', '%{http_code}', *more,
                          'https://198.51.100.12:10250/exec/default/sh/c?output=1&command=true')
    check(status() == '401', status())
    pki = pathlib.Path(lab.dir, 'data/pki')
    for who in ('node', 'proxy', 'dns'):
        if (pki / f'{who}.crt').exists():
            check(status('--cert', str(pki / f'{who}.crt'), '--key', str(pki / f'{who}.key')) == '403', who)


def a_pod_that_ends_ends_its_streams(lab):
    lab.api.create_pod('brief', [{'name': 'c', 'image': 'x', 'command': ['sleep', '1000']}], 'node2')
    lab.api.wait_ready('brief')
    ws = WebSocket(lab, f'{POD}brief/exec?command=sleep&command=98763&stdout=1', 'v4.channel.k8s.io')
    wait('it sleeps', lambda: processes(['sleep', '98763']))
    lab.api.delete_pod('brief')
    st = json.loads(ws.channels()[3])
    check(st['status'] == 'Failure', st)
    wait('it is gone', lambda: not processes(['sleep', '98763']))


ECHO = ("import socket,threading\n"
        "def serve(c):\n"
        " while d:=c.recv(65536): c.sendall(d)\n"
        " c.close()\n"
        "s=socket.create_server(('127.0.0.1',7000)); print('ready',flush=True)\n"
        "while True: threading.Thread(target=serve,args=(s.accept()[0],),daemon=True).start()\n")


def main():
    program = sys.argv[1]
    need(program, 'server', 'agent', 'lab')
    lab = Lab(program, '--nodes', '2', '--proxy-mode', 'none')
    with tempfile.TemporaryDirectory() as tmp:
        find_kubectls(tmp)
        try:
            lab.up()
            lab.api.create_pod('web', [{'name': 'web', 'image': 'x', 'ports': [{'containerPort': 8080, 'name': 'http'}, {'containerPort': 8081}]}],
                               'node1', {'app': 'web'})
            lab.api.create_pod('sh', [{'name': 'c', 'image': 'x', 'command': ['/usr/bin/python3', '-c', ECHO]}], 'node2')
            lab.api.create_service('web', {'app': 'web'}, [{'port': 80, 'targetPort': 'http', 'name': 'http'}])
            lab.api.wait_ready('web')
            lab.api.wait_ready('sh')
            return run_tests(lab, [
                exec_tells_output_and_exit_code, input_and_output_are_whole, terminals_have_a_size,
                a_client_that_goes_takes_its_process_along, ports_are_forwarded, much_is_forwarded_both_ways,
                a_service_without_selector_is_not_forwarded, logs_and_proxy, logs_are_cut_as_asked_for, attach_gives_input, attach_follows_output_until_the_container_ends, channels_of_a_plain_websocket,
                ports_by_a_plain_websocket, what_cannot_be_is_told, strangers_run_nothing, a_pod_that_ends_ends_its_streams])
        finally:
            lab.down()


if __name__ == '__main__':
    sys.exit(main())
