#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Connects to targets all the time, from wherever it is started, and says on standard output how each attempt went.

connects.py PAUSE_MS TARGET…    ends when its standard input does
TARGET   NAME=tcp:ADDRESS:PORT      connects, asks a responder, wants its answer
         NAME=udp:ADDRESS:PORT      sends a datagram to a responder, wants its answer
         NAME=dns:ADDRESS:DOMAIN    asks for the domain's A record, wants one
line     NAME BEGAN TOOK POD        monotonic seconds, the same clock in every place of this machine
         NAME BEGAN TOOK !ERROR

In this folder's lab.py `Connects` starts it in a place of the lab and collects what it says.
"""
import random
import socket
import sys
import threading
import time

TIMEOUT_S = 4  # above one retransmission of a SYN (1 s) and of its successor (2 s)
DNS_TIMEOUT_S = 1


def family(address):
    return socket.AF_INET6 if ':' in address else socket.AF_INET


def pod_of(text):
    return next(w[4:] for w in text.split() if w.startswith('pod='))


def by_tcp(address, port):
    with socket.socket(family(address), socket.SOCK_STREAM) as s:
        s.settimeout(TIMEOUT_S)
        s.connect((address, int(port)))
        s.sendall(b'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
        answer = b''
        while piece := s.recv(4096):
            answer += piece
    return pod_of(answer.decode())


def by_udp(address, port):
    with socket.socket(family(address), socket.SOCK_DGRAM) as s:
        s.settimeout(TIMEOUT_S)
        s.connect((address, int(port)))
        s.send(b'hello')
        return pod_of(s.recv(4096).decode())


def by_dns(address, domain):
    ident = random.randbytes(2)
    name = b''.join(bytes([len(p)]) + p.encode() for p in domain.split('.')) + b'\0'
    with socket.socket(family(address), socket.SOCK_DGRAM) as s:
        s.settimeout(DNS_TIMEOUT_S)
        s.connect((address, 53))
        s.send(ident + b'\1\0\0\1\0\0\0\0\0\0' + name + b'\0\1\0\1')
        answer = s.recv(4096)
    if answer[:2] != ident or answer[3] & 15 or not answer[7]:
        raise ValueError(f'rcode={answer[3] & 15},answers={answer[7]}')
    return 'dns'


def repeat(name, ask, args, pause_s, end):
    while not end.is_set():
        began = time.monotonic()
        try:
            said = ask(*args)
        except Exception as e:  # any failure is what is asked for here
            said = '!' + (str(e) or type(e).__name__).replace(' ', '_')
        sys.stdout.write(f'{name} {began:.6f} {time.monotonic() - began:.6f} {said}\n')
        sys.stdout.flush()
        end.wait(pause_s)


def main():
    pause_s, end = int(sys.argv[1]) / 1000, threading.Event()
    threads = []
    for target in sys.argv[2:]:
        name, rest = target.split('=', 1)
        kind, rest = rest.split(':', 1)
        ask = {'tcp': by_tcp, 'udp': by_udp, 'dns': by_dns}[kind]
        threads.append(threading.Thread(target=repeat, args=(name, ask, rest.rsplit(':', 1), pause_s, end), daemon=True))
    for t in threads:
        t.start()
    sys.stdin.read()
    end.set()
    for t in threads:
        t.join()


if __name__ == '__main__':
    main()
