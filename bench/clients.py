"""The public clients that load a broker, and what a run of one costs."""
import json
import os
import random
import subprocess
import sys
import time

from brokers import CACHE

RP = str(CACHE / "rdkafka_performance")


def run_client(command, broker, well=None, **popen):
    """Runs one client against one broker: seconds of wall, broker CPU, client CPU, busy machine.

    Its exit code must be 0, or its output have the words `well`.
    """

    def busy():
        fields = [int(x) for x in open("/proc/stat").readline().split()[1:]]
        return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK"), fields[
            7
        ] / os.sysconf("SC_CLK_TCK")

    cpu0, (busy0, steal0), t0 = broker.cpu(), busy(), time.monotonic()
    proc = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **popen)
    out = proc.stdout.read()
    _, status, usage = os.wait4(proc.pid, 0)
    wall, cpu1, (busy1, steal1) = time.monotonic() - t0, broker.cpu(), busy()
    if status != 0 and (well is None or well.encode() not in out):
        sys.exit(
            f"{broker.name}: {' '.join(command[:4])}... ended with {status}\n"
            f"{out.decode(errors='replace')[-2000:]}"
        )
    return {
        "wall": wall,
        "cpu": cpu1 - cpu0,
        "client_cpu": usage.ru_utime + usage.ru_stime,
        "box": busy1 - busy0,
        "steal": steal1 - steal0,
        "out": out.decode(errors="replace"),
    }


def produce(broker, topic, size, count, *options, partition=0, acks=1):
    place = ["-p", str(partition)] if partition is not None else []
    # rdkafka_performance counts in two threads, and now and then ends with 1 although it says that
    # every record was delivered.
    well = f" {count} delivered (offset"
    return run_client(
        [
            RP, "-P", "-t", topic, *place, "-b", broker.address, "-a", str(acks), "-s", str(size),
            "-c", str(count), "-q", *sum((["-X", o] for o in options), []),
        ],
        broker,
        well,
    )


BULK = (
    "linger.ms=50",
    "batch.num.messages=10000",
    "queue.buffering.max.messages=1000000",
    "queue.buffering.max.kbytes=1048576",
)


def per_gb(result, gigabytes):
    return {
        "cpu s/GB": result["cpu"] / gigabytes,
        "MB/s": gigabytes * 1000 / result["wall"],
        "client cpu s/GB": result["client_cpu"] / gigabytes,
        "box cpu s/GB": (result["box"] - result["client_cpu"]) / gigabytes,
    }


def json_payload(lines=200_000):
    """A file of about 1 KB of JSON a line that compresses as events do (some 5:1 with zstd)."""
    path = CACHE / f"events-{lines}.jsonl"
    if not path.exists():
        rnd, words = random.Random(7), [
            f"{w}{i}"
            for w in ("user", "cart", "view", "click", "pay", "node", "eu-west", "item")
            for i in range(200)
        ]
        with open(path, "w") as out:
            for i in range(lines):
                event = {
                    "id": f"{rnd.getrandbits(64):016x}",
                    "time": 1_760_000_000_000 + i * 7,
                    "kind": rnd.choice(words),
                    "amount": round(rnd.random() * 500, 2),
                    "path": "/".join(rnd.choice(words) for _ in range(6)),
                    "tags": [rnd.choice(words) for _ in range(40)],
                    "session": f"{rnd.getrandbits(128):032x}",
                }
                text = json.dumps(event)
                out.write(
                    text + " " * max(0, 1000 - len(text)) + "\n"
                    if len(text) < 900
                    else text[:1000].ljust(1000) + "\n"
                )
    return path
