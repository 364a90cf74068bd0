"""What the theory says, statement by statement, with its source and how well it is known."""

from dataclasses import dataclass

#: Read in the paper, its abstract, or a later paper that restates it; proved by this project; remembered, not checked.
MARKS = ("verified", "derived", "recalled")


@dataclass(frozen=True)
class Source:
    """Where a statement comes from."""

    text: str
    mark: str


DENSITY = Source("softmax and top-K papers: E_x TV = O((log n / n)^1/2)", "verified")
DENSITY_TEMPERATURE = Source("temperature paper: density rate (log n / n)^1/2 in all settings", "recalled")
EXACT = Source("softmax paper, theorem 1; top-K paper, exact-specified theorem", "verified")
OVER = Source("softmax paper, theorem 2; top-K paper, over-specified theorem; rbar by Lemma 1", "verified")
MASS = Source("mass term of the Voronoi loss", "derived")
FREE = Source("over the temperature the gate is a softmax gate", "derived")
SLOW = Source("temperature paper: slower than any polynomial", "verified")
UNIDENTIFIED = Source("scale symmetry of gate and temperature", "derived")
ACTIVATION_EXACT = Source("temperature paper: activation gate, exact-specified", "recalled")
ACTIVATION_OVER = Source("only d2/dintercept2 = 2 d/dvariance remains of the relations between blocks", "derived")
TOO_FEW = Source("top-K: inf E_x TV > 0 where n_active < the sum of the n_active largest cells", "verified")
HARD = Source("one active expert: only the regions of the gate matter, a change-point", "derived")
HARD_FREE = Source("two experts: the boundary is faster than the experts, which are regular", "derived")
SILENT = Source("no statement known", "derived")
