"""Kafka's primitive types, frames and headers as bytes, by hand; messages.py has the bodies.

An `Out` or `In` is flexible or not, as the message's version is: a flexible one has compact
lengths, and tags after every structure.
"""
import socket
import struct

PRODUCE, FETCH, LIST_OFFSETS, METADATA = 0, 1, 2, 3
OFFSET_COMMIT, OFFSET_FETCH, FIND_COORDINATOR, JOIN_GROUP, HEARTBEAT = 8, 9, 10, 11, 12
LEAVE_GROUP, SYNC_GROUP, DELETE_GROUPS, CONSUMER_HEARTBEAT = 13, 14, 42, 68
DESCRIBE_CONFIGS, OFFSET_DELETE = 32, 47
API_VERSIONS, CREATE_TOPICS, DELETE_TOPICS, INIT_PRODUCER_ID, EPOCHS = 18, 19, 20, 22, 23
DELETE_RECORDS, ADD_PARTITIONS, ADD_OFFSETS, END_TXN = 21, 24, 25, 26
WRITE_MARKERS, TXN_OFFSET_COMMIT, DESCRIBE_PRODUCERS = 27, 28, 61
FLEXIBLE_FROM = {
    PRODUCE: 9, FETCH: 12, LIST_OFFSETS: 6, METADATA: 9, API_VERSIONS: 3, CREATE_TOPICS: 5,
    DELETE_TOPICS: 4, INIT_PRODUCER_ID: 2, EPOCHS: 4, OFFSET_COMMIT: 8, OFFSET_FETCH: 6,
    DESCRIBE_CONFIGS: 4, FIND_COORDINATOR: 3, JOIN_GROUP: 6, HEARTBEAT: 4, LEAVE_GROUP: 4,
    SYNC_GROUP: 4, DELETE_GROUPS: 2, CONSUMER_HEARTBEAT: 0, DELETE_RECORDS: 2, ADD_PARTITIONS: 3,
    ADD_OFFSETS: 3, END_TXN: 3, WRITE_MARKERS: 1, TXN_OFFSET_COMMIT: 3,
    DESCRIBE_PRODUCERS: 0,
}
NO_ID = bytes(16)


def uvarint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def varint(value):
    """Zig-zag, as in records."""
    return uvarint(value << 1 if value >= 0 else (-value << 1) - 1)


class Out:

    def __init__(self, flexible=False):
        self.flexible, self.parts = flexible, []

    def raw(self, data):
        self.parts.append(data)
        return self

    def pack(self, form, *values):
        return self.raw(struct.pack(">" + form, *values))

    def i8(self, value):
        return self.pack("b", value)

    def i16(self, value):
        return self.pack("h", value)

    def i32(self, value):
        return self.pack("i", value)

    def i64(self, value):
        return self.pack("q", value)

    def length(self, value, form):
        """Of a string (form h), of bytes or an array (i); None is null."""
        if self.flexible:
            return self.raw(uvarint(0 if value is None else value + 1))
        return self.pack(form, -1 if value is None else value)

    def string(self, text):
        data = text.encode() if isinstance(text, str) else text
        self.length(None if data is None else len(data), "h")
        return self.raw(data or b"")

    def blob(self, data):
        self.length(None if data is None else len(data), "i")
        return self.raw(data or b"")

    def array(self, items, each):
        self.length(None if items is None else len(items), "i")
        for item in items or []:
            each(self, item)
        return self

    def tags(self, data=b"\0"):
        return self.raw(data) if self.flexible else self

    def bytes(self):
        return b"".join(self.parts)


class In:

    def __init__(self, data, flexible=False):
        self.data, self.at, self.flexible = data, 0, flexible

    def unpack(self, form):
        values = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return values[0] if len(values) == 1 else values

    def i8(self):
        return self.unpack("b")

    def i16(self):
        return self.unpack("h")

    def i32(self):
        return self.unpack("i")

    def i64(self):
        return self.unpack("q")

    def raw(self, count):
        self.at += count
        return self.data[self.at - count:self.at]

    def uvarint(self):
        value = shift = 0
        while True:
            byte = self.raw(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def length(self, form):
        return self.uvarint() - 1 if self.flexible else self.unpack(form)

    def blob(self):
        count = self.length("i")
        return None if count < 0 else self.raw(count)

    def string(self):
        count = self.length("h")
        return None if count < 0 else self.raw(count).decode()

    def array(self, each):
        count = self.length("i")
        return None if count < 0 else [each(self) for _ in range(count)]

    def tags(self):
        if self.flexible:
            for _ in range(self.uvarint()):
                self.uvarint()
                self.raw(self.uvarint())


def is_flexible(key, version):
    return version >= FLEXIBLE_FROM.get(key, 1 << 15)


def header(key, version, correlation=1, client="bad"):
    out = Out().pack("hhi", key, version, correlation).string(client)
    return out.raw(b"\0" if is_flexible(key, version) else b"").bytes()


def framed(payload):
    return struct.pack(">i", len(payload)) + payload


def request(key, version, body, correlation=1):
    return framed(header(key, version, correlation) + body)


class Connection:
    """A socket with the few calls that tests need. `ask` gives the body of the answer."""

    def __init__(self, port, seconds=30):
        self.socket = socket.create_connection(("127.0.0.1", port), seconds)
        self.peer = "127.0.0.1:%d" % self.socket.getsockname()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        """True if all of it went; the other end may have closed meanwhile."""
        try:
            self.socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def receive(self, count):
        data = bytearray()
        while len(data) < count:
            piece = self.socket.recv(min(count - len(data), 1 << 20))
            if not piece:
                raise ConnectionError(f"closed after {len(data)} of {count} bytes")
            data += piece
        return bytes(data)

    def is_closed(self):
        """Waits for the other end to close without having said anything."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def response(self):
        return self.receive(struct.unpack(">i", self.receive(4))[0])

    def ask(self, key, version, body, correlation=1):
        assert self.send(request(key, version, body, correlation)), "closed while sending"
        return self.answer(key, version, correlation)

    def answer(self, key, version, correlation=1):
        flexible = is_flexible(key, version)
        answer = In(self.response(), flexible)
        assert answer.i32() == correlation
        if flexible and key != API_VERSIONS:
            answer.tags()
        return answer
