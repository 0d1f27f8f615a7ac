"""The console consumers of Apache Kafka and ours as members of groups, and partita's own group."""
import json
import subprocess
import unittest

import broker
import kafka_tools
import tools_case
from clients import QUIET
from confluent_kafka import Consumer, Producer, TopicPartition
from tools_case import CONSUME

GROUPS = "kafka-consumer-groups"


class ConsoleGroups(tools_case.CoordinatorsCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name, partitions in (("cg", 1), ("cg-more", 4)):
            cls.create(name, partitions)
        producer = Producer({"bootstrap.servers": cls.at(), **QUIET})
        for number in range(20):
            producer.produce("cg", f"value {number}", partition=0)
            producer.produce("cg-more", f"more {number}", partition=number % 4)
        assert producer.flush(30) == 0

    def read(self, *arguments, err="all", topic="cg"):
        return self.compare(CONSUME, "--topic", topic, *arguments, err=err)

    def test_goes_on_where_the_group_was(self):
        self.read("--group", "@go", "--from-beginning", "--max-messages", "4")
        self.compare(GROUPS, "--describe", "--group", "@go")
        self.read("--group", "@go", "--max-messages", "3")
        self.read("--group", "@go", "--from-beginning", "--timeout-ms", "4000", err="none")
        self.compare(GROUPS, "--describe", "--group", "@go")
        self.compare(GROUPS, "--describe", "--group", "@go", "--state")

    def test_group_by_property(self):
        self.read("--command-property", "group.id=@prop", "--command-property",
                  "auto.offset.reset=earliest", "--max-messages", "2")
        self.compare(GROUPS, "--describe", "--group", "@prop")
        self.read("--group", "@prop", "--command-property", "enable.auto.commit=false",
                  "--max-messages", "2")
        self.compare(GROUPS, "--describe", "--group", "@prop")

    def test_without_a_group_nothing_is_kept(self):
        self.read("--from-beginning", "--max-messages", "5")
        self.compare(CONSUME, "--include", "cg|nosuch", "--from-beginning", "--max-messages", "6")
        kafka, ours = self.both(CONSUME, ["--include", "cg.*", "--from-beginning",
                                          "--max-messages", "40"])
        for side in (kafka, ours):
            self.assertEqual(side.code, 0, side.err)
            self.assertEqual(len(set(side.out.splitlines())), 40)

    def test_wrong_usage(self):
        self.read("--group", "g", "--partition", "0", err="first")
        self.read("--group", "g", "--command-property", "group.id=other", err="none")
        self.read("--group", "g", "--command-property", "session.timeout.ms=x", err="none")

    def test_two_members_share_the_partitions(self):
        """A consumer of librdkafka, then ours beside it: ranges, each record once."""
        other = Consumer({"bootstrap.servers": self.at(), "group.id": "shared",
                          "partition.assignment.strategy": "range",
                          "auto.offset.reset": "earliest", **QUIET})
        self.addCleanup(other.close)
        other.subscribe(["cg-more"])
        broker.wait_until("an assignment", lambda: other.poll(0.1) is None and other.assignment(),
                          40)
        ours = subprocess.Popen(
            [str(kafka_tools.BIN / f"{CONSUME}.sh"), *self.bootstrap, "--topic", "cg-more",
             "--group", "shared", "--from-beginning"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={"PARTITA": str(broker.binary()), "PATH": "/usr/bin:/bin"})
        self.addCleanup(ours.kill)

        def halves():
            other.poll(0.1)
            return len(other.assignment()) == 2

        broker.wait_until("two partitions each", halves, 40)
        described = broker.wait_until("a stable group of two", lambda: self.members("shared"), 40)
        self.assertEqual(sorted(described), ["0,1", "2,3"])
        ours.terminate()
        ours.wait(20)
        ours.stdout.close()
        ours.stderr.close()
        broker.wait_until("all partitions again", lambda: other.poll(0.1) or
                          len(other.assignment()) == 4, 40)

    def members(self, group):
        shown = self.partita("group", "describe", group, "--json")
        (described,) = json.loads(shown)
        if described["state"] != "Stable" or len(described["members"]) != 2:
            return None
        return [",".join(map(str, member["assignment"].get("cg-more", [])))
                for member in described["members"]]

    def partita(self, *arguments, expect=0):
        done = subprocess.run([str(broker.binary()), *arguments, "-b", self.at()],
                              capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return done.stdout

    def test_partita_group(self):
        consumer = Consumer({"bootstrap.servers": self.at(), "group.id": "own", **QUIET})
        consumer.commit(offsets=[TopicPartition("cg", 0, 5)], asynchronous=False)
        consumer.close()
        self.assertIn("own", [each["group"] for each in
                              json.loads(self.partita("group", "list", "--json"))])
        (lag,) = json.loads(self.partita("group", "lag", "own", "--json"))
        self.assertEqual((lag["group"], lag["records"]), ("own", 15))
        self.assertEqual([(p["topic"], p["partition"], p["committed"], p["end"], p["lag"])
                          for p in lag["partitions"]], [("cg", 0, 5, 20, 15)])
        self.assertIn("own: 15 records behind", self.partita("group", "lag", "own", "--check"))
        self.assertIn("nothing was changed", self.partita("group", "reset", "own", "--to", "end"))
        for to, offset in [("end", 20), ("-3", 17), ("beginning", 0), ("12", 12), ("+100", 20)]:
            done = json.loads(self.partita("group", "reset", "own", "--to", to, "--execute",
                                           "--json"))
            self.assertEqual([each["after"] for each in done["offsets"]], [offset], to)
        self.partita("group", "delete-offsets", "own", "-t", "cg:0")
        self.partita("group", "delete", "nosuch", expect=1)


if __name__ == "__main__":
    unittest.main()
