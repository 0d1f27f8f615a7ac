"""kafka-dump-log of Apache Kafka and ours on the same files."""
import pathlib
import re
import unittest

import broker
import kafka_tools
import tools_case
from tools_case import PRODUCE, TOPICS


class DumpLog(tools_case.ToolsCase):
    """What both print of files that Apache Kafka wrote, and of what the broker under test did."""

    @staticmethod
    def file_of_kafka(folder, name):
        source = pathlib.Path(__file__).resolve().parent.parent / "src" / folder / "testdata"
        return (source / name).read_bytes()

    def dump(self, *arguments, err="all"):
        self.compare("kafka-dump-log", *arguments, server=False, err=err)

    def test_files_of_kafka(self):
        place = broker.BrokerCase.temporary_directory(self)
        for topic in ("plain-0", "codecs-0", "txn-0", "idempotent-0", "appendtime-0",
                      "compacted-0"):
            (place / topic).mkdir()
            log = place / topic / ("0" * 20 + ".log")
            log.write_bytes(self.file_of_kafka("records", f"{topic}.{'0' * 20}.log"))
            for flags in ([], ["--deep-iteration"], ["--print-data-log"],
                          ["--print-data-log", "--skip-record-metadata"], ["--max-bytes", "900"]):
                self.dump("--files", str(log), *flags)
        for suffix in (".index", ".timeindex"):
            file = place / "codecs-0" / ("0" * 20 + suffix)
            file.write_bytes(self.file_of_kafka("storage", f"codecs-0.{'0' * 20}{suffix}"))
            self.dump("--files", str(file))
            self.dump("--files", str(file), "--index-sanity-check")
            self.dump("--files", str(file), "--verify-index-only")
        snapshot = place / ("0" * 18 + "54.snapshot")
        snapshot.write_bytes(self.file_of_kafka("storage", "txn-0." + snapshot.name))
        self.dump("--files", str(snapshot))

    def test_damaged_files(self):
        place = broker.BrokerCase.temporary_directory(self)
        whole = self.file_of_kafka("records", f"plain-0.{'0' * 20}.log")
        for name, contents in (("01", whole[:-7]), ("02", whole[:30]), ("03", b""),
                               ("04", whole[:70] + b"\xff" + whole[71:])):
            log = place / ("0" * 18 + name + ".log")
            log.write_bytes(contents)
            self.dump("--files", str(log))
        self.dump("--files", str(place / "what.ever"))
        self.dump("--files", str(place / "nosuch.log"), err="none")
        self.dump("--nosuch", err="first")
        self.dump(err="first")

    @unittest.skipIf(tools_case.OUTSIDE, "the broker's files are elsewhere")
    def test_files_of_the_broker(self):
        made = kafka_tools.our_tool(TOPICS, [*self.bootstrap, "--create", "--topic", "dumped",
                                             "--config", "index.interval.bytes=100"])
        self.assertEqual(made.code, 0, made.out)
        for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
            kafka_tools.our_tool(PRODUCE, [*self.bootstrap, "--topic", "dumped", "--sync",
                                           "--compression-codec", codec],
                                 b"".join(b"line %d\n" % i for i in range(20)))
        self.broker.restart()
        folder = self.broker.data / "dumped-0"
        files = [str(folder / ("0" * 20 + s)) for s in (".log", ".index", ".timeindex")]
        self.dump("--files", ",".join(files), "--print-data-log")
        shown = kafka_tools.our_tool("kafka-dump-log", ["--files", files[0]]).out
        self.assertEqual(set(re.findall(r"compresscodec: (\w+)", shown)),
                         {"none", "gzip", "snappy", "lz4", "zstd"})
        self.dump("--files", ",".join(files[1:]), "--index-sanity-check")
        for snapshot in folder.glob("*.snapshot"):
            self.dump("--files", str(snapshot))
        metadata = self.broker.data / "__cluster_metadata-0"
        for file in sorted(metadata.glob("*.log")) + sorted(metadata.glob("*.checkpoint")):
            self.dump("--files", str(file), "--cluster-metadata-decoder")
        self.dump("--files", str(self.broker.data / "bootstrap.checkpoint"))


if __name__ == "__main__":
    unittest.main()
