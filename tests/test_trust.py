"""A sample of ``make trust``, and that it can fail; each case it found stands in the test of its kind."""

import numpy as np
import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("matplotlib")

from trust import _run, commands, faults, fits, tomls
from trust._run import End

# Seeds that were good when they were chosen; cases are independent of each other, so that few of many show a change.
SAMPLES = {fits: 4, commands: 20, tomls: 60}


@pytest.mark.parametrize("part", SAMPLES, ids=lambda part: part.__name__)
def test_sample(part):
    found = [_run.run(part.case, seed) for seed in range(SAMPLES[part])]
    assert [each for each in found if each.end not in (End.GOOD, End.REFUSED)] == []
    assert sum(each.end is End.GOOD for each in found) > len(found) // 20


@pytest.mark.parametrize("fault", faults.QUICK, ids=lambda fault: fault.__name__)
def test_fault(fault, monkeypatch):
    monkeypatch.setattr(faults, "FAULTS", (fault,))
    assert _run.run(faults.case, 0).end is End.GOOD


def test_defects_are_seen(monkeypatch):
    """Each kind of defect, put in by hand, is called by its name."""

    def spin(rng):
        while True:
            np.sqrt(2.0)

    monkeypatch.setattr(_run, "LIMIT", 0.05)
    assert _run.run(spin, 0).end is End.HANG
    assert _run.run(lambda rng: 1 / 0, 0).end is End.CRASH
    assert _run.run(lambda rng: _run.need(False, "so"), 0).end is End.WRONG
    monkeypatch.setattr(_run, "LIMIT", 60.0)
    monkeypatch.setattr(fits, "RELATED", (fits.the_same_again,))
    # A log-likelihood that is not the sum of the model's log-densities.
    monkeypatch.setattr(fits, "ROUNDING", -1.0)
    assert End.WRONG in {_run.run(fits.case, seed).end for seed in range(4)}
    # A results folder in which files of another study are believed.
    monkeypatch.setattr("gmoe.study.results.store.refuse_foreign", lambda *_: None)
    monkeypatch.setattr(faults, "FAULTS", (faults.foreign_results,))
    assert {_run.run(faults.case, seed).end for seed in range(6)} & {End.SILENT, End.WRONG, End.CRASH}
