"""
Penguins: how many regressions, and where
=========================================

Bill length of 333 penguins against bill depth. The species are not told; the gate sees flipper length.
"""

from gmoe import select
from gmoe.datasets import load_penguins
from gmoe.plotting import CriterionDisplay, ExpertFitDisplay, GateDisplay

penguins = load_penguins()
X, y = penguins.data, penguins.target
chosen = select(X, y, n_experts=range(1, 5), gate_features=[1], expert_features=[0], random_state=0)

# %%
# The path over the number of experts: the Bayesian information criterion picks the filled marker.
CriterionDisplay.from_selection(chosen)

# %%
# The experts against bill depth, each bird in the colour of the expert that probably made it.
fitted = chosen.best
ExpertFitDisplay.from_estimator(fitted, X, y)

# %%
# The gate against flipper length: from one expert to the next.
GateDisplay.from_estimator(fitted, X)

# %%
# Estimates, standard errors, and the evidence that this is a maximum.
print(fitted.summary())
