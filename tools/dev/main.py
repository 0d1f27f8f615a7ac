"""./dev COMMAND: everything one does here.

  setup [--all]          install what is missing (--all: the test clients too)
  build                  build/release/partita
  run [--port N]         build, then a broker on localhost:9092 with its data in ./data
  test [--quick]         everything that must hold; --quick: in under a minute once built
  sim [--seed N] [--runs N]   simulated clusters from seeds
  fuzz [SECONDS]         every fuzz target, 60 seconds each unless told
  bench [ARGUMENT ...]   side by side with Apache Kafka; see bench/README.md
  tidy [--fix] [PATH ...]   layers, sizes, bans, formatting, clang-tidy
  ci                     what runs before a change lands: the same as test
"""
import argparse
import os
import subprocess
import sys

import building
import fuzzing
import packages
import serving
import stages
import tally

ROOT = building.ROOT


def setup(arguments):
    parser = argparse.ArgumentParser(prog='./dev setup')
    parser.add_argument('--all', action='store_true', help='the test clients too')
    everything = parser.parse_args(arguments).all
    packages.setup(clients=everything, java=everything)
    if everything:
        subprocess.run([sys.executable, ROOT / 'tests/client_setup.py'], check=True)
    return 0


def build(arguments):
    argparse.ArgumentParser(prog='./dev build').parse_args(arguments)
    packages.setup()
    print(building.binary().relative_to(ROOT))
    return 0


def run(arguments):
    parser = argparse.ArgumentParser(prog='./dev run')
    parser.add_argument('--port', type=int, default=9092)
    parser.add_argument('--data-dir', default='./data')
    options = parser.parse_args(arguments)
    packages.setup()
    return serving.serve(options.port, options.data_dir)


def test(arguments):
    parser = argparse.ArgumentParser(prog='./dev test')
    parser.add_argument('--quick', action='store_true')
    return stages.test(parser.parse_args(arguments).quick)


def sim(arguments):
    packages.setup()
    return subprocess.run([building.simulator(), *arguments]).returncode


def fuzz(arguments):
    parser = argparse.ArgumentParser(prog='./dev fuzz')
    parser.add_argument('seconds', type=int, nargs='?', default=60)
    seconds = parser.parse_args(arguments).seconds
    packages.setup()
    count = tally.Tally()
    count.stage('fuzz', lambda count: fuzzing.run(count, seconds))
    return count.close()


def bench(arguments):
    packages.setup(clients=True, java=True)
    building.binary()
    return subprocess.run([sys.executable, ROOT / 'bench/run.py', *arguments]).returncode


def tidy(arguments):
    packages.setup()
    if '--quick' not in arguments:
        building.build('debug', 'partita_generated')    # and with it the flags of every file
    layers = subprocess.run([ROOT / 'tools/layers']).returncode
    return subprocess.run([ROOT / 'tools/tidy', *arguments]).returncode or layers


def ci(arguments):
    return test(arguments)


COMMANDS = {function.__name__: function
            for function in (setup, build, run, test, sim, fuzz, bench, tidy, ci)}


def main():
    command = sys.argv[1] if len(sys.argv) > 1 else 'help'
    if command not in COMMANDS:
        print(__doc__.strip())
        return 0 if command in ('help', '-h', '--help') else 2
    os.chdir(ROOT)
    try:
        return COMMANDS[command](sys.argv[2:])
    except subprocess.CalledProcessError as error:
        print(f'failed: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == '__main__':
    sys.exit(main())
