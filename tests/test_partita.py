"""partita's own commands: topic, produce, consume, dump-log."""
import json
import subprocess
import time
import unittest

import segments
from broker import BrokerCase, binary, free_port
from partitioners import by_key


class Partita(BrokerCase):

    def partita(self, *arguments, given="", expect=0, online=True):
        """Standard output and errors of a command that ends with this code."""
        where = ["-b", self.address] if online else []
        done = subprocess.run([binary(), *arguments, *where], input=given, capture_output=True,
                              text=True, timeout=30)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return done.stdout, done.stderr

    def described(self, name):
        (topic,) = json.loads(self.partita("topic", "describe", name, "--format", "json")[0])
        return topic

    def test_life_of_a_topic(self):
        out, _ = self.partita("topic", "create", "one", "two", "-p", "3", "-c", "retention.ms=1000")
        self.assertEqual(out, "created one with 3 partitions\ncreated two with 3 partitions\n")
        _, errors = self.partita("topic", "create", "one", expect=1)
        self.assertEqual(errors, "partita topic: one: Topic 'one' already exists.\n")
        self.partita("topic", "create", "one", "--if-not-exists")
        listed = self.partita("topic", "list")[0].splitlines()
        rows = [row.split() for row in listed]
        self.assertEqual([row for row in rows if row[0] in ("NAME", "one", "two")],
                         [["NAME", "PARTITIONS", "REPLICAS"], ["one", "3", "1"], ["two", "3", "1"]])
        topic = self.described("one")
        self.assertEqual(topic["configs"], {"retention.ms": "1000"})
        self.assertEqual([(p["partition"], p["leader"], p["replicas"], p["isr"])
                          for p in topic["partitions"]], [(n, 1, [1], [1]) for n in range(3)])
        self.partita("topic", "alter", "one", "-p", "5", "-c", "segment.bytes=2000000",
                     "--delete-config", "retention.ms")
        topic = self.described("one")
        self.assertEqual(topic["configs"], {"segment.bytes": "2000000"})
        self.assertEqual(len(topic["partitions"]), 5)
        _, errors = self.partita("topic", "alter", "one", "-p", "2", expect=1)
        self.assertIn("The topic one currently has 5 partition(s); 2 would not be an increase.",
                      errors)
        self.partita("topic", "delete", "one", "two")
        _, errors = self.partita("topic", "delete", "one", expect=1)
        self.assertIn("one", errors)
        self.assertNotIn("one", self.partita("topic", "list")[0])

    def test_factor_three_on_one_broker(self):
        _, errors = self.partita("topic", "create", "three", "-r", "3", expect=1)
        self.assertIn("The target replication factor of 3 cannot be reached because only 1 "
                      "broker(s) are registered", errors)

    def test_durability_in_kafka_s_configs(self):
        for durability, config in [("fsync", {"flush.messages": "1"}), ("os", {}),
                                   ("interval", {"flush.ms": "100"})]:
            with self.subTest(durability):
                name = "durable-" + durability
                self.partita("topic", "create", name, "--durability", durability)
                found = self.described(name)["configs"]
                self.assertEqual({**found, **config}, found)

    def test_produce_and_consume(self):
        self.partita("topic", "create", "keyed", "-p", "3")
        pairs = [(f"k{number % 7}", f"v{number}") for number in range(60)]
        before = int(time.time() * 1000)
        _, errors = self.partita("produce", "keyed", "-k", ":", "-z", "zstd",
                                 given="".join(f"{key}:{value}\n" for key, value in pairs))
        self.assertEqual(errors, "60 records written to keyed\n")
        for partition in range(3):
            expected = [f"{k}\t{v}" for k, v in pairs if by_key(k.encode(), 3) == partition]
            read = ["consume", "keyed", "-p", str(partition), "-e", "-k"]
            for where in ("beginning", "0", f"@{before}"):
                out, _ = self.partita(*read, "-f", where)
                self.assertEqual(out.splitlines(), expected)
            if expected:
                self.assertEqual(segments.codecs(self.broker.data, "keyed", partition), ["zstd"])
                out, _ = self.partita(*read, "-f", str(len(expected) - 1))
                self.assertEqual(out.splitlines(), expected[-1:])
            self.assertEqual(self.partita(*read, "-f", "end")[0], "")
        out, _ = self.partita("consume", "keyed", "-e", "-f", "beginning")
        self.assertEqual(sorted(out.splitlines()), sorted(value for _, value in pairs))

    def test_json(self):
        self.partita("produce", "json", "-p", "0", given="a\n\n\"quoted\" \\ line\n")
        out, _ = self.partita("consume", "json", "-f", "beginning", "-n", "3", "--format", "json")
        rows = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([(row["offset"], row["key"], row["value"]) for row in rows],
                         [(0, None, "a"), (1, None, ""), (2, None, '"quoted" \\ line')])

    def test_what_cannot_be_written(self):
        self.partita("topic", "create", "small", "-c", "max.message.bytes=200")
        _, errors = self.partita("produce", "small", "-p", "7", given="x\n", expect=1)
        self.assertIn("has no partition 7", errors)
        _, errors = self.partita("produce", "small", given="x" * 300 + "\n", expect=1)
        self.assertIn("1 not written", errors)
        self.assertEqual(self.partita("consume", "small", "-e", "-f", "beginning")[0], "")

    def test_nobody_there(self):
        _, errors = self.partita("topic", "list", "-b", f"localhost:{free_port()}", "--timeout",
                                 "0.3", online=False, expect=1)
        self.assertRegex(errors, "^partita topic: .*refused\n$")

    def test_dump_log(self):
        self.partita("produce", "dumped", "-p", "0", given="first\nsecond\n")
        file = self.broker.data / "dumped-0" / ("0" * 20 + ".log")
        out, _ = self.partita("dump-log", "--files", file, "--print-data-log", online=False)
        self.assertRegex(out, r"(?s)baseOffset: 0 lastOffset: 1 count: 2 .*isvalid: true\n"
                              r"\| offset: 0 .*payload: first\n\| offset: 1 .*payload: second\n")

    def test_wrong_usage(self):
        for arguments, code in [(["topic"], 2), (["topic", "list", "--nosuch"], 2),
                                (["nonsense"], 1), (["consume"], 2), ([], 1)]:
            with self.subTest(arguments):
                out, errors = self.partita(*arguments, online=False, expect=code)
                self.assertEqual(out, "")
                self.assertTrue(errors)

    def test_commands_are_quick(self):
        """Some 5 ms on an idle machine; what waits for a timer somewhere takes 100."""
        self.partita("topic", "create", "quick")
        taken = []
        for _ in range(10):
            began = time.monotonic()
            self.partita("topic", "describe", "quick")
            taken.append(time.monotonic() - began)
        self.assertLess(min(taken), 0.08)


if __name__ == "__main__":
    unittest.main()
