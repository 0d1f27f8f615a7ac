"""What ./dev test runs, cheap and telling things first."""
import os
import sys

import building
import fuzzing
import packages
import tally as counting
import unit

ROOT = building.ROOT
# One seed: a change fails by its own doing. ./dev fuzz takes another each time.
FUZZ_SECONDS, FUZZ_SEED = 8, 1
SIM_RUNS, SIM_RUNS_QUICK = 60, 20
BLACK_BOX = {path.stem for path in (ROOT / 'tests').glob('test_*.py')}
BAD_INPUT = {name for name in BLACK_BOX if name.startswith('test_bad_')}
# Threads meet in these folders, sockets and shards included; what stands above runs to completion
# on one shard.
THREADED = ('base', 'runtime', 'runtime_linux', 'rpc')


def release(tally):
    """What users get, and the benchmarks, which nothing else here builds."""
    building.build('release')
    tally.add('release', 1, [])


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
    building.build('debug', 'partita_generated')
    counting.add_check(tally, 'tidy', [ROOT / 'tools/tidy'])


def unit_tests(preset, quick=False):
    return lambda tally: unit.run(tally, preset, quick)


def simulator(preset, runs):
    def work(tally):
        counting.add_runner(tally, 'simulator', [building.simulator(preset), '--runs', str(runs)],
                            env=unit.environment())
    return work


def black_box(*names, preset='release', **variables):
    """Real processes and real clients."""
    def work(tally):
        environment = {**os.environ, **variables, 'PARTITA': str(building.binary(preset)),
                       'LLVM_SYMBOLIZER_PATH': unit.SYMBOLIZER}
        command = [sys.executable, ROOT / 'tests/run.py', *sorted(names)]
        counting.add_runner(tally, 'black box', command, cwd=ROOT, env=environment)
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
    ('unit tests, debug', unit_tests('debug', quick=True)),
    ('simulator', simulator('debug', SIM_RUNS_QUICK)),
    ('black box', black_box('--quick')),
]
# One sanitized build serves unit tests, simulator, fuzz targets and bad input: what debug finds,
# it finds, and building debug as well would take minutes more.
FULL = [
    ("tests of the tools", python_tests),
    ('layers', layers),
    ('tidy --quick', tidy_quick),
    ('release', release),
    ('black box', black_box(*BLACK_BOX - BAD_INPUT)),
    ('unit tests, asan', unit_tests('asan')),
    ('simulator', simulator('asan', SIM_RUNS)),
    ('black box, bad input, asan', black_box(*BAD_INPUT, preset='asan')),
    ('fuzz', lambda tally: fuzzing.run(tally, FUZZ_SECONDS, FUZZ_SEED)),
    ('unit tests, tsan', threads),
    ('tidy', tidy),
]


def test(quick=False):
    """Runs all stages, whatever fails; answers the exit code."""
    packages.setup(clients=True, java=not quick)
    tally = counting.Tally()
    for name, work in QUICK if quick else FULL:
        tally.stage(name, work)
    return tally.close()
