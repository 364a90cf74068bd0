"""Prices of experts: numbers added to keys so that each expert is active for its share of the observations."""

import numpy as np

from gmoe._validation import check_finite, check_integer

# Newton's steps of the smooth problem, at temperatures in units of the keys' spread; exact exchanges do the rest.
TEMPERATURES, STEPS = (1.0, 0.3, 0.1, 0.03, 0.01), 20
SUM_TOLERANCE = 1e-9


def prices(key, shares=None, n_active: int = 1) -> np.ndarray:
    """Numbers to add to the keys so that the ``n_active`` largest of each observation make the experts' shares exact.

    Parameters
    ----------
    key : array-like, shape (n_experts, n)
    shares : array-like, shape (n_experts,), optional
        Of all activity, adding up to 1; equal by default. Numbers of observations are whole: what is left over goes to
        the largest remainders.
    n_active : int, default 1

    Returns
    -------
    ndarray, shape (n_experts,)
        With mean 0. They keep their meaning for new observations.

    Raises
    ------
    ValueError
        For shares that are not positive, do not add up to 1, or ask for an expert more often than there are
        observations.

    Notes
    -----
    They are the dual solution of the linear assignment problem of BASE layers (Lewis et al., ICML 2021), minimise the
    convex ``sum_i (n_active largest of key_i + price) - sum_j load_j price_j``, and are what the sign updates of
    loss-free balancing (Wang et al., 2024) and Sinkhorn's iterations at a low temperature tend to.
    """
    key = np.array(key, dtype=float)
    check_finite(key, "key")
    loads = _loads(key.shape, shares, check_integer(n_active, "n_active", 1))
    price = _smooth(key, loads, n_active)
    active = _active(key + price[:, None], n_active)
    cost = _exchange(key, active, loads)
    price = cost.mean(axis=0)
    return price - price.mean()


def _loads(shape, shares, n_active):
    """Whole numbers of observations."""
    k, n = shape
    given = np.full(k, 1.0 / k) if shares is None else np.asarray(shares, dtype=float)
    if given.shape != (k,) or not np.all(given > 0.0) or abs(given.sum() - 1.0) > SUM_TOLERANCE:
        raise ValueError(
            f"shares must be {k} positive numbers that add up to 1, got {given.tolist()} with the sum "
            f"{given.sum():.6g}; divide them by their sum."
        )
    wanted = n_active * n * given
    loads = np.floor(wanted + SUM_TOLERANCE).astype(int)
    order = np.argsort(loads - wanted, kind="stable")
    loads[order[: n_active * n - loads.sum()]] += 1
    if loads.max() > n:
        raise ValueError(
            f"A share of {given.max():.6g} of {n_active} active experts is more than every one of {n} observations; "
            f"the largest possible is {1.0 / n_active:.6g}."
        )
    return loads


def _active(key, n_active):
    """Mark the largest keys of each observation."""
    order = np.argsort(-key, axis=0, kind="stable")[:n_active]
    active = np.zeros(key.shape, dtype=bool)
    np.put_along_axis(active, order, True, axis=0)
    return active


def _smooth(key, loads, n_active):
    """Prices of softmax loads at falling temperatures: near the exact ones, from where few exchanges are left."""
    k, n = key.shape
    spread = max(float(np.std(key - key.mean(axis=0))), 1e-300)
    price, target = np.zeros(k), loads / loads.sum()
    for temperature in TEMPERATURES:
        for _ in range(STEPS):
            z = (key + price[:, None]) / (temperature * spread)
            p = np.exp(z - z.max(axis=0))
            p /= p.sum(axis=0)
            gap = target - p.mean(axis=1)
            bend = np.diag(p.mean(axis=1)) - p @ p.T / n + 1e-12 * np.eye(k)
            step = np.linalg.lstsq(bend, gap, rcond=1e-9)[0]
            price += temperature * spread * np.clip(step - step.mean(), -1.0, 1.0)
            if np.abs(gap).max() < 1e-6:
                break
    return price - price.mean()


def _exchange(key, active, loads):
    """Move observations along the cheapest chains of experts until loads are exact; return lengths of cheapest chains.

    ``active`` is optimal for its own loads, and stays so after each cheapest chain (successive shortest paths).
    """
    while True:
        cost, row = _costs(key, active)
        length, following = _chains(cost)
        excess = active.sum(axis=1) - loads
        if not excess.any():
            # An expert that is active everywhere may have any price from some on.
            return np.minimum(length, length[np.isfinite(length)].max() + np.std(key))
        over, under = np.flatnonzero(excess > 0), np.flatnonzero(excess < 0)
        start, end = np.unravel_index(np.argmin(length[np.ix_(over, under)]), (len(over), len(under)))
        j, end = over[start], under[end]
        while j != end:
            other = following[j, end]
            active[j, row[j, other]], active[other, row[j, other]] = False, True
            j = other


def _costs(key, active):
    """Find what it costs to give one observation of expert j to expert l, (k, k), and which one."""
    k = len(key)
    cost, row = np.full((k, k), np.inf), np.zeros((k, k), dtype=int)
    for j in range(k):
        for other in range(k):
            may = np.flatnonzero(active[j] & ~active[other])
            if other != j and may.size:
                change = key[j, may] - key[other, may]
                best = np.argmin(change)
                cost[j, other], row[j, other] = change[best], may[best]
    return cost, row


def _chains(cost):
    """Lengths of the cheapest chains between experts, and the next one on each (Floyd and Warshall)."""
    k = len(cost)
    length, following = cost.copy(), np.tile(np.arange(k), (k, 1))
    np.fill_diagonal(length, 0.0)
    for by in range(k):
        through = length[:, by, None] + length[by]
        shorter = through < length - 1e-13 * (1.0 + np.abs(through))
        following = np.where(shorter, following[:, by, None], following)
        length = np.where(shorter, through, length)
    return length, following
