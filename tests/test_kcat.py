"""kcat (librdkafka) as a user types it."""
import json
import subprocess
import time
import unittest

import segments
from broker import BrokerCase

CODECS = ["gzip", "snappy", "lz4", "zstd"]


class Kcat(BrokerCase):
    settings = {"num.partitions": 1}

    def kcat(self, *arguments, given=None, seconds=30):
        """What kcat prints; it has to succeed."""
        done = subprocess.run(
            ["kcat", "-b", self.address, *arguments], input=given, capture_output=True,
            timeout=seconds,
        )
        self.assertEqual(done.returncode, 0, f"kcat {arguments}: {done.stderr.decode()}")
        return done.stdout.decode()

    def produce(self, topic, *arguments, given):
        self.kcat("-P", "-t", topic, *arguments, given=given.encode())

    def consume(self, topic, *arguments, form="%o %k=%s\n"):
        # The end is known by a fetch that has waited in vain: not for long.
        wait = ["-X", "fetch.wait.max.ms=10"]
        return self.kcat("-C", "-t", topic, "-e", "-q", "-f", form, *wait, *arguments).splitlines()

    def test_list_names_broker_and_topic(self):
        self.produce("listed", given="x\n")
        listing = json.loads(self.kcat("-L", "-J", "-t", "listed"))
        self.assertEqual(
            listing["brokers"], [{"id": 1, "name": f"localhost:{self.broker.port}"}]
        )
        replica = [{"id": 1}]
        self.assertEqual(listing["topics"], [{
            "topic": "listed",
            "partitions": [{"partition": 0, "leader": 1, "replicas": replica, "isrs": replica}],
        }])

    def test_listing_all_topics(self):
        self.produce("listed-too", given="x\n")
        listing = json.loads(self.kcat("-L", "-J"))
        self.assertIn("listed-too", [topic["topic"] for topic in listing["topics"]])
        self.assertEqual(listing["controllerid"], 1)

    def test_produce_and_consume_one_record(self):
        self.produce("one", given="hello\n")
        self.assertEqual(self.consume("one"), ["0 =hello"])

    def test_keys(self):
        self.produce("keys", "-K:", given="a:1\nb:2\na:3\n")
        self.assertEqual(self.consume("keys"), ["0 a=1", "1 b=2", "2 a=3"])

    def test_headers(self):
        self.produce("headers", "-H", "trace=17", "-H", "flag", given="x\n")
        self.assertEqual(self.consume("headers", form="%h|%s\n"), ["trace=17,flag=NULL|x"])

    def test_tombstone(self):
        self.produce("tombstones", "-K:", "-Z", given="gone:\nkept:v\n")
        # %S is the size of the value: -1 where it is null.
        self.assertEqual(
            self.consume("tombstones", form="%k %S %s\n"), ["gone -1 ", "kept 1 v"]
        )

    def test_empty_value_is_no_tombstone(self):
        self.produce("empty", "-K:", given="k:\n")
        self.assertEqual(self.consume("empty", form="%k %S\n"), ["k 0"])

    def test_every_codec(self):
        text = "".join(f"line {number} {'x' * 80}\n" for number in range(200))
        for codec in CODECS:
            with self.subTest(codec):
                topic = f"codec-{codec}"
                self.produce(topic, "-z", codec, given=text)
                self.assertEqual(segments.codecs(self.broker.data, topic), [codec])
                self.assertEqual(self.consume(topic, form="%s\n"), text.splitlines())

    def test_offsets(self):
        self.produce("offsets", given="".join(f"{number}\n" for number in range(10)))
        for offset, expected in [
            ("beginning", range(10)), ("4", range(4, 10)), ("-3", range(7, 10)), ("end", []),
            ("9", [9]), ("10", []),
        ]:
            with self.subTest(offset):
                # With an offset from the end kcat wants to know from which partition.
                got = self.consume("offsets", "-p", "0", "-o", offset, form="%o %s\n")
                self.assertEqual(got, [f"{number} {number}" for number in expected])

    def test_count(self):
        self.produce("count", given="a\nb\nc\n")
        self.assertEqual(self.consume("count", "-c", "2"), ["0 =a", "1 =b"])

    def test_query_by_time(self):
        """Batches a moment apart: the first offset at or after a time."""
        before = int(time.time() * 1000)
        self.produce("times", given="early\n")
        time.sleep(0.1)
        between = int(time.time() * 1000)
        self.produce("times", given="late\n")
        for asked, offset in [
            (before, 0), (between, 1), (before - 3600_000, 0), (between + 60_000, -1),
            (-1, 2), (-2, 0),
        ]:
            with self.subTest(asked=asked):
                answer = self.kcat("-Q", "-t", f"times:0:{asked}")
                self.assertEqual(answer, f"times [0] offset {offset}\n")

    def test_consume_between_times(self):
        self.produce("window", given="one\n")
        time.sleep(0.1)
        since = int(time.time() * 1000)
        self.produce("window", given="two\n")
        time.sleep(0.1)
        until = int(time.time() * 1000)
        self.produce("window", given="three\n")
        got = self.consume("window", "-p", "0", "-o", f"s@{since}", "-o", f"e@{until}", form="%s\n")
        self.assertEqual(got, ["two"])

    def test_large_and_empty_lines(self):
        """One record near a megabyte between two small ones."""
        large = "x" * 900_000
        self.produce("large", given=f"a\n{large}\nb\n")
        self.assertEqual(self.consume("large", form="%s\n"), ["a", large, "b"])

    def test_following_the_end(self):
        """A consumer that waits at the end gets what comes."""
        self.produce("follow", given="first\n")
        command = ["kcat", "-b", self.address, "-C", "-t", "follow", "-q", "-u", "-c", "2"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as consumer:
            self.addCleanup(consumer.kill)
            self.assertEqual(consumer.stdout.readline(), b"first\n")
            self.produce("follow", given="second\n")
            self.assertEqual(consumer.stdout.readline(), b"second\n")
            self.assertEqual(consumer.wait(10), 0)

    def test_acks_and_idempotence(self):
        for extra in [["-X", "acks=0"], ["-X", "acks=1"], ["-X", "acks=all"],
                      ["-X", "enable.idempotence=true"]]:
            with self.subTest(extra[-1]):
                topic = "acks-" + extra[-1].replace("=", "-")
                self.produce(topic, *extra, given="a\nb\n")
                self.assertEqual(self.consume(topic), ["0 =a", "1 =b"])


if __name__ == "__main__":
    unittest.main()
