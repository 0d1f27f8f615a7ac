"""Directories that kafka-storage.sh has made, and the node that finds them."""
import shutil
import unittest

import kafka_tools
from broker import free_port
from confluent_kafka.admin import NewTopic
from test_server import ServerCase, write_properties

CLUSTER = "MkU3OEVBNTcwNTJENDM2Qg"


class Formatted(ServerCase):

    def prepare(self, *flags, **settings):
        """A broker that is node 2 by its file; formats with the flags."""
        self.broker = self.make()
        self.file = self.directory / "server.properties"
        write_properties(self.file, **{
            "process_roles": "broker,controller", "node_id": 2, "log_dirs": self.broker.data,
            "listeners": f"PLAINTEXT://localhost:{self.broker.port},"
                         f"CONTROLLER://localhost:{free_port()}",
            "controller_listener_names": "CONTROLLER", **settings,
        })
        run = kafka_tools.our_tool("kafka-storage", ["format", "-t", CLUSTER, "-c", str(self.file),
                                                     *flags])
        self.assertEqual(run.code, 0, run.err)
        return [self.broker.program, "server", "--config", self.file]

    def check_served(self, command):
        """Twice, so that the second start finds what the first has written."""
        for topics in (["t"], ["t", "u"]):
            self.broker.start(command)
            self.assertEqual((self.broker.node, self.broker.cluster), (2, CLUSTER))
            admin = self.admin(self.broker)
            admin.create_topics([NewTopic(topics[-1], 1, 1)])[topics[-1]].result(20)
            self.assertEqual(sorted(admin.list_topics(timeout=20).topics), topics)
            self.assertEqual(self.broker.stop(), 0)

    def test_standalone(self):
        self.check_served(self.prepare("--standalone"))

    def test_one_initial_controller(self):
        directory = "JEXY6aqzQY-32P5TStzaFg"
        self.check_served(self.prepare("-I", f"2@localhost:9093:{directory}"))
        self.assertIn(directory, (self.broker.data / "meta.properties").read_text())

    def test_static_quorum_of_one(self):
        self.check_served(self.prepare(controller_quorum_voters="2@localhost:9093"))

    def test_quorum_of_others(self):
        """Not served: said in a line, and nothing is written."""
        for flags, settings in [
            (["-I", f"2@h:1:{CLUSTER},3@h:2:JEXY6aqzQY-32P5TStzaFg"], {}), (["-N"], {}),
            ([], {"controller_quorum_voters": "2@h:1,3@h:2"}),
        ]:
            with self.subTest(flags=flags, **settings):
                command = self.prepare(*flags, **settings)
                self.broker.launch(command)
                self.assertEqual(self.broker.wait(), 1)
                self.assertIn("is not the only voter", self.broker.log_tail(1))
                shutil.rmtree(self.broker.data)


if __name__ == "__main__":
    unittest.main()
