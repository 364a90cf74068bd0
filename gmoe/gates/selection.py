"""Selection rules: by which key a sparse gate ranks the experts.

A rule is one entry of :data:`SELECTIONS`: a function of the scores and the logits, both (n_experts, m), that yields
the keys and their derivatives in score and logit (numbers or arrays; a search over selections needs them).  The
``n_active`` experts with the largest keys are active (ties: lower index).
"""


def by_score(score, logit):
    """Rank as the theory does (Nguyen et al., ICLR 2024): the intercept takes no part."""
    yield score
    yield 1.0
    yield 0.0


def by_logit(score, logit):
    """Rank as the authors' code does: intercept and activation take part."""
    yield logit
    yield 0.0
    yield 1.0


SELECTIONS = {"score": by_score, "logit": by_logit}
