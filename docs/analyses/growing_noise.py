"""A line whose errors grow with x: prediction intervals of 90 %, and whether they are right."""

import numpy as np
from sklearn.model_selection import train_test_split

from gmoe import select

rng = np.random.default_rng(1)
X = rng.uniform(0.0, 10.0, (3000, 1))
y = 2.0 + 0.5 * X[:, 0] + np.exp(-1.0 + 0.2 * X[:, 0]) * rng.standard_normal(3000)
X, X_new, y, y_new = train_test_split(X, y, train_size=1000, random_state=0)

# Experts of one variance, as many as BIC asks for; or experts whose log variance is a line too.
plain = select(X, y, n_experts=range(1, 4), random_state=0, n_init=1)
growing = select(X, y, n_experts=range(1, 3), experts="heteroscedastic", random_state=0)
line = plain.path[0]
models = {"a line": line, "experts": plain.best, "variance on x": growing.best}

low, high = X_new[:, 0] < 3.0, X_new[:, 0] > 7.0
for name, fitted in models.items():
    interval = fitted.predict_interval(X_new, 0.9)
    inside, residuals = interval.contains(y_new), fitted.quantile_residuals(X_new, y_new)
    print(
        f"{name}: {fitted.n_experts} experts, BIC {fitted.fit_result_.bic:.1f}, intervals hold {inside.mean():.3f}, "
        f"for small x {inside[low].mean():.3f}, for large x {inside[high].mean():.3f}; "
        f"residuals {residuals.mean():.2f} ± {residuals.std():.2f}, CRPS {fitted.crps(X_new, y_new).mean():.4f}"
    )

# The best model says how the variance grows, and how well the data know it.
best = min(models.values(), key=lambda fitted: fitted.fit_result_.bic)
print(best.summary())
print(best.inference().quantiles([[1.0], [9.0]], [0.05, 0.95]).to_frame().round(2))
