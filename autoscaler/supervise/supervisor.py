"""The supervisor: looks at every application, decides, and carries restarts out, a few at a time.

It holds nothing that the next start needs: the restart under way is in the stack's config, the past in a
file for each stack, and everything else is asked for anew.
"""

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from autoscaler.act.refusals import NotOurs, RunnerClosed
from autoscaler.act.update_errors import StackConflict
from autoscaler.observe.members_watch import ANSWER_SECONDS, Away, MembersWatch
from autoscaler.supervise import memory as memories
from autoscaler.supervise.decide import Begin, Decision, Finish, GoOn, View, Wait, decide
from autoscaler.supervise.memory import Memory
from autoscaler.supervise.restarter import Interrupted, Restarter
from autoscaler.supervise.supervised import Reading, Supervised
from autoscaler.supervise.updates import Updates

LOOK_AGAIN = 5.0
"""Seconds between looks while nothing is heard: config and locks are files, which nobody announces."""
SAVE_AGAIN = 60.0
SIDE_BY_SIDE = 2

Tell = Callable[[str, str], None]


@dataclass
class _Application:
    supervised: Supervised
    path: Path
    memory: Memory
    saved: Memory
    busy: "Future[None] | None" = None
    said: str = ""
    until: float | None = None
    waits: bool = False
    put_off: bool = False


class Clouds:
    """The members watch of each cloud, begun at first use and anew when its kubeconfig has changed."""

    def __init__(self, kubeconfig: Callable[[str], Path | None], changed: Callable[[], None]) -> None:
        self._kubeconfig = kubeconfig
        self._changed = changed
        self._watches: dict[str, tuple[tuple[Path, int], MembersWatch]] = {}
        self._lock = threading.Lock()

    def watch(self, cloud: str) -> MembersWatch:
        """Raises Away where the cloud has no usable kubeconfig."""
        with self._lock:
            path = self._kubeconfig(cloud)
            if path is None:
                raise Away(f"the cloud {cloud} has made no cluster yet")
            mark = (path, path.stat().st_mtime_ns)
            found = self._watches.get(cloud)
            if found is not None and found[0] == mark:
                return found[1]
            if found is not None:
                found[1].close()
            watch = MembersWatch(path, self._changed)
            watch.await_first(ANSWER_SECONDS)
            self._watches[cloud] = (mark, watch)
            return watch

    def close(self) -> None:
        """End all watches."""
        for _, watch in self._watches.values():
            watch.close()


class Supervisor:
    """Supervises applications until stopped.

    folder: where it remembers. find: the applications to look after, asked at each look.
    tell: (stack, what happened), for people. now: seconds since the epoch.
    """

    def __init__(
        self,
        find: Callable[[], Iterable[str]],
        supervised: Callable[[str], Supervised],
        updates: Updates,
        kubeconfig: Callable[[str], Path | None],
        folder: Path,
        tell: Tell,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._find = find
        self._supervised = supervised
        self._updates = updates
        self._folder = folder
        self._tell = tell
        self._now = now
        self._woken = threading.Event()
        self._stopped = threading.Event()
        self._clouds = Clouds(kubeconfig, self._woken.set)
        self._applications: dict[str, _Application] = {}
        self._workers = ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="restart")

    def stop(self) -> None:
        """Take up nothing more; updates under way are ended in order, and the next start goes on."""
        self._stopped.set()
        self._woken.set()

    def run(self) -> None:
        """Look and act until `stop`."""
        try:
            while not self._stopped.is_set():
                self._woken.clear()
                due = self.look()
                self._woken.wait(min(max(due - self._now(), 0.05), LOOK_AGAIN))
        finally:
            self._close()

    def run_once(self) -> bool:
        """Look, wait out graces and updates under way, act, and say whether all is well."""
        try:
            while not self._stopped.is_set():
                self._woken.clear()
                due = self.look()
                if not any(a.busy or (a.waits and not a.memory.trouble) for a in self._all()):
                    break
                self._woken.wait(min(max(due - self._now(), 0.05), LOOK_AGAIN))
            return not any(a.memory.trouble or a.put_off for a in self._all())
        finally:
            self._close()

    def _all(self) -> list[_Application]:
        return list(self._applications.values())

    def _close(self) -> None:
        self._workers.shutdown(wait=True)
        self._clouds.close()

    def look(self) -> float:
        """One look at every application; the time at which the next is due."""
        found = list(self._find())
        for stack in self._applications.keys() - set(found):
            # Another application of that name has another past.
            self._applications.pop(stack).path.unlink(missing_ok=True)
        for stack in found:
            if stack not in self._applications:
                path = self._folder / f"{stack}.json"
                memory = memories.load(path)
                self._applications[stack] = _Application(self._supervised(stack), path, memory, memory)
        due = [self._now() + LOOK_AGAIN]
        for stack, application in list(self._applications.items()):
            if application.busy is not None and not application.busy.done():
                continue
            application.busy = None
            try:
                self._look_at(stack, application)
            except Exception as error:  # a cloud that is away, a full disk: the others are looked after
                self._say(stack, application, f"left alone: {error}")
            if application.until is not None:
                due.append(application.until)
        return min(due)

    def _look_at(self, stack: str, application: _Application) -> None:
        application.until, application.waits, application.put_off = None, False, False
        reading = application.supervised.read()
        watch = self._clouds.watch(reading.cloud)
        view = self._view(application, reading, watch)
        decision, application.memory = decide(view, application.memory)
        self._save(application)
        if isinstance(decision, Wait):
            application.until = decision.until
            in_grace = decision.until is not None and not decision.retry
            application.waits = in_grace or bool(view.updating)
            application.put_off = decision.retry
            self._say(stack, application, decision.reason)
            return
        # What the streams said may be a moment old: before anything ends, ask.
        confirmed = View(self._now(), reading.plan, watch.ask(reading.copy), reading.restart)
        decision, _ = decide(confirmed, application.memory)
        if isinstance(decision, Wait):
            return
        self._say(stack, application, decision.reason)
        self._act(stack, application, reading, watch, decision)

    def _view(self, application: _Application, reading: Reading, watch: MembersWatch) -> View:
        return View(
            now=self._now(),
            plan=reading.plan,
            seen=watch.seen(reading.copy),
            restart=reading.restart,
            updating=application.supervised.updating(),
            resting=reading.resting,
        )

    def _act(
        self, stack: str, application: _Application, reading: Reading, watch: MembersWatch, decision: Decision
    ) -> None:
        restarter = Restarter(
            stack,
            reading.plan,
            self._updates,
            lambda: watch.seen(reading.copy),
            lambda text: self._tell(stack, text),
            self._stopped,
        )
        application.busy = self._workers.submit(
            self._carry_out, stack, application, reading, restarter, decision
        )
        application.busy.add_done_callback(lambda _: self._woken.set())

    def _carry_out(
        self,
        stack: str,
        application: _Application,
        reading: Reading,
        restarter: Restarter,
        decision: Decision,
    ) -> None:
        trouble = ""
        try:
            if isinstance(decision, Finish):
                restarter.finish()
                application.memory = replace(application.memory, trouble="")
                return
            if isinstance(decision, Begin):
                restarter.begin(decision.restart)
            elif isinstance(decision, GoOn) and reading.restart is not None:
                restarter.go_on(decision.restart, reading.restart)
        except (StackConflict, NotOurs, RunnerClosed, Interrupted) as error:
            self._tell(stack, f"put off: {error}")
            if isinstance(error, NotOurs):
                self._stopped.wait(LOOK_AGAIN)  # nothing in sight tells when the other one is done with it
            return
        except Exception as error:  # whatever it was, the other applications are looked after
            trouble = str(error) or type(error).__name__
        answered = decision.restart.failed if isinstance(decision, (Begin, GoOn)) else ()
        application.memory = application.memory.after(trouble, self._now(), answered)
        if trouble:
            self._tell(stack, f"the restart failed: {trouble}")
        if application.memory.stalled and trouble:
            self._tell(
                stack, f"stalled after {application.memory.attempts} attempts; it is tried again, but seldom"
            )
        self._save(application)

    def _save(self, application: _Application) -> None:
        new, old = application.memory, application.saved
        if replace(new, looked=old.looked) != old or (new.below and new.looked - old.looked > SAVE_AGAIN):
            memories.save(application.path, new)
            application.saved = new

    def _say(self, stack: str, application: _Application, text: str) -> None:
        """Tell what is new; the same again is silence."""
        if text != application.said:
            application.said = text
            self._tell(stack, text)
