"""Real data sets that ship with the package."""

import csv
from importlib import resources
from typing import Any

import numpy as np
from sklearn.utils import Bunch

_PENGUINS = """Palmer penguins

Measurements of 333 adult penguins of three species, nesting on three islands of the Palmer
Archipelago, Antarctica, 2007-2009; the 11 of the 344 birds with a missing value are left out.

data: bill_depth_mm, flipper_length_mm, body_mass_g
target: bill_length_mm
further arrays: species, island, sex, year

Source: Palmer Station Antarctica LTER and K. Gorman; Gorman, Williams and Fraser (2014), Ecological
sexual dimorphism and environmental variability within a community of Antarctic penguins (genus
Pygoscelis), PLoS ONE 9(3), e90081; collected in the R package palmerpenguins by Horst, Hill and
Gorman (2020).
Licence: CC0 1.0 (public domain).
"""

_TEMPERATURE = """Temperature anomalies 1880-2015

Yearly global mean surface temperature from land stations, in degrees Celsius above the mean of
1951-1980; 136 years.

data: Year
target: AnnualAnomaly
further array: five_year_mean, nan where the years around are missing

Source: NASA Goddard Institute for Space Studies, GISS Surface Temperature Analysis (GISTEMP).
Licence: work of the government of the United States, in the public domain there.
"""


def load_penguins(*, return_X_y: bool = False, as_frame: bool = False) -> Any:
    """Load the Palmer penguins: bill length against three other measurements.

    Parameters
    ----------
    return_X_y : bool, default=False
        Return only ``(data, target)``.
    as_frame : bool, default=False
        Return pandas objects; needs pandas.

    Returns
    -------
    data : sklearn.utils.Bunch
        With ``data`` (333, 3), ``target`` (333,), ``feature_names``, ``target_name``, ``DESCR`` and
        the arrays ``species``, ``island``, ``sex`` and ``year``, each (333,); with ``as_frame``
        also ``frame``, which holds all of them.
    (data, target) : tuple
        With ``return_X_y``.

    Examples
    --------
    >>> from gmoe.datasets import load_penguins
    >>> penguins = load_penguins()
    >>> penguins.data.shape
    (333, 3)
    """
    table = _read("penguins.csv")
    return _bunch(
        features={name: table[name].astype(float) for name in ("bill_depth_mm", "flipper_length_mm", "body_mass_g")},
        target=("bill_length_mm", table["bill_length_mm"].astype(float)),
        extras={
            "species": table["species"],
            "island": table["island"],
            "sex": table["sex"],
            "year": table["year"].astype(int),
        },
        description=_PENGUINS,
        return_X_y=return_X_y,
        as_frame=as_frame,
    )


def load_temperature_anomalies(*, return_X_y: bool = False, as_frame: bool = False) -> Any:
    """Load the yearly temperature anomalies of land stations, 1880-2015.

    Parameters
    ----------
    return_X_y : bool, default=False
        Return only ``(data, target)``.
    as_frame : bool, default=False
        Return pandas objects; needs pandas.

    Returns
    -------
    data : sklearn.utils.Bunch
        With ``data`` (136, 1), the year, ``target`` (136,), the anomaly in degrees Celsius,
        ``feature_names``, ``target_name``, ``DESCR`` and ``five_year_mean`` (136,), which is nan at
        both ends; with ``as_frame`` also ``frame``, which holds all of them.
    (data, target) : tuple
        With ``return_X_y``.

    Examples
    --------
    >>> from gmoe.datasets import load_temperature_anomalies
    >>> X, y = load_temperature_anomalies(return_X_y=True)
    >>> X.shape, y.shape
    ((136, 1), (136,))
    """
    table = _read("tempanomalies.csv")
    mean = table["5-YearMean"].astype(float)
    mean[mean == -99.99] = np.nan  # the source's mark for a missing mean
    return _bunch(
        features={"Year": table["Year"].astype(float)},
        target=("AnnualAnomaly", table["AnnualAnomaly"].astype(float)),
        extras={"five_year_mean": mean},
        description=_TEMPERATURE,
        return_X_y=return_X_y,
        as_frame=as_frame,
    )


def _read(name: str) -> dict[str, np.ndarray]:
    """Read a table as one array of strings per column."""
    text = resources.files("gmoe.datasets").joinpath("data", name).read_text(encoding="utf-8")
    header, *rows = csv.reader(text.splitlines())
    return {column: np.array(values) for column, *values in zip(header, *rows, strict=True)}


def _bunch(
    *,
    features: dict[str, np.ndarray],
    target: tuple[str, np.ndarray],
    extras: dict[str, np.ndarray],
    description: str,
    return_X_y: bool,
    as_frame: bool,
) -> Any:
    target_name, y = target
    X: Any = np.column_stack(list(features.values()))
    frame = None
    if as_frame:
        frame = _pandas().DataFrame({**features, target_name: y, **extras})
        X, y = frame[list(features)], frame[target_name]
    if return_X_y:
        return X, y
    return Bunch(
        data=X,
        target=y,
        frame=frame,
        feature_names=list(features),
        target_name=target_name,
        DESCR=description,
        **extras,
    )


def _pandas() -> Any:
    try:
        import pandas
    except ImportError as error:
        raise ImportError(
            "as_frame=True needs pandas, which is not installed. Install it (pip install pandas), "
            "or leave as_frame=False for NumPy arrays."
        ) from error
    return pandas
