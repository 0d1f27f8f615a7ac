"""Record batches as bytes, right or wrong in one chosen place, and things to inflate."""
import struct
import time
import zlib

from segments import CODECS
from wire import uvarint, varint

NOW = object()


def _table():
    table = []
    for number in range(256):
        for _ in range(8):
            number = number >> 1 ^ (0x82F63B78 if number & 1 else 0)
        table.append(number)
    return table


TABLE = _table()


def crc32c(data):
    value = 0xFFFFFFFF
    for byte in data:
        value = TABLE[(value ^ byte) & 0xFF] ^ value >> 8
    return value ^ 0xFFFFFFFF


def nullable(data):
    return varint(-1) if data is None else varint(len(data)) + data


def record(delta=0, key=None, value=b"v", headers=(), timestamp_delta=0, length=None,
           header_count=None, tail=b""):
    body = b"\0" + varint(timestamp_delta) + varint(delta) + nullable(key) + nullable(value)
    body += varint(len(headers) if header_count is None else header_count)
    for name, content in headers:
        body += varint(name) if isinstance(name, int) else varint(len(name)) + name
        body += nullable(content)
    body += tail
    return varint(len(body) if length is None else length) + body


def batch(records=None, count=None, codec="none", base_offset=0, magic=2, attributes=0,
          last_delta=None, timestamp=NOW, max_timestamp=None, producer=(-1, -1, -1), length=None,
          crc=None, payload=None, values=None):
    """One batch. What is not given is right; `payload` replaces the records' bytes."""
    if values is not None:
        records = [record(number, value=value) for number, value in enumerate(values)]
    records = [record()] if records is None else records
    timestamp = int(time.time() * 1000) if timestamp is NOW else timestamp
    payload = b"".join(records) if payload is None else payload
    attributes |= CODECS.index(codec)
    count = len(records) if count is None else count
    body = struct.pack(
        ">hiqqqhii", attributes, len(records) - 1 if last_delta is None else last_delta, timestamp,
        timestamp if max_timestamp is None else max_timestamp, *producer, count,
    ) + payload
    crc = crc32c(body) if crc is None else crc
    rest = struct.pack(">ibI", -1, magic, crc) + body
    return struct.pack(">qi", base_offset, len(rest) if length is None else length) + rest


def gzipped(data):
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush()


# Bombs: what each inflates to, `size` bytes of zeros, is not what anybody should make room for.

def gzip_bomb(size):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    start = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return start + again * (size // (1 << 20) - 1) + packer.flush()


def snappy_bomb(size):
    """A literal zero, and copies of 64 bytes from one byte back; the length up front is true."""
    copies = (size - 1) // 64
    return uvarint(copies * 64 + 1) + b"\0\0" + b"\xfe\x01\x00" * copies


def xxh32(data):
    """Of fewer than 16 bytes, seed 0: what an LZ4 frame's header check needs."""
    mask, value = 0xFFFFFFFF, (374761393 + len(data)) & 0xFFFFFFFF
    for byte in data:
        value = (value + byte * 374761393) & mask
        value = ((value << 11 | value >> 21) & mask) * 2654435761 & mask
    value = (value ^ value >> 15) * 2246822519 & mask
    value = (value ^ value >> 13) * 3266489917 & mask
    return value ^ value >> 16


def lz4_bomb(size):
    """Blocks of 4 MiB, each a zero and one match as long as the block."""
    descriptor = b"\x60\x70"
    frame = b"\x04\x22\x4d\x18" + descriptor + bytes([xxh32(descriptor) >> 8 & 0xFF])
    block_size = (4 << 20) - 64
    rest = block_size - 1 - 5 - 4 - 15
    block = b"\x1f\0\x01\x00" + b"\xff" * (rest // 255) + bytes([rest % 255]) + b"\x50" + bytes(5)
    frame += (struct.pack("<I", len(block)) + block) * (size // block_size)
    return frame + bytes(4)


def zstd_bomb(size):
    """Blocks that say: 128 KiB of this one byte."""
    block = struct.pack("<I", (128 << 10) << 3 | 1 << 1)[:3] + b"\0"
    last = struct.pack("<I", (128 << 10) << 3 | 1 << 1 | 1)[:3] + b"\0"
    return b"\x28\xb5\x2f\xfd" + b"\x00\x58" + block * (size // (128 << 10) - 1) + last


BOMBS = {"gzip": gzip_bomb, "snappy": snappy_bomb, "lz4": lz4_bomb, "zstd": zstd_bomb}
