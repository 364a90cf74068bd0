"""Rows of derivatives of a gate's logits, and sums of them: affine scores, bent by an activation or not.

The score of expert j is s = coef . (1, x), its logit act(s) / T, plus an intercept where that is outside of the
activation (``first`` is 1; else 0).  ``slope`` and ``curve`` are the derivatives of the logit in s.  ``tempered`` is
that in the log of a shared T, minus the part of the logit that T divides; it has no rows without one.
"""

from gmoe._jit import kernel


@kernel
def bend(x, m, slope, curve, tempered, first, weight, out):
    """Add sums of weight times second derivative to the lower triangles of ``out`` (k, d + 1 + shared, the same).

    In the log of a shared temperature, twice, that is minus its derivative; in it and a bent coefficient -slope x.
    """
    last = out.shape[1] - 1
    for j in range(slope.shape[0]):
        slope_j, curve_j, weight_j = slope[j], curve[j], weight[j]
        if first == 0:
            total = 0.0
            for i in range(m):
                total += weight_j[i] * curve_j[i]
            out[j, 0, 0] += total
        for t in range(x.shape[0]):
            x_t = x[t]
            if first == 0:
                total = 0.0
                for i in range(m):
                    total += weight_j[i] * curve_j[i] * x_t[i]
                out[j, 1 + t, 0] += total
            for u in range(t + 1):
                x_u, total = x[u], 0.0
                for i in range(m):
                    total += weight_j[i] * curve_j[i] * x_t[i] * x_u[i]
                out[j, 1 + t, 1 + u] += total
        if tempered.shape[0] > 0:
            tempered_j, total = tempered[j], 0.0
            for i in range(m):
                total += weight_j[i] * tempered_j[i]
            out[j, last, last] -= total
            if first == 0:
                total = 0.0
                for i in range(m):
                    total += weight_j[i] * slope_j[i]
                out[j, last, 0] -= total
            for t in range(x.shape[0]):
                x_t, total = x[t], 0.0
                for i in range(m):
                    total += weight_j[i] * slope_j[i] * x_t[i]
                out[j, last, 1 + t] -= total
