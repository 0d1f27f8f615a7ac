"""Apache Kafka's own tools and client, as Maven Central has them (bench/setup: same jars)."""
import os
import pathlib
import subprocess

from broker import ROOT

CACHE = pathlib.Path(os.environ.get("CACHE", pathlib.Path.home() / ".cache/partita-bench"))
# One short run after another: no time for the optimising compiler.
JVM = ["java", "-Xmx256M", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]
TOOLS = "org.apache.kafka.tools."


def jars():
    """The folder of the jars, fetched where they are not there yet."""
    folder = CACHE / "kafka"
    if not (folder / "kafka-tools-4.3.1.jar").exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["mvn", "-q", "-B", "-f", ROOT / "bench/kafka/pom.xml",
             "dependency:copy-dependencies", f"-DoutputDirectory={folder}"], check=True,
        )
    return folder


def quiet(directory):
    """A logging configuration that keeps warnings and errors; -D for it."""
    path = pathlib.Path(directory) / "log4j2.properties"
    path.write_text(
        "appender.err.type=Console\nappender.err.name=err\nappender.err.target=SYSTEM_ERR\n"
        "appender.err.layout.type=PatternLayout\nappender.err.layout.pattern=%p %m%n\n"
        "rootLogger.level=warn\nrootLogger.appenderRef.err.ref=err\n"
    )
    return f"-Dlog4j2.configurationFile={path}"


def run(directory, main, *arguments, given="", seconds=120):
    """Runs a class, or a .java file: (exit code, output, errors)."""
    done = subprocess.run(
        [*JVM, quiet(directory), "-cp", f"{jars()}/*", main, *map(str, arguments)], input=given,
        capture_output=True, text=True, timeout=seconds,
    )
    return done.returncode, done.stdout, done.stderr
