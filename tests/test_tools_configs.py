"""kafka-configs of Apache Kafka and ours against one broker."""
import unittest

import tools_case

CONFIGS = "kafka-configs"


class Configs(tools_case.CoordinatorsCase):
    def run_both(self, *arguments, err="first"):
        return self.compare(CONFIGS, *arguments, err=err)

    def entity(self, kind, name, *arguments, **options):
        self.run_both("--entity-type", kind, "--entity-name", name, *arguments, **options)

    def test_topics(self):
        for mark in "JP":
            self.create(f"{mark}conf", 1, "--config", "retention.ms=100000")
        self.entity("topics", "@conf", "--describe")
        self.entity("topics", "@conf", "--alter", "--add-config",
                    "max.message.bytes=2000,cleanup.policy=[compact,delete]")
        self.entity("topics", "@conf", "--describe")
        self.run_both("--topic", "@conf", "--describe", "--all")
        self.run_both("--topic", "@conf", "--alter", "--delete-config", "retention.ms")
        self.run_both("--topic", "@conf", "--alter", "--delete-config", "retention.ms")
        self.run_both("--topic", "@conf", "--alter", "--add-config", "retention.ms=abc")
        self.run_both("--topic", "@conf", "--alter", "--add-config", "nosuch.config=1")
        self.run_both("--topic", "@conf", "--alter", "--add-config", "min.insync.replicas=1",
                      "--delete-config", "max.message.bytes")
        self.run_both("--topic", "@conf", "--describe")
        self.run_both("--topic", "@nosuch", "--describe")
        self.run_both("--topic", "@nosuch", "--alter", "--add-config", "retention.ms=1")
        self.run_both("--topic", "bad/name", "--describe", err="none")
        for wrong in ("a", "a=b=c", "=b", "a!=b", "a=b,c"):
            self.run_both("--topic", "@conf", "--alter", "--add-config", wrong)

    def test_config_file(self):
        for mark in "JP":
            self.create(f"{mark}file")
        place = self.temporary_directory()
        file = place / "configs"
        file.write_text("retention.ms=12345\nsegment.bytes = 1048577\n")
        self.run_both("--topic", "@file", "--alter", "--add-config-file", str(file))
        self.run_both("--topic", "@file", "--describe")
        self.run_both("--topic", "@file", "--alter", "--add-config-file", str(place / "nosuch"),
                      err="none")

    def test_brokers(self):
        self.run_both("--broker", "1", "--describe")
        self.run_both("--entity-type", "brokers", "--describe")
        self.run_both("--broker-defaults", "--describe")
        self.run_both("--entity-type", "brokers", "--entity-default", "--describe")
        self.run_both("--broker", "1", "--alter", "--add-config", "message.max.bytes=2000000")
        self.run_both("--broker", "1", "--describe")
        self.run_both("--broker-defaults", "--alter", "--add-config", "message.max.bytes=3000000")
        self.run_both("--broker-defaults", "--describe")
        self.run_both("--entity-type", "brokers", "--describe")
        self.run_both("--broker", "1", "--alter", "--delete-config", "message.max.bytes")
        self.run_both("--broker", "1", "--describe")
        self.run_both("--broker-defaults", "--alter", "--delete-config", "nosuch")
        self.run_both("--broker", "7", "--describe", err="none")
        self.run_both("--broker", "x", "--describe")
        self.run_both("--entity-type", "brokers", "--entity-name", "x", "--describe")

    def test_wrong_usage(self):
        for arguments in (
            [], ["--describe"], ["--alter"], ["--describe", "--alter", "--topic", "x"],
            ["--describe", "--entity-type", "nosuch"], ["--alter", "--topic", "x"],
            ["--describe", "--topic", "x", "--entity-type", "topics"], ["--nosuch"],
            ["--describe", "--topic", "x", "--broker", "1"],
            ["--alter", "--entity-type", "topics", "--add-config", "a=b"],
            ["--alter", "--entity-type", "brokers", "--add-config", "a=b"],
            ["--describe", "--entity-type", "topics", "--entity-default"],
            ["--describe", "--entity-type", "broker-loggers"],
            ["--describe", "--topic", "x", "--topic"],
            ["--alter", "--topic", "x", "--add-config", "a=b", "--add-config-file", "f"],
            ["--describe", "--topic", "x", "--add-config", "a=b"], ["--version"],
        ):
            self.run_both(*arguments)
        self.compare(CONFIGS, "--describe", "--topic", "x", server=False, err="first")
        self.compare(CONFIGS, server=False, err="first")
        self.compare(CONFIGS, "--help", server=False, err="none")


if __name__ == "__main__":
    unittest.main()
