"""What ./dev test runs, cheap and telling things first."""
import os
import sys

import building
import fuzzing
import packages
import tally as counting
import unit

ROOT = building.ROOT
FUZZ_SECONDS = 8
SIM_RUNS, SIM_RUNS_QUICK = 60, 20
# Threads meet in these folders; what stands above runs to completion on one shard.
THREADED = ('base', 'runtime', 'runtime_linux')


def python_tests(tally):
    """The tools' own tests and the generator's."""
    places = sorted({path.parent for top in ('tools', 'src') for path in
                     (ROOT / top).rglob('test_*.py')})
    for place in places:
        counting.add_unittest(tally, str(place.relative_to(ROOT)),
                              [sys.executable, '-m', 'unittest', 'discover', '-s', place,
                               '-p', 'test_*.py'])


def layers(tally):
    counting.add_check(tally, 'layers', [ROOT / 'tools/layers'])


def tidy_quick(tally):
    counting.add_check(tally, 'tidy --quick', [ROOT / 'tools/tidy', '--quick'])


def tidy(tally):
    counting.add_check(tally, 'tidy', [ROOT / 'tools/tidy'])


def simulator(runs):
    def work(tally):
        counting.add_runner(tally, 'simulator', [building.simulator(), '--runs', str(runs)])
    return work


def black_box(*flags):
    """Real processes and real clients."""
    def work(tally):
        environment = {**os.environ, 'PARTITA': str(building.release_binary())}
        counting.add_runner(tally, 'black box', [sys.executable, ROOT / 'tests/run.py', *flags],
                            cwd=ROOT, env=environment)
    return work


def threads(tally):
    """Folders where threads meet, under the thread sanitizer."""
    targets = [f'{name}_test' for name in THREADED
               if list((ROOT / 'src' / name.replace('_', '/')).glob('*_test.cc'))]
    unit.run(tally, 'tsan', targets=targets, only=lambda name: f'{name}_test' in targets)


QUICK = [
    ("tests of the tools", python_tests),
    ('layers', layers),
    ('tidy --quick', tidy_quick),
    ('unit tests, debug', lambda tally: unit.run(tally, 'debug', quick=True)),
    ('simulator', simulator(SIM_RUNS_QUICK)),
    ('black box', black_box('--quick')),
]
FULL = [
    ("tests of the tools", python_tests),
    ('layers', layers),
    ('tidy --quick', tidy_quick),
    ('unit tests, debug', lambda tally: unit.run(tally, 'debug')),
    ('simulator', simulator(SIM_RUNS)),
    ('black box', black_box('test_kcat', 'test_server', 'test_confluent', 'test_crash',
                            'test_bad_input', 'test_kafka_python')),
]
# What takes another half hour on two cores: Apache Kafka's own tools (a Java process a call),
# clang-tidy, sanitizers, fuzz targets.
THOROUGH = [
    ('black box, Java', black_box('test_java_tools', 'test_kafka_tools',
                                  'test_seeds_partitioners')),
    ('tidy', tidy),
    ('unit tests, asan', lambda tally: unit.run(tally, 'asan')),
    ('unit tests, tsan', threads),
    ('fuzz', lambda tally: fuzzing.run(tally, FUZZ_SECONDS)),
]


def test(quick=False, thorough=False):
    """Runs all stages, whatever fails; answers the exit code."""
    packages.setup(clients=True, java=thorough)
    tally = counting.Tally()
    for name, work in QUICK if quick else FULL + (THOROUGH if thorough else []):
        tally.stage(name, work)
    return tally.close()
