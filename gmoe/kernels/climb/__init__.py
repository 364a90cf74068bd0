"""A climb inside of the parameter space as one compiled call: EM, or Newton's method in a trust region.

It repeats gmoe/solvers/ascent/em.py and newton.py where no wall is near, for blocks in memory.  What it cannot do it
leaves to them: at a wall, or where matrices break down, it stops at its last point.

A method is a function that is told what a pass over the data found at ``State.point``, and says where the next one
shall be (``settle``, ``ascend``).  So there is one place where a family of experts makes its passes
(:mod:`gmoe.kernels.climb.gaussian`), and it compiles once: each function that calls the pass would compile it again.
"""
