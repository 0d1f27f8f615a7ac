"""kafka-consumer-groups, kafka-groups, kafka-get-offsets, kafka-delete-records: both sides."""
import json
import time
import unittest

import tools_case
from clients import QUIET
from confluent_kafka import Consumer, Producer, TopicPartition

GROUPS, ALL, OFFSETS, DELETE = (
    "kafka-consumer-groups", "kafka-groups", "kafka-get-offsets", "kafka-delete-records")
BASE = 1_600_000_000_000


class Groups(tools_case.CoordinatorsCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name, partitions in (("one", 3), ("t.two", 1), ("empty", 2)):
            cls.create(name, partitions)
        producer = Producer({"bootstrap.servers": cls.at(), **QUIET})
        for number in range(30):
            producer.produce("one", f"value {number}", partition=number % 3,
                             timestamp=BASE + number * 1000)
            producer.produce("t.two", f"value {number}", partition=0,
                             timestamp=BASE + number * 1000)
        assert producer.flush(30) == 0
        cls.commit("simple", ("one", 0, 4), ("one", 1, 10), ("t.two", 0, 7))

    @classmethod
    def consumer(cls, group, **settings):
        return Consumer({"bootstrap.servers": cls.at(), "group.id": group, "client.id": "tester",
                         "enable.auto.commit": False, "auto.offset.reset": "earliest",
                         **QUIET, **settings})

    @classmethod
    def commit(cls, group, *offsets):
        consumer = cls.consumer(group)
        consumer.commit(offsets=[TopicPartition(*each) for each in offsets], asynchronous=False)
        consumer.close()

    def joined(self, group, topics=("one",), **settings):
        """A member that owns partitions; it polls no more."""
        consumer = self.consumer(group, **{"session.timeout.ms": 45000, **settings})
        self.addCleanup(consumer.close)
        consumer.subscribe(list(topics))
        deadline = time.monotonic() + 40
        while not consumer.assignment():
            consumer.poll(0.1)
            self.assertLess(time.monotonic(), deadline, "no assignment")
        return consumer

    def groups(self, *arguments, err="all"):
        return self.compare(GROUPS, *arguments, err=err)

    def test_list(self):
        self.commit("another-group", ("one", 0, 1))
        self.joined("list-members")
        self.groups("--list")
        for more in (["--state"], ["--type"], ["--state", "--type"], ["--state", "empty"],
                     ["--state", "Stable, empty"], ["--state", "dead"], ["--type", "classic"],
                     ["--type", "CONSUMER"], ["--type", "classic,consumer", "--state", "stable"]):
            self.groups("--list", *more)
        # Java names the valid ones in any order.
        self.groups("--list", "--state", "bad", err="none")
        self.groups("--list", "--type", "share", err="none")
        run = self.compare
        run(ALL, "--list")
        for more in (["--consumer"], ["--share"], ["--streams"], ["--group-type", "classic"],
                     ["--group-type", "Consumer"], ["--protocol", "consumer"], ["--protocol", ""],
                     ["--group-type", "classic", "--protocol", "consumer"]):
            run(ALL, "--list", *more)

    def test_describe(self):
        for more in ([], ["--offsets"], ["--verbose"], ["--members"], ["--members", "--verbose"],
                     ["--state"], ["--state", "--verbose"]):
            self.groups("--describe", "--group", "simple", *more)
            self.groups("--describe", "--group", "nope", *more, err="none")
        self.commit("a-group-with-a-name-that-is-longer", ("one", 2, 3))
        self.groups("--describe", "--group", "a-group-with-a-name-that-is-longer")
        self.groups("--describe", "--group", "simple", "--group",
                    "a-group-with-a-name-that-is-longer")
        self.groups("--describe", "--all-groups", "--state")

    def test_describe_members(self):
        self.joined("members", ["one", "t.two"])
        static = self.joined("static", ["one"], **{"group.instance.id": "instance-1"})
        static.commit(offsets=[TopicPartition("one", 1, 2)], asynchronous=False)
        for group in ("members", "static"):
            for more in ([], ["--verbose"], ["--members"], ["--members", "--verbose"], ["--state"],
                         ["--state", "--verbose"], ["--offsets", "--verbose"]):
                self.groups("--describe", "--group", group, *more)
        self.groups("--describe", "--all-groups")

    def test_reset_dry_run(self):
        reset = ["--reset-offsets", "--group", "simple"]
        self.groups(*reset, "--all-topics", "--to-earliest")
        for target in (["--to-earliest"], ["--to-latest"], ["--to-current"], ["--to-offset", "5"],
                       ["--to-offset", "500"], ["--to-offset", "-5"], ["--shift-by", "2"],
                       ["--shift-by", "-100"], ["--shift-by", "100"],
                       ["--to-datetime", "2020-09-13T12:26:45.000"],
                       ["--to-datetime", "2020-09-13T14:26:45.000+02:00"],
                       ["--to-datetime", "2020-09-13T12:26:45.500Z"],
                       ["--to-datetime", "2100-01-01T00:00:00.000"],
                       ["--by-duration", "P1D"], ["--by-duration", "P10000DT1H2M3.5S"],
                       ["--to-datetime", "2020-09-13"],
                       ["--to-datetime", "2020-13-13T00:00:00.000"],
                       ["--to-datetime", "nonsense"], ["--by-duration", "nonsense"],
                       ["--by-duration", "PT"], ["--to-offset", "x"], ["--shift-by", "x"]):
            for scope in (["--all-topics"], ["--topic", "one:0,1"]):
                # The errors' traces are Java's.
                self.groups(*reset, *scope, *target, "--dry-run", err="none")
        for scope in (["--topic", "one"], ["--topic", "one:2"], ["--topic", "one", "--topic",
                      "t.two"], ["--topic", "nope"], ["--topic", "one:7"], ["--topic", "one:x"],
                      ["--topic", "one:"], ["--topic", "one:1:2"], ["--topic", "nope:0"], []):
            self.groups(*reset, *scope, "--to-earliest", "--dry-run", err="none")
        self.groups(*reset, "--topic", "one:2", "--shift-by", "1", "--dry-run", err="first")
        self.groups(*reset, "--topic", "one", "--to-current", "--dry-run")
        self.groups(*reset, "--all-topics", "--dry-run", err="none")
        self.groups("--reset-offsets", "--group", "fresh", "--topic", "one", "--to-latest",
                    "--dry-run")
        self.groups("--reset-offsets", "--group", "simple", "--group", "fresh", "--topic", "one",
                    "--to-latest", "--dry-run")

    def test_reset_execute(self):
        for mark in "JP":
            self.commit(f"{mark}exec", ("one", 0, 4), ("one", 1, 9))
        reset = ["--reset-offsets", "--group", "@exec", "--execute"]
        for more in (["--all-topics", "--to-earliest"], ["--topic", "one", "--to-latest"],
                     ["--topic", "one:1", "--shift-by", "-3"], ["--all-topics", "--to-current"],
                     ["--topic", "one:0", "--to-offset", "3"], ["--topic", "t.two:0",
                      "--to-datetime", "2020-09-13T12:26:45.000"]):
            self.groups(*reset, *more)
            self.groups("--describe", "--group", "@exec")
        for mark in "JP":
            self.joined(f"{mark}busy")
        self.groups("--reset-offsets", "--group", "@busy", "--execute", "--all-topics",
                    "--to-earliest")

    def test_export_and_from_file(self):
        reset = ["--reset-offsets", "--group", "simple"]
        self.groups(*reset, "--all-topics", "--to-earliest", "--dry-run", "--export")
        self.groups(*reset, "--group", "fresh", "--topic", "one", "--to-earliest", "--dry-run",
                    "--export")
        place = self.temporary_directory()
        for name, lines in (("plain", "one,0,3\none,2,99\nt.two,0,1\n"), ("quoted", '"one",0,3\n'),
                            ("other", "another,one,0,3\n"),
                            ("groups", 'simple,one,0,3\n"fresh",one,1,2\n')):
            plan = place / name
            plan.write_text(lines)
            self.groups(*reset, "--from-file", str(plan), "--dry-run", err="none")
            # Several groups come in the order of a hash map.
            sides = self.both(GROUPS, [*reset, "--group", "fresh", "--from-file", str(plan),
                                       "--dry-run"])
            kafka, ours = ((side.code, sorted(side.out.splitlines())) for side in sides)
            self.assertEqual(kafka, ours, name)
        self.groups(*reset, "--from-file", str(place / "nosuch"), "--dry-run", err="none")

    def test_delete_offsets(self):
        for mark in "JP":
            self.commit(f"{mark}doff", ("one", 0, 4), ("one", 1, 9), ("t.two", 0, 1))
        delete = ["--delete-offsets", "--group", "@doff"]
        self.groups(*delete, "--topic", "one:0")
        self.groups(*delete, "--topic", "one")
        self.groups(*delete, "--topic", "nope")
        self.groups(*delete, "--topic", "nope:0", "--topic", "t.two")
        self.groups(*delete, "--topic", "one:9")
        self.groups("--describe", "--group", "@doff", err="none")
        self.groups("--delete-offsets", "--group", "@nosuch", "--topic", "one")
        for mark in "JP":
            busy = self.joined(f"{mark}dbusy")
            busy.commit(offsets=[TopicPartition("one", 1, 2)], asynchronous=False)
        self.groups("--delete-offsets", "--group", "@dbusy", "--topic", "one:1")
        self.groups("--delete-offsets", "--group", "@dbusy", "--topic", "t.two:0")

    def test_delete(self):
        for mark in "JP":
            self.commit(f"{mark}del", ("one", 0, 4))
            self.commit(f"{mark}del2", ("one", 0, 4))
            self.joined(f"{mark}delbusy")
        self.groups("--delete", "--group", "@delbusy")
        self.groups("--delete", "--group", "@nosuch")
        self.groups("--delete", "--group", "@del", "--group", "@delbusy")
        self.groups("--delete", "--group", "@del2")

    def test_wrong_usage(self):
        for arguments in (
            [], ["--describe"], ["--delete"], ["--reset-offsets", "--to-earliest"], ["--nosuch"],
            ["--list", "--describe", "--group", "x"], ["--list", "--group", "x"],
            ["--delete", "--group", "x", "--topic", "y"],
            ["--delete-offsets", "--group", "x"], ["--group", "x", "--all-groups", "--describe"],
            ["--describe", "--group", "x", "--members", "--state"],
            ["--describe", "--group", "x", "--state", "stable"],
            ["--describe", "--group", "x", "--topic", "y"], ["--list", "--members"],
            ["--list", "--verbose"], ["--describe", "--group", "x", "--type"],
        ):
            # Several lists of options come in the order of Java's object addresses.
            self.groups(*arguments, err="none")
        for arguments in (["--nosuch"], ["--describe", "--group", "x", "--state", "stable"],
                          ["--reset-offsets", "--group", "x", "--dry-run", "--execute"], [],
                          ["--delete", "--group", "x", "--topic", "y"]):
            self.groups(*arguments, err="first")
        self.compare(GROUPS, "--list", err="first", server=False)
        self.compare(GROUPS, err="first", server=False)
        for regex in ("a.*b", "a(b", "a)", "[a", "a**", "*", "a{2000}", "a\\", "[b-a]",
                      "(?P<n", "\\q", "[[:x:]]", "(?<=a)"):
            self.compare(GROUPS, "--validate-regex", regex, server=False)
        self.compare(GROUPS, "--version", server=False)
        self.compare(GROUPS, "--help", err="none", server=False)
        self.compare(ALL, err="first", server=False)
        for arguments in ([], ["--nosuch"], ["--list", "--consumer", "--share"],
                          ["--list", "--group-type", "bad"], ["--group-type", "share"],
                          ["--version"], ["--list", "--consumer", "--protocol", "x"]):
            self.compare(ALL, *arguments, err="first")

    def test_get_offsets(self):
        def run(*arguments, err="first"):
            self.compare(OFFSETS, "--exclude-internal-topics", *arguments, err=err)

        topics = ["--topic", "one|t.two|empty"]
        run(*topics)
        for at in ("latest", "earliest", "max-timestamp", "earliest-local", "-1", "-2", "-3", "-4",
                   str(BASE), str(BASE + 15_000), str(BASE + 10**9), "nonsense"):
            run(*topics, "--time", at)
        for which in (["--topic", "one", "--partitions", "0,2"], ["--topic", "o.e"],
                      ["--topic", "nope"], ["--topic", "one", "--partitions", "x"],
                      ["--topic", "one", "--partitions", "7"], ["--topic-partitions", "one:1"],
                      ["--topic-partitions", "one:1-,t.two"], ["--topic-partitions", "one:-1"],
                      ["--topic-partitions", "one:0-2,empty:1"], ["--topic-partitions", "one:"],
                      ["--topic-partitions", "one:a"], ["--topic-partitions", "a:b:c"],
                      ["--topic-partitions", "one", "--topic", "one"], ["--topic", "*"]):
            run(*which)
        run("--nosuch")
        self.compare(OFFSETS, "--topic", "one", server=False, err="first")
        self.compare(OFFSETS, server=False, err="first")
        self.compare(OFFSETS, "--version", server=False)

    def test_delete_records(self):
        place = self.temporary_directory()
        for mark in "JP":
            self.create(f"{mark}cut", 2)
            producer = Producer({"bootstrap.servers": self.at(), **QUIET})
            for number in range(20):
                producer.produce(f"{mark}cut", str(number), partition=number % 2)
            self.assertEqual(producer.flush(30), 0)

        def run(*parts, version=1, err="first", text=None):
            done = {}
            for mark in "JP":
                # One file a side, under names that show as one.
                document = {"partitions": [dict(zip(("topic", "partition", "offset"),
                                                    (part[0].replace("@", mark), *part[1:])))
                                           for part in parts], "version": version}
                (place / f"{mark}file").write_text(text or json.dumps(document))
                done[mark] = None
            kafka, ours = self.both(
                DELETE, ["--offset-json-file", str(place) + "/@file"])
            for side, mark in ((kafka, "J"), (ours, "P")):
                side.out = side.out.replace(f"{mark}cut", "@cut")
                side.err = side.err.replace(f"{mark}cut", "@cut")
                # Partitions come in the order of a hash map of their names.
                side.out = "\n".join(sorted(side.out.splitlines()))
            with self.subTest(parts=parts, text=text):
                self.assertEqual(self.shown(kafka.code, kafka.out, kafka.err, err),
                                 self.shown(ours.code, ours.out, ours.err, err))

        run(("@cut", 0, 3), ("@cut", 1, 5))
        run(("@cut", 0, 1))
        run(("@cut", 0, 100))
        run(("@cut", 0, -1), ("@cut", 1, 7))
        run(("@cut", 0, 1), ("@cut", 0, 2))
        run(version=2)
        run(text="no json")
        run(text="{}")
        run(text='{"partitions": [{"topic": "x"}]}')
        run(text='{"partitions": [{"topic": "x", "partition": "y", "offset": 1}]}')
        self.compare(OFFSETS, "--topic", "@cut", "--time", "earliest")
        self.compare(DELETE, "--offset-json-file", str(place / "nosuch"), err="first")
        self.compare(DELETE, err="first")
        self.compare(DELETE, server=False, err="first")
        self.compare(DELETE, "--nosuch", err="first")


if __name__ == "__main__":
    unittest.main()
