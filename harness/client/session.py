"""The carla client of one worker: connect, load a town, spawn the ego, advance by ticks with a deadline.

CARLA's client waits out its whole time-out when a server dies, and cannot be interrupted. Therefore:

- a tick has a short time-out, after which the server's life is checked and the frame is waited for;
- a request that must not be made twice runs in a helper thread while this one watches the server (`request`);
- a request that may be made again, and the calls that hold Python's lock while they wait (`get_world`,
  `listen`, `bounding_box`), are made in short tries (`repeat`).

So a dead server is noticed within a second or three, a slow one is given its time, and a hung one is given
up at the deadline.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import carla

from harness.client.collisions import CollisionLog
from harness.errors import SensorLostError, ServerAnswerError, ServerLostError, TickGapError, TownMissingError
from harness.facts import Vector
from harness.servers.base import Endpoint

T = TypeVar("T")

EGO_BLUEPRINT = "vehicle.lincoln.mkz_2020"
EGO_ROLE = "hero"
_SPAWN_LIFT_M = 0.5
_TICK_SLICE_S = 1.0
_CONNECT_SLICE_S = 3.0
_LIFE_CHECK_S = 0.1
_BARRIER_WAIT_S = 0.1


class Session:
    """One client at one server, in synchronous mode.

    One I/O thread serves all streams (`worker_threads=1`). A collision message that was sent before the
    snapshot of its tick has then been delivered before `tick` returns; see `harness.client.collisions`.

    Args:
        endpoint: a server that is ready.
        is_alive: whether that server can still answer, as far as can be told at once.
        dt_s: simulated time of a tick.
        tick_deadline_s: how long a tick may take before the server counts as hung.
        request_deadline_s: likewise for loading a town and other requests.

    Raises:
        ServerLostError: from every method: the server died or hung.
        ServerAnswerError: from every method: it answered with an error.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        is_alive: Callable[[], bool],
        dt_s: float,
        tick_deadline_s: float,
        request_deadline_s: float,
    ) -> None:
        self.endpoint = endpoint
        self.dt_s = dt_s
        self._is_alive = is_alive
        self._tick_deadline_s = tick_deadline_s
        self._request_deadline_s = request_deadline_s
        self._frame: int | None = None
        self._actors: list[carla.Actor] = []
        self.client, self.world = self._connect()
        self._make_synchronous()

    # ---- requests

    def _connect(self) -> tuple[carla.Client, carla.World]:
        """Connect, with a new client for each try: one that gave up half-way is in no defined state."""
        deadline = time.monotonic() + self._request_deadline_s
        while True:
            client = carla.Client(self.endpoint.host, self.endpoint.port, 1)
            client.set_timeout(_CONNECT_SLICE_S)
            try:
                world = client.get_world()
                client.set_timeout(_TICK_SLICE_S)
                return client, world
            except RuntimeError as error:
                self._endure(error, "connect", deadline, self._request_deadline_s)

    def repeat(self, what: str, call: Callable[[], T]) -> T:
        """Run a request that does no harm when it is made again, in short tries.

        Args:
            what: for the error message: "describe an actor".
            call: the request.
        """
        deadline = time.monotonic() + self._request_deadline_s
        while True:
            try:
                return call()
            except RuntimeError as error:
                self._endure(error, what, deadline, self._request_deadline_s)

    def _endure(self, error: RuntimeError, what: str, deadline: float, deadline_s: float) -> None:
        """Return if a time-out may be followed by another try.

        Raises:
            ServerLostError, ServerAnswerError: if not.
        """
        if not _is_time_out(error):
            raise ServerAnswerError(f"The server at {self.endpoint} refused to {what}: {error}.") from error
        if not self._is_alive():
            raise self._died(what) from error
        if time.monotonic() > deadline:
            raise self._hung(what, deadline_s) from error

    def request(self, what: str, call: Callable[[], T], deadline_s: float | None = None) -> T:
        """Run a request that must not be made twice, in a helper thread, and watch the server meanwhile.

        Args:
            what: for the error message: "load Town01".
            call: the request; left alone in its daemon thread when the server is given up.
            deadline_s: for a call that holds Python's lock, during which the server cannot be watched.
        """
        deadline_s = deadline_s or self._request_deadline_s
        results: list[T] = []
        errors: list[RuntimeError] = []
        done = threading.Event()

        def run() -> None:
            try:
                results.append(call())
            except RuntimeError as error:
                errors.append(error)
            finally:
                done.set()

        self.client.set_timeout(deadline_s)
        threading.Thread(target=run, name=f"carla {what}", daemon=True).start()
        while not done.wait(_LIFE_CHECK_S):
            if not self._is_alive():
                raise self._died(what)
        self.client.set_timeout(_TICK_SLICE_S)
        if results:
            return results[0]
        if not errors:
            raise ServerAnswerError(f"The client failed to {what} at {self.endpoint}.")
        self._endure(errors[0], what, 0.0, deadline_s)
        raise self._hung(what, deadline_s)

    def _died(self, what: str) -> ServerLostError:
        return ServerLostError(f"The server at {self.endpoint} died (while asked to {what}).", died=True)

    def _hung(self, what: str, deadline_s: float) -> ServerLostError:
        return ServerLostError(
            f"The server at {self.endpoint} lives, but did not {what} within {deadline_s:g} s.", died=False
        )

    # ---- the world

    def _make_synchronous(self) -> None:
        settings = self.request("read its settings", self.world.get_settings)
        if settings.synchronous_mode and settings.fixed_delta_seconds == self.dt_s:
            return
        settings.synchronous_mode = True
        settings.fixed_delta_seconds = self.dt_s
        self.request(
            "enter synchronous mode", lambda: self.world.apply_settings(settings, self._tick_deadline_s)
        )

    def towns(self) -> tuple[str, ...]:
        """Names of the towns that the server has."""
        maps = self.request("list its towns", self.client.get_available_maps)
        return tuple(sorted({str(name).rsplit("/", 1)[-1] for name in maps}))

    def load(self, town: str) -> carla.Map:
        """Load a town anew, whatever was loaded: no episode sees anything of the one before.

        The server stays in synchronous mode throughout, so that it makes no tick of its own in between.

        Raises:
            TownMissingError: the server has no such town.
        """
        available = self.towns()
        if town not in available:
            raise TownMissingError(town, (), available)
        self._actors.clear()
        self.world = self.request(f"load {town}", lambda: self.client.load_world(town, reset_settings=False))
        self._make_synchronous()
        self._frame = None
        self.tick()
        lane_map: carla.Map = self.request("send its map", self.world.get_map)
        return lane_map

    def actors(self) -> tuple[carla.Actor, ...]:
        """Everything that is in the world now."""
        return tuple(self.request("list its actors", self.world.get_actors))

    def set_weather(self, parameters: Mapping[str, float]) -> None:
        """Set the weather; the server need not confirm.

        Args:
            parameters: CARLA's names; those left out keep CARLA's defaults.
        """
        weather = carla.WeatherParameters()
        for name, value in parameters.items():
            setattr(weather, name, value)
        self.world.set_weather(weather)

    def tick(self) -> carla.WorldSnapshot:
        """Advance the world by one tick and return its snapshot.

        Raises:
            ServerLostError: died, or not within the deadline.
            TickGapError: somebody else advances the world too.
        """
        before = self._frame if self._frame is not None else int(self.world.get_snapshot().frame)
        try:
            frame = self.world.tick(_TICK_SLICE_S)
        except RuntimeError as error:
            if not _is_time_out(error):
                raise ServerAnswerError(f"The server at {self.endpoint} refused a tick: {error}.") from error
            frame = self._wait_for_frame(before)
        if self._frame is not None and frame != self._frame + 1:
            raise TickGapError(
                f"The world at {self.endpoint} went from frame {self._frame} to {frame} in one tick: another"
                " client advances it too. Give every worker a server of its own."
            )
        self._frame = frame
        return self.world.get_snapshot()

    def _wait_for_frame(self, before: int) -> int:
        """Wait for the snapshot of a tick whose time-out has passed while the server may still be at it."""
        deadline = time.monotonic() + self._tick_deadline_s - _TICK_SLICE_S
        while True:
            frame = int(self.world.get_snapshot().frame)
            if frame > before:
                return frame
            if not self._is_alive():
                raise self._died("advance by a tick")
            if time.monotonic() > deadline:
                raise self._hung("advance by a tick", self._tick_deadline_s)
            time.sleep(_LIFE_CHECK_S / 10)

    # ---- actors

    def spawn_ego(self, location: Vector, rotation_deg: Vector) -> carla.Vehicle:
        """Put the ego vehicle a little above a lane point.

        Args:
            location: m.
            rotation_deg: pitch, yaw, roll.
        """
        pitch, yaw, roll = rotation_deg
        transform = carla.Transform(
            carla.Location(location[0], location[1], location[2] + _SPAWN_LIFT_M),
            carla.Rotation(pitch=pitch, yaw=yaw, roll=roll),
        )
        blueprint = self.blueprint(EGO_BLUEPRINT)
        blueprint.set_attribute("role_name", EGO_ROLE)
        return self.spawn(blueprint, transform)

    def blueprint(self, blueprint_id: str) -> carla.ActorBlueprint:
        """Return a blueprint of the server."""
        library = self.request("list its blueprints", self.world.get_blueprint_library)
        try:
            return library.find(blueprint_id)
        except (IndexError, RuntimeError) as error:
            raise ServerAnswerError(
                f"The server at {self.endpoint} has no blueprint {blueprint_id}."
            ) from error

    def spawn(
        self, blueprint: carla.ActorBlueprint, transform: carla.Transform, parent: carla.Actor | None = None
    ) -> carla.Actor:
        """Spawn an actor that `clear` will destroy."""
        where = f"spawn {blueprint.id} at {transform.location}"
        actor = self.request(where, lambda: self.world.spawn_actor(blueprint, transform, attach_to=parent))
        self._actors.append(actor)
        return actor

    @property
    def tick_deadline_s(self) -> float:
        """How long a tick may take before the server counts as hung."""
        return self._tick_deadline_s

    def listen(self, sensor: carla.Sensor, take: Callable[[Any], None]) -> None:
        """Let a sensor hand its messages to a function, in the client's I/O thread."""
        self.repeat(f"send messages of {sensor.type_id}", lambda: sensor.listen(take))

    def listen_for_collisions(self, ego: carla.Vehicle) -> CollisionLog:
        """Attach a collision sensor to the ego; call `settle` afterwards to be sure that it is heard."""
        sensor = self.spawn(self.blueprint("sensor.other.collision"), carla.Transform(), ego)
        log = CollisionLog()
        self.listen(sensor, log.on_message)
        return log

    def settle(self, ego: carla.Vehicle, ticks: int) -> carla.WorldSnapshot:
        """Let the ego come to rest for a fixed number of ticks, and make sure that its sensors are heard.

        A collision sensor is silent unless something happens. An IMU that is subscribed to after it sends in
        every
        tick: once its first message is here, the server has the earlier subscription too.

        Raises:
            SensorLostError: the IMU was not heard.
        """
        heard = threading.Event()
        imu = self.request(
            "spawn an IMU",
            lambda: self.world.spawn_actor(
                self.blueprint("sensor.other.imu"), carla.Transform(), attach_to=ego
            ),
        )
        self.repeat("send IMU messages", lambda: imu.listen(lambda _: heard.set()))
        ego.apply_control(carla.VehicleControl(brake=1.0))
        for _ in range(ticks):
            snapshot = self.tick()
            if not heard.is_set():
                heard.wait(_BARRIER_WAIT_S)
        if not heard.wait(self._tick_deadline_s):
            raise SensorLostError(
                f"The server at {self.endpoint} sent no IMU message in {ticks} ticks: its streaming port"
                f" (usually {self.endpoint.port + 1}) does not deliver."
            )
        self.request("remove the IMU", lambda: (imu.stop(), imu.destroy()))
        return snapshot

    def clear(self) -> None:
        """Destroy what `spawn` made, newest first. A server that is gone already is fine."""
        actors, self._actors = self._actors[::-1], []
        for actor in actors:
            with contextlib.suppress(ServerLostError, ServerAnswerError):
                if isinstance(actor, carla.Sensor) and actor.is_listening():
                    self.request("end a stream", actor.stop)
                self.request("destroy an actor", actor.destroy)
            if not self._is_alive():
                return

    def release(self) -> None:
        """Leave synchronous mode, so that a server that lives on is not left standing still."""
        with contextlib.suppress(ServerLostError, ServerAnswerError):
            settings = self.request("read its settings", self.world.get_settings)
            settings.synchronous_mode = False
            settings.fixed_delta_seconds = None
            self.request("leave synchronous mode", lambda: self.world.apply_settings(settings))


def _is_time_out(error: RuntimeError) -> bool:
    return "time-out" in str(error) or "timeout" in str(error).lower()
