"""kafka-transactions of Apache Kafka and ours against one broker."""
import re
import time
import unittest

import kafka_tools
import tools_case
from clients import QUIET
from confluent_kafka import Producer

TRANSACTIONS = "kafka-transactions"
# How long a transaction runs already differs from call to call.
DURATION = re.compile(r"(\t\d{13} +\t)\d+ +\t")

# A Java hash set orders them.
PARTITIONS = re.compile(r"(tx-\d,)+tx-\d")


class Transactions(tools_case.CoordinatorsCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.create("tx", 2)
        for name in ("done", "aborted"):
            producer = cls.producer(name)
            producer.begin_transaction()
            producer.produce("tx", name, partition=0)
            producer.flush(20)
            (producer.commit_transaction if name == "done" else producer.abort_transaction)(20)
        cls.open = cls.producer("open")
        cls.open.begin_transaction()
        for partition in (0, 1):
            cls.open.produce("tx", "open", partition=partition)
        assert cls.open.flush(20) == 0

    @classmethod
    def producer(cls, name):
        producer = Producer({"bootstrap.servers": cls.at(), "transactional.id": name,
                             "transaction.timeout.ms": 600_000, **QUIET})
        producer.init_transactions(30)
        return producer

    @staticmethod
    def shown(code, out, err, which):
        out = PARTITIONS.sub(lambda found: ",".join(sorted(found[0].split(","))), out)
        return tools_case.ToolsCase.shown(code, DURATION.sub(r"\1MS\t", out), err, which)

    def run_both(self, *arguments, err="first"):
        return self.compare(TRANSACTIONS, *arguments, err=err)

    def test_list(self):
        self.run_both("list")
        self.run_both("list", "--duration-filter", "0")
        self.run_both("list", "--duration-filter", "-1")
        self.run_both("list", "--duration-filter", "1000000")
        self.run_both("list", "--transactional-id-pattern", "o.*")
        self.run_both("list", "--transactional-id-pattern", "nosuch")
        self.run_both("list", "--transactional-id-pattern", "(", err="none")

    def test_describe(self):
        for name in ("done", "aborted", "open", "nosuch"):
            self.run_both("describe", "--transactional-id", name)

    def test_describe_producers(self):
        for partition in ("0", "1"):
            self.run_both("describe-producers", "--topic", "tx", "--partition", partition)
        self.run_both("describe-producers", "--topic", "tx", "--partition", "0", "--broker-id", "1")

    def test_find_hanging(self):
        self.run_both("find-hanging", "--topic", "tx")
        self.run_both("find-hanging", "--topic", "tx", "--partition", "0")
        self.run_both("find-hanging", "--broker-id", "1", "--max-transaction-timeout", "0")
        self.run_both("find-hanging")
        self.run_both("find-hanging", "--broker-id", "1", "--partition", "0")

    def test_abort(self):
        for mark in "JP":
            self.create(f"{mark}hang")
        producers = {}
        for mark in "JP":
            producers[mark] = self.producer(f"{mark}hang")
            producers[mark].begin_transaction()
            producers[mark].produce(f"{mark}hang", "x", partition=0)
            self.assertEqual(producers[mark].flush(20), 0)
        self.run_both("abort", "--topic", "@hang", "--partition", "0", "--start-offset", "7")
        self.run_both("abort", "--topic", "@hang", "--partition", "0")
        self.run_both("abort", "--topic", "@hang", "--partition", "0", "--producer-id", "1")
        self.run_both("abort", "--topic", "@hang", "--partition", "0", "--producer-id", "1",
                      "--producer-epoch", "0")
        self.run_both("abort", "--topic", "@hang", "--partition", "0", "--start-offset", "0")
        kafka, ours = self.both(TRANSACTIONS, ["describe-producers", "--topic", "@hang",
                                               "--partition", "0"])
        for side in (kafka, ours):
            self.assertRegex(side.out, r"\tNone +\t", "nothing is open any more")

    def test_force_terminate(self):
        for mark in "JP":
            producer = self.producer(f"{mark}force")
            producer.begin_transaction()
            producer.produce("tx", "x", partition=1)
            self.assertEqual(producer.flush(20), 0)
        self.run_both("forceTerminateTransaction", "--transactionalId", "@force")
        deadline = time.monotonic() + 20
        for mark in "JP":
            while True:
                done = kafka_tools.our_tool(
                    TRANSACTIONS, [*self.bootstrap, "describe", "--transactional-id",
                                   f"{mark}force"])
                if "Ongoing" not in done.out and "Prepare" not in done.out:
                    break
                self.assertLess(time.monotonic(), deadline, done.out)

    def test_wrong_usage(self):
        for arguments in (["describe"], ["abort"], ["nosuch"], [], ["list", "--nosuch"],
                          ["describe-producers", "--topic", "tx"],
                          ["describe-producers", "--topic", "tx", "--partition", "x"],
                          ["describe", "--transactional-id"], ["list", "extra"]):
            # The usage there names the flags of all commands.
            self.run_both(*arguments, err="none")
        self.compare(TRANSACTIONS, "list", server=False, err="none")
        # There the commit follows.
        self.compare(TRANSACTIONS, "--version", server=False, err="none", out=False)


if __name__ == "__main__":
    unittest.main()
