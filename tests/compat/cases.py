"""What is run: every example scenario on a town of ours, routes driven well and routes driven badly."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path

from defusedxml import ElementTree

from tests.support.headless import REPOSITORY

ROUTES = Path("scenarios/routes/longest6_v2.xml")
STOP_SIGN_ROUTE = Path("tests/compat/stop_signs.xml")
_ENDLESS_S = 60.0
_LONGEST_S = 180.0


class Client(Enum):
    """Who runs a case, and in which of its modes."""

    SCENARIO = "scenario"
    OPENSCENARIO = "openscenario"
    OPENSCENARIO_2 = "openscenario2"
    ROUTE = "route"
    LEADERBOARD = "leaderboard"


@dataclass(frozen=True)
class Case:
    """One run.

    Attributes:
        name: unique, usable as the name of a folder.
        client: who runs it.
        town: where.
        source: scenario's name, file of the scenario, or route file.
        route: id within a route file.
        manners: of the pilot at the wheel, empty where the scenario drives the hero itself.
        turn: of the pilot at the first junction, where no route says it.
        limit_s: simulated time after which a scenario without an end of its own is ended.
    """

    name: str
    client: Client
    town: str
    source: str
    route: str = ""
    manners: str = "autopilot"
    turn: str = "straight"
    limit_s: float = _LONGEST_S

    def as_json(self) -> dict[str, object]:
        """For the results."""
        return asdict(self) | {"client": self.client.value}


def towns() -> frozenset[str]:
    """The maps of our server."""
    return frozenset(path.name.split(".")[0] for path in (REPOSITORY / "simulator/maps").glob("*.xodr.gz"))


def all_cases(scenario_runner: Path) -> list[Case]:
    """Every case, in the order in which they are run."""
    ours = towns()
    found = [
        *_examples_xml(scenario_runner),
        *_examples_xosc(scenario_runner),
        *_examples_osc(scenario_runner),
    ]
    return [case for case in found if case.town.removesuffix("_Opt") in ours] + list(_routes())


def _examples_xml(root: Path) -> Iterator[Case]:
    for path in sorted((root / "srunner/examples").glob("*.xml")):
        for scenario in ElementTree.parse(path).iter("scenario"):
            kind = scenario.attrib["type"]
            yield Case(
                name=f"{path.stem}-{scenario.attrib['name']}",
                client=Client.SCENARIO,
                town=scenario.attrib["town"],
                source=scenario.attrib["name"],
                turn="left" if "Left" in kind else "right" if "Right" in kind else "straight",
                limit_s=_ENDLESS_S if kind == "FreeRide" else _LONGEST_S,
            )


def _examples_xosc(root: Path) -> Iterator[Case]:
    for path in sorted((root / "srunner/examples").glob("*.xosc")):
        town = ElementTree.parse(path).find("RoadNetwork/LogicFile")
        if town is not None:
            yield Case(
                name=f"xosc-{path.stem}",
                client=Client.OPENSCENARIO,
                town=town.attrib["filepath"].removesuffix(".xodr"),
                source=path.relative_to(root).as_posix(),
            )


def _examples_osc(root: Path) -> Iterator[Case]:
    """OpenSCENARIO 2: the scenario drives its hero itself."""
    for path in sorted((root / "srunner/examples").glob("*.osc")):
        text = path.read_text()
        town = re.search(r"\bTown\w+", text)
        if town is not None and re.search(r"\bdo (serial|parallel)", text):
            yield Case(
                name=f"osc2-{path.stem}",
                client=Client.OPENSCENARIO_2,
                town=town.group(),
                source=path.relative_to(root).as_posix(),
                manners="",
            )


def _routes() -> Iterator[Case]:
    longest6 = ROUTES.as_posix()
    for client in (Client.ROUTE, Client.LEADERBOARD):
        for town, route in (("Town01", "3"), ("Town02", "10")):
            for manners in ("autopilot", "runs-red-lights", "rams"):
                yield Case(f"{client.value}-{town}-{route}-{manners}", client, town, longest6, route, manners)
        if client is Client.ROUTE:
            for town, route in (("Town01", "4"), ("Town01", "5"), ("Town02", "9"), ("Town02", "11")):
                yield Case(f"{client.value}-{town}-{route}-autopilot", client, town, longest6, route)
        for manners in ("autopilot", "runs-stop-signs"):
            yield Case(
                f"{client.value}-Town07-stop-{manners}",
                client,
                "Town07",
                STOP_SIGN_ROUTE.as_posix(),
                "0",
                manners,
            )
