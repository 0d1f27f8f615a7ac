"""What the programs of transactions do, in every language, and what those in Python share.

    PROGRAM ADDRESS TOPIC GROUP ID

TOPIC has three partitions. With the transactional id ID they write, flushed before each end:

1. committed-0 .. committed-8, to partition number % 3; committed;
2. aborted-0 .. aborted-8 in the same way; aborted;
3. with-offsets-0 .. 2, and offset 5 of TOPIC-in, partition 0, for GROUP; committed;
4. without-offsets-0 .. 2, and offset 9; aborted;
5. open-0 .. 2, and then a second producer with the same ID begins: it fences the first, whose end
   fails, and commits last-0 .. 2.

At last they read TOPIC, committed records only, up to the last ones. Output: `fenced ERROR`, and
`read PARTITION OFFSET VALUE` for each record. Where a client can send offsets only of what it has
consumed, it consumes them: TOPIC-in has nine records.
"""
COMMITTED, ABORTED, FIRST_OFFSET, SECOND_OFFSET = 9, 9, 5, 9


def say(*words):
    print(*words, flush=True)


def named(what, count=3):
    return [(number % 3, f"{what}-{number}") for number in range(count)]
