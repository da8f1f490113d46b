"""What is in an image, and how its server is started.

Our own images say what they are by a label; an image without it is taken for one of CARLA's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

SERVER_LABEL = "drivegate.server"
"""On an image: which kind of server it holds."""

DEFAULT_IMAGE = "drivegate/headless"
"""What `make docker` builds."""

PORT_VARIABLE = "CARLA_RPC_PORT"
"""Where the health checks of our images look for the port."""


class ImageKind(StrEnum):
    """What an image holds."""

    HEADLESS = "headless"
    CARLA = "carla"


@dataclass(frozen=True, slots=True)
class Image:
    """An image that is on this machine.

    Attributes:
        name: as the user gave it.
        id: of its content, "sha256:...": all containers of a run get the same, whatever the tag becomes.
        kind: what it holds.
    """

    name: str
    id: str
    kind: ImageKind

    @property
    def simulator(self) -> str:
        """What simulates, for the record."""
        return f"docker-{self.kind.value}"

    @property
    def memory(self) -> str:
        """Enough for its server with cameras."""
        return "4g" if self.kind is ImageKind.HEADLESS else "16g"

    @property
    def is_read_only(self) -> bool:
        """Whether its server writes to /tmp alone. The Unreal Engine writes beside its program."""
        return self.kind is ImageKind.HEADLESS


def server_command(kind: ImageKind, port: int, *, with_gpu: bool) -> list[str]:
    """Return the command of a container.

    CARLA numbers its GPUs anew in a container that sees one only: it is always adapter 0. Without a GPU it
    computes physics and answers, but has no cameras (`-nullrhi`). The quality stays at its default, because
    a lower one changes what policies see.
    """
    if kind is ImageKind.HEADLESS:
        return ["--host", "0.0.0.0", "--port", str(port)]  # noqa: S104 - published on the loopback alone
    graphics = ["-RenderOffScreen", "-graphicsadapter=0"] if with_gpu else ["-nullrhi"]
    return [
        *("bash", "CarlaUE4.sh", *graphics, "-nosound"),
        *(f"-carla-rpc-port={port}", "-stdout", "-FullStdOutLogOutput"),
    ]
