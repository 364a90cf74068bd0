"""Rows of derivatives: for each expert and parameter one number per observation.

Most of them are products of a number of the expert and a feature.  So rows come as a tuple (factors, basis, segments):

factors : (number of factors, k, >=m)
basis : (1, rows, >=m) the same for all experts, such as a design; or (k, rows, >=m)
segments : (number of segments, 4) int
    Of successive derivatives: (factor or -1, first row of the basis, number of rows, derivatives up to its end). The
    derivatives are factor times row.

A strip begins at observation ``lo`` of a basis, and at ``at`` of the factors, which may be of that strip alone.
"""

from gmoe._jit import inlined, kernel
from gmoe.kernels.tiles import cross

# Observations of a strip: with 5 to 50 rows in use it stays in the first- or second-level cache.
STRIP = 512
# Rows a power of two apart share cache sets (22 against 41 ns per observation); hence the odd tail.
STRIP_LENGTH = STRIP + 8


@kernel
def load(n, lo, basis, work, to):
    """Copy a strip of a basis that is the same for all experts to rows ``to`` .. of the work array."""
    if basis.shape[0] == 1:
        for t in range(basis.shape[1]):
            row = basis[0, t, lo : lo + n]
            for i in range(n):
                work[to + t, i] = row[i]


@inlined
def pull(n, lo, at, rows, work, basis_row, weight, e, k, out):
    """Add the sums of weight, rows ``weight`` .. of the work array, times derivative to ``out`` (segments, k, rows).

    ``e`` : k rows of scratch.
    """
    factors, basis, segments = rows
    for s in range(segments.shape[0]):
        factor, first, count = segments[s, 0], segments[s, 1], segments[s, 2]
        if factor >= 0 and count == 1 and basis.shape[0] == 1:
            for j in range(k):
                row, total = factors[factor, j, at : at + n], 0.0
                for i in range(n):
                    total += work[weight + j, i] * row[i] * work[basis_row + first, i]
                out[s, j, 0] += total
            continue
        weighted = weight
        if factor >= 0:
            weighted = e
            for j in range(k):
                row = factors[factor, j, at : at + n]
                for i in range(n):
                    work[e + j, i] = work[weight + j, i] * row[i]
        if basis.shape[0] == 1 and count > 1:
            cross(work, weighted, k, work, basis_row + first, count, n, out[s])
        elif basis.shape[0] == 1 and count == 1:
            for j in range(k):
                total = 0.0
                for i in range(n):
                    total += work[weighted + j, i] * work[basis_row + first, i]
                out[s, j, 0] += total
        else:
            for j in range(k):
                for t in range(count):
                    row, total = basis[j, first + t, lo : lo + n], 0.0
                    for i in range(n):
                        total += work[weighted + j, i] * row[i]
                    out[s, j, t] += total


@kernel
def written(n, lo, at, j, rows, work, basis_row, root, scaled, own, n_own, shared):
    """Write derivatives of expert j times row ``root``: the first ``n_own`` to ``own`` .., others to ``shared`` ..."""
    factors, basis, segments = rows
    start = 0
    for s in range(segments.shape[0]):
        factor, first, count = segments[s, 0], segments[s, 1], segments[s, 2]
        by = root
        if factor >= 0:
            by = scaled
            row = factors[factor, j, at : at + n]
            for i in range(n):
                work[scaled, i] = work[root, i] * row[i]
        for t in range(count):
            to = own + start + t if start + t < n_own else shared + start + t - n_own
            if basis.shape[0] == 1:
                for i in range(n):
                    work[to, i] = work[by, i] * work[basis_row + first + t, i]
            else:
                row = basis[j, first + t, lo : lo + n]
                for i in range(n):
                    work[to, i] = work[by, i] * row[i]
        start += count


@kernel
def moved(n, lo, at, j, rows, work, basis_row, direction, to, part):
    """Row ``to`` = direction . derivatives of expert j; row ``part`` is scratch."""
    factors, basis, segments = rows
    for i in range(n):
        work[to, i] = 0.0
    start = 0
    for s in range(segments.shape[0]):
        factor, first, count = segments[s, 0], segments[s, 1], segments[s, 2]
        for i in range(n):
            work[part, i] = 0.0
        for t in range(count):
            c = direction[start + t]
            if basis.shape[0] == 1:
                for i in range(n):
                    work[part, i] += c * work[basis_row + first + t, i]
            else:
                row = basis[j, first + t, lo : lo + n]
                for i in range(n):
                    work[part, i] += c * row[i]
        if factor >= 0:
            row = factors[factor, j, at : at + n]
            for i in range(n):
                work[to, i] += work[part, i] * row[i]
        else:
            for i in range(n):
                work[to, i] += work[part, i]
        start += count


@kernel
def gather(pulls, segments, at, out):
    """Add sums by segments to where their parameters are, ``at`` (k, derivatives)."""
    start = 0
    for s in range(segments.shape[0]):
        for j in range(at.shape[0]):
            for t in range(segments[s, 2]):
                out[at[j, start + t]] += pulls[s, j, t]
        start += segments[s, 2]
