"""Gives every broker of a run the same memory.

A virtual machine may hand its free memory back to its host in blocks of 2 MB (the kernel's page
reporting). A page that was handed back costs some 5 us when it is next touched, more than all
that a broker does with 4 KB of records, so a figure would tell which run found memory that the one
before had just freed. `hold` takes all free memory once, and gives it back but for one page in
each MB: no free block is then large enough to be handed back, and all pages stay with the guest.
"""
import mmap

PAGE = mmap.PAGESIZE
BLOCK = 1 << 20
LEFT_ALONE = 1 << 29  # bytes, so that nothing is pushed out while everything is taken


def available():
    with open("/proc/meminfo") as lines:
        for line in lines:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/meminfo has no MemAvailable")


def hold():
    """Answers what keeps the pages: hold on to it as long as anything is measured."""
    size = max(0, available() - LEFT_ALONE) // BLOCK * BLOCK
    if size == 0:
        return None
    held = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    held.madvise(mmap.MADV_NOHUGEPAGE)
    for start in range(0, size, BLOCK):
        held[start : start + BLOCK : PAGE] = bytes(BLOCK // PAGE)
    for start in range(0, size, BLOCK):
        held.madvise(mmap.MADV_DONTNEED, start + PAGE, BLOCK - PAGE)
    return held
