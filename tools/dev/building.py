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
    made, presets = where / 'build.ninja', ROOT / 'CMakePresets.json'
    if not made.exists() or made.stat().st_mtime < presets.stat().st_mtime:
        subprocess.run(['cmake', '--preset', preset], cwd=ROOT, check=True,
                       stdout=subprocess.DEVNULL)
    subprocess.run(['ninja', '-C', where, f'-j{JOBS}', *targets], check=True)


def binary(preset='release'):
    """build/PRESET/partita, built."""
    build(preset, 'partita')
    return folder(preset) / 'partita'


def simulator(preset='debug'):
    """The simulator of a preset, built."""
    build(preset, 'partita_simulator')
    return folder(preset) / 'partita_sim'
