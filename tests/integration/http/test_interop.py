#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Proves that curl and Python's own client understand our server: HTTP/1.1 and HTTP/2, clear and TLS, client
certificates, streams that go on, bodies at and over the limit, and a graceful stop.

test_interop.py SERVER   SERVER: the program of http-test-server.c
"""
import http.client
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import unittest

SERVER = ''
BODY_MAX = 3 * 1024 * 1024
CURL = shutil.which('curl')
HAS_HTTP2 = bool(CURL) and 'HTTP2' in subprocess.run([CURL, '--version'], capture_output=True, text=True).stdout


class Interop:
    """The tests; a class below gives the scheme."""
    is_tls = False

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix='fairlead-http-')
        args = [SERVER] + ([self.dir] if self.is_tls else [])
        self.server = subprocess.Popen(args, stdout=subprocess.PIPE, text=True)
        self.port = int(self.server.stdout.readline())
        self.url = f'{"https" if self.is_tls else "http"}://127.0.0.1:{self.port}'

    def tearDown(self):
        self.server.send_signal(signal.SIGTERM)
        self.assertEqual(self.server.wait(timeout=20), 0, 'it stops in order, without a leak')
        self.server.stdout.close()
        shutil.rmtree(self.dir)

    def versions(self):
        yield '1.1', ['--http1.1']
        if HAS_HTTP2:
            yield '2', ['--http2' if self.is_tls else '--http2-prior-knowledge']

    def curl(self, *args, check=True):
        """(body, HTTP version, status) of a curl run."""
        if not CURL:
            self.skipTest('curl is not installed')
        tls = ['--cacert', f'{self.dir}/ca.crt'] if self.is_tls else []
        out = subprocess.run([CURL, '-sS', '-m', '20', '-w', '\n%{http_version} %{http_code}', *tls, *args],
                             capture_output=True, check=False)
        if check:
            self.assertEqual(out.returncode, 0, out.stderr.decode())
        body, _, last = out.stdout.rpartition(b'\n')
        version, status = last.decode().split()
        return body, version, int(status)

    def test_echo(self):
        for version, args in self.versions():
            self.assertEqual(self.curl(*args, '-d', 'hello', f'{self.url}/echo'), (b'hello', version, 200))

    def test_chunked_request(self):
        for version, args in self.versions():
            got = self.curl(*args, '-H', 'Transfer-Encoding: chunked', '-d', 'hello', f'{self.url}/echo')
            self.assertEqual(got, (b'hello', version, 200))

    def test_stream(self):
        for version, args in self.versions():
            self.assertEqual(self.curl(*args, f'{self.url}/stream?n=100'), (b'line\n' * 100, version, 200))

    def test_head(self):
        for _, args in self.versions():
            body, _, status = self.curl(*args, '-I', f'{self.url}/big?n=12345')
            self.assertEqual(status, 200)
            self.assertIn(b'content-length: 12345', body.lower())

    def test_big_answer(self):
        for _, args in self.versions():
            body, _, status = self.curl(*args, f'{self.url}/big?n=20000000')
            self.assertEqual((status, len(body)), (200, 20000000))

    def test_body_limit(self):
        for size, want in ((BODY_MAX, 200), (BODY_MAX + 1, 413)):
            with open(f'{self.dir}/body', 'wb') as f:
                f.write(os.urandom(size))
            for _, args in self.versions():
                for more in ([], ['-H', 'Expect:']):
                    body, _, status = self.curl(*args, *more, '--data-binary', f'@{self.dir}/body',
                                                f'{self.url}/echo')
                    self.assertEqual(status, want)
                    if want == 200:
                        self.assertEqual(len(body), size)

    def test_limits_of_the_head(self):
        for _, args in self.versions():
            self.assertEqual(self.curl(*args, f'{self.url}/{"a" * 17000}')[2], 414)
            many = [x for i in range(140) for x in ('-H', f'x-{i}: v')]
            self.assertEqual(self.curl(*args, *many, f'{self.url}/who')[2], 431)

    def test_watch_goes_on_until_the_client_leaves(self):
        if not CURL:
            self.skipTest('curl is not installed')
        tls = ['--cacert', f'{self.dir}/ca.crt'] if self.is_tls else []
        for _, args in self.versions():
            watch = subprocess.Popen([CURL, '-sSN', *args, *tls, f'{self.url}/watch'], stdout=subprocess.PIPE)
            self.assertEqual(watch.stdout.readline(), b'first\n')
            self.assertIsNone(watch.poll())
            self.assertEqual(self.curl(*args, '-d', 'x', f'{self.url}/echo')[2], 200)
            watch.kill()
            watch.wait()
            watch.stdout.close()

    def test_pythons_client(self):
        if self.is_tls:
            context = ssl.create_default_context(cafile=f'{self.dir}/ca.crt')
            context.load_cert_chain(f'{self.dir}/client.crt', f'{self.dir}/client.key')
            c = http.client.HTTPSConnection('localhost', self.port, context=context, timeout=20)
        else:
            c = http.client.HTTPConnection('127.0.0.1', self.port, timeout=20)
        for i in range(3):
            c.request('POST', '/echo', body=f'body {i}')
            self.assertEqual(c.getresponse().read(), f'body {i}'.encode())
        c.request('GET', '/who')
        self.assertEqual(c.getresponse().read(), b'admin masters devs' if self.is_tls else b'')
        c.request('GET', '/stream?n=10')
        self.assertEqual(c.getresponse().read(), b'line\n' * 10)
        c.close()


class Clear(Interop, unittest.TestCase):
    def test_upgrade_to_h2c_is_not_taken_up(self):
        if HAS_HTTP2:
            self.assertEqual(self.curl('--http2', '-d', 'x', f'{self.url}/echo'), (b'x', '1.1', 200))


class Tls(Interop, unittest.TestCase):
    is_tls = True

    def test_client_certificates(self):
        for _, args in self.versions():
            def with_cert(name):
                return self.curl(*args, '--cert', f'{self.dir}/{name}.crt', '--key', f'{self.dir}/{name}.key',
                                 f'{self.url}/who', check=False)
            self.assertEqual(with_cert('client')[0], b'admin masters devs')
            self.assertEqual(with_cert('server')[2], 0, 'serverAuth is no clientAuth')
            self.assertEqual(self.curl(*args, f'{self.url}/who')[0], b'')

    def test_old_tls_is_refused(self):
        for flags, status in ((['--tlsv1.2', '--tls-max', '1.2'], 200), (['--tlsv1.3'], 200),
                              (['--tlsv1.1', '--tls-max', '1.1', '--ciphers', 'DEFAULT@SECLEVEL=0'], 0)):
            self.assertEqual(self.curl(*flags, f'{self.url}/who', check=False)[2], status)


if __name__ == '__main__':
    SERVER = sys.argv.pop(1)
    unittest.main()
