"""kafka-dump-log of Apache Kafka and ours on a whole data directory that Apache Kafka 4.3.1 wrote.

data/kafka_dir/clean.tar.gz: groups with offsets, transactions committed, aborted and open, every
codec,
compaction, deleted records, the metadata of its cluster.
"""
import pathlib
import shutil
import tarfile
import tempfile
import unittest

import kafka_tools
import tools_case

DUMP = "kafka-dump-log"
ARCHIVE = pathlib.Path(__file__).resolve().parent / "data/kafka_dir/clean.tar.gz"


@unittest.skipIf(kafka_tools.missing(), kafka_tools.missing())
class DumpDirectory(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.place = pathlib.Path(tempfile.mkdtemp(prefix="partita-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.place, ignore_errors=True)
        with tarfile.open(ARCHIVE) as archive:
            archive.extractall(cls.place)
        cls.data = cls.place / "data"

    def compare(self, *arguments, err="all"):
        kafka = kafka_tools.java().run(DUMP, list(arguments))
        ours = kafka_tools.our_tool(DUMP, list(arguments))
        shown = tools_case.ToolsCase.shown
        for side in (kafka, ours):
            # What is wrong with which file comes in the order of a hash map.
            side.err = "\n".join(sorted(side.err.splitlines()))
        with self.subTest(command=arguments):
            self.assertEqual(shown(kafka.code, kafka.out, kafka.err, err),
                             shown(ours.code, ours.out, ours.err, err))
        return ours

    def dump(self, pattern, *flags, expect, err="all"):
        """All files of this pattern in one call; `expect` is somewhere in what is shown."""
        files = sorted(str(path) for path in self.data.glob(pattern))
        self.assertTrue(files, pattern)
        self.assertIn(expect, self.compare("--files", ",".join(files), *flags, err=err).out)

    def test_groups(self):
        self.dump("__consumer_offsets-*/*.log", "--offsets-decoder", expect='"data":{"group":')
        self.dump("__consumer_offsets-*/*.log", "--offsets-decoder", "--skip-record-metadata",
                  expect='key: {"type":"1"')

    def test_transactions(self):
        self.dump("__transaction_state-*/*.log", "--transaction-log-decoder",
                  expect='"transactionalId":')
        self.dump("*/*.txnindex", expect="lastStableOffset: ")
        self.dump("txn-0/*.log", "--deep-iteration", expect="endTxnMarker: COMMIT")
        self.dump("*/*.snapshot", expect="producerEpoch: ")

    def test_cluster_metadata(self):
        self.dump("__cluster_metadata-0/*.log", "--cluster-metadata-decoder",
                  expect='"type":"TOPIC_RECORD"')

    def test_wrong_decoders(self):
        """Records that are something else: an error a record, and on."""
        # What Java says of bytes that do not fit is its own.
        file = next(self.data.glob("plain-0/*.log"))
        for decoder in ("--offsets-decoder", "--transaction-log-decoder"):
            ours = kafka_tools.our_tool(DUMP, ["--files", str(file), decoder])
            self.assertEqual(ours.code, 0, ours.err)
            self.assertIn("skipping.", ours.out)

    def test_data(self):
        for flags in ([], ["--deep-iteration"], ["--print-data-log"],
                      ["--print-data-log", "--max-message-size", "100"],
                      ["--print-data-log", "--max-bytes", "2000"],
                      ["--value-decoder-class", "org.apache.kafka.tools.api.StringDecoder"]):
            self.dump("[a-z]*-[0-9]/*.log", *flags, expect="baseOffset: ")

    def test_indexes(self):
        self.dump("[a-z]*-[0-9]/*.index", expect="position: ", err="none")
        self.dump("[a-z]*-[0-9]/*.timeindex", expect="timestamp: ", err="none")
        for pattern in ("[a-z]*-[0-9]/*.index", "[a-z]*-[0-9]/*.timeindex"):
            self.dump(pattern, "--index-sanity-check", expect="passed sanity check.")
            self.dump(pattern, "--verify-index-only", expect="Dumping ", err="none")


if __name__ == "__main__":
    unittest.main()
