"""A report in the formats that were asked for, as files of one folder."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from pathlib import Path
from urllib.parse import quote

import pyarrow.csv
import pyarrow.parquet

from harness.record.files import write_whole
from harness.report import html, junit, leaderboard, markdown, tables
from harness.report.model import Report


class Format(StrEnum):
    """What a report can be written as."""

    HTML = "html"
    MARKDOWN = "markdown"
    JUNIT = "junit"
    LEADERBOARD = "leaderboard"
    PARQUET = "parquet"
    CSV = "csv"


def write_report(
    report: Report,
    out: Path,
    formats: Collection[Format],
    *,
    ticks: bool = False,
    budget_mb: float = html.BUDGET_MB,
) -> tuple[Path, ...]:
    """Write the files.

    Args:
        report: to write.
        out: folder, made if missing.
        formats: which ones.
        ticks: write a table of all ticks, too.
        budget_mb: size of the HTML file.

    Returns:
        What was written.
    """
    out.mkdir(parents=True, exist_ok=True)
    written = []
    if Format.HTML in formats:
        written.append(_write(out / "report.html", html.render(report, budget_mb).encode()))
    if Format.MARKDOWN in formats:
        written.append(_write(out / "summary.md", markdown.render(report).encode()))
    if Format.JUNIT in formats:
        written.append(_write(out / "junit.xml", junit.render(report)))
    if Format.LEADERBOARD in formats:
        alone = len(report.policies) == 1
        for policy in report.policies:
            # The file is about one agent: two in one would be a table that ranks them.
            name = "leaderboard.json" if alone else f"leaderboard-{quote(policy.name, safe='')}.json"
            written.append(_write(out / name, leaderboard.render(report, policy).encode()))
    wanted = {Format.PARQUET, Format.CSV} & set(formats)
    if wanted:
        for name, table in tables.tables(report, ticks=ticks).items():
            if Format.PARQUET in wanted:
                path = out / f"{name}.parquet"
                pyarrow.parquet.write_table(table, path, compression="zstd")
                written.append(path)
            if Format.CSV in wanted:
                path = out / f"{name}.csv"
                pyarrow.csv.write_csv(table, path)
                written.append(path)
    return tuple(written)


def _write(path: Path, data: bytes) -> Path:
    write_whole(path, data)
    return path
