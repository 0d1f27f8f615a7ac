"""The brokers that take part in a run: processes that are started, measured and stopped."""
import contextlib
import os
import pathlib
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time

from confluent_kafka.admin import AdminClient, NewTopic

CACHE = pathlib.Path(os.environ.get("CACHE", pathlib.Path.home() / ".cache/partita-bench"))
KAFKA_JVM = [
    "java", "-Xmx1G", "-Xms1G", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent",
    "-Djava.awt.headless=true", "-cp", f"{CACHE}/kafka/*",
]  # the flags of Kafka's own start script
JAVA_TOOL = ["java", "-Xmx512M", "-XX:+UseG1GC", "-cp", f"{CACHE}/kafka/*"]


class Broker:
    """A broker process: started once, kept for the whole run unless a workload restarts it."""

    def __init__(self, name, port, root):
        self.name, self.port, self.dir, self.proc = name, port, pathlib.Path(root) / name, None
        self.log = pathlib.Path(root) / f"{name}.log"
        self.dir.mkdir(parents=True, exist_ok=True)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def command(self):
        raise NotImplementedError

    def format(self):
        pass

    def start(self):
        self.proc = subprocess.Popen(
            self.command(), stdout=open(self.log, "ab"), stderr=subprocess.STDOUT
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
                return
            if self.proc.poll() is not None:
                sys.exit(f"{self.name} ended at start, see {self.log}")
            time.sleep(0.002)
        sys.exit(f"{self.name} does not listen on {self.port}")

    def stop(self, sig=signal.SIGTERM):
        if self.proc and self.proc.poll() is None:
            self.proc.send_signal(sig)
            try:
                self.proc.wait(30)
            except subprocess.TimeoutExpired:
                self.proc.kill()
                self.proc.wait()
        self.proc = None

    def wipe(self):
        shutil.rmtree(self.dir, ignore_errors=True)
        self.dir.mkdir(parents=True)

    def cpu(self):
        """Seconds of CPU of the whole process, ended threads included (its per-process clock)."""
        return time.clock_gettime(((~self.proc.pid) << 3) | 2)

    def memory(self, field="VmRSS"):
        for line in open(f"/proc/{self.proc.pid}/status"):
            if line.startswith(field):
                return int(line.split()[1]) / 1024
        return 0.0

    def client_settings(self):
        return {"bootstrap.servers": self.address, "log_level": 0, "socket.timeout.ms": 60000}

    def create_topic(self, topic, partitions=1):
        admin = AdminClient(self.client_settings())
        for future in admin.create_topics(
            [NewTopic(topic, partitions, 1)], operation_timeout=60
        ).values():
            future.result(60)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found = admin.list_topics(timeout=30).topics.get(topic)
            if (
                found
                and len(found.partitions) == partitions
                and all(p.leader >= 0 for p in found.partitions.values())
            ):
                return
            time.sleep(0.05)
        sys.exit(f"{self.name}: {topic} has no leaders")

    def delete_topic(self, topic):
        with contextlib.suppress(Exception):
            for future in AdminClient(self.client_settings()).delete_topics([topic]).values():
                future.result(30)


class Null(Broker):
    """The null broker answers for any topic; it starts anew for each, with empty files."""

    store = 1

    def __init__(self, *args):
        super().__init__(*args)
        self.partitions, self.turn = 1, 0

    def command(self):
        directory = self.dir / str(self.turn % 2)
        directory.mkdir(exist_ok=True)
        return [
            str(CACHE / "null_broker"), str(self.port), str(self.partitions), str(self.store),
            "1", "1", str(directory),
        ]

    def create_topic(self, topic, partitions=1):
        self.stop()
        self.partitions, self.turn = partitions, self.turn + 1
        self.start()

    def delete_topic(self, topic):
        pass


class NullFsync(Null):
    store = 2


class Kafka(Broker):
    settings = {}

    def properties(self):
        lines = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{self.port + 1}",
            "advertised.listeners": f"PLAINTEXT://{self.address}",
            "controller.listener.names": "CONTROLLER",
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{self.port + 1}",
            "log.dirs": self.dir / "data",
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            **self.settings,
        }
        path = self.dir / "server.properties"
        path.write_text("".join(f"{k}={v}\n" for k, v in lines.items()))
        return str(path)

    def format(self):
        subprocess.run(
            [
                *JAVA_TOOL, "kafka.tools.StorageTool", "format", "--standalone", "-t",
                "AAAAAAAAAAAAAAAAAAAAAQ", "-c", self.properties(),
            ],
            check=True,
            capture_output=True,
        )

    def command(self):
        return [*KAFKA_JVM, "kafka.Kafka", self.properties()]


class KafkaFlush(Kafka):
    """Apache Kafka made to promise what fsync-before-acknowledge promises."""

    settings = {"log.flush.interval.messages": 1}


class Custom(Broker):
    template = ""

    def command(self):
        return shlex.split(self.template.format(port=self.port, dir=self.dir))
