#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_rules.py [--table]: every rule of the Service API has a test that proves it.

The rules are lines "ID | what holds" of tests/conformance/api/rules/*.txt (# begins a comment); an ID is the section of the
specification and a number in it. A test names what it proves: @proves('3.4.2', '3.4.3') in the suites of tests/conformance/api and
tests/integration/api, or a comment "Proves: 7.3, 7.4" in front of a test in C under tests/unit. With --table the list of rules and tests is
printed, in Markdown.
"""
import collections
import importlib
import pathlib
import re
import sys

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parent.parent
SUITES = TOP / 'tests/conformance/api'
RULE = re.compile(r'\s*(\d+(?:\.\d+)+)\s+\|\s+(\S.*)')


def read_rules(complaints):
    rules = {}
    for path in sorted((SUITES / 'rules').glob('*.txt')):
        for n, line in enumerate(path.read_text().splitlines(), 1):
            if not line.strip() or line.startswith('#'):
                continue
            m = RULE.fullmatch(line)
            if not m:
                complaints.append(f'{path.relative_to(TOP)}:{n}: no rule: write "ID | what holds"')
            elif m[1] in rules:
                complaints.append(f'{path.relative_to(TOP)}:{n}: {m[1]} is another rule already')
            else:
                rules[m[1]] = m[2]
    return rules


def claims_of_suites():
    """(rule, test) of each @proves."""
    for folder in (SUITES, TOP / 'tests/integration/api'):
        sys.path.insert(0, str(folder))
        for path in sorted([*folder.glob('suite_*.py'), *folder.glob('*_cases.py')]):
            for name, test in vars(importlib.import_module(path.stem)).items():
                if name.startswith('test_') and test.__module__ == path.stem:
                    for rule in getattr(test, 'proves', ()):
                        yield rule, f'{path.stem.removeprefix("suite_")}: {name[5:]}'


def claims_of_units():
    for path in sorted((TOP / 'tests/unit').rglob('test-*.c')):
        for m in re.finditer(r'Proves: ([\d., \n*]+\d)', path.read_text()):
            for rule in re.findall(r'\d+(?:\.\d+)+', m[1]):
                yield rule, str(path.relative_to(TOP / 'tests'))


def main():
    complaints = []
    rules = read_rules(complaints)
    tests = collections.defaultdict(list)
    for rule, test in [*claims_of_suites(), *claims_of_units()]:
        if rule not in rules:
            complaints.append(f'{test} proves {rule}, which is no rule')
        if test not in tests[rule]:
            tests[rule].append(test)
    complaints += [f'{rule} ({text}): no test proves it' for rule, text in rules.items() if not tests[rule]]
    if '--table' in sys.argv:
        print('| rule | what holds | tests |\n|---|---|---|')
        for rule, text in rules.items():
            print(f'| {rule} | {text.replace("|", chr(92) + "|")} | {"; ".join(tests[rule])} |')
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    print(f'{len(rules)} rules, {sum(bool(tests[r]) for r in rules)} proven', file=sys.stderr)
    return 1 if complaints else 0


if __name__ == '__main__':
    sys.exit(main())
