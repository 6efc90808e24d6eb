"""TFX components: examples, id features, training, export and publishing.

All components have one form: `component.py` has the specification (inputs, outputs and
parameters) and the component class, `executor.py` a thin executor. TFX also offers
functions with the decorator `@component`, which are shorter. They are not used: a
constructor here takes the typed sections of a configuration, not their JSON; an input
may be several artifacts, one for each span; and `Executor().Do(...)` runs in a test
without a pipeline. The lines that all specifications and all `Do` share are those of
TFX, left as whoever knows TFX expects them.

Each component computes the digest of its own code, of which its cache key is made.
"""
