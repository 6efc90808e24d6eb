"""Folders that only one process may change, and folders that die with their process.

Both ask the kernel, never a clock or a process number: a lock of `flock` is free as
soon as each process that holds it has ended, however it ended.
"""
