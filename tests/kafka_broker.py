"""Apache Kafka itself as the broker of a test: one node, controller and broker, settings for tests.

`TOOLS_BROKER` says which broker the tests of tools compare over: `kafka` or `partita`.
"""
import atexit
import functools
import os
import shutil
import subprocess
import tempfile

import broker
import kafka_tools

PROPERTIES = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.listener.names": "CONTROLLER",
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 5,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 5,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "group.initial.rebalance.delay.ms": 0,
    "num.partitions": 1,
}


class KafkaBroker(broker.Broker):
    """The same life as a Broker of ours; its data directory is formatted at the first start."""

    def __init__(self, directory, settings=None):
        super().__init__(directory, settings, program="java")
        self.node = 1

    def properties(self):
        controller = broker.free_port()
        lines = {
            **PROPERTIES,
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.address}",
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}",
            "log.dirs": self.data,
            **self.settings,
        }
        path = self.directory / "server.properties"
        path.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
        return str(path)

    def command(self):
        return [*kafka_tools.JVM, "-cp", f"{kafka_tools.jars()}/*", "kafka.Kafka",
                self.properties()]

    def start(self, command=None, environment=None):
        if not self.data.exists():
            formatted = kafka_tools.java().run(
                "kafka-storage", ["format", "--standalone", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c",
                                  self.properties()])
            assert formatted.code == 0, formatted.err
        self.launch(command, environment)
        broker.wait_until("Kafka answers", self.answers, seconds=90, every=0.2)
        return self

    def answers(self):
        assert self.process.poll() is None, self.log_tail()
        done = kafka_tools.our_tool(
            "kafka-topics", ["--bootstrap-server", self.address, "--list", "--command-config",
                             self.hasty()])
        return done.code == 0

    def hasty(self):
        path = self.directory / "hasty.properties"
        if not path.exists():
            path.write_text("request.timeout.ms=1000\nretry.backoff.ms=50\n")
        return str(path)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.process = None
        return 0


class SharedKafka(KafkaBroker):
    """One for all classes of a process: it takes a while to start. It ends with the process."""

    def __init__(self):
        super().__init__(tempfile.mkdtemp(prefix="partita-test-"))
        atexit.register(self.end)

    def start(self, command=None, environment=None):
        return self if self.process else super().start(command, environment)

    def stop(self):
        return 0

    def close(self):
        pass

    def end(self):
        if self.process:
            super().stop()
        shutil.rmtree(self.directory, ignore_errors=True)


shared = functools.cache(SharedKafka)


def make(directory, settings=None):
    """The broker that TOOLS_BROKER names; ours unless told."""
    if os.environ.get("TOOLS_BROKER") == "kafka":
        return KafkaBroker(directory, settings) if settings else shared()
    return broker.Broker(directory, {**(settings or {}), "group.initial.rebalance.delay.ms": 0})
