"""Result files are whole, or found out."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("pyarrow")

import pyarrow as pa
import pyarrow.parquet as pq

from gmoe.study import ChangedStudyError, StoreError, Study, StudyError, merge, run, status, table
from gmoe.study.results.identity import differences
from gmoe.study.results.manifest import encoded, read_manifest
from gmoe.study.results.store import read_file, write_whole

TEXT = """
name = "tiny"
seed = 1
replications = 4
sizes = [40]
truth = "softmax_paper"

[[protocol]]
kind = "mle"
starts = "near_truth"
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    run(Study.from_toml(TEXT), folder, engine="serial", batch_size=2)
    return folder


def damage(path, kind, rng):
    content = bytearray(path.read_bytes())
    if kind == "emptied":
        content = b""
    elif kind == "truncated":
        content = content[: rng.integers(1, len(content))]
    else:
        content[rng.integers(len(content))] ^= 1 << rng.integers(8)
    path.write_bytes(bytes(content))


def edit(folder, change):
    """Change a manifest, with its checksum, as another version of gmoe would have written it."""
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    (folder / "manifest.json").write_bytes(encoded(manifest))


@pytest.mark.parametrize("kind", ["truncated", "emptied", "flipped"])
def test_every_damaged_file_is_found_and_computed_again(whole, tmp_path, kind):
    study, rng = Study.from_toml(TEXT), np.random.default_rng(3)
    expected = table(whole).drop(columns="seconds")
    for case in range(20):
        folder = tmp_path / str(case)
        shutil.copytree(whole, folder)
        files = sorted(folder.glob("results/*.parquet"))
        damaged = files[case % len(files)]
        damage(damaged, kind, rng)
        assert read_file(damaged, study) is None
        assert status(folder).n_damaged == 1 and status(folder).n_missing == 2
        with pytest.warns(RuntimeWarning, match="1 damaged result files .* run the study again"):
            assert len(table(folder)) == 2
        outcome = run(study, folder, engine="serial")
        assert outcome.n_quarantined == 1 and outcome.n_missing == 0
        assert len(list((folder / "quarantine").iterdir())) == 1
        pd.testing.assert_frame_equal(table(folder).drop(columns="seconds"), expected, check_exact=True)


def test_pages_have_checksums_of_their_own(whole):
    """Whoever reads a file without gmoe is warned too: a flipped byte in a page is an error of the Parquet reader."""
    path = sorted(whole.glob("results/*.parquet"))[0]
    column = pq.ParquetFile(path).metadata.row_group(0).column(0)
    content = bytearray(path.read_bytes())
    start = column.dictionary_page_offset or column.data_page_offset
    content[start + column.total_compressed_size - 2] ^= 1
    with pytest.raises(OSError, match="CRC"):
        pq.read_table(__import__("io").BytesIO(content), page_checksum_verification=True)


FULL = """
import resource, sys
from pathlib import Path
from gmoe.study import StoreError, Study, run
study = Study.from_toml(Path(sys.argv[1]))
run(study, sys.argv[2], engine="serial", batch_size=1, max_time=1e-9)
resource.setrlimit(resource.RLIMIT_FSIZE, (2500, 2500))
try:
    run(study, sys.argv[2], engine="serial", batch_size=int(sys.argv[3]))
except StoreError as error:
    print(error)
    raise SystemExit(1)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on file sizes")
def test_full_disk(whole, tmp_path):
    (tmp_path / "study.toml").write_text(TEXT)
    folder = tmp_path / "out"
    arguments = [sys.executable, "-c", FULL, str(tmp_path / "study.toml"), str(folder), "4"]
    done = subprocess.run(arguments, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("Cannot write") and "ulimit -f" in done.stdout and "resume" in done.stdout
    assert not [path for path in folder.rglob("*") if path.suffix in (".parquet", ".tmp")]
    run(Study.from_toml(TEXT), folder, engine="serial")
    pd.testing.assert_frame_equal(
        table(folder).drop(columns="seconds"), table(whole).drop(columns="seconds"), check_exact=True
    )


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_full_device(tmp_path, monkeypatch):
    """What a write to a full device raises (ENOSPC) leaves no file, and says what to do."""
    real = open
    monkeypatch.setattr("builtins.open", lambda path, mode: real("/dev/full", "wb"))
    with pytest.raises(StoreError, match="the disk is full; make room and resume; finished batches are safe"):
        write_whole(tmp_path / "file", b"content" * 10_000)
    assert not list(tmp_path.iterdir())


def test_a_file_in_the_place_of_the_results_is_named(tmp_path):
    (tmp_path / "results").write_text("")
    with pytest.raises(StoreError, match="Cannot write results in .*results: "):
        run(Study.from_toml(TEXT), tmp_path, engine="serial")


def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="Cannot make the folder .*give another one"):
        run(Study.from_toml(TEXT), tmp_path / "file" / "out")


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("seed = 1", "seed = 2", "seed: 1 -> 2"),
        ("[40]", "[40, 50]", r"sizes: \[40\] -> \[40, 50\]"),
        ('"near_truth"', '"data"', r'protocol\[0\].starts: "near_truth" -> "data"'),
        ("softmax_paper", "topk_paper", r"truth.gate: .* -> "),
    ],
)
def test_a_changed_study_is_refused(whole, old, new, named):
    with pytest.raises(ChangedStudyError, match=f"another study: .*{named}"):
        run(Study.from_toml(TEXT.replace(old, new)), whole)


def test_more_replications_go_on(whole, tmp_path):
    count = Study.from_toml(TEXT).replications
    more = Study.from_toml(TEXT.replace(f"replications = {count}", f"replications = {count + 1}"))
    assert more.replications == count + 1
    folder, anew = shutil.copytree(whole, tmp_path / "copy"), tmp_path / "new"
    before = set(folder.glob("results/*.parquet"))
    run(more, folder, engine="serial")
    assert before < set(folder.glob("results/*.parquet"))
    run(more, anew, engine="serial")
    pd.testing.assert_frame_equal(table(folder).drop(columns="seconds"), table(anew).drop(columns="seconds"))
    with pytest.raises(ChangedStudyError, match=f"replications: {count + 1} -> {count}"):
        run(Study.from_toml(TEXT), folder)
    assert merge([whole, folder], tmp_path / "all").n_missing == 0
    assert merge([whole], folder).n_missing == 0


def test_a_folder_from_before_an_option_goes_on(whole, tmp_path):
    folder = shutil.copytree(whole, tmp_path / "copy")
    edit(folder, lambda manifest: manifest["study"]["loss"][0].pop("gate_intercept"))
    assert run(Study.from_toml(TEXT), folder).n_missing == 0


def test_differences_name_what_was_added():
    assert list(differences({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}})) == ['a.c: "nothing" -> 2']


def test_merge_refuses_other_studies(whole, tmp_path):
    other = tmp_path / "other"
    run(Study.from_toml(TEXT.replace("seed = 1", "seed = 3")), other, engine="serial")
    with pytest.raises(ChangedStudyError, match="seed"):
        merge([whole, other], tmp_path / "all")
    assert not (tmp_path / "all").exists()
    with pytest.raises(StoreError, match="holds no results"):
        merge([whole, tmp_path / "nothing"], tmp_path / "all")


def test_merge_makes_one_file_and_keeps_the_origin(whole, tmp_path):
    merge([whole], tmp_path / "all")
    merge([whole], tmp_path / "all")
    assert len(list((tmp_path / "all" / "results").iterdir())) == 1
    manifest = json.loads((tmp_path / "all" / "manifest.json").read_text())
    original = json.loads((whole / "manifest.json").read_text())
    assert manifest["runs"][0]["merged"] == [{"folder": whole.name, "runs": original["runs"]}]
    pd.testing.assert_frame_equal(table(tmp_path / "all"), table(whole))


def test_merge_leaves_damaged_files_out(whole, tmp_path):
    copy = shutil.copytree(whole, tmp_path / "copy")
    damage(sorted(copy.glob("results/*.parquet"))[0], "truncated", np.random.default_rng(0))
    with pytest.warns(RuntimeWarning, match="1 damaged files were left out"):
        assert merge([copy], tmp_path / "all").n_missing == 2
    assert merge([whole, copy], tmp_path / "all").n_missing == 0
    assert len(table(tmp_path / "all")) == 4


def test_another_version_is_recorded_with_a_warning(whole, tmp_path):
    copy = shutil.copytree(whole, tmp_path / "copy")
    edit(copy, lambda manifest: manifest["runs"][-1]["versions"].update(gmoe="0.0.1"))
    with pytest.warns(RuntimeWarning, match="begun by gmoe 0.0.1"):
        run(Study.from_toml(TEXT), copy, engine="serial")
    assert len(json.loads((copy / "manifest.json").read_text())["runs"]) == 2


def test_shards_that_start_together_are_all_recorded(tmp_path):
    code = "import sys; from gmoe.study import run; run(sys.argv[1], sys.argv[2], shard=(int(sys.argv[3]), 4))"
    (tmp_path / "study.toml").write_text(TEXT)
    command = [sys.executable, "-c", code, str(tmp_path / "study.toml"), str(tmp_path / "out")]
    shards = [subprocess.Popen([*command, str(i)]) for i in (1, 2, 3, 4)]
    assert [shard.wait() for shard in shards] == [0] * 4
    runs = json.loads((tmp_path / "out" / "manifest.json").read_text())["runs"]
    assert sorted(run["shard"][0] for run in runs) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "is damaged .*; put the manifest.json back"),
        ("[" * 100_000, "is damaged .*; put the manifest.json back"),
        ("null", "is damaged, or was edited"),
        (json.dumps({"format": 2, "study": {}, "runs": []}), "is damaged, or was edited"),
        (encoded({"format": 2, "study": {}, "runs": {}}).decode(), "is no manifest of gmoe"),
        (encoded({"format": 2, "study": None, "runs": []}).decode(), "is no manifest of gmoe"),
        (encoded({"format": 2, "study": {}, "runs": [{"versions": None}]}).decode(), "is no manifest of gmoe"),
        (encoded({"format": 1, "study": {}, "runs": []}).decode(), "has format 1"),
        (encoded({"format": 2, "study": {"name": []}, "runs": []}).decode(), "name: must be a name"),
    ],
)
def test_a_damaged_manifest_is_an_error_with_advice(whole, tmp_path, content, reason):
    copy = shutil.copytree(whole, tmp_path / "copy")
    (copy / "manifest.json").write_text(content)
    for use in (status, table, lambda folder: run(Study.from_toml(TEXT), folder, engine="serial")):
        with pytest.raises(StudyError, match=reason) as caught:
            use(copy)
        assert "\n" not in str(caught.value)


def test_every_flipped_bit_of_a_manifest_is_found(whole, tmp_path):
    """The content is refused or is the same: a flip in white space or in the case of an escape changes nothing."""
    copy, rng = shutil.copytree(whole, tmp_path / "copy"), np.random.default_rng(5)
    whole_bytes = (copy / "manifest.json").read_bytes()
    for _ in range(300):
        content = bytearray(whole_bytes)
        content[rng.integers(len(content))] ^= 1 << rng.integers(8)
        (copy / "manifest.json").write_bytes(content)
        try:
            found = read_manifest(copy)
        except StoreError:
            continue
        assert found == json.loads(whole_bytes)


def test_results_without_a_manifest_say_of_which_study_they_are(whole, tmp_path):
    copy = shutil.copytree(whole, tmp_path / "copy")
    (copy / "manifest.json").unlink()
    with pytest.raises(ChangedStudyError, match="not of this study: seed: 1 -> 2"):
        run(Study.from_toml(TEXT.replace("seed = 1", "seed = 2")), copy, engine="serial")
    with pytest.raises(StoreError, match="manifest.json is missing"):
        table(copy)
    assert run(Study.from_toml(TEXT), copy, engine="serial").n_missing == 0
    pd.testing.assert_frame_equal(table(copy), table(whole))


ANOTHER_LOSS = '\n[[loss]]\nkind = "hellinger"\n'


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("seed = 1", "seed = 2", "seed: 2 -> 1"),
        ("[40]", "[40, 60]", r"sizes: \[40, 60\] -> \[40\]"),
        ('"near_truth"', '"data"', r'protocol\[0\].starts: "data" -> "near_truth"'),
        ('"near_truth"', f'"near_truth"{ANOTHER_LOSS}', r'loss\[0\].name: "hellinger" -> "over"'),
        ("replications = 4", "replications = 5", "it has replication 4, the study 4 replications"),
    ],
)
def test_results_of_another_study_are_refused_by_name(whole, tmp_path, old, new, named):
    """A whole file of another study in the folder is neither counted nor mixed in, whatever is asked of the folder."""
    copy = shutil.copytree(whole, tmp_path / "copy")
    run(Study.from_toml(TEXT.replace(old, new)), tmp_path / "other", engine="serial", batch_size=1)
    for path in (tmp_path / "other" / "results").iterdir():
        shutil.copy(path, copy / "results")
    asked = (status, table, lambda folder: run(Study.from_toml(TEXT), folder), lambda folder: merge([folder], whole))
    for use in asked:
        with pytest.raises(
            ChangedStudyError, match=rf"parquet is not of this study: .*{named}.* Move it away"
        ) as caught:
            use(copy)
        assert "\n" not in str(caught.value)


def test_a_whole_table_that_is_not_of_gmoe_is_refused(whole, tmp_path):
    copy, study = shutil.copytree(whole, tmp_path / "copy"), Study.from_toml(TEXT)
    found = read_file(sorted(whole.glob("results/*.parquet"))[0], study)
    for case, reason in [
        (found.replace_schema_metadata(None), "does not say of which study"),
        (found.replace_schema_metadata({b"gmoe:study": b"["}), "does not say of which study"),
        (found.drop_columns(["cells"]), r"lacks \['cells'\]"),
        (found.set_column(2, "n", pa.array([41] * len(found))), "it has n 41, the study 40"),
    ]:
        stream = io.BytesIO()
        pq.write_table(case, stream)
        digest = hashlib.sha256(stream.getvalue()).hexdigest()[:16]
        path = copy / "results" / f"1-0-2-{digest}.parquet"
        path.write_bytes(stream.getvalue())
        with pytest.raises(ChangedStudyError, match=reason):
            table(copy)
        path.unlink()
