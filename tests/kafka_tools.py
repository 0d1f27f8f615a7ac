"""Apache Kafka's tools and ours, side by side.

`java` runs the tools of Apache Kafka, and the programs of java/, all in one JVM
(java/ToolRunner.java); `our_tool` runs ours through the scripts of bin/. Both answer a `Run`.
Kafka's jars are those of its release from Maven Central, where KAFKA_JARS says, else where
bench/setup puts them, too; they are fetched where they are not there yet.
"""
import atexit
import base64
import dataclasses
import functools
import hashlib
import os
import pathlib
import re
import shutil
import subprocess

import broker

HERE = pathlib.Path(__file__).resolve().parent
BIN = HERE.parent / "bin"
CACHE = os.environ.get("CACHE", "~/.cache/partita-bench")
JARS = pathlib.Path(os.environ.get("KAFKA_JARS", f"{CACHE}/kafka")).expanduser()
# One short run after another: no time for the optimising compiler.
JVM = ["java", "-Xmx512M", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]
CLASSES = {
    "kafka-topics": "org.apache.kafka.tools.TopicCommand",
    "kafka-console-producer": "org.apache.kafka.tools.ConsoleProducer",
    "kafka-console-consumer": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "kafka-storage": "kafka.tools.StorageTool",
    "kafka-dump-log": "org.apache.kafka.tools.DumpLogSegments",
    "kafka-consumer-groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    "kafka-groups": "org.apache.kafka.tools.GroupsCommand",
    "kafka-get-offsets": "org.apache.kafka.tools.GetOffsetShell",
    "kafka-delete-records": "org.apache.kafka.tools.DeleteRecordsCommand",
    "kafka-configs": "kafka.admin.ConfigCommand",
    "kafka-transactions": "org.apache.kafka.tools.TransactionsCommand",
}
# What logging libraries say of themselves, advertisements, the trace below an exception's words.
NOISE = re.compile(
    r"^(SLF4J: .*|\tat .*|\t\.\.\. \d+ more|Caused by: .*|The consumer rebalance protocol .*)\n",
    re.M)


def missing():
    """Why these tests cannot run here; nothing where they can."""
    return None if shutil.which("javac") else "no Java compiler"


def jars():
    """The folder of the jars."""
    if not (JARS / "kafka-tools-4.3.1.jar").exists():
        JARS.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["mvn", "-q", "-B", "-f", broker.ROOT / "bench/kafka/pom.xml",
             "dependency:copy-dependencies", f"-DoutputDirectory={JARS}"], check=True,
        )
    return JARS


def classes():
    """The folder of what java/*.java compiles to; made once for each state of them."""
    sources = sorted((HERE / "java").glob("*.java"))
    state = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    folder = broker.ROOT / "build/tests" / state
    if not folder.exists():
        making = folder.with_name(f"{state}.{os.getpid()}")
        subprocess.run(["javac", "-nowarn", "-d", making, "-cp", f"{jars()}/*", *sources],
                       check=True)
        making.rename(folder)
    return folder


@dataclasses.dataclass
class Run:
    code: int
    out: str
    err: str


class Java:
    """One JVM that runs one main method after the other."""

    def __init__(self):
        self.process = subprocess.Popen(
            [*JVM, "-cp", f"{classes()}:{jars()}/*", "ToolRunner"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )

    def run(self, name, arguments, text=b""):
        """`name`: of a script without its .sh, or of a class."""
        words = [CLASSES.get(name, name).encode(), text, *(str(a).encode() for a in arguments)]
        line = " ".join("=" + base64.b64encode(word).decode() for word in words)
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().decode().split()
        assert len(answer) == 3, f"the JVM ended: {answer}"
        out, err = (base64.b64decode(word[1:]).decode(errors="replace") for word in answer[1:])
        return Run(int(answer[0]), out, NOISE.sub("", err))

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


@functools.cache
def java():
    """The JVM of this process, for all tests."""
    machine = Java()
    atexit.register(machine.close)
    return machine


def our_tool(tool, arguments, text=b"", seconds=60, environment=None, cwd=None):
    environment = {**os.environ, "PARTITA": str(broker.binary()), **(environment or {})}
    done = subprocess.run(
        [str(BIN / f"{tool}.sh"), *arguments], input=text, capture_output=True, timeout=seconds,
        env=environment, cwd=cwd, check=False,
    )
    return Run(done.returncode, done.stdout.decode(errors="replace"),
               done.stderr.decode(errors="replace"))
