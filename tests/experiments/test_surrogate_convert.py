"""The converter on a small made-up checkout of Accel-NASBench: right tables from a good one, one line from bad ones."""

import csv
import gzip
import io
import json
import os
import random
import subprocess
import sys
import tarfile

import numpy as np
import pytest

from effsearch.evaluators.surrogate import measured_space
from effsearch.experiments.surrogate import convert, tables
from effsearch.search_spaces import catalogue
from effsearch.search_spaces.cost import cost

SPACE = measured_space()
B0 = (1, 6, 6, 6, 6, 6, 6, 3, 3, 5, 3, 5, 5, 3, 1, 2, 2, 3, 3, 4, 1, 1, 1, 1, 1, 1, 1, 1)
SMALL = (1,) * 7 + (3,) * 7 + (1,) * 7 + (0,) * 7
MIXED = (1, 4, 6, 1, 4, 6, 1, 3, 5, 3, 5, 3, 5, 3, 1, 2, 3, 1, 2, 4, 3, 0, 1, 0, 1, 0, 1, 0)
SEEDS = [(schedule, seed) for schedule in ("proxified", "fewproxy") for seed in (1, 2, 3)]


def result(genes, top1, squeeze=int):
    """The JSON of one network; `squeeze` writes its SE genes."""
    names = [f"block{stage}_{gene}" for gene in ("e", "k", "l", "se") for stage in range(7)]
    written = [squeeze(gene) if name.endswith("_se") else gene for name, gene in zip(names, genes, strict=True)]
    return {
        "architecture": dict(zip(names, written, strict=True)),
        "metrics": {"val_top1": top1, "val_top5": 85.0},
        "more": ["ignored"],
    }


def archive(path, members):
    """A tar.gz of (name, JSON value, bytes or TarInfo)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members:
            if isinstance(content, tarfile.TarInfo):
                tar.addfile(content)
                continue
            raw = content if isinstance(content, bytes) else json.dumps(content).encode()
            info = tarfile.TarInfo(name)
            info.size = len(raw)
            tar.addfile(info, io.BytesIO(raw))


def link(name, target, kind=tarfile.SYMTYPE):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return name, info


def training(genes, top1):
    """A row of the upstream CSV files: column 4 is top-1, columns 9 to 36 the genes."""
    return ["epoch", 15, 0.1, 2.5, top1, 85.0, 1.0, 2.0, 3.0, *genes, "more"]


def write_csv(folder, schedule, seed, rows):
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{schedule}-seed{seed}.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)


MEMBERS = [
    ("jsons/a.json", result(MIXED, 61.25, squeeze=bool)),
    ("jsons/b.json", result(B0, 65.5, squeeze=lambda gene: str(bool(gene)))),
    ("jsons/a-again.json", result(MIXED, 10.0)),
    ("jsons/readme.txt", b"no result"),
    ("jsons/huge.json", b" " * 1_000_001),
    link("jsons/symbolic.json", "/etc/passwd"),
    link("jsons/hard.json", "jsons/a.json", tarfile.LNKTYPE),
    ("../outside.json", result(SMALL, 45.125)),
]


@pytest.fixture
def source(tmp_path):
    """A checkout: three networks in the archive; in the CSV files two with all seeds, one without the last one."""
    archive(tmp_path / "source" / convert.ARCHIVE, MEMBERS)
    for number, (schedule, seed) in enumerate(SEEDS):
        base = 60.0 if schedule == "proxified" else 70.0
        rows = [training(B0, base + seed), training(SMALL, base - 10 + 0.00005 * seed)]
        if number < 5:
            rows.insert(1, training(MIXED, base))
        write_csv(tmp_path / "source" / convert.CSVS, schedule, seed, rows)
    return tmp_path / "source"


def run(monkeypatch, capsys, source, output):
    """Exit code and the lines on stderr."""
    monkeypatch.setattr(sys, "argv", ["convert", "--source", str(source), "--output", str(output)])
    code = convert.main()
    return code, capsys.readouterr().err.splitlines()


def positions(genes):
    """Choice positions, from the names of the search space's dimensions."""
    point = {}
    for name, offset in (("expand", 0), ("kernel", 7), ("repeats", 14), ("se", 21)):
        for stage in range(7):
            gene = genes[offset + stage]
            point[f"{name}_{stage + 1}"] = 0.25 * gene if name == "se" else gene
    return SPACE.indices([point])[0].tolist()


def network_cost(genes):
    return cost(SPACE.decode(SPACE.point(positions(genes))))


def test_the_proxy_table_reads_back_with_the_first_of_duplicates_and_our_counts(source, tmp_path, monkeypatch, capsys):
    assert run(monkeypatch, capsys, source, tmp_path / "out")[0] == 0
    indices, values = tables.read(tmp_path / "out" / tables.PROXY, ("top1", "mult_adds", "params"))
    genes = [MIXED, B0, SMALL]
    np.testing.assert_array_equal(indices, [positions(one) for one in genes])
    np.testing.assert_array_equal(values[:, 0], [61.25, 65.5, 45.125])
    assert values[:, 1:].tolist() == [[network_cost(one).mult_adds, network_cost(one).params] for one in genes]
    assert values[1, 1:].tolist() == [385_814_752, 5_288_548]  # B0's, as torchvision and the papers have it
    assert positions(B0) == SPACE.indices([SPACE.encode(catalogue.load("b0"))])[0].tolist()


def test_the_schedules_table_has_means_of_three_seeds_and_no_network_that_lacks_one(
    source, tmp_path, monkeypatch, capsys
):
    assert run(monkeypatch, capsys, source, tmp_path / "out")[0] == 0
    columns = ("top1_16_epochs", "top1_50_epochs", "mult_adds")
    indices, values = tables.read(tmp_path / "out" / tables.SCHEDULES, columns)
    np.testing.assert_array_equal(indices, [positions(B0), positions(SMALL)])
    np.testing.assert_allclose(values[:, :2], [[62.0, 72.0], [50.0001, 60.0001]], rtol=0, atol=1e-9)
    assert values[:, 2].tolist() == [network_cost(one).mult_adds for one in (B0, SMALL)]


def test_converting_twice_gives_the_same_bytes(source, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("time.time", lambda: 1e9)
    run(monkeypatch, capsys, source, tmp_path / "first")
    monkeypatch.setattr("time.time", lambda: 2e9)
    run(monkeypatch, capsys, source, tmp_path / "second")
    run(monkeypatch, capsys, source, tmp_path / "second")
    for name in (tables.PROXY, tables.SCHEDULES):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()
    assert sorted(path.name for path in (tmp_path / "second").iterdir()) == sorted([tables.PROXY, tables.SCHEDULES])


def test_nothing_of_the_archive_is_unpacked(source, tmp_path, monkeypatch, capsys):
    before = sorted(tmp_path.rglob("*"))
    run(monkeypatch, capsys, source, tmp_path / "out")
    new = set(tmp_path.rglob("*")) - set(before)
    assert new == {tmp_path / "out", tmp_path / "out" / tables.PROXY, tmp_path / "out" / tables.SCHEDULES}


def command(*arguments, cwd):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    code = [sys.executable, "-m", "effsearch.experiments.surrogate.convert", *map(str, arguments)]
    return subprocess.run(code, env=environment, cwd=cwd, capture_output=True, text=True)


def test_the_command_says_how_many_networks_it_wrote(source, tmp_path):
    done = command("--source", source, "--output", tmp_path / "new" / "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("3 and 2 networks written to ")
    assert done.stderr == ""


def test_the_command_without_a_checkout_exits_2_with_an_error_line(tmp_path):
    done = command("--source", tmp_path / "nothing", "--output", tmp_path / "out", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: cannot read ")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def refused(monkeypatch, capsys, source, output, *named):
    """Exit code 2, one error line with these names, nothing written."""
    code, lines = run(monkeypatch, capsys, source, output)
    assert code == 2
    assert lines[0].startswith("error: ")
    assert all(line.startswith("hint: ") for line in lines[1:])
    for name in named:
        assert str(name) in lines[0]
    assert not (output / tables.PROXY).exists()
    assert not (output / tables.SCHEDULES).exists()


def without(mapping, key):
    return {name: value for name, value in mapping.items() if name != key}


GOOD = result(MIXED, 61.25)


def altered(**genes):
    return {**GOOD, "architecture": {**GOOD["architecture"], **genes}}


def rated(top1):
    return json.dumps(GOOD).replace("61.25", top1).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"{broken",
        b"",
        b"\xff\xfe\x00not text",
        b"[" * 200_000,
        b"[1, 2]",
        b"null",
        b'"text"',
        without(GOOD, "architecture"),
        without(GOOD, "metrics"),
        {**GOOD, "architecture": "e1k3"},
        {**GOOD, "architecture": without(GOOD["architecture"], "block6_se")},
        {**GOOD, "metrics": {}},
        {**GOOD, "metrics": None},
        altered(block2_e=5),
        altered(block2_e="six"),
        altered(block2_e=None),
        altered(block2_k=3.5),
        altered(block4_l=4),
        altered(block0_se="maybe"),
        altered(block0_se=[1]),
        rated('"high"'),
        rated("null"),
        rated("[61.25]"),
        rated("NaN"),
        rated("Infinity"),
        rated('"nan"'),
        rated("1" + "0" * 400),
        rated("1" + "0" * 5_000),
    ],
    ids=[
        "broken", "empty", "no text", "too deep", "list", "null", "text", "no architecture", "no metrics",
        "architecture is text", "a gene missing", "no top-1", "metrics null", "unknown expansion", "expansion in words",
        "expansion null", "kernel 3.5", "four layers in stage 5", "SE maybe", "SE list", "top-1 in words", "top-1 null",
        "top-1 list", "top-1 NaN", "top-1 Infinity", "top-1 nan as text", "top-1 of 401 digits", "top-1 of 5001 digits",
    ],
)  # fmt: skip
def test_a_json_file_that_is_no_result_is_refused_by_archive(source, tmp_path, monkeypatch, capsys, content):
    archive(source / convert.ARCHIVE, [("jsons/good.json", GOOD), ("jsons/wrong.json", content)])
    refused(monkeypatch, capsys, source, tmp_path / "out", "anb_dataset_jsons.tar.gz")


def test_a_wrong_result_and_broken_json_are_named(source, tmp_path, monkeypatch, capsys):
    for content in (altered(block2_e=5), b"{broken"):
        archive(source / convert.ARCHIVE, [("jsons/good.json", GOOD), ("jsons/wrong.json", content)])
        refused(monkeypatch, capsys, source, tmp_path / "out", "anb_dataset_jsons.tar.gz", "jsons/wrong.json")


def many_results():
    rng = random.Random(0)  # noqa: S311 (not for secrets)
    return [(f"{i}.json", {**GOOD, "noise": [rng.random() for _ in range(2_000)]}) for i in range(4)]


@pytest.mark.parametrize("share", [0.0, 0.001, 0.25, 0.5, 0.75, 0.95])
def test_a_truncated_archive_is_refused(source, tmp_path, monkeypatch, capsys, share):
    path = source / convert.ARCHIVE
    archive(path, many_results())
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    refused(monkeypatch, capsys, source, tmp_path / "out", "anb_dataset_jsons.tar.gz")


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 0.75])
def test_a_spoilt_archive_is_refused(source, tmp_path, monkeypatch, capsys, share):
    path = source / convert.ARCHIVE
    archive(path, many_results())
    content = bytearray(path.read_bytes())
    start = int(len(content) * share)
    content[start : start + 4_000] = b"\xff" * 4_000
    path.write_bytes(content)
    refused(monkeypatch, capsys, source, tmp_path / "out", "anb_dataset_jsons.tar.gz")


@pytest.mark.parametrize(
    "members", [[], [("readme.txt", b"text")], [link("a.json", "/etc/passwd")], [("huge.json", b" " * 1_000_001)]],
    ids=["empty", "text only", "link only", "huge only"],
)  # fmt: skip
def test_an_archive_without_results_is_refused(source, tmp_path, monkeypatch, capsys, members):
    archive(source / convert.ARCHIVE, members)
    refused(monkeypatch, capsys, source, tmp_path / "out", "holds no JSON results")


@pytest.mark.parametrize("kind", ["missing", "text", "folder"])
def test_what_is_no_archive_is_refused(source, tmp_path, monkeypatch, capsys, kind):
    path = source / convert.ARCHIVE
    path.unlink()
    if kind == "text":
        path.write_text("version https://git-lfs.github.com/spec/v1\n")
    elif kind == "folder":
        path.mkdir()
    refused(monkeypatch, capsys, source, tmp_path / "out", "anb_dataset_jsons.tar.gz")


@pytest.mark.parametrize(
    "row",
    [
        training(MIXED, "high"),
        training(MIXED, ""),
        training(MIXED, "nan"),
        training(MIXED, "inf"),
        training(MIXED, 61.0)[:20],
        [],
        training((5, *MIXED[1:]), 61.0),
        training(("six", *MIXED[1:]), 61.0),
        training((*MIXED[:-1], ""), 61.0),
        [*training(MIXED, 61.0), "x" * 200_000],
    ],
    ids=[
        "top-1 in words", "top-1 empty", "top-1 nan", "top-1 inf", "short row", "empty row", "unknown expansion",
        "expansion in words", "SE empty", "huge field",
    ],
)  # fmt: skip
def test_a_csv_file_with_a_wrong_row_is_refused_by_name(source, tmp_path, monkeypatch, capsys, row):
    write_csv(source / convert.CSVS, "fewproxy", 2, [training(B0, 70.0), row])
    refused(monkeypatch, capsys, source, tmp_path / "out", "fewproxy-seed2.csv")


@pytest.mark.parametrize("kind", ["missing", "no text", "folder"])
def test_a_csv_file_that_cannot_be_read_is_refused_by_name(source, tmp_path, monkeypatch, capsys, kind):
    path = source / convert.CSVS / "proxified-seed3.csv"
    path.unlink()
    if kind == "no text":
        path.write_bytes(b"\xff\xfe" * 100)
    elif kind == "folder":
        path.mkdir()
    refused(monkeypatch, capsys, source, tmp_path / "out", "proxified-seed3.csv")


def test_a_network_that_stands_twice_in_one_seed_does_not_make_up_for_another(source, tmp_path, monkeypatch, capsys):
    """MIXED lacks seed 3 of the long schedule; seed 1 twice are not three seeds."""
    rows = [training(B0, 71.0), training(MIXED, 70.0), training(MIXED, 70.5), training(SMALL, 60.0)]
    write_csv(source / convert.CSVS, "fewproxy", 1, rows)
    assert run(monkeypatch, capsys, source, tmp_path / "out")[0] == 0
    indices, _ = tables.read(tmp_path / "out" / tables.SCHEDULES, ("top1_50_epochs",))
    assert positions(MIXED) not in indices.tolist()


@pytest.mark.parametrize("place", ["out", "out/below"])
def test_an_output_that_cannot_be_a_folder_is_refused(source, tmp_path, monkeypatch, capsys, place):
    (tmp_path / "out").write_text("a file")
    code, lines = run(monkeypatch, capsys, source, tmp_path / place)
    assert code == 2
    assert lines[0].startswith("error: ")
    assert str(tmp_path / "out") in lines[0]
    assert (tmp_path / "out").read_text() == "a file"


def test_a_refused_checkout_leaves_older_tables_as_they_are(source, tmp_path, monkeypatch, capsys):
    run(monkeypatch, capsys, source, tmp_path / "out")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    (source / convert.CSVS / "fewproxy-seed3.csv").unlink()
    assert run(monkeypatch, capsys, source, tmp_path / "out")[0] == 2
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_the_compressed_table_is_plain_gzip_of_csv(source, tmp_path, monkeypatch, capsys):
    run(monkeypatch, capsys, source, tmp_path / "out")
    text = gzip.decompress((tmp_path / "out" / tables.PROXY).read_bytes()).decode()
    header, *rows = text.splitlines()
    assert header.split(",") == [*tables.GENES, "mult_adds", "params", "top1"]
    assert [row.split(",")[:28] for row in rows] == [[str(gene) for gene in genes] for genes in (MIXED, B0, SMALL)]
