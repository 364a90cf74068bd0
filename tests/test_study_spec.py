"""Studies are read with errors that name the key and the line."""

import numpy as np
import pytest

pytest.importorskip("pyarrow")

from gmoe.study import SpecError, Study, StudyError, replay, run, table
from gmoe.study.data.laws import LawOfX
from gmoe.study.data.seeds import seed_sequence, words_of
from gmoe.study.data.sizes import sizes_from

TEXT = """# a study
name = "demo"
seed = 1
replications = 3
sizes = [100, 200]

[truth]
gate = "softmax"
gate_intercept = [-8.0, 0.0]
gate_coef = [[25.0], [0.0]]
intercept = [15.0, -5.0]
coef = [[-20.0], [20.0]]
variance = [0.09, 0.16]

[x]
law = "uniform"

[[protocol]]
kind = "mle"
n_experts = 2

[[protocol]]
name = "em"
kind = "em"
n_experts = 2

[[loss]]
kind = "exact"
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seed = 1", "seed = -1", r"the study, line 3: seed: must be an integer >= 0, got -1"),
        ("seed = 1", "sed = 1", r"line 3: sed: unknown key; did you mean 'seed'\? known keys: name, seed"),
        ("seed = 1\n", "", r"the study: the key 'seed' is missing"),
        ("seed = 1", "seed = ", r"is not TOML: .*line 3"),
        ("[100, 200]", "[200, 100]", r"line 5: sizes: .*must be increasing, got 100 after 200"),
        ("[100, 200]", "[100, 1.5]", r"line 5: sizes: must be an integer >= 2, got 1.5"),
        ("[100, 200]", "{spacing = 'cubic'}", r"line 5: sizes.spacing: must be one of 'linear', 'log'"),
        ("[100, 200]", "{spacing = 'log', start = 9, stop = 5, count = 3}", r"sizes.stop: must be above start = 9"),
        ("[100, 200]", "[1]", "line 5: sizes: must be an integer >= 2"),
        ("0.09, 0.16", "0.09, -0.16", r"line 13: truth.variance: must be positive, got \[0.09, -0.16\]"),
        ("0.09, 0.16", "0.09", r"line 7: truth: .*shape"),
        ('"softmax"', '"softmx"', r"line 8: truth.gate: Unknown gate 'softmx'; known gates"),
        ("[[25.0], [0.0]]", '[["a"], [0.0]]', r"line 10: truth.gate_coef: must be a finite number, got 'a'"),
        ("coef = [[-20.0], [20.0]]\n", "", r"line 7: truth: the key 'coef' is missing"),
        ('"uniform"', '"cauchy"', r"line 16: x.law: must be one of 'uniform', 'normal', 'grid', got 'cauchy'"),
        ('"uniform"', '"uniform"\nsd = 1', r"line 17: x.sd: does not belong to the law 'uniform'"),
        ('"uniform"', '"uniform"\nlow = 2', r"line 15: x: low must be below high"),
        ('"mle"\nn_experts = 2', '"mle"\nn_experts = 0', r"line 20: protocol\[0\].n_experts: must be an integer >= 1"),
        ('name = "em"', 'name = "mle"', r"line 22: protocol\[1\]: the name 'mle' is taken"),
        (
            'kind = "em"',
            'kind = "emm"',
            r"line 24: protocol\[1\].kind: must be one of 'mle', 'em', 'published",
        ),
        ('kind = "em"', 'kind = "em"\nn_init = 3', r"line 25: protocol\[1\].n_init: unknown key"),
        ('kind = "em"', 'kind = "em"\ngate = "topk:n_active=3"', r"protocol\[1\].n_experts: n_active=3 is more than"),
        ('kind = "em"', 'kind = "em"\ngate = "topk"', r"line 28: loss\[0\]: .*between a dense and a sparse gate"),
        (
            'kind = "exact"',
            'kind = "exact"\ngate_intercept = "true"',
            r"line 29: loss\[0\].gate_intercept: must be one of 'fitted', 'truth', got 'true'",
        ),
        ('kind = "exact"', 'kind = "exat"', r"loss\[0\].kind: must be one of 'exact', 'over'"),
        ('kind = "exact"', 'kind = "exact"\npower = 3', r"line 29: loss\[0\].power: does not belong to 'exact'"),
        ('kind = "exact"', 'kind = "hellinger"\nscale = "free"', r"loss\[0\].scale: does not belong to 'hellinger'"),
        ("= 3", f"= {10**9}", r"line 4: replications: at most 10000000 data sets make a study, got 1000000000 at each"),
        ("200]", f"{10**30}]", r"line 5: sizes: must be an integer <= 100000000, got"),
        ('"mle"\nn_experts', f'"mle"\nn_init = {10**12}\nn_experts', r"n_init: must be <= 100000, got 1000000000000"),
        ('"mle"\nn_experts', f'"mle"\nn_near = {10**12}\nn_experts', r"protocol\[0\].n_near: must be <= 10000"),
        ('"em"\nn_experts = 2', '"em"\nn_experts = 9999', r"protocol\[1\].n_experts: must be <= 2000"),
        ('kind = "em"', f'kind = "published_softmax"\ntries = {10**9}', r"protocol\[1\].tries: must be <= 10000"),
        ('kind = "em"', f'kind = "em"\nmax_iter = {10**12}', r"protocol\[1\].max_iter: must be <= 10000000"),
        ('kind = "exact"', f'kind = "hellinger"\npoints = {10**12}', r"line 29: loss\[0\].points: must be <= 100000"),
        ("[100, 200]", str([*range(2, 10**5 + 3)]), r"sizes: how many there are must be <= 100000, got 100001"),
        ("seed = 1", f"seed = {'9' * 5000}", r"the study is not TOML: Exceeds the limit"),
        ("0.09, 0.16", "[0.09], [0.1, 0.2]", r"line 13: truth.variance: "),
        ("0.09, 0.16", f"0.09, {10**400}", r"line 13: truth.variance: int too large"),
        (
            "[[-20.0], [20.0]]",
            "[[-20.0, 1.0], [20.0, 1.0]]",
            r"line 7: truth: gate and means .*: 1 and 2; say by gate_",
        ),
        ('"uniform"', '"uniform"\nlow = -1e308\nhigh = 1e308', r"line 15: x: low must be below high, by a finite"),
        ('name = "demo"', 'name = "a/b"', r"line 2: name: must be a name of letters"),
    ],
)
def test_errors_name_key_and_line(old, new, message):
    assert old in TEXT
    with pytest.raises(SpecError, match=message) as caught:
        Study.from_toml(TEXT.replace(old, new))
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(SpecError, match="Cannot read .*nothing.toml: .*give the path"):
        Study.from_toml(tmp_path / "nothing.toml")


def test_named_truths_are_the_given_ones():
    named = TEXT[: TEXT.index("[truth]")].replace("sizes", 'truth = "softmax_paper"\nsizes') + TEXT[TEXT.index("[x]") :]
    assert Study.from_toml(named).to_dict() == Study.from_toml(TEXT).to_dict()
    with pytest.raises(SpecError, match="line 5: truth: unknown truth 'softmx'; known: softmax_paper, topk_paper"):
        Study.from_toml(named.replace("softmax_paper", "softmx"))


def test_odd_truths_and_files(tmp_path):
    head = TEXT[: TEXT.index("[truth]")]
    with pytest.raises(SpecError, match=r"line 7: truth: unknown truth \[1\]; known"):
        Study.from_toml(head + "truth = {name = [1]}\n" + TEXT[TEXT.index("[x]") :])
    bare = TEXT.replace("[[25.0], [0.0]]", "[[], []]").replace("[[-20.0], [20.0]]", "[[], []]")
    assert Study.from_toml(bare).truth.n_features == 0
    with pytest.raises(SpecError, match="line 15: x: A grid needs a feature"):
        Study.from_toml(bare.replace('"uniform"', '"grid"'))
    (tmp_path / "study.toml").write_text(TEXT, encoding="utf-8-sig")  # with a byte order mark, as some editors write
    assert Study.from_toml(tmp_path / "study.toml").to_dict() == Study.from_toml(TEXT).to_dict()


def test_dictionary_round_trip():
    study = Study.from_toml(TEXT)
    assert Study.from_dict(study.to_dict()).to_dict() == study.to_dict()


def test_sizes():
    linear = sizes_from({"spacing": "linear", "start": 100, "stop": 500, "count": 5})
    assert linear == (100, 200, 300, 400, 500)
    assert sizes_from({"spacing": "log", "start": 10, "stop": 1000, "count": 3}) == (10, 100, 1000)
    with pytest.raises(ValueError, match="must be increasing"):
        sizes_from({"spacing": "log", "start": 10, "stop": 12, "count": 9})


def test_laws():
    rng = np.random.default_rng(0)
    uniform = LawOfX.of({"law": "uniform", "low": [0.0, 2.0], "high": 3.0}, 2).draw(500, rng)
    assert uniform.shape == (500, 2) and uniform[:, 1].min() > 2.0 and uniform.max() < 3.0
    normal = LawOfX.of({"law": "normal", "mean": 5.0, "sd": 0.1}, 1).draw(500, rng)
    # Five standard errors of the mean.
    assert abs(normal.mean() - 5.0) < 5 * 0.1 / np.sqrt(500)
    grid = LawOfX.of({"law": "grid", "low": 0.0, "high": [1.0, 2.0]}, 2).draw(9, rng)
    assert np.array_equal(grid[:3], [[0, 0], [0, 1], [0, 2]]) and np.array_equal(grid[-1], [1, 2])
    with pytest.raises(ValueError, match="A grid in 2 dimensions has 4, 9, 16, ... points, not 10"):
        LawOfX.of({"law": "grid"}, 2).draw(10, rng)
    with pytest.raises(ValueError, match="sd must be positive"):
        LawOfX.of({"law": "normal", "sd": 0.0}, 1)


def test_seeds_are_those_of_spawning():
    cell = {"n": 5}
    seed = seed_sequence(3, words_of(cell), 2)
    assert seed.spawn_key == (*words_of(cell), 2)
    small = np.random.SeedSequence(3, spawn_key=(7, 2))
    spawned = np.random.SeedSequence(3).spawn(8)[7].spawn(3)[2]
    assert np.array_equal(small.generate_state(4), spawned.generate_state(4))
    assert words_of({"a": 1, "b": 2}) == words_of({"b": 2, "a": 1}) != words_of({"a": 1, "b": 3})


def test_arguments_of_run(tmp_path):
    study = Study.from_toml(TEXT)
    with pytest.raises(ValueError, match="n_jobs=1000 is more than 4 workers for each of"):
        run(study, tmp_path, n_jobs=1000)
    with pytest.raises(ValueError, match="Unknown engine 'ray'"):
        run(study, tmp_path, engine="ray")
    with pytest.raises(ValueError, match="scheduler='tcp://a:1' is for engine='dask', got engine='joblib'"):
        run(study, tmp_path, scheduler="tcp://a:1")
    with pytest.raises(ValueError, match="shard=3/2"):
        run(study, tmp_path, shard=(3, 2))
    with pytest.raises(ValueError, match="give one of both"):
        run(study, tmp_path, shard=(1, 2), target_mcse=0.1)
    assert not list(tmp_path.iterdir())


def test_failed_replications_are_rows_that_replay(tmp_path, monkeypatch):
    text = TEXT.replace("[100, 200]", "[100]")
    study = Study.from_toml(text)
    real = type(study.protocols[1]).fit

    def fit(self, data, rng):
        if rng.random() < 0.4:
            raise ArithmeticError("no luck")
        return real(self, data, rng)

    monkeypatch.setattr(type(study.protocols[1]), "fit", fit)
    outcome = run(study, tmp_path, engine="serial")
    frame = table(tmp_path)
    failed = frame[frame["status"] == "failed"]
    assert outcome.n_failed == len(failed) > 0 and outcome.n_missing == 0
    assert failed["error"].eq("ArithmeticError: no luck").all() and failed["protocol"].eq("em").all()
    assert failed["loss:exact"].isna().all() and failed["seed"].str.match(r"1:\d+,\d+,\d").all()
    with pytest.raises(ArithmeticError, match="no luck"):
        replay(tmp_path, "em", 100, int(failed["replication"].iloc[0]))
    with pytest.raises(StudyError, match="sizes are 100, replications 0 to 2"):
        replay(tmp_path, "em", 100, 3)
    with pytest.raises(SpecError, match="No protocol 'other' in this study; it has mle, em"):
        replay(tmp_path, "other", 100, 2)
