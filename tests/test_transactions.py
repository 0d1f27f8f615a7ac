"""Transactions by clients that nobody here wrote: librdkafka, the Java client, Kafka's own tool."""
import time
import unittest
import uuid

import kafka_tools
from broker import wait_until
from clients import QUIET, ConfluentCase, consume_all, produce_all
from confluent_kafka import KafkaException, Producer

TOOL = "org.apache.kafka.tools.TransactionsCommand"


def transactional(address, name, **settings):
    return Producer({"bootstrap.servers": address, "transactional.id": name, **QUIET, **settings})


class Transactions(ConfluentCase):

    def setUp(self):
        super().setUp()
        self.name = "id-" + uuid.uuid4().hex[:8]

    def values_seen(self, isolation, partition=0):
        got = consume_all(self.address, self.topic, partition, **{"isolation.level": isolation})
        return [message.value() for message in got]

    def committed(self, partition=0):
        return self.values_seen("read_committed", partition)

    def producer(self, **settings):
        made = transactional(self.address, self.name, **settings)
        made.init_transactions(30)
        return made

    def in_transaction(self, producer, values, partition=0):
        producer.begin_transaction()
        for value in values:
            producer.produce(self.topic, value, partition=partition)
        producer.flush(30)

    def test_commit_and_abort(self):
        self.create(2)
        producer = self.producer()
        for number in range(20):
            self.in_transaction(producer, [b"%d" % number], partition=number % 2)
            if number % 4 < 2:
                producer.commit_transaction(30)
            else:
                producer.abort_transaction(30)
        kept = [b"%d" % number for number in range(20) if number % 4 < 2]
        self.assertEqual(sorted(self.committed(0) + self.committed(1), key=int), kept)
        everything = self.values_seen("read_uncommitted", 0) + self.values_seen(
            "read_uncommitted", 1)
        self.assertEqual(len(everything), 20)

    def test_what_is_open_is_not_seen(self):
        self.create(1)
        producer = self.producer()
        self.in_transaction(producer, [b"open"])
        produce_all(self.address, self.topic, [(None, b"plain")])
        self.assertEqual(self.committed(), [])
        producer.commit_transaction(30)
        wait_until("both are seen", lambda: self.committed() == [b"open", b"plain"])

    def test_a_newer_instance_fences(self):
        self.create(1)
        old = self.producer()
        self.in_transaction(old, [b"old"])
        new = self.producer()
        with self.assertRaises(KafkaException) as caught:
            old.commit_transaction(30)
        self.assertTrue(caught.exception.args[0].fatal())
        self.in_transaction(new, [b"new"])
        new.commit_transaction(30)
        self.assertEqual(self.committed(), [b"new"])

    def test_a_timeout_aborts(self):
        self.create(1)
        producer = self.producer(**{"transaction.timeout.ms": 5000, "message.timeout.ms": 5000})
        self.in_transaction(producer, [b"forgotten"])
        produce_all(self.address, self.topic, [(None, b"plain")])
        self.assertEqual(self.committed(), [])
        wait_until("the transaction is aborted", lambda: self.committed() == [b"plain"], 20)
        with self.assertRaises(KafkaException):
            producer.commit_transaction(10)

    def test_a_killed_broker_keeps_what_was_decided(self):
        self.create(3)
        producer = self.producer()
        for round_number in range(3):
            for partition in range(3):
                if partition == 0:
                    producer.begin_transaction()
                producer.produce(self.topic, b"%d" % round_number, partition=partition)
            producer.flush(30)
            producer.commit_transaction(30)
            # Right behind the answer: markers may not be written yet.
            self.broker.kill()
            self.broker.start()
        for partition in range(3):
            wait_until(f"partition {partition} shows all", lambda part=partition:
                       self.committed(part) == [b"0", b"1", b"2"], 20)

    def test_a_transaction_goes_on_over_a_kill(self):
        self.create(1)
        producer = self.producer()
        self.in_transaction(producer, [b"before"])
        self.broker.kill()
        self.broker.start()
        producer.produce(self.topic, b"after", partition=0)
        producer.flush(30)
        producer.commit_transaction(30)
        wait_until("both are seen", lambda: self.committed() == [b"before", b"after"])

    def test_a_dead_producer_is_aborted_after_a_restart(self):
        self.create(1)
        producer = self.producer(**{"transaction.timeout.ms": 2000, "message.timeout.ms": 2000})
        self.in_transaction(producer, [b"lost"])
        del producer
        self.broker.kill()
        self.broker.start()
        produce_all(self.address, self.topic, [(None, b"plain")])
        wait_until("the transaction is aborted", lambda: self.committed() == [b"plain"], 15)

    def test_many_producers_at_once(self):
        self.create(4)
        producers = []
        for number in range(8):
            made = transactional(self.address, f"{self.name}-{number}")
            made.init_transactions(30)
            producers.append(made)
        for round_number in range(5):
            for number, one in enumerate(producers):
                one.begin_transaction()
                for partition in range(4):
                    one.produce(self.topic, b"%d-%d" % (number, round_number),
                                partition=partition)
            for number, one in enumerate(producers):
                if (number + round_number) % 3:
                    one.commit_transaction(30)
                else:
                    one.abort_transaction(30)
        kept = sorted(b"%d-%d" % (number, round_number) for number in range(8)
                      for round_number in range(5) if (number + round_number) % 3)
        for partition in range(4):
            wait_until(f"partition {partition} is stable",
                       lambda part=partition: sorted(self.committed(part)) == kept)


@unittest.skipIf(kafka_tools.missing(), kafka_tools.missing())
class ByJava(ConfluentCase):

    def run_tool(self, *arguments):
        run = kafka_tools.java().run(TOOL, ["--bootstrap-server", self.address, *arguments])
        self.assertEqual((run.code, run.err), (0, ""), run)
        return [line.split() for line in run.out.splitlines()]

    def test_the_java_producer(self):
        """Each line of the program says what held; it ends with 'done'."""
        self.create(2)
        run = kafka_tools.java().run("TransactionalProducers", [self.address, self.topic])
        self.assertEqual((run.code, run.out.splitlines()[-1:]), (0, ["done"]), run)
        got = sum((consume_all(self.address, self.topic, partition,
                               **{"isolation.level": "read_committed"})
                   for partition in range(2)), [])
        values = sorted(message.value() for message in got)
        self.assertEqual(values, sorted(b"kept-%d" % number for number in range(40)))

    def test_kafkas_tool(self):
        self.create(1)
        name = "tool-" + uuid.uuid4().hex[:8]
        producer = transactional(self.address, name)
        producer.init_transactions(30)
        producer.begin_transaction()
        producer.produce(self.topic, b"open", partition=0)
        producer.flush(30)

        listed = [row for row in self.run_tool("list") if row[0] == name]
        self.assertEqual(len(listed), 1)
        self.assertEqual(listed[0][3], "Ongoing")
        titles, described = self.run_tool("describe", "--transactional-id", name)
        self.assertEqual(titles[:6], ["CoordinatorId", "TransactionalId", "ProducerId",
                                      "ProducerEpoch", "TransactionState",
                                      "TransactionTimeoutMs"])
        self.assertEqual(described[1], name)
        self.assertEqual(described[2], listed[0][2])
        self.assertIn(f"{self.topic}-0", described[-1])
        producer.abort_transaction(30)
        ended = wait_until("the abort is complete", lambda: [
            row for row in self.run_tool("list") if row[0] == name and row[3] == "CompleteAbort"])
        self.assertEqual(len(ended), 1)

    def test_the_tool_lists_by_filters(self):
        self.create(1)
        name = "filter-" + uuid.uuid4().hex[:8]
        producer = transactional(self.address, name)
        producer.init_transactions(30)
        producer.begin_transaction()
        producer.produce(self.topic, b"open", partition=0)
        producer.flush(30)
        time.sleep(0.2)
        by_age = self.run_tool("list", "--duration-filter", "100")
        self.assertIn(name, [row[0] for row in by_age])
        self.assertNotIn(name, [row[0] for row in self.run_tool(
            "list", "--duration-filter", "600000") if row[3] == "Ongoing"])
        by_name = self.run_tool("list", "--transactional-id-pattern", "filter-.*")
        self.assertEqual([row[0] for row in by_name[1:]], [name])
        producer.abort_transaction(30)


if __name__ == "__main__":
    unittest.main()
