"""Small OpenDRIVE maps of our own."""

from __future__ import annotations

HEADER = """<?xml version="1.0" standalone="yes"?>
<OpenDRIVE>
  <header revMajor="1" revMinor="4" name="" version="1" date="" north="50" south="-50" east="300" west="0">
    <geoReference><![CDATA[+proj=tmerc +lat_0=0 +lon_0=0]]></geoReference>
  </header>
"""


def lane(number: int, kind: str, width_m: float = 3.5, link: str = "") -> str:
    """A lane of constant width."""
    return (
        f'<lane id="{number}" type="{kind}" level="false">{link}'
        f'<width sOffset="0" a="{width_m}" b="0" c="0" d="0"/></lane>'
    )


def road(
    number: int,
    geometry: str,
    length_m: float,
    *,
    left: str = "",
    right: str = "",
    link: str = "",
    junction: int = -1,
    elevation: str = '<elevation s="0" a="0" b="0" c="0" d="0"/>',
    speed_kmh: float | None = None,
    more: str = "",
    rule: str = "",
) -> str:
    """A road; `left` and `right` are its lanes, `more` what follows them (signals, objects)."""
    speed = (
        "" if speed_kmh is None else f'<type s="0" type="town"><speed max="{speed_kmh}" unit="km/h"/></type>'
    )
    sides = f"<left>{left}</left>" if left else ""
    sides += '<center><lane id="0" type="none" level="false"/></center>'
    sides += f"<right>{right}</right>" if right else ""
    return (
        f'<road name="r{number}" length="{length_m}" id="{number}" junction="{junction}"{rule}>'
        f"<link>{link}</link>{speed}<planView>{geometry}</planView>"
        f"<elevationProfile>{elevation}</elevationProfile>"
        f'<lanes><laneOffset s="0" a="0" b="0" c="0" d="0"/><laneSection s="0">{sides}</laneSection></lanes>'
        f"{more}</road>\n"
    )


def line(x: float, y: float, heading: float, length_m: float) -> str:
    """A straight piece of reference line (OpenDRIVE's frame: y to the left)."""
    return f'<geometry s="0" x="{x}" y="{y}" hdg="{heading}" length="{length_m}"><line/></geometry>'


def signal(number: int, kind: str, s_m: float, t_m: float, orientation: str, more: str = "") -> str:
    """A traffic light (1000001), stop (206), yield (205) or speed sign (274)."""
    return (
        f'<signal name="s{number}" id="{number}" s="{s_m}" t="{t_m}" zOffset="2.5" hOffset="0"'
        f' roll="0" pitch="0"'
        f' orientation="{orientation}" dynamic="no" country="OpenDRIVE" type="{kind}" subtype="-1" height="1"'
        f' width="0.5" {more}/>'
    )


def document(*parts: str) -> str:
    """A whole map."""
    return HEADER + "".join(parts) + "</OpenDRIVE>\n"


BOTH_WAYS = {"left": lane(1, "driving"), "right": lane(-1, "driving")}

STRAIGHT = document(road(1, line(0, 0, 0, 300), 300, **BOTH_WAYS, speed_kmh=70))
"""One road with a lane in either direction and a speed limit of 70 km/h."""

HILL = document(
    road(1, line(0, 0, 0, 200), 200, **BOTH_WAYS, elevation='<elevation s="0" a="2" b="0.08" c="0" d="0"/>')
)
"""A road that begins 2 m up and climbs 8 %."""

MANY_LANES = document(
    road(
        1,
        line(0, 0, 0, 200),
        200,
        left=lane(3, "sidewalk", 2.0) + lane(2, "biking", 1.5) + lane(1, "driving"),
        right=lane(-1, "driving") + lane(-2, "shoulder", 1.0) + lane(-3, "parking", 2.5),
        more='<objects><object type="crosswalk" id="1" name="c" s="100" t="0" zOffset="0" hdg="0" pitch="0"'
        ' roll="0" orientation="none" width="3" length="8"><outline>'
        + "".join(
            f'<cornerLocal u="{u}" v="{v}" z="0"/>' for u, v in ((-1.5, -4), (1.5, -4), (1.5, 4), (-1.5, 4))
        )
        + "</outline></object></objects>",
    )
)
"""Side by side: sidewalk, bicycles, cars both ways, shoulder, parking; and a crosswalk at 100 m."""

LEFT_HAND = document(road(1, line(0, 0, 0, 200), 200, **BOTH_WAYS, rule=' rule="LHT"'))
"""Traffic keeps to the left."""


def crossing() -> str:
    """Two roads that meet in a junction of 20 m, straight on only, with lights, a stop and a yield sign.

    Road 1 comes from the west, 2 goes on to the east; both have a light of one controller. Road 3 comes from
    the south with a stop sign, 4 goes on to the north and has a yield sign against it.
    """

    def link(kind: str, target: str, number: int, contact: str) -> str:
        point = f' contactPoint="{contact}"' if contact else ""
        return f'<{kind} elementType="{target}" elementId="{number}"{point}/>'

    def through(before: int, after: int, number: int, geometry: str, more: str = "") -> str:
        joined = '<link><predecessor id="{0}"/><successor id="{0}"/></link>'
        return road(
            number,
            geometry,
            20,
            left=lane(1, "driving", link=joined.format(1)),
            right=lane(-1, "driving", link=joined.format(-1)),
            link=link("predecessor", "road", before, "end") + link("successor", "road", after, "start"),
            junction=9,
            more=more,
        )

    def arm(number: int, geometry: str, *, before: bool, more: str = "") -> str:
        kind = "successor" if before else "predecessor"
        return road(number, geometry, 100, **BOTH_WAYS, link=link(kind, "junction", 9, ""), more=more)

    def connection(number: int, incoming: int, connecting: int, contact: str, lane_id: int) -> str:
        return (
            f'<connection id="{number}" incomingRoad="{incoming}" connectingRoad="{connecting}"'
            f' contactPoint="{contact}"><laneLink from="{lane_id}" to="{lane_id}"/></connection>'
        )

    east, north = 0.0, 1.5707963267948966
    lights = f"<signals>{signal(101, '1000001', 1, -6, '+')}{signal(102, '1000001', 19, 6, '-')}</signals>"
    signs = f"<signals>{signal(103, '206', 1, -6, '+')}{signal(104, '205', 19, 6, '-')}</signals>"
    thirty = signal(105, "274", 50, -6, "+", 'value="30" unit="km/h"')
    limit = f"<signals>{thirty}</signals>"
    return document(
        arm(1, line(-110, 0, east, 100), before=True, more=limit),
        arm(2, line(10, 0, east, 100), before=False),
        arm(3, line(0, -110, north, 100), before=True),
        arm(4, line(0, 10, north, 100), before=False),
        through(1, 2, 5, line(-10, 0, east, 20), lights),
        through(3, 4, 6, line(0, -10, north, 20), signs),
        '<controller name="c" id="7" sequence="0"><control signalId="101" type="0"/>'
        '<control signalId="102" type="0"/></controller>',
        '<junction id="9" name="j">',
        connection(0, 1, 5, "start", -1),
        connection(1, 2, 5, "end", 1),
        connection(2, 3, 6, "start", -1),
        connection(3, 4, 6, "end", 1),
        '<controller id="7" type="0" sequence="0"/></junction>',
    )
