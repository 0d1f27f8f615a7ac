"""Apache Kafka's tools and ours, side by side.

`JavaTools` runs the tools of Apache Kafka in one JVM (java/ToolRunner.java), `our_tool` runs ours
through the scripts of bin/. Both answer a `Run`. Kafka's jars are where KAFKA_JARS says, else where
bench/setup puts them.
"""
import base64
import dataclasses
import glob
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
CLASSES = {
    "kafka-topics": "org.apache.kafka.tools.TopicCommand",
    "kafka-console-producer": "org.apache.kafka.tools.ConsoleProducer",
    "kafka-console-consumer": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "kafka-storage": "kafka.tools.StorageTool",
    "kafka-dump-log": "org.apache.kafka.tools.DumpLogSegments",
}
# What logging libraries say of themselves, and the trace below an exception's words.
NOISE = re.compile(r"^(SLF4J: .*|\tat .*|\t\.\.\. \d+ more|Caused by: .*)\n", re.M)


def missing():
    """Why these tests cannot run here; nothing where they can."""
    if not shutil.which("javac"):
        return "no Java compiler"
    if not glob.glob(str(JARS / "kafka-tools-*.jar")):
        return f"no Kafka in {JARS}: bench/setup installs it"
    return None


@dataclasses.dataclass
class Run:
    code: int
    out: str
    err: str


class JavaTools:
    """One JVM that runs one tool after the other."""

    def __init__(self):
        self.process = subprocess.Popen(
            ["java", "-XX:TieredStopAtLevel=1", "-Xmx512m", "-cp", f"{JARS}/*",
             str(HERE / "java/ToolRunner.java")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )

    def run(self, tool, arguments, text=b""):
        words = [CLASSES[tool].encode(), text, *(a.encode() for a in arguments)]
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


def our_tool(tool, arguments, text=b"", seconds=60, environment=None, cwd=None):
    environment = {**os.environ, "PARTITA": str(broker.binary()), **(environment or {})}
    done = subprocess.run(
        [str(BIN / f"{tool}.sh"), *arguments], input=text, capture_output=True, timeout=seconds,
        env=environment, cwd=cwd, check=False,
    )
    return Run(done.returncode, done.stdout.decode(errors="replace"),
               done.stderr.decode(errors="replace"))
