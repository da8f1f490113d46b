"""The answers of a server on disk, and the comparison as a page to read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from tests.parity.compare import Difference, Verdict, count
from tests.parity.transformers import TRANSFORMERS

MOST_ROWS = 200
"""Rows of a table; the JSON files have all."""


def write_answers(answers: dict[str, object], folder: Path) -> None:
    """One JSON file for each section, an answer on a line, so that they can be compared as text."""
    folder.mkdir(parents=True, exist_ok=True)
    for section, content in answers.items():
        (folder / f"{section}.json").write_text(_text(content) + "\n", encoding="utf-8")


def read_answers(folder: Path) -> dict[str, object]:
    """What `write_answers` wrote."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def _text(value: object, indent: str = "") -> str:
    short = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list | tuple) or (len(short) < 100 and "{" not in short):
        return short
    deeper = indent + " "
    if isinstance(value, dict):
        rows = [f"{deeper}{json.dumps(str(key))}: {_text(item, deeper)}" for key, item in value.items()]
        return "{\n" + ",\n".join(rows) + f"\n{indent}}}"
    return "[\n" + ",\n".join(deeper + _text(item, deeper) for item in value) + f"\n{indent}]"


def page(who: str, day: str, differences: list[Difference], suite: Iterable[str]) -> str:
    """The report, in Markdown.

    Args:
        who: which server answered.
        day: when.
        differences: from `compare`.
        suite: lines about the conformance tests.
    """
    lines = [
        f"# Parity of the headless server with {who}, {day}",
        "",
        "| section | " + " | ".join(Verdict) + " |",
        "|---|" + "---:|" * len(Verdict),
    ]
    for section, verdicts in count(differences).items():
        lines.append(f"| {section} | " + " | ".join(str(verdicts[verdict]) for verdict in Verdict) + " |")
    lines += ["", "## Conformance tests", "", *suite]
    lines += ["", "## Different, and nobody knew", ""]
    lines += _table([one for one in differences if one.verdict is Verdict.DIFFERENT], reasons=False)
    lines += ["", "## Known differences", ""]
    lines += _table([one for one in differences if one.verdict is Verdict.KNOWN], reasons=True)
    lines += ["", "## What was made equal before comparing", ""]
    lines += [f"- *{name}*: {what}" for name, what in TRANSFORMERS.items()]
    return "\n".join(lines) + "\n"


def _table(found: list[Difference], *, reasons: bool) -> list[str]:
    if not found:
        return ["None."]
    last = "| why |" if reasons else "|"
    rows = [f"| question | ours | theirs {last}", "|---|---|---|" + ("---|" if reasons else "")]
    for one in found[:MOST_ROWS]:
        why = f"| {one.reason} |" if reasons else "|"
        rows.append(f"| {_cell(one.path)} | {_cell(one.ours)} | {_cell(one.theirs)} {why}")
    if len(found) > MOST_ROWS:
        rows += ["", f"and {len(found) - MOST_ROWS} more: see the JSON files"]
    return rows


def _cell(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.replace("|", "\\|").replace("\n", " ")[:120]
