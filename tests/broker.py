"""A broker as a process: started, killed, started again, and seen from outside only.

`Broker` runs the binary that the environment names: PARTITA, else build/release/partita, else
build/debug/partita; with PARTITA_SHARDS shards where the test does not say. Its standard output has
one line, with what it listens on; its log goes to standard error, which is kept in a file. Where
the binary has sanitizers, no process of it may end with a report of one: leaks are looked for at
every clean stop. `BrokerCase` is a test case with one broker for all its tests, which must stop
when told at the end, with exit code 0.
"""
import contextlib
import os
import pathlib
import re
import selectors
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
START_SECONDS = 60
STOP_SECONDS = 40
LISTENING = re.compile(r"^partita is listening on (.+) \(node (\d+), cluster (\S+)\)$")
SANITIZER = re.compile(r"AddressSanitizer|LeakSanitizer|runtime error:|ThreadSanitizer")
# Behind what the environment says. A small quarantine, so that bounds on memory mean something.
SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:quarantine_size_mb=8", "UBSAN_OPTIONS": "print_stacktrace=1",
}


def binary():
    """The binary under test; AssertionError where there is none."""
    named = os.environ.get("PARTITA")
    places = [pathlib.Path(named)] if named else [
        ROOT / "build/release/partita", ROOT / "build/debug/partita"
    ]
    for place in places:
        if os.access(place, os.X_OK):
            return place
    raise AssertionError("no binary: " + ", ".join(map(str, places)))


def free_port():
    """A port of the loopback that nobody has at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def sanitizer_options():
    return {name: ":".join(filter(None, [os.environ.get(name), value]))
            for name, value in SANITIZERS.items()}


def wait_until(what, condition, seconds=15.0, every=0.02):
    """Asks `condition` until it answers something true, and answers that."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(every)


class Broker:
    """One data directory and the process that serves it, if it runs.

    `settings` become --set flags. The port stays the same at later starts, so that
    clients find the broker again.
    """

    def __init__(self, directory, settings=None, program=None):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.data = self.directory / "data"
        self.log = self.directory / "server.log"
        self.settings = dict(settings or {})
        self.program = program or binary()
        self.process = None
        self.port = free_port()
        self.line = self.listening = self.cluster = None
        self.node = 0

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self):
        return self.process.pid

    def command(self):
        arguments = ["server", "--port", str(self.port), "--data-dir", str(self.data)]
        shards = os.environ.get("PARTITA_SHARDS")
        settings = {**({"shards": shards} if shards else {}), **self.settings}
        for name, value in settings.items():
            arguments += ["--set", f"{name}={value}"]
        return [str(self.program), *arguments]

    def launch(self, command=None, environment=None):
        """Starts the process and does not wait for it."""
        assert self.process is None, "it runs already"
        clean = {k: v for k, v in os.environ.items() if not k.startswith("KAFKA_")}
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                command or self.command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=log, env={**clean, **sanitizer_options(), **(environment or {})},
            )
        return self

    def start(self, command=None, environment=None):
        """Starts it, and comes back when it says that it listens."""
        self.launch(command, environment)
        self.line = self._first_line()
        match = LISTENING.match(self.line)
        if not match:
            self.kill()
            raise AssertionError(f"not the line of a start: {self.line!r}\n{self.log_tail()}")
        self.listening = match[1].split(", ")
        self.node, self.cluster = int(match[2]), match[3]
        return self

    def _first_line(self):
        read, deadline = b"", time.monotonic() + START_SECONDS
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while not read.endswith(b"\n"):
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    break
                piece = os.read(self.process.stdout.fileno(), 1)
                if not piece:
                    break
                read += piece
        return read.decode().rstrip("\n")

    def wait(self, seconds=STOP_SECONDS):
        """The exit code, once it has ended by itself."""
        code = self.process.wait(seconds)
        self.process.stdout.close()
        self.process = None
        complaint = SANITIZER.search(self.log_text())
        assert not complaint, self.log_text()[complaint.start():][:8000]
        return code

    def stop(self):
        """Asks it to stop; the exit code, negative for a signal."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"no end {STOP_SECONDS} s after SIGTERM\n{self.log_tail()}")

    def kill(self):
        """kill -9."""
        self.process.kill()
        return self.wait()

    def restart(self):
        code = self.stop()
        assert code == 0, f"exit code {code}\n{self.log_tail()}"
        return self.start()

    def close(self):
        """Ends the process, if there is one, in the hard way."""
        if self.process:
            self.kill()

    def log_text(self, since=0):
        with contextlib.suppress(FileNotFoundError), open(self.log, "rb") as log:
            log.seek(since)
            return log.read().decode(errors="replace")
        return ""

    def log_size(self):
        return self.log.stat().st_size

    def log_tail(self, lines=30):
        return "\n".join(self.log_text().splitlines()[-lines:])

    def memory(self, field="VmRSS"):
        """In bytes; "VmHWM" is the most that it ever was since it started, or was reset."""
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
        raise AssertionError(f"no {field} in the status of process {self.pid}")

    def reset_peak_memory(self):
        """VmHWM counts from now on."""
        pathlib.Path(f"/proc/{self.pid}/clear_refs").write_text("5")


class BrokerCase(unittest.TestCase):
    """One broker for all tests of the class. Tests take topic names of their own."""

    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="partita-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)
        cls.broker = cls.make_broker()
        cls.addClassCleanup(cls.broker.close)
        cls.broker.start()
        cls.address = cls.broker.address

    @classmethod
    def make_broker(cls):
        return Broker(cls.directory, cls.settings)

    @classmethod
    def tearDownClass(cls):
        if cls.broker.process:
            code = cls.broker.stop()
            assert code == 0, f"exit code {code}\n{cls.broker.log_tail()}"

    def temporary_directory(self):
        directory = pathlib.Path(tempfile.mkdtemp(prefix="partita-test-"))
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        return directory
