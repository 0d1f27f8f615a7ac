"""Bad input, rows A: frames and headers."""
import os
import socket
import struct
import threading
import time
import unittest

import bad_input
import messages
import wire
from bad_input import (
    INT_MAX, INT_MIN, INVALID_REQUEST, INVALID_TOPIC, MB, ORDINARY, UNKNOWN_TOPIC, UNSUPPORTED,
)
from batches import batch
from wire import Connection, In, Out, framed, header, request


def metadata(names=b"\0\0\0\0\0\0\0", version=8):
    return header(wire.METADATA, version) + names


class Framing(bad_input.BadInput):

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
        whole = request(wire.CREATE_TOPICS, 4, messages.create_topics_body([(name, 1, 1)]))
        for end in (4, 10, len(whole) // 2, len(whole) - 1):
            with self.subTest(end), Connection(self.broker.port) as connection:
                connection.send(whole[:end])
                connection.socket.shutdown(socket.SHUT_WR)
                self.assertTrue(connection.is_closed())
        self.assertEqual(messages.describe_topic(self.connection, name)[0], UNKNOWN_TOPIC)

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
        fetch = messages.fetch_body(12, [])[:-1]
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
                ((code, _),) = messages.create_topics(self.connection, (name, 1, 1))
                self.assertEqual(code, INVALID_TOPIC)
        self.assertEqual(set(os.listdir(self.broker.data)), before)

    def test_A19_trailing_bytes_are_ignored(self):
        answer = self.connection.ask(wire.METADATA, 8, messages.metadata_body([]) + b"more of it")
        self.assertEqual(answer.i32(), 0)

    def test_A20_pipelined_and_never_read(self):
        """The broker stops reading; what it holds for the connection is bounded."""
        topic = self.topic()
        self.assertEqual(self.produce_code(topic, batch(values=[bytes(400_000)])), 0)
        one = request(wire.FETCH, 12, messages.fetch_body(12, [{"topic": topic}]))
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
            self.connection.ask(wire.METADATA, 8, messages.metadata_body([]), correlation)


if __name__ == "__main__":
    unittest.main()
