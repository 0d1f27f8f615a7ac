"""What the programs that are members of a group have in common: arguments, output, and the end.

    PROGRAM ADDRESS TOPIC GROUP PROTOCOL NAME...

Each NAME is one member. Output: `owns NAME PARTITION...` whenever that has changed, `read NAME
PARTITION OFFSET VALUE` for each record, and `closed NAME` when a member has left. What was read is
committed before more is read. The end of standard input ends them all.
"""
import collections
import sys
import threading

SESSION_MS, HEARTBEAT_MS = 6000, 500
Arguments = collections.namedtuple("Arguments", "address topic group protocol names")

lock = threading.Lock()
stopping = threading.Event()


def say(*words):
    with lock:
        print(*words, flush=True)


def wait_for_end_of_input():
    sys.stdin.read()
    stopping.set()


def arguments():
    threading.Thread(target=wait_for_end_of_input, daemon=True).start()
    address, topic, group, protocol, *names = sys.argv[1:]
    return Arguments(address, topic, group, protocol, names)


class Owned:
    """Says what a member owns, when that changes."""

    def __init__(self, name):
        self.name, self.partitions = name, None

    def are(self, partitions):
        partitions = sorted(partitions)
        if partitions != self.partitions:
            self.partitions = partitions
            say("owns", self.name, *partitions)


def run(member):
    """Calls member(arguments, name) in a thread for each name."""
    given = arguments()
    threads = [threading.Thread(target=member, args=(given, name)) for name in given.names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
