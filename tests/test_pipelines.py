"""A fit inside of a pipeline or a search is asked with what they read."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from gmoe import GaussianMoERegressor, log_likelihood_scorer, unwrap
from gmoe.datasets import load_penguins

FRAME = load_penguins(as_frame=True).frame
Y = FRAME["bill_length_mm"]
NUMBERS = ["bill_depth_mm", "flipper_length_mm"]
MODEL = GaussianMoERegressor(2, n_init=1, random_state=0)


@pytest.fixture(scope="module")
def pipeline():
    """Categories, gaps and scales are the pipeline's affair."""
    gaps = FRAME.copy()
    gaps.loc[[3, 5], "bill_depth_mm"] = np.nan
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    head = make_column_transformer((numbers, NUMBERS), (OneHotEncoder(drop="first", sparse_output=False), ["sex"]))
    return make_pipeline(head, MODEL).fit(gaps, Y), gaps


def test_all_methods_read_what_the_pipeline_reads(pipeline):
    pipeline, X = pipeline
    fitted, last, Z = unwrap(pipeline), pipeline[-1], pipeline[:-1].transform(X)
    for name in ("predict_gate", "predict_experts", "predict_median"):
        np.testing.assert_array_equal(getattr(fitted, name)(X), getattr(last, name)(Z))
    for name in ("responsibilities", "score_samples", "pit", "crps", "bic", "icl"):
        np.testing.assert_array_equal(getattr(fitted, name)(X, Y), getattr(last, name)(Z, Y))
    np.testing.assert_array_equal(fitted.predict(X), pipeline.predict(X))
    robust = [
        one.inference(x, Y, cov_type="robust").standard_deviations().values for one, x in ((fitted, X), (last, Z))
    ]
    np.testing.assert_array_equal(*robust)
    table = fitted.predict_frame(X.tail(3), Y.tail(3))
    assert list(table.index) == list(X.tail(3).index) and "responsibility_1" in table
    # The pipeline and its last step stay what they are.
    assert last.n_features_in_ == 3 and fitted.n_features_in_ == FRAME.shape[1]
    np.testing.assert_array_equal(pipeline.predict(X), last.predict(Z))


def test_the_scorer_finds_the_fit_wherever_it_is():
    X, y = FRAME[NUMBERS].to_numpy(), Y.to_numpy()
    nested = make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), MODEL))
    one = Pipeline([("model", MODEL)])
    search = GridSearchCV(
        nested, {"pipeline__gaussianmoeregressor__n_experts": [2]}, scoring=log_likelihood_scorer, cv=3
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a third of the rows, sorted by species, has one expert
        scores = [cross_val_score(e, X, y, scoring=log_likelihood_scorer, cv=3) for e in (MODEL, one, nested, search)]
    np.testing.assert_array_equal(scores[1], scores[0])
    # Affine features: the same maxima up to the tolerance of the climb.
    np.testing.assert_allclose(scores[2:], [scores[0]] * 2, rtol=1e-6)


@pytest.mark.parametrize("draw", ["expert", "gate", "residual", "calibration"])
def test_displays_take_pipelines(pipeline, draw):
    pytest.importorskip("matplotlib").use("Agg")
    import matplotlib.pyplot as plt

    from gmoe import plotting

    pipeline, X = pipeline
    if draw == "gate":
        display = plotting.GateDisplay.from_estimator(pipeline, X, feature="flipper_length_mm")
        assert display.lines_[0].get_xdata().max() == X["flipper_length_mm"].max()  # in the units of the user
        point = X.head(1).assign(flipper_length_mm=display.grid[7], sex="male")
        point["bill_depth_mm"] = np.nanmedian(X["bill_depth_mm"])
        # Points that are the same up to the rounding of a median.
        np.testing.assert_allclose(display.proba[7], unwrap(pipeline).predict_gate(point)[0], rtol=1e-12)
    elif draw == "expert":
        display = plotting.ExpertFitDisplay.from_estimator(pipeline, X, Y, feature="bill_depth_mm")
        assert display.feature_name.startswith("bill_depth_mm")
    elif draw == "residual":
        display = plotting.ResidualDisplay.from_estimator(pipeline, X, Y, feature="body_mass_g")
        assert display.x.tolist() == X["body_mass_g"].tolist()
    else:
        display = plotting.CalibrationDisplay.from_estimator(pipeline, X, Y)
        np.testing.assert_array_equal(display.residuals, unwrap(pipeline).quantile_residuals(X, Y))
    plt.close("all")


def test_what_cannot_be_unwrapped(pipeline):
    with pytest.raises(TypeError, match="no GaussianMoERegressor in LinearRegression"):
        unwrap(make_pipeline(StandardScaler(), LinearRegression()))
    with pytest.raises(NotFittedError):
        unwrap(make_pipeline(StandardScaler(), GaussianMoERegressor()))
    with pytest.raises(ValueError, match="JSON has no transformers"):
        unwrap(pipeline[0]).to_json()


def test_a_formula_behind_a_transformer():
    class Doubled(StandardScaler):
        """Frames in, frames out, with a column more."""

        def fit(self, X, y=None):
            return super().fit(X[NUMBERS])

        def transform(self, X):
            return X.assign(half=X["bill_depth_mm"] / 2.0)

    formula = "bill_length_mm ~ half | flipper_length_mm"
    pipeline = make_pipeline(Doubled(), GaussianMoERegressor(2, formula=formula, n_init=1, random_state=0)).fit(FRAME)
    fitted = unwrap(pipeline)
    assert fitted.bic(FRAME) == pytest.approx(pipeline[-1].fit_result_.bic, rel=1e-12)  # two sums of the same terms
    assert log_likelihood_scorer(pipeline, FRAME) == pytest.approx(fitted.log_likelihood_ / len(FRAME), rel=1e-12)
    assert isinstance(fitted.predict_frame(FRAME), pd.DataFrame)
