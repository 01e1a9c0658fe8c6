#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Brings the lab up, puts Pods and Services into it, and shows what answered whom.

lab_demo.py FAIRLEAD [--state-dir DIR]   FAIRLEAD: the program. The lab stays up afterwards.
"""
import argparse
import collections
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / 'examples'
TRIES = 12  # connections that are made to see how they spread
DEADLINE_S = 30
STATE = '/run/fairlead/lab'
failures = []


class Lab:
    def __init__(self, program, state):
        self.program, self.state = program, state
        self.kubeconfig = f'{state}/kubeconfig'

    def fairlead(self, *args, **kw):
        return subprocess.run([self.program, 'lab', args[0], '--state-dir', self.state, *args[1:]], **kw)

    def inside(self, place, *command):
        """What the command printed, or None when it failed."""
        out = self.fairlead('exec', place, '--', *command, capture_output=True, text=True)
        return out.stdout.strip() if out.returncode == 0 else None

    def kubectl(self, *args, check=True):
        out = subprocess.run(['kubectl', '--kubeconfig', self.kubeconfig, *args], capture_output=True, text=True)
        if check and out.returncode != 0:
            sys.exit(f'kubectl {" ".join(args)}: {out.stderr.strip()}')
        return out.stdout.strip()

    def get(self, *args):
        return json.loads(self.kubectl('get', *args, '-o', 'json'))


def say(text):
    print(f'\n== {text}', flush=True)


def wait(what, condition):
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    sys.exit(f'gave up after {DEADLINE_S} s: {what}')


def fields(answer):
    return dict(word.split('=', 1) for word in (answer or '').split() if '=' in word)


def ask(lab, place, url, tries=TRIES):
    """Asks `tries` times; returns how often each Pod answered, and one answer."""
    who, last = collections.Counter(), None
    for _ in range(tries):
        answer = lab.inside(place, 'curl', '-s', '-m', '3', url)
        got = fields(answer)
        who[f"{got['pod']} on {got['node']}" if 'pod' in got else 'no answer'] += 1
        last = got if 'pod' in got else last
    return who, last


def show(lab, title, place, url, tries=TRIES):
    who, last = ask(lab, place, url, tries)
    print(f'\n{title}\n  {place}$ curl {url}')
    for pod, n in sorted(who.items()):
        print(f'    {n:3} x  {pod}')
    if last:
        print(f"    the Pod saw the client as {last['from']}")
    if who['no answer']:
        failures.append(title)


def nodes_of(lab):
    spaces = json.loads(pathlib.Path(lab.state, 'lab.json').read_text())['spaces']
    return [s for s in spaces if s['name'].startswith('node')]


def ready(lab, names):
    pods = {p['metadata']['name']: p for p in lab.get('pods')['items']}
    return all(any(c['type'] == 'Ready' and c['status'] == 'True'
                   for c in pods.get(n, {}).get('status', {}).get('conditions', [])) for n in names)


def pods_and_services(lab):
    say('Pods: three pod-python, one pod-nginx; Service service-python as ClusterIP')
    lab.kubectl('apply', '-f', str(EXAMPLES / 'pods.yaml'))
    lab.kubectl('apply', '-f', str(EXAMPLES / 'service-python-clusterip.yaml'))
    names = ['pod-python-1', 'pod-python-2', 'pod-python-3', 'pod-nginx']
    began = time.monotonic()
    wait('the Pods are ready', lambda: ready(lab, names))
    print(f'(ready after {time.monotonic() - began:.1f} s)')
    print(lab.kubectl('get', 'pods', '-o', 'wide'))
    print(lab.kubectl('get', 'service', 'service-python', '-o', 'wide'))
    vip = lab.get('service', 'service-python')['spec']['clusterIP']
    wait('the Service answers', lambda: lab.inside('pod/pod-nginx', 'curl', '-s', '-m', '1', f'http://{vip}:3000/'))
    say('From a Pod')
    show(lab, 'Pod to Pods, by name', 'pod/pod-nginx', 'http://service-python:3000/')
    show(lab, 'Pod to Pods, by the Service\'s address', 'pod/pod-nginx', f'http://{vip}:3000/')
    show(lab, 'A Pod to the Service it is behind (it may meet itself)', 'pod/pod-python-1',
         'http://service-python:3000/')


def node_port(lab):
    say('The same Service as NodePort 30080')
    lab.kubectl('apply', '-f', str(EXAMPLES / 'service-python-nodeport.yaml'))
    print(lab.kubectl('get', 'service', 'service-python'))
    nodes = nodes_of(lab)
    first = nodes[0]['internal'].split(',')[0]
    wait('the node port answers', lambda: lab.inside('client', 'curl', '-s', '-m', '1', f'http://{first}:30080/'))
    show(lab, 'Pod to a node port', 'pod/pod-nginx', f'http://{first}:30080/')
    for node in nodes:
        for kind in ('internal', 'external'):
            address = node[kind].split(',')[0]
            show(lab, f"Outside client to {node['name']}, {kind} address", 'client', f'http://{address}:30080/', 4)


def external_name(lab):
    say('A name for something elsewhere: ExternalName')
    manifest = (EXAMPLES / 'service-python-externalname.yaml').read_text().replace(
        'name: service-python', 'name: service-remote')
    subprocess.run(['kubectl', '--kubeconfig', lab.kubeconfig, 'apply', '-f', '-'], input=manifest, text=True,
                   check=True, stdout=subprocess.DEVNULL)
    name = 'service-remote.default.svc.cluster.local'
    wait('the name answers', lambda: lab.inside('pod/pod-nginx', 'dig', '+short', '+time=1', 'CNAME', name))
    answer = lab.inside('pod/pod-nginx', 'dig', '+short', 'CNAME', name)
    print(f'\nPod asks for the name\n  pod/pod-nginx$ dig +short CNAME {name}\n    {answer}')
    if answer != 'remote.server.url.com.':
        failures.append('ExternalName')


def main():
    p = argparse.ArgumentParser()
    p.add_argument('program')
    p.add_argument('--state-dir', default=STATE)
    args = p.parse_args()
    if not shutil.which('kubectl'):
        sys.exit('kubectl is needed: apt-get install kubernetes-client')
    lab = Lab(os.path.abspath(args.program), os.path.abspath(args.state_dir))
    say('A cluster in namespaces of this machine')
    lab.fairlead('down', stdout=subprocess.DEVNULL, check=True)
    if lab.fairlead('up').returncode != 0:
        sys.exit(1)
    print(lab.kubectl('get', 'nodes', '-o', 'wide'))
    pods_and_services(lab)
    node_port(lab)
    external_name(lab)
    say('Now it is yours')
    where = '' if lab.state == STATE else f' --state-dir {lab.state}'
    print(f"""  export KUBECONFIG={lab.kubeconfig}
  kubectl get pods,services,endpointslices -A -o wide
  kubectl delete pod pod-python-2          and watch who answers:
  {lab.program} lab exec{where} client -- curl -s http://{nodes_of(lab)[0]['external'].split(',')[0]}:30080/
  {lab.program} lab status{where}                 what runs, and where
  {lab.program} lab down{where}                   ends it; nothing stays""")
    if failures:
        sys.exit('\nwithout an answer: ' + '; '.join(failures))


if __name__ == '__main__':
    main()
