"""The Pulumi CLI against this project: every update of every stack, whoever asks, starts here.

The Automation API's `up()` starts the CLI four times; this starts it once and reads the rest
from the file backend. Output goes to a log file of the stack, and the part that explains a
failure into the error.
"""

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoscaler.act import checkpoint_files, stack_config, stack_lock, update_record
from autoscaler.act.update_errors import StackConflict, UpdateError, UpdateKilled, WrongPassphrase
from autoscaler.act.update_watch import Process, interrupt, watched

PROJECT = "altostratus"
Listener = Callable[[str], None]
_START = re.compile("\ufeff?(?:---[ \t]*\r?\n)?")  # what may stand before a document's first line
LARGEST_LOG = 5_000_000  # bytes; the one before is kept beside it


@dataclass(frozen=True)
class UpdateResult:
    """How an update ended: its summary's counts by operation, such as {"create": 3, "same": 9}."""

    changes: Mapping[str, int]
    log: Path

    @property
    def changed(self) -> bool:
        return any(count for operation, count in self.changes.items() if operation != "same")


@dataclass(frozen=True)
class Pulumi:
    """The CLI with the environment that it needs.

    root: the checkout; state: the folder of the file backend; logs: where each stack's last
    output is kept; environment: PULUMI_HOME, backend, passphrase file and PATH. descriptors: open
    files that the CLI's process inherits. held: asked while an update runs, which is ended in order when
    it says no. guards: arguments for the policy packs that every update and preview has to pass.
    """

    root: Path
    binary: Path
    state: Path
    logs: Path
    environment: Mapping[str, str]
    descriptors: tuple[int, ...] = ()
    held: Callable[[], bool] | None = None
    guards: tuple[str, ...] = ()

    def config_path(self, stack: str) -> Path:
        return self.root / "stacks" / "config" / f"Pulumi.{stack}.yaml"

    def state_path(self, stack: str) -> Path:
        return self.state / ".pulumi" / "stacks" / PROJECT / f"{stack}.json"

    def stacks(self) -> list[str]:
        """The names of the stacks in the backend, without starting the CLI."""
        return sorted(path.stem for path in self.state_path("*").parent.glob("*.json"))

    def exists(self, stack: str) -> bool:
        return self.state_path(stack).exists()

    def deployment(self, stack: str) -> dict[str, Any]:
        """The stack's checkpoint as the backend holds it; secrets stay encrypted. {} if none."""
        try:
            checkpoint = json.loads(self.state_path(stack).read_text())["checkpoint"]
        except FileNotFoundError:
            return {}
        return checkpoint.get("latest") or {}

    def init(self, stack: str) -> None:
        """Make the stack unless it is there.

        It gets the salt, and so the key, of the others of this backend: deriving a key from the passphrase
        takes a quarter of a second, and an update needs those of all the stacks that it reads.
        """
        if self.exists(stack):
            return
        salt = next(filter(None, map(self._salt, self.stacks())), None)

        def salted(text: str | None) -> str | None:
            text = text or ""
            if re.search(r"^encryptionsalt:", text, re.MULTILINE):
                return None
            line = f"encryptionsalt: {salt}{stack_config.line_break(text)}"
            return _START.sub(lambda start: start[0] + line, text, count=1)

        if salt is not None:
            stack_config.rewrite(self.config_path(stack), salted)
        self._run(["stack", "init", stack, "--no-select"], stack)

    def _salt(self, stack: str) -> str | None:
        provider = self.deployment(stack).get("secrets_providers") or {}
        found = (provider.get("state") or {}).get("salt") if provider.get("type") == "passphrase" else None
        return found if isinstance(found, str) else None

    def configure(self, stack: str, values: Mapping[str, Any]) -> bool:
        """Write config values (plain ones: secrets go through the CLI); False when all were so."""
        return stack_config.write(self.config_path(stack), values)

    def copy_setting(self, stack: str, key: str, dest: str) -> None:
        """Copy a config value to another stack; a secret is encrypted anew, and plain only in the CLI."""
        self._run(["config", "cp", key, "--dest", dest], stack, log=False)

    def up(
        self,
        stack: str,
        *arguments: str,
        listen: Listener | None = None,
        give_up: threading.Event | None = None,
    ) -> UpdateResult:
        """Update. When `give_up` is set meanwhile, the update is ended in order and fails."""
        return self._update("up", stack, ["--skip-preview", *self.guards, *arguments], listen, give_up)

    def refresh(self, stack: str, *arguments: str, listen: Listener | None = None) -> UpdateResult:
        return self._update("refresh", stack, ["--skip-preview", *arguments], listen)

    def destroy(
        self,
        stack: str,
        *arguments: str,
        listen: Listener | None = None,
        give_up: threading.Event | None = None,
    ) -> UpdateResult:
        """Destroy; `give_up` as in `up`."""
        return self._update("destroy", stack, ["--skip-preview", *arguments], listen, give_up)

    def preview(self, stack: str, *arguments: str) -> str:
        """The human-readable preview."""
        return self._run(["preview", "--suppress-progress", *self.guards, *arguments], stack)

    def remove(self, stack: str, *, force: bool = False) -> None:
        """Forget a stack and its config file; with force also one that still has resources."""
        self._run(["stack", "rm", "--yes", "--remove-backups", *(["--force"] if force else [])], stack)
        config = self.config_path(stack)
        config.unlink(missing_ok=True)
        (config.parent / f".{config.name}.lock").unlink(missing_ok=True)
        self._record_path(stack).unlink(missing_ok=True)
        shutil.rmtree(config.parent / "revisions" / stack, ignore_errors=True)

    def rename(self, stack: str, name: str) -> None:
        """Give a stack, and its config file, another name; what it made stays as it is."""
        self._run(["stack", "rename", name], stack)
        config, state = self.config_path(stack), self.state_path(stack)
        (config.parent / f".{config.name}.lock").unlink(missing_ok=True)
        self._record_path(stack).unlink(missing_ok=True)
        for suffix in (".bak", ".bak.attrs"):  # what the CLI leaves under the old name
            state.with_name(state.name + suffix).unlink(missing_ok=True)
        shutil.rmtree(self.state / ".pulumi" / "backups" / PROJECT / stack, ignore_errors=True)

    def outputs(self, stack: str) -> dict[str, Any]:
        """The stack's outputs with secrets in the clear: for use in this process only."""
        text = self._run(["stack", "output", "--json", "--show-secrets"], stack, log=False)
        found: dict[str, Any] = json.loads(text)
        return found

    def recover(self, stack: str) -> list[str]:
        """Undo what a killed update left: its lock, half-written files, and its pending operations.

        Returns what was done, in words. Raises StackConflict when a lock's holder may live.
        A pending creation is forgotten here: what it may have made is taken over (Kubernetes)
        or swept by its owner before the next update (Docker), as its id was never recorded.
        """
        if not self.exists(stack):
            return []
        done = [f"removed the lock of {lock}" for lock in stack_lock.release_dead(self.state, PROJECT, stack)]
        for lock in self._locks(stack):
            raise StackConflict(
                f"{stack} is being updated by {lock}.\n"
                f"  Wait for it, or if you know that it is gone: pulumi cancel --stack {stack}"
            )
        done += checkpoint_files.mend(self.state_path(stack))
        pending = self.deployment(stack).get("pending_operations") or []
        if pending:
            export = json.loads(self._run(["stack", "export"], stack, log=False))
            export["deployment"]["pending_operations"] = []
            self._run(["stack", "import"], stack, stdin=json.dumps(export))
            names = ", ".join(sorted(_short(each["resource"]["urn"]) for each in pending))
            done.append(f"cleared {len(pending)} interrupted operation(s): {names}")
        return done

    def _locks(self, stack: str) -> Iterator[stack_lock.StackLock]:
        return stack_lock.locks(self.state, PROJECT, stack)

    def _record_path(self, stack: str) -> Path:
        return stack_lock.record_path(self.state, PROJECT, stack)

    def _update(
        self,
        verb: str,
        stack: str,
        arguments: Sequence[str],
        listen: Listener | None,
        give_up: threading.Event | None = None,
    ) -> UpdateResult:
        def unwanted() -> bool:
            return (give_up is not None and give_up.is_set()) or (self.held is not None and not self.held())

        command = [verb, "--yes", "--suppress-outputs", "--suppress-progress", *arguments]
        before = {lock.path for lock in self._locks(stack)}
        path = self._record_path(stack)
        try:
            with update_record.kept(path) as record:

                def note_lock(pid: int) -> bool:
                    found = [each.path for each in self._locks(stack) if each.taken_by(pid)]
                    for lock in found:
                        if lock not in before:
                            record.write(lock.name)
                    return bool(found)

                def looked_after(process: Process) -> AbstractContextManager[None]:
                    return watched(process, lambda: note_lock(process.pid), unwanted)

                text = self._run(
                    command, stack, listen=listen, keeps=record.descriptors, looked_after=looked_after
                )
        finally:
            # It proves the end of whoever left a lock; nobody did.
            if not any(self._locks(stack)):
                update_record.forget(path)
        return UpdateResult(_counts(text), self.logs / f"{stack}.log")

    def _run(
        self,
        arguments: Sequence[str],
        stack: str,
        *,
        stdin: str | None = None,
        log: bool = True,
        listen: Listener | None = None,
        keeps: tuple[int, ...] = (),
        looked_after: Callable[[Process], AbstractContextManager[object]] = nullcontext,
    ) -> str:
        command = [str(self.binary), *arguments, "--non-interactive", "--color", "never"]
        if arguments[:2] != ["stack", "init"]:
            command += ["--stack", stack]
        process = subprocess.Popen(
            command,
            cwd=self.root,
            env=dict(self.environment),
            stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if not log else subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",  # what a program prints is its own affair
            start_new_session=True,  # an interrupt reaches the CLI once, through us
            pass_fds=(*self.descriptors, *keeps),
        )
        with looked_after(process):
            try:
                lines = self._stream(process, stdin, listen) if log else None
                text, errors = ("".join(lines), "") if lines is not None else process.communicate(stdin)
                code = process.wait()
            except BaseException:
                # The CLI cancels its update in order, frees the lock and writes the state. Unread, it would
                # never come to an end.
                interrupt(process)
                process.communicate()
                raise
        if log:
            self._keep(stack, command, text)
        if code < 0:
            raise UpdateKilled(f"pulumi {arguments[0]} of {stack} was ended by signal {-code}")
        if code != 0:
            raise self._error(arguments, stack, text + (errors or ""))
        return text

    @staticmethod
    def _stream(process: Process, stdin: str | None, listen: Listener | None) -> list[str]:
        if process.stdin is not None:
            with suppress(BrokenPipeError):  # it has ended, and says why
                process.stdin.write(stdin or "")
                process.stdin.close()
            process.stdin = None
        lines = []
        for line in process.stdout or ():
            lines.append(line)
            if listen is not None:
                listen(line.rstrip())
        return lines

    def _keep(self, stack: str, command: Sequence[str], text: str) -> None:
        path = self.logs / f"{stack}.log"
        # The update is done, whatever becomes of its log: a full disk must not make it a failure.
        with suppress(OSError):
            self.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
            if path.exists() and path.stat().st_size > LARGEST_LOG:
                path.replace(path.with_suffix(".log.1"))
            with path.open("a") as stream:
                stream.write(f"$ {' '.join(command)}\n{text}\n")
            path.chmod(0o600)

    def _error(self, arguments: Sequence[str], stack: str, text: str) -> UpdateError:
        what = f"pulumi {' '.join(a for a in arguments if not a.startswith('-'))} of {stack}"
        if "incorrect passphrase" in text:
            return WrongPassphrase(
                f"{what}: the passphrase does not fit this stack's secrets.\n"
                f"  It is read from {self.environment.get('PULUMI_CONFIG_PASSPHRASE_FILE')}: "
                "put back the one that the stack was made with."
            )
        if "the stack is currently locked" in text or "[409]" in text:
            return StackConflict(f"{what}: another update is under way.\n{_indented(_reason(text))}")
        return UpdateError(f"{what} failed:\n{_indented(_reason(text))}\n  log: {self.logs / f'{stack}.log'}")


def _short(urn: str) -> str:
    return urn.rsplit("::", 1)[-1]


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


def _reason(text: str) -> str:
    """What policy packs refuse and the diagnostics of an update, or the last lines where it printed none."""
    _, _, policies = text.partition("Policies:\n")
    refused, _, _ = policies.partition("\n\n")
    if "[mandatory]" in refused:
        return refused
    _, found, diagnostics = text.partition("Diagnostics:\n")
    if found:
        ends = re.split(
            r"^(?:Outputs|Resources|Duration|Policies):", diagnostics, maxsplit=1, flags=re.MULTILINE
        )
        return ends[0].strip("\n")
    return "\n".join([line for line in text.strip().splitlines() if line.strip()][-12:])


_COUNT = re.compile(
    r"^\s+(?:[-+~]{1,2}\s+)?(\d+) (created|updated|replaced|deleted|unchanged|changes?)$", re.MULTILINE
)
_OPERATION = {
    "created": "create",
    "updated": "update",
    "replaced": "replace",
    "deleted": "delete",
    "unchanged": "same",
}


def _counts(text: str) -> dict[str, int]:
    """The counts of the closing `Resources:` block."""
    _, found, summary = text.rpartition("Resources:\n")
    if not found:
        return {}
    return {_OPERATION[word]: int(count) for count, word in _COUNT.findall(summary) if word in _OPERATION}
