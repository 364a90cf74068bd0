"""Experts with a given density in starts: they are the last ones, and take what the others explain worst."""

import numpy as np

# Share of all observations, and of those that a start gives to them, that experts with a given density begin with.
SHARE, TAKEN = 0.1, 0.9


def beside_given(groups, n_given, sample, rng, number):
    """Give groups (n, k - n_given) columns for the experts with a given density, (n, k).

    For every second start these have an equal share of all observations. For the others they have the tenth that is
    farthest from lines through a few random rows of each group: a fit to all rows may lie amid the outliers, and an
    ascent from there may stay.
    """
    if not n_given:
        return groups
    share = np.full(len(groups), SHARE)
    if number % 2:
        distance = _distance(groups.argmax(axis=1), groups.shape[1], sample, rng)
        share = np.where(distance > np.quantile(distance, 1.0 - SHARE), TAKEN, 0.5 * SHARE)
    return np.column_stack([(1.0 - share)[:, None] * groups, *[share / n_given] * n_given])


def _distance(labels, k, sample, rng):
    """Distance of each observation from the nearest line through as few rows of a group as make one."""
    design = np.column_stack([np.ones(len(sample.y)), sample.x_expert])
    result = np.full(len(labels), np.inf)
    for j in range(k):
        rows = np.flatnonzero(labels == j)
        rows = rows if len(rows) >= design.shape[1] else np.arange(len(labels))
        few = rng.choice(rows, min(design.shape[1], len(rows)), replace=False)
        line = np.linalg.lstsq(design[few], sample.y[few])[0]
        result = np.minimum(result, np.linalg.norm(sample.y - design @ line, axis=1))
    return result


def given_last(columns, n_given, n_new):
    """Columns or rows whose last ``n_new`` are new, with those of the given experts moved to the end again."""
    end = len(columns) - n_new
    return [*columns[: end - n_given], *columns[end:], *columns[end - n_given : end]]
