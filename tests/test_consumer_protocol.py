"""The consumer protocol (KIP-848) with Kafka's own client: group.protocol=consumer."""
import unittest

import kafka_tools
from broker import BrokerCase
from clients import produce_all

TOOLS = "org.apache.kafka.tools."
STAGES = [
    "one member", "two members", "topic grew", "one left", "a classic member joined",
    "classic again", "upgraded",
]


@unittest.skipIf(kafka_tools.missing(), kafka_tools.missing())
class ConsumerProtocol(BrokerCase):

    def java(self, tool, *arguments):
        run = kafka_tools.java().run(tool, arguments, b"")
        self.assertEqual(run.code, 0, f"{run.out}\n{run.err}")
        return run.out

    def topic(self, name, partitions):
        self.java(TOOLS + "TopicCommand", "--bootstrap-server", self.address, "--create",
                  "--topic", name, "--partitions", str(partitions), "--replication-factor", "1")

    def test_members_share_come_and_go(self):
        """One, two, more partitions, one left, a classic member, only that, and back again."""
        self.topic("shared", 4)
        produce_all(self.address, "shared", [(b"", b"%d" % i, i % 4) for i in range(100)])
        out = self.java("ConsumerProtocolMembers", self.address, "shared", "members")
        self.assertEqual([line for line in out.splitlines() if line in STAGES], STAGES)
        self.assertIn("committed 100", out)

    def test_console_consumer(self):
        """Reads on where its group was, and the group is shown as one of the new kind."""
        self.topic("console", 2)
        produce_all(self.address, "console", [(b"", b"one", 0), (b"", b"two", 1)])
        read = ("--bootstrap-server", self.address, "--topic", "console", "--group", "g-console",
                "--command-property", "group.protocol=consumer", "--timeout-ms", "30000")
        tool = TOOLS + "consumer.ConsoleConsumer"
        out = self.java(tool, *read, "--from-beginning", "--max-messages", "2")
        self.assertEqual(sorted(out.split()), ["one", "two"])
        produce_all(self.address, "console", [(b"", b"three", 0)])
        self.assertEqual(self.java(tool, *read, "--max-messages", "1").split(), ["three"])
        listed = self.java(TOOLS + "consumer.group.ConsumerGroupCommand", "--bootstrap-server",
                           self.address, "--list", "--type")
        self.assertRegex(listed, r"g-console\s+Consumer")


if __name__ == "__main__":
    unittest.main()
