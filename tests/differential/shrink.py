# SPDX-License-Identifier: Apache-2.0
"""Makes a differing sequence of steps as short as it can be: fewer steps first, then less in each body."""
import copy

from compare import signature

TRIES_MAX = 150


class Shrinker:
    def __init__(self, pair, wanted):
        self.pair, self.wanted, self.tries = pair, wanted, 0

    def differs(self, steps):
        if self.tries >= TRIES_MAX:
            return False
        self.tries += 1
        return any(signature(step, d) == self.wanted for _, step, _, found in self.pair.replay(steps) for d in found)

    def fewer_steps(self, steps):
        last = steps[-1]
        related = [s for s in steps if s['kind'] == last['kind'] and self.name(s) == self.name(last)]
        for candidate in ([last], related):
            if len(candidate) < len(steps) and self.differs(candidate):
                steps = candidate
                break
        size = max(1, len(steps) // 2)
        while size:
            at = 0
            while at < len(steps) - 1:
                candidate = steps[:at] + steps[min(at + size, len(steps) - 1):]
                if self.differs(candidate):
                    steps = candidate
                else:
                    at += size
            size //= 2
        return steps

    @staticmethod
    def name(step):
        body = step.get('body')
        return step.get('name') or (isinstance(body, dict) and isinstance(body.get('metadata'), dict) and body['metadata'].get('name'))

    def smaller_bodies(self, steps):
        for i in range(len(steps) - 1, -1, -1):
            for key in list(steps[i]['query']):
                steps = self.without(steps, i, ['query', key])
            if 'body' in steps[i]:
                steps = self.thin(steps, i, ['body'])
        return steps

    def thin(self, steps, i, at):
        node = steps[i]
        for key in at:
            node = node[key]
        keys = list(node) if isinstance(node, dict) else range(len(node) - 1, -1, -1) if isinstance(node, list) else ()
        is_edit = len(at) == 3 and at[1] == 'edits'  # a path and perhaps a value: as it is, but for what is in the value
        for key in keys:
            if is_edit and key != 1 or isinstance(key, str) and key.startswith('$') or key == 'fallback':
                continue
            thinner = steps if is_edit or key == 'edits' else self.without(steps, i, at + [key])
            steps = thinner if thinner is not steps else self.thin(steps, i, at + [key])
        return steps

    def without(self, steps, i, at):
        candidate = copy.deepcopy(steps)
        node = candidate[i]
        for key in at[:-1]:
            node = node[key]
        node.pop(at[-1])
        return candidate if self.differs(candidate) else steps


def shrink(pair, steps, wanted):
    s = Shrinker(pair, wanted)
    if not s.differs(steps):
        return steps
    return s.smaller_bodies(s.fewer_steps(steps))
