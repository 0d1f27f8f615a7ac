"""The hashes that clients place keyed records by, written once more to check them against."""
import zlib


def consistent_random(key, partitions):
    """librdkafka's default for a key that is not empty."""
    return zlib.crc32(key) % partitions


def murmur2(data):
    """The 32-bit variant of Kafka's clients, unsigned."""
    mask, multiplier = 0xFFFFFFFF, 0x5BD1E995
    value = 0x9747B28C ^ len(data)
    whole = len(data) // 4 * 4
    for at in range(0, whole, 4):
        word = int.from_bytes(data[at:at + 4], "little") * multiplier & mask
        word = (word ^ word >> 24) * multiplier & mask
        value = (value * multiplier & mask) ^ word
    if len(data) > whole:
        value ^= int.from_bytes(data[whole:], "little")
        value = value * multiplier & mask
    value = (value ^ value >> 13) * multiplier & mask
    return value ^ value >> 15


def by_key(key, partitions):
    """Where Java clients put a record with this key."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def java_abs(unsigned):
    """Math.abs of the 32 bits as Java's int."""
    signed = unsigned - (1 << 32) if unsigned >> 31 else unsigned
    return abs(signed)


def java_hash(text):
    """String.hashCode, as 32 unsigned bits."""
    value = 0
    for character in text:
        value = (31 * value + ord(character)) & 0xFFFFFFFF
    return value
