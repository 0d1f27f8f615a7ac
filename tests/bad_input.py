"""What no client sends: the case that its rows are tests of, in test_bad_*.py.

Rows are numbered as in the table of bad input that the broker is held to: A framing and headers,
B produce and records, C fetch, offsets and metadata, E groups and transactions. Each expects
Kafka's error code, or a closed connection with one line in the log that says why. After each row
the broker still serves an older connection, what was acknowledged at the start is read back byte
for byte, and its memory is below the row's bound.
"""
import messages
import wire
from batches import batch
from broker import BrokerCase, wait_until
from wire import Connection

MB = 1 << 20
# What a row may cost beside a frame of its own: buffers, caches, and what a sanitizer keeps back.
ORDINARY = 96 * MB
INT_MIN, INT_MAX = -(1 << 31), (1 << 31) - 1

CORRUPT, UNKNOWN_TOPIC, TOO_LARGE, INVALID_TOPIC, LIST_TOO_LARGE = 2, 3, 10, 17, 18
OUT_OF_RANGE, INVALID_ACKS, INVALID_TIMESTAMP, UNSUPPORTED = 1, 21, 32, 35
EXISTS, BAD_PARTITIONS, BAD_FACTOR, BAD_ASSIGNMENT, INVALID_REQUEST = 36, 37, 38, 39, 42
OUT_OF_ORDER, OLD_EPOCH, NO_SESSION, SESSION_EPOCH = 45, 47, 70, 71
FENCED_EPOCH, UNKNOWN_EPOCH, UNSUPPORTED_CODEC, INVALID_RECORD = 74, 75, 76, 87
UNKNOWN_TOPIC_ID, INCONSISTENT_TOPIC_ID, SESSION_TOPIC_ID = 100, 103, 106
METADATA_TOO_LARGE, NOT_LOADED, NO_COORDINATOR, NOT_COORDINATOR = 12, 14, 15, 16
OLD_GENERATION, NO_PROTOCOL, INVALID_GROUP, UNKNOWN_MEMBER, INVALID_SESSION = 22, 23, 24, 25, 26
REBALANCING, POLICY_VIOLATION, INVALID_STATE, WRONG_PRODUCER, INVALID_TIMEOUT = 27, 44, 48, 49, 50
CONCURRENT, OLD_COORDINATOR, NOT_AUTHORIZED, NOT_ATTEMPTED = 51, 52, 53, 55
NON_EMPTY_GROUP, NO_GROUP, MEMBER_ID_REQUIRED, GROUP_FULL, FENCED_INSTANCE = 68, 69, 79, 81, 82
FENCED_PRODUCER, FENCED_MEMBER, ABORTABLE, INVALID_PATTERN = 90, 110, 120, 128

KEPT = batch(values=[b"kept %d" % number for number in range(10)])


class BadInput(BrokerCase):
    settings = {
        "log.retention.check.interval.ms": 200, "max.partitions": 12_000, "shards": 1,
        "log.segment.delete.delay.ms": 100,
    }

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.names = iter(f"topic-{number}" for number in range(1 << 20))
        cls.witness = Connection(cls.broker.port)
        cls.addClassCleanup(cls.witness.close)
        assert messages.create_topics(cls.witness, ("kept", 1, 1)) == [(0, None)]
        cls.wait_for(cls.witness, "kept")
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
    def wait_for(connection, topic):
        """Until it has a leader; ours has one as soon as it is there."""
        wait_until("a leader", lambda: messages.list_offsets(connection, topic, -1)[0][0] == 0)

    @staticmethod
    def produce_on(connection, topic, *records, version=8, partition=0, acks=-1, id_=None):
        batches = [(partition, one) for one in records]
        body = messages.produce_body(version, [(topic, batches)], acks, id_)
        return messages.read_produce(version, connection.ask(wire.PRODUCE, version, body))

    @staticmethod
    def fetch_on(connection, partitions, version=12, **rest):
        body = messages.fetch_body(version, partitions, **rest)
        return messages.read_fetch(version, connection.ask(wire.FETCH, version, body))

    def topic(self, partitions=1, **config):
        name = next(self.names)
        given = {key.replace("_", "."): value for key, value in config.items()}
        created = messages.create_topics(self.connection, (name, partitions, 1, {}, given))
        self.assertEqual(created, [(0, None)])
        self.wait_for(self.connection, name)
        return name

    def produce(self, topic, *records, **rest):
        return self.produce_on(self.connection, topic, *records, **rest)

    def produce_code(self, topic, *records, **rest):
        """The one partition's code; with an error there is no base offset."""
        ((_, _, code, base, _, _),) = self.produce(topic, *records, **rest)
        self.assertEqual(base == -1, code != 0)
        return code

    def log_end(self, topic):
        (found,) = messages.list_offsets(self.connection, topic, -1)
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
