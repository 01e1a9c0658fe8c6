#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every test and ends with the line "N passed, N failed, N skipped". Exit status 1 when one failed.

check.py [STEP…]   Steps, in order: build lint unit conformance integration fuzz. Default: all.

build        with AddressSanitizer and UndefinedBehaviorSanitizer, warnings as errors (build-check/)
lint         format, layers, symbols, sizes, spelling, shell, man pages
unit         C tests of the pure middle; seconds
conformance  one suite a contract, on each of its back ends (stores, proxy modes, the API)
integration  real clients against real processes in namespaces
fuzz         each target for FUZZ_SECONDS (60) with clang's libFuzzer (build-fuzz/)
"""
import json
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
CHECK = ROOT / 'build-check'
FUZZ = ROOT / 'build-fuzz'
STEPS = ['build', 'lint', 'unit', 'conformance', 'integration', 'fuzz']
MINUTES = {'lint': 3, 'unit': 5, 'conformance': 15, 'integration': 25}
count = {'passed': 0, 'failed': 0, 'skipped': 0}


def say(text):
    print(f'== {text}', flush=True)


def run(*args, **kw):
    return subprocess.run([str(a) for a in args], cwd=ROOT, **kw)


def must(*args, **kw):
    out = run(*args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kw)
    if out.returncode != 0:
        print(out.stdout[-6000:])
        print(f'failed: {" ".join(str(a) for a in args)}')
        count['failed'] += 1
        finish()


def finish():
    print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped", flush=True)
    sys.exit(1 if count['failed'] or not count['passed'] else 0)


def build():
    say('building with sanitizers (2-4 minutes)')
    if not (CHECK / 'build.ninja').exists():
        must('meson', 'setup', CHECK, '-Dwerror=true', '-Db_sanitize=address,undefined', '-Db_lundef=false')
    must('ninja', '-C', CHECK)


def count_subtests(test):
    """Programs that speak TAP count each of their tests; others count as one."""
    tap = [line for line in test.get('stdout', '').splitlines() if line.startswith(('ok ', 'not ok '))]
    if not tap:
        kind = {'OK': 'passed', 'SKIP': 'skipped'}.get(test['result'], 'failed')
        count[kind] += 1
        return
    for line in tap:
        kind = 'skipped' if '# SKIP' in line else 'passed' if line.startswith('ok') else 'failed'
        count[kind] += 1
    if test['result'] not in ('OK', 'SKIP') and not any(line.startswith('not ok') for line in tap):
        count['failed'] += 1


def kubectl_env():
    old = subprocess.run([ROOT / 'tools/old_kubectl.sh', CHECK / 'kubectl-1.20'], capture_output=True, text=True)
    return {'KUBECTL_DEBIAN': old.stdout.strip()} if old.returncode == 0 else {}


def suite(name):
    say(f'{name} tests (at most {MINUTES[name]} minutes)')
    # The leak check of a program that ends as process 1 of its own namespace waits for ever; the other suites make it.
    leaks = '0' if name == 'integration' else '1'
    env = dict(os.environ, FAIRLEAD=str(CHECK / 'src/cmd/fairlead'),
               ASAN_OPTIONS=f'halt_on_error=1:detect_leaks={leaks}',
               UBSAN_OPTIONS='halt_on_error=1:print_stacktrace=1', **(kubectl_env() if name == 'integration' else {}))
    log = CHECK / 'meson-logs' / f'{name}.json'
    log.unlink(missing_ok=True)
    jobs = '1' if name == 'integration' else '2'
    run('meson', 'test', '-C', CHECK, '--no-rebuild', '--suite', name, '--logbase', name, '--print-errorlogs',
        '--num-processes', jobs, env=env, timeout=60 * MINUTES[name])
    if not log.exists():
        say(f'no {name} tests')
        return
    for line in log.read_text().splitlines():
        count_subtests(json.loads(line))


def fuzz():
    seconds = int(os.environ.get('FUZZ_SECONDS', '60'))
    say(f'fuzzing, {seconds} s a target')
    if not (FUZZ / 'build.ninja').exists():
        must('meson', 'setup', FUZZ, '-Db_sanitize=address,undefined', '-Db_lundef=false', '-Dbuildtype=debugoptimized',
             env=dict(os.environ, CC='clang-14'))
    targets = [p.stem for p in sorted((ROOT / 'tests/fuzz').glob('fuzz-*.c'))]
    must('ninja', '-C', FUZZ, *[f'tests/fuzz/{t}' for t in targets])
    waiting, running = list(targets), {}
    while waiting or running:
        while waiting and len(running) < 2:
            name = waiting.pop(0)
            corpus = FUZZ / 'corpus' / name
            corpus.mkdir(parents=True, exist_ok=True)
            seeds = ROOT / 'tests/fuzz/seeds' / name.removeprefix('fuzz-')
            log = open(FUZZ / f'{name}.log', 'w')
            args = [FUZZ / 'tests/fuzz' / name, f'-max_total_time={seconds}', '-timeout=10', '-rss_limit_mb=2048',
                    f'-artifact_prefix={FUZZ}/{name}-', corpus] + ([seeds] if seeds.is_dir() else [])
            running[name] = subprocess.Popen([str(a) for a in args], stdout=log, stderr=log,
                                             env=dict(os.environ, UBSAN_OPTIONS='halt_on_error=1:print_stacktrace=1'))
        time.sleep(0.2)
        for name, process in list(running.items()):
            if process.poll() is None:
                continue
            del running[name]
            ok = process.returncode == 0
            count['passed' if ok else 'failed'] += 1
            print(f'   {name}: {"clean" if ok else "FAILED, see " + str(FUZZ / name) + ".log"}', flush=True)
            if not ok:
                print((FUZZ / f'{name}.log').read_text(errors='replace')[-3000:])


def main():
    steps = sys.argv[1:] or STEPS
    for step in steps:
        if step not in STEPS:
            print(__doc__)
            sys.exit(2)
    for step in STEPS:
        if step not in steps:
            continue
        started = time.monotonic()
        if step == 'build':
            build()
        elif step == 'fuzz':
            fuzz()
        else:
            suite(step)
        say(f'{step}: {time.monotonic() - started:.0f} s')
    if steps == ['build']:
        sys.exit(0)
    finish()


if __name__ == '__main__':
    main()
