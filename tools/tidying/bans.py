"""What may not be written, where, and what to write in its place."""
import fnmatch
import re

from tidying import cpp

SYSCALLS = ('open openat close read write pread pwrite preadv pwritev readv writev fsync fdatasync '
            'syncfs rename unlink mkdir rmdir stat fstat lstat ftruncate fallocate mmap munmap '
            'socket bind listen accept accept4 connect send recv sendmsg recvmsg sendfile '
            'epoll_create1 epoll_ctl epoll_wait poll select pipe pipe2 eventfd fork flock kill')
HEADERS = {
    'thread': 'thread mutex shared_mutex condition_variable future semaphore latch barrier '
              'stop_token pthread.h',
    'random': 'random',
    'entropy': 'sys/random.h',
    'clock': 'ctime time.h sys/time.h sys/timerfd.h',
    'file': 'fstream filesystem fcntl.h unistd.h dirent.h sys/stat.h sys/mman.h sys/uio.h '
            'sys/file.h',
    'socket': 'netdb.h poll.h sys/socket.h sys/epoll.h sys/eventfd.h netinet/in.h netinet/tcp.h '
              'arpa/inet.h liburing.h',
    'signal': 'csignal signal.h sys/signalfd.h sys/wait.h',
    'stdio': 'iostream cstdio stdio.h print',
}
CALLS = {
    'thread': r'std::(this_thread|j?thread|async|(\w+_)?mutex|condition_variable)\b|\bpthread_\w+',
    'random': r'std::(mt19937(_64)?|minstd_rand0?|\w+_distribution)\b',
    'entropy': r'std::(random_device|default_random_engine|s?rand)\b|\bs?rand\s*\('
               r'|(?<![\w>)])::s?random\s*\(|\b([dlm]rand48|rand_r|getrandom|getentropy)\s*\(',
    'clock': r'\b(steady_clock|system_clock|high_resolution_clock|utc_clock)\b'
             r'|\btime\s*\(\s*(nullptr|NULL|0|&)|\bstd::(clock|time)\s*\('
             r'|\b(clock_gettime|gettimeofday|localtime(_r)?|gmtime(_r)?|mktime)\s*\('
             r'|\b(usleep|nanosleep)\s*\(|(?<![\w>)])::sleep\s*\(',
    'file': r'\b(fopen|fdopen|freopen|tmpfile|opendir)\s*\(|std::(filesystem|[io]?fstream)\b',
    'syscall': r'(?<![\w>)])::(' + '|'.join(SYSCALLS.split()) + r')\s*\(|\bsyscall\s*\(',
    'socket': r'(?<![\w.>:])(getaddrinfo|setsockopt|getsockopt|inet_pton|io_uring_\w+)\s*\(',
    'signal': r'\bstd::signal\s*\(|(?<![\w.>:])(sigaction|signalfd|sigprocmask)\s*\(',
    'environment': r'\b(secure_)?(getenv|setenv|putenv)\s*\(|(?<!\w)environ\b',
    'stdio': r'std::(cout|cerr|clog|cin|f?printf|print|println|puts|fputs)\b|\bfmt::print\w*\s*\('
             r'|(?<![\w.>:])(printf|fprintf|puts|fputs|fwrite)\s*\(',
    'exit': r'\bstd::(exit|_Exit|quick_exit|abort|terminate)\s*\('
            r'|(?<![\w.>:])_?exit\s*\(\s*\w+\s*\)|(?<![\w.>:])assert\s*\(',
    'thread_local': r'\bthread_local\b',
    'throw': r'\bthrow\b(?!\s*\(\s*\))',
    'name': r'\b(class|struct)\s+\w*(Manager|Helper|Helpers|Util|Utils|Impl|Base)\b(?!\s*;)',
    'using': r'^\s*using\s+namespace\b(?!.*literals)',
}
REPLACEMENT = {
    'thread': 'a shard is one thread: use Task, Scope and the mailboxes of runtime/',
    'random': 'draw from runtime/random.h, so that a seed repeats it',
    'entropy': 'draw from runtime/random.h, so that a seed repeats it',
    'clock': 'ask runtime/clock.h, or take the time as an argument',
    'file': 'go through runtime/disk.h',
    'syscall': 'go through Disk or Net of runtime/',
    'socket': 'go through runtime/net.h',
    'signal': 'signals end in runtime/linux; take a stop event',
    'environment': 'settings arrive as a const struct; only cli reads the environment',
    'stdio': 'log through base/log.h; only the command line prints',
    'exit': 'use CHECK, or return an Error',
    'thread_local': 'give it to its owner: many brokers share a thread under test',
    'throw': 'return an Error',
    'name': 'name it for the one thing it is',
    'using': 'open the namespace, or name what is used',
}
UNFINISHED = ('TO' 'DO', 'FIX' 'ME', 'XX' 'X', 'HA' 'CK')
WORDS = re.compile('|'.join(rf'\b{word}\b' for word in UNFINISHED))
MACHINE_PATH = re.compile(r'(?<![\w.])/(?:work|farm|root|home)/\w')
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*<([^>]+)>')
_PATTERNS = {ban: re.compile(pattern) for ban, pattern in CALLS.items()}
_HEADER_BAN = {header: ban for ban, names in HEADERS.items() for header in names.split()}


class Exceptions:
    """tidy_exceptions.txt: lines of `GLOB BAN reason`; the globs are read from the root."""

    def __init__(self, path):
        self.rows, self.faults = [], []
        for number, line in enumerate(path.read_text().splitlines() if path.exists() else [], 1):
            if not line.strip() or line.startswith('#'):
                continue
            glob, ban, reason = (line.split(None, 2) + ['', ''])[:3]
            if ban not in REPLACEMENT or not reason:
                self.faults.append(f'{path.name}:{number}: write GLOB BAN REASON, with a known BAN')
            self.rows.append((glob, ban))

    def allow(self, shown, ban):
        return any(ban == row_ban and fnmatch.fnmatch(shown, glob) for glob, row_ban in self.rows)


def check_cpp(shown, text, exceptions):
    """Yields the faults of one C++ file; `shown` is its path from the root."""
    if shown.endswith('.h') and not re.match(r'#pragma once\n+//', text):
        yield f'{shown}:1: a header opens with #pragma once and says what it is'
    if shown.startswith('src/runtime/linux/'):
        return
    for number, line in enumerate(cpp.code_of(text).splitlines(), 1):
        if match := _INCLUDE.match(line):
            ban = _HEADER_BAN.get(match[1])
            hits = [(ban, f'<{match[1]}>')] if ban else []
        else:
            hits = [(ban, match[0].strip(' (')) for ban, pattern in _PATTERNS.items()
                    if (match := pattern.search(line))]
        for ban, what in hits:
            escaped = ban == 'exit' and 'unhandled_exception' in line    # it ends the process
            if not escaped and not exceptions.allow(shown, ban):
                yield f'{shown}:{number}: {what} is banned ({ban}): {REPLACEMENT[ban]}'


def check_words(shown, text):
    """Yields faults that hold for every text file of ours."""
    for number, line in enumerate(text.splitlines(), 1):
        if match := WORDS.search(line):
            yield f'{shown}:{number}: {match[0]}: finish it, or say in a sentence what holds'
        if match := MACHINE_PATH.search(line):
            yield f'{shown}:{number}: {match[0]}... is a path of one machine'
