"""The comment on a pull request: written once, then kept up to date, against a real HTTP server."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.github.api import CommentServer, comment_server

SCRIPT = Path(__file__).parents[2] / "ci/sticky_comment.py"


@pytest.fixture
def server() -> Iterator[CommentServer]:
    with comment_server() as state:
        yield state


def comment(
    server: CommentServer, folder: Path, body: str, marker: str = "closed-loop"
) -> subprocess.CompletedProcess[str]:
    (folder / "body.md").write_text(body)
    return subprocess.run(
        [sys.executable, "-I", str(SCRIPT), "7", str(folder / "body.md"), "--marker", marker],
        env={
            "PATH": os.environ["PATH"],
            "GITHUB_TOKEN": "secret",
            "GITHUB_REPOSITORY": "us/cars",
            "GITHUB_API_URL": server.url,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_second_run_writes_the_same_comment_anew(server: CommentServer, tmp_path: Path) -> None:
    first = comment(server, tmp_path, "FAIL")
    assert first.returncode == 0, first.stderr
    assert server.url in first.stdout
    assert comment(server, tmp_path, "PASS").returncode == 0
    assert [one["body"] for one in server.comments] == ["<!-- drivegate:closed-loop -->\nPASS"]
    assert [method for method, _ in server.calls] == ["GET", "POST", "GET", "PATCH"]
    assert server.tokens == {"Bearer secret"}


def test_workflows_keep_apart_and_people_are_left_alone(server: CommentServer, tmp_path: Path) -> None:
    forged = server.add("<!-- drivegate:closed-loop -->\nlooks like yours", kind="User")
    quoting = server.add("> <!-- drivegate:closed-loop -->", kind="Bot")
    other = server.add("<!-- drivegate:nightly -->\nother", kind="Bot")
    comment(server, tmp_path, "PASS")
    assert len(server.comments) == 4
    assert forged["body"].endswith("yours")
    assert quoting["body"].startswith(">")
    assert other["body"].endswith("other")


def test_our_comment_is_found_on_a_later_page(server: CommentServer, tmp_path: Path) -> None:
    for number in range(100):
        server.add(f"talk {number}", kind="User")
    comment(server, tmp_path, "one")
    comment(server, tmp_path, "two")
    assert len(server.comments) == 101
    assert server.comments[-1]["body"].endswith("two")


def test_a_token_that_may_not_write_is_no_failure(server: CommentServer, tmp_path: Path) -> None:
    server.refuse = 403
    done = comment(server, tmp_path, "FAIL")
    assert done.returncode == 0
    assert "::warning::" in done.stdout
    server.refuse = 500
    assert comment(server, tmp_path, "FAIL").returncode != 0


def test_too_long_a_text_is_cut(server: CommentServer, tmp_path: Path) -> None:
    comment(server, tmp_path, "x" * 100_000)
    assert len(server.comments[0]["body"]) < 65_536
    assert server.comments[0]["body"].endswith("job summary)")
