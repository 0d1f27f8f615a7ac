"""The server's command line, settings, listeners, start and stop."""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

from broker import Broker, free_port, wait_until
from clients import consume_each
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic


def write_properties(path, **properties):
    lines = "".join(f"{name.replace('_', '.')}={value}\n" for name, value in properties.items())
    path.write_text("# a comment\n" + lines)


class ServerCase(unittest.TestCase):

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="partita-test-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def make(self, **settings):
        broker = Broker(self.directory, {k.replace("_", "."): v for k, v in settings.items()})
        self.addCleanup(broker.close)
        return broker

    def admin(self, broker):
        """Kept until the test ends: a client that is collected breaks its answers off."""
        self.client = AdminClient({"bootstrap.servers": broker.address, "log_level": 0})
        return self.client

    def broker_config(self, broker, name):
        resource = ConfigResource(ConfigResource.Type.BROKER, str(broker.node))
        (future,) = self.admin(broker).describe_configs([resource]).values()
        return future.result(20)[name].value

    def brokers_seen_at(self, port, host="127.0.0.1"):
        """What a client that asks there is told to connect to."""
        done = subprocess.run(["kcat", "-b", f"{host}:{port}", "-L", "-J"], capture_output=True,
                              timeout=20)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return [broker["name"] for broker in json.loads(done.stdout)["brokers"]]


class Start(ServerCase):

    def test_one_line_says_where(self):
        broker = self.make().start()
        self.assertEqual(broker.listening, [
            f"PLAINTEXT://127.0.0.1:{broker.port}", f"PLAINTEXT://[::1]:{broker.port}"
        ])
        self.assertEqual(broker.node, 1)
        self.assertRegex(broker.cluster, r"^[A-Za-z0-9_-]{22}$")
        self.assertEqual(self.brokers_seen_at(broker.port), [f"localhost:{broker.port}"])
        self.assertEqual(self.brokers_seen_at(broker.port, "[::1]"), [f"localhost:{broker.port}"])
        self.assertEqual(broker.process.poll(), None)
        self.assertNotRegex(broker.log_text(), "reachable from other machines")

    def test_stop_leaves_the_marker(self):
        broker = self.make().start()
        marker = broker.data / ".kafka_cleanshutdown"
        self.assertFalse(marker.exists())
        self.assertEqual(broker.stop(), 0)
        self.assertTrue(marker.exists())
        broker.start()
        self.assertFalse(marker.exists())
        broker.process.send_signal(signal.SIGINT)
        self.assertEqual(broker.wait(), 0)
        self.assertTrue(marker.exists())
        broker.start()
        broker.kill()
        self.assertFalse(marker.exists())

    def test_what_lives_through_a_restart(self):
        broker = self.make().start()
        admin = self.admin(broker)
        admin.create_topics([NewTopic("t", 2, 1, config={"retention.ms": "777000"})])["t"].result(9)
        producer = Producer({"bootstrap.servers": broker.address, "log_level": 0})
        for number in range(20):
            producer.produce("t", str(number).encode(), partition=number % 2)
        self.assertEqual(producer.flush(20), 0)
        cluster, topic_id = broker.cluster, (broker.data / "t-0/partition.metadata").read_text()
        for how in (broker.stop, broker.kill):
            how()
            broker.start()
            self.assertEqual(broker.cluster, cluster)
            self.assertEqual(admin.list_topics(timeout=20).cluster_id, cluster)
            for partition, got in enumerate(consume_each(broker.address, "t", range(2))):
                values = [int(message.value()) for message in got]
                self.assertEqual(values, list(range(partition, 20, 2)))
            (future,) = admin.describe_configs(
                [ConfigResource(ConfigResource.Type.TOPIC, "t")]).values()
            self.assertEqual(future.result(20)["retention.ms"].value, "777000")
            self.assertEqual((broker.data / "t-0/partition.metadata").read_text(), topic_id)

    def test_meta_properties(self):
        broker = self.make(node_id=7).start()
        text = (broker.data / "meta.properties").read_text()
        self.assertRegex(text, r"(?m)^version=1$")
        self.assertRegex(text, r"(?m)^node\.id=7$")
        self.assertRegex(text, rf"(?m)^cluster\.id={broker.cluster}$")
        self.assertEqual(broker.node, 7)
        broker.stop()
        broker.settings = {}  # the directory knows
        broker.start()
        self.assertEqual(broker.node, 7)

    def test_the_node_of_the_directory_is_not_changed(self):
        broker = self.make().start()
        broker.stop()
        broker.settings = {"node.id": 2}
        broker.launch()
        self.assertEqual(broker.wait(), 1)
        self.assertRegex(broker.log_tail(3), r"node\.?.?id")

    def test_port_in_use(self):
        broker = self.make()
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", broker.port))
            taken.listen()
            broker.launch()
            self.assertEqual(broker.wait(), 1)
        self.assertIn(str(broker.port), broker.log_tail(2))

    def test_bad_arguments(self):
        program = self.make().program
        for arguments in (["--set", "novalue"], ["--no-such-flag"], ["--port", "70000"],
                          ["--set", "num.partitions=none"], ["--set", "durability=never"]):
            with self.subTest(arguments):
                done = subprocess.run(
                    [program, "server", "--data-dir", self.directory / "none", *arguments],
                    capture_output=True, timeout=20,
                )
                self.assertGreater(done.returncode, 0)
                self.assertEqual(done.stdout, b"")
                self.assertEqual(len(done.stderr.decode().strip().splitlines()[:1]), 1)
                self.assertFalse((self.directory / "none").exists())


class Settings(ServerCase):

    def test_file(self):
        broker = self.make()
        file = self.directory / "server.properties"
        write_properties(file, log_dirs=broker.data, num_partitions=3,
                         listeners=f"PLAINTEXT://localhost:{broker.port}")
        broker.start([broker.program, "server", "--config", file])
        self.assertEqual(self.broker_config(broker, "num.partitions"), "3")
        self.assertTrue((broker.data / "meta.properties").exists())

    def test_environment_in_the_image_s_spelling(self):
        broker = self.make()
        broker.start(environment={
            "KAFKA_NUM_PARTITIONS": "4", "KAFKA_LOG_RETENTION_MS": "123456",
            "KAFKA_HEAP_OPTS": "-Xmx1G",
        })
        self.assertEqual(self.broker_config(broker, "num.partitions"), "4")
        self.assertEqual(self.broker_config(broker, "log.retention.ms"), "123456")
        self.assertNotIn("heap", broker.log_text())

    def test_flag_before_environment_before_file(self):
        broker = self.make(num_partitions=5)
        file = self.directory / "server.properties"
        write_properties(file, num_partitions=3, log_retention_ms=1000, log_segment_bytes=2000000)
        broker.start([*broker.command(), "--config", str(file)], {
            "KAFKA_NUM_PARTITIONS": "4", "KAFKA_LOG_RETENTION_MS": "2000",
        })
        self.assertEqual(self.broker_config(broker, "num.partitions"), "5")
        self.assertEqual(self.broker_config(broker, "log.retention.ms"), "2000")
        self.assertEqual(self.broker_config(broker, "log.segment.bytes"), "2000000")

    def test_unknown_setting_warns(self):
        broker = self.make(no_such_setting=1).start()
        self.assertRegex(broker.log_text(), r"WARN.*no\.such\.setting")

    def test_no_auto_creation(self):
        broker = self.make(auto_create_topics_enable="false").start()
        done = subprocess.run(
            ["kcat", "-b", broker.address, "-P", "-t", "absent", "-X", "message.timeout.ms=5000",
             "-X", "topic.metadata.propagation.max.ms=200"],
            input=b"x\n", capture_output=True, timeout=30,
        )
        self.assertIn(b"Unknown topic", done.stderr)
        self.assertEqual(list(self.admin(broker).list_topics(timeout=20).topics), [])


class Listeners(ServerCase):

    def test_several_each_tells_its_own_address(self):
        inside, outside = free_port(), free_port()
        broker = self.make(
            listeners=f"INSIDE://127.0.0.1:{inside},OUTSIDE://127.0.0.1:{outside}",
            advertised_listeners="INSIDE://127.0.0.1:%d,OUTSIDE://there.example:7777" % inside,
            listener_security_protocol_map="INSIDE:PLAINTEXT,OUTSIDE:PLAINTEXT",
            inter_broker_listener_name="INSIDE",
        )
        command = [c for c in broker.command() if c not in ("--port", str(broker.port))]
        broker.start(command)
        self.assertEqual(broker.listening, [
            f"INSIDE://127.0.0.1:{inside}", f"OUTSIDE://127.0.0.1:{outside}"
        ])
        self.assertEqual(self.brokers_seen_at(inside), [f"127.0.0.1:{inside}"])
        self.assertEqual(self.brokers_seen_at(outside), ["there.example:7777"])

    def test_beyond_loopback_is_warned_of(self):
        broker = self.make(listeners=f"PLAINTEXT://0.0.0.0:{free_port()}")
        command = [c for c in broker.command() if c not in ("--port", str(broker.port))]
        broker.start(command)
        self.assertRegex(broker.log_text(), r"WARN.*PLAINTEXT.*no encryption")

    def test_port_flag_is_loopback_only(self):
        broker = self.make().start()
        with open("/proc/net/tcp") as table:
            local = [row.split()[1] for row in table if row.split()[3] == "0A"]
        port = f"{broker.port:04X}"
        self.assertEqual([a for a in local if a.endswith(":" + port)], [f"0100007F:{port}"])

    def test_connection_limits(self):
        broker = self.make(max_connections_per_ip=3).start()
        held = [socket.create_connection(("127.0.0.1", broker.port), 5) for _ in range(3)]
        for connection in held:
            self.addCleanup(connection.close)
        with socket.create_connection(("127.0.0.1", broker.port), 5) as fourth:
            self.assertEqual(fourth.recv(1), b"")
        held[0].close()

        def welcome():
            with socket.create_connection(("127.0.0.1", broker.port), 5) as again:
                again.settimeout(0.2)
                try:
                    return again.recv(1) != b""
                except TimeoutError:
                    return True

        wait_until("a place is free again", welcome)

    def test_idle_connections_are_closed(self):
        broker = self.make(connections_max_idle_ms=300).start()
        with socket.create_connection(("127.0.0.1", broker.port), 5) as idle:
            idle.settimeout(10)
            self.assertEqual(idle.recv(1), b"")


class Shards(ServerCase):

    def test_one_two_and_three(self):
        """The number of threads is a setting of one start, not of the data."""
        broker = self.make(shards=1).start()
        self.admin(broker).create_topics([NewTopic("t", 8, 1)])["t"].result(20)
        for round_, shards in enumerate((1, 2, 3)):
            self.assertEqual(broker.stop(), 0, broker.log_tail())
            broker.settings = {"shards": shards}
            broker.start()
            threads = len(os.listdir(f"/proc/{broker.pid}/task"))
            self.assertGreaterEqual(threads, shards)
            producer = Producer({"bootstrap.servers": broker.address, "log_level": 0})
            for partition in range(8):
                producer.produce("t", f"{round_}".encode(), partition=partition)
            self.assertEqual(producer.flush(20), 0)
        for got in consume_each(broker.address, "t", range(8)):
            self.assertEqual([message.value() for message in got], [b"0", b"1", b"2"])
        self.assertEqual(broker.stop(), 0, broker.log_tail())


class Memory(ServerCase):

    def test_idle_broker_is_small(self):
        """Far above what it is, and far below what a leak or a pool per something would be."""
        broker = self.make().start()
        self.assertLess(broker.memory("VmRSS"), 200 << 20)

    def test_start_is_quick_to_say_so(self):
        broker = self.make().start()
        stamps = re.findall(r"^\[\S+ (\d+):(\d+):(\d+),(\d+)\]", broker.log_text(), re.MULTILINE)
        times = [((int(h) * 60 + int(m)) * 60 + int(s)) * 1000 + int(ms) for h, m, s, ms in stamps]
        self.assertLess(max(times) - min(times), 5000)


if __name__ == "__main__":
    unittest.main()
