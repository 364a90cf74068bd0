"""The largest counts that are taken: a larger one is a slip of the keyboard, and would fill the memory or never end."""

MOST: dict[str, int] = {
    # Of a model.
    "n_experts": 2000,
    "n_active": 2000,
    # Of a fit: its Hessian is a square of so many.
    "parameters": 5000,
    # Of a search.
    "n_init": 10**5,
    "max_iter": 10**7,
    "n_near": 10**4,
    "tries": 10**4,
    # Of a study: observations of a data set, numbers of sizes, and of sizes times replications.
    "size": 10**8,
    "count": 10**5,
    "data sets": 10**7,
    # Of a loss or a distance: values of x, and draws of y at each.
    "points": 10**5,
    "n_points": 10**6,
    "n_draws": 10**6,
    # Of simulated data.
    "n_samples": 10**9,
    "n_features": 10**5,
    # Of a run.
    "batch_size": 10**7,
}


def excess(value: object, name: str) -> str:
    """Say what is wrong with a count above the largest of its name; empty for all else."""
    above = name in MOST and isinstance(value, int) and value > MOST[name]
    return f"must be <= {MOST[name]}, got {value}" if above else ""
