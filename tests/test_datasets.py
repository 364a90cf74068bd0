"""The real data sets: shapes, values against the source files, and pandas only where asked for."""

import subprocess
import sys

import numpy as np
import pytest

from gmoe.datasets import load_penguins, load_temperature_anomalies

LOADERS = [load_penguins, load_temperature_anomalies]


def test_penguins():
    penguins = load_penguins()
    assert penguins.data.shape == (333, 3)
    assert penguins.target.shape == (333,)
    assert penguins.data.dtype == penguins.target.dtype == np.float64
    assert penguins.feature_names == ["bill_depth_mm", "flipper_length_mm", "body_mass_g"]
    assert penguins.target_name == "bill_length_mm"
    np.testing.assert_array_equal(penguins.data[0], [18.7, 181.0, 3750.0])
    assert penguins.target[0] == 39.1
    species, count = np.unique(penguins.species, return_counts=True)
    assert dict(zip(species, count, strict=True)) == {"Adelie": 146, "Chinstrap": 68, "Gentoo": 119}
    assert set(penguins.island) == {"Biscoe", "Dream", "Torgersen"}
    assert set(penguins.sex) == {"male", "female"}
    assert set(penguins.year) == {2007, 2008, 2009}
    assert "CC0" in penguins.DESCR


def test_temperature_anomalies():
    temperature = load_temperature_anomalies()
    np.testing.assert_array_equal(temperature.data[:, 0], np.arange(1880, 2016))
    assert temperature.target.shape == (136,)
    assert temperature.target[0] == -0.41
    assert temperature.target[-1] == 0.99
    assert (temperature.feature_names, temperature.target_name) == (["Year"], "AnnualAnomaly")
    missing = np.isnan(temperature.five_year_mean)
    np.testing.assert_array_equal(np.flatnonzero(missing), [0, 1, 134, 135])
    assert np.abs(temperature.five_year_mean[~missing]).max() < 2
    assert "NASA" in temperature.DESCR


@pytest.mark.parametrize("load", LOADERS)
def test_every_way_of_loading_gives_the_same_numbers(load):
    bunch, framed = load(), load(as_frame=True)
    X, y = load(return_X_y=True)
    X_frame, y_frame = load(return_X_y=True, as_frame=True)
    np.testing.assert_array_equal(X, bunch.data)
    np.testing.assert_array_equal(y, bunch.target)
    np.testing.assert_array_equal(X_frame.to_numpy(), X)
    np.testing.assert_array_equal(y_frame.to_numpy(), y)
    assert list(X_frame.columns) == bunch.feature_names
    assert y_frame.name == bunch.target_name
    assert bunch.frame is None
    assert {*bunch.feature_names, bunch.target_name} < set(framed.frame.columns)
    assert len(framed.frame) == len(y)


@pytest.mark.parametrize("load", LOADERS)
def test_the_arrays_are_the_callers_own(load):
    load().data[:] = 0
    assert load().data.any()


def test_pandas_is_needed_for_frames_only():
    code = """
import sys
sys.modules["pandas"] = None  # importing it raises ImportError
from gmoe.datasets import load_penguins
assert load_penguins().data.shape == (333, 3)
try:
    load_penguins(as_frame=True)
except ImportError as error:
    assert "pip install pandas" in str(error), error
else:
    raise AssertionError("no ImportError")
"""
    subprocess.run([sys.executable, "-c", code], check=True)
