"""What is measured: each workload takes a broker and a topic, and answers figures."""
import os
import shutil
import subprocess
import sys
import tempfile
import time

from brokers import JAVA_TOOL, Null
from clients import BULK, RP, json_payload, per_gb, produce, run_client
from probes import first_ack, wait_metadata


def w1(size, gigabytes=1.0, acks=1, partitions=1, *more):
    def workload(broker, topic):
        broker.create_topic(topic, partitions)
        count = int(gigabytes * 1e9 / size)
        result = produce(
            broker,
            topic,
            size,
            count,
            *BULK,
            *more,
            partition=0 if partitions == 1 else None,
            acks=acks,
        )
        return {**per_gb(result, gigabytes), "cpu ns/record": result["cpu"] / count * 1e9}

    return workload


def w4(broker, topic):
    broker.create_topic(topic)
    count, path = 600_000, json_payload()
    result = run_client(
        [
            *JAVA_TOOL, "org.apache.kafka.tools.ProducerPerformance", "--topic", topic,
            "--num-records", str(count), "--payload-file", str(path), "--throughput", "-1",
            "--producer-props", f"bootstrap.servers={broker.address}", "acks=1",
        ],
        broker,
    )
    return per_gb(result, count * 1e-6)


def w5(codec):
    def workload(broker, topic):
        # For the null broker: without it the client would send plain batches.
        os.environ["CODECS"] = "1"
        broker.create_topic(topic)
        del os.environ["CODECS"]
        lines = 200_000
        result = run_client(
            [
                "kcat", "-P", "-b", broker.address, "-t", topic, "-p", "0", "-z", codec, "-l",
                str(json_payload(lines)), "-X", "linger.ms=50", "-X", "batch.size=1000000", "-X",
                "acks=1",
            ],
            broker,
        )
        return per_gb(result, lines * 1e-6)  # per GB before compression

    return workload


def w6(clients):
    def workload(broker, topic):
        broker.create_topic(topic)
        count = 200_000 // clients
        command = [
            RP, "-P", "-t", topic, "-p", "0", "-b", broker.address, "-a", "1", "-s", "100", "-c",
            str(count), "-X", "linger.ms=0", "-X", "batch.num.messages=1", "-q",
        ]
        others = [
            subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for _ in range(clients - 1)
        ]
        cpu0, t0 = broker.cpu(), time.monotonic()
        run_client(command, broker)
        for other in others:
            other.wait()
        requests = count * clients
        return {
            "cpu us/request": (broker.cpu() - cpu0) / requests * 1e6,
            "requests/s": requests / (time.monotonic() - t0),
        }

    return workload


def percentiles(label, path):
    """Of a file that rdkafka_performance -A wrote: a latency ends each line that has one."""
    words = [line.split()[-1] for line in open(path) if line.strip()]
    values = sorted(float(word) for word in words if word.replace(".", "").isdigit())
    if not values:
        sys.exit(f"no latencies in {path}")
    places = {p: min(len(values) - 1, int(len(values) * p / 100)) for p in (50, 99, 99.9)}
    return {f"{label} p{percent:g} us": values[place] for percent, place in places.items()}


def w7(rate, seconds=10):
    def workload(broker, topic):
        broker.create_topic(topic)
        count, folder = rate * seconds, tempfile.mkdtemp()
        consumed, produced = f"{folder}/consume.lat", f"{folder}/produce.lat"
        place = f"-t {topic} -p 0 -b {broker.address} -l -c {count} -q"
        read = f"-C {place} -o 0 -A {consumed} -X fetch.wait.max.ms=500"
        write = f"-P {place} -A {produced} -a 1 -s 256 -r {rate} -X linger.ms=0"
        reader = subprocess.Popen(
            [RP, *read.split()], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(1)
        result = run_client([RP, *write.split()], broker)
        try:
            reader.wait(20)
        except subprocess.TimeoutExpired:
            sys.exit(f"{broker.name}: the consumer did not see {count} records")
        figures = {**percentiles("e2e", consumed), **percentiles("ack", produced)}
        shutil.rmtree(folder)
        return {**figures, "cpu us/record": result["cpu"] / count * 1e6}

    return workload


def w8(size, gigabytes=1.0):
    def workload(broker, topic):
        broker.create_topic(topic)
        count = int(gigabytes * 1e9 / size)
        produce(broker, topic, size, count, *BULK)
        result = run_client(
            [
                RP, "-C", "-t", topic, "-p", "0", "-o", "beginning", "-e", "-b", broker.address,
                "-q", "-c", str(count), "-X", "fetch.message.max.bytes=10485760", "-X",
                "check.crcs=false", "-X", "queued.max.messages.kbytes=1000000",
            ],
            broker,
        )
        return per_gb(result, gigabytes)

    return workload


def w12(broker, topic, topics=10, partitions=1000):
    """10 topics of 1,000 partitions in an empty directory, then the process restarted.

    Apache Kafka refuses 10,000 partitions in one request.
    """
    if isinstance(broker, Null):
        return {}
    names = [f"{topic}-{i}" for i in range(topics)]
    broker.stop(), broker.wipe(), broker.format(), broker.start()
    wait_metadata(broker)
    t0 = time.monotonic()
    for name in names:
        broker.create_topic(name, partitions)
    created, cpu0 = time.monotonic() - t0, broker.cpu()
    time.sleep(10)
    idle, resident = (broker.cpu() - cpu0) / 10 * 100, broker.memory()
    broker.stop()
    t0 = time.monotonic()
    broker.start()
    while any(wait_metadata(broker, name) < partitions for name in names):
        time.sleep(0.01)
    figures = {
        "create s": created,
        "restart s": time.monotonic() - t0,
        "RSS MB": resident,
        "idle cpu %": idle,
    }
    broker.stop(), broker.wipe(), broker.format(), broker.start()
    wait_metadata(broker)
    return figures


def w14(broker, topic):
    """From spawn, in an empty directory, to the first acknowledged record; then idle memory.

    A broker that needs a formatted directory gets one before the clock starts.
    """
    if isinstance(broker, Null):
        return {}
    broker.stop(), broker.wipe(), broker.format()
    t0 = time.monotonic()
    broker.start()
    listening = time.monotonic() - t0
    acked = first_ack(broker, topic, deadline=t0 + 20)
    figures = (
        {"first ack ms": (time.monotonic() - t0) * 1e3} if acked else {}
    )  # none: no topic auto-creation
    time.sleep(5)
    return {"listening ms": listening * 1e3, **figures, "idle RSS MB": broker.memory()}


WORKLOADS = {
    "W1": ("produce 1 KB, acks=1", w1(1000)),
    "W1s": ("produce 100 B, acks=1", w1(100, 0.5)),
    "W2": ("produce 1 KB, acks=all, idempotent", w1(1000, 1.0, -1, 1, "enable.idempotence=true")),
    "W3": ("produce 1 KB over 100 partitions", w1(1000, 1.0, 1, 100)),
    "W4": ("Java producer, defaults", w4),
    "W5z": ("produce zstd", w5("zstd")),
    "W5l": ("produce lz4", w5("lz4")),
    "W6": ("one-record requests, 1 client", w6(1)),
    "W6m": ("one-record requests, 4 clients", w6(4)),
    "W7": ("end to end, 1,000 records/s", w7(1000)),
    "W8": ("fetch warm, 1 KB", w8(1000)),
    "W8s": ("fetch warm, 100 B", w8(100, 0.5)),
    "W12": ("10,000 partitions", w12),
    "W14": ("process start", w14),
}
