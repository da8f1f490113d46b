"""The house stands as docs/architecture.md says."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("training", "harness", "policies", "scenarios", "simulator")


def python_files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def project() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_import_contracts_hold() -> None:
    script = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    result = subprocess.run(
        [sys.executable, "-c", script, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r"Contracts: [1-9]\d* kept, 0 broken", result.stdout)


def test_nobody_mocks_carla() -> None:
    """Every test talks to a real server with the real client wheel."""
    replacement = re.compile(r"""sys\.modules\[["']carla|MagicMock|mock\.patch|from unittest import mock""")
    files = python_files(*ROOMS, "tests")
    assert len(files) > 50
    offenders = [
        str(path.relative_to(ROOT))
        for path in files
        if path != Path(__file__).resolve() and replacement.search(path.read_text())
    ]
    assert offenders == []


def test_the_carla_module_is_the_wheel() -> None:
    spec = importlib.util.find_spec("carla")
    assert spec is not None
    assert "site-packages" in str(spec.origin)


def test_no_module_is_named_like_something_that_it_would_shadow() -> None:
    """A package `docker` shadows the docker SDK; a folder `triton` shadows what torch looks for."""
    assert not (ROOT / "docker" / "__init__.py").exists()
    assert not any((ROOT / name).exists() for name in ("triton", "carla", "torch"))


def test_unrelated_namesakes_are_never_installed() -> None:
    """On the package index these three names are not the CARLA and NAVSIM projects."""
    meta = project()
    requirements = list(meta["dependencies"])  # type: ignore[call-overload]
    for extra in meta["optional-dependencies"].values():  # type: ignore[attr-defined]
        requirements += extra
    requirements += (ROOT / "constraints.txt").read_text().splitlines()
    names = {re.split(r"[\s<>=\[!~]", line)[0].lower().replace("_", "-") for line in requirements}
    assert "carla" in names
    assert names.isdisjoint({"scenario-runner", "leaderboard", "navsim", "torchvision", "timm"})


def test_every_requirement_has_a_floor_and_a_cap() -> None:
    meta = project()
    requirements = list(meta["dependencies"])  # type: ignore[call-overload]
    for extra in meta["optional-dependencies"].values():  # type: ignore[attr-defined]
        requirements += extra
    loose = [r for r in requirements if "==" not in r and not (">=" in r and "<" in r.replace(">=", ""))]
    assert loose == []


def test_make_help_lists_the_words() -> None:
    result = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for word in ("setup", "check", "test", "train", "closed-loop", "bench", "docs"):
        assert re.search(rf"\b{word}\b.* \w+", result.stdout), word


def test_ci_calls_the_same_words_as_people_do() -> None:
    workflow = (ROOT / ".github/workflows/ci.yml").read_text()
    local = (ROOT / ".ci/run").read_text()
    for word in ("make check", "make test"):
        assert word in workflow
        assert word in local
    assert "make closed-loop" in workflow


def test_no_path_of_somebodys_machine_is_committed() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = [n for n in listed.stdout.split("\0") if n]
    if not names:  # an unpacked source archive has no git
        names = [str(p.relative_to(ROOT)) for p in python_files(*ROOMS, "tests")]
    pattern = re.compile(r"(?<![\w.])/(work|root|home/\w+|farm)/")
    offenders = []
    for name in names:
        path = ROOT / name
        if path.suffix in {".gz", ".png", ".arrow"} or not path.is_file() or path == Path(__file__).resolve():
            continue
        if pattern.search(path.read_text(errors="replace")):
            offenders.append(name)
    assert offenders == []


def test_the_architecture_page_shows_the_imports_of_today() -> None:
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs/generate.py")
    assert spec is not None
    assert spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    page = (ROOT / "docs/architecture.md").read_text()
    assert generate.imports_table(generate.import_graph()) in page, "run `make docs`"


def test_the_training_page_shows_the_options_of_today() -> None:
    from training.engine.flags import options, table
    from training.student.config import StudentTraining

    assert table(StudentTraining) in (ROOT / "docs/training.md").read_text(), "run `make docs`"
    names = [option.name for option in options(StudentTraining)]
    assert len(set(names)) == len(names)
    assert all(option.meaning for option in options(StudentTraining))


def test_data_files_keep_their_licences() -> None:
    notice = (ROOT / "NOTICE").read_text()
    for path in [*(ROOT / "simulator/maps").glob("*.xodr.gz"), *(ROOT / "scenarios/routes").glob("*.xml")]:
        assert path.name in notice, path.name
    assert "Computer Vision Center" in (ROOT / "simulator/maps/NOTICE").read_text()
    assert len(list((ROOT / "scenarios/routes").glob("LICENSE.*"))) == 2
