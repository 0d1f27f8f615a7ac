"""Configuring and building a preset; where its programs are then."""
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
JOBS = os.cpu_count() or 2


def folder(preset):
    return ROOT / 'build' / preset


def build(preset, *targets):
    """Builds `targets`, or all of the preset. Raises CalledProcessError where it fails."""
    where = folder(preset)
    if not (where / 'build.ninja').exists():
        subprocess.run(['cmake', '--preset', preset], cwd=ROOT, check=True,
                       stdout=subprocess.DEVNULL)
    subprocess.run(['ninja', '-C', where, f'-j{JOBS}', *targets], check=True)


def release_binary():
    """build/release/partita, built."""
    build('release', 'partita')
    return folder('release') / 'partita'


def simulator():
    """The simulator of the debug preset, built."""
    build('debug', 'partita_simulator')
    return folder('debug') / 'partita_sim'
