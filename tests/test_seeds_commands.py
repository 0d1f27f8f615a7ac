"""The commands that tutorials print, as they print them: by Kafka's tool and by ours, one broker.

Each tool has topics of its own, written as @name; all else has to be the same to the byte, also
where the command cannot succeed with one broker.
"""
import re
import unittest

import tools_case


class Commands(tools_case.ToolsCase):

    def typed(self, line, text=b"", **options):
        """A command line; localhost:9092 stands for the broker. Answers what it printed."""
        tool, *arguments = line.replace("\\\n", " ").replace("localhost:9092",
                                                             self.bootstrap[1]).split()
        runs = self.compare(tool.removesuffix(".sh"), *arguments, text=text, server=False,
                            **options)
        return runs[1]

    def test_create_with_three_replicas(self):
        """One broker cannot: the error, and no topic."""
        for name, partitions in (("my-topic", 5), ("my-topic", 6), ("replicated-topic", 6),
                                 ("high-throughput-topic", 12)):
            run = self.typed("kafka-topics.sh --create --bootstrap-server localhost:9092 \\\n"
                             f"    --replication-factor 3 --partitions {partitions} "
                             f"--topic @{name}")
            self.assertEqual(run.code, 1)
            self.assertIn("The target replication factor of 3 cannot be reached because only 1 "
                          "broker(s) are registered", run.out)
            self.typed("kafka-topics.sh --describe \\\n--bootstrap-server localhost:9092 \\\n"
                       f"--topic @{name}")
        self.typed("kafka-topics.sh --alter --bootstrap-server localhost:9092 \\\n"
                   "    --topic @my-topic --partitions 10")

    def test_life_of_a_topic(self):
        """The same with as many replicas as there are brokers; partitions only grow."""
        self.typed("kafka-topics.sh --create --bootstrap-server localhost:9092 \\\n"
                   "    --replication-factor 1 --partitions 5 --topic @orders")
        for count in (10, 12, 6, 12, 0, -1):
            run = self.typed("kafka-topics.sh --alter \\\n--bootstrap-server localhost:9092 \\\n"
                             f"--topic @orders \\\n--partitions {count}")
            self.assertEqual(run.code, 0 if (count, run.code) in ((10, 0), (12, 0)) else 1)
        run = self.typed("kafka-topics.sh --describe \\\n--bootstrap-server localhost:9092 \\\n"
                         "--topic @orders", out=False)
        self.assertRegex(run.out, r"^Topic: @orders\tTopicId: \S{22}\tPartitionCount: 12\t"
                                  r"ReplicationFactor: 1\tConfigs: ")
        self.assertEqual(
            re.findall(r"Partition: (\d+)\tLeader: (\d+)\tReplicas: (\S+)\tIsr: (\S+)", run.out),
            [(str(number), "1", "1", "1") for number in range(12)])
        self.typed("kafka-topics.sh --delete --bootstrap-server localhost:9092 --topic @orders")
        self.typed("kafka-topics.sh --describe --bootstrap-server localhost:9092 --topic @orders")

    def test_user_activity(self):
        """Four messages, three with keys: each key's partition is the same for both tools."""
        self.typed("kafka-topics.sh --create --bootstrap-server localhost:9092 --partitions 3 "
                   "--topic @user-activity")
        self.typed("kafka-console-producer.sh --bootstrap-server localhost:9092 --topic "
                   "@user-activity --reader-property parse.key=true --reader-property "
                   "key.separator=:", text=b"User123:M1\nUser456:M2\nUser789:M3\nUser123:M4\n")
        read = {}
        for partition in range(3):
            run = self.typed(f"kafka-console-consumer.sh --bootstrap-server localhost:9092 --topic "
                             f"@user-activity --partition {partition} --from-beginning "
                             "--timeout-ms 1500 --formatter-property print.key=true")
            read[partition] = run.out.splitlines()
        self.assertEqual(sorted(sum(read.values(), [])),
                         ["User123\tM1", "User123\tM4", "User456\tM2", "User789\tM3"])

    def test_between_the_tools(self):
        """What one tool writes the other reads."""
        self.typed("kafka-topics.sh --create --bootstrap-server localhost:9092 --topic @both")
        self.typed("kafka-console-producer.sh --bootstrap-server localhost:9092 --topic @both",
                   text=b"one\ntwo\n")
        for topic in ("Jboth", "Pboth"):
            run = self.typed("kafka-console-consumer.sh --bootstrap-server localhost:9092 --topic "
                             f"{topic} --partition 0 --offset earliest --max-messages 2")
            self.assertEqual(run.out, "one\ntwo\n")


if __name__ == "__main__":
    unittest.main()
