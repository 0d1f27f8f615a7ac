"""Sizes of files and functions, held by a ratchet: what is too large today may only shrink."""
import ast
import re

from tidying import cpp

FILE_WARN, FILE_MAX, FUNCTION_MAX, COLUMNS_MAX, README_MAX = 300, 800, 70, 100, 30


class Ratchet:
    """tidy_ratchet.txt: lines of `PATH LINES` for files and `PATH FUNCTION LINES` for functions."""

    def __init__(self, path):
        self.shown, self.limits, self.used = path.name, {}, set()
        for line in path.read_text().splitlines() if path.exists() else []:
            *key, limit = line.partition('#')[0].split() or ['']
            if key:
                self.limits[tuple(key)] = int(limit)

    def limit(self, key, normal, size):
        self.used.add(key)
        limit = self.limits.get(key, normal)
        return limit if limit <= normal or size > normal else normal

    def slack(self, sizes):
        """Faults for entries that could be lower, or that nothing needs."""
        for key, limit in sorted(self.limits.items()):
            size = sizes.get(key, 0)
            if size < limit:
                yield (f'{self.shown}:1: {" ".join(key)} is at {size} now: '
                       f'lower its entry from {limit}, or take it out')


def python_functions(text):
    return [(node.name, node.lineno, node.end_lineno - node.lineno + 1)
            for node in ast.walk(ast.parse(text))
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def check_file(shown, kind, text, ratchet, sizes):
    """Yields (is error, fault) for one file; notes what it measured in `sizes`."""
    lines = text.count('\n')
    sizes[(shown,)] = lines
    if lines > ratchet.limit((shown,), FILE_MAX, lines):
        yield True, f'{shown}:1: {lines} lines, {FILE_MAX} is the end: split the file'
    elif lines > FILE_WARN:
        yield False, f'{shown}:1: {lines} lines, aim at {FILE_WARN}'
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > COLUMNS_MAX and not re.search(r'https?://\S{60}', line):
            yield True, f'{shown}:{number}: {len(line)} columns, {COLUMNS_MAX} is the end'
    if kind == 'cpp':
        functions = cpp.functions_of(text)
    elif kind == 'python':
        functions = python_functions(text)
    else:
        functions = []
    for name, first, size in functions:
        key = (shown, name)
        sizes[key] = max(size, sizes.get(key, 0))
        if size > ratchet.limit(key, FUNCTION_MAX, size):
            yield True, f'{shown}:{first}: {name} has {size} lines, {FUNCTION_MAX} is the end'


def check_readme(shown, text):
    if (lines := text.count('\n')) > README_MAX:
        yield True, f'{shown}:1: {lines} lines, a folder README has at most {README_MAX}'
