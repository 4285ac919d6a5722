"""The `LanguageRuntime` service for Python."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2, json_format

from toolchain.plugins.language.forked import ForkedPrograms, ForkedRun
from toolchain.plugins.language.interpreter import Interpreter, NoInterpreter, find, virtualenv_path
from toolchain.plugins.language.process import ProgramProcess, WarmStart, stop_process
from toolchain.plugins.language.streams import stream
from toolchain.plugins.protocol.stubs import language_pb2, language_pb2_grpc, plugin_pb2

EXPLAINED = 32  # the exit code of program.py for a failure that the user has been told about
VERSION = "3.259.0"


class LanguageServer(language_pb2_grpc.LanguageRuntimeServicer):
    """Runs Python programs, and plugins and policy packs written in Python.

    Methods are named by the protocol. Code generation is not offered.
    """

    def __init__(self, engine: str, programs: "WarmStart | ForkedPrograms | None" = None) -> None:
        self._engine = engine
        self._warm = programs or WarmStart()
        self._lock = threading.Lock()
        self._running: set[ProgramProcess | ForkedRun] = set()

    def close(self) -> None:
        """Ends every program still running."""
        if isinstance(self._warm, WarmStart):
            self._warm.stop()
        with self._lock:
            running = list(self._running)
        for process in running:
            process.stop()

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        self._engine = request.engine_address or self._engine
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        return plugin_pb2.PluginInfo(version=VERSION)

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        self.close()
        return empty_pb2.Empty()

    def GetRequiredPlugins(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        return language_pb2.GetRequiredPluginsResponse()

    def GetRequiredPackages(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """None: a list would make the engine fetch plugins for every SDK that happens to be
        installed, used or not. It loads (or fetches) each one when the first resource needs it.

        The call tells that a run will follow, so its process starts warming up here.
        """
        try:
            self._warm.prepare(_interpreter(request.info))
        except (NoInterpreter, OSError):
            pass  # Run says what is wrong, where the user looks for it
        return language_pb2.GetRequiredPackagesResponse()

    def Run(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        if request.attach_debugger:
            return language_pb2.RunResponse(
                error="the bundled Python language host cannot attach a debugger; "
                "run without --attach-debugger, or install the vendor's Pulumi CLI"
            )
        try:
            process = self._warm.take(_interpreter(request.info))
        except (NoInterpreter, OSError) as error:
            return language_pb2.RunResponse(error=str(error))
        with self._lock:
            self._running.add(process)
        context.add_callback(process.stop)
        try:
            code = process.run(self._settings(request))
        finally:
            with self._lock:
                self._running.discard(process)
        if code == 0:
            return language_pb2.RunResponse()
        if code == EXPLAINED:
            return language_pb2.RunResponse(bail=True)
        if code < 0:
            return language_pb2.RunResponse(error=f"Program was ended by signal {-code}")
        return language_pb2.RunResponse(error=f"Program exited with non-zero exit code: {code}")

    def _settings(self, request: Any) -> dict[str, Any]:
        program = Path(request.info.program_directory) / (request.info.entry_point or ".")
        return {
            "directory": request.pwd or request.info.program_directory,
            "program": str(program),
            "arguments": list(request.args),
            "config": dict(request.config),
            "secrets": list(request.configSecretKeys),
            "monitor": request.monitor_address,
            "engine": self._engine,
            "project": request.project,
            "stack": request.stack,
            "organization": request.organization or "organization",
            "root": request.info.root_directory,
            "parallel": request.parallel,
            "preview": request.dryRun,
        }

    def About(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        interpreter = _interpreter_or_abort(request.info, context)
        version = _output(interpreter, "-c", "import platform; print(platform.python_version())")
        metadata = {"toolchain": str(_options(request.info).get("toolchain") or "pip")}
        return language_pb2.AboutResponse(
            executable=str(interpreter.executable), version=version.strip(), metadata=metadata
        )

    def GetProgramDependencies(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        interpreter = _interpreter_or_abort(request.info, context)
        direct = () if request.transitiveDependencies else ("--not-required",)
        text = _output(interpreter, "-m", "pip", "list", "--format=json", *direct)
        found = [
            language_pb2.DependencyInfo(name=package["name"], version=package["version"])
            for package in json.loads(text or "[]")
        ]
        return language_pb2.GetProgramDependenciesResponse(dependencies=found)

    def RuntimeOptionsPrompts(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        return language_pb2.RuntimeOptionsResponse()

    def Template(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        return language_pb2.TemplateResponse()

    def InstallDependencies(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: N802
        """Makes the virtual environment and installs `requirements.txt` or the project itself."""
        info = request.info
        root, program = Path(info.root_directory), Path(info.program_directory)
        try:
            folder = virtualenv_path(root, _options(info), "venv" if request.is_plugin else "")
            if folder and not (folder / "bin" / "python").exists():
                yield language_pb2.InstallDependenciesResponse(stdout=f"Creating {folder}...\n".encode())
                yield from self._install([sys.executable, "-m", "venv", str(folder)], root, context)
            interpreter = _interpreter(info, "venv" if request.is_plugin else "")
        except (NoInterpreter, OSError) as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        wanted = next(
            (
                words
                for base in (program, root)
                for name, words in (
                    ("requirements.txt", ["-r", str(base / "requirements.txt")]),
                    ("pyproject.toml", ["-e", str(base)]),
                )
                if (base / name).is_file()
            ),
            None,
        )
        if wanted is None:
            yield language_pb2.InstallDependenciesResponse(
                stdout=b"No requirements.txt, nothing to install\n"
            )
            return
        yield from self._install(
            [str(interpreter.executable), "-m", "pip", "install", *wanted], root, context
        )

    def _install(self, command: list[str], root: Path, context: grpc.ServicerContext) -> Iterator[Any]:
        process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        context.add_callback(lambda: stop_process(process))
        for channel, chunk in stream(process):
            yield language_pb2.InstallDependenciesResponse(**{channel: chunk})
        if code := process.wait():
            text = f"{' '.join(command)} failed with exit code {code}"
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, text)

    def RunPlugin(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: N802
        """Runs a policy pack or another plugin written in Python, and relays what it prints."""
        program = request.info.program_directory
        # Vendor's rule: plugins never run in whatever Python is on PATH, so "venv" is the default.
        interpreter = _interpreter_or_abort(request.info, context, "venv")
        if request.kind == "analyzer":
            words = ["-u", "-m", "pulumi.policy", *request.args, program]
        else:
            words = ["-u", program, *request.args]
        base = dict(item.split("=", 1) for item in request.env if "=" in item)
        process = subprocess.Popen(
            [interpreter.executable, *words],
            cwd=request.pwd or program,
            env=interpreter.environment(base or None),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        context.add_callback(lambda: stop_process(process))
        for channel, chunk in stream(process):
            if channel == "stdout":
                yield language_pb2.RunPluginResponse(stdout=chunk)
            else:
                yield language_pb2.RunPluginResponse(stderr=chunk)
        yield language_pb2.RunPluginResponse(exitcode=process.wait())

    def GenerateProgram(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        context.abort(
            grpc.StatusCode.UNIMPLEMENTED,
            "the bundled Python language host writes no program text. What was imported is in the state; "
            "write its resource by hand, and pass --generate-code=false to 'pulumi import'",
        )


def _options(info: Any) -> dict[str, Any]:
    options: dict[str, Any] = json_format.MessageToDict(info.options)
    return options


def _interpreter(info: Any, default: str = "") -> Interpreter:
    return find(Path(info.root_directory), _options(info), default)


def _interpreter_or_abort(info: Any, context: grpc.ServicerContext, default: str = "") -> Interpreter:
    try:
        return _interpreter(info, default)
    except NoInterpreter as error:
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        raise AssertionError("unreachable: abort raises") from error


def _output(interpreter: Interpreter, *words: str) -> str:
    """What the interpreter prints; empty when it fails."""
    done = subprocess.run(
        [interpreter.executable, *words],
        env=interpreter.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout if done.returncode == 0 else ""
