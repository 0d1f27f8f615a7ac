"""kafka-server-start.sh and kafka-server-stop.sh."""
import re
import unittest

import broker
import kafka_tools
from tools_case import TOPICS


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


if __name__ == "__main__":
    unittest.main()
