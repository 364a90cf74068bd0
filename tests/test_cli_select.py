"""``gmoe select``."""

import json

import pytest

from gmoe import select
from gmoe.cli import main
from gmoe.datasets import load_penguins


@pytest.fixture(scope="module")
def penguins(tmp_path_factory):
    path = tmp_path_factory.mktemp("select") / "penguins.csv"
    frame = load_penguins(as_frame=True).frame
    frame[["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "island"]].to_csv(path, index=False)
    return str(path)


FEW = ["--y", "bill_length_mm", "--max-experts", "2", "--n-init", "1"]


def test_the_choice_is_that_of_select(penguins, capsys):
    assert main(["select", penguins, *FEW, "--columns", "stepwise", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    frame = load_penguins(as_frame=True).frame[["bill_depth_mm", "flipper_length_mm"]]
    y = load_penguins(as_frame=True).frame["bill_length_mm"]
    direct = select(frame, y, n_experts=(1, 2), columns="stepwise", n_init=1, random_state=0)
    assert [row["bic"] for row in found["models"]] == list(direct.scores)
    assert [row["gate_columns"] for row in found["models"]] == [list(gate) for gate, _ in direct.columns]
    assert found["best"]["n_experts"] == direct.best.n_experts


def test_the_tables_have_the_names_of_the_file(penguins, capsys):
    assert main(["select", penguins, *FEW, "--x", "bill_depth_mm", "--criterion", "icl"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("Models by ICL") and "gate sees: bill_depth_mm" in out
    assert "coef[bill_depth_mm] (0)" in out and not err


def test_terms_of_a_formula(penguins, capsys):
    pytest.importorskip("formulaic")
    formula = "bill_length_mm ~ bill_depth_mm * island | flipper_length_mm"
    argv = ["--formula", formula, "--max-experts", "2", "--n-init", "1", "--columns", "stepwise", "--json"]
    assert main(["select", penguins, *argv]) == 0
    found = json.loads(capsys.readouterr().out)
    frame = load_penguins(as_frame=True).frame
    direct = select(frame, n_experts=(1, 2), formula=formula, columns="stepwise", n_init=1, random_state=0)
    assert [row["expert_columns"] for row in found["models"]] == [list(experts) for _, experts in direct.columns]
    assert found["best"]["settings"]["formula"] == direct.best.formula


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--columns", "stepwise", "--x", "island", "--categories", "island"], "use gmoe.select on a data frame"),
        (["--gates", "softmux"], "Unknown gate 'softmux'"),
        (["--criterion", "bix"], "invalid choice: 'bix'"),
    ],
)
def test_bad_input_is_one_line(penguins, capsys, options, message):
    assert main(["select", penguins, *FEW, *options]) == 2
    out, err = capsys.readouterr()
    assert not out and message in err and err.count("\n") == 1
