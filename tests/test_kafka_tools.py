"""kafka-topics of Apache Kafka and ours against one broker."""
import re
import unittest

import kafka_tools
import tools_case
from tools_case import TOPICS


class Topics(tools_case.ToolsCase):
    def test_create(self):
        run = self.compare
        run(TOPICS, "--create", "--topic", "@a1")
        run(TOPICS, "--create", "--topic", "@a1")
        run(TOPICS, "--create", "--topic", "@a1", "--if-not-exists")
        run(TOPICS, "--create", "--topic", "@a.b_c", "--partitions", "3", "--replication-factor",
            "1", "--config", "retention.ms=1000", "--config", "segment.bytes=2000000")
        run(TOPICS, "--create", "--topic", "@f3", "--replication-factor", "3")
        run(TOPICS, "--create", "--topic", "@f0", "--replication-factor", "0")
        run(TOPICS, "--create", "--topic", "@p0", "--partitions", "0")
        run(TOPICS, "--create", "--topic", "@c1", "--config", "foo=bar")
        run(TOPICS, "--create", "--topic", "@c1", "--config", "retention.ms=abc")
        run(TOPICS, "--create", "--topic", "@c1", "--config", "a")
        run(TOPICS, "--create", "--topic", "bad/name")
        run(TOPICS, "--create", "--topic", "..")

    def test_replica_assignment(self):
        run = self.compare
        run(TOPICS, "--create", "--topic", "@ra1", "--replica-assignment", "1,1,1")
        run(TOPICS, "--create", "--topic", "@ra2", "--replica-assignment", "1:1,1")
        run(TOPICS, "--create", "--topic", "@ra3", "--replica-assignment", "1:2,1")
        run(TOPICS, "--create", "--topic", "@ra4", "--replica-assignment", "7")
        run(TOPICS, "--create", "--topic", "@ra5", "--replica-assignment", "x")
        run(TOPICS, "--alter", "--topic", "@ra1", "--partitions", "5", "--replica-assignment",
            "1,1,1,1,1")

    def test_list_and_describe(self):
        for name, *more in (("ld-one",), ("ld.two", "--partitions", "4"),
                            ("ld_three", "--config", "retention.ms=1000", "--config",
                             "cleanup.policy=compact", "--config", "max.message.bytes=9000"),
                            ("four-ld", "--partitions", "2"), ("Zfive-ld",)):
            made = kafka_tools.our_tool(
                TOPICS, [*self.bootstrap, "--create", "--topic", name, *more])
            self.assertEqual(made.code, 0, made.out)
        run = self.compare
        run(TOPICS, "--list")
        run(TOPICS, "--list", "--exclude-internal")
        run(TOPICS, "--list", "--topic", "ld.*")
        run(TOPICS, "--list", "--topic", "ld-one,four-ld")
        run(TOPICS, "--list", "extra")
        run(TOPICS, "--describe")
        run(TOPICS, "--describe", "--exclude-internal")
        run(TOPICS, "--describe", "--topic", "ld-one")
        run(TOPICS, "--describe", "--topic", "ld.*")
        run(TOPICS, "--describe", "--topic", "nope")
        run(TOPICS, "--describe", "--topic", "nope", "--if-exists")
        run(TOPICS, "--describe", "--topic", "ld.*", "--topics-with-overrides")
        run(TOPICS, "--describe", "--under-replicated-partitions")
        run(TOPICS, "--describe", "--unavailable-partitions")
        run(TOPICS, "--describe", "--under-min-isr-partitions")
        run(TOPICS, "--describe", "--at-min-isr-partitions", "--topic", "ld.*")
        run(TOPICS, "--describe", "--topic-id", "foo")
        run(TOPICS, "--describe", "--topic-id", "AAAAAAAAAAAAAAAAAAAAAw")
        described = kafka_tools.our_tool(
            TOPICS, [*self.bootstrap, "--describe", "--topic", "ld-one"])
        topic_id = re.search(r"TopicId: (\S+)", described.out)[1]
        run(TOPICS, "--describe", "--topic-id", topic_id)

    def test_alter_and_delete(self):
        run = self.compare
        run(TOPICS, "--create", "--topic", "@al")
        run(TOPICS, "--alter", "--topic", "@al", "--partitions", "3")
        run(TOPICS, "--alter", "--topic", "@al", "--partitions", "2")
        run(TOPICS, "--alter", "--topic", "@al", "--partitions", "3")
        run(TOPICS, "--alter", "--topic", "nope", "--partitions", "3")
        run(TOPICS, "--alter", "--topic", "nope", "--partitions", "3", "--if-exists")
        run(TOPICS, "--alter", "--topic", "@al", err="first")
        # Its words list options in the order of Java's object addresses.
        run(TOPICS, "--alter", "--topic", "@al", "--config", "a=b", "--partitions", "4",
            err="none")
        run(TOPICS, "--delete", "--topic", "nope")
        run(TOPICS, "--delete", "--topic", "nope", "--if-exists")
        run(TOPICS, "--delete", "--topic", "@al")
        run(TOPICS, "--describe", "--topic", "@al")

    def test_wrong_usage(self):
        for arguments in (
            ["--create"], ["--delete"], [], ["--list", "--create", "--topic", "x"], ["--nosuch"],
            ["--create", "--topic"], ["--list", "--partitions"], ["--list", "--partitions", "3"],
            ["--list", "--partitions", "abc"], ["--list", "--if-exists"],
            ["--create", "--topic", "x", "--partitions", "2", "--replica-assignment", "1"],
            ["--create", "--topic", "x", "--partitions", "abc"],
            ["--delete", "--topic", "a", "--config", "x=y"], ["--describe", "--if-not-exists"],
            ["--describe", "--topics-with-overrides", "--unavailable-partitions"],
        ):
            self.compare(TOPICS, *arguments, err="first")
        self.compare(TOPICS, "--list", err="first", server=False)
        self.compare(TOPICS, err="first", server=False)
        self.compare(TOPICS, "--version")
        self.compare(TOPICS, "--help", err="none")


if __name__ == "__main__":
    unittest.main()
