"""clang-format and clang-tidy over the files whose bytes changed since they last passed.

What passed is remembered as one empty file a pass, named by the hash of all that the verdict
depends on: the tool's version and settings, the file, the compiler's flags, and every header of
ours that it reaches. Where the checkout lies is no part of it, so one memory serves every clone.
"""
import concurrent.futures
import hashlib
import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

FORMAT, TIDY = 'clang-format-19', 'clang-tidy-19'
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.MULTILINE)
_JOBS = os.cpu_count() or 2
_KEPT_S = 30 * 24 * 3600


def memory():
    """The folder of what passed: partita/tidy in the user's cache."""
    cache = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    return Path(cache) / 'partita/tidy'


class Passed:
    """The memory of what passed; what nobody asked for in a month is dropped."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        oldest = time.time() - _KEPT_S
        for entry in folder.iterdir():
            if entry.stat().st_mtime < oldest:
                entry.unlink(missing_ok=True)

    def __contains__(self, key):
        try:
            os.utime(self.folder / key)
        except FileNotFoundError:
            return False
        return True

    def add(self, key):
        (self.folder / key).touch()


def _digest(*parts):
    state = hashlib.sha256()
    for part in parts:
        state.update(hashlib.sha256(part).digest())
    return state.hexdigest()


def _version(tool):
    """Tells builds of a tool apart without running it."""
    path = shutil.which(tool)
    if not path:
        raise SystemExit(f'{tool} is missing: ./dev setup')
    state = os.stat(path)
    return f'{os.path.realpath(path)} {state.st_size} {state.st_mtime_ns}'.encode()


def _run_all(work, items):
    with concurrent.futures.ThreadPoolExecutor(_JOBS) as pool:
        yield from pool.map(work, items)


def check_format(root, files, passed, fix):
    """Yields the faults of the formatting, or mends them in place."""
    base = _digest(_version(FORMAT), (root / '.clang-format').read_bytes())

    def key_of(path):
        return 'format-' + _digest(base.encode(), path.suffix.encode(), path.read_bytes())

    def work(path):
        flags = ['-i'] if fix else ['--dry-run', '-Werror']
        done = subprocess.run([FORMAT, *flags, path], capture_output=True, text=True, cwd=root)
        if done.returncode == 0:
            passed.add(key_of(path))
            return None
        where = re.search(r':(\d+):\d+: error', done.stderr)
        line = where[1] if where else 1
        return f'{path.relative_to(root)}:{line}: not formatted: ./dev tidy --fix'

    yield from filter(None, _run_all(work, [path for path in files if key_of(path) not in passed]))


class Headers:
    """The headers of ours that a file reaches, generated ones included."""

    def __init__(self, root, build):
        self.roots = (root / 'src', root / 'include', build / 'generated')
        self.direct, self.hashes = {}, {}

    def _read(self, path):
        if path not in self.direct:
            data = path.read_bytes()
            self.hashes[path] = hashlib.sha256(data).digest()
            named = _INCLUDE.findall(data.decode(errors='replace'))
            candidates = (base / name for name in named for base in self.roots)
            self.direct[path] = [path for path in candidates if path.exists()]
        return self.direct[path]

    def digest(self, path):
        seen, todo = {path}, [path]
        while todo:
            for header in self._read(todo.pop()):
                if header not in seen:
                    seen.add(header)
                    todo.append(header)
        return _digest(*(self.hashes[path] for path in sorted(seen)))


def check_tidy(root, files, passed, build):
    """Yields what clang-tidy finds in the .cc files of `files`, headers of ours included."""
    database = build / 'compile_commands.json'
    if not database.exists():
        yield f'{build}: no compile_commands.json: configure it first with cmake --preset debug'
        return
    flags = {os.path.realpath(row['file']): row['command'].replace(str(root), '').encode()
             for row in json.loads(database.read_text())}
    base = _digest(_version(TIDY), (root / '.clang-tidy').read_bytes()).encode()
    headers = Headers(root, build)
    keys = {path: 'tidy-' + _digest(base, flags[str(path)], headers.digest(path).encode())
            for path in map(Path.resolve, files) if path.suffix == '.cc' and str(path) in flags}

    def work(path):
        command = [TIDY, '--quiet', '-p', str(build), f'--header-filter=^{root}/(src|include)/',
                   *(['--checks=-performance-*'] if path.stem.endswith('_test') else []), str(path)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=root)
        found = re.findall(r'^\S+?:\d+:\d+: (?:error|warning): .*$', done.stdout, re.MULTILINE)
        if done.returncode == 0 and not found:
            passed.add(keys[path])
        elif not found:
            found = [f'{path}:1: {TIDY} failed: {(done.stderr or done.stdout).strip()[-500:]}']
        return [fault.replace(f'{root}/', '') for fault in found]

    seen = set()
    for faults in _run_all(work, [path for path in keys if keys[path] not in passed]):
        yield from (fault for fault in faults if fault not in seen)
        seen.update(faults)
