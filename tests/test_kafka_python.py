"""kafka-python: Debian's 2.0, and 3 from PyPI. No groups."""
import json
import os
import subprocess
import time
import unittest

import client_setup
import segments
from broker import BrokerCase
from kafka_python_client import KEYS
from partitioners import by_key

class Tests:
    """What is the same for both; the program runs once for the class."""

    codecs = ["gzip"]

    @classmethod
    def interpreter(cls):
        raise NotImplementedError

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.topic = "python"
        cls.base = int(time.time() * 1000) + 600_000  # later than all others
        here = os.path.dirname(os.path.abspath(__file__))
        done = subprocess.run(
            [cls.interpreter(), os.path.join(here, "kafka_python_client.py"), cls.address,
             cls.topic, str(cls.base), *cls.codecs], capture_output=True, text=True, timeout=180,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        cls.out = json.loads(done.stdout)

    def test_release(self):
        self.assertTrue(self.out["version"].startswith(self.release), self.out["version"])

    def test_admin(self):
        self.assertTrue(self.out["listed"])
        self.assertEqual(self.out["partitions"], 4)
        self.assertEqual(self.out["twice"], "TopicAlreadyExistsError")

    def test_by_key(self):
        """Their partitioner is Java's: murmur2."""
        self.assertEqual(self.out["by_key"], [by_key(key, 4) for key in KEYS])

    def test_chosen_partition(self):
        self.assertEqual(self.out["chosen"], [[3, number] for number in range(5)])

    def test_what_is_read(self):
        for partition in range(4):
            got = self.out["all"][partition]
            self.assertEqual([one[0] for one in got], list(range(len(got))))
            keyed = [key.decode() for key in KEYS if by_key(key, 4) == partition]
            self.assertEqual([one[1:3] for one in got[:len(keyed)]], [[key, key] for key in keyed])
            self.assertEqual(len(got), len(keyed) + (5 if partition == 3 else 0))
        chosen = [
            [self.out["first"] + number, None, "chosen", self.base + 10 * number,
             [["n", str(number)]]] for number in range(5)
        ]
        self.assertEqual(self.out["all"][3][-5:], chosen)
        self.assertEqual(self.out["from"], chosen[3:])

    def test_offsets_and_times(self):
        self.assertEqual(self.out["ends"], [0, self.out["first"] + 5])
        self.assertEqual(self.out["times"], {"0": [0, 0], "5": [1, 10], "40": [4, 40]})

    def test_consumer_without_group(self):
        sent = [key.decode() for key in KEYS] + ["chosen"] * 5
        self.assertEqual(self.out["tutorial"], sorted(sent))

    def test_codecs(self):
        for codec in self.codecs:
            found = segments.batches(self.broker.data, f"{self.topic}-{codec}")
            self.assertEqual({batch.codec for batch in found}, {codec})
            self.assertEqual(sum(batch.records for batch in found), 50)


class Debian(Tests, BrokerCase):
    release = "2.0"

    @classmethod
    def interpreter(cls):
        return "/usr/bin/python3"


class Newer(Tests, BrokerCase):
    release = "3."
    codecs = ["gzip", "lz4", "zstd"]

    @classmethod
    def interpreter(cls):
        return client_setup.python()

    def test_idempotent_by_default(self):
        found = segments.batches(self.broker.data, self.topic, 3)
        self.assertTrue(all(batch.producer_id >= 0 for batch in found))


if __name__ == "__main__":
    unittest.main()
