"""Gives every broker of a run the same memory.

A virtual machine may hand its free memory back to its host in blocks of 2 MB (the kernel's page
reporting). A page that was handed back costs some 5 us when it is next touched, more than all
that a broker does with 4 KB of records, so a figure would tell which run found memory that the one
before had just freed. `Held` takes all free memory once, and gives it back but for one page in
each 512 KB: no free block is large enough then to be handed back, and all pages stay with the
guest. The pages that it keeps lie in pipes, where the kernel cannot move them out of the way.
"""
import ctypes
import fcntl
import mmap
import os

PAGE = mmap.PAGESIZE
BLOCK = 1 << 19
LEFT_ALONE = 1 << 29  # bytes, so that nothing is pushed out while everything is taken
PIPE_PAGES = 256


class IoVector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


def available():
    with open("/proc/meminfo") as lines:
        for line in lines:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/meminfo has no MemAvailable")


class Held:
    """Keeps its pages as long as it lives."""

    def __init__(self):
        size = max(0, available() - LEFT_ALONE) // BLOCK * BLOCK
        self.pipes = []
        if size == 0:
            return
        self.memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self.memory.madvise(mmap.MADV_NOHUGEPAGE)
        for start in range(0, size, BLOCK):
            self.memory[start : start + BLOCK : PAGE] = bytes(BLOCK // PAGE)
        for start in range(0, size, PIPE_PAGES * BLOCK):
            self.pin(range(start, min(size, start + PIPE_PAGES * BLOCK), BLOCK))
        for start in range(0, size, BLOCK):
            self.memory.madvise(mmap.MADV_DONTNEED, start + PAGE, BLOCK - PAGE)

    def pin(self, offsets):
        """A page that a pipe refers to is not moved by the kernel's compaction."""
        reader, writer = os.pipe()
        self.pipes += [reader, writer]
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PIPE_PAGES * PAGE)
        base = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        vectors = (IoVector * len(offsets))(*((base + offset, PAGE) for offset in offsets))
        libc = ctypes.CDLL(None, use_errno=True)
        given = libc.vmsplice(writer, vectors, ctypes.c_ulong(len(offsets)), 0)
        if given != len(offsets) * PAGE:
            raise OSError(ctypes.get_errno(), "vmsplice took only a part")
