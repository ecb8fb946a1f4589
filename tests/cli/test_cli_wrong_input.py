"""A user's mistake: the exit code, one `error:` line with the value, perhaps a hint; no traceback, nothing left."""

from __future__ import annotations

from pathlib import Path

import pytest

TINY = ("--space", "own.py:tiny", "--evaluator", "own.py:slow", "--target-flops", "2M", "--trials", "6")
CONFIG = "format: effsearch-config\nversion: 1\ncommand: nas\n"

# arguments, what the error names; exit code 2 and nothing left behind
EARLY = {
    "letters for digits": ("nas --target-flops 4OOM", "4OOM"),
    "negative target": ("nas --target-flops -5", "-5"),
    "target nan": ("nas --target-flops nan", "nan"),
    "endless target": ("nas --target-flops 1e999", "1e999"),
    "unknown sampler": ("nas --sampler genetic", "'genetic'"),
    "unknown evaluator": ("nas --evaluator surogate", "'surogate'"),
    "unknown space": ("nas --space mnasnet-b1", "'mnasnet-b1'"),
    "around another space": ("nas --around b1", "--around"),
    "unknown reference": ("nas --space mnasnet --around b99 --evaluator capacity", "'b99'"),
    "epochs that are not predicted": ("nas --epochs 17", "17"),
    "epochs of another evaluator": ("nas --evaluator capacity --epochs 16", "epochs"),
    "epochs in words": ("nas --epochs fifty", "fifty"),
    "unknown reward": ("nas --reward foo", "'foo'"),
    "reward that pays for cost": ("nas --reward 0.07,-1", "0.07"),
    "reward of one number": ("nas --reward=-0.07", "-0.07"),
    "limit without a size": ("nas --limit params", "'params'"),
    "limit of a wrong size": ("nas --limit params=6MM", "6MM"),
    "limit of an unknown cost": ("nas --limit energy=6M", "'energy'"),
    "cost without a file": ("nas --cost bad", "'bad'"),
    "cost in a file that is missing": ("nas --cost latency=none.py:f", "none.py"),
    "cost that cannot be called": ("nas --cost latency=own.py:three", "own.py:three"),
    "cost with the name of a column": ("nas --trials 5 --cost accuracy=own.py:latency", "accuracy"),
    "accuracy alone": ("nas --objective accuracy", "accuracy"),
    "unknown objective": ("nas --objective accuracy --objective latency", "'latency'"),
    "unknown network to compare": ("nas --compare b00", "'b00'"),
    "network the evaluator cannot rate": ("nas --compare b1", "efficientnet-b1"),
    "space the evaluator cannot rate": ("nas --space mnasnet", "mnasnet"),
    "no trials": ("nas --trials 0", "0"),
    "fraction of a trial": ("nas --trials 2.5", "2.5"),
    "no batch": ("nas --batch 0", "0"),
    "negative seed": ("nas --seed -1", "-1"),
    "typo in an option": ("nas --trails 5", "--trails"),
    "option without a value": ("nas --trials", "--trials"),
    "unknown command": ("nsa", "'nsa'"),
    "missing config": ("nas --config none.yaml", "none.yaml"),
    "broken config": ("nas --config broken.yaml", "broken.yaml"),
    "config with an unknown option": ("nas --config unknown.yaml", "'trails'"),
    "config with text for a number": ("nas --config words.yaml", "'many'"),
    "config with a number for text": ("nas --config number.yaml", "400"),
    "config with a tag": ("nas --config tag.yaml", "tag.yaml"),
    "config of something else": ("nas --config other.yaml", "other.yaml"),
    "config with a negative seed": ("nas --config seed.yaml", "-1"),
    "config without trials": ("nas --config none_at_all.yaml", "0"),
    "config that is a folder": ("nas --config folder", "folder"),
    "run directory that is not empty": ("nas --trials 5 --out folder", "folder"),
    "run directory that is a file": ("nas --trials 5 --out a_file", "a_file"),
    "run directory below a file": ("nas --trials 5 --out a_file/run", "a_file"),
    "resume of no directory": ("nas --resume", "--resume"),
    "resume of nothing": ("nas --resume --out missing", "missing"),
    "resume of a folder of something else": ("nas --resume --out folder", "folder"),
    "evaluator in a file that is missing": ("nas --evaluator none.py:rate", "'none.py'"),
    "evaluator in a file that raises": ("nas --evaluator raising.py:rate", "line 3"),
    "evaluator in a file that is no Python": ("nas --evaluator syntax.py:rate", "syntax.py"),
    "evaluator that is missing in its file": ("nas --evaluator own.py:rrate", "'rrate'"),
    "evaluator that cannot be called": ("nas --evaluator own.py:three", "own.py:three"),
    "space that is a function": ("nas --space own.py:a_list", "own.py:a_list"),
    "profile of a missing file": ("profile none.yaml", "none.yaml"),
    "profile of broken YAML": ("profile broken.yaml", "broken.yaml"),
    "profile of another file": ("profile other.yaml", "other.yaml"),
    "profile of a typo": ("profile efficientnet-b00", "'efficientnet-b00'"),
    "evaluate outside the surrogate's space": ("evaluate b1", "efficientnet-b1"),
    "evaluate with other epochs": ("evaluate b0 --epochs 17", "17"),
    "evaluate by text": ("evaluate b0 --evaluator own.py:returns_text", "'seventy'"),
    "evaluate by nan": ("evaluate b0 --evaluator own.py:returns_nan", "nan"),
}
# those where a mistake can be mended in a word or two
HINTED = {
    "letters for digits": "400M",
    "unknown evaluator": "surrogate",
    "unknown space": "mnasnet-b0",
    "typo in an option": "--help",
    "unknown command": "--help",
    "resume of no directory": "--out",
    "resume of nothing": "ledger.jsonl",
    "limit without a size": "params=6M",
    "cost without a file": "function",
    "run directory that is not empty": "--out",
    "evaluator that is missing in its file": "rate",
    "evaluate outside the surrogate's space": "capacity",
    "profile of a typo": "efficientnet-b0",
    "config with an unknown option": "trials",
    "evaluate by text": "Evaluation",
}
FILES = {
    "broken.yaml": "a: [1, 2\nb: }",
    "unknown.yaml": CONFIG + "trails: 5\n",
    "words.yaml": CONFIG + "trials: many\n",
    "number.yaml": CONFIG + "target_flops: 400\n",
    "tag.yaml": CONFIG + "space: !!python/object/apply:os.system ['touch hacked']\n",
    "other.yaml": "format: something-else\nversion: 1\n",
    "seed.yaml": CONFIG + "seed: -1\ntrials: 5\n",
    "none_at_all.yaml": CONFIG + "trials: 0\n",
    "raising.py": "import math\n\nraise RuntimeError('licence expired\\nand more')\n",
    "syntax.py": "def rate(:\n",
    "a_file": "text",
    "folder/thesis.tex": "mine",
}


@pytest.fixture
def files(folder: Path) -> Path:
    for name, content in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)
    return folder


def contents(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if "__pycache__" not in path.parts
    }


def check_error(done, value: str, code: int) -> list[str]:
    assert "Traceback" not in done.stderr, done.stderr[-500:]
    assert done.code == code, done.stderr
    lines = done.stderr.splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    assert len(errors) == 1, lines
    assert value in errors[0]
    after = lines[lines.index(errors[0]) + 1 :]
    assert len(after) <= 1
    assert all(line.startswith("hint: ") for line in after)
    return lines


@pytest.mark.parametrize("mistake", EARLY)
def test_a_mistake_is_told_in_one_line_and_leaves_nothing(files, here, mistake):
    command, value = EARLY[mistake]
    before = contents(files)
    done = here(*command.split())
    lines = check_error(done, value, 2)
    assert lines[0].startswith("error: ")
    assert done.stdout == ""
    if mistake in HINTED:
        assert HINTED[mistake] in lines[1]
    assert contents(files) == before


@pytest.mark.parametrize("where", ["--out run", ""])
@pytest.mark.parametrize("size", ["1M", "0.05G"])
def test_a_budget_below_the_smallest_network_is_exit_code_1(files, here, size, where):
    before = contents(files)
    done = here("nas", "--target-flops", size, *where.split())
    lines = check_error(done, "51.59M", 1)
    assert lines[0].startswith("error: ")
    assert "51.59M" in lines[1]
    assert done.stdout == ""
    assert contents(files) == before


@pytest.mark.parametrize(("option", "code"), [("--trials 0", 2), ("--target-flops 1M", 1), ("--objective params", 2)])
def test_a_dry_run_refuses_what_the_run_would_refuse(files, here, option, code):
    done = here("nas", *option.split(), "--dry-run")
    check_error(done, option.split()[1].removesuffix("M"), code)


def test_the_budget_twice_is_a_contradiction(files, here):
    done = here("nas", "--target-flops", "400M", "--limit", "mult_adds=300M", "--trials", 4)
    check_error(done, "mult_adds", 2)


@pytest.mark.parametrize(
    ("command", "error", "hint"),
    [
        ("--limit parms=4M", "--limit: there is no cost 'parms'; known: params", "did you mean params?"),
        ("--objective accuracy --objective mult_ads", "--objective: there is no cost 'mult_ads'", "mult_adds?"),
        ("--latency-table gone.json", "gone.json; there is no such file", "effsearch latency build --out"),
        ("--space mnasnt", "there is no search space 'mnasnt'", "did you mean mnasnet?"),
        ("--space mnasnet", "--space is mnasnet; the evaluator surrogate rates networks of mnasnet-b0", "capacity"),
        ("--space own.py:tiny", "of mnasnet-b0 alone: tiny-0 has 3 stages", "--evaluator capacity"),
    ],
)
def test_the_line_names_the_option_and_the_hint_what_helps(files, here, command, error, hint):
    lines = check_error(here("nas", *command.split()), error, 2)
    assert hint in lines[1]
    assert "mnasnet-0" not in lines[0]  # a name that nobody has given


# what shows only when the first network is rated: the run directory may stay
LATE = {
    "evaluator that raises": ("--evaluator own.py:raises", "RuntimeError: no GPU here"),
    "evaluator that returns text": ("--evaluator own.py:returns_text", "'seventy'"),
    "evaluator that returns nan": ("--evaluator own.py:returns_nan", "nan"),
    "evaluator whose std is nan": ("--evaluator own.py:returns_nan_std", "nan"),
    "raising on a network to compare": ("--evaluator own.py:raises --compare b0", "no GPU here"),
    "cost that raises": ("--cost latency=own.py:latency_raises", "no phone attached"),
    "cost that returns text": ("--cost latency=own.py:latency_text", "very fast"),
    "cost that returns nan": ("--cost latency=own.py:latency_nan", "nan"),
}


@pytest.mark.parametrize("mistake", LATE)
@pytest.mark.parametrize("more", ["", "--dry-run"])
def test_what_goes_wrong_in_the_users_code_is_no_traceback(files, here, mistake, more):
    arguments, value = LATE[mistake]
    done = here("nas", *TINY, *arguments.split(), "--out", "run", *more.split())
    if more and "cost" in mistake:
        assert "Traceback" not in done.stderr
        return
    check_error(done, value, 2)
    assert done.stdout == ""


def test_evaluate_tells_what_a_users_evaluator_raised(files, here):
    done = here("evaluate", "b0", "--evaluator", "own.py:raises")
    assert done.code in (1, 2)
    check_error(done, "no GPU here", done.code)
    assert done.stdout == ""


@pytest.mark.parametrize("arguments", ["nas --target-flops 4OOM", "profile b00", "nas --resume --out missing"])
def test_a_process_of_its_own_says_the_same(files, here, finish, arguments):
    expected, done = here(*arguments.split()), finish(*arguments.split())
    assert (done.code, done.stdout, done.stderr) == (2, "", expected.stderr)


def test_control_characters_in_a_value_do_not_reach_the_terminal(files, here):
    done = here("nas", "--sampler", "\x1b[31mred\nerror: two")
    check_error(done, r"\x1b[31mred\n", 2)
    assert "\x1b" not in done.stderr


def test_no_arguments_print_the_help(files, here):
    done = here()
    text = done.stdout + done.stderr
    assert "profile" in text
    assert "Commands" in text
    assert "Traceback" not in text
    assert len(text.splitlines()) > 5  # not squeezed into an error line


def test_the_version_is_printed_installed_or_not(files, here):
    done = here("--version")
    assert "Traceback" not in done.stderr
    assert done.stdout.startswith("effsearch ")
    assert done.code == 0
