"""Bad input, rows C: fetches, offsets, and requests about topics."""
import os
import struct
import time
import unittest

import bad_input
import messages
import wire
from bad_input import (
    BAD_ASSIGNMENT, BAD_FACTOR, BAD_PARTITIONS, EXISTS, FENCED_EPOCH, INCONSISTENT_TOPIC_ID,
    INT_MAX, INT_MIN, INVALID_REQUEST, INVALID_TOPIC, NO_SESSION, ORDINARY, OUT_OF_RANGE,
    SESSION_EPOCH, SESSION_TOPIC_ID, UNKNOWN_EPOCH, UNKNOWN_TOPIC, UNKNOWN_TOPIC_ID,
    UNSUPPORTED,
)
from batches import batch
from broker import BrokerCase, wait_until
from wire import Connection, Out, request


class Reading(bad_input.BadInput):

    def fetch_code(self, version=12, **what):
        code, _, ((_, inner, _, _),) = self.fetch_on(self.connection, [what], version=version)
        self.assertEqual(code, 0)
        return inner

    def test_C1_offsets_out_of_range(self):
        for offset, code in [(-1, OUT_OF_RANGE), (11, OUT_OF_RANGE), (1 << 62, OUT_OF_RANGE),
                             (10, 0), (0, 0)]:
            with self.subTest(offset):
                self.assertEqual(self.fetch_code(topic="kept", offset=offset), code)

    def test_C1_below_the_start_of_the_log(self):
        topic = self.topic(retention_bytes="1", segment_bytes="1048576", segment_ms="100")
        for _ in range(2):
            self.assertEqual(self.produce_code(topic, batch(values=[b"x"])), 0)
            time.sleep(0.2)

        def start():
            ((code, _, offset),) = messages.list_offsets(self.connection, topic, -2)
            self.assertEqual(code, 0)
            return offset

        wait_until("retention takes the first segment", start, 20)
        self.assertEqual(self.fetch_code(topic=topic, offset=0), OUT_OF_RANGE)

    def test_C2_leader_epochs(self):
        _, _, (epoch,) = messages.describe_topic(self.connection, "kept")
        self.assertGreaterEqual(epoch, 0)
        self.assertEqual(self.fetch_code(topic="kept", epoch=epoch), 0)
        self.assertEqual(self.fetch_code(topic="kept", epoch=epoch + 1), UNKNOWN_EPOCH)
        self.assertEqual(self.fetch_code(topic="kept", epoch=INT_MAX), UNKNOWN_EPOCH)

    def test_C3_last_fetched_epoch(self):
        code = self.fetch_code(topic="kept", offset=5, fetched_epoch=1000)
        self.assertEqual(code, OUT_OF_RANGE)

    def test_C5_sessions(self):
        kept = [{"topic": "kept"}]
        code, session, _ = self.fetch_on(self.connection, kept, session=(0, 0))
        self.assertEqual(code, 0)
        self.assertNotEqual(session, 0)
        self.assertEqual(self.fetch_on(self.connection, [], session=(session, 5))[0], SESSION_EPOCH)
        other = session + 1 if session < INT_MAX else 1
        self.assertEqual(self.fetch_on(self.connection, [], session=(other, 1))[0], NO_SESSION)
        _, topic_id, _ = messages.describe_topic(self.connection, "kept")
        by_id = [{"topic_id": topic_id}]
        code, session, _ = self.fetch_on(self.connection, by_id, version=13, session=(0, 0))
        self.assertEqual(code, 0)
        code, _, _ = self.fetch_on(self.connection, kept, version=12, session=(session, 1))
        self.assertEqual(code, SESSION_TOPIC_ID)

    def test_C6_patience_without_end(self):
        """More than there can be is wanted: what max.bytes allows is enough to answer."""
        began = time.monotonic()
        code, _, ((_, _, _, records),) = self.fetch_on(
            self.connection, [{"topic": "kept"}], wait_ms=INT_MAX, min_bytes=INT_MAX, max_bytes=1)
        self.assertEqual((code, records), (0, self.kept))
        self.assertLess(time.monotonic() - began, 5)
        # Waiting for ever, many times over: other connections are served, and the end is clean.
        body = messages.fetch_body(12, [{"topic": "kept", "offset": 10}], INT_MAX, INT_MAX)
        for _ in range(50):
            with Connection(self.broker.port) as connection:
                for correlation in range(100):
                    connection.send(request(wire.FETCH, 12, body, correlation))
        self.assertEqual(messages.describe_topic(self.connection, "kept")[0], 0)

    def test_C7_no_bytes_wanted(self):
        topic = self.topic()
        first, second = batch(values=[b"a"]), batch(values=[b"b"])
        for data in (first, second):
            self.assertEqual(self.produce_code(topic, data), 0)
        what = {"topic": topic, "max_bytes": 0}
        for offset in (0, 1):
            _, _, ((_, code, _, records),) = self.fetch_on(
                self.connection, [{**what, "offset": offset}], max_bytes=0)
            self.assertEqual((code, len(records)), (0, len(first)))
            self.assertEqual(struct.unpack_from(">q", records)[0], offset)

    def test_C8_id_of_a_deleted_topic(self):
        topic = self.topic()
        self.assertEqual(self.produce_code(topic, batch(values=[b"old"])), 0)
        _, old, _ = messages.describe_topic(self.connection, topic)
        self.assertEqual(self.fetch_code(13, topic_id=old), 0)
        self.assertEqual(messages.delete_topics(self.connection, (topic, wire.NO_ID)), [0])
        self.assertEqual(messages.create_topics(self.connection, (topic, 1, 1)), [(0, None)])
        self.assertEqual(self.produce_code(topic, batch(values=[b"new"])), 0)
        _, new, _ = messages.describe_topic(self.connection, topic)
        self.assertNotEqual(old, new)
        for gone in (old, bytes(15) + b"\x09"):
            self.assertIn(self.fetch_code(13, topic_id=gone),
                          (UNKNOWN_TOPIC_ID, INCONSISTENT_TOPIC_ID))
        self.assertEqual(self.fetch_code(13, topic_id=new), 0)

    def test_C9_a_million_partitions(self):
        count = 1_000_000
        one = Out(True).pack("iiqiqi", 0, -1, 0, -1, -1, 1).tags().bytes()
        partitions = b"".join(struct.pack(">i", number) + one[4:] for number in range(count))
        start = Out(True).pack("iiiibii", -1, 0, 0, 1 << 20, 0, 0, 0).raw(b"\x02").string("kept")
        body = start.raw(wire.uvarint(count + 1)).raw(partitions).raw(b"\0\x01\x01\0").bytes()
        self.allowed = 4 * len(body) + 2 * ORDINARY
        code, session, _ = messages.read_fetch(12, self.connection.ask(wire.FETCH, 12, body))
        self.assertTrue(code == INVALID_REQUEST or (code, session) == (0, 0), (code, session))

    def test_C10_list_offsets(self):
        self.assertEqual([one[0] for one in messages.list_offsets(self.connection, "kept", -99)],
                         [UNSUPPORTED])
        twice = messages.list_offsets(self.connection, "kept", -1, -2)
        self.assertEqual({one[0] for one in twice}, {INVALID_REQUEST})

    def test_C12_topic_names(self):
        outside = sorted(os.listdir(self.broker.directory))
        inside = set(os.listdir(self.broker.data))
        self.assertEqual(messages.create_topics(self.connection, ("a.b", 1, 1)), [(0, None)])
        for name in ("../x", "", ".", "..", "/etc/x", "x" * 250, "a_b", "a b", "a\nb", "x\0y"):
            with self.subTest(name):
                ((code, words),) = messages.create_topics(self.connection, (name, 1, 1))
                self.assertEqual(code, INVALID_TOPIC)
                self.assertTrue(words)
        self.assertEqual(messages.create_topics(self.connection, ("y" * 249, 1, 1)), [(0, None)])
        self.assertEqual(sorted(os.listdir(self.broker.directory)), outside)
        created = {"a.b-0", "y" * 249 + "-0"}
        self.assertLessEqual(set(os.listdir(self.broker.data)) - inside, created)

    def test_C13_shapes_of_topics(self):
        for what, partitions, factor, assignments, expected in [
            ("no partitions", 0, 1, {}, BAD_PARTITIONS), ("negative", -5, 1, {}, BAD_PARTITIONS),
            ("factor 0", 1, 0, {}, BAD_FACTOR), ("factor 3", 1, 3, {}, BAD_FACTOR),
            ("both", 1, 1, {0: [1]}, INVALID_REQUEST),
            ("replica twice", -1, -1, {0: [1, 1]}, BAD_ASSIGNMENT),
            ("unknown replica", -1, -1, {0: [9]}, BAD_ASSIGNMENT),
            ("no replica", -1, -1, {0: []}, BAD_ASSIGNMENT),
            ("gap", -1, -1, {0: [1], 2: [1]}, BAD_ASSIGNMENT),
        ]:
            with self.subTest(what):
                topic = (next(self.names), partitions, factor, assignments)
                topic = (*topic[:3], list(assignments.items()), {})
                ((code, words),) = messages.create_topics(self.connection, topic)
                self.assertEqual(code, expected, words)
                code, _, _ = messages.describe_topic(self.connection, topic[0])
                self.assertEqual(code, UNKNOWN_TOPIC)

    def test_C14_topics_twice_and_too_many(self):
        name = next(self.names)
        twice = messages.create_topics(self.connection, (name, 1, 1), (name, 1, 1))
        self.assertEqual({code for code, _ in twice}, {INVALID_REQUEST})
        self.assertEqual(messages.describe_topic(self.connection, name)[0], UNKNOWN_TOPIC)
        ((code, words),) = messages.create_topics(self.connection, ("kept", 1, 1))
        self.assertEqual((code, words), (EXISTS, "Topic 'kept' already exists."))
        large = next(self.names)
        self.assertEqual(messages.create_topics(self.connection, (large, 10_001, 1)), [(0, None)])
        ((code, words),) = messages.create_topics(self.connection, (next(self.names), 5_000, 1))
        self.assertEqual(code, BAD_PARTITIONS)
        self.assertRegex(words, "5000 .* limit")
        self.assertEqual(messages.delete_topics(self.connection, (large, wire.NO_ID)), [0])

    def test_C15_delete_by_both_or_neither(self):
        _, topic_id, _ = messages.describe_topic(self.connection, "kept")
        for what in [("kept", topic_id), (None, wire.NO_ID)]:
            with self.subTest(what):
                self.assertEqual(messages.delete_topics(self.connection, what), [INVALID_REQUEST])
        self.assertEqual(messages.delete_topics(self.connection, (None, bytes(15) + b"\x09")),
                         [UNKNOWN_TOPIC_ID])
        self.assertEqual(messages.describe_topic(self.connection, "kept")[0], 0)

    def test_C17_epochs_that_are_none(self):
        for epoch in (-5, -1, INT_MIN):
            with self.subTest(epoch):
                self.assertEqual(messages.end_of_epoch(self.connection, "kept", epoch), (0, -1, -1))


class AfterCrash(BrokerCase):

    def test_C2_old_leader_epoch(self):
        """A killed broker leads in a new epoch; who still asks in the old one is fenced."""
        with Connection(self.broker.port) as connection:
            self.assertEqual(messages.create_topics(connection, ("old", 1, 1)), [(0, None)])
        self.broker.kill()
        self.broker.start()
        with Connection(self.broker.port) as connection:
            _, _, (epoch,) = messages.describe_topic(connection, "old")
            self.assertGreater(epoch, 0)
            for asked, expected in [(epoch - 1, FENCED_EPOCH), (epoch + 1, UNKNOWN_EPOCH),
                                    (epoch, 0), (-1, 0)]:
                with self.subTest(asked - epoch):
                    code, _, ((_, inner, _, _),) = bad_input.BadInput.fetch_on(
                        connection, [{"topic": "old", "epoch": asked}])
                    self.assertEqual((code, inner), (0, expected))


class Stopping(BrokerCase):

    def test_C6_a_stop_does_not_wait_for_them(self):
        """Fetches that would wait for ever, of a client that listens and of one that has gone."""
        with Connection(self.broker.port) as here, Connection(self.broker.port) as gone:
            self.assertEqual(messages.create_topics(here, ("t", 1, 1)), [(0, None)])
            body = messages.fetch_body(12, [{"topic": "t"}], INT_MAX, INT_MAX)
            for correlation in range(100):
                for connection in (here, gone):
                    connection.send(request(wire.FETCH, 12, body, correlation))
            gone.close()
            began = time.monotonic()
            self.assertEqual(self.broker.stop(), 0)
            self.assertLess(time.monotonic() - began, 5)


if __name__ == "__main__":
    unittest.main()
