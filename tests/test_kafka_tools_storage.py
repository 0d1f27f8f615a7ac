"""kafka-storage of Apache Kafka and ours, each on directories of its own."""
import functools
import re
import shutil
import unittest

import broker
import kafka_tools
import tools_case

CLUSTER = "BBBBBBBBBBBBBBBBBBBBBQ"


@unittest.skipIf(kafka_tools.missing(), kafka_tools.missing())
class Storage(tools_case.ToolsCase):
    """No broker: directories of their own."""

    @classmethod
    def setUpClass(cls):
        cls.bootstrap = []
        cls.java = kafka_tools.java()

    @classmethod
    def tearDownClass(cls):
        pass

    def setUp(self):
        self.place = broker.BrokerCase.temporary_directory(self)
        self.configs()

    def configs(self, **settings):
        """One file for each side, whose directories have names of one length."""
        for mark in "JP":
            given = {
                "process.roles": "broker,controller", "node.id": "2",
                "listeners": "PLAINTEXT://localhost:9092,CONTROLLER://127.0.0.1:9093",
                "controller.listener.names": "CONTROLLER",
                "controller.quorum.bootstrap.servers": "127.0.0.1:9093",
                "log.dirs": f"{self.place}/{mark}data",
            }
            given.update({name.replace("_", "."): value for name, value in settings.items()})
            (self.place / f"{mark}.properties").write_text(
                "".join(f"{name}={value}\n" for name, value in given.items() if value))

    def same(self, *arguments, err="all", layout=False):
        """`layout`: spaces and line breaks have to be the same, too."""
        kafka, ours = self.both("kafka-storage", arguments, b"", server=False)
        shown = []
        for mark, done in (("J", kafka), ("P", ours)):
            text = self.shown(done.code, done.out, done.err, err)
            text = re.sub(r"directory.id=\S{22}", "directory.id=ID", text)
            text = text.replace(f"{self.place}/{mark}", f"{self.place}/@")
            shown.append(text if layout else "".join(text.split()))
        with self.subTest(command=" ".join(arguments)):
            self.assertEqual(*shown)

    def format(self, *arguments, err="all"):
        """In directories that are empty before; what they hold then is the same, too."""
        for mark in "JP":
            shutil.rmtree(self.place / f"{mark}data", ignore_errors=True)
        self.same("format", "-t", CLUSTER, "-c", f"{self.place}/@.properties", *arguments,
                  err=err, layout=True)
        with self.subTest(files_of=" ".join(arguments)):
            self.assertEqual(*(self.files(mark) for mark in "JP"))

    def files(self, mark):
        """Names, and what Kafka's own reader tells of those of metadata records."""
        found = {}
        for path in sorted((self.place / f"{mark}data").rglob("*")):
            name = str(path.relative_to(self.place / f"{mark}data"))
            found[name] = ""
            if name.endswith(".checkpoint"):
                run = self.java.run("kafka-dump-log", ["--cluster-metadata-decoder", "--files",
                                                       str(path)])
                self.assertEqual(run.code, 0, run.err)
                text = run.out.replace(f"{self.place}/{mark}", "")
                text = re.sub(r"(CreateTime|Timestamp\"?|isvalid): ?\w+", r"\1", text)
                text = re.sub(r"crc: \d+", "crc", text)
                if "-I" not in name:
                    text = re.sub(r'"[\w-]{22}"', "ID", text)
                found[name] = text
        return found

    def test_format_and_info(self):
        config = ["-c", f"{self.place}/@.properties"]
        run = functools.partial(self.same, layout=True)
        run("info", *config)
        for mark in "JP":
            (self.place / f"{mark}data").mkdir()
        run("info", *config)
        run("format", "-t", CLUSTER, *config)
        run("format", "-t", CLUSTER, *config, "--standalone")
        run("format", "-t", CLUSTER, *config, "--standalone")
        run("format", "-t", CLUSTER, *config, "--standalone", "--ignore-formatted")
        run("format", "-t", "C" + CLUSTER[1:], *config, "--standalone", "--ignore-formatted")
        run("info", *config)
        self.configs(node_id="3")
        run("format", "-t", CLUSTER, *config, "--standalone", "--ignore-formatted")
        self.same("info", "-c", f"{self.place}/nosuch", err="none")

    def test_releases_and_features(self):
        for release in ("4.3", "4.3.1", "4.0-IV1", "3.9", "3.7", "3.3-IV3", "3.2", "4.4-IV0", "x"):
            self.format("-s", "-r", release)
        for feature in ("transaction.version=0", "kraft.version=0", "kraft.version=1",
                        "kraft.version=2", "foo=1", "foo", "foo=x", "foo=1=2",
                        "transaction.version=3", "transaction.version=-1", "metadata.version=25",
                        "metadata.version=31", "metadata.version=3"):
            self.format("-s", "-f", feature)
        self.format("-s", "-f", "group.version=0", "--feature", "share.version=0")
        self.format("-s", "-f", "group.version=0", "-f", "group.version=1")
        self.format("-s", "-f", "metadata.version=25", "-r", "4.0")
        self.format("-s", "-r", "3.9", "-f", "eligible.leader.replicas.version=1")
        self.format("-s", "-r", "3.9", "-f", "transaction.version=2")

    def test_who_votes(self):
        here, other = f"2@127.0.0.1:9093:{CLUSTER}", "3@127.0.0.1:9094:JEXY6aqzQY-32P5TStzaFg"
        self.format("--no-initial-controllers")
        for controllers in (here, other, f"{here},{other}", f"2@[::1]:9093:{CLUSTER}",
                            f"{here},", "", "x", "2@h", "2@h:1", "2@h:x:y", "2@h:1:y",
                            f"{here},{here}", f"2@h:70000:{CLUSTER}", f"a@h:1:{CLUSTER}",
                            f"2@h:-5:{CLUSTER}", f"2@[h:1:{CLUSTER}"):
            self.format("-I", controllers)
        self.configs(controller_quorum_voters="2@127.0.0.1:9093",
                     controller_quorum_bootstrap_servers="")
        for arguments in ([], ["-s"], ["-N"], ["-I", here], ["-f", "kraft.version=1"],
                          ["-f", "kraft.version=0"]):
            self.format(*arguments)
        self.configs(process_roles="broker", listeners="PLAINTEXT://localhost:9092")
        for arguments in ([], ["-s"], ["-N"]):
            self.format(*arguments)

    def test_settings_that_are_no_node(self):
        self.configs(process_roles="")
        self.format("-s")
        self.configs(node_id="")
        self.format("-s")
        self.configs(node_id="", process_roles="")
        self.format("-s")

    def test_scram(self):
        """What is no credential is told in Kafka's words; one that is would be lost, and is not."""
        for credential in ("foo", "SCRAM-SHA-256=x", "SCRAM-SHA-256=[x",
                           "SCRAM-SHA-1=[name=a,password=b]"):
            self.format("-s", "-S", credential)
        one = "SCRAM-SHA-256=[name=alice,password=secret]"
        self.format("-s", "-r", "3.4", "-S", one)
        ours = kafka_tools.our_tool("kafka-storage", [
            "format", "-s", "-t", CLUSTER, "-c", f"{self.place}/P.properties", "-S", one])
        self.assertEqual((ours.code, ours.out), (1, ""))
        self.assertIn("SCRAM is not served", ours.err)
        self.assertFalse((self.place / "Pdata").exists())

    def test_version_mapping(self):
        self.same("version-mapping", layout=True)
        for release in ("3.3-IV3", "3.3", "3.5-IV1", "3.9", "3.9-IV0", "4.0", "4.0-IV1", "4.0-IV2",
                        "4.1", "4.1-IV0", "4.2", "4.2-IV0", "4.3", "4.3.1", "4.3.", "4.4",
                        "4.4-IV0", "3.0", "foo", "", "4", ".", "..", "4.."):
            self.same("version-mapping", "--release-version", release, layout=True)

    def test_feature_dependencies(self):
        for feature in ("metadata.version=30", "metadata.version=5", "metadata.version=31",
                        "group.version=1", "transaction.version=2", "transaction.version=3",
                        "eligible.leader.replicas.version=1", "eligible.leader.replicas.version=0",
                        "share.version=+1", "streams.version=2", "kraft.version=1", "foo=1", "foo",
                        "a=b", "group.version=", "=1", "group.version=1=2", "group.version=70000",
                        "group.version=-1"):
            self.same("feature-dependencies", "--feature", feature, layout=True)
        self.same("feature-dependencies", "-f", "share.version=1", "-f",
                  "eligible.leader.replicas.version=1", "-f", "nope=1", layout=True)

    def test_wrong_usage(self):
        config = f"{self.place}/@.properties"
        for arguments in (
            [], ["nosuch"], ["--nosuch"], ["info"], ["info", "-c"], ["info", "-x", "-c", config],
            ["info", "--conf", config], ["info", f"-c{config}"], ["info", "extra", "more"],
            ["info", f"--config={config}"],
            ["format", "-c", config], ["format", "-t", "a", "-c", config, "-s", "-N"],
            ["format", "-I", "x", "-s", "-t", "a", "-c", config],
            ["format", "-s", "-I", "-1@h:1:x"], ["format", "--ignore-formatted=x"],
            ["format", "--i", "-t", "a", "-c", config], ["format", "-c", config, "-t", ""],
            ["version-mapping", "-r"], ["version-mapping", "x"], ["feature-dependencies"],
            ["random-uuid", "x"],
        ):
            self.same(*arguments)

    def test_help(self):
        for command in ([], ["info"], ["format"], ["version-mapping"], ["feature-dependencies"],
                        ["random-uuid"]):
            kafka, ours = self.both("kafka-storage", [*command, "-h"], server=False)
            self.assertEqual(*(f"{run.code}\n" + run.out.split("\n\n")[0] for run in (kafka, ours)))

    def test_random_uuid(self):
        made = {kafka_tools.our_tool("kafka-storage", ["random-uuid"]).out for _ in range(5)}
        self.assertEqual(len(made), 5)
        for line in made:
            self.assertRegex(line, r"\A[A-Za-z0-9_][A-Za-z0-9_-]{21}\n\Z")


if __name__ == "__main__":
    unittest.main()
