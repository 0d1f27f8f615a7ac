"""Requests of a few APIs as bytes, and their answers read: enough to send what no client would."""
from wire import (
    CREATE_TOPICS, DELETE_RECORDS, DELETE_TOPICS, EPOCHS, FETCH, INIT_PRODUCER_ID, LIST_OFFSETS,
    METADATA, NO_ID, PRODUCE, In, Out, is_flexible,
)


def produce_body(version, topics, acks=-1, transactional_id=None):
    """`topics`: [(name, [(partition, record bytes)])]."""
    out = Out(is_flexible(PRODUCE, version)).string(transactional_id).i16(acks).i32(30_000)

    def partition(out, item):
        out.i32(item[0]).blob(item[1]).tags()

    def topic(out, item):
        out.string(item[0]).array(item[1], partition).tags()

    return out.array(topics, topic).tags().bytes()


def read_produce(version, answer):
    """[(topic, partition, error code, base offset, [(record, words)])] of versions 3 to 12."""
    found = []

    def record(answer):
        pair = answer.i32(), answer.string()
        answer.tags()
        return pair

    def partition(answer):
        index, code, base, _ = answer.unpack("ihqq")
        answer.raw(8 if version >= 5 else 0)
        records = answer.array(record) if version >= 8 else []
        words = answer.string() if version >= 8 else None
        answer.tags()
        return index, code, base, records, words

    def topic(answer):
        name = answer.string()
        found.extend((name, *one) for one in answer.array(partition))
        answer.tags()

    answer.array(topic)
    return found


def fetch_body(version, partitions, wait_ms=0, min_bytes=0, max_bytes=1 << 20, session=(0, -1),
               forgotten=()):
    """`partitions`: dicts with topic or topic_id, and partition, offset, epoch, fetched_epoch."""
    out = Out(is_flexible(FETCH, version))
    if version < 15:
        out.i32(-1)
    out.pack("iiib", wait_ms, min_bytes, max_bytes, 0).pack("ii", *session)

    def name(out, item):
        out.raw(item["topic_id"]) if version >= 13 else out.string(item["topic"])

    def partition(out, item):
        out.pack("iiq", item.get("partition", 0), item.get("epoch", -1), item.get("offset", 0))
        if version >= 12:
            out.i32(item.get("fetched_epoch", -1))
        out.pack("qi", -1, item.get("max_bytes", 1 << 20)).tags()

    def topic(out, item):
        name(out, item)
        out.array(item.get("partitions", [item]), partition).tags()

    def forget(out, item):
        name(out, item)
        out.array([item.get("partition", 0)], Out.i32).tags()

    out.array(partitions, topic).array(list(forgotten), forget).string("")
    return out.tags().bytes()


def read_fetch(version, answer):
    """(error code, session id, [(partition, error code, high watermark, records)])."""
    answer.i32()
    code, session = answer.i16(), answer.i32()
    found = []

    def partition(answer):
        index, code, high, _, _ = answer.unpack("ihqqq")
        answer.array(lambda inner: (inner.raw(16), inner.tags()))
        answer.i32()
        records = answer.blob()
        answer.tags()
        return index, code, high, records

    def topic(answer):
        answer.raw(16) if version >= 13 else answer.string()
        found.extend(answer.array(partition))
        answer.tags()

    answer.array(topic)
    return code, session, found


def metadata_body(names, create=False):
    """Of version 8."""
    return Out().array(names, Out.string).pack("bbb", create, False, False).bytes()


def describe_topic(connection, name):
    """(error code, topic id, leader epoch of each partition) by Metadata 12."""
    def wanted(out, item):
        out.raw(NO_ID).string(item).tags()

    body = Out(True).array([name], wanted).pack("bb", False, False).tags().bytes()
    answer = connection.ask(METADATA, 12, body)
    answer.i32()

    def broker(answer):
        return answer.i32(), answer.string(), answer.i32(), answer.string(), answer.tags()

    def partition(answer):
        _, index, _, epoch = answer.unpack("hiii")
        for _ in range(3):
            answer.array(In.i32)
        answer.tags()
        return index, epoch

    def topic(answer):
        code, _, topic_id, _ = answer.i16(), answer.string(), answer.raw(16), answer.i8()
        epochs = answer.array(partition)
        answer.raw(4)
        answer.tags()
        return code, topic_id, [epoch for _, epoch in sorted(epochs)]

    answer.array(broker)
    answer.string()
    answer.i32()
    (found,) = answer.array(topic)
    return found


def create_topics_body(topics, version=4):
    """`topics`: (name, partitions, factor, {partition: replicas}, {config: value})."""
    out = Out(is_flexible(CREATE_TOPICS, version))

    def assignment(out, item):
        out.i32(item[0]).array(item[1], Out.i32).tags()

    def config(out, item):
        out.string(item[0]).string(item[1]).tags()

    def topic(out, item):
        name, partitions, factor, assignments, configs = (*item, [], {})[:5]
        out.string(name).i32(partitions).i16(factor).array(list(assignments), assignment)
        out.array(list(configs.items()), config).tags()

    return out.array(topics, topic).i32(30_000).i8(0).tags().bytes()


def create_topics(connection, *topics):
    """[(error code, words)] in the answer's order, by version 4."""
    answer = connection.ask(CREATE_TOPICS, 4, create_topics_body(topics))
    answer.i32()
    return answer.array(lambda inner: (inner.raw(inner.i16()), inner.i16(), inner.string())[1:])


def delete_topics(connection, *topics):
    """Error codes; `topics`: (name, id), by version 6."""
    def topic(out, item):
        out.string(item[0]).raw(item[1]).tags()

    body = Out(True).array(topics, topic).i32(30_000).tags().bytes()
    answer = connection.ask(DELETE_TOPICS, 6, body)
    answer.i32()

    def result(answer):
        answer.string()
        answer.raw(16)
        code = answer.i16()
        answer.string()
        answer.tags()
        return code

    return answer.array(result)


def list_offsets(connection, topic, *timestamps, partition=0):
    """[(error code, timestamp, offset)] by version 7."""
    def one(out, timestamp):
        out.pack("iiq", partition, -1, timestamp).tags()

    def topics(out, name):
        out.string(name).array(timestamps, one).tags()

    body = Out(True).pack("ib", -1, 0).array([topic], topics).tags().bytes()
    answer = connection.ask(LIST_OFFSETS, 7, body)
    answer.i32()

    def found(answer):
        _, code, timestamp, offset, _ = answer.unpack("ihqqi")
        answer.tags()
        return code, timestamp, offset

    ((_, results, _),) = answer.array(
        lambda inner: (inner.string(), inner.array(found), inner.tags())
    )
    return results


def end_of_epoch(connection, topic, epoch, partition=0):
    """(error code, epoch, end offset) by OffsetForLeaderEpoch 3."""
    def one(out, _):
        out.pack("iii", partition, -1, epoch)

    body = Out().i32(-1).array([topic], lambda out, name: out.string(name).array([0], one)).bytes()
    answer = connection.ask(EPOCHS, 3, body)
    answer.i32()
    ((_, ((code, _, found, end),)),) = answer.array(
        lambda inner: (inner.string(), inner.array(lambda deep: deep.unpack("hiiq")))
    )
    return code, found, end


def new_producer_id(connection):
    answer = connection.ask(INIT_PRODUCER_ID, 0, Out().string(None).i32(60_000).bytes())
    answer.i32()
    assert answer.i16() == 0
    return answer.unpack("qh")


def delete_records_body(version, topic, offsets):
    """`offsets`: [(partition, offset)]; -1 is the high watermark."""
    out = Out(is_flexible(DELETE_RECORDS, version))

    def partition(out, item):
        out.i32(item[0]).i64(item[1]).tags()

    def whole(out, name):
        out.string(name).array(offsets, partition).tags()

    return out.array([topic], whole).i32(30_000).tags().bytes()


def read_delete_records(answer):
    """[(topic, partition, low watermark, error code)]."""
    found = []

    def partition(answer):
        item = answer.unpack("iqh")
        answer.tags()
        return item

    def topic(answer):
        name = answer.string()
        found.extend((name, *one) for one in answer.array(partition))
        answer.tags()

    answer.i32()
    answer.array(topic)
    return found


def describe_producers_body(topic, partitions):
    out = Out(True)

    def whole(out, name):
        out.string(name).array(partitions, Out.i32).tags()

    return out.array([topic], whole).tags().bytes()


def read_describe_producers(answer):
    """[(partition, error code, [(producer id, epoch, last sequence, timestamp, coordinator epoch,
    start of the open transaction)])]."""
    found = []

    def producer(answer):
        item = answer.unpack("qiiqiq")
        answer.tags()
        return item

    def partition(answer):
        index, code = answer.unpack("ih")
        answer.string()
        found.append((index, code, answer.array(producer)))
        answer.tags()

    def topic(answer):
        answer.string()
        answer.array(partition)
        answer.tags()

    answer.i32()
    answer.array(topic)
    return found
