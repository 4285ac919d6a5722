"""Python programs under the real engine with the bundled language host."""

import json
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.waiting import until

pytestmark = pytest.mark.engine

COMMAND_LIMIT = 600.0  # seconds


class Program:
    """A project whose program lies in a folder of its own, as this project's does."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = environment
        self.describe(sys.prefix)
        (folder / "code").mkdir()
        assert self.run("stack", "init", "test").returncode == 0

    def describe(self, virtualenv: str) -> None:
        lines = (
            f"name: {self.folder.name}",
            "main: code/",
            f"runtime: {{name: python, options: {{virtualenv: '{virtualenv}'}}}}",
        )
        (self.folder / "Pulumi.yaml").write_text("\n".join(lines))

    def write(self, text: str) -> None:
        (self.folder / "code" / "__main__.py").write_text(textwrap.dedent(text))

    def command(self, *words: str) -> list[str]:
        return ["pulumi", *words, "--non-interactive", "--color=never"]

    def run(self, *words: str, given: str = "") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self.command(*words),
            cwd=self.folder,
            env=self.environment,
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=COMMAND_LIMIT,
        )

    def up(self) -> "subprocess.CompletedProcess[str]":
        return self.run("up", "--stack", "test", "--yes", "--skip-preview")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, engine_environment: dict[str, str]) -> Program:
    return Program(tmp_path_factory.mktemp("language"), engine_environment)


def test_a_program_gets_its_folder_its_config_and_its_secrets_and_gives_its_outputs(program: Program) -> None:
    program.run("config", "set", "colour", "blue")
    program.run("config", "set", "--secret", "word", given="hunter2")
    (program.folder / "code" / "beside.py").write_text("WHO = 'its own module'\n")
    program.write("""
        import os
        import pulumi
        from beside import WHO

        config = pulumi.Config()
        pulumi.export("who", WHO)
        pulumi.export("colour", config.require("colour"))
        pulumi.export("word", config.require_secret("word"))
        pulumi.export("folder", os.path.basename(os.getcwd()))
        pulumi.export("names", [pulumi.get_project(), pulumi.get_stack(), pulumi.get_organization()])
        print("said by the program")
    """)
    done = program.up()
    assert done.returncode == 0, done.stdout
    assert "said by the program" in done.stdout
    assert "hunter2" not in done.stdout
    outputs = json.loads(program.run("stack", "output", "--json").stdout)
    assert outputs == {
        "who": "its own module",
        "colour": "blue",
        "word": "[secret]",
        "folder": "code",
        "names": [program.folder.name, "test", "organization"],
    }


def test_a_program_s_own_traceback_is_shown_and_nothing_of_the_host(program: Program) -> None:
    program.write("""
        def fail():
            raise ValueError("the shelf is empty")

        fail()
    """)
    done = program.up()
    assert done.returncode != 0
    assert "ValueError: the shelf is empty" in done.stdout
    assert "__main__.py" in done.stdout
    assert "toolchain/plugins" not in done.stdout
    assert "runpy" not in done.stdout


@pytest.mark.parametrize(("code", "succeeds"), [(0, True), (3, False)])
def test_a_program_s_exit_code_counts(program: Program, code: int, succeeds: bool) -> None:
    program.write(f"raise SystemExit({code})")
    done = program.run("preview", "--stack", "test")
    assert (done.returncode == 0) is succeeds, done.stdout
    assert ("exit code: 3" in done.stdout) is not succeeds


def test_an_error_meant_for_people_is_shown_without_a_traceback(program: Program) -> None:
    program.write("import pulumi\nraise pulumi.RunError('set the colour first')")
    done = program.run("preview", "--stack", "test")
    assert done.returncode != 0
    assert "set the colour first" in done.stdout
    assert "Traceback" not in done.stdout


def test_an_interrupted_update_ends_its_program_and_gives_the_lock_back(program: Program) -> None:
    marker = program.folder / "started"
    program.write(f"""
        import os, pathlib, time
        pathlib.Path({str(marker)!r}).write_text(str(os.getpid()))
        time.sleep(600)
    """)
    running = subprocess.Popen(
        program.command("up", "--stack", "test", "--yes", "--skip-preview"),
        cwd=program.folder,
        env=program.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    until(lambda: marker.exists() and marker.read_text(), "the program runs")
    running.send_signal(signal.SIGINT)
    printed, _ = running.communicate(timeout=COMMAND_LIMIT)
    assert running.returncode != 0
    assert "Traceback" not in printed
    until(lambda: not Path(f"/proc/{marker.read_text()}").exists(), "the program has ended", 15)
    program.write("import pulumi")
    done = program.up()
    assert done.returncode == 0, done.stdout


def test_a_policy_pack_in_python_judges_the_program(program: Program, tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    pack.mkdir()
    (pack / "PulumiPolicy.yaml").write_text(
        f"runtime:\n  name: python\n  options:\n    virtualenv: {sys.prefix}\n"
    )
    (pack / "__main__.py").write_text(
        textwrap.dedent("""
            from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

            def judge(args, report):
                if args.resource_type == "demo:index:Box" and args.props.get("size", 0) > 2:
                    report(f"a box of size {args.props['size']:g} is too big")

            policy = ResourceValidationPolicy(
                name="size", description="boxes are small", validate=judge,
                enforcement_level=EnforcementLevel.MANDATORY,
            )
            PolicyPack("boxes", policies=[policy])
        """)
    )
    text = """
        import pulumi

        class Box(pulumi.ComponentResource):
            def __init__(self, name, size):
                super().__init__("demo:index:Box", name, {"size": size})
                self.register_outputs({})

        Box("box", %d)
    """
    program.write(text % 1)
    fine = program.run("preview", "--stack", "test", "--policy-pack", str(pack))
    assert fine.returncode == 0, fine.stdout
    program.write(text % 3)
    refused = program.run("preview", "--stack", "test", "--policy-pack", str(pack))
    assert refused.returncode != 0
    assert "a box of size 3 is too big" in refused.stdout


def test_a_missing_virtual_environment_is_named_with_what_to_do(
    folder: Path, engine_environment: dict[str, str]
) -> None:
    broken = Program(folder, engine_environment)
    broken.write("")
    broken.describe("gone")
    done = broken.run("preview", "--stack", "test")
    assert done.returncode != 0
    assert f"{folder}/gone" in done.stdout
    assert "pulumi install" in done.stdout
