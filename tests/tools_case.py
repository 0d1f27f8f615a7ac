"""The case of tests that compare Apache Kafka's tools and ours: output, errors, exit code.

TOOLS_BOOTSTRAP names a broker that runs already (Apache Kafka's own, say) to compare over.
"""
import concurrent.futures
import os
import re
import unittest

import broker
import kafka_broker
import kafka_tools

OUTSIDE = os.environ.get("TOOLS_BOOTSTRAP")
TOPICS, PRODUCE, CONSUME = "kafka-topics", "kafka-console-producer", "kafka-console-consumer"


@unittest.skipIf(kafka_tools.missing(), kafka_tools.missing())
class ToolsCase(unittest.TestCase if OUTSIDE else broker.BrokerCase):
    """`same` runs one command by both; `each` gives each a topic of its own, written as @name."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        if not OUTSIDE:
            super().setUpClass()
        cls.bootstrap = ["--bootstrap-server", OUTSIDE or cls.address]
        cls.java = kafka_tools.java()

    @classmethod
    def tearDownClass(cls):
        if not OUTSIDE:
            super().tearDownClass()

    def both(self, tool, arguments, text=b"", server=True):
        """The runs of Kafka's tool and of ours, topics' own names taken out again."""
        def side(mark, run):
            own = [a.replace("@", mark) for a in arguments]
            done = run(tool, (self.bootstrap if server else []) + own, text)
            for name in re.findall(r"@(\w[\w.-]*)", " ".join(arguments)):
                done.out = done.out.replace(mark + name, "@" + name)
                done.err = done.err.replace(mark + name, "@" + name)
            return done

        # At the same time: many of them wait for a timeout.
        with concurrent.futures.ThreadPoolExecutor(1) as other:
            kafka = other.submit(side, "J", self.java.run)
            ours = side("P", kafka_tools.our_tool)
            return kafka.result(), ours

    def compare(self, tool, *arguments, text=b"", err="all", server=True, out=True):
        """`err`: "all" of standard error, its "first" line (where usage follows), or "none"."""
        kafka, ours = self.both(tool, arguments, text, server)
        with self.subTest(command=" ".join([tool, *arguments])):
            self.assertEqual(self.shown(kafka.code, kafka.out if out else "", kafka.err, err),
                             self.shown(ours.code, ours.out if out else "", ours.err, err))
        return kafka, ours

    @staticmethod
    def shown(code, out, err, which):
        err = {"all": err, "first": err.split("\n")[0], "none": ""}[which]
        return f"{out}--- standard error\n{err}\n--- exit code {code}\n"


class CoordinatorsCase(ToolsCase):
    """The same over a broker that serves groups and transactions."""

    @classmethod
    def make_broker(cls):
        return kafka_broker.make(cls.directory, cls.settings)

    @classmethod
    def ours(cls, tool, *arguments):
        """Our tool, which must go well; its standard output."""
        done = kafka_tools.our_tool(tool, [*cls.bootstrap, *arguments])
        assert done.code == 0, f"{tool} {arguments}: {done.out}{done.err}"
        return done.out

    @classmethod
    def create(cls, name, partitions=1, *more):
        cls.ours(TOPICS, "--create", "--topic", name, "--partitions", str(partitions), *more)

    @classmethod
    def at(cls):
        return OUTSIDE or cls.address

    def temporary_directory(self):
        return broker.BrokerCase.temporary_directory(self)
