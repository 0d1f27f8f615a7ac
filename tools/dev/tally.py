"""Counts over all runners, and how a runner's own closing line is read."""
import re
import subprocess
import sys
import time

CLOSING = re.compile(r'^(?:\w+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$', re.MULTILINE)
UNITTEST = re.compile(r'^Ran (\d+) tests? in', re.MULTILINE)


class Tally:
    """The sum over all stages. A stage that ran no test counts as a failure."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.failures, self.stages = [], []

    def add(self, stage, passed, failures, skipped=0):
        """`failures` names what failed, one entry each."""
        if passed == 0 and not failures:
            failures = ['it executed no test']
        self.passed += passed
        self.failed += len(failures)
        self.skipped += skipped
        self.failures += [f'{stage}: {failure}' for failure in failures]
        for failure in failures[:50]:
            print(f'FAILED {stage}: {failure}', flush=True)

    def stage(self, name, work):
        """Runs `work(self)`; an exception in it is a failure of the stage. True if all was well."""
        print(f'\n=== {name}', flush=True)
        before, started = (self.passed, self.failed), time.monotonic()
        try:
            work(self)
        except (subprocess.SubprocessError, OSError, ValueError) as error:
            self.add(name, 0, [str(error)])
        passed, failed = self.passed - before[0], self.failed - before[1]
        seconds = time.monotonic() - started
        self.stages.append(f'{name}: {passed} ok, {failed} not ok, {seconds:.1f} s')
        print(f'--- {self.stages[-1]}', flush=True)
        return failed == 0

    def close(self):
        """The closing lines; answers the exit code."""
        print('')
        for line in self.stages:
            print(line)
        if self.failures:
            print('\nWhat failed:')
            for failure in self.failures:
                print(f'  {failure}')
        skipped = f', {self.skipped} skipped' if self.skipped else ''
        print(f'\n{self.passed} passed, {self.failed} failed{skipped}', flush=True)
        return 1 if self.failed or not self.passed else 0


def run_shown(command, **options):
    """Runs a command whose output is both shown and returned: (exit code, output)."""
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, text=True, errors='replace',
                          **options) as process:
        for line in process.stdout:
            lines.append(line)
            sys.stdout.write(line)
            sys.stdout.flush()
    return process.returncode, ''.join(lines)


def add_check(tally, stage, command, **options):
    """A command that is one test: its exit code says all."""
    code, _ = run_shown(command, **options)
    tally.add(stage, int(code == 0), [f'exit code {code}'] if code else [])


def add_runner(tally, stage, command, **options):
    """A runner that closes with 'N passed, N failed'; its last such line counts."""
    code, output = run_shown(command, **options)
    closings = CLOSING.findall(output)
    if not closings:
        tally.add(stage, 0, [f'exit code {code}, and no line that says how many passed'])
        return
    passed, failed, skipped = (int(number or 0) for number in closings[-1])
    failures = [f'{failed} of its tests'] + [''] * (failed - 1) if failed else []
    if code and not failed:
        failures = [f'exit code {code}']
    tally.add(stage, passed, failures, skipped)


def add_unittest(tally, stage, command, **options):
    """Python's unittest."""
    code, output = run_shown(command, **options)
    ran = sum(int(number) for number in UNITTEST.findall(output))
    bad = sum(int(number) for number in re.findall(r'(?:failures|errors)=(\d+)', output))
    failures = [name for _, name in re.findall(r'^(FAIL|ERROR): (.*)$', output, re.MULTILINE)]
    if code and not failures:
        failures = [f'exit code {code}']
    tally.add(stage, max(ran - bad, 0), failures)
