"""Beam on all cores of this machine: its work in worker processes, each watched."""
