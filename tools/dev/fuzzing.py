"""Fuzz targets: every *_fuzz program for some seconds, from the seeds beside the code."""
import concurrent.futures
import re
import subprocess

from building import JOBS, ROOT, build, folder
from unit import environment

# The same flags as preset fuzz, and by then already built for the unit tests.
PRESET = 'asan'
EXECUTED = re.compile(r'stat::number_of_executed_units:\s*(\d+)')


def seeds_of(target):
    """The seeds of FOLDER_x_fuzz: src/FOLDER/testdata/corpus/x_fuzz, or all of that corpus."""
    found = []
    for corpus in ROOT.glob('src/**/testdata/corpus'):
        place = corpus.parents[1].relative_to(ROOT / 'src').as_posix().replace('/', '_')
        if target.startswith(place + '_'):
            own = corpus / target[len(place) + 1:]
            found.append(own if own.is_dir() else corpus)
    return found


def run_target(program, seconds, seed=0):
    """(name of what failed or None, output)"""
    name = program.name
    corpus = folder(PRESET) / 'corpus' / name
    artifacts = folder(PRESET) / 'artifacts'
    corpus.mkdir(parents=True, exist_ok=True)
    artifacts.mkdir(exist_ok=True)
    done = subprocess.run(
        [program, f'-max_total_time={seconds}', f'-seed={seed}', '-rss_limit_mb=2048',
         '-timeout=20', '-max_len=65536', '-print_final_stats=1',
         f'-artifact_prefix={artifacts}/{name}-',
         corpus, *seeds_of(name)],
        capture_output=True, text=True, errors='replace', timeout=seconds + 300, env=environment())
    executed = EXECUTED.search(done.stderr)
    if done.returncode:
        where = artifacts.relative_to(ROOT)
        return f'{name}: exit code {done.returncode}, see {where}', done.stderr
    if not executed or int(executed[1]) == 0:
        return f'{name} executed nothing', done.stderr
    return None, f'{name}: {executed[1]} inputs'


def run(tally, seconds, seed=0):
    """Every target counts as one test. Seed 0 is another one each time."""
    build(PRESET, 'partita_fuzzers')
    programs = sorted(path for path in (folder(PRESET) / 'src').glob('*_fuzz') if path.is_file())
    failures, passed = [], 0
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        runs = pool.map(lambda program: run_target(program, seconds, seed), programs)
        for failure, output in runs:
            print('\n'.join(output.splitlines()[-60:]), flush=True)
            passed += failure is None
            failures += [failure] if failure else []
    tally.add('fuzz', passed, failures)
