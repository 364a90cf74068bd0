"""Files as they come: how ``gmoe fit`` reads them, what it takes, and what it says of the rest."""

import bz2
import gzip
import io
import json
import lzma
import sys
import zipfile

import numpy as np
import pytest

from gmoe._printable import printable
from gmoe.cli import _parser, main
from gmoe.cli._data import read_data
from gmoe.cli._messages import UsageError, WorkError

RNG = np.random.default_rng(8)
X = RNG.normal(size=40).round(3)
Y = np.where(X + RNG.normal(size=40) > 0, 2 * X, 1 - X).round(3) + 0.125
ROWS = [[repr(float(x)), repr(float(y))] for x, y in zip(X, Y, strict=True)]


def text(separator=",", header=("x", "y"), row=lambda i, cells: cells, decimal=".", end="\n"):
    """Write the rows; ``row`` adds cells."""
    rows = [[cell.replace(".", decimal) for cell in row(i, cells)] for i, cells in enumerate(ROWS)]
    return "".join(separator.join(cells) + end for cells in [header, *rows])


def with_column(values, name="c", **options):
    return text(header=("x", "y", name), row=lambda i, cells: [*cells, values(i)], **options)


def quoted(i, cells):
    return [f'"{cell}"' for cell in cells]


@pytest.fixture
def read(tmp_path):
    """Return a function that reads bytes or text with options; it gives the data and the notes."""

    def read(content, *options):
        file = tmp_path / "file"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        notes = []
        return read_data(_parser().parse_args(["fit", str(file), "--y", "y", *options]), notes), notes

    return read


def is_plain(data):
    assert data.names == ["x"]
    np.testing.assert_array_equal(data.X[:, 0], X)
    np.testing.assert_array_equal(data.y, Y)


def zipped(**members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


PLAIN = {
    "commas": text(),
    "semicolons": text(";"),
    "tabs": text("\t"),
    "bars": text("|"),
    "spaces": text("   "),
    "spaces, indented": text("  ", header=("", "x", "y"), row=lambda i, cells: ["", *cells]),
    "all quoted": text(row=quoted),
    "comma and space": text(", "),
    "ends of lines of Windows": text(end="\r\n"),
    "ends of lines of old Macs": text(end="\r"),
    "empty lines": "\n" + text(end="\n\n") + ",\n,\n",
    "sep=": "sep=;\n" + text(";"),
    "sep= that detection would not find": "sep=:\r\n" + text(":", end="\r\n"),
    "byte order mark": ("\ufeff" + text()).encode(),
    "UTF-16": text().encode("utf-16"),
    "UTF-16 without a mark": text().encode("utf-16-be"),
    "UTF-32": text().encode("utf-32"),
    "gzip": gzip.compress(text().encode()),
    "bzip2": bz2.compress(text().encode()),
    "xz": lzma.compress(text().encode()),
    "zip": zipped(a=text()),
    "gzip of UTF-16 with semicolons": gzip.compress(text(";").encode("utf-16")),
    "minus signs of typesetters": text().replace("-", "\u2212"),
}


@pytest.mark.parametrize("kind", PLAIN)
def test_the_same_numbers_from_every_kind_of_text(read, kind):
    data, notes = read(PLAIN[kind])
    is_plain(data)
    assert notes == []


NOTED = {
    "decimal commas": (text(";", decimal=","), "decimal commas"),
    "decimal commas between tabs": (text("\t", decimal=","), "decimal commas"),
    "quoted decimal commas between commas": (text(decimal=",", row=quoted), "decimal commas"),
    "comments": (
        "# made by lab 3\n  # with, care\n" + text().replace(ROWS[4][0], f"# again\n{ROWS[4][0]}"),
        "(3, the fi",
    ),
    "a header in a comment": ("# " + text(" "), "line 1 of"),
    "Windows-1252": (with_column(lambda i: "Müller").encode("cp1252"), "not in UTF-8"),
    "row numbers without a name": (
        text(header=("", "x", "y"), row=lambda i, cells: [str(i), *cells]),
        "column 1 is left",
    ),
    "row names of R": (text(row=lambda i, cells: [f'"Mazda, {i}"', *cells]), "column 1 is left out"),
    "row names of R between spaces": (text(" ", row=lambda i, cells: [f'"{i}"', *cells]), "column 1 is left out"),
    "row numbers of pandas, read again": (
        text(header=("Unnamed: 0", "x", "y"), row=lambda i, cells: [str(i), *cells]),
        "'Unnamed: 0' is left out",
    ),
    "separators at the ends": (text(row=lambda i, cells: [*cells, ""]), "column 3 is left out"),
    "periods with underscores": (with_column(lambda i: f"2015_{i:02}"), "such as '2015_00' (line 2)"),
    "digits of other scripts": (with_column(lambda i: "\u0663"), "'c' is left out"),
    "groups of digits": (with_column(lambda i: f'"50,{i + 100}"'), "--thousands ,"),
    "groups of digits between semicolons": (with_column(lambda i: f"50,{i + 100}", separator=";"), "--thousands ,"),
    "points that group": (with_column(lambda i: f"1.250.{i + 100}"), "--decimal , --thousands ."),
    "dates": (with_column(lambda i: f"2020-01-{i:02}"), "such as '2020-01-00' (line 2)"),
    "text of few levels": (with_column(lambda i: "red blue".split()[i % 2]), "2 levels as 0 and 1: --categories 'c'"),
    "percentages": (with_column(lambda i: f"{i}%"), "such as '0%'"),
    "no values": (with_column(lambda i: ""), "'c' is left out: it has no values"),
    "control characters": (with_column(lambda i: f"\x1b[2J{i}"), r"'\x1b[2J0'"),
}


@pytest.mark.parametrize("kind", NOTED)
def test_what_is_guessed_or_left_out_is_said(read, kind):
    content, words = NOTED[kind]
    data, notes = read(content)
    is_plain(data)
    assert any(words in note for note in notes), notes


def test_what_is_left_out_has_its_reason_in_the_data(read):
    data, _ = read(text(header=("", "x", "y"), row=lambda i, cells: [str(i), *cells]))
    assert list(data.left_out) == ["column 1"] and "no name" in data.left_out["column 1"]
    data, _ = read(with_column(lambda i: "a"))
    assert list(data.left_out) == ["c"] and "text" in data.left_out["c"]
    data, notes = read(with_column(lambda i: "a"), "--x", "x")
    assert data.left_out == {} and notes == []  # whoever names the features knows the others


OPTIONS = {
    "separator": (text(":"), ["--sep", ":"]),
    "separator by name": (text("\t"), ["--sep", "tab"]),
    "comment": ("% lab 3\n" + text(), ["--comment", "%"]),
    "encoding": (text().encode("utf-16-le"), ["--encoding", "utf-16-le"]),
    "decimal": (text("\t", decimal=","), ["--decimal", ","]),
    "name of a row number": (text(header=("Unnamed: 0", "x", "y"), row=lambda i, cells: ["1", *cells]), ["--x", "x"]),
}


@pytest.mark.parametrize("kind", OPTIONS)
def test_options_where_detection_fails(read, kind):
    content, options = OPTIONS[kind]
    data, _ = read(content, *options)
    is_plain(data)


def test_no_comments(read):
    # The first cell of a row may begin with the mark.
    content = "c,x,y\n" + "".join(f"#{i},{x},{y}\n" for i, (x, y) in enumerate(ROWS))
    data, _ = read(content, "--comment", "")
    is_plain(data)
    with pytest.raises(UsageError, match="no data.*--comment ''"):
        read(content)


def test_thousands(read):
    data, _ = read(with_column(lambda i: f'"{i + 1},234.5"'), "--thousands", ",")
    np.testing.assert_array_equal(data.X[:, 1], [1000 * (i + 1) + 234.5 for i in range(40)])
    data, _ = read(with_column(lambda i: f"{i + 1}.234", separator=";", decimal="."), "--thousands", ",")
    np.testing.assert_array_equal(data.X[:, 1], [float(f"{i + 1}.234") for i in range(40)])
    with pytest.raises(UsageError, match="both ','"):
        read(text(), "--thousands", ",", "--decimal", ",")


def test_truths_are_numbers(read):
    data, notes = read(with_column(lambda i: ["TRUE", "false"][i % 2]))
    assert data.names == ["x", "c"]
    np.testing.assert_array_equal(data.X[:, 1], [1 - i % 2 for i in range(40)])
    assert notes == ["column 'c' is taken as 1 (true) and 0 (false)"]


def test_categories(read):
    content = with_column(lambda i: ["red", "blue", "green"][i % 3])
    data, _ = read(content, "--categories", "c")
    assert data.names == ["x", "c[green]", "c[red]"]
    np.testing.assert_array_equal(data.X[:, 1], [i % 3 == 2 for i in range(40)])
    np.testing.assert_array_equal(data.X[:, 2], [i % 3 == 0 for i in range(40)])
    data, _ = read(content, "--categories", "c", "--expert-features", "x", "--gate-features", "c")
    assert [data.names[j] for j in data.settings["expert_features"]] == ["x"]
    assert [data.names[j] for j in data.settings["gate_features"]] == ["c[green]", "c[red]"]
    for options, words in [
        (["--x", "c"], "--x asks for column 'c'.*'red' \\(line 2\\).*--categories 'c'"),
        (["--categories", "c", "--x", "x"], "no feature; name it in --x"),
        (["--categories", "d"], "--categories asks for column 'd'|no feature"),
        (["--weights", "c"], "--weights asks for column 'c'.*give numbers"),
    ]:
        with pytest.raises(UsageError, match=words):
            read(content, *options)
    with pytest.raises(UsageError, match="40 levels|1 levels"):
        read(with_column(lambda i: "a"), "--categories", "c")


def test_row_counters_with_a_name_are_noted(read):
    data, notes = read(with_column(str, name="id"))
    assert data.names == ["x", "id"]
    assert "'id' is taken, though it counts the rows" in notes[0]


def test_numbers_are_read_to_the_last_bit(read):
    values = np.concatenate([RNG.random(300) * 10.0 ** RNG.integers(-300, 300, 300), [5e-324, 2**53 + 1.0, 0.1]])
    data, _ = read("x,y\n" + "".join(f"{float(value)!r},1\n" for value in values))
    np.testing.assert_array_equal(data.X[:, 0], values)


def test_missing_values(read, tmp_path, capsys):
    content = text(header=("x", "y", "c"), row=lambda i, cells: [*cells, "?" if i in (3, 7) else str(i * i % 7)])
    with pytest.raises(UsageError) as caught:
        read(content)
    for words in ("line 5: column 'c' is missing", "2 of 40 rows: lines 5, 9", "--drop-missing"):
        assert words in str(caught.value)
    data, notes = read(content, "--drop-missing")
    assert len(data.y) == 38 and "2 of 40 rows: lines 5, 9" in notes[0]
    np.testing.assert_array_equal(data.places[:4], [2, 3, 4, 6])
    data, _ = read(content, "--x", "x")
    assert len(data.y) == 40  # a column without use may lack what it likes
    with pytest.raises(UsageError, match="leaves no row"):
        read("x,y\n1,\n,2\n", "--drop-missing")
    out = tmp_path / "out.csv"
    argv = ["fit", str(tmp_path / "file"), "--y", "y", "--n-init", "1", "--out", str(out), "--drop-missing"]
    (tmp_path / "file").write_text(content, encoding="utf-8")
    main(argv)
    capsys.readouterr()
    lines = out.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("line,y,mean") and lines[4].startswith("6,") and len(lines) == 39


FAULTS = {
    "a quote left open": (
        text(header=("x", "c", "y"), row=lambda i, cells: [cells[0], '"5 in' if i == 3 else "ok", cells[1]]),
        ["line 5: the quote before '5 in,", 'write ""'],
    ),
    "a quote closed by the next one": (
        text(header=("x", "c", "y"), row=lambda i, cells: [cells[0], '"5 in' if i in (3, 9) else "ok", cells[1]]),
        ["line 5: the quote before '5 in,"],
    ),
    "a quote closed at the end of another cell": (
        text(header=("x", "c", "y"), row=lambda i, cells: [cells[0], {3: '"5', 4: '6"'}.get(i, "ok"), cells[1]]),
        ["line 5: the quote before '5,"],
    ),
    "a short line": (text() + "1\n", ["line 42: 1 cells, expected 2", "--sep"]),
    "groups of digits without quotes": (
        text(row=lambda i, cells: ["1,234", cells[1]]),
        ["line 2: 3 cells, expected 2"],
    ),
    "a short line among dates": (
        text(header=("x", "y", "t"), row=lambda i, cells: [*cells, "2020-01-01 12:00"][: 3 - (i % 5 == 4)]),
        ["line 6: 2 cells, expected 3"],
    ),
    "no header": (text(header=("0.5", "1")), ["'0.5'", "first line must hold the names"]),
    "a title": ("Measured in 2020\n" + text(), ["--y asks for column 'y'", "lines above the names"]),
    "another separator": (text(":"), ["'x:y'", "--sep"]),
    "negative weights": (text(), ["line", "--weights column 'y' is '-", "must be >= 0"], "--weights", "y"),
    "all weights 0": (with_column(lambda i: "0", name="w"), ["'w' is 0 in every row"], "--weights", "w"),
    "a text among numbers": (text().replace(ROWS[2][0], "1 kg"), ["line 4: column 'x' is '1 kg'", "1 of 40 rows"]),
    "the wrong encoding": (text().encode("utf-16"), ["not in utf-8", "--encoding"], "--encoding", "utf-8"),
    "a column twice": (text(), ["--x names column 'x' twice"], "--x", "x", "x"),
    "only text": ("x,y\n" + "1_0,2\n" * 5, ["no numeric column", "'1_0' (line 2)"]),
    "Latin-1 text asked for": ("y,x\nä,1\n".encode("latin-1"), ["holds text", "UTF-8", "--encoding"]),
    "an empty file": ("", ["is empty"]),
    "an image": (b"\x89PNG\r\n\x1a\n\0\0", ["not text", "CSV or Parquet"]),
    "half a gzip": (gzip.compress(text().encode())[:60], ["cannot unpack"]),
    "two files in a zip": (zipped(a="x", b="y"), ["2 files (a, b)", "unpack"]),
    "a workbook": (zipped(**{"[Content_Types].xml": "", "xl/workbook.xml": ""}), ["workbook", "save it as CSV"]),
    "an old workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1", ["workbook", "save it as CSV"]),
    "zstd": (b"\x28\xb5\x2f\xfd\0", ["zstd -d"]),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_faults_are_named_with_their_line_and_remedy(read, kind):
    content, words, *options = FAULTS[kind]
    with pytest.raises(UsageError) as caught:
        read(content, *options)
    for word in words:
        assert word in str(caught.value), f"{word!r} not in: {caught.value}"


@pytest.mark.parametrize("cell", ['"two\nlines"', '"two\nlines, 5"', '"12 Main St,\nSpringfield\n\n1"'])
@pytest.mark.parametrize("header", [("c", "x", "y"), ("x", "c", "y"), ("x", "y", "c")])
def test_cells_of_several_lines_are_no_fault(read, header, cell):
    place = header.index("c")
    is_plain(read(text(header=header, row=lambda i, cells: [*cells[:place], cell, *cells[place:]]))[0])


def test_standard_input(monkeypatch, capsys):
    fits = []
    for content in (text().encode(), gzip.compress(text(";").encode())):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        assert main(["fit", "-", "--y", "y", "--n-init", "2", "--json"]) in (0, 1)
        fits.append(json.loads(capsys.readouterr().out))
    assert fits[0]["log_likelihood"] == fits[1]["log_likelihood"]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text().encode())))
    assert main(["fit", "-", "--y", "z"]) == 2
    assert "standard input has 'x', 'y'" in capsys.readouterr().err


def test_parquet_and_feather(read, tmp_path):
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"x": X, "y": Y, "flag": X > 0, "code": "01", "when": pd.Timestamp("2020-01-01")})
    frame["kind"] = pd.Categorical(["a", "b"] * 20)
    frame.index = [f"row {i}" for i in range(40)]  # kept as a column without a name
    frame.to_parquet(tmp_path / "t.parquet")
    content = (tmp_path / "t.parquet").read_bytes()
    data, notes = read(content, "--categories", "kind")
    assert data.names == ["x", "flag", "kind[b]"]
    np.testing.assert_array_equal(data.X[:, 0], X)
    np.testing.assert_array_equal(data.X[:, 1], X > 0)
    # A text of digits is text: the file says so.
    assert set(data.left_out) == {"code", "when", "__index_level_0__"}
    assert any("'01' (row 1)" in note for note in notes)
    with pytest.raises(UsageError, match="cannot read"):
        read(content[:200])
    frame.iloc[6, 0] = np.nan
    frame.reset_index(drop=True).to_feather(tmp_path / "t.feather")
    with pytest.raises(UsageError, match="row 7: column 'x' is missing"):
        read((tmp_path / "t.feather").read_bytes())


def test_parquet_without_pyarrow_names_the_remedy(read, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(WorkError, match=r"pip install gmoe\[table\]"):
        read(b"PAR1")


def test_names_do_not_command_the_terminal(tmp_path, capsys):
    file = tmp_path / "file"
    file.write_text(text(header=("\x1b[31mx", "y")), encoding="utf-8")
    assert main(["fit", str(file), "--y", "y", "--n-init", "2"]) in (0, 1)
    out, _ = capsys.readouterr()
    assert r"coef[\x1b[31mx] (0)" in out and "\x1b" not in out
    assert printable("größe\u202e\n") == "größe\\u202e\\n"
