"""Reports of a run: HTML, Markdown, JUnit, Leaderboard, tables. They show a verdict, and decide nothing."""

from harness.report.gather import gather
from harness.report.model import Report
from harness.report.write import Format, write_report

__all__ = ["Format", "Report", "gather", "write_report"]
