"""What stands in a partition's segments on disk, as far as headers tell (docs/formats)."""
import collections
import pathlib
import struct

CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
HEADER = struct.Struct(">qiibIhiqqqhii")  # a record batch up to its records, 61 bytes

Batch = collections.namedtuple(
    "Batch",
    "base_offset leader_epoch magic crc codec transactional control last_offset max_timestamp"
    " producer_id producer_epoch base_sequence records",
)


def batches(data, topic, partition=0):
    """The batches of a partition in order, from all its segments."""
    found = []
    for path in sorted((pathlib.Path(data) / f"{topic}-{partition}").glob("*.log")):
        found += parse(path.read_bytes())
    return found


def parse(content):
    """The batches in bytes; what a torn tail leaves behind the last whole one is left out."""
    found, at = [], 0
    while at + HEADER.size <= len(content):
        (base, length, epoch, magic, crc, attributes, last_delta, _, max_timestamp, producer,
         producer_epoch, sequence, records) = HEADER.unpack_from(content, at)
        if length < HEADER.size - 12 or at + 12 + length > len(content):
            break
        found.append(Batch(
            base, epoch, magic, crc, CODECS[attributes & 7], bool(attributes & 16),
            bool(attributes & 32), base + last_delta, max_timestamp, producer, producer_epoch,
            sequence, records,
        ))
        at += 12 + length
    return found


def codecs(data, topic, partition=0):
    """The codecs that the partition's batches are compressed with, without repetition."""
    return sorted({batch.codec for batch in batches(data, topic, partition)})
