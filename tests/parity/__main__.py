"""`make parity [SERVER=host:port]`: ask a CARLA what ours was asked, and show where the answers differ.

Without a server ours is started and asked; `--accept` then makes its answers those that the golden test
expects.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

from tests.parity.compare import Verdict, compare
from tests.parity.questionnaire import SECTIONS, answers_of
from tests.parity.report import page, read_answers, write_answers
from tests.support import headless
from tests.support.headless import Endpoint

REPOSITORY = Path(__file__).parents[2]
OURS = REPOSITORY / "tests" / "golden" / "parity"
"""What our own server answers; a golden test keeps it so."""


def main() -> int:
    """Ask, write, compare.

    Returns:
        0 when every difference is known, 1 otherwise.
    """
    options = _parser().parse_args()
    sections = tuple(options.section or SECTIONS)
    if options.server is None:
        with headless.running() as own:
            answers = answers_of(own.endpoint, sections)
        who, suite = "itself", ["Not run: `make test` runs them on our own server."]
    else:
        answers = answers_of(options.server, sections)
        who = f"{options.server.host}:{options.server.port}"
        suite = [] if options.no_suite else run_suite(options.server)
    if options.accept:
        write_answers(answers, OURS)
        print(f"accepted: {OURS}")
        return 0
    day = datetime.now(UTC).date().isoformat()
    folder = options.out / f"{day}-{who.replace(':', '-')}"
    write_answers(answers, folder / "theirs")
    ours = {name: content for name, content in read_answers(OURS).items() if name in sections}
    write_answers(ours, folder / "ours")
    differences = compare(ours, answers)
    report = folder / "report.md"
    report.write_text(page(who, day, differences, suite or ["Not run."]), encoding="utf-8")
    found = sum(one.verdict is Verdict.DIFFERENT for one in differences)
    print(f"{len(differences)} answers, {found} differ and nobody knew: {report}")
    return 1 if found else 0


def run_suite(endpoint: Endpoint) -> list[str]:
    """Run the conformance tests on a server; lines about what came of it."""
    with tempfile.TemporaryDirectory() as scratch:
        results = Path(scratch) / "results.xml"
        command = [sys.executable, "-m", "pytest", "-q", "tests/conformance", f"--junitxml={results}"]
        command += ["--carla-server", f"{endpoint.host}:{endpoint.port}", "-m", "not slow"]
        subprocess.run(command, cwd=REPOSITORY, check=False)
        if not results.exists():
            return ["The tests could not be run: see the messages above."]
        cases = list(ElementTree.parse(results).iter("testcase"))  # noqa: S314  our own file
    outcomes = {f"{case.get('classname')}.{case.get('name')}": _outcome(case) for case in cases}
    words = sorted(set(outcomes.values()))
    lines = [", ".join(f"{list(outcomes.values()).count(word)} {word}" for word in words) + ".", ""]
    return lines + [f"- {word}: `{name}`" for name, word in sorted(outcomes.items()) if word != "passed"]


def _outcome(case: ElementTree.Element) -> str:
    for tag, word in (("failure", "failed"), ("error", "failed"), ("skipped", "skipped")):
        if case.find(tag) is not None:
            return word
    return "passed"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make parity", description=__doc__)
    parser.add_argument("--server", type=_endpoint, metavar="HOST:PORT", help="a CARLA 0.9.16; default: ours")
    parser.add_argument("--out", type=Path, default=Path("runs/parity"), help="default: %(default)s")
    parser.add_argument(
        "--section", action="append", choices=tuple(SECTIONS), help="ask only this; repeatable"
    )
    parser.add_argument("--no-suite", action="store_true", help="leave the conformance tests out")
    parser.add_argument("--accept", action="store_true", help="take the answers as what ours should be")
    return parser


def _endpoint(text: str) -> Endpoint:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise argparse.ArgumentTypeError(f"{text} is not HOST:PORT")
    return Endpoint(host, int(port))


if __name__ == "__main__":
    sys.exit(main())
