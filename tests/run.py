#!/usr/bin/python3
"""Runs the black-box tests: real processes, clients that nobody here wrote.

    tests/run.py [--quick] [NAME...]

NAME: the beginning of files' names (test_bad), or what unittest calls a test
(test_kcat.Kcat.test_keys). The binary is what the environment's PARTITA names, else
build/release/partita; one with sanitizers may be named as well. The last lines say how many seconds
each file took, and how many tests passed; the exit code is 0 only where some did and none failed.
"""
import argparse
import pathlib
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
QUICK = ["test_kcat", "test_server", "test_confluent.Basics"]


class Result(unittest.TextTestResult):
    """Counts what passed, and how long each test took."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.passed = 0
        self.seconds = []
        self.of_files = []
        self._began = 0.0
        self._was_bad = 0

    def _bad(self):
        return len(self.failures) + len(self.errors) + len(self.unexpectedSuccesses)

    def startTest(self, test):
        super().startTest(test)
        self._began, self._was_bad = time.monotonic(), self._bad() + len(self.skipped)

    def stopTest(self, test):
        super().stopTest(test)
        self.seconds.append((time.monotonic() - self._began, test.id()))
        if self._bad() + len(self.skipped) == self._was_bad:
            self.passed += 1


class Files(unittest.BaseTestSuite):
    """One suite a file, each timed with the starts and stops of its brokers."""

    def __init__(self, names):
        loader = unittest.TestLoader()
        super().__init__(loader.loadTestsFromName(name) for name in names)
        self.names = names

    def run(self, result, debug=False):
        for name, suite in zip(self.names, self, strict=True):
            began = time.monotonic()
            suite.run(result, debug)
            result.of_files.append((time.monotonic() - began, name))
        return result


def modules_of(name):
    """The files that begin so; what has a dot in it is the name of one thing."""
    if "." in name:
        return [name]
    found = sorted(path.stem for path in HERE.glob(f"{name}*.py") if path.stem.startswith("test_"))
    if not found:
        sys.exit(f"no file of tests begins with {name}")
    return found


def tests_of(names, quick):
    wanted = names or (QUICK if quick else ["test_"])
    return Files(list(dict.fromkeys(module for name in wanted for module in modules_of(name))))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a few of them, in some 20 seconds")
    parser.add_argument("names", nargs="*", metavar="NAME")
    args = parser.parse_args()
    sys.path.insert(0, str(HERE))
    sys.stdout.reconfigure(line_buffering=True)
    runner = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=Result)
    result = runner.run(tests_of(args.names, args.quick))
    print("slowest tests:")
    for seconds, name in sorted(result.seconds, reverse=True)[:8]:
        print(f"{seconds:6.1f} s  {name}")
    print("files:")
    for seconds, name in result.of_files:
        print(f"{seconds:6.1f} s  {name}")
    failed = result._bad()
    skipped = f", {len(result.skipped)} skipped" if result.skipped else ""
    print(f"\n{result.passed} passed, {failed} failed{skipped}", flush=True)
    sys.exit(1 if failed or not result.passed else 0)


if __name__ == "__main__":
    main()
