"""Every planted fault is switched on by a test: a switch that nobody turns proves nothing."""
import re
import unittest
from pathlib import Path

SRC = Path(__file__).resolve().parents[1] / 'src'
PLANTED = re.compile(r'mutant\(\s*"([^"]+)"')


def sources(tests):
    return [path for pattern in ('*.cc', '*.h') for path in SRC.rglob(pattern)
            if bool(re.search(r'_test\.(cc|h)$', path.name)) == tests]


def planted(paths):
    return {name for path in paths for name in PLANTED.findall(path.read_text())}


def never_switched_on(names, texts):
    return sorted(name for name in names if not any(f'"{name}"' in text for text in texts))


class Mutants(unittest.TestCase):
    def test_each_is_switched_on(self):
        names = planted(sources(tests=False))
        self.assertGreater(len(names), 20)
        texts = [path.read_text() for path in sources(tests=True)]
        self.assertEqual(never_switched_on(names, texts), [])

    def test_a_forgotten_one_shows(self):
        self.assertEqual(never_switched_on({'a.b', 'c.d'}, ['set_mutant("a.b");']), ['c.d'])


if __name__ == '__main__':
    unittest.main()
