"""Apache Kafka's tools and ours against one broker: standard output, standard error, exit code.

TOOLS_BOOTSTRAP names a broker that runs already (Apache Kafka's own, say) to compare over.
"""
import os
import pathlib
import re
import unittest

import broker
import kafka_tools

OUTSIDE = os.environ.get("TOOLS_BOOTSTRAP")
TOPICS, PRODUCE, CONSUME = "kafka-topics", "kafka-console-producer", "kafka-console-consumer"


@unittest.skipIf(kafka_tools.missing(), kafka_tools.missing())
class ToolsCase(unittest.TestCase if OUTSIDE else broker.BrokerCase):
    """`same` runs one command by both; `each` gives each a topic of its own, written as @name."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        if not OUTSIDE:
            super().setUpClass()
        cls.bootstrap = ["--bootstrap-server", OUTSIDE or cls.address]
        cls.java = kafka_tools.JavaTools()
        cls.addClassCleanup(cls.java.close)

    @classmethod
    def tearDownClass(cls):
        if not OUTSIDE:
            super().tearDownClass()

    def both(self, tool, arguments, text=b"", server=True):
        """The runs of Kafka's tool and of ours, topics' own names taken out again."""
        runs = []
        for mark, run in (("J", self.java.run), ("P", kafka_tools.our_tool)):
            own = [a.replace("@", mark) for a in arguments]
            done = run(tool, (self.bootstrap if server else []) + own, text)
            names = [a[1:] for a in re.findall(r"@\w[\w.-]*", " ".join(arguments))]
            for name in names:
                done.out = done.out.replace(mark + name, "@" + name)
                done.err = done.err.replace(mark + name, "@" + name)
            runs.append(done)
        return runs

    def compare(self, tool, *arguments, text=b"", err="all", server=True, out=True):
        """`err`: "all" of standard error, its "first" line (where usage follows), or "none"."""
        kafka, ours = self.both(tool, arguments, text, server)
        with self.subTest(command=" ".join([tool, *arguments])):
            self.assertEqual(self.shown(kafka.code, kafka.out if out else "", kafka.err, err),
                             self.shown(ours.code, ours.out if out else "", ours.err, err))
        return kafka, ours

    @staticmethod
    def shown(code, out, err, which):
        err = {"all": err, "first": err.split("\n")[0], "none": ""}[which]
        return f"{out}--- standard error\n{err}\n--- exit code {code}\n"


class Topics(ToolsCase):
    def test_create(self):
        run = self.compare
        run(TOPICS, "--create", "--topic", "@a1")
        run(TOPICS, "--create", "--topic", "@a1")
        run(TOPICS, "--create", "--topic", "@a1", "--if-not-exists")
        run(TOPICS, "--create", "--topic", "@a.b_c", "--partitions", "3", "--replication-factor",
            "1", "--config", "retention.ms=1000", "--config", "segment.bytes=2000000")
        run(TOPICS, "--create", "--topic", "@f3", "--replication-factor", "3")
        run(TOPICS, "--create", "--topic", "@f0", "--replication-factor", "0")
        run(TOPICS, "--create", "--topic", "@p0", "--partitions", "0")
        run(TOPICS, "--create", "--topic", "@c1", "--config", "foo=bar")
        run(TOPICS, "--create", "--topic", "@c1", "--config", "retention.ms=abc")
        run(TOPICS, "--create", "--topic", "@c1", "--config", "a")
        run(TOPICS, "--create", "--topic", "bad/name")
        run(TOPICS, "--create", "--topic", "..")

    def test_replica_assignment(self):
        run = self.compare
        run(TOPICS, "--create", "--topic", "@ra1", "--replica-assignment", "1,1,1")
        run(TOPICS, "--create", "--topic", "@ra2", "--replica-assignment", "1:1,1")
        run(TOPICS, "--create", "--topic", "@ra3", "--replica-assignment", "1:2,1")
        run(TOPICS, "--create", "--topic", "@ra4", "--replica-assignment", "7")
        run(TOPICS, "--create", "--topic", "@ra5", "--replica-assignment", "x")
        run(TOPICS, "--alter", "--topic", "@ra1", "--partitions", "5", "--replica-assignment",
            "1,1,1,1,1")

    def test_list_and_describe(self):
        for name, *more in (("ld-one",), ("ld.two", "--partitions", "4"),
                            ("ld_three", "--config", "retention.ms=1000", "--config",
                             "cleanup.policy=compact", "--config", "max.message.bytes=9000"),
                            ("four-ld", "--partitions", "2"), ("Zfive-ld",)):
            made = kafka_tools.our_tool(
                TOPICS, [*self.bootstrap, "--create", "--topic", name, *more])
            self.assertEqual(made.code, 0, made.out)
        run = self.compare
        run(TOPICS, "--list")
        run(TOPICS, "--list", "--exclude-internal")
        run(TOPICS, "--list", "--topic", "ld.*")
        run(TOPICS, "--list", "--topic", "ld-one,four-ld")
        run(TOPICS, "--list", "extra")
        run(TOPICS, "--describe")
        run(TOPICS, "--describe", "--exclude-internal")
        run(TOPICS, "--describe", "--topic", "ld-one")
        run(TOPICS, "--describe", "--topic", "ld.*")
        run(TOPICS, "--describe", "--topic", "nope")
        run(TOPICS, "--describe", "--topic", "nope", "--if-exists")
        run(TOPICS, "--describe", "--topic", "ld.*", "--topics-with-overrides")
        run(TOPICS, "--describe", "--under-replicated-partitions")
        run(TOPICS, "--describe", "--unavailable-partitions")
        run(TOPICS, "--describe", "--under-min-isr-partitions")
        run(TOPICS, "--describe", "--at-min-isr-partitions", "--topic", "ld.*")
        run(TOPICS, "--describe", "--topic-id", "foo")
        run(TOPICS, "--describe", "--topic-id", "AAAAAAAAAAAAAAAAAAAAAw")
        described = kafka_tools.our_tool(
            TOPICS, [*self.bootstrap, "--describe", "--topic", "ld-one"])
        topic_id = re.search(r"TopicId: (\S+)", described.out)[1]
        run(TOPICS, "--describe", "--topic-id", topic_id)

    def test_alter_and_delete(self):
        run = self.compare
        run(TOPICS, "--create", "--topic", "@al")
        run(TOPICS, "--alter", "--topic", "@al", "--partitions", "3")
        run(TOPICS, "--alter", "--topic", "@al", "--partitions", "2")
        run(TOPICS, "--alter", "--topic", "@al", "--partitions", "3")
        run(TOPICS, "--alter", "--topic", "nope", "--partitions", "3")
        run(TOPICS, "--alter", "--topic", "nope", "--partitions", "3", "--if-exists")
        run(TOPICS, "--alter", "--topic", "@al", err="first")
        # Its words list options in the order of Java's object addresses.
        run(TOPICS, "--alter", "--topic", "@al", "--config", "a=b", "--partitions", "4",
            err="none")
        run(TOPICS, "--delete", "--topic", "nope")
        run(TOPICS, "--delete", "--topic", "nope", "--if-exists")
        run(TOPICS, "--delete", "--topic", "@al")
        run(TOPICS, "--describe", "--topic", "@al")

    def test_wrong_usage(self):
        for arguments in (
            ["--create"], ["--delete"], [], ["--list", "--create", "--topic", "x"], ["--nosuch"],
            ["--create", "--topic"], ["--list", "--partitions"], ["--list", "--partitions", "3"],
            ["--list", "--partitions", "abc"], ["--list", "--if-exists"],
            ["--create", "--topic", "x", "--partitions", "2", "--replica-assignment", "1"],
            ["--create", "--topic", "x", "--partitions", "abc"],
            ["--delete", "--topic", "a", "--config", "x=y"], ["--describe", "--if-not-exists"],
            ["--describe", "--topics-with-overrides", "--unavailable-partitions"],
        ):
            self.compare(TOPICS, *arguments, err="first")
        self.compare(TOPICS, "--list", err="first", server=False)
        self.compare(TOPICS, err="first", server=False)
        self.compare(TOPICS, "--version")
        self.compare(TOPICS, "--help", err="none")


class Console(ToolsCase):
    def produce(self, *arguments, text, err="first"):
        return self.compare(PRODUCE, *arguments, text=text, err=err)

    def topic(self, name, partitions=1):
        for mark in "JP":
            made = kafka_tools.our_tool(
                TOPICS, [*self.bootstrap, "--create", "--topic", mark + name, "--partitions",
                         str(partitions)])
            self.assertEqual(made.code, 0, made.out)

    def read(self, name, *arguments, **options):
        return self.compare(CONSUME, "--topic", name, "--partition", "0", *arguments, **options)

    def test_producing(self):
        self.topic("pr")
        to = ["--topic", "@pr"]
        self.produce(*to, text=b"hello\nworld\r\nno end")
        self.produce(*to, "--property", "parse.key=true", "--property", "key.separator=:",
                     text=b"k1:v1\nk2:v2\nk3:NULL\nnokey\nlast:one\n")
        self.produce(*to, "--reader-property", "parse.key=true", "--reader-property",
                     "key.separator=:", "--reader-property", "null.marker=NULL",
                     text=b"k1:v1\nk2:NULL\nNULL:v3\n")
        self.produce(*to, "--reader-property", "parse.key=true", "--reader-property",
                     "parse.headers=true", text=b"h1:a,h2:b\tk4\tv4\nh3:\tk5\tv5\n")
        self.produce(*to, "--reader-property", "parse.headers=true", text=b"h1\tv4\n")
        self.produce(*to, "--reader-property", "parse.headers=true", text=b"no delimiter\n")
        self.produce(*to, "--reader-property", "parse.key=true", "--reader-property",
                     "ignore.error=true", text=b"nokey\na\tb\n")
        self.produce(*to, "--reader-property", "headers.separator=:", text=b"x\n")
        for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
            self.produce(*to, "--compression-codec", codec, text=b"by " + codec.encode() + b"\n")
        self.produce(*to, "--compression-codec", text=b"by default\n")
        self.produce(*to, "--sync", text=b"one\ntwo\n")
        for acks in ("0", "1", "-1", "all"):
            self.produce(*to, "--request-required-acks", acks, text=b"acks " + acks.encode())
        self.produce(*to, "--command-property", "enable.idempotence=false", text=b"may be twice\n")
        self.read("@pr", "--from-beginning", "--timeout-ms", "1500", "--formatter-property",
                  "print.key=true", "--formatter-property", "print.headers=true",
                  "--formatter-property", "print.offset=true")

    def test_wrong_producing(self):
        text = b"x\n"
        self.topic("wp")
        to = ["--topic", "@wp"]
        self.produce(*to, "--compression-codec", "foo", text=text)
        self.produce(*to, "--request-required-acks", "9", text=text)
        self.produce(text=text)
        self.compare(PRODUCE, *to, text=text, err="first", server=False)
        self.produce(*to, "--producer-property", "acks", text=text)
        self.produce(*to, "--command-property", "enable.idempotence=true",
                     "--request-required-acks", "1", text=text)
        self.produce(*to, "--nosuch", text=text)
        self.compare(PRODUCE, "--version", server=False)

    def fill(self):
        self.topic("in")
        for mark in "JP":
            done = kafka_tools.our_tool(
                PRODUCE, [*self.bootstrap, "--topic", mark + "in", "--reader-property",
                          "parse.key=true", "--reader-property", "key.separator=:",
                          "--reader-property", "null.marker=-"],
                b"".join(b"k%d:v%d\n" % (i, i) for i in range(20)) + b"-:-\n")
            self.assertEqual(done.code, 0, done.err)

    def test_consuming(self):
        self.fill()
        read = self.read
        read("@in", "--from-beginning", "--timeout-ms", "1500")
        read("@in", "--offset", "2", "--max-messages", "3")
        read("@in", "--offset", "earliest", "--max-messages", "3")
        read("@in", "--offset", "latest", "--timeout-ms", "800")
        read("@in", "--timeout-ms", "800")
        read("@in", "--offset", "500", "--timeout-ms", "800")
        read("@in", "--from-beginning", "--max-messages", "0")
        read("@in", "--offset", "18", "--max-messages", "3", *(
            word for name in ("key", "offset", "partition", "headers", "epoch", "delivery")
            for word in ("--formatter-property", f"print.{name}=true")))
        read("@in", "--offset", "18", "--max-messages", "3", "--property", "print.key=true",
             "--property", "key.separator=-", "--property", "null.literal=NIL", "--property",
             "line.separator=;")
        read("@in", "--offset", "18", "--max-messages", "3", "--formatter-property",
             "print.value=false")
        for level in ("read_committed", "read_uncommitted"):
            read("@in", "--from-beginning", "--max-messages", "2", "--isolation-level", level)
        for formatter in ("NoOp", "Default", "Logging"):
            read("@in", "--from-beginning", "--max-messages", "2", "--formatter",
                 f"org.apache.kafka.tools.consumer.{formatter}MessageFormatter")
        read("@in", "--from-beginning", "--max-messages", "2", "--value-deserializer",
             "org.apache.kafka.common.serialization.LongDeserializer", err="first")
        read("@in", "--from-beginning", "--max-messages", "2", "--skip-message-on-error",
             "--value-deserializer", "org.apache.kafka.common.serialization.LongDeserializer")
        self.compare(CONSUME, "--topic", "@in", "--partition", "7", "--from-beginning",
                     "--timeout-ms", "1500")

    def test_all_partitions_without_a_group(self):
        self.topic("all", partitions=3)
        lines = b"".join(b"k%d:v%d\n" % (i, i) for i in range(50))
        key = ["--reader-property", "parse.key=true", "--reader-property", "key.separator=:"]
        done = kafka_tools.our_tool(PRODUCE, [*self.bootstrap, "--topic", "Pall", *key], lines)
        self.assertEqual(done.code, 0, done.err)
        wanted = sorted(f"v{i}" for i in range(50))
        for which in (["--topic", "Pall"], ["--include", "Pal."]):
            read = kafka_tools.our_tool(CONSUME, [*self.bootstrap, *which, "--from-beginning",
                                                  "--timeout-ms", "1500"])
            self.assertEqual((read.code, read.err), (0, "Processed a total of 50 messages\n"))
            self.assertEqual(sorted(read.out.split()), wanted)

    def test_wrong_consuming(self):
        first = {"err": "first"}
        self.topic("wc")
        self.read("@wc", "--offset", "end", **first)
        self.read("@wc", "--offset", "-3", **first)
        self.read("@wc", "--offset", "3", "--from-beginning", **first)
        self.read("@wc", "--isolation-level", "foo", "--timeout-ms", "500", err="none")
        self.read("@wc", "--formatter", "nosuch.Thing", **first)
        self.read("@wc", "--group", "g", **first)
        self.read("@wc", "--from-beginning", "--consumer-property", "auto.offset.reset=foo",
                  **first)
        self.read("@wc", "--property", "a=b", "--formatter-property", "c=d", **first)
        run = self.compare
        run(CONSUME, "--topic", "@wc", "--offset", "3", **first)
        run(CONSUME, "--topic", "@wc", "--include", "w.*", **first)
        run(CONSUME, **first)
        run(CONSUME, "--topic", "@wc", server=False, **first)
        run(CONSUME, "--include", "w.", "--partition", "0", **first)
        run(CONSUME, "--topic", "@wc", "--nosuch", **first)
        run(CONSUME, "--topic", "@wc", "--partition", "x", **first)
        run(CONSUME, "--version", server=False)


@unittest.skipIf(kafka_tools.missing(), kafka_tools.missing())
class Storage(ToolsCase):
    """No broker: directories of their own."""

    @classmethod
    def setUpClass(cls):
        cls.bootstrap = []
        cls.java = kafka_tools.JavaTools()
        cls.addClassCleanup(cls.java.close)

    @classmethod
    def tearDownClass(cls):
        pass

    def configs(self):
        """One file for each side, whose directories have names of one length."""
        place = broker.BrokerCase.temporary_directory(self)
        for mark in "JP":
            (place / f"{mark}.properties").write_text(
                "process.roles=broker,controller\nnode.id=2\n"
                "listeners=PLAINTEXT://localhost:9092,CONTROLLER://127.0.0.1:9093\n"
                "controller.listener.names=CONTROLLER\n"
                "controller.quorum.bootstrap.servers=127.0.0.1:9093\n"
                f"log.dirs={place}/{mark}data\n")
        return place

    def compare(self, tool, *arguments, err="all", place=None, **options):
        kafka, ours = self.both(tool, arguments, b"", server=False)
        shown = []
        for mark, done in (("J", kafka), ("P", ours)):
            text = self.shown(done.code, done.out, done.err, err)
            text = re.sub(r"directory.id=\S{22}", "directory.id=ID", text)
            shown.append(text.replace(f"{place}/{mark}", f"{place}/@"))
        with self.subTest(command=" ".join([tool, *arguments])):
            self.assertEqual(*shown)

    def test_format_and_info(self):
        place = self.configs()
        cluster = "BBBBBBBBBBBBBBBBBBBBBQ"
        config = ["-c", f"{place}/@.properties"]

        def run(*arguments, **options):
            self.compare("kafka-storage", *arguments, place=place, **options)

        run("info", *config)
        run("format", "-t", cluster, *config)
        run("format", "-t", cluster, *config, "--standalone")
        run("format", "-t", cluster, *config, "--standalone")
        run("format", "-t", cluster, *config, "--standalone", "--ignore-formatted")
        run("format", "-t", "C" + cluster[1:], *config, "--standalone", "--ignore-formatted",
            err="none")
        run("info", *config)
        run("format", *config, "--standalone", err="none")
        run("info", "-c", f"{place}/nosuch", err="none")
        kafka, ours = (sorted(str(p.relative_to(place / f"{mark}data"))
                              for p in (place / f"{mark}data").rglob("*")) for mark in "JP")
        self.assertEqual(kafka, ours)

    def test_random_uuid(self):
        made = {kafka_tools.our_tool("kafka-storage", ["random-uuid"]).out for _ in range(5)}
        self.assertEqual(len(made), 5)
        for line in made:
            self.assertRegex(line, r"\A[A-Za-z0-9_][A-Za-z0-9_-]{21}\n\Z")


class Server(unittest.TestCase):
    """kafka-server-start.sh and kafka-server-stop.sh: ours alone, since what they print is ours."""

    NODE = 1_824_611  # nobody else's, so that nobody else is stopped

    def test_start_and_stop(self):
        place = broker.BrokerCase.temporary_directory(self)
        config = place / "server.properties"
        config.write_text(f"process.roles=broker,controller\nnode.id={self.NODE}\n"
                          "listeners=PLAINTEXT://localhost:0\n"
                          f"log.dirs={place}/data\n")
        self.addCleanup(kafka_tools.our_tool, "kafka-server-stop", [f"--node-id={self.NODE}"])
        run = kafka_tools.our_tool("kafka-server-start",
                                   ["-daemon", config.name, "--override", "num.partitions=3"],
                                   environment={"LOG_DIR": str(place / "logs")}, cwd=place)
        self.assertEqual(run.code, 0, run.err)
        out = place / "logs/kafkaServer.out"
        line = broker.wait_until("a line that it listens", lambda: re.search(
            r"^partita is listening on PLAINTEXT://(\S+:\d+),", out.read_text(), re.M))
        bootstrap = ["--bootstrap-server", line[1]]
        made = kafka_tools.our_tool(TOPICS, [*bootstrap, "--create", "--topic", "t"])
        self.assertEqual(made.out, "Created topic t.\n")
        shown = kafka_tools.our_tool(TOPICS, [*bootstrap, "--describe", "--topic", "t"])
        self.assertIn("PartitionCount: 3", shown.out)
        stop = kafka_tools.our_tool("kafka-server-stop", [f"--node-id={self.NODE}"])
        self.assertEqual((stop.code, stop.out), (0, ""))
        broker.wait_until("the end of the server", lambda: kafka_tools.our_tool(
            "kafka-server-stop", [f"--node-id={self.NODE}"]).out == "No kafka server to stop\n")
        self.assertTrue((place / "data/.kafka_cleanshutdown").exists())
        wrong = kafka_tools.our_tool("kafka-server-start", [])
        self.assertEqual(wrong.code, 1)
        self.assertTrue(wrong.err.startswith("USAGE: "), wrong.err)


class DumpLog(ToolsCase):
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

    @unittest.skipIf(OUTSIDE, "the broker's files are elsewhere")
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


del ToolsCase  # a base of others, no test

if __name__ == "__main__":
    unittest.main()
