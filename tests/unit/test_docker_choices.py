"""What --server docker makes of its options, whose container is whose, and what logs mean."""

from __future__ import annotations

import multiprocessing
import os
from dataclasses import replace
from pathlib import Path

import pytest

from harness.cli_options import given_options
from harness.config import DockerConfig, load_config
from harness.errors import ConfigError, NoEngineError
from harness.servers.docker import Berth, DockerServer
from harness.servers.engine import Engine
from harness.servers.images import DEFAULT_IMAGE, Image, ImageKind, server_command
from harness.servers.log_signatures import SIGNATURES, Cause, recognise
from harness.servers.owners import Owner, OwnerState


def _options(**given: str) -> dict[str, object]:
    empty = dict.fromkeys(
        ("policy_args", "server", "repeats", "workers", "traffic", "seed", "infra_retries"), None
    )
    return given_options(suites=["smoke"], policies=["brake"], **(empty | given))  # type: ignore[arg-type]


class TestOptions:
    def test_gpus_and_memory_are_the_machines_the_image_is_what_is_measured(self) -> None:
        config = load_config(
            None,
            _options(server="docker", image="carlasim/carla:0.9.16", gpus="0,GPU-7f", docker_memory="12g"),
        )
        assert config.drive.image == "carlasim/carla:0.9.16"
        assert config.machine.docker.gpus == ("0", "GPU-7f")
        assert config.machine.docker.memory == "12g"

    def test_without_an_image_it_is_ours(self) -> None:
        config = load_config(None, _options(server="docker"))
        assert config.drive.image == DEFAULT_IMAGE
        assert config.machine.docker.gpus is None

    def test_none_is_a_word_about_gpus_too(self) -> None:
        assert load_config(None, _options(server="docker", gpus="none")).machine.docker.gpus == ()

    @pytest.mark.parametrize("server", [None, "embedded", "remote:gpu7"])
    def test_options_of_containers_without_containers_are_refused(self, server: str | None) -> None:
        given = {"gpus": "0"} | ({} if server is None else {"server": server})
        with pytest.raises(ConfigError, match="--server docker"):
            _options(**given)

    def test_a_memory_limit_that_is_none_is_refused(self) -> None:
        with pytest.raises(ConfigError, match=r"machine\.docker\.memory"):
            load_config(None, _options(server="docker", docker_memory="lots"))


class TestCommands:
    def test_a_gpu_is_adapter_0_in_its_container(self) -> None:
        command = server_command(ImageKind.CARLA, 20010, with_gpu=True)
        assert "-graphicsadapter=0" in command
        assert "-carla-rpc-port=20010" in command
        assert not any("quality" in word for word in command), "a lower quality changes what policies see"

    def test_without_a_gpu_carla_draws_nothing(self) -> None:
        command = server_command(ImageKind.CARLA, 20010, with_gpu=False)
        assert "-nullrhi" in command
        assert "-RenderOffScreen" not in command

    @pytest.mark.parametrize(("worker", "gpu"), [(0, "0"), (1, "3"), (2, "0"), (5, "3")])
    def test_workers_take_turns(self, worker: int, gpu: str) -> None:
        image = Image("carla", "sha256:0", ImageKind.CARLA)
        berth = Berth(Owner.this_process(), worker, Path("runs"))
        config = DockerConfig(gpus=("0", "3"))
        server = DockerServer(image, berth, config, first_port=20000, dt_s=0.05, start_deadline_s=1.0)
        assert server.gpu == gpu


def _say_who(connection: object) -> None:
    connection.send(str(Owner.this_process()))  # type: ignore[attr-defined]
    connection.recv()  # type: ignore[attr-defined]


class TestOwners:
    def test_a_process_lives_until_it_ends(self) -> None:
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        process = context.Process(target=_say_who, args=(there,))
        process.start()
        owner = Owner.parse(here.recv())
        assert owner is not None
        assert owner.pid == process.pid
        assert owner.state() is OwnerState.ALIVE
        process.kill()
        process.join()
        assert owner.state() is OwnerState.DEAD

    def test_a_later_process_with_the_same_number_is_somebody_else(self) -> None:
        me = Owner.this_process()
        assert me.pid == os.getpid()
        assert me.state() is OwnerState.ALIVE
        assert replace(me, started=str(int(me.started) - 1)).state() is OwnerState.DEAD

    def test_of_an_earlier_boot_nobody_lives_and_of_another_namespace_nobody_knows(self) -> None:
        me = Owner.this_process()
        assert replace(me, boot="earlier").state() is OwnerState.DEAD
        assert replace(me, namespace="1").state() is OwnerState.ELSEWHERE

    @pytest.mark.parametrize("text", ["", "a/b/c/d", "a/1/2", "somebody else's label"])
    def test_a_label_of_somebody_else_is_nobody(self, text: str) -> None:
        assert Owner.parse(text) is None

    def test_what_is_written_can_be_read(self) -> None:
        me = Owner.this_process()
        assert Owner.parse(str(me)) == me


class TestLogs:
    @pytest.mark.parametrize(
        ("line", "cause"),
        [
            ("LogVulkanRHI: Display: - Device 0: llvmpipe (LLVM 15.0.7, 256 bits)", Cause.SOFTWARE_RENDERER),
            ("terminating with uncaught exception: bind: Address already in use", Cause.PORT_IN_USE),
            ("Signal 11 caught.", Cause.SEGFAULT),
            ("Malloc Size=65538 LargeMemoryPoolOffset=65554", Cause.SEGFAULT),
            ("GameThread timed out waiting for RenderThread after 60.00 secs", Cause.RENDER_THREAD),
            ("VulkanRHI failed, VkResult=-4 VK_ERROR_DEVICE_LOST", Cause.VULKAN),
            ("Out of memory on Vulkan; VK_ERROR_OUT_OF_DEVICE_MEMORY", Cause.OUT_OF_MEMORY),
            ("Refusing to run with the root privileges.", Cause.ROOT_REFUSED),
        ],
    )
    def test_a_line_names_its_cause(self, line: str, cause: Cause) -> None:
        found = recognise(["4.26.2-0+++UE4+Release-4.26 522 0", line, "CommonUnixCrashHandler: end"])
        assert found is not None
        assert found.cause is cause

    def test_the_first_link_of_a_chain_counts(self) -> None:
        chain = [
            "Signal 11 caught.",
            "GameThread timed out waiting for RenderThread after 60.00 secs",
            "Device 0: llvmpipe",
        ]
        found = recognise(chain)
        assert found is not None
        assert found.cause is Cause.SOFTWARE_RENDERER
        assert found.is_fatal

    @pytest.mark.parametrize(
        "line", ["", "sh: 1: xdg-user-dir: not found", "ready: CARLA 0.9.16 protocol on 0.0.0.0:2000"]
    )
    def test_a_healthy_log_means_nothing(self, line: str) -> None:
        assert recognise([line]) is None

    def test_every_remedy_is_one(self) -> None:
        assert all(one.remedy.endswith(".") for one in SIGNATURES)


def test_without_an_engine_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    with pytest.raises(NoEngineError, match="systemctl start docker"):
        Engine()
