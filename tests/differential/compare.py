# SPDX-License-Identifier: Apache-2.0
"""Whether two answers are the same, but for what each server draws itself; and the differences that are meant (EXCEPTIONS)."""
import re

UID = re.compile(r'[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}')
TIME = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z')
TOKEN = re.compile(r'[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-fA-F]*:[0-9a-fA-F:.]+|\d+(?:\.\d+){3}|[a-z0-9-]+')
SUFFIX = re.compile(r'[bcdfghjklmnpqrstvwxz2456789]{5}')
TIMES = {'creationTimestamp', 'deletionTimestamp', 'time'}
DRAWN = re.compile(r'\.spec\.(clusterIP|clusterIPs\[\d\]|ports\[\d+\]\.nodePort|healthCheckNodePort)$')

class Difference:
    def __init__(self, step, where, a, b, answers):
        self.step, self.where, self.a, self.b = step, where, a, b
        self.codes = tuple(x.status for x in answers)
        self.texts = tuple(text_of(x, None) for x in answers)
        self.is_end = False  # whether the revision is one in which our server removed a Service
        self.keeps_policy = False  # whether this Service was an ExternalName, and an internalTrafficPolicy was seen of it

    @property
    def is_deep(self):
        """Whether the servers may hold different things from here on."""
        return self.where == 'status' and min(self.codes) < 300 or self.where.startswith(('.metadata', '.spec', '.status', '.subsets', '.endpoints', '.ports', '.items'))

    def is_status(self, stock, ours):
        return self.where == 'status' and self.codes == (stock, ours)

    def __str__(self):
        return f'{self.where}: stock {str(self.a)[:300]!r}, ours {str(self.b)[:300]!r}'


def is_about_patch(text):
    """A cause that shows the patch, or what became of it."""
    return text.startswith('FieldValueInvalid patch: ')


def is_worded_on_its_own(d):
    return d.codes[0] == d.codes[1] and d.codes[0] in (400, 415, 406) and d.where == '.message'


def is_apply(step):
    return step.get('type', '').startswith('application/apply-patch')


def is_json_patch(step):
    return step.get('type', '').startswith('application/json-patch')


def is_ownership_of(d, *wanted):
    """Whether managedFields differ, and in nothing but who owns these fields."""
    if not d.where.endswith('.metadata.managedFields'):
        return False
    fields = [f for f in re.findall(r"'(f:[^']*)'", f'{d.a} {d.b}') if f not in ('f:spec', 'f:metadata')]
    return bool(fields) and all(f in wanted for f in fields)


def is_kept_policy(d):
    """It comes back when the type changes; and to set it is a change that shows only in the revision."""
    if not d.keeps_policy:
        return False
    if is_ownership_of(d, 'f:spec/f:internalTrafficPolicy'):
        return True
    if 409 in d.codes and is_apply(d.step):  # with who owns what a stock server has as it is applied
        if d.where == 'causes':
            return '.spec.internalTrafficPolicy: conflict with ' in f'{d.a} {d.b}'
        text = d.texts[d.codes.index(409)]
        return d.where == 'status' and '1 conflict: ' in text and '.spec.internalTrafficPolicy' in text
    if d.where.endswith('.spec.internalTrafficPolicy'):
        return d.a in ('Local', 'Cluster') and d.b in ('<absent>', 'Cluster')
    return d.where.endswith('.metadata.resourceVersion') and '"type":"ExternalName"' in d.texts[0]


TAKEN = re.compile(r'Invalid value: \["([^"]+)","([^"]+)"\]: failed to allocate IP (\S+): provided IP is already allocated')


def is_other_taken(d):
    """Of two taken addresses the stock server names either, by chance; both name one, and of the other family."""
    found = [TAKEN.search(text) for text in d.texts]
    if d.codes != (422, 422) or d.where != 'causes' or not all(found) or any(text.count("'reason'") != 1 for text in d.texts):
        return False
    return all(f[3] in (f[1], f[2]) for f in found) and (':' in found[0][3]) != (':' in found[1][3])


def is_kept_deletion(d):
    """By a PUT that creates."""
    if d.step['verb'] != 'PUT' or d.codes != (201, 201):
        return False
    return re.search(r'deletion(Timestamp|GracePeriodSeconds)$', d.where) and d.b == '<absent>' or \
        is_ownership_of(d, 'f:metadata/f:deletionTimestamp', 'f:metadata/f:deletionGracePeriodSeconds')


ALLOTTED = r'\.?spec\.(ipFamilyPolicy|ipFamilies|clusterIPs?|healthCheckNodePort|ports\[\d+\]\.nodePort)'


def is_made_by_status(d):
    """What an apply of the status makes has no address there: what is allotted here, and why it could not be."""
    if not is_apply(d.step) or d.step.get('sub') != 'status':
        return False
    if d.codes == (201, 201):
        return bool(re.fullmatch(ALLOTTED, d.where))
    # What cannot be allotted is told alone; the other server tells what else is wrong.
    return d.where in ('status', 'causes', '.message') and 422 in d.codes and set(d.codes) <= {201, 422} and bool(re.search(ALLOTTED, f'{d.a} {d.b} {d.texts[1]}'))


def is_empty_in_a_list(d):
    """To a stock server [] in an element of a list that is owned as a whole is another value than none, as long as it is not stored."""
    if d.step['kind'] not in ('endpoints', 'endpointslices') or d.codes != (200, 200) or '[]' not in str(d.step.get('body')):
        return False
    return is_ownership_of(d, 'f:subsets', 'f:endpoints') or d.where.endswith('.metadata.resourceVersion')


def numbers(node):
    """All integers in a body."""
    if isinstance(node, dict):
        return [n for value in node.values() for n in numbers(value)]
    if isinstance(node, list):
        return [n for value in node for n in numbers(value)]
    return [node] if isinstance(node, int) else []


TAKEN_PORT = r'Invalid value: (\d+): provided port is already allocated'


def is_port_of_external(d):
    """Whose it stays when the type changes; a stock server lets another have it, too."""
    if d.where not in ('status', 'causes') or d.codes[1] != 422 or d.codes[0] not in (200, 201, 409, 422):
        return False
    told = re.findall(r"'message': '([^']*)'", d.texts[1])  # what cannot be allotted is told alone
    return bool(told) and all(re.search(TAKEN_PORT, t) and int(re.search(TAKEN_PORT, t)[1]) in d.external_ports for t in told)


def has_exponent(d):
    """1e3 is a number of a kind that a stock server turns into an integer where it reads without types."""
    return (is_apply(d.step) or 'strategic' in d.step.get('type', '')) and bool(re.search(r'cannot unmarshal number \d+e\d+ ', d.texts[1]))


def moves_into_itself(step):
    """RFC 6902, section 4.4: from must not be a proper prefix of path."""
    ops = step.get('body') if is_json_patch(step) and isinstance(step.get('body'), list) else []
    return any(isinstance(op, dict) and op.get('op') == 'move' and str(op.get('path')).startswith(f"{op.get('from')}/") for op in ops)


def is_wrapped(d):
    """Of an apply and a strategic patch a stock server takes what is left of the number; here it is refused."""
    is_strategic = 'strategic' in d.step.get('type', '')
    if not (is_apply(d.step) or is_strategic) or not any(not -2**31 <= n < 2**31 for n in numbers(d.step.get('body'))):
        return False
    return d.codes[1] == (422 if is_strategic else 400) and 'cannot unmarshal number' in d.texts[1]


def has_other_letters(body):
    """Whether it has kind or apiVersion in letters that are not theirs."""
    if isinstance(body, dict) and '$base' in body:
        body = body['fallback']
    keys = [key for key, _ in body['$dup']] if isinstance(body, dict) and '$dup' in body else list(body) if isinstance(body, dict) else []
    return any(key.lower() in ('kind', 'apiversion') and key not in ('kind', 'apiVersion') for key in keys)


def why_broken(step):
    """What our server would say of a JSON patch first, by the types of its members."""
    for op in step['body'] if isinstance(step.get('body'), list) else ():
        if isinstance(op, dict) and any(not isinstance(op.get(key, ''), str) for key in ('op', 'path', 'from')):
            return 'op, path and from are strings'
    return ''


# Differences that are meant: what they are called, and which. Each is in docs/api.md.
EXCEPTIONS = [
    ('the text of a 400, 406 or 415 is our own', is_worded_on_its_own),
    ('no create by a PUT of status', lambda d: d.where == 'status' and d.codes[1] == 404 and d.step.get('sub') == 'status' and d.step['verb'] == 'PUT'
     and d.codes[0] in (201, 409, 422, 500)),
    ('a JSON patch that fails names its operation', lambda d: d.codes == (422, 422) and is_json_patch(d.step) and d.where == '.message'
     and d.a.endswith('rejected our request due to an error in our request') and d.b.startswith('operation ')),
    ('a strategic patch that a stock server chokes on', lambda d: d.is_status(500, 400) and 'strategic' in d.step.get('type', '')),
    ('an apply of the status that creates', is_made_by_status),
    ('the text of a 500 of an apply', lambda d: d.codes == (500, 500) and is_apply(d.step) and d.where == '.message'
     and all(text.startswith('failed to c') for text in (d.a, d.b))),
    ('a number that is too large wraps', is_wrapped),
    ('an integer with an exponent', has_exponent),
    ('a move into what is moved', lambda d: d.codes == (422, 422) and d.where == 'causes' and moves_into_itself(d.step)),
    ('warnings beside a 400 or 500', lambda d: d.where == 'warnings' and d.codes[0] in (400, 500)),
    ('a token although nothing more matches', lambda d: d.where == '.metadata.continue' and d.b == '<absent>' and 'Selector' in str(d.step['query'])),
    ('kind and apiVersion in other letters', lambda d: d.where == 'status' and d.codes[0] in (400, 422) and has_other_letters(d.step.get('body'))),
    ('members of a JSON patch of wrong types', lambda d: is_json_patch(d.step) and d.where == 'status' and sorted(d.codes) == [400, 422]
     and 'op, path and from are strings' in f'{d.texts[1]} {why_broken(d.step)}'),
    ('a value that an apply cannot convert', lambda d: is_apply(d.step) and d.where == 'status' and
     (d.codes == (500, 400) and 'failed to convert new object' in d.texts[0] or d.codes[0] == 409 and 'expected any scalar' in d.texts[1])),
    ('a number that no double holds', lambda d: d.where == 'status' and d.codes[1] == 400 and 'the number is out of range' in d.texts[1]),
    ('a merge patch that is no object', lambda d: d.is_status(422, 400) and d.step['query'].get('fieldValidation') == 'Ignore' and 'merge-patch' in d.step.get('type', '')
     and d.texts[1].endswith('a merge patch must be an object')),
    ('a body of null', lambda d: d.where == 'status' and d.codes[0] in (200, 404, 422) and d.codes[1] == 400 and d.step.get('body') == {'$raw': 'null'}
     and ' must be a' in d.texts[1]),
    ('$deleteFromPrimitiveList without a list', lambda d: d.where == 'status' and d.codes[1] == 400 and 'strategic' in d.step.get('type', '') and
     bool(re.search(r'\$deleteFromPrimitiveList/\S*( must be a list|: its elements have no merge key)', d.texts[1]))),
    ('an empty $setElementOrder', lambda d: d.codes == (200, 200) and d.where.startswith('.spec.ports') and 'strategic' in d.step.get('type', '')
     and "'$setElementOrder/ports': []" in str(d.step.get('body'))),
    ('$setElementOrder of an empty list that is not there', lambda d: d.is_status(500, 200) and 'no elements in any of the given slices' in d.texts[0]),
    ('a resourceVersion that is no number', lambda d: d.codes[0] == 500 and 'strconv.ParseUint' in d.texts[0]),
    ('which of two taken addresses is named', is_other_taken),
    ('a PUT that creates keeps a deletion', is_kept_deletion),
    ('a dry run of a create shows a revision', lambda d: d.codes == (201, 201) and d.step['query'].get('dryRun') and d.where == '.metadata.resourceVersion' and d.b == '<absent>'),
    ('internalTrafficPolicy of an ExternalName is kept', is_kept_policy),
    ('a name that no path can have', lambda d: d.codes == (422, 422) and bool(re.search(r'failed to allocate IP( \S+)?: IPAddress\.networking\S+ "\S+" is invalid: spec.parentRef.name', d.texts[0])) and d.where == 'causes'),
    ('a Service without a name', lambda d: d.codes == (422, 422) and d.where == 'causes' and 'metadata.name: Required' in d.texts[1]
     and bool(re.search(r'failed to allocate IP( \S+)?: IPAddress\.networking\S+ "\S+" is invalid: spec.parentRef.name: Required', d.texts[0]))),
    ('Endpoints end with their Service in one write', lambda d: d.is_end and d.step['kind'] == 'endpoints' and d.where.endswith('.metadata.resourceVersion')),
    ('a node port that an ExternalName has named', is_port_of_external),
    ('an empty list in a list', is_empty_in_a_list),
    ('what an ended slice was sent', lambda d: d.codes == (200, 200) and d.where in ('.endpoints', '.ports') and d.a == [] and d.b is None
     and '"deletionTimestamp"' in d.texts[0]),
]
# Of these, those after which the two hold different things.
PARTING = {'an apply of the status that creates', 'an empty list in a list', 'a PUT that creates keeps a deletion', 'an empty $setElementOrder'}


class Comparer:
    def __init__(self):
        self.uids, self.revs, self.names = {}, {}, {}
        self.seen = set()  # pairs of drawn values, for texts
        self.excepted, self.examples = {}, {}
        self.policies, self.externals = set(), set()  # of which an internalTrafficPolicy, or that they are an ExternalName, was sent or told
        self.external_ports = set()  # node ports that an ExternalName has named
        self.ends = set()  # revisions in which our server removed a Service
        self.drawn = {}  # (uid, stock's value) -> ours

    def note_policy(self, step, answer):
        """The stock server may keep the policy of an ExternalName unseen."""
        names = {name_of(step, answer.json)} - {None}
        if step['kind'] == 'services' and names:
            text = f"{step.get('body')} {answer.raw}"
            self.policies |= names if 'internalTrafficPolicy' in text else set()
            self.externals |= names if 'ExternalName' in text else set()

    def note_ports(self, step, answer):
        """The node ports that an ExternalName has with us."""
        if step['kind'] == 'services' and 'ExternalName' in f"{step.get('body')} {answer.raw}":
            self.external_ports |= {int(n) for n in re.findall(r'"nodePort":(\d+)', str(answer.raw))}

    def note_end(self, step, answer):
        obj = answer.json if isinstance(answer.json, dict) and answer.status == 200 else {}
        if step['kind'] == 'services':  # also by an update that takes the last finalizer
            self.ends |= {o['metadata'].get('resourceVersion') for o in obj.get('items') or [obj]
                          if o.get('metadata') and (step['verb'] == 'DELETE' or o['metadata'].get('deletionTimestamp'))}

    def forget(self):
        self.policies.clear()
        self.externals.clear()
        self.external_ports.clear()
        self.drawn.clear()
        self.seen.clear()

    # Leaves

    def pair(self, table, a, b):
        """Whether a and b always stand for one another."""
        if table.setdefault(('a', a), b) != b or table.setdefault(('b', b), a) != a:
            return False
        self.seen.add((str(a), str(b)))
        return True

    def same_text(self, a, b):
        if a == b:
            return True
        x, y = TOKEN.split(a), TOKEN.split(b)
        p, q = TOKEN.findall(a), TOKEN.findall(b)
        return x == y and len(p) == len(q) and all(
            s == t or (s, t) in self.seen or is_drawn(s) and is_drawn(t) or self.same_generated(s, t) or bool(UID.fullmatch(s) and UID.fullmatch(t) and self.pair(self.uids, s, t))
            for s, t in zip(p, q))

    @staticmethod
    def same_generated(a, b):
        return a[:-5] == b[:-5] and bool(SUFFIX.fullmatch(a[-5:]) and SUFFIX.fullmatch(b[-5:]))

    def same_leaf(self, where, a, b, uid):
        key = where.rsplit('.', 1)[-1]
        if type(a) is not type(b):
            return False
        if key == 'resourceVersion' and a and b and isinstance(a, str):
            return a == b == '0' or self.pair(self.revs, a, b)
        if key == 'uid' and isinstance(a, str) and UID.fullmatch(a) and UID.fullmatch(b):
            return self.pair(self.uids, a, b)
        if key in TIMES and isinstance(a, str) and a != b:
            return bool(TIME.fullmatch(a)) and bool(TIME.fullmatch(b))
        if DRAWN.search(where):
            if (uid, 'a', a) in self.drawn or (uid, 'b', b) in self.drawn:
                return self.drawn.get((uid, 'a', a)) == b
            self.seen.add((str(a), str(b)))
            if is_dynamic(a) and is_dynamic(b):
                self.drawn[uid, 'a', a], self.drawn[uid, 'b', b] = b, a
                return True
            return a == b
        if key == 'name' and isinstance(a, str) and a != b and not (is_drawn(a) and is_drawn(b)):
            return self.same_generated(a, b) and self.pair(self.names, a, b)
        return self.same_text(a, b) if isinstance(a, str) else a == b

    # Trees

    def walk(self, where, a, b, uid, out):
        if isinstance(a, dict) and isinstance(b, dict):
            meta = a.get('metadata')
            if isinstance(meta, dict) and meta.get('uid'):
                uid = meta['uid']
            for key in list(a) + [k for k in b if k not in a]:
                here = f'{where}.{key}'
                if key == 'managedFields' and isinstance(a.get(key), list) and isinstance(b.get(key), list):
                    self.walk_managers(here, a[key], b[key], out)
                elif key not in a or key not in b:
                    out.append((here, a.get(key, '<absent>'), b.get(key, '<absent>')))
                else:
                    self.walk(here, a[key], b[key], uid, out)
        elif isinstance(a, list) and isinstance(b, list):
            if len(a) != len(b):
                out.append((where, a, b))
                return
            for i, (x, y) in enumerate(zip(a, b)):
                self.walk(f'{where}[{i}]', x, y, uid, out)
        elif not self.same_leaf(where, a, b, uid):
            out.append((where, a, b))

    def walk_managers(self, where, a, b, out):
        """Their order follows the clock; the time is their own."""
        left, right = ({(e.get('manager'), e.get('operation'), e.get('subresource'), e.get('apiVersion')): e.get('fieldsV1') for e in x} for x in (a, b))
        for who in sorted({**left, **right}, key=str):  # who has no entry owns nothing
            x, y = paths(left.get(who) or {}), paths(right.get(who) or {})
            if x != y or (who in left) != (who in right):
                out.append((where, f'{who} {sorted(x - y)}', f'{who} {sorted(y - x)}'))
        if len(a) != len(b) and len(left) == len(right):
            out.append((where, f'{len(a)} entries', f'{len(b)} entries'))

    def in_order_of(self, x, y):
        """y's items as x's stand: where names were drawn their order is chance."""
        place = {self.names.get(('a', o['metadata']['name']), o['metadata']['name']): i for i, o in enumerate(x['items'])}
        return dict(y, items=sorted(y['items'], key=lambda o: place.get(o['metadata']['name'], len(place))))

    def without_causes(self, x, y, found):
        """Causes are a set that may hold one twice: Go walks maps in no order. The message repeats them."""
        causes = [((o.get('details') or {}).get('causes') if isinstance(o, dict) and o.get('kind') == 'Status' else None) or [] for o in (x, y)]
        if not any(causes):
            return x, y
        left = [f"{c.get('reason')} {c.get('field')}: {c.get('message')}" for c in causes[1]]
        for cause in causes[0]:
            text = f"{cause.get('reason')} {cause.get('field')}: {cause.get('message')}"
            same = next((t for t in left if self.same_text(text, t) or is_about_patch(text) and is_about_patch(t)), None)
            if same is None:
                found.append(('causes', text, '<absent>'))
            else:
                left.remove(same)
        found += [('causes', '<absent>', text) for text in left]
        out = []
        for o in (x, y):
            details = {k: c for k, c in (o.get('details') or {}).items() if k != 'causes'}
            out.append({k: c for k, c in dict(o, details=details).items() if k != 'message'})
        return out

    def compare(self, step, a, b):
        """The differences of two answers, the meant ones left out, and whether one of any kind let one server write and the other not."""
        found = []
        if a.status != b.status:
            found.append(('status', f'{a.status} {text_of(a)}', f'{b.status} {text_of(b)}'))
        elif (a.json is None) != (b.json is None):
            found.append(('body', text_of(a), text_of(b)))
        elif a.json is not None:
            x, y = a.json, b.json
            x, y = self.without_causes(x, y, found)
            if isinstance(x, dict) and 'items' in x:
                x, y = without_list_meta(x), self.in_order_of(x, without_list_meta(y))
            self.walk('', x, y, None, found)
        if a.status == b.status != 415 and not (len(a.warnings) == len(b.warnings) and all(self.same_text(s, t) for s, t in zip(a.warnings, b.warnings))):
            found.append(('warnings', [w for w in a.warnings if w not in b.warnings], [w for w in b.warnings if w not in a.warnings]))
        out = [Difference(step, *f, (a, b)) for f in found]
        self.note_policy(step, a)
        self.note_ports(step, b)
        self.note_end(step, b)
        for d in out:
            d.is_end = isinstance(d.b, str) and d.b in self.ends
            name = name_of(step, a.json, d.where)
            d.keeps_policy, d.external_ports = name in self.policies & self.externals, self.external_ports
        meant = [(d, [name for name, test in EXCEPTIONS if test(d)]) for d in out]
        for d, names in meant:
            for name in names[:1]:
                self.excepted[name] = self.excepted.get(name, 0) + 1
                self.examples.setdefault(name, []).append(f'{d}\n      {str(d.step)[:600]}')
        return [d for d, names in meant if not names], any(d.is_deep for d, names in meant if d.where == 'status' or PARTING.intersection(names))


def name_of(step, obj, where=''):
    """Of the object that a step is about, or of the item of a list that differs."""
    item = re.match(r'\.items\[(\d+)\]', where)
    if item:
        obj = obj['items'][int(item[1])]
    meta = obj.get('metadata') if isinstance(obj, dict) else None
    body = step.get('body') if isinstance(step.get('body'), dict) else {}
    sent = body['metadata'].get('name') if isinstance(body.get('metadata'), dict) else None
    return next((n for n in (step.get('name'), (meta or {}).get('name'), sent) if n and isinstance(n, str)), None)


def paths(fields, above=''):
    out = set()
    for key, below in fields.items():
        out.add(above + key)
        out |= paths(below, f'{above}{key}/') if below is not None else {f'{above}{key}/null'}
    return out


def is_dynamic(value):
    """Whether a server may have drawn it: not in the band that is kept for explicit values."""
    if isinstance(value, int):
        return value > 30015
    if isinstance(value, str) and value.startswith('10.96.0.'):
        return int(value[8:] or 0) > 16
    return isinstance(value, str) and value.startswith('fd00:96::') and len(value) > 10


def is_drawn(text):
    return is_dynamic(text) or len(text) == 5 and text.isdigit() and 30016 <= int(text) <= 32767


def text_of(answer, limit=600):
    if isinstance(answer.json, dict) and answer.json.get('kind') == 'Status':
        causes = (answer.json.get('details') or {}).get('causes')
        return f"{answer.json.get('reason')} {answer.json.get('message')}" + (f' {causes}' if causes else '')
    return answer.raw[:limit].decode('utf-8', 'replace')


def without_list_meta(obj):
    """A list's own revision and token say nothing about the objects."""
    meta = dict(obj.get('metadata') or {})
    meta.pop('resourceVersion', None)
    if meta.get('continue'):
        meta['continue'] = 'token'
    return dict(obj, metadata=meta)


def signature(step, difference):
    """What makes two differences the same one."""
    def plain(text):
        return re.sub(r'"[^"]*"|\'[^\']*\'|\d+|[0-9a-f:]*::[0-9a-f:]*', '#', str(text))[:160]
    kind = step.get('type', '').split('+')[0].rsplit('/', 1)[-1]
    if difference.where == 'status':
        return f"status {step['verb']} {kind} {step.get('sub', '')} {brief(difference.codes[0], difference.a)} | {brief(difference.codes[1], difference.b)}"
    return f"{step['kind']} {step['verb']} {kind} {re.sub(r'[0-9]+', 'N', difference.where)} {plain(difference.a)} | {plain(difference.b)}"


def brief(code, text):
    """Of a failure as much as says its reason and the fields it names."""
    if code < 300:
        return str(code)
    fields = ' '.join(sorted(set(re.findall(r"'field': '([^']*)'", text))))
    return f"{code} {text.split()[1]} {re.sub(r'[0-9]+', 'N', fields)}"
