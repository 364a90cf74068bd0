"""Whether the answers are right: ``python -m benchmarks.answers LINE``, one line of evidence a run.

Each line fits data with the default settings and judges the answers by means of its own: a likelihood written out in
NumPy, SciPy's optimisers, probes and plain counting. Of gmoe only the public names take part.
"""
