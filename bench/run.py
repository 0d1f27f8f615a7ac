#!/usr/bin/python3
"""Apache Kafka 4.3, the null broker and Partita in one run, with the goals beside the figures.

Writes docs/benchmarks.md.

    bench/run.py                        # every goal's workload, 5 pairs (about 40 minutes)
    bench/run.py --workloads W1,W6 --pairs 5 --no-page --no-counts

Figures count as ratios within this run only. `os` is durability=os (what Apache Kafka's defaults
promise), `fsync` is Partita's default: on disk before it is acknowledged. `null` and `null-fsync`
do the least that a correct broker must: they show what the clients themselves can reach here.
"""
import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile

import instructions
import micro

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
BINARY = ROOT / "build/release/partita"
PAGE = ROOT / "docs/benchmarks.md"

# workload, figure, broker, the largest ratio to Apache Kafka that meets the goal (with a minus: the
# smallest)
RATIO_GOALS = [
    ("W1", "cpu s/GB", "os", 0.50), ("W1", "cpu s/GB", "fsync", 0.65),
    ("W1", "MB/s", "fsync", -1.2), ("W1s", "cpu s/GB", "os", 0.38),
    ("W2", "cpu s/GB", "fsync", 0.55), ("W3", "cpu s/GB", "os", 0.42),
    ("W6", "cpu us/request", "os", 0.15), ("W6m", "cpu us/request", "os", 0.10),
    ("W7", "e2e p50 us", "os", 0.65), ("W7", "e2e p99.9 us", "os", 0.6),
    ("W7", "e2e p50 us", "fsync", 1.1), ("W8", "cpu s/GB", "os", 0.80),
]
# workload, figure, largest value
BUDGETS = [
    ("W12", "create s", 3), ("W12", "restart s", 1.5), ("W12", "RSS MB", 100),
    ("W12", "idle cpu %", 2), ("W14", "first ack ms", 60), ("W14", "idle RSS MB", 20),
]
ALL = "W1,W1s,W2,W3,W6,W6m,W7,W8,W12,W14"


def measure(workloads, pairs, budget_pairs, folder):
    """Runs the driver; answers its rows."""
    rows = folder / "rows.jsonl"
    budgets = {workload for workload, _, _ in BUDGETS}
    ratios = [name for name in workloads.split(",") if name not in budgets]
    rest = [name for name in workloads.split(",") if name in budgets]
    if ratios:
        drive(ratios, pairs, rows)
    if rest:
        drive(rest, budget_pairs, rows)
    return [json.loads(line) for line in rows.read_text().splitlines()]


def drive(workloads, pairs, rows):
    server = f"{BINARY} server --port {{port}} --data-dir {{dir}}/data"
    subprocess.run(
        [
            sys.executable, str(HERE / "side_by_side.py"), "--with", "kafka,null,null-fsync",
            "--workloads", ",".join(workloads), "--pairs", str(pairs), "--json", str(rows),
            "--broker", f"os={server} --set durability=os", "--broker", f"fsync={server}",
        ],
        check=True,
    )


def figures_of(rows, workload, figure, broker):
    return {
        r["rep"]: r["figures"][figure]
        for r in rows
        if r["workload"] == workload and r["broker"] == broker and figure in r["figures"]
    }


def interval(values):
    """Median, and a bootstrap 95 % interval of it."""
    rnd = random.Random(1)
    medians = sorted(statistics.median(rnd.choices(values, k=len(values))) for _ in range(1000))
    return statistics.median(values), medians[25], medians[974]


def ratios_to_kafka(rows, workload, figure, broker):
    ours, kafka = figures_of(rows, workload, figure, broker), figures_of(
        rows, workload, figure, "kafka"
    )
    return [ours[rep] / kafka[rep] for rep in ours if kafka.get(rep)]


def ratio_lines(rows):
    heads = (
        "workload | figure | durability | Kafka | ours | null | ours / Kafka (95 %) | goal | met"
    )
    yield f"| {heads} |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for workload, figure, broker, goal in RATIO_GOALS:
        ratios = ratios_to_kafka(rows, workload, figure, broker)
        if not ratios:
            continue
        middle, low, high = interval(ratios)
        null = figures_of(rows, workload, figure, "null-fsync" if broker == "fsync" else "null")
        met = middle <= goal if goal > 0 else middle >= -goal
        words = f"at most {goal}" if goal > 0 else f"at least {-goal}"
        cells = [
            workload,
            figure,
            broker,
            *(
                f"{statistics.median(v.values()):.3g}" if v else "-"
                for v in (
                    figures_of(rows, workload, figure, "kafka"),
                    figures_of(rows, workload, figure, broker),
                    null,
                )
            ),
            f"{middle:.2f} ({low:.2f}-{high:.2f})",
            words,
            "yes" if met else "no",
        ]
        yield "| " + " | ".join(cells) + " |"


def budget_lines(rows):
    yield "| workload | figure | Kafka | os | fsync | budget | met |"
    yield "|---|---|---|---|---|---|---|"
    for workload, figure, budget in BUDGETS:
        values = {b: figures_of(rows, workload, figure, b) for b in ("kafka", "os", "fsync")}
        if not values["fsync"]:
            continue
        middle = {b: statistics.median(v.values()) if v else None for b, v in values.items()}
        cells = [
            workload,
            figure,
            *("-" if m is None else f"{m:.3g}" for m in middle.values()),
            f"at most {budget}",
            "yes" if middle["fsync"] <= budget else "no",
        ]
        yield "| " + " | ".join(cells) + " |"


def count_lines():
    """What does not depend on the machine's hour."""
    yield "User-space instructions (callgrind) and heap allocations of the broker, `durability=os`,"
    yield "one request at a time: `bench/instructions.py`."
    yield ""
    yield from instructions.table()
    yield ""
    yield "Operations, by the micro benchmarks beside the code: `bench/micro.py`."
    yield ""
    yield from micro.table()


def page(rows, counts, args):
    kernel = os.uname().release
    return "\n".join(
        [
            "# Benchmarks", "",
            "Apache Kafka 4.3.1 with its shipped settings, the null broker and Partita in one run,",
            "driven by the same public clients (librdkafka's `rdkafka_performance`, kcat). Ratios",
            "within one run count, absolute figures do not: machines differ by a factor of two,",
            "and so do hours. CPU is the whole process's own clock.", "",
            f"Medians of {args.pairs} interleaved pairs (budgets: {args.budget_pairs}),"
            f" {os.cpu_count()} cores, Linux {kernel}. The command:", "",
            f"    ./dev bench --pairs {args.pairs} --budget-pairs {args.budget_pairs}"
            + ("" if args.workloads == ALL else f" --workloads {args.workloads}"), "",
            *ratio_lines(rows), "", "Budgets (a broker of its own, from an empty directory):", "",
            *budget_lines(rows), "", *counts, "",
        ]
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workloads", default=ALL)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--budget-pairs", type=int, default=3, help="of W12 and W14")
    parser.add_argument(
        "--no-page", action="store_true", help="print only, leave docs/benchmarks.md as it is"
    )
    parser.add_argument(
        "--no-counts", action="store_true", help="without instructions and heap allocations"
    )
    args = parser.parse_args()
    subprocess.run([str(HERE / "setup")], check=True)
    counts = [] if args.no_counts else list(count_lines())
    with tempfile.TemporaryDirectory(prefix="partita-bench-") as folder:
        rows = measure(args.workloads, args.pairs, args.budget_pairs, pathlib.Path(folder))
    text = page(rows, counts, args)
    print("\n" + text)
    if not args.no_page:
        PAGE.write_text(text)


if __name__ == "__main__":
    main()
