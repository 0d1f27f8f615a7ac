#!/usr/bin/python3
"""Apache Kafka behind the command line that tests give a broker, to see that they hold for it too.

    PARTITA=tests/apache_kafka.py tests/run.py test_group

Takes `server --port --data-dir --set`; formats a new data directory. SIGTERM ends it with exit code
0; when this process is killed the JVM is killed with it.
"""
import argparse
import ctypes
import fcntl
import pathlib
import signal
import socket
import subprocess
import sys
import time

import kafka_tools

START_SECONDS = 60
STOPPED_BY_SIGTERM = 143
PR_SET_PDEATHSIG = 1
CLUSTER = "AAAAAAAAAAAAAAAAAAAAAQ"
JVM = ["java", "-Xmx512M", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
# Internal topics of one replica, and small: what a cluster of one can have, quickly.
SMALL = {
    "offsets.topic.replication.factor": 1, "offsets.topic.num.partitions": 5,
    "transaction.state.log.replication.factor": 1, "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 5,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def tool(name, *arguments):
    return [*JVM, "-cp", f"{kafka_tools.jars()}/*", name, *map(str, arguments)]


def write_properties(data, port, settings):
    """Static voters: the controller's port may be another one at each start."""
    controller = free_port()
    lines = {
        "process.roles": "broker,controller", "node.id": 1,
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "log.dirs": data, **SMALL, **settings,
    }
    path = data.with_suffix(".properties")
    path.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    return path


def wait_for_lock(data):
    """A JVM that was killed a moment ago may have it still."""
    with open(data / ".lock", "a+b") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)


def wait_for_port(port, kafka):
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and kafka.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    kafka.kill()
    sys.exit("Apache Kafka does not listen")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["server"])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data-dir", type=pathlib.Path, required=True)
    parser.add_argument("--set", action="append", default=[])
    options = parser.parse_args()
    data, settings = options.data_dir, dict(one.split("=", 1) for one in options.set)
    properties = write_properties(data, options.port, settings)
    if not (data / "meta.properties").exists():
        subprocess.run(tool("kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", properties),
                       check=True, stdout=sys.stderr)
    wait_for_lock(data)
    kafka = subprocess.Popen(tool("kafka.Kafka", properties), stdout=sys.stderr,
                             preexec_fn=die_with_parent)
    signal.signal(signal.SIGTERM, lambda *_: kafka.terminate())
    wait_for_port(options.port, kafka)
    print(f"partita is listening on 127.0.0.1:{options.port} (node 1, cluster {CLUSTER})",
          flush=True)
    code = kafka.wait()
    sys.exit(0 if code == STOPPED_BY_SIGTERM else code)


if __name__ == "__main__":
    main()
