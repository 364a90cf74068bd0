"""The Voronoi loss by its definition, and its infimum by brute force: all assignments, a grid, SciPy's optimisers."""

import itertools

import numpy as np
from scipy.optimize import linprog, minimize

RBAR = {1: 1, 2: 4, 3: 6, 4: 8, 5: 9}


def powers(kind, affine, m):
    """Exponents of gate_coef, coef, intercept, variance in a cell of m atoms."""
    if kind == "exact" or m == 1:
        return 1, 1, 1, 1
    r = RBAR[m]
    return (r, r / 2, r, r / 2) if affine else (2, 2, r, r / 2)


def theta(p):
    return np.column_stack([p.gate_coef, p.coef, p.intercept, p.variance])


def cells(fitted, true, t2):
    """Nearest true atom, lower index in ties."""
    moved = true.gate_coef + t2
    distance = ((theta(fitted)[:, None] - np.column_stack([moved, theta(true)[:, moved.shape[1] :]])) ** 2).sum(-1)
    return distance.argmin(axis=1)


def terms(fitted, true, i, j, m, kind, joint, affine):
    """Pairs (power, constant part, has the gate slope) of the norms of atom i in a cell of m around j."""
    p = powers(kind, affine, m)
    square = [
        0.0,
        ((fitted.coef[i] - true.coef[j]) ** 2).sum(),
        (fitted.intercept[i] - true.intercept[j]) ** 2,
        (fitted.variance[i] - true.variance[j]) ** 2,
    ]
    if not joint:
        return [(p[b], square[b], b == 0) for b in range(4)]
    return [(q, sum(s for s, r in zip(square, p, strict=True) if r == q), q == p[0]) for q in dict.fromkeys(p)]


def rows(fitted, true, cell, w, v, t2, s, kind, joint=True, affine=True):
    """What each true atom adds."""
    out = np.zeros(len(v))
    for i, j in enumerate(cell):
        gap = ((fitted.gate_coef[i] - true.gate_coef[j] - t2) ** 2).sum()
        for p, constant, has_gate in terms(fitted, true, i, j, (cell == j).sum(), kind, joint, affine):
            out[j] += w[i] * np.sqrt(constant + gap * has_gate) ** p
    for j in range(len(v)):
        out[j] += abs(w[cell == j].sum() - s * v[j])
    return out


def loss(rows_, n_active=None):
    """The sum, or the largest over all subsets, written out."""
    if n_active is None:
        return rows_.sum()
    return max(rows_[list(c)].sum() for c in itertools.combinations(range(len(rows_)), n_active))


def normalised(fitted, true):
    """Weights with the conventions of the package: largest true weight 1, equal total mass."""
    v = np.exp(true.gate_intercept - true.gate_intercept.max())
    w = np.exp(fitted.gate_intercept)
    return w * v.sum() / w.sum(), v


def least_mass(cell, w, v):
    """Minimum over s of the mass term: convex and linear between the ratios."""
    m = np.bincount(cell, w, len(v))
    return min((np.abs(m - s * v).sum(), s) for s in [0.0, *(m / v)])


def brute_force(fitted, true, kind="over", joint=True, affine=True, grid=9):
    """Infimum over translations of a dense gate."""
    w, v = normalised(fitted, true)
    d, k, n_true = fitted.gate_coef.shape[1], len(w), len(v)
    delta = fitted.gate_coef[:, None] - true.gate_coef

    def at(t2):
        cell = cells(fitted, true, t2)
        mass, s = least_mass(cell, w, v)
        return rows(fitted, true, cell, w, v, t2, s, kind, joint, affine).sum()

    points = delta.reshape(-1, d)
    axes = [np.linspace(points[:, c].min() - 0.5, points[:, c].max() + 0.5, grid) for c in range(d)]
    best = min(at(np.array(t2)) for t2 in [*points, *itertools.product(*axes)])
    base = [(theta(fitted)[i] - theta(true)[j]) for i in range(k) for j in range(n_true)]
    square = (np.array(base) ** 2).sum(-1).reshape(k, n_true)
    for assignment in itertools.product(range(n_true), repeat=k):
        cell = np.array(assignment)
        mass, s = least_mass(cell, w, v)
        # Errors of gate slopes only add to this.
        least = [
            (w[i], c ** (p / 2))
            for i, j in enumerate(cell)
            for p, c, _ in terms(fitted, true, i, j, (cell == j).sum(), kind, joint, affine)
        ]
        if mass + sum(a * b for a, b in least) >= best:
            continue
        # |delta_ij - t|^2 <= |delta_il - t|^2, written out for every i and l.
        pairs = [(i, m) for i in range(k) for m in range(n_true) if m != cell[i]]
        A = np.array([2 * (delta[i, m] - delta[i, cell[i]]) for i, m in pairs]).reshape(len(pairs), d)
        b = np.array([square[i, m] - square[i, cell[i]] for i, m in pairs])
        best = min(best, polish(fitted, true, cell, w, v, s, kind, joint, affine, A, b, delta))
    return best


def polish(fitted, true, cell, w, v, s, kind, joint, affine, A, b, delta):
    """Minimum over A t <= b with these cells, by SLSQP on the smooth problem with one bound per norm."""
    d = delta.shape[2]
    centre = interior(A, b, d)
    if centre is None:
        return np.inf
    todo, constant = [], np.abs(np.bincount(cell, w, len(v)) - s * v).sum()
    for i, j in enumerate(cell):
        for p, c, has_gate in terms(fitted, true, i, j, (cell == j).sum(), kind, joint, affine):
            if has_gate:
                todo.append((w[i], p, c, delta[i, j]))
            else:
                constant += w[i] * np.sqrt(c) ** p
    weight, power, fixed, at = (np.array(column) for column in zip(*todo, strict=True))

    def smooth(t, width):
        square = fixed + ((t - at) ** 2).sum(-1) + width**2
        slope = (weight * power * square ** (power / 2 - 1)) @ (t - at)
        return weight @ square ** (power / 2), slope

    def inside(t):
        return t if not len(b) or (A @ t - b).max() <= 0 else None

    ends = [centre, *(t for t in at if inside(t) is not None)]
    best = min(smooth(t, 0.0)[0] if fixed.min() > 0 else smooth(t, 1e-12)[0] for t in ends)
    # Each start follows the minimum as the kinks sharpen; what counts in the end is the value without smoothing.
    for t in list(ends):
        for width in 10.0 ** -np.arange(0.0, 12.0):
            scale = max(abs(smooth(t, width)[0]), 1e-300)
            result = minimize(
                lambda t, width, scale: smooth(t, width)[0] / scale, t, (width, scale), method="SLSQP",
                jac=lambda t, width, scale: smooth(t, width)[1] / scale, options={"ftol": 1e-16, "maxiter": 200},
                constraints={"type": "ineq", "fun": lambda t: b - A @ t, "jac": lambda t: -A} if len(b) else (),
            )  # fmt: skip
            # SLSQP may end outside by rounding: back towards the centre.
            end = result.x if np.all(np.isfinite(result.x)) else t
            back = next(
                (r for r in (0.0, 1e-14, 1e-12, 1e-10, 1e-8) if inside(end + r * (centre - end)) is not None), 1
            )
            end = end + back * (centre - end)
            if smooth(end, 0.1 * width)[0] <= smooth(t, 0.1 * width)[0]:
                t = end
            best = min(best, smooth(t, 1e-12)[0])
    return constant + best


def interior(A, b, d):
    """Centre of a largest ball in A t <= b (of radius at most 1), or None where it is narrower than 1e-8."""
    if not len(b):
        return np.zeros(d)
    norm = np.linalg.norm(A, axis=1)
    if np.any((norm == 0) & (b < 0)):
        return None
    result = linprog([0.0] * d + [-1.0], np.column_stack([A, norm]), b, bounds=[(None, None)] * d + [(None, 1.0)])
    return result.x[:d] if result.status == 0 and result.x[d] > 1e-8 else None
