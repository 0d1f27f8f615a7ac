"""A few bytes of the protocol, for what no client times finely enough."""
import contextlib
import socket
import struct
import sys
import time

from confluent_kafka.admin import AdminClient


def request(sock, key, version, body):
    frame = struct.pack(">hhih", key, version, 7, 5) + b"bench" + body
    sock.sendall(struct.pack(">i", len(frame)) + frame)
    need, data = struct.unpack(">i", sock.recv(4, socket.MSG_WAITALL))[0], b""
    while len(data) < need:
        data += sock.recv(need - len(data))
    return data[4:]


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 & -(crc & 1))
    return crc ^ 0xFFFFFFFF


def one_record_batch():
    now = int(time.time() * 1000)
    record = (
        bytes([0, 0, 0, 1, 2]) + b"x" + bytes([0])
    )  # attributes, deltas 0, null key, value "x", no headers
    record = bytes([len(record) * 2]) + record
    tail = struct.pack(">hiqqqhii", 0, 0, now, now, -1, -1, -1, 1) + record
    return struct.pack(">qiibI", 0, len(tail) + 9, -1, 2, crc32c(tail)) + tail


def first_ack(broker, topic, deadline):
    name, batch = topic.encode(), one_record_batch()
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, struct.error):
            with socket.create_connection(("127.0.0.1", broker.port), 1) as sock:
                sock.settimeout(5)
                while time.monotonic() < deadline:
                    request(
                        sock, 3, 4, struct.pack(">ih", 1, len(name)) + name + b"\x01"
                    )  # Metadata v4, auto-create allowed
                    answer = request(
                        sock,
                        0,
                        3,
                        struct.pack(">hhiih", -1, -1, 5000, 1, len(name))
                        + name
                        + struct.pack(">iii", 1, 0, len(batch))
                        + batch,
                    )  # Produce v3
                    if struct.unpack_from(">h", answer, 4 + 2 + len(name) + 4 + 4)[0] == 0:
                        return True
                    time.sleep(0.001)
        time.sleep(0.001)
    return False


def wait_metadata(broker, topic=None):
    """How many partitions of the topic are led (0: no such topic), once the broker answers."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(Exception):
            found = AdminClient(broker.client_settings()).list_topics(timeout=20)
            if found.brokers:
                return (
                    sum(p.leader >= 0 for p in found.topics[topic].partitions.values())
                    if topic in found.topics
                    else 0
                )
        time.sleep(0.02)
    sys.exit(f"{broker.name}: no metadata")
