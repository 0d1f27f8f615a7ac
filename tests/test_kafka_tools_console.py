"""The console producers and consumers of Apache Kafka and ours against one broker."""
import unittest

import kafka_tools
import tools_case
from tools_case import CONSUME, PRODUCE, TOPICS


class Console(tools_case.ToolsCase):
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
            # It joins a group of its own, and the first rebalance waits 3 s for others.
            read = kafka_tools.our_tool(CONSUME, [*self.bootstrap, *which, "--from-beginning",
                                                  "--timeout-ms", "6000"])
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


if __name__ == "__main__":
    unittest.main()
