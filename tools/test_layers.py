"""Plants a fault of each kind in a small tree and asks tools/layers to name it."""
import subprocess
import tempfile
import unittest
from pathlib import Path

TOOLS = Path(__file__).resolve().parent
TABLE = '''
base:
runtime: base
runtime/linux: base runtime
runtime/sim: base runtime
storage: base runtime
broker: base storage
test runtime/sim
testlib gtest
forbid *_machine.h: runtime
except runtime/seams_test.cc: runtime/linux  # both worlds
'''


class LayersTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.write('tools/layers.txt', TABLE)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run_layers(self):
        done = subprocess.run([TOOLS / 'layers', '--root', self.root], capture_output=True,
                              text=True)
        self.assertEqual(done.stderr, '')
        return done.returncode, done.stdout

    def expect_fault(self, words):
        code, output = self.run_layers()
        self.assertIn(words, output)
        self.assertEqual(code, 1)
        self.assertIn(' 1 faults', output)

    def expect_clean(self):
        self.assertEqual(self.run_layers()[0], 0, self.run_layers()[1])

    def test_what_the_table_allows_passes(self):
        self.write('src/base/error.h', '#include <string>\n')
        self.write('src/storage/log.h', '#include "base/error.h"\n#include "runtime/disk.h"\n')
        self.write('src/broker/handlers/00_produce.cc', '#include "storage/log.h"\n'
                   '#include "broker/handlers/table.h"\n#include "broker/broker.h"\n')
        self.write('include/partita/client.h', '#include <string>\n#include "partita/admin.h"\n')
        self.expect_clean()

    def test_upward_include(self):
        self.write('src/base/error.h', '\n#include "storage/log.h"\n')
        self.expect_fault('src/base/error.h:2: base may not include storage')

    def test_folder_that_is_above_but_not_named(self):
        self.write('src/broker/broker.h', '#include "runtime/disk.h"\n')
        self.expect_fault('src/broker/broker.h:1: broker may not include runtime')

    def test_naming_a_folder_does_not_name_its_subfolder(self):
        self.write('src/storage/log.cc', '  #  include "runtime/linux/disk.h"\n')
        self.expect_fault('storage may not include runtime/linux')

    def test_only_tests_include_the_simulated_world(self):
        self.write('src/storage/log_test.cc', '#include "runtime/sim/disk.h"\n')
        self.write('src/storage/log_fuzz.cc', '#include "runtime/sim/disk.h"\n')
        self.write('src/storage/log_bench.cc', '#include "runtime/sim/disk.h"\n')
        self.expect_clean()
        self.write('src/storage/log.cc', '#include "runtime/sim/disk.h"\n')
        self.expect_fault('src/storage/log.cc:1: storage may not include runtime/sim')

    def test_tests_do_not_include_the_real_world(self):
        self.write('src/storage/log_test.cc', '#include "runtime/linux/disk.h"\n')
        self.expect_fault('storage may not include runtime/linux')

    def test_test_library_outside_tests(self):
        self.write('src/storage/log_test.cc', '#include <gtest/gtest.h>\n')
        self.expect_clean()
        self.write('src/storage/log.cc', '#include <gtest/gtest.h>\n')
        self.expect_fault('only tests include <gtest/gtest.h>')

    def test_named_exception_holds_for_its_file_only(self):
        self.write('src/runtime/seams_test.cc', '#include "runtime/linux/disk.h"\n')
        self.expect_clean()
        self.write('src/runtime/other_test.cc', '#include "runtime/linux/disk.h"\n')
        self.expect_fault('src/runtime/other_test.cc:1: runtime may not include runtime/linux')

    def test_exception_without_reason(self):
        self.write('tools/layers.txt', TABLE + 'except base/error.h: runtime\n')
        self.expect_fault('an exception needs a reason')

    def test_machine_stays_pure(self):
        self.write('src/storage/roll_machine.h', '#include "runtime/clock.h"\n')
        self.expect_fault('*_machine.h may not include runtime')

    def test_include_that_is_not_from_the_root_of_src(self):
        self.write('src/storage/log.cc', '#include "log.h"\n')
        self.expect_fault('write "log.h" from the root of src/')

    def test_parent_path(self):
        self.write('src/storage/log.cc', '#include "../base/error.h"\n')
        self.expect_fault('from the root of src/')

    def test_own_header_in_angle_brackets(self):
        self.write('src/storage/log.cc', '#include <base/error.h>\n')
        self.expect_fault('write "base/error.h" in quotes')

    def test_folder_that_is_not_listed(self):
        self.write('src/extra/thing.h', '#include <string>\n')
        self.expect_fault('src/extra/thing.h:1: its folder does not stand in tools/layers.txt')

    def test_public_header_that_reaches_inside(self):
        self.write('include/partita/client.h', '#include "base/error.h"\n')
        self.expect_fault('the public headers may not include "base/error.h"')

    def test_table_that_names_a_lower_line(self):
        self.write('tools/layers.txt', 'base: wire\nwire: base\n')
        self.expect_fault('layers.txt:1: wire does not stand above this line')

    def test_circle_made_by_an_exception(self):
        self.write('tools/layers.txt', TABLE + 'except base/log.h: runtime  # planted\n')
        self.write('src/base/log.h', '#include "runtime/clock.h"\n')
        self.expect_clean()
        self.write('src/runtime/clock.h', '#include "base/log.h"\n')
        self.expect_fault('folders include each other in a circle: base -> runtime -> base')


if __name__ == '__main__':
    unittest.main()
