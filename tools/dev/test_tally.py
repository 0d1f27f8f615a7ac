"""The count behind ./dev test: what failed, crashed or ran nothing may not pass for success."""
import contextlib
import io
import json
import stat
import sys
import tempfile
import unittest
import unittest.mock
from pathlib import Path

import fuzzing
import tally
import unit


def shell(text):
    return ['sh', '-c', text]


class Quiet(unittest.TestCase):
    def setUp(self):
        self.tally = tally.Tally()
        self.output = io.StringIO()
        silence = contextlib.redirect_stdout(self.output)
        silence.__enter__()
        self.addCleanup(silence.__exit__, None, None, None)

    def close(self):
        """(exit code, closing line)"""
        code = self.tally.close()
        return code, self.output.getvalue().splitlines()[-1]


class TallyTest(Quiet):
    def test_sum_over_stages(self):
        tally.add_runner(self.tally, 'a', shell('echo 3 passed, 0 failed'))
        tally.add_runner(self.tally, 'b', shell('echo 9 passed, 9 failed; echo 4 passed, 0 failed'))
        tally.add_check(self.tally, 'c', shell('exit 0'))
        self.assertEqual(self.close(), (0, '8 passed, 0 failed'))

    def test_failures_are_counted(self):
        tally.add_runner(self.tally, 'a', shell('echo 3 passed, 2 failed, 1 skipped; exit 1'))
        tally.add_check(self.tally, 'c', shell('exit 4'))
        self.assertEqual(self.close(), (1, '3 passed, 3 failed, 1 skipped'))

    def test_runner_that_executes_nothing_fails(self):
        tally.add_runner(self.tally, 'a', shell('echo 0 passed, 0 failed'))
        self.assertEqual(self.close(), (1, '0 passed, 1 failed'))

    def test_runner_without_closing_line_fails(self):
        tally.add_runner(self.tally, 'a', shell('echo all is well'))
        self.assertEqual(self.close(), (1, '0 passed, 1 failed'))

    def test_runner_that_dies_after_its_line_fails(self):
        tally.add_runner(self.tally, 'a', shell('echo 3 passed, 0 failed; exit 139'))
        self.assertEqual(self.close(), (1, '3 passed, 1 failed'))

    def test_stage_that_cannot_start_fails_and_the_next_runs(self):
        started = self.tally.stage('a', lambda count: tally.add_check(count, 'a', ['/no/such']))
        self.assertFalse(started)
        self.assertTrue(self.tally.stage('b', lambda count: count.add('b', 1, [])))
        self.assertEqual(self.close(), (1, '1 passed, 1 failed'))

    def test_nothing_at_all_fails(self):
        self.assertEqual(self.close(), (1, '0 passed, 0 failed'))

    def test_python_tests(self):
        report = 'echo "FAIL: test_x (m.T)"; echo "Ran 5 tests in 1s"; echo "FAILED (failures=1)"'
        tally.add_unittest(self.tally, 'a', shell(report + '; exit 1'))
        tally.add_unittest(self.tally, 'b', shell('echo "Ran 2 tests in 1s"; echo OK'))
        tally.add_unittest(self.tally, 'c', shell('echo "Ran 0 tests in 0s"; echo OK'))
        self.assertEqual(self.close(), (1, '6 passed, 2 failed'))


class ProgramTest(Quiet):
    """Test programs and fuzz targets, played by scripts."""

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def program(self, text):
        path = self.folder / 'program'
        path.write_text('#!/bin/sh\n' + text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    def run_unit(self, text):
        return unit.run_program('p', [str(self.program(text))], self.folder, False)[:3]

    def report(self, **failing):
        case = {'name': 'holds', 'status': 'RUN', 'result': 'COMPLETED', **failing}
        idle = {'name': 'off', 'status': 'NOTRUN', 'result': 'SUPPRESSED'}
        text = json.dumps({'testsuites': [{'name': 'S', 'testsuite': [case, idle]}]})
        return f"cat > {self.folder}/p.json <<'X'\n{text}\nX\n"

    def test_cases_are_counted_from_the_report(self):
        self.assertEqual(self.run_unit(self.report()), (1, [], 0))
        self.assertEqual(self.run_unit(self.report(failures=[{}])), (0, ['S.holds'], 0))
        self.assertEqual(self.run_unit(self.report(result='SKIPPED')), (0, [], 1))

    def test_crash_before_the_report(self):
        passed, failures, _ = self.run_unit('kill -SEGV $$')
        self.assertEqual((passed, failures), (0, ['p ended with code -11 and no report']))

    def test_leak_after_the_report(self):
        passed, failures, _ = self.run_unit(self.report() + 'exit 23')
        self.assertEqual((passed, failures), (1, ['p ended with code 23']))

    def test_fuzz_target_that_fails_or_does_nothing(self):
        for name, value in (('folder', lambda preset: self.folder), ('ROOT', self.folder)):
            patch = unittest.mock.patch.object(fuzzing, name, value)
            patch.start()
            self.addCleanup(patch.stop)
        line = 'echo stat::number_of_executed_units: %s >&2\n'
        self.assertIsNone(fuzzing.run_target(self.program(line % 7), 1)[0])
        self.assertIn('executed nothing', fuzzing.run_target(self.program(line % 0), 1)[0])
        self.assertIn('exit code 77', fuzzing.run_target(self.program(line % 7 + 'exit 77'), 1)[0])


if __name__ == '__main__':
    sys.exit(unittest.main())
