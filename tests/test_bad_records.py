"""Bad input, rows B: produce requests and what is in them."""
import struct
import time
import unittest

import bad_input
import batches
import messages
import wire
from bad_input import (
    CORRUPT, INT_MAX, INT_MIN, INVALID_ACKS, INVALID_RECORD, INVALID_REQUEST,
    INVALID_TIMESTAMP, LIST_TOO_LARGE, MB, OLD_EPOCH, ORDINARY, OUT_OF_ORDER, TOO_LARGE,
    UNKNOWN_TOPIC, UNSUPPORTED_CODEC,
)
from batches import BOMBS, batch, record
from wire import request


class Records(bad_input.BadInput):

    def test_B1_acks(self):
        topic = self.topic(2)
        for acks in (2, -2, 32767):
            with self.subTest(acks):
                body = messages.produce_body(8, [(topic, [(0, batch()), (1, batch())])], acks)
                answer = messages.read_produce(8, self.connection.ask(wire.PRODUCE, 8, body))
                self.assertEqual([(one[1], one[2]) for one in answer],
                                 [(0, INVALID_ACKS), (1, INVALID_ACKS)])
        self.assertEqual(self.log_end(topic), 0)

    def test_B2_error_without_an_answer(self):
        topic = self.topic()
        rows = [("unknown topic", "none-such", batch()), ("bad CRC", topic, batch(crc=1)),
                ("too large", topic, batch(values=[bytes(1_100_000)]))]
        bodies = [(what, messages.produce_body(8, [(name, [(0, data)])], 0))
                  for what, name, data in rows]
        self.each_closed([(what, request(wire.PRODUCE, 8, body), "acks") for what, body in bodies])
        self.assertEqual(self.log_end(topic), 0)

    def test_B3_unknown_partition(self):
        topic = self.topic()
        for name, partition in [("none-such", 0), (topic, 1), (topic, INT_MAX), (topic, -1),
                                (topic, INT_MIN)]:
            with self.subTest(topic=name, partition=partition):
                code = self.produce_code(name, batch(), partition=partition)
                self.assertEqual(code, UNKNOWN_TOPIC)

    def test_B4_not_one_batch(self):
        old = struct.pack(">qiIbbqii", 0, 26, 0, 1, 0, 0, -1, 4) + b"text"
        self.each_code(INVALID_RECORD, [
            ("none", b""), ("null", None), ("less than a length", batch()[:10]),
            ("two", batch() + batch()),
            ("magic 0", batch(magic=0)), ("magic 1", old),
        ], self.topic())

    def test_B5_length(self):
        good = batch()
        self.each_code(CORRUPT, [
            (length, batch(length=length))
            for length in (0, 13, -1, INT_MIN, INT_MAX, len(good) - 11)
        ] + [("cut", good[:40])], self.topic())

    def test_B6_crc(self):
        good = batch()
        self.each_code(CORRUPT, [
            ("another", batch(crc=12345)), ("a bit of the value", good[:-2] + b"w" + good[-1:]),
            ("a bit of the header", good[:22] + b"\x08" + good[23:]),
        ], self.topic())

    def test_B7_magic(self):
        self.each_code(CORRUPT, [(m, batch(magic=m)) for m in (3, 127, -1)], self.topic())

    def test_B8_base_offset(self):
        self.each_code(INVALID_RECORD, [
            (offset, batch(base_offset=offset)) for offset in (1, -1, 1 << 62)
        ], self.topic())

    def test_B9_control_batch(self):
        self.each_code(INVALID_RECORD, [("control", batch(attributes=32))], self.topic())

    def test_B10_counts(self):
        self.each_code(INVALID_RECORD, [
            ("last delta", batch(last_delta=5)), ("negative delta", batch(last_delta=-1)),
            ("count 0", batch(count=0)), ("count 0 and empty", batch([], 0, last_delta=-1)),
            ("count -1", batch(count=-1)), ("count INT_MAX", batch(count=INT_MAX)),
            ("both INT_MAX", batch(count=INT_MAX, last_delta=INT_MAX - 1)),
            ("one more than there are", batch(count=2, last_delta=1)),
            ("one fewer", batch([record(0), record(1)], count=1, last_delta=0)),
        ], self.topic())

    def test_B11_record_length(self):
        self.each_code(INVALID_RECORD, [
            ("negative", batch([record(length=-1)])), ("beyond", batch([record(length=1000)])),
            ("zero", batch([record(length=0)])), ("short", batch([record(length=3)])),
            ("left over", batch([record(tail=b"more")])),
            ("after the last", batch([record()], payload=record() + b"\0")),
            ("offset of the second", batch([record(0), record(5)])),
        ], self.topic())

    def test_B12_headers(self):
        self.each_code(INVALID_RECORD, [
            ("count -1", batch([record(header_count=-1)])),
            ("count INT_MAX", batch([record(header_count=INT_MAX)])),
            ("null key", batch([record(headers=[(-1, b"x")])])),
            ("key beyond", batch([record(headers=[(63, b"x")])])),
        ], self.topic())

    def test_B13_compressed_garbage(self):
        """Refused where the broker has to look inside; else kept, and survived by its readers."""
        for codec in batches.CODECS[1:]:
            with self.subTest(codec):
                data = batch([record()] * 3, codec=codec, payload=b"this is not compressed" * 9)
                topic = self.topic(compression_type="gzip" if codec == "zstd" else "zstd")
                self.each_code(INVALID_RECORD, [(codec, data)], topic)
                passed = self.topic()
                self.assertEqual(self.produce_code(passed, data), 0)
                _, _, ((_, code, high, stored),) = self.fetch_on(
                    self.connection, [{"topic": passed}])
                self.assertEqual((code, high, len(stored)), (0, 3, len(data)))
                for timestamp in (0, -1, -2, -3, int(time.time() * 1000) - 1000):
                    ((code, _, _),) = messages.list_offsets(self.connection, passed, timestamp)
                    self.assertIn(code, (0, CORRUPT, INVALID_RECORD))

    def test_B14_bombs(self):
        """A gigabyte of zeros in a few megabytes at most, in each codec."""
        self.allowed = ORDINARY + 128 * MB
        for codec, make in BOMBS.items():
            with self.subTest(codec):
                # Snappy packs 21 to 1 at best: 40 MB, with a gigabyte announced in front of them.
                payload = make(40 * MB if codec == "snappy" else 1 << 30)
                if codec == "snappy":
                    payload = wire.uvarint(1 << 30) + payload[len(wire.uvarint(40 * MB)):]
                data = batch([record()], codec=codec, payload=payload)
                config = {"max_message_bytes": "8000000"}
                topic = self.topic(**config, compression_type="gzip" if codec == "zstd" else "zstd")
                self.each_code(INVALID_RECORD, [(codec, data)], topic)
                passed = self.topic(**config)
                self.assertEqual(self.produce_code(passed, data), 0)
                ((code, _, _),) = messages.list_offsets(self.connection, passed, 0)
                self.assertIn(code, (0, CORRUPT, INVALID_RECORD))

    def test_B15_unknown_codecs(self):
        self.each_code(INVALID_RECORD, [(c, batch(attributes=c)) for c in (5, 6, 7)], self.topic())

    def test_B16_zstd_in_old_versions(self):
        topic = self.topic()
        data = batch([record()], codec="zstd", payload=b"any")
        for version in (3, 4, 5, 6):
            with self.subTest(version):
                ((_, _, code, _, _, _),) = self.produce(topic, data, version=version)
                self.assertEqual(code, UNSUPPORTED_CODEC)
        self.assertEqual(self.produce_code(topic, data, version=7), 0)

    def test_B17_larger_than_a_message_may_be(self):
        topic = self.topic(max_message_bytes="1000")
        size = 1000 - len(batch(values=[b""]))
        # Two bytes go to the lengths of a value of this size.
        self.assertEqual(self.produce_code(topic, batch(values=[bytes(size - 2)])), 0)
        self.assertEqual(self.produce_code(topic, batch(values=[bytes(size - 1)])), TOO_LARGE)
        self.assertEqual(self.log_end(topic), 1)

    def test_B18_larger_than_a_segment(self):
        topic = self.topic(max_message_bytes="4000000", segment_bytes="1048576")
        code = self.produce_code(topic, batch(values=[bytes(1_100_000)]))
        self.assertEqual(code, LIST_TOO_LARGE)
        self.assertEqual(self.log_end(topic), 0)

    def test_B20_timestamps(self):
        now = int(time.time() * 1000)
        self.each_code(INVALID_TIMESTAMP, [
            ("ahead", batch(timestamp=now + 3_660_000)), ("-2", batch(timestamp=-2)),
            ("INT64_MAX", batch(timestamp=(1 << 63) - 1)),
        ], self.topic())

    def test_B21_maximum_timestamp_that_lies(self):
        now = int(time.time() * 1000)
        records = [record(0), record(1, timestamp_delta=40), record(2, timestamp_delta=7)]
        for lie in (now - 5000, now + 5000):
            with self.subTest(lie - now):
                topic = self.topic()
                data = batch(records, timestamp=now, max_timestamp=lie)
                self.assertEqual(self.produce_code(topic, data), 0)
                _, _, ((_, _, _, stored),) = self.fetch_on(self.connection, [{"topic": topic}])
                self.assertEqual(struct.unpack_from(">qq", stored, 27), (now, now + 40))
                self.assertEqual(struct.unpack_from(">I", stored, 17)[0],
                                 batches.crc32c(stored[21:]))
                found = messages.list_offsets(self.connection, topic, -3)
                self.assertEqual(found, [(0, now + 40, 1)])
                packed = self.topic()
                data = batch(records, timestamp=now, max_timestamp=lie, codec="gzip",
                             payload=batches.gzipped(b"".join(records)))
                self.assertEqual(self.produce_code(packed, data), 0)
                _, _, ((_, _, _, stored),) = self.fetch_on(self.connection, [{"topic": packed}])
                self.assertEqual(struct.unpack_from(">qq", stored, 27), (now, lie))

    def test_B23_producer_without_sequence(self):
        id_, epoch = messages.new_producer_id(self.connection)
        self.each_code(INVALID_RECORD, [
            ("sequence -1", batch(producer=(id_, epoch, -1))),
        ], self.topic())

    def test_B24_sequences(self):
        topic = self.topic()
        id_, epoch = messages.new_producer_id(self.connection)

        def send(sequence, epoch=epoch):
            ((_, _, code, base, _, _),) = self.produce(
                topic, batch(values=[b"%d" % sequence] * 2, producer=(id_, epoch, sequence)))
            return code, base

        for number in range(7):
            self.assertEqual(send(2 * number), (0, 2 * number))
        self.assertEqual(send(16), (OUT_OF_ORDER, -1), "a gap")
        for number in range(2, 7):
            self.assertEqual(send(2 * number), (0, 2 * number), "a duplicate")
        self.assertEqual(send(2), (OUT_OF_ORDER, -1), "the sixth oldest")
        self.assertEqual(send(0, epoch + 1), (0, 14))
        self.assertEqual(send(14), (OLD_EPOCH, -1), "an old epoch")
        self.assertEqual(self.log_end(topic), 16)

    def test_B25_sequence_wraps(self):
        topic = self.topic()
        id_, epoch = messages.new_producer_id(self.connection)
        for base, (sequence, count) in enumerate([(INT_MAX - 1, 1), (INT_MAX, 1), (0, 1), (1, 1)]):
            ((_, _, code, got, _, _),) = self.produce(
                topic, batch([record()] * count, producer=(id_, epoch, sequence)))
            self.assertEqual((code, got), (0, base), f"sequence {sequence}")

    def test_B29_one_partition_twice(self):
        topic = self.topic(2)
        body = messages.produce_body(8, [(topic, [(0, batch()), (0, batch()), (1, batch())])])
        answer = messages.read_produce(8, self.connection.ask(wire.PRODUCE, 8, body))
        self.assertEqual([one[2] for one in answer], [INVALID_REQUEST, INVALID_REQUEST, 0])
        apart = messages.produce_body(8, [(topic, [(0, batch())]), (topic, [(0, batch())])])
        answer = messages.read_produce(8, self.connection.ask(wire.PRODUCE, 8, apart))
        self.assertEqual([one[2] for one in answer], [INVALID_REQUEST, INVALID_REQUEST])
        self.assertEqual(self.log_end(topic), 0)

    def test_B30_a_hundred_thousand_topics(self):
        count, data = 100_000, batch()
        body = messages.produce_body(8, [(b"x%06d" % n, [(0, data)]) for n in range(count)])
        self.allowed = 4 * len(body) + ORDINARY
        answer = messages.read_produce(8, self.connection.ask(wire.PRODUCE, 8, body))
        self.assertEqual([one[0] for one in answer], ["x%06d" % n for n in range(count)])
        self.assertEqual({one[1:4] for one in answer}, {(0, UNKNOWN_TOPIC, -1)})


if __name__ == "__main__":
    unittest.main()
