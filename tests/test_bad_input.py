"""What no client sends. Rows are numbered as in the table of bad input that the broker is held to:
A framing and headers, B produce and records, C fetch, offsets and metadata.

Each row expects Kafka's error code, or a closed connection with one line in the log that says why.
After each row the broker still serves an older connection, what was acknowledged at the start is
read back byte for byte, and its memory is below the row's bound.
"""
import os
import re
import socket
import struct
import threading
import time
import unittest

import batches
import wire
from batches import BOMBS, batch, record
from broker import BrokerCase, asan_binary, wait_until
from wire import Connection, In, Out, framed, header, request

MB = 1 << 20
# What a row may cost beside a frame of its own: buffers, caches, and what the sanitizer keeps back.
ORDINARY = 96 * MB
INT_MIN, INT_MAX = -(1 << 31), (1 << 31) - 1

CORRUPT, UNKNOWN_TOPIC, TOO_LARGE, INVALID_TOPIC, LIST_TOO_LARGE = 2, 3, 10, 17, 18
OUT_OF_RANGE, INVALID_ACKS, INVALID_TIMESTAMP, UNSUPPORTED = 1, 21, 32, 35
EXISTS, BAD_PARTITIONS, BAD_FACTOR, BAD_ASSIGNMENT, INVALID_REQUEST = 36, 37, 38, 39, 42
OUT_OF_ORDER, OLD_EPOCH, NO_SESSION, SESSION_EPOCH = 45, 47, 70, 71
FENCED_EPOCH, UNKNOWN_EPOCH, UNSUPPORTED_CODEC, INVALID_RECORD = 74, 75, 76, 87
UNKNOWN_TOPIC_ID, INCONSISTENT_TOPIC_ID, SESSION_TOPIC_ID = 100, 103, 106

KEPT = batch(values=[b"kept %d" % number for number in range(10)])


class BadInput(BrokerCase):
    settings = {
        "log.retention.check.interval.ms": 200, "max.partitions": 12_000, "shards": 1,
        "log.segment.delete.delay.ms": 100,
    }

    @classmethod
    def program(cls):
        return asan_binary()

    @classmethod
    def setUpClass(cls):
        os.environ["ASAN_OPTIONS"] = "quarantine_size_mb=8"
        cls.addClassCleanup(os.environ.pop, "ASAN_OPTIONS")
        super().setUpClass()
        cls.names = iter(f"topic-{number}" for number in range(1 << 20))
        cls.witness = Connection(cls.broker.port)
        cls.addClassCleanup(cls.witness.close)
        assert wire.create_topics(cls.witness, ("kept", 1, 1)) == [(0, None)]
        (answer,) = cls.produce_on(cls.witness, "kept", KEPT)
        assert answer[2:4] == (0, 0), answer
        _, _, ((_, _, _, cls.kept),) = cls.fetch_on(cls.witness, [{"topic": "kept"}])
        assert len(cls.kept) == len(KEPT)

    def setUp(self):
        self.connection = Connection(self.broker.port)
        self.addCleanup(self.connection.close)
        self.log_from = self.broker.log_size()
        self.allowed = ORDINARY
        self.broker.reset_peak_memory()
        self.before = self.broker.memory("VmRSS")

    def tearDown(self):
        """What holds after every row."""
        self.assertIsNone(self.broker.process.poll(), self.broker.log_tail())
        answer = self.fetch_on(self.witness, [{"topic": "kept"}])
        self.assertEqual(answer, (0, 0, [(0, 0, 10, self.kept)]))
        grown = self.broker.memory("VmHWM") - self.before
        self.assertLess(grown, self.allowed, f"grown by {grown / MB:.0f} MB")

    # --- What rows are made of ---

    @staticmethod
    def produce_on(connection, topic, *records, version=8, partition=0, acks=-1, id_=None):
        batches = [(partition, one) for one in records]
        body = wire.produce_body(version, [(topic, batches)], acks, id_)
        return wire.read_produce(version, connection.ask(wire.PRODUCE, version, body))

    @staticmethod
    def fetch_on(connection, partitions, version=12, **rest):
        body = wire.fetch_body(version, partitions, **rest)
        return wire.read_fetch(version, connection.ask(wire.FETCH, version, body))

    def topic(self, partitions=1, **config):
        name = next(self.names)
        given = {key.replace("_", "."): value for key, value in config.items()}
        created = wire.create_topics(self.connection, (name, partitions, 1, {}, given))
        self.assertEqual(created, [(0, None)])
        return name

    def produce(self, topic, *records, **rest):
        return self.produce_on(self.connection, topic, *records, **rest)

    def produce_code(self, topic, *records, **rest):
        """The one partition's code; with an error there is no base offset."""
        ((_, _, code, base, _, _),) = self.produce(topic, *records, **rest)
        self.assertEqual(base == -1, code != 0)
        return code

    def log_end(self, topic):
        (found,) = wire.list_offsets(self.connection, topic, -1)
        self.assertEqual(found[0], 0)
        return found[2]

    def lines_about(self, connection):
        log = self.broker.log_text(self.log_from)
        return [line for line in log.splitlines() if connection.peer + " " in line]

    def expect_closed(self, data, why, connection=None):
        """Sent, it closes the connection unanswered, and one warning tells why."""
        connection = connection or self.connection
        for piece in data if isinstance(data, (list, tuple)) else [data]:
            if not connection.send(piece):
                break
        self.assertTrue(connection.is_closed(), "it answered")
        wait_until("a line in the log", lambda: self.lines_about(connection), 5)
        (line,) = self.lines_about(connection)
        self.assertIn(" WARN ", line)
        self.assertRegex(line, why)

    def each_closed(self, rows):
        """Rows of (what, bytes, why), each on a connection of its own."""
        for what, data, why in rows:
            with self.subTest(what), Connection(self.broker.port) as connection:
                self.expect_closed(data, why, connection)

    def each_code(self, expected, rows, topic):
        """Rows of (what, batch): each is refused with that code, and nothing is appended."""
        before = self.log_end(topic)
        for what, data in rows:
            with self.subTest(what):
                self.assertEqual(self.produce_code(topic, data), expected)
        self.assertEqual(self.log_end(topic), before)


def metadata(names=b"\0\0\0\0\0\0\0", version=8):
    return header(wire.METADATA, version) + names


class Framing(BadInput):

    def test_A1_negative_size(self):
        self.each_closed([
            (size, struct.pack(">i", size), str(size)) for size in (-1, INT_MIN)
        ])

    def test_A2_size_zero(self):
        self.expect_closed(bytes(4), r"\b0 bytes")

    def test_A3_size_too_large(self):
        self.allowed = 16 * MB
        self.each_closed([
            ("one more than allowed", struct.pack(">i", 104_857_601), "104857601"),
            ("INT_MAX", struct.pack(">i", INT_MAX), str(INT_MAX)),
            ("HTTP", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP"),
            ("HTTP POST", b"POST /topics HTTP/1.1\r\n\r\n", "HTTP"),
            ("TLS 1.2", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + bytes(500), "TLS"),
            ("TLS 1.3", b"\x16\x03\x03\x00\xf4\x01\0\0\xf0\x03\x03" + bytes(240), "TLS"),
        ])

    def test_A4_A6_slow_senders(self):
        """Size and header within 10 s of the first byte; then 1 KiB/s over 30 s."""
        self.allowed = 16 * MB
        begun = time.monotonic()
        ended = {}

        def watch(name, connection, drip):
            try:
                while drip and not ended.get(name):
                    connection.socket.settimeout(1)
                    try:
                        if connection.socket.recv(1) == b"":
                            break
                    except TimeoutError:
                        connection.socket.send(b"x")
                else:
                    connection.socket.settimeout(60)
                    connection.socket.recv(1)
            except OSError:
                pass
            ended[name] = time.monotonic() - begun

        threads, connections = [], {}
        for name, first, drip in [
            ("part of a size", b"\0\0\0", False),
            ("part of a header", struct.pack(">i", 50) + b"\0\x03", False),
            ("a body by the byte", struct.pack(">i", 100_000_000) + header(3, 8), True),
        ]:
            connections[name] = Connection(self.broker.port)
            self.addCleanup(connections[name].close)
            connections[name].send(first)
            threads.append(threading.Thread(target=watch, args=(name, connections[name], drip)))
            threads[-1].start()
        for thread in threads:
            thread.join(90)
        self.assertEqual(sorted(ended), sorted(connections), "some are still open")
        for name, least, most in [("part of a size", 9, 20), ("part of a header", 9, 20),
                                  ("a body by the byte", 25, 75)]:
            with self.subTest(name):
                self.assertGreater(ended[name], least)
                self.assertLess(ended[name], most)
                (line,) = self.lines_about(connections[name])
                self.assertIn(" WARN ", line)

    def test_A5_a_cut_frame_is_not_executed(self):
        name = next(self.names)
        whole = request(wire.CREATE_TOPICS, 4, wire.create_topics_body([(name, 1, 1)]))
        for end in (4, 10, len(whole) // 2, len(whole) - 1):
            with self.subTest(end), Connection(self.broker.port) as connection:
                connection.send(whole[:end])
                connection.socket.shutdown(socket.SHUT_WR)
                self.assertTrue(connection.is_closed())
        self.assertEqual(wire.describe_topic(self.connection, name)[0], UNKNOWN_TOPIC)

    def test_A7_unknown_api(self):
        self.each_closed([
            (key, framed(struct.pack(">hhih", key, 0, 1, -1)), rf"\b{abs(key)}\b")
            for key in (9999, -1, 32767)
        ])

    def test_A8_unsupported_version(self):
        self.each_closed([
            ("Metadata 99", framed(struct.pack(">hhih", 3, 99, 1, -1) + bytes(20)), "99"),
            ("Metadata -1", framed(struct.pack(">hhih", 3, -1, 1, -1) + bytes(20)), "-1"),
            ("Fetch 3", framed(struct.pack(">hhih", 1, 3, 1, -1) + bytes(40)), r"\b3\b"),
            ("Produce 2", framed(struct.pack(">hhih", 0, 2, 1, -1) + bytes(40)), r"\b2\b"),
        ])

    def test_A8_unsupported_version_of_api_versions(self):
        """An answer in the form of version 0 that tells the range to step down to."""
        self.connection.send(framed(struct.pack(">hhih", 18, 99, 77, -1) + bytes(10)))
        answer = In(self.connection.response())
        self.assertEqual((answer.i32(), answer.i16()), (77, UNSUPPORTED))
        ranges = answer.array(lambda inner: inner.unpack("hhh"))
        self.assertEqual(len(ranges), 1)
        key, least, most = ranges[0]
        self.assertEqual((key, least), (wire.API_VERSIONS, 0))
        self.assertGreaterEqual(most, 4)
        self.assertEqual(answer.at, len(answer.data))

    def test_A9_short_header(self):
        self.each_closed([
            (size, framed(struct.pack(">hhi", 3, 8, 1)[:size]), ".") for size in (1, 4, 7)
        ])

    def test_A10_client_id_beyond_the_frame(self):
        self.each_closed([
            (size, framed(struct.pack(">hhih", 3, 8, 1, size) + b"abc"), ".")
            for size in (4, 32767, -2)
        ])

    def test_A11_null_where_none_may_be(self):
        topic = struct.pack(">ihiihii", 1, -1, 1, 0, 0, 0, 0) + bytes(5)
        compact = b"\x02\0" + struct.pack(">ih", 1, 1) + b"\x01\x01\0" + bytes(5) + b"\0"
        self.each_closed([
            ("string", framed(header(wire.CREATE_TOPICS, 4) + topic), "."),
            ("compact string", framed(header(wire.CREATE_TOPICS, 5) + compact), "."),
            ("array", framed(header(wire.CREATE_TOPICS, 4) + struct.pack(">iib", -1, 100, 0)), "."),
        ])

    def test_A12_array_longer_than_the_frame(self):
        self.allowed = 16 * MB
        self.each_closed([
            ("strings", framed(metadata(struct.pack(">i", INT_MAX) + bytes(10))), "."),
            ("structures", framed(header(wire.CREATE_TOPICS, 4) + struct.pack(">i", INT_MAX)
                                  + bytes(10)), "."),
            ("compact", framed(header(wire.METADATA, 12) + wire.uvarint(INT_MAX) + bytes(10)), "."),
            ("negative", framed(header(wire.CREATE_TOPICS, 4) + struct.pack(">i", -5) + bytes(10)),
             "."),
        ])

    def test_A13_plausible_count_of_what_cannot_fit(self):
        """A hundred megabytes that promise as many topics as bytes; each takes 18 at least."""
        size = 104_857_600
        start = header(wire.METADATA, 12)
        count = wire.uvarint(size - len(start) - 3)
        rest = bytes(size - len(start) - len(count))
        self.allowed = 4 * size + ORDINARY
        self.expect_closed([struct.pack(">i", size), start, count, rest], ".")

    def test_A14_tagged_fields_without_end(self):
        def tags(count, announced=None):
            fields = b"".join(wire.uvarint(100 + number) + b"\0" for number in range(count))
            return wire.uvarint(announced or count) + fields

        body = b"\x01\x01\0"  # an empty list of topics, two flags
        answer = self.connection.ask(wire.METADATA, 12, body + tags(1000))
        self.assertEqual(answer.i32(), 0)
        self.allowed = 4 * 6 * MB + ORDINARY
        self.each_closed([
            ("1,001", request(wire.METADATA, 12, body + tags(1001)), "."),
            ("20 million", request(wire.METADATA, 12, body + tags(1_000_000, 20_000_000)), "."),
        ])

    def test_A15_tagged_fields_out_of_order(self):
        body = b"\x01\x01\0"
        self.each_closed([
            ("falling", request(wire.METADATA, 12, body + b"\x02\x09\0\x08\0"), "."),
            ("twice", request(wire.METADATA, 12, body + b"\x02\x09\0\x09\0"), "."),
        ])

    def test_A16_tagged_field_of_a_wrong_size(self):
        fetch = wire.fetch_body(12, [])[:-1]
        self.each_closed([
            ("beyond the frame", request(wire.METADATA, 12, b"\x01\x01\0\x01\x09\x7f"), "."),
            ("larger than the known field", request(wire.FETCH, 12, fetch + b"\x01\0\x06\x04abcde"),
             "."),
            ("smaller than the known field", request(wire.FETCH, 12, fetch + b"\x01\0\x02\x04abc"),
             "."),
        ])

    def test_A17_endless_varint(self):
        self.each_closed([
            ("6 bytes", request(wire.METADATA, 12, b"\xff\xff\xff\xff\xff\x01" + bytes(20)), "."),
            ("bits beyond 32",
             request(wire.METADATA, 12, b"\xff\xff\xff\xff\x7f" + bytes(20)), "."),
            ("in the header", framed(struct.pack(">hhih", 3, 12, 1, -1) + b"\xff" * 12), "."),
        ])

    def test_A18_name_that_is_no_text(self):
        before = set(os.listdir(self.broker.data))
        for name in (b"\xff\xfe\xfd", b"ab\xc3", b"\0\0"):
            with self.subTest(name):
                ((code, _),) = wire.create_topics(self.connection, (name, 1, 1))
                self.assertEqual(code, INVALID_TOPIC)
        self.assertEqual(set(os.listdir(self.broker.data)), before)

    def test_A19_trailing_bytes_are_ignored(self):
        answer = self.connection.ask(wire.METADATA, 8, wire.metadata_body([]) + b"more of it")
        self.assertEqual(answer.i32(), 0)

    def test_A20_pipelined_and_never_read(self):
        """The broker stops reading; what it holds for the connection is bounded."""
        topic = self.topic()
        self.assertEqual(self.produce_code(topic, batch(values=[bytes(400_000)])), 0)
        one = request(wire.FETCH, 12, wire.fetch_body(12, [{"topic": topic}]))
        self.connection.socket.settimeout(2)
        sent = 0
        with self.assertRaises(TimeoutError):
            while sent < 200_000:
                self.connection.socket.sendall(one * 100)
                sent += 100
        self.assertLess(self.broker.memory("VmHWM") - self.before, 64 * MB)
        self.connection.socket.settimeout(20)
        for _ in range(50):
            answer = In(self.connection.response(), True)
            self.assertEqual(answer.i32(), 1)

    def test_A21_client_software_name(self):
        for name, version in [("bad name!", "1.0"), ("", "1.0"), ("fine", "no good?"), ("-x", "1")]:
            with self.subTest(name=name, version=version):
                body = Out(True).string(name).string(version).tags().bytes()
                answer = self.connection.ask(wire.API_VERSIONS, 3, body)
                self.assertEqual(answer.i16(), INVALID_REQUEST)

    def test_A22_correlation_ids_are_echoed(self):
        for correlation in (-7, -7, 0, INT_MIN, INT_MAX):
            self.connection.ask(wire.METADATA, 8, wire.metadata_body([]), correlation)


class Records(BadInput):

    def test_B1_acks(self):
        topic = self.topic(2)
        for acks in (2, -2, 32767):
            with self.subTest(acks):
                body = wire.produce_body(8, [(topic, [(0, batch()), (1, batch())])], acks)
                answer = wire.read_produce(8, self.connection.ask(wire.PRODUCE, 8, body))
                self.assertEqual([(one[1], one[2]) for one in answer],
                                 [(0, INVALID_ACKS), (1, INVALID_ACKS)])
        self.assertEqual(self.log_end(topic), 0)

    def test_B2_error_without_an_answer(self):
        topic = self.topic()
        rows = [("unknown topic", "none-such", batch()), ("bad CRC", topic, batch(crc=1)),
                ("too large", topic, batch(values=[bytes(1_100_000)]))]
        self.each_closed([
            (what, request(wire.PRODUCE, 8, wire.produce_body(8, [(name, [(0, data)])], 0)), "acks")
            for what, name, data in rows
        ])
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
                    ((code, _, _),) = wire.list_offsets(self.connection, passed, timestamp)
                    self.assertIn(code, (0, CORRUPT, INVALID_RECORD))

    def test_B14_bombs(self):
        self.allowed = ORDINARY + 128 * MB
        for codec, make in BOMBS.items():
            with self.subTest(codec):
                size = 21 * MB if codec == "snappy" else 1 << 30
                config = {"compression_type": "gzip" if codec == "zstd" else "zstd"}
                if codec == "snappy":  # at most 21 to 1, so the cap comes down to it
                    config["max_message_bytes"] = "1048588"
                    size = 40 * MB
                    config["max_message_bytes"] = "2200000"
                payload = make(size)
                if codec == "snappy":  # a length of a gigabyte up front, that is not there
                    payload = wire.uvarint(1 << 30) + payload[4:]
                if codec == "lz4" or codec == "gzip":
                    config["max_message_bytes"] = "8000000"
                data = batch([record()], codec=codec, payload=payload)
                topic = self.topic(**config)
                self.each_code(INVALID_RECORD, [(codec, data)], topic)
                passed = self.topic(max_message_bytes="8000000")
                self.assertEqual(self.produce_code(passed, data), 0)
                ((code, _, _),) = wire.list_offsets(self.connection, passed, 0)
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
                found = wire.list_offsets(self.connection, topic, -3)
                self.assertEqual(found, [(0, now + 40, 1)])
                packed = self.topic()
                data = batch(records, timestamp=now, max_timestamp=lie, codec="gzip",
                             payload=batches.gzipped(b"".join(records)))
                self.assertEqual(self.produce_code(packed, data), 0)
                _, _, ((_, _, _, stored),) = self.fetch_on(self.connection, [{"topic": packed}])
                self.assertEqual(struct.unpack_from(">qq", stored, 27), (now, lie))

    def test_B23_producer_without_sequence(self):
        id_, epoch = wire.new_producer_id(self.connection)
        self.each_code(INVALID_RECORD, [
            ("sequence -1", batch(producer=(id_, epoch, -1))),
        ], self.topic())

    def test_B24_sequences(self):
        topic = self.topic()
        id_, epoch = wire.new_producer_id(self.connection)

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
        id_, epoch = wire.new_producer_id(self.connection)
        for base, (sequence, count) in enumerate([(INT_MAX - 1, 1), (INT_MAX, 1), (0, 1), (1, 1)]):
            ((_, _, code, got, _, _),) = self.produce(
                topic, batch([record()] * count, producer=(id_, epoch, sequence)))
            self.assertEqual((code, got), (0, base), f"sequence {sequence}")

    def test_B29_one_partition_twice(self):
        topic = self.topic(2)
        body = wire.produce_body(8, [(topic, [(0, batch()), (0, batch()), (1, batch())])])
        answer = wire.read_produce(8, self.connection.ask(wire.PRODUCE, 8, body))
        self.assertEqual([one[2] for one in answer], [INVALID_REQUEST, INVALID_REQUEST, 0])
        apart = wire.produce_body(8, [(topic, [(0, batch())]), (topic, [(0, batch())])])
        answer = wire.read_produce(8, self.connection.ask(wire.PRODUCE, 8, apart))
        self.assertEqual([one[2] for one in answer], [INVALID_REQUEST, INVALID_REQUEST])
        self.assertEqual(self.log_end(topic), 0)

    def test_B30_a_hundred_thousand_topics(self):
        count, data = 100_000, batch()
        body = wire.produce_body(8, [(b"x%06d" % n, [(0, data)]) for n in range(count)])
        self.allowed = 4 * len(body) + ORDINARY
        answer = wire.read_produce(8, self.connection.ask(wire.PRODUCE, 8, body))
        self.assertEqual([one[0] for one in answer], ["x%06d" % n for n in range(count)])
        self.assertEqual({one[1:4] for one in answer}, {(0, UNKNOWN_TOPIC, -1)})


class Reading(BadInput):

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
            ((code, _, offset),) = wire.list_offsets(self.connection, topic, -2)
            self.assertEqual(code, 0)
            return offset

        wait_until("retention takes the first segment", start, 20)
        self.assertEqual(self.fetch_code(topic=topic, offset=0), OUT_OF_RANGE)

    def test_C2_leader_epochs(self):
        _, _, (epoch,) = wire.describe_topic(self.connection, "kept")
        self.assertGreaterEqual(epoch, 0)
        self.assertEqual(self.fetch_code(topic="kept", epoch=epoch), 0)
        self.assertEqual(self.fetch_code(topic="kept", epoch=epoch + 1), UNKNOWN_EPOCH)
        self.assertEqual(self.fetch_code(topic="kept", epoch=INT_MAX), UNKNOWN_EPOCH)
        if epoch > 0:
            self.assertEqual(self.fetch_code(topic="kept", epoch=epoch - 1), FENCED_EPOCH)

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
        _, topic_id, _ = wire.describe_topic(self.connection, "kept")
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
        body = wire.fetch_body(12, [{"topic": "kept", "offset": 10}], INT_MAX, INT_MAX)
        for _ in range(50):
            with Connection(self.broker.port) as connection:
                for correlation in range(100):
                    connection.send(request(wire.FETCH, 12, body, correlation))
        self.assertEqual(wire.describe_topic(self.connection, "kept")[0], 0)

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
        _, old, _ = wire.describe_topic(self.connection, topic)
        self.assertEqual(self.fetch_code(13, topic_id=old), 0)
        self.assertEqual(wire.delete_topics(self.connection, (topic, wire.NO_ID)), [0])
        self.assertEqual(wire.create_topics(self.connection, (topic, 1, 1)), [(0, None)])
        # The files of the old topic may still be leaving: clients retry LEADER_NOT_AVAILABLE.
        code, deadline = 5, time.monotonic() + 10
        while code == 5 and time.monotonic() < deadline:
            code = self.produce_code(topic, batch(values=[b"new"]))
        self.assertEqual(code, 0)
        _, new, _ = wire.describe_topic(self.connection, topic)
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
        code, session, _ = wire.read_fetch(12, self.connection.ask(wire.FETCH, 12, body))
        self.assertTrue(code == INVALID_REQUEST or (code, session) == (0, 0), (code, session))

    def test_C10_list_offsets(self):
        self.assertEqual([one[0] for one in wire.list_offsets(self.connection, "kept", -99)],
                         [UNSUPPORTED])
        twice = wire.list_offsets(self.connection, "kept", -1, -2)
        self.assertEqual({one[0] for one in twice}, {INVALID_REQUEST})

    def test_C12_topic_names(self):
        outside = sorted(os.listdir(self.broker.directory))
        inside = set(os.listdir(self.broker.data))
        self.assertEqual(wire.create_topics(self.connection, ("a.b", 1, 1)), [(0, None)])
        for name in ("../x", "", ".", "..", "/etc/x", "x" * 250, "a_b", "a b", "a\nb", "x\0y"):
            with self.subTest(name):
                ((code, words),) = wire.create_topics(self.connection, (name, 1, 1))
                self.assertEqual(code, INVALID_TOPIC)
                self.assertTrue(words)
        self.assertEqual(wire.create_topics(self.connection, ("y" * 249, 1, 1)), [(0, None)])
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
                ((code, words),) = wire.create_topics(self.connection, topic)
                self.assertEqual(code, expected, words)
                self.assertEqual(wire.describe_topic(self.connection, topic[0])[0], UNKNOWN_TOPIC)

    def test_C14_topics_twice_and_too_many(self):
        name = next(self.names)
        twice = wire.create_topics(self.connection, (name, 1, 1), (name, 1, 1))
        self.assertEqual({code for code, _ in twice}, {INVALID_REQUEST})
        self.assertEqual(wire.describe_topic(self.connection, name)[0], UNKNOWN_TOPIC)
        ((code, words),) = wire.create_topics(self.connection, ("kept", 1, 1))
        self.assertEqual((code, words), (EXISTS, "Topic 'kept' already exists."))
        large = next(self.names)
        self.assertEqual(wire.create_topics(self.connection, (large, 10_001, 1)), [(0, None)])
        ((code, words),) = wire.create_topics(self.connection, (next(self.names), 5_000, 1))
        self.assertEqual(code, BAD_PARTITIONS)
        self.assertRegex(words, "5000 .* limit")
        self.assertEqual(wire.delete_topics(self.connection, (large, wire.NO_ID)), [0])

    def test_C15_delete_by_both_or_neither(self):
        _, topic_id, _ = wire.describe_topic(self.connection, "kept")
        for what in [("kept", topic_id), (None, wire.NO_ID)]:
            with self.subTest(what):
                self.assertEqual(wire.delete_topics(self.connection, what), [INVALID_REQUEST])
        self.assertEqual(wire.delete_topics(self.connection, (None, bytes(15) + b"\x09")),
                         [UNKNOWN_TOPIC_ID])
        self.assertEqual(wire.describe_topic(self.connection, "kept")[0], 0)

    def test_C17_epochs_that_are_none(self):
        for epoch in (-5, -1, INT_MIN):
            with self.subTest(epoch):
                self.assertEqual(wire.end_of_epoch(self.connection, "kept", epoch), (0, -1, -1))


del BadInput  # only what is derived from it has rows

if __name__ == "__main__":
    unittest.main()
