"""The pytest plugin as another project meets it: pytest in a process of its own, in an empty folder."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs/testing-with-drivegate.md"


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """An empty project that finds this checkout, installed or not."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), *os.environ.get("PYTHONPATH", "").split()]))
    return pytester


def run(project: pytest.Pytester, *options: str) -> pytest.RunResult:
    return project.runpytest_subprocess(
        "-p", "simulator.pytest_plugin", "--strict-markers", "-W", "error", "-q", *options, timeout=280
    )


@pytest.mark.server
def test_the_guide_works_as_it_stands_there(project: pytest.Pytester) -> None:
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    settings = re.findall(r"```toml\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert len(blocks) == 2
    first = blocks[0].strip().splitlines()
    assert len([line for line in first[first.index("") :] if line.strip()]) <= 10
    project.makepyprojecttoml("\n".join(settings))
    project.makepyfile(test_one=blocks[0], test_two=blocks[1])
    run(project).assert_outcomes(passed=2)


@pytest.mark.server
def test_every_test_has_a_clean_world(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import carla
        import pytest

        seen = []

        def look(world):
            settings = world.get_settings()
            assert settings.synchronous_mode
            assert settings.fixed_delta_seconds == pytest.approx(0.05)
            assert list(world.get_actors().filter("vehicle.*")) == []
            assert list(world.get_actors().filter("sensor.*")) == []
            library = world.get_blueprint_library()
            place = world.get_map().get_spawn_points()[0]
            car = world.spawn_actor(library.find("vehicle.lincoln.mkz_2020"), place)
            imu = world.spawn_actor(library.find("sensor.other.imu"), carla.Transform(), car)
            imu.listen(lambda data: None)
            for _ in range(10):
                car.apply_control(carla.VehicleControl(throttle=1.0))
                world.tick()
            where = car.get_location()
            seen.append((car.id, where.x, where.y, where.z, world.get_weather().cloudiness))
            assert len(set(seen)) == 1

        def test_leaves_actors(carla_world):
            look(carla_world)
            carla_world.set_weather(carla.WeatherParameters(cloudiness=77.0))

        def test_fails_and_leaves_actors(carla_world):
            look(carla_world)
            raise ValueError

        def test_changes_the_settings(carla_world):
            look(carla_world)
            settings = carla_world.get_settings()
            settings.synchronous_mode, settings.fixed_delta_seconds = False, None
            carla_world.apply_settings(settings)

        def test_loads_another_map(carla_world, carla_client):
            look(carla_world)
            carla_client.load_world("Town02")

        def test_leaves_an_actor_without_a_tick(carla_world):
            look(carla_world)
            blueprint = carla_world.get_blueprint_library().find("vehicle.audi.tt")
            carla_world.spawn_actor(blueprint, carla_world.get_map().get_spawn_points()[9])

        def test_at_last(carla_world):
            look(carla_world)
        """
    )
    result = run(project)
    result.assert_outcomes(passed=5, failed=1)
    result.stdout.fnmatch_lines(["*ValueError*"])


@pytest.mark.server
def test_settings_marker_and_the_end_of_the_server(project: pytest.Pytester) -> None:
    project.makeini("[pytest]\ncarla_town = Town02\ncarla_delta_s = 0.1\ncarla_seed = 5\n")
    project.makepyfile(
        """
        import pathlib
        import pytest

        def test_ini(carla_world, carla_server):
            assert carla_world.get_map().name.endswith("Town02")
            assert carla_world.get_settings().fixed_delta_seconds == pytest.approx(0.1)
            assert "--seed 5" in " ".join(carla_server.process.args)
            pathlib.Path("pid").write_text(str(carla_server.process.pid))

        @pytest.mark.carla(town="Town01", delta_s=0.02)
        def test_marker(carla_world):
            assert carla_world.get_map().name.endswith("Town01")
            assert carla_world.get_settings().fixed_delta_seconds == pytest.approx(0.02)

        @pytest.mark.carla(map="Town01")
        def test_misspelt(carla_world):
            pass
        """
    )
    result = run(project)
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*test_misspelt: a marker is written carla(town=..., delta_s=...)*"])
    with pytest.raises(ProcessLookupError):
        os.kill(int((project.path / "pid").read_text()), 0)


@pytest.mark.server
def test_a_server_that_ended_is_named_and_blamed(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        def test_kills_it(carla_server, carla_world):
            carla_server.process.kill()
            carla_server.process.wait()

        def test_after_that(carla_world):
            pass
        """
    )
    result = run(project)
    result.assert_outcomes(passed=1, errors=2)
    result.stdout.fnmatch_lines(["*CarlaServerError: the CARLA server has ended with code -9*"])


@pytest.mark.server
def test_an_unknown_town_is_named(project: pytest.Pytester) -> None:
    project.makeini("[pytest]\ncarla_town = Town99\n")
    project.makepyfile("def test_it(carla_world): pass")
    result = run(project)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*unknown town 'Town99'*Town01*"])


def test_runs_that_do_not_use_it_do_not_pay_for_it(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import sys

        def test_it(pytestconfig):
            assert pytestconfig.pluginmanager.hasplugin("simulator.pytest_plugin")
            heavy = {"carla", "numba", "numpy", "msgpack", "simulator.server", "simulator.world"}
            assert heavy.isdisjoint(sys.modules)
        """
    )
    # Other plugins of this environment may load what they like: only ours is looked at.
    result = run(project, "-p", "no:hypothesispytest", "-p", "no:xdist", "-p", "no:cov")
    result.assert_outcomes(passed=1)


def test_it_is_registered_and_asks_for_nothing() -> None:
    meta = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "simulator.pytest_plugin" in meta["entry-points"]["pytest11"].values()
    # The name is the module's, so that `-p simulator.pytest_plugin` does not register it a second time.
    assert meta["entry-points"]["pytest11"] == {"simulator.pytest_plugin": "simulator.pytest_plugin"}
    assert not any(requirement.startswith("pytest") for requirement in meta["dependencies"])
