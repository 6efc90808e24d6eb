"""The C library's memory: what is freed goes back to the system.

TensorFlow's own allocator keeps what is freed, unless TensorFlow is imported with
`TF_ONEDNN_USE_SYSTEM_ALLOCATOR=1`; then this holds for tables, too.
"""

import ctypes
import gc

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
_LARGE_BYTES = 1 << 20
_ARENAS = 2


def return_freed() -> None:
    """Has large blocks go back as soon as they are freed; call it before threads start.

    Without it the C library learns from the first large blocks to keep up to 32 MB in
    each of many arenas: what the bodies of a few large requests took, for example.
    """
    if set_option := getattr(ctypes.CDLL(None), "mallopt", None):
        set_option(_M_MMAP_THRESHOLD, _LARGE_BYTES)
        set_option(_M_ARENA_MAX, _ARENAS)


def return_unused() -> None:
    """Gives back what nothing refers to any more; takes a fraction of a second."""
    gc.collect()
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)
