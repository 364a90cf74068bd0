"""What the theory says, statement by statement, with its source and how well it is known."""

from dataclasses import dataclass

#: Read in the paper, its abstract, or a later paper that restates it; proved by this project; computed by it, see
#: docs/orders.md; remembered, not checked.
MARKS = ("verified", "derived", "measured", "recalled")


@dataclass(frozen=True)
class Source:
    """Where a statement comes from."""

    text: str
    mark: str


DENSITY = Source("softmax and top-K papers: E_x TV = O((log n / n)^1/2)", "verified")
DENSITY_TEMPERATURE = Source("temperature paper: density rate (log n / n)^1/2 in all settings", "recalled")
EXACT = Source("softmax paper, theorem 1; top-K paper, exact-specified theorem", "verified")
REGULAR = Source("positive Fisher information: sqrt(n) x error has a limit law, without a logarithm", "derived")
OVER = Source("softmax paper, theorem 2; top-K paper, over-specified theorem; rbar by Lemma 1", "verified")
LOCATION = Source("order 2 m of the distance: rbar(m) = 2 m, as Lemma 1 has it for m = 2 and 3", "derived")
SQUARES = Source("order 2 of the distance; the papers' bounds, rbar(m) and rbar(m) / 2, are not sharp", "derived")
SQUARES_BENT = Source("order 2 of the distance, as second derivatives are independent", "measured")
TEMPERATURE = Source("order 1 of the distance, also without a cell of one atom", "measured")
MASS = Source("mass term of the Voronoi loss", "derived")
FREE = Source("over the temperature the gate is a softmax gate", "derived")
SLOW = Source("temperature paper: slower than any polynomial", "verified")
UNIDENTIFIED = Source("scale symmetry of gate and temperature", "derived")
FACTOR = Source("no cell of one atom: a common factor sum_r w_r exp(t_r'x) of all cells changes no density", "derived")
ACTIVATION_EXACT = Source("temperature paper: activation gate, exact-specified", "recalled")
ACTIVATION_OVER = Source("only d2/dintercept2 = 2 d/dvariance remains of the relations between blocks", "derived")
TOO_FEW = Source(
    "top-K: inf E_x TV > 0 where n_active < the sum of the n_active largest cells, as we read it; experts that are "
    "active nowhere are exempt: with these the densities can be equal",
    "derived",
)
HARD = Source("one active expert: only the regions of the gate matter, a change-point", "derived")
HARD_FREE = Source("two experts: the boundary is faster than the experts, which are regular", "derived")
SILENT = Source("no statement known", "derived")
