"""The Debian packages that building and testing need, and how the missing ones get here."""
import os
import shutil
import subprocess
import sys

BUILD = ('clang-19 lld-19 llvm-19 libclang-rt-19-dev clang-tidy-19 clang-format-19 ccache cmake '
         'ninja-build git libfmt-dev libgtest-dev libbenchmark-dev libboost1.81-dev libre2-dev '
         'libzstd-dev liblz4-dev libsnappy-dev zlib1g-dev libcli11-dev nlohmann-json3-dev '
         'libssl-dev').split()
CLIENTS = 'kcat python3-confluent-kafka python3-kafka python3-venv'.split()
# Any Java 17 or newer will do, so these are asked for by command.
JAVA = {'javac': 'openjdk-17-jdk-headless', 'mvn': 'maven'}


def missing(packages):
    """Those of `packages` that dpkg does not know as installed."""
    if not shutil.which('dpkg-query'):
        sys.exit('This is no Debian system. Install by hand: ' + ' '.join(packages))
    listed = subprocess.run(['dpkg-query', '-W', '-f', '${db:Status-Status} ${Package}\n',
                             *packages], capture_output=True, text=True).stdout
    present = {line.split()[1] for line in listed.splitlines() if line.startswith('installed ')}
    return [package for package in packages if package not in present]


def install(packages):
    """Installs what is missing; asks no network when nothing is."""
    wanted = missing(packages)
    if not wanted:
        return
    print('installing ' + ' '.join(wanted), flush=True)
    as_root = [] if os.geteuid() == 0 else ['sudo']
    apt = [*as_root, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q']
    subprocess.run([*apt, 'update'], check=True)
    subprocess.run([*apt, 'install', '-y', '--no-install-recommends', *wanted], check=True)


def setup(clients=False, java=False):
    commands = JAVA.items() if java else ()
    install([*BUILD, *(CLIENTS if clients else ()),
             *(package for command, package in commands if not shutil.which(command))])
