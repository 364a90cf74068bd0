"""Eight features: how many experts are there, which columns does the gate see, and which do the experts see?"""

import numpy as np
import pandas as pd
from sklearn.base import clone

from gmoe import GMoE, Parameters, select

# Three regressions on v0, v1 and v4; which of them holds depends on v2 and v3; v5, v6 and v7 are noise.
gate, coef = np.zeros((3, 8)), np.zeros((3, 8))
gate[:, 2], gate[:, 3] = [0.0, 2.5, -2.5], [0.0, 2.0, 2.0]
coef[:, 0], coef[:, 1], coef[:, 4] = [1.0, -1.0, 0.5], [0.5, 1.0, -1.0], [-0.5, 0.8, 0.8]
truth = GMoE(Parameters([0.0, 0.3, 0.3], gate, [0.0, 3.0, -3.0], coef, [0.25, 0.25, 0.25]))
rng = np.random.default_rng(0)
X = pd.DataFrame(rng.standard_normal((2000, 8)), columns=[f"v{j}" for j in range(8)])
y = truth.sample(X.to_numpy(), rng)[0]

# Half of the rows choose; the others, which the choice has not seen, estimate.
choice = select(X[:1000], y[:1000], n_experts=range(1, 5), columns="stepwise", random_state=0, n_init=1)
print(choice)
for step in choice.steps:
    print(
        f"{step.result.model.n_experts} experts, {len(step.columns.gate)} and {len(step.columns.experts)} columns: "
        f"BIC {step.score:.1f}"
    )
fitted = clone(choice.best).fit(X[1000:], y[1000:]).relabel(["low", "middle", "high"], order="intercept")
print(fitted.summary())

# Are all slopes of v0 the same? How sure is it which expert a row is of? Does the density fit?
print(fitted.inference().wald_test(["coef[v0] (low) = coef[v0] (middle)", "coef[v0] (low) = coef[v0] (high)"]))
print(fitted.predict_frame(X[1000:], y[1000:]).groupby("expert")[["responsibility_low", "responsibility_high"]].mean())
print(
    f"mean log-density: fitted {fitted.score_samples(X[1000:], y[1000:]).mean():.3f}, "
    f"truth {truth.log_density(X[1000:].to_numpy(), y[1000:]).mean():.3f}"
)
