#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns src/api/schema/*.schema into one C file of const tables (api/schema.h).

gen_schema.py OUT.c FILE.schema…    Kinds are listed in the order of the files, by resource within one.
The format of a schema is described at the top of meta-v1.schema. A mistake in it ends the run with
"FILE:LINE: what is wrong".
"""
import json
import pathlib
import re
import sys

VALUES = {'string': 'STRING', 'int32': 'INT32', 'int64': 'INT64', 'double': 'DOUBLE', 'bool': 'BOOL',
          'intstr': 'INT_OR_STRING', 'quantity': 'QUANTITY', 'time': 'TIME', 'microtime': 'MICRO_TIME',
          'bytes': 'BYTES', 'raw': 'RAW'}
VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']
FLAGS = {'required': 'REQUIRED', 'always': 'ALWAYS', 'inline': 'INLINE', 'retainKeys': 'RETAIN_KEYS'}
FIELD = re.compile(r'(\w+) (\d+) (\[\]|\{\})?(\*)?((?:\w+\.)?\w+)((?: .*)?)$')
OPTION = re.compile(r'default=(?:"[^"]*"|\S+)|\S+')
TYPE_META = [('apiVersion', 'Group and version of the kind.'), ('kind', 'What kind of object this is.')]


class SchemaError(Exception):
    pass


class Schema:
    """One file: its kinds, and its types by name."""

    def __init__(self, path):
        self.path = path
        self.room = path.stem.split('-')[0]
        self.package = self.api = ''
        self.kinds = []
        self.types = {}
        self.current = None
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if not line.strip() or line.startswith('#'):
                continue
            try:
                self.read(line)
            except (SchemaError, ValueError, KeyError, TypeError) as e:
                raise SchemaError(f'{path}:{number}: {e}') from e

    def read(self, line):
        text, _, description = line.partition(' | ')
        if line.startswith('\t'):
            self.current['read'](self.current, text.strip(), description.strip())
            return
        word, rest = text.split(' ', 1)
        if word == 'package':
            self.package = rest
        elif word == 'api':
            self.api = rest
        elif word == 'kind':
            self.current = {'read': read_kind, 'name': rest, 'verbs': VERBS, 'subresources': [], 'columns': [],
                            'short': [], 'categories': [], 'labels': [], 'flags': set(), 'schema': self}
            self.kinds.append(self.current)
        elif word == 'type':
            name, *options = rest.split()
            if name in self.types or options not in ([], ['atomic']):
                raise SchemaError(f'type {name}: named twice, or an unknown option')
            self.current = {'read': read_field, 'name': name, 'atomic': bool(options), 'fields': {},
                            'description': description, 'schema': self}
            self.types[name] = self.current
        else:
            raise SchemaError(f'unknown word "{word}"')


def check_verbs(verbs):
    for verb in verbs:
        if verb not in VERBS:
            raise SchemaError(f'unknown verb "{verb}"')
    return verbs


def read_kind(kind, text, description):
    word, *rest = text.split()
    if word == 'resource':
        kind['plural'], kind['singular'] = rest
    elif word in ('short', 'categories', 'labels'):
        kind[word] = rest
    elif word in ('namespaced', 'generation', 'create-on-update'):
        kind['flags'].add(word)
    elif word == 'verbs':
        kind['verbs'] = check_verbs(rest)
    elif word == 'storage':
        kind['storage'] = rest[0]
    elif word == 'subresource':
        api, _, name = rest[1].rpartition('/')
        kind['subresources'].append((rest[0], api, name, check_verbs(rest[2:])))
    elif word == 'column':
        *name, ctype, fmt, priority = rest
        kind['columns'].append((' '.join(name), ctype, '' if fmt == '-' else fmt, description, int(priority)))
    else:
        raise SchemaError(f'unknown word "{word}" in a kind')


def read_field(owner, text, description):
    m = FIELD.match(text)
    if not m:
        raise SchemaError(f'not a field: "{text}"')
    name, number, shape, pointer, base, options = m.groups()
    if name in owner['fields']:
        raise SchemaError(f'field {name} is there twice')
    f = {'name': name, 'number': int(number), 'shape': shape or '', 'type': base, 'description': description,
         'flags': {'POINTER'} if pointer else set(), 'list': 'UNSET', 'merge_key': None, 'map_keys': None,
         'enums': None, 'default': None}
    for option in OPTION.findall(options):
        read_option(f, option)
    owner['fields'][name] = f


def read_option(f, option):
    m = re.fullmatch(r'(list=map|merge|enum)\(([^)]*)\)', option)
    if option in FLAGS:
        f['flags'].add(FLAGS[option])
    elif option == 'merge':
        f['flags'].add('MERGE')
    elif m and m[1] == 'merge':
        f['flags'].add('MERGE')
        f['merge_key'] = m[2]
    elif m and m[1] == 'list=map':
        f['list'] = 'MAP'
        f['map_keys'] = m[2].split(',')
    elif m:
        f['enums'] = sorted(m[2].split(','))
    elif option in ('list=set', 'list=atomic'):
        f['list'] = option[5:].upper()
    elif option.startswith('default='):
        json.loads(option[8:])
        f['default'] = option[8:]
    else:
        raise SchemaError(f'unknown option "{option}"')


def c_string(s):
    return 'NULL' if s is None else '"' + s.replace('\\', '\\\\').replace('"', '\\"') + '"'


def c_strings(strings):
    if strings is None:
        return 'NULL'
    return '(const char *const[]){' + ', '.join([c_string(s) for s in strings] + ['NULL']) + '}'


def c_verbs(verbs):
    names = {'deletecollection': 'DELETE_COLLECTION'}
    return ' | '.join('API_VERB_' + names.get(v, v.upper()) for v in verbs)


def c_ident(t):
    return t['schema'].room + '_' + t['name']


def find_type(name, schema, schemas):
    room, _, base = name.rpartition('.')
    home = schemas.get(room) if room else schema
    if home is None or base not in home.types:
        raise SchemaError(f'{schema.path}: there is no type {name}')
    return home.types[base]


def has_field(t, name, schemas):
    """A field of the type, or of one that is inlined in it."""
    return name in t['fields'] or any(
        'INLINE' in f['flags'] and has_field(find_type(f['type'], t['schema'], schemas), name, schemas)
        for f in t['fields'].values())


def has_defaults(t, schemas, seen):
    """Whether a field of it, or of a type below it, has a default."""
    if t['name'] in seen:
        return False
    seen = seen | {t['name']}
    return any(f['default'] is not None or
               (f['type'] not in VALUES and has_defaults(find_type(f['type'], t['schema'], schemas), schemas, seen))
               for f in t['fields'].values())


def c_field(f, owner, schemas):
    value = VALUES.get(f['type'])
    target = None if value else find_type(f['type'], owner['schema'], schemas)
    if target:
        for key in [f['merge_key']] + (f['map_keys'] or []):
            if key and not has_field(target, key, schemas):
                raise SchemaError(f'{owner["schema"].path}: {owner["name"]}.{f["name"]}: no key {key}')
    shape = {'': 'ONE', '[]': 'LIST', '{}': 'MAP'}[f['shape']]
    flags = ' | '.join('API_FIELD_' + x for x in sorted(f['flags'])) or '0'
    return (f'\t{{{c_string(f["name"])}, API_{value or "OBJECT"}, API_{shape}, {f["number"]}, {flags}, '
            f'API_LIST_{f["list"]}, {"&type_" + c_ident(target) if target else "NULL"}, '
            f'{c_string(f["merge_key"])}, {c_strings(f["map_keys"])}, {c_strings(f["enums"])}, '
            f'{c_string(f["default"])}, {c_string(f["description"])}, {len(f["name"])}}},\n')


def write_type(out, t, schemas):
    ident = c_ident(t)
    numbers = [f['number'] for f in t['fields'].values() if f['number']]
    if len(t['fields']) > 255:
        raise SchemaError(f'{t["schema"].path}: type {t["name"]}: more fields than the index of numbers can tell')
    if len(numbers) != len(set(numbers)):
        raise SchemaError(f'{t["schema"].path}: type {t["name"]}: a number is there twice')
    fields = sorted(t['fields'].values(), key=lambda f: f['name'].encode())
    if fields:
        out.append(f'static const struct api_field fields_{ident}[] = {{\n')
        out += [c_field(f, t, schemas) for f in fields]
        out.append('};\n')
    by_number = [0] * (max(numbers, default=-1) + 1)
    for i, f in enumerate(fields):
        if f['number']:
            by_number[f['number']] = i + 1
    if by_number:
        out.append(f'static const uint8_t numbers_{ident}[] = {{{", ".join(map(str, by_number))}}};\n')
    has_inline = any('INLINE' in f['flags'] for f in fields)
    out.append(f'static const struct api_type type_{ident} = {{\n\t"{t["schema"].package}.{t["name"]}", '
               f'{c_string(t["description"])}, {"fields_" + ident if fields else "NULL"}, {len(fields)}, '
               f'{str(t["atomic"]).lower()}, {str(has_inline).lower()}, '
               f'{str(has_defaults(t, schemas, set())).lower()}, '
               f'{"numbers_" + ident if by_number else "NULL"}, {len(by_number)},\n}};\n')


def write_kind(out, k):
    group, _, version = k['schema'].api.rpartition('/')
    ident = c_ident(k)
    if k['subresources']:
        out.append(f'static const struct api_subresource subresources_{ident}[] = {{\n')
        for name, api, kind, verbs in k['subresources']:
            sub_group, _, sub_version = api.rpartition('/') if api else (group, '', version)
            out.append(f'\t{{"{name}", "{kind}", {c_verbs(verbs)}, "{sub_group}", "{sub_version}"}},\n')
        out.append('};\n')
    out.append(f'static const struct api_column columns_{ident}[] = {{\n')
    for name, ctype, fmt, description, priority in k['columns']:
        out.append(f'\t{{"{name}", "{ctype}", "{fmt}", {c_string(description)}, {priority}}},\n')
    out.append('};\n')
    flag = lambda word: 'true' if word in k['flags'] else 'false'
    return (f'\t{{"{group}", "{version}", "{k["name"]}", "{k["name"]}List", "{k["plural"]}", "{k["singular"]}",\n'
            f'\t {c_strings(k["short"])}, {c_strings(k["categories"])}, {flag("namespaced")}, '
            f'{flag("generation")}, {flag("create-on-update")},\n\t {c_verbs(k["verbs"])},\n\t '
            f'{"subresources_" + ident if k["subresources"] else "NULL"}, {len(k["subresources"])}, '
            f'&type_{ident}, columns_{ident}, {len(k["columns"])},\n\t {c_strings(k["labels"])}, '
            f'"{k["storage"]}"}},\n')


def generate(schemas):
    types = [t for s in schemas.values() for t in s.types.values()]
    for s in schemas.values():
        for k in s.kinds:
            fields = find_type(k['name'], s, schemas)['fields']
            for name, description in TYPE_META:
                read_field({'fields': fields}, f'{name} 0 string', description)
    out = ['/* Generated by tools/gen_schema.py: change src/api/schema/ instead. */\n#include "api/schema.h"\n\n']
    out += [f'static const struct api_type type_{c_ident(t)};\n' for t in types]
    for t in types:
        write_type(out, t, schemas)
    kinds = [write_kind(out, k) for s in schemas.values() for k in sorted(s.kinds, key=lambda k: k['plural'])]
    out += ['const struct api_kind api_schema_kinds[] = {\n'] + kinds
    out.append(f'}};\nconst size_t api_schema_n_kinds = {len(kinds)};\n')
    out.append('const struct api_type *const api_schema_types[] = {\n')
    out += [f'\t&type_{c_ident(t)},\n' for t in sorted(types, key=lambda t: f'{t["schema"].package}.{t["name"]}')]
    out.append(f'}};\nconst size_t api_schema_n_types = {len(types)};\n')
    return ''.join(out)


def main():
    target, *paths = sys.argv[1:]
    try:
        schemas = {s.room: s for s in (Schema(pathlib.Path(p)) for p in paths)}
        text = generate(schemas)
    except SchemaError as e:
        sys.exit(str(e))
    pathlib.Path(target).write_text(text)


if __name__ == '__main__':
    main()
