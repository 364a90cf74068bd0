"""The dendrogram of a fit."""

import numpy as np
import pytest
import scipy

from gmoe import GaussianMoERegressor, GMoE, Parameters
from gmoe.datasets import make_gmoe
from gmoe.model_selection import LikelihoodLinkage, RateLinkage, dendrogram


@pytest.fixture(scope="module")
def overfitted():
    """Five experts on the data of three."""
    X, y, _, _ = make_gmoe(400, 2, 3, random_state=1)
    return GaussianMoERegressor(5, random_state=0, n_init=1).fit(X, y), X, y


def published(p):
    """Heights of the merges by the published code's formulas, from parameters; slow and obvious."""
    atoms = [(p.gate_intercept[j], p.expert[j], p.variance[j]) for j in range(p.n_experts)]

    def distance(first, second):
        weight = 1.0 / (np.exp(-first[0]) + np.exp(-second[0]))
        slopes, variance = np.linalg.norm(first[1][1:] - second[1][1:]), first[2] - second[2]
        return weight * ((first[1][0] - second[1][0]) ** 2 + np.sqrt(slopes**2 + variance**2))

    heights = []
    while len(atoms) > 1:
        pairs = [(distance(atoms[i], atoms[j]), i, j) for i in range(len(atoms)) for j in range(i + 1, len(atoms))]
        height, i, j = min(pairs)
        one, other = atoms[i], atoms[j]
        total = np.log(np.exp(one[0]) + np.exp(other[0]))
        a, b = np.exp(one[0] - total), np.exp(other[0] - total)
        new = (total, a * one[1] + b * other[1], a * one[2] + b * other[2])
        atoms = [atom for place, atom in enumerate(atoms) if place not in (i, j)] + [new]
        heights.append(height)
    return heights, atoms[0]


def test_rate_linkage_is_the_published_one(overfitted):
    fitted, X, y = overfitted
    tree = dendrogram(fitted, X, y, linkage="rate")
    heights, last = published(fitted.model_.parameters)
    # The same sums in another order.
    np.testing.assert_allclose(tree.heights, heights, rtol=1e-10)
    np.testing.assert_allclose(tree.models[-1].parameters.expert[0], last[1], rtol=1e-10)
    values = [model.log_density(X, y).sum() for model in tree.models]
    np.testing.assert_allclose(tree.log_likelihoods, values, rtol=1e-12)
    n = len(y)
    np.testing.assert_allclose(tree.criterion[:-1], -(tree.heights + np.log(n) * np.array(values)[:-1] / n), rtol=1e-12)
    assert np.isnan(tree.criterion[-1])


def test_standardised_linkage_does_not_depend_on_units(overfitted):
    fitted, X, y = overfitted
    p, factors, shifts = fitted.model_.parameters, np.array([10.0, 0.1]), np.array([200.0, -3.0])
    # The same density in other units: x' = factors x + shifts, y' = 7 y + 5.
    coef, gate = 7.0 * p.coef / factors, p.gate_coef / factors
    other = Parameters(
        p.gate_intercept - gate @ shifts + 40.0, gate, 7.0 * p.intercept + 5.0 - coef @ shifts, coef, 49.0 * p.variance
    )
    moved = GaussianMoERegressor(5, init=other, max_iter=1).set_params(tol=1.0).fit(factors * X + shifts, 7.0 * y + 5.0)
    moved.model_ = GMoE(other)
    first = dendrogram(fitted, X, y, linkage=RateLinkage(standardised=True))
    second = dendrogram(moved, factors * X + shifts, 7.0 * y + 5.0, linkage=RateLinkage(standardised=True))
    # Rounding, which the shift by 200 makes larger.
    np.testing.assert_allclose(first.heights, second.heights, rtol=1e-8)
    assert [set(groups) for groups in first.members] == [set(groups) for groups in second.members]


def test_atoms_come_back_to_the_units_of_the_data(overfitted):
    fitted, X, y = overfitted
    tree = dendrogram(fitted, X, y, linkage=RateLinkage(standardised=True))
    # A merge by means leaves the other experts as they are.
    for groups, model in zip(tree.members[:-1], tree.models[:-1], strict=True):
        for j, group in enumerate(groups):
            if len(group) == 1:
                own = fitted.model_.parameters
                np.testing.assert_allclose(model.parameters.expert[j], own.expert[group[0]], rtol=1e-9, atol=1e-12)
                assert model.parameters.variance[j] == pytest.approx(own.variance[group[0]], rel=1e-12)


def test_likelihood_linkage(overfitted):
    fitted, X, y = overfitted
    tree = dendrogram(fitted, X, y)
    assert tree.numbers == [5, 4, 3, 2, 1] and tree.best.n_experts == 3
    # The height is what the log-likelihood has lost.
    np.testing.assert_allclose(tree.heights, tree.log_likelihoods[0] - tree.log_likelihoods[1:], atol=1e-8)
    assert np.all(np.diff(tree.heights) > 0)
    bic = [np.log(len(y)) * m.n_free_parameters - 2 * m.log_density(X, y).sum() for m in tree.models]
    np.testing.assert_allclose(tree.criterion, bic, rtol=1e-12)
    full = GaussianMoERegressor(3, random_state=0, n_init=1).fit(X, y)
    # Three experts are there: merging finds the maximum that the search finds, up to the rest of the gradients.
    assert tree.log_likelihoods[2] == pytest.approx(full.log_likelihood_, abs=1e-6)
    assert tree.log_likelihoods[-1] == pytest.approx(GaussianMoERegressor(1).fit(X, y).log_likelihood_, abs=1e-6)


@pytest.mark.parametrize("linkage", ["likelihood", "rate"])
def test_members_and_merge_matrix(overfitted, linkage):
    fitted, X, y = overfitted
    tree = dendrogram(fitted, X, y, linkage=linkage)
    for number, groups in zip(tree.numbers, tree.members, strict=True):
        assert sorted(sum(groups, ())) == [0, 1, 2, 3, 4] and len(groups) == number
    labels = scipy.cluster.hierarchy.cut_tree(tree.merge_matrix, n_clusters=3)[:, 0]
    own = tree.labels(3)
    assert len(set(zip(labels, own, strict=True))) == 3  # the same partition
    assert tree.merge_matrix.shape == (4, 4) and tree.merge_matrix[-1, 3] == 5
    assert repr(tree).count("\n") == 8 and tree.table["best"].sum() == 1


def test_experts_keep_their_place_in_a_merge(overfitted):
    fitted, X, y = overfitted
    tree = dendrogram(fitted, X, y)
    before = fitted.responsibilities(X, y)
    for k, model in zip(tree.numbers, tree.models, strict=True):
        merged = np.column_stack([before[:, tree.labels(k) == j].sum(axis=1) for j in range(k)])
        after = model.responsibilities(X, y)
        # Nearly the same posterior (0.86 and more): of an order mixed up, two experts would disagree.
        assert np.mean(merged.argmax(axis=1) == after.argmax(axis=1)) > 0.75


def test_bad_input(overfitted):
    fitted, X, y = overfitted
    with pytest.raises(ValueError, match="did you mean 'rate'"):
        dendrogram(fitted, X, y, linkage="rates")
    with pytest.raises(ValueError, match="none with 6"):
        dendrogram(fitted, X, y, linkage="rate").labels(6)
    with pytest.raises(ValueError, match="two experts that can merge"):
        dendrogram(GaussianMoERegressor(1).fit(X, y), X, y)
    student = GaussianMoERegressor(2, experts="student:df=4", n_init=1, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match="use LikelihoodLinkage"):
        dendrogram(student, X, y, linkage="rate")
    assert dendrogram(student, X, y, linkage=LikelihoodLinkage()).numbers == [2, 1]
