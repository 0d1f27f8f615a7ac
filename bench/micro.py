#!/usr/bin/python3
"""What operations cost, by the micro benchmarks that stand beside the code.

    bench/micro.py               # a table of them all; some minutes
    bench/micro.py records       # of one folder

Nanoseconds are this machine's and this moment's; user-space instructions (callgrind) and heap
allocations are the program's own.
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PRESET = ROOT / "build/release"
# rpc_loopback_bench waits for the kernel: its time means something, its loop has no one operation.
LEFT_OUT = {"rpc_loopback_bench"}


def programs(only):
    """Paths of the benchmark programs, built."""
    names = sorted(
        f"{path.parent.name}_{path.stem}" for path in (ROOT / "src").glob("*/*_bench.cc")
        if not only or path.parent.name in only
    )
    names = [name for name in names if name not in LEFT_OUT]
    subprocess.run(["ninja", "-C", str(PRESET), *names], check=True, stdout=subprocess.DEVNULL)
    return [PRESET / "src" / name for name in names]


def timed(program, folder):
    """{benchmark: (nanoseconds, allocations)}"""
    done = subprocess.run([program, "--benchmark_format=json", "--benchmark_min_time=0.1"],
                          cwd=folder, check=True, capture_output=True, text=True)  # yapf: disable
    scale = {"ns": 1, "us": 1e3, "ms": 1e6}
    return {
        row["name"]: (row["cpu_time"] * scale[row["time_unit"]], row.get("allocs/op", 0.0))
        for row in json.loads(done.stdout)["benchmarks"]
    }


def instructions(program, folder):
    """{benchmark: instructions}, of the last and longest of its loops."""
    bare = folder / "program"
    shutil.copy(program, bare)
    # Debian's valgrind does not read this compiler's debug information.
    subprocess.run(["strip", "-g", bare], check=True)
    subprocess.run(
        [
            "valgrind", "--tool=callgrind", "--collect-atstart=no", "--combine-dumps=yes",
            "--callgrind-out-file=out", bare, "--benchmark_min_time=0.01",
        ],
        cwd=folder, check=True, capture_output=True,
    )  # yapf: disable
    found = {}
    part = None
    for line in (folder / "out").read_text().splitlines():
        loop = re.match(r"desc: Trigger: Client Request: (\S+) (\d+)$", line)
        if loop:
            part = loop.groups()
        total = re.match(r"(?:summary|totals): (\d+)", line)
        if total and part:
            found[part[0]] = int(total.group(1)) / int(part[1])
            part = None
    return found


def table(only=()):
    """Lines of a table in Markdown."""
    yield "| folder | operation | ns | instructions | heap allocations |"
    yield "|---|---|---|---|---|"
    for program in programs(only):
        with tempfile.TemporaryDirectory(prefix="partita-micro-") as name:
            folder = pathlib.Path(name)
            times, counts = timed(program, folder), instructions(program, folder)
        for operation, (ns, allocations) in times.items():
            count = f"{counts[operation]:,.0f}" if operation in counts else "-"
            home = program.name.split("_")[0]
            yield f"| {home} | {operation} | {ns:,.0f} | {count} | {round(allocations, 1):g} |"


if __name__ == "__main__":
    for line in table(sys.argv[1:]):
        print(line, flush=True)
