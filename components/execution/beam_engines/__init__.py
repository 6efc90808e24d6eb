"""Beam's jobs on many machines: by Dask or a job server, with a probe of workers."""
