"""Plants a fault of each kind in a small tree and asks tools/tidy to name it."""
import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

TOOLS = Path(__file__).resolve().parent
HEADER = '#pragma once\n// What it is.\n'
# A marker of unfinished work, spelled so that this file passes its own check.
MARKER = 'TO' 'DO'


class TidyTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name).resolve() / 'checkout'
        self.cache = self.root.parent / 'cache'
        self.root.mkdir()
        for name in ('.clang-format', '.clang-tidy'):
            shutil.copy(TOOLS.parent / name, self.root / name)
        self.write('src/a/README.md', '# a\n')

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run_tidy(self, *flags):
        done = subprocess.run([TOOLS / 'tidy', '--root', self.root, *flags], capture_output=True,
                              text=True, env={**os.environ, 'XDG_CACHE_HOME': str(self.cache)})
        self.assertEqual(done.stderr, '')
        return done.returncode, done.stdout

    def expect_fault(self, *words, flags=('--quick',)):
        code, output = self.run_tidy(*flags)
        for word in words:
            self.assertIn(word, output)
        self.assertEqual(code, 1, output)
        self.assertIn(' 1 errors', output)

    def expect_clean(self, flags=('--quick',)):
        code, output = self.run_tidy(*flags)
        self.assertEqual(code, 0, output)
        return output


class SizesTest(TidyTest):
    def lines(self, count):
        return '\n'.join(f'int f{number}();' for number in range(count)) + '\n'

    def test_long_file(self):
        self.write('src/a/a.cc', self.lines(300))
        self.assertIn('0 warnings', self.expect_clean())
        self.write('src/a/a.cc', self.lines(301))
        self.assertIn('src/a/a.cc:1: 301 lines, aim at 300 (warning)', self.expect_clean())
        self.write('src/a/a.cc', self.lines(801))
        self.expect_fault('src/a/a.cc:1: 801 lines, 800 is the end')

    def function(self, statements):
        return 'void f(int x) {\n' + '  x++;\n' * statements + '}\n'

    def test_long_function(self):
        self.write('src/a/a.cc', '#include <x>\n' + self.function(68))
        self.expect_clean()
        self.write('src/a/a.cc', '#include <x>\n\n' + self.function(69))
        self.expect_fault('src/a/a.cc:3: f has 71 lines, 70 is the end')

    def test_long_function_behind_member_initialisers_and_brackets_in_literals(self):
        self.write('src/a/a.cc', 'X::X(int a, B b = {}) : a_{a}, c_{"{"} {\n' + '  x++;\n' * 80
                   + '}\n')
        self.expect_fault('src/a/a.cc:1: X::X has 82 lines')

    def test_rows_of_a_table_do_not_count(self):
        rows = ''.join(f'    case {number}:\n    case -{number}: return "{number}";\n'
                       for number in range(1, 90))
        self.write('src/a/a.cc', 'const char* f(int x) {\n  switch (x) {\n' + rows + '  }\n}\n')
        self.expect_clean()

    def test_long_python_function(self):
        self.write('tools/a.py', 'def f(x):\n' + '    x += 1\n' * 70)
        self.expect_fault('tools/a.py:1: f has 71 lines')

    def test_wide_line(self):
        self.write('tools/a.py', f'a = "{"x" * 95}"\n')
        self.expect_fault('tools/a.py:1: 101 columns, 100 is the end')

    def test_ratchet_lets_an_old_giant_shrink_and_never_grow(self):
        self.write('tools/tidy_ratchet.txt', 'src/a/a.cc f 81\n')
        self.write('src/a/a.cc', self.function(79))
        self.expect_clean()
        self.write('src/a/a.cc', self.function(80))
        self.expect_fault('f has 82 lines')
        self.write('src/a/a.cc', self.function(75))
        self.expect_fault('src/a/a.cc f is at 77 now: lower its entry from 81')

    def test_long_or_missing_readme(self):
        self.write('src/a/a.cc', 'int a;\n')
        self.write('src/a/README.md', 'words\n' * 31)
        self.expect_fault('src/a/README.md:1: 31 lines')
        (self.root / 'src/a/README.md').unlink()
        self.expect_fault('src/a/README.md:1: missing')


class BansTest(TidyTest):
    PLANTS = {
        'thread': ['#include <thread>', '#include <mutex>', 'std::mutex m;',
                   'void f() { std::this_thread::yield(); }'],
        'random': ['#include <random>', 'std::mt19937 g;'],
        'entropy': ['int f() { return rand(); }', 'std::random_device d;'],
        'clock': ['auto f() { return std::chrono::steady_clock::now(); }',
                  'auto f() { return time(nullptr); }', '#include <ctime>'],
        'file': ['#include <fstream>', '#include <unistd.h>', 'auto f() { return fopen(p, "r"); }'],
        'syscall': ['int f() { return ::open("x", 0); }', 'int f() { return ::socket(1, 2, 3); }',
                    'int f() { return ::fsync(3); }'],
        'socket': ['#include <sys/socket.h>', '#include <netinet/in.h>'],
        'environment': ['auto f() { return getenv("HOME"); }',
                        'auto f() { return std::getenv("HOME"); }'],
        'stdio': ['#include <iostream>', 'void f() { std::printf("x"); }',
                  'void f() { fmt::print("x"); }'],
        'exit': ['void f() { std::abort(); }', 'void f() { exit(1); }', 'void f() { assert(x); }'],
        'thread_local': ['thread_local int x;'],
        'throw': ['void f() { throw 1; }'],
        'name': ['class LogManager {};', 'struct StringUtil {};'],
        'using': ['using namespace std;'],
    }

    def test_each_ban(self):
        plants = [(ban, line) for ban, lines in self.PLANTS.items() for line in lines]
        for number, (_, line) in enumerate(plants):
            body = line.replace('() { ', '() {\n  ').replace('; }', ';\n}')
            self.write(f'src/a/{number}.cc', body + '\n')
        code, output = self.run_tidy('--quick')
        self.assertEqual(code, 1)
        self.assertIn(f' {len(plants)} errors', output)
        for number, (ban, line) in enumerate(plants):
            with self.subTest(line=line):
                self.assertRegex(output, rf'src/a/{number}\.cc:\d: .* is banned \({ban}\): ')

    def test_every_ban_names_its_replacement(self):
        self.write('src/a/a.cc', '#include <random>\n')
        self.expect_fault('<random> is banned (random): draw from runtime/random.h')

    def test_comments_literals_and_members_are_no_calls(self):
        self.write('src/a/a.cc', '// std::thread, rand() and ::open()\n'
                   'const char* kText = "std::mutex getenv(";\n'
                   'const char* kRaw = R"(throw thread_local)";\n'
                   'int x = clock.time() + transaction.abort() + file.open(x);\n'
                   'int y = Disk::open(x) + socket->read(y);\n'
                   'Random& random();\nInstant time() const;\n')
        self.expect_clean()

    def test_the_real_world_may(self):
        self.write('src/runtime/linux/README.md', '# linux\n')
        self.write('src/runtime/linux/a.cc', '#include <sys/socket.h>\n\n#include <thread>\n')
        self.expect_clean()

    def test_named_exception_holds_for_its_ban_only(self):
        self.write('tools/tidy_exceptions.txt', 'src/a/* stdio  it prints\n')
        self.write('src/a/a.cc', '#include <cstdio>\n')
        self.expect_clean()
        self.write('src/a/a.cc', '#include <thread>\n')
        self.expect_fault('<thread> is banned')

    def test_exception_without_reason(self):
        self.write('tools/tidy_exceptions.txt', 'src/a/* stdio\n')
        self.expect_fault('write GLOB BAN REASON')

    def test_header_without_its_opening(self):
        self.write('src/a/a.h', '#pragma once\n\nint f();\n')
        self.expect_fault('a header opens with #pragma once and says what it is')

    def test_unfinished_words_and_machine_paths(self):
        self.write('docs/a.md', f'{MARKER}: later\n')
        self.expect_fault(f'docs/a.md:1: {MARKER}')
        self.write('docs/a.md', 'see /' 'root/x\n')
        self.expect_fault('is a path of one machine')


class ClangTest(TidyTest):
    COROUTINE = '''#include <coroutine>

struct Task {
  struct promise_type {
    Task get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() {}
  };
};

Task lives_on(int* number) {
  auto work = [number]() -> Task {
    *number = 1;
    co_return;
  };
  return work();
}
'''

    def prepare(self, text, extra=''):
        self.write('src/a/a.cc', text)
        self.write('build/debug/compile_commands.json', json.dumps(
            [{'directory': str(self.root), 'file': str(self.root / 'src/a/a.cc'),
              'command': f'clang++-19 -std=c++23 {extra} -I{self.root}/src '
                         f'-c {self.root}/src/a/a.cc'}]))

    def test_formatting_and_its_mending(self):
        self.write('src/a/a.cc', 'int  f( ) ;\n')
        self.expect_fault('src/a/a.cc:1: not formatted')
        self.expect_clean(flags=('--quick', '--fix'))
        self.assertEqual((self.root / 'src/a/a.cc').read_text(), 'int f();\n')

    def test_capturing_lambda_coroutine(self):
        self.prepare(self.COROUTINE)
        self.expect_fault('src/a/a.cc:14:', 'cppcoreguidelines-avoid-capturing-lambda-coroutines',
                          flags=())

    def test_coroutine_with_a_reference_parameter_passes(self):
        self.prepare(self.COROUTINE.split('Task lives_on')[0]
                     + 'Task f(int& number) {\n  number = 1;\n  co_return;\n}\n')
        self.expect_clean(flags=())

    def test_use_after_move_in_a_header_and_again_when_only_the_header_changes(self):
        good = HEADER + '#include <string>\n#include <utility>\n'
        bad = good + ('\ninline std::string g(std::string a) {\n'
                      '  std::string b = std::move(a);\n  return a + b;\n}\n')
        self.write('src/a/a.h', good)
        self.prepare('#include "a/a.h"\n')
        self.expect_clean(flags=())
        self.assertEqual(len(self.passes()), 1)
        self.write('src/a/a.h', bad)
        self.expect_fault('src/a/a.h:', 'bugprone-use-after-move', flags=())

    def passes(self):
        return list((self.cache / 'partita/tidy').glob('tidy-*'))

    def test_a_clone_elsewhere_profits_and_other_flags_do_not(self):
        self.prepare('int a;\n')
        self.expect_clean(flags=())
        self.root = self.root.rename(self.root.parent / 'elsewhere')
        self.prepare('int a;\n')
        self.expect_clean(flags=())
        self.assertEqual(len(self.passes()), 1)
        self.prepare('int a;\n', extra='-DB')
        self.expect_clean(flags=())
        self.assertEqual(len(self.passes()), 2)

    def test_missing_build_is_said(self):
        self.write('src/a/a.cc', 'int a;\n')
        self.expect_fault('no compile_commands.json', flags=())


if __name__ == '__main__':
    unittest.main()
