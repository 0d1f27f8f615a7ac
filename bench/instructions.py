#!/usr/bin/python3
"""User-space instructions and heap allocations of one produce request and of one record.

    bench/instructions.py        # prints the table; some minutes

The broker runs under valgrind (callgrind counts instructions, memcheck allocations) while
rdkafka_performance sends a little, then more: the difference is what the additional requests cost,
whatever starting and stopping take. Counts, not times: other load on the machine does not matter.
"""
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

from clients import RP

HERE = pathlib.Path(__file__).resolve().parent
BINARY = HERE.parent / "build/release/partita"
PORT = 19480

# name, bytes of a record, records a request, fewer and more requests
CASES = [
    ("one record of 100 bytes", 100, 1, 500, 3500),
    ("100 records of 100 bytes", 100, 100, 100, 700),
    ("1,000 records of 100 bytes", 100, 1000, 50, 350),
    ("100 records of 1 KB", 1000, 100, 100, 700),
]
TOOLS = {
    "instructions": (["--tool=callgrind", "--callgrind-out-file=/dev/null"],
                     re.compile(r"Collected *: (\d+)")),
    "allocations": (["--tool=memcheck", "--leak-check=no"],
                    re.compile(r"total heap usage: ([\d,]+) allocs")),
}  # yapf: disable


def count(tool, binary, folder, case, requests, durability):
    """What the tool counted from start to stop while so many requests came."""
    flags, pattern = TOOLS[tool]
    _, size, records, _, _ = case
    data = folder / f"{tool}-{requests}-{time.monotonic_ns()}"
    log = folder / "valgrind.log"
    server = subprocess.Popen(
        [
            "valgrind", *flags, f"--log-file={log}", binary, "server", "--port", str(PORT),
            "--data-dir", str(data), "--set", f"durability={durability}",
        ],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # yapf: disable
    try:
        server.stdout.readline()  # it listens
        subprocess.run(
            [
                RP, "-P", "-t", "t", "-p", "0", "-b", f"localhost:{PORT}", "-a", "1", "-s",
                str(size), "-c", str(records * requests), "-q", "-X", "linger.ms=1000", "-X",
                f"batch.num.messages={records}", "-X", "max.in.flight.requests.per.connection=1",
                "-X", "batch.size=10000000", "-X", "topic.metadata.refresh.interval.ms=-1",
            ],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # yapf: disable
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=120)
    return int(pattern.search(log.read_text()).group(1).replace(",", ""))


def per_request(tool, binary, folder, case, durability):
    _, _, _, fewer, more = case
    counts = [count(tool, binary, folder, case, n, durability) for n in (fewer, more)]
    return (counts[1] - counts[0]) / (more - fewer)


def table(durability="os"):
    """Lines of a table in Markdown."""
    yield "| a request of | instructions | a record | heap allocations | a record |"
    yield "|---|---|---|---|---|"
    with tempfile.TemporaryDirectory(prefix="partita-instructions-") as name:
        folder = pathlib.Path(name)
        binary = str(folder / "partita")
        shutil.copy(BINARY, binary)
        # Debian's valgrind does not read this compiler's debug information.
        subprocess.run(["strip", "-g", binary], check=True)
        for case in CASES:
            found = {tool: per_request(tool, binary, folder, case, durability) for tool in TOOLS}
            records = case[2]
            yield (
                f"| {case[0]} | {found['instructions']:,.0f} |"
                f" {found['instructions'] / records:,.1f} | {found['allocations']:.1f} |"
                f" {found['allocations'] / records:.3f} |"
            )


if __name__ == "__main__":
    for line in table():
        print(line, flush=True)
