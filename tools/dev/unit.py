"""Unit tests of one preset: the programs that ctest knows, run two at a time, counted by case."""
import concurrent.futures
import json
import os
import subprocess
import tempfile
from pathlib import Path

from building import JOBS, build, folder

TIMEOUT_S = 900
SYMBOLIZER = '/usr/bin/llvm-symbolizer-19'
SANITIZERS = {
    'ASAN_OPTIONS': 'detect_leaks=1:detect_stack_use_after_return=1:allocator_may_return_null=1',
    'UBSAN_OPTIONS': 'print_stacktrace=1',
    'TSAN_OPTIONS': 'halt_on_error=0:second_deadlock_stack=1',
}


def environment():
    """The environment with the sanitizers' options and their symbolizer."""
    return {**SANITIZERS, 'LLVM_SYMBOLIZER_PATH': SYMBOLIZER, **os.environ}


def test_programs(preset):
    """[(name, command)] of the tests that the preset registered."""
    listed = subprocess.run(['ctest', '--test-dir', folder(preset), '--show-only=json-v1'],
                            check=True, capture_output=True, text=True)
    tests = json.loads(listed.stdout)['tests']
    return [(test['name'], test['command']) for test in tests if 'command' in test]


def read_report(path):
    """(passed, [name of a failed case], skipped) of a GoogleTest report."""
    passed, failures, skipped = 0, [], 0
    for suite in json.loads(path.read_text())['testsuites']:
        for case in suite['testsuite']:
            if case['status'] != 'RUN':
                continue
            if case.get('failures'):
                failures.append(f"{suite['name']}.{case['name']}")
            elif case.get('result') == 'SKIPPED':
                skipped += 1
            else:
                passed += 1
    return passed, failures, skipped


def run_program(name, command, reports, quick):
    """(passed, failures, skipped, output): a program that leaves no report has crashed."""
    report = reports / f'{name}.json'
    arguments = [f'--gtest_output=json:{report}', '--gtest_brief=1']
    arguments += ['--gtest_filter=-*Slow*'] if quick else []
    try:
        done = subprocess.run([*command, *arguments], capture_output=True, text=True,
                              errors='replace', timeout=TIMEOUT_S, env=environment(), cwd=reports)
    except subprocess.TimeoutExpired:
        return 0, [f'{name} took more than {TIMEOUT_S} s'], 0, ''
    output = done.stdout + done.stderr
    if not report.exists():
        return 0, [f'{name} ended with code {done.returncode} and no report'], 0, output
    passed, failures, skipped = read_report(report)
    if done.returncode and not failures:
        failures = [f'{name} ended with code {done.returncode}']
    return passed, failures, skipped, output


def run(tally, preset, quick=False, targets=(), only=lambda name: True):
    """Builds `targets` (all, unless told) of a preset and runs the tests that `only` accepts."""
    build(preset, *targets)
    programs = [(name, command) for name, command in test_programs(preset) if only(name)]
    with tempfile.TemporaryDirectory() as reports, \
            concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        runs = [(name, pool.submit(run_program, name, command, Path(reports), quick))
                for name, command in programs]
        for name, future in runs:
            passed, failures, skipped, output = future.result()
            if failures:
                print('\n'.join(output.splitlines()[-200:]))
            print(f'{name}: {passed} passed, {len(failures)} failed'
                  + (f', {skipped} skipped' if skipped else ''), flush=True)
            tally.add(f'unit tests, {preset}', passed, failures, skipped)
    if not programs:
        tally.add(f'unit tests, {preset}', 0, [])
