"""The window of a model that a script holds, as the script sees it."""

from __future__ import annotations

import atexit
import os
import sys
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from threading import Event, Lock, Thread
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any, Self

from dnf_studio.errors import LinkError, StudioError
from dnf_studio.link.loop import LoopState, Turn, use_one_thread
from dnf_studio.link.messages import Message, send
from dnf_studio.workers.threads import stand_back

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from dnf_studio.core.models.base import GenerativeModel
    from dnf_studio.link.program import WindowProgram
    from dnf_studio.link.serving import Serving

COPY_SECONDS = 0.25
"""Between two copies of the weights, at least."""
SHARE, BURST = 0.25, 0.15
"""What part of a loop's time answers within it may take, and seconds of one of them at most."""
THREAD_SHARE, THREAD_BURST = 0.75, 0.5
"""The same of a thread, in seconds of a processor. A loop on one of two cores waits little for Python's lock, which the
thread has for moments: what it waited for was a core, until thread and window stood back behind it."""
THREAD_NICER = 5
"""By how much the thread stands back: by less than the window, which draws what it answers."""
NEWS_SECONDS = 0.1
TOLD_SECONDS = 1.0
FIRST_SECONDS = 30.0
"""How long a script that ends waits for the window's first picture."""
LAST_SECONDS = 5.0
"""How long it waits, where there is one, for that of its last weights."""
_SAID: set[str] = set()
_LOCK = Lock()


class Watch:
    """A window that shows a model of this program, and follows it while the program trains it.

    Made by `watch` and `show`. None of its methods raises because of the window: that may be closed, killed or hang.
    In a process that was forked from this one they do nothing.

    Examples
    --------
    >>> import dnf_studio as dnf
    >>> with dnf.watch(model, data=x) as window:  # doctest: +SKIP
    ...     for step in range(10_000):
    ...         window.update(step, loss=train_one_step())
    """

    def __init__(self, model: GenerativeModel, data: object, title: str, follows: bool) -> None:
        from dnf_studio.link.rows import rows_of

        self._pid, self._model, self._follows = os.getpid(), model, follows
        rows = None if data is None else rows_of(data, model.dim)
        columns = [str(name) for name in getattr(data, "columns", ())]
        columns = columns if len(columns) == model.dim else [f"x{j + 1}" for j in range(model.dim)]
        self._about = (rows, columns, title[:200])
        self._state = LoopState()
        self._refreshing = Lock()
        self._shown, self._told, self._gone = Event(), Event(), Event()
        self._closed, self._seen = False, 0
        self._program: WindowProgram | None = None
        self._about_model: Future[tuple[Message, Serving]] = Future()
        self._prepare()

    def _prepare(self) -> None:
        from dnf_studio.link.answers import Answers
        from dnf_studio.link.description import Title, describe
        from dnf_studio.link.program import WindowProgram
        from dnf_studio.link.serving import Serving
        from dnf_studio.link.versions import Budget, Versions

        self._versions = Versions(self._model)
        self._turn = Turn(Answers(self._versions, self._model.dim, self._see), Budget(SHARE, BURST))
        try:
            self._program = WindowProgram(self._join, self._over)
        except StudioError as error:
            return self._end(str(error))
        # The last one is the first to be called
        atexit.register(self._rest)
        atexit.register(self._leave)
        try:
            # What is asked of the model here takes a second of imports, as the program's own start does
            rows, columns, title = self._about
            described = describe(self._model, rows, columns, Title(title, self._pid, self._follows))
            loop, budget = (self._state, self._turn), Budget(THREAD_SHARE, THREAD_BURST)
            self._about_model.set_result((described, Serving(self._versions, loop, budget, described)))
        except BaseException:
            self._about_model.cancel()
            self._program.end()
            raise

    @property
    def active(self) -> bool:
        """Whether the window is there, or still starting, and follows the model."""
        return not self._closed and self._there

    @property
    def _there(self) -> bool:
        if self._program is None or os.getpid() != self._pid:
            return False
        return not self._program.over.is_set() and not self._state.ended.is_set()

    def update(self, step: int | None = None, loss: Any = None) -> None:  # noqa: ANN401 - a number or a tensor
        """Say that the model has been trained on; call it between two steps, in the thread that trains.

        `step` is the number of the step, one more than the last unless given, and `loss` a number or a tensor with one
        element. When the window wants newer weights they are copied here, at most four times a second and in at most a
        quarter of the loop's time; else a call takes microseconds. It never raises.
        """
        if self._closed or os.getpid() != self._pid:
            return
        state = self._state
        state.count(step)
        state.updated = now = monotonic()
        if loss is not None:
            state.losses.append((state.step, loss.detach() if hasattr(loss, "detach") else loss, now))
        if now < state.due and not self._turn.waited_for:
            return
        if not self.active or not self._refreshing.acquire(blocking=False):
            return
        try:
            self._serve(now)
        except Exception as problem:
            self._end(f"it could not be kept up to date: {type(problem).__name__}: {problem}")
        finally:
            self._refreshing.release()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the window is closed, or for so many seconds; whether it is, as it always is for a fork."""
        return self._program is None or os.getpid() != self._pid or self._gone.wait(seconds)

    def close(self) -> None:
        """Follow the model no longer; the window stays, and shows the last weights."""
        if os.getpid() != self._pid or self._closed:
            return
        self._finish()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<window of {self._about[2]}, {'open' if self.active else 'closed or left alone'}>"

    def _serve(self, now: float) -> None:
        """What is due between two steps of the loop."""
        state = self._state
        state.looping = True
        if self._turn.waited_for and not self._versions.copied:
            self._turn.answer_here()
        if now < state.due:
            return
        state.due = now + COPY_SECONDS
        if self._versions.used:
            started = perf_counter()
            self._renew()
            # No more than a quarter of the time where a copy takes long
            state.due += max(0.0, (1 / SHARE - 1) * (perf_counter() - started) - COPY_SECONDS)

    def _see(self, version: int) -> None:
        """The window shows this version."""
        self._seen = max(self._seen, version)
        self._shown.set()
        if self._closed and self._seen >= self._versions.newest:
            self._state.ended.set()

    def _finish(self) -> None:
        """The loop is over; its last weights are still to be shown."""
        state = self._state
        if self._there and state.step != state.copied_at:
            self._renew()
        self._closed, state.looping = True, False
        if self._seen >= self._versions.newest or not self._there:
            state.ended.set()

    def _renew(self) -> None:
        self._versions.renew()
        self._state.copied_at = self._state.step

    def _join(self, questions: Connection, news: Connection) -> None:
        """The window is there: tell it of the model, then answer and tell news; in threads."""
        stand_back(THREAD_NICER)
        use_one_thread()
        try:
            described, serving = self._about_model.result()
            for said in (serving.picture(), described):
                if said is not None:
                    send(news, said)
        except (StudioError, OSError, CancelledError) as error:
            self._end(str(error))
            return
        Thread(target=self._tell, args=(news,), name="dnf-window-news", daemon=True).start()
        with suppress(LinkError):
            serving.run(questions)
        atexit.unregister(self._rest)

    def _tell(self, news: Connection) -> None:
        state, told = self._state, (-1, -1, 0)
        try:
            while not state.ended.wait(NEWS_SECONDS) and self._there:
                now = state.step, self._versions.newest, len(state.losses)
                if now != told:
                    told = *now[:2], 0
                    send(news, state.news(self._versions.newest))
            send(news, state.news(self._versions.newest))
            send(news, Message("ended"))
        except LinkError:
            return
        finally:
            self._told.set()
            self._versions.clear()
            atexit.unregister(self._leave)

    def _end(self, why: str) -> None:
        """There is no window any more; say so once where none came."""
        self._closed = True
        self._state.ended.set()
        atexit.unregister(self._leave)
        with _LOCK:
            if why and why not in _SAID:
                _SAID.add(why)
                sentence = why.removeprefix("dnf-studio: ").strip().rstrip(".")
                print(f"dnf-studio: No live window: {sentence}. The script goes on without it.", file=sys.stderr)

    def _over(self, why: str) -> None:
        self._end("" if self._about_model.cancelled() else why)
        self._gone.set()

    def _rest(self) -> None:
        """The script ends, and no thread may be at work then."""
        if os.getpid() == self._pid and self._about_model.done() and not self._about_model.cancelled():
            self._about_model.result()[1].rest(LAST_SECONDS)

    def _leave(self) -> None:
        """The script ends: the window has the picture of the last weights, then it is alone."""
        if os.getpid() != self._pid or self._program is None:
            return
        if not self._closed:
            self._finish()
        until = monotonic() + (LAST_SECONDS if self._shown.is_set() else FIRST_SECONDS)
        while self._there and monotonic() < until:
            self._state.ended.wait(NEWS_SECONDS)
        self._state.ended.set()
        self._told.wait(TOLD_SECONDS)
        self._program.let_go()
