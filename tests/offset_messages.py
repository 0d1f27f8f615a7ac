"""Requests about committed offsets as bytes, and their answers read: every version of them."""
from wire import DESCRIBE_CONFIGS, OFFSET_COMMIT, OFFSET_FETCH, Out, is_flexible

TOPIC_IDS_FROM = 10


def name_topic(out, version, topic):
    """A topic's name, or its id where the version has ids."""
    out.raw(topic) if version >= TOPIC_IDS_FROM else out.string(topic)


def read_topic(answer, version):
    return answer.raw(16) if version >= TOPIC_IDS_FROM else answer.string()


def commit_body(version, group, topics, generation=-1, member="", retention_ms=-1, timestamp=-1):
    """`topics`: [(name or id, [(partition, offset, metadata)])]."""
    out = Out(is_flexible(OFFSET_COMMIT, version)).string(group)
    out.i32(generation).string(member)
    if version >= 7:
        out.string(None)
    if 2 <= version <= 4:
        out.i64(retention_ms)

    def partition(out, item):
        index, offset, metadata = item
        out.i32(index).i64(offset)
        if version >= 6:
            out.i32(7)
        if version == 1:
            out.i64(timestamp)
        out.string(metadata).tags()

    def topic(out, item):
        name_topic(out, version, item[0])
        out.array(item[1], partition).tags()

    return out.array(topics, topic).tags().bytes()


def read_commit(version, answer):
    """[(topic, partition, error code)]."""
    found = []
    if version >= 3:
        answer.i32()

    def partition(answer):
        pair = answer.i32(), answer.i16()
        answer.tags()
        return pair

    def topic(answer):
        name = read_topic(answer, version)
        found.extend((name, *one) for one in answer.array(partition))
        answer.tags()

    answer.array(topic)
    return found


def fetch_offsets_body(version, groups, require_stable=False):
    """`groups`: [(group, [(name or id, [partition])] or None)]; one before version 8."""
    out = Out(is_flexible(OFFSET_FETCH, version))

    def topic(out, item):
        name_topic(out, version, item[0])
        out.array(item[1], Out.i32).tags()

    def group(out, item):
        out.string(item[0])
        if version >= 9:
            out.string(None).i32(-1)
        out.array(item[1], topic).tags()

    if version >= 8:
        out.array(groups, group)
    else:
        ((name, topics),) = groups
        out.string(name).array(topics, topic)
    if version >= 7:
        out.i8(require_stable)
    return out.tags().bytes()


def read_fetch_offsets(version, answer):
    """{group: (error code, [(topic, partition, offset, leader epoch, metadata, error code)])}."""
    if version >= 3:
        answer.i32()

    def partition(answer):
        index, offset = answer.i32(), answer.i64()
        epoch = answer.i32() if version >= 5 else -1
        one = index, offset, epoch, answer.string(), answer.i16()
        answer.tags()
        return one

    def topics(answer):
        found = []

        def topic(answer):
            name = read_topic(answer, version)
            found.extend((name, *one) for one in answer.array(partition))
            answer.tags()

        answer.array(topic)
        return found

    if version < 8:
        found = topics(answer)
        return {None: (answer.i16() if version >= 2 else 0, found)}
    groups = {}

    def group(answer):
        name, found = answer.string(), topics(answer)
        groups[name] = answer.i16(), found
        answer.tags()

    answer.array(group)
    return groups


def delete_offsets_body(group, topics):
    """`topics`: [(name, [partition])]."""
    def topic(out, item):
        out.string(item[0]).array(item[1], Out.i32)

    return Out().string(group).array(topics, topic).bytes()


def read_delete_offsets(answer):
    """(error code, [(topic, partition, error code)])."""
    code, found = answer.i16(), []
    answer.i32()

    def topic(answer):
        name = answer.string()
        found.extend((name, *one) for one in answer.array(lambda one: (one.i32(), one.i16())))

    answer.array(topic)
    return code, found


def describe_group_body(group, keys):
    """Of version 4; `keys`: the entries that are asked for, None for all."""
    def resource(out, item):
        out.i8(32).string(item).array(keys, Out.string).tags()

    out = Out(is_flexible(DESCRIBE_CONFIGS, 4)).array([group], resource)
    return out.pack("bb", False, False).tags().bytes()


def read_described(answer):
    """(error code, {entry: value}) of the only resource."""
    answer.i32()

    def synonym(answer):
        answer.string(), answer.string(), answer.i8(), answer.tags()

    def entry(answer):
        pair = answer.string(), answer.string()
        answer.unpack("bbb")
        answer.array(synonym)
        answer.i8(), answer.string(), answer.tags()
        return pair

    def resource(answer):
        code = answer.i16()
        answer.string(), answer.i8(), answer.string()
        entries = answer.array(entry)
        answer.tags()
        return code, dict(entries)

    (found,) = answer.array(resource)
    return found


