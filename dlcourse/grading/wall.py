"""The wall between a grader and what strangers wrote; each layer is tried at start with probes that must fail."""

from __future__ import annotations

import os

from ..exercises.runners import Subprocess
from . import probes
from .start import LAYERS, WallError, Zygote


class Walled(Subprocess):
    """The answer is in a worker behind a wall; what may pass is what `Subprocess` lets pass."""

    def __init__(self, zygote: Zygote, cells: list[tuple[str, str]]):
        super().__init__(cells)
        self.zygote, self.behind = zygote, None

    def launch(self) -> None:
        (self.replies, out), (into, self.requests) = os.pipe(), os.pipe()
        try:
            self.process = self.zygote.fork(into, out)
            self.behind = self.behind or self.zygote.process
        except BaseException:
            os.close(self.replies)
            os.close(self.requests)
            raise
        finally:
            os.close(out)
            os.close(into)

    def end(self) -> None:
        self.zygote.end(self.process)

    @property
    def fallen(self) -> bool:
        """Was there a stop, or has the process that forked the first worker ended? Nothing behind the wall can do
        either: the system did."""
        return super().fallen or self.behind is not None and self.behind.poll() is not None


# ---------------------------------------------------------------- which layer holds here
def choose(layer: str = "", unsafe: bool = False, begun: Zygote | None = None) -> tuple[Zygote, list[str]]:
    """A process behind the strongest layer that holds here, or behind the one that was asked for, and why stronger
    ones were not taken. unsafe: the layer `process` is allowed. begun: one that is starting already, to be used where
    its layer is tried. WallError where none holds."""
    passed: list[str] = []
    for name in (layer,) if layer else LAYERS:
        if name not in LAYERS:
            raise WallError(f"there is no layer {name!r}; the layers are {', '.join(LAYERS)}")
        if name == "process" and not unsafe:
            break
        try:
            zygote = begun if begun is not None and begun.layer == name else Zygote(name)
            escaped = tried(zygote)
        except WallError as problem:
            passed.append(str(problem))
            continue
        if not escaped or name == "process":
            return zygote, passed
        zygote.close()
        passed.append(f"the layer {name} leaks here: a probe could {', '.join(escaped)}")
    told = " ".join(f"{p[0].upper()}{p[1:]}." for p in passed)
    advice = (
        "No wall that holds: install bubblewrap, or use Linux 5.13 or newer with Landlock, or the container in "
        "docs/instructors.md. --unsafe-process-only grades without a wall: only what you have read and trust."
    )
    if layer == "process":
        advice = "The layer process is no wall: it is taken only together with --unsafe-process-only."
    raise WallError(f"{told} {advice}".strip())


def tried(zygote: Zygote) -> list[str]:
    """What a probe behind this wall could do that nobody may: [] where it holds. It ends where it cannot be tried."""
    try:
        with probes.aims() as aims, Walled(zygote, [("probe", probes.SOURCE)]) as runner:
            report = runner.run([["escapes", [aims], {}, ""]], {}, 10.0)
            if "value" not in report:
                said = f"{report.get('error')}: {report.get('says')}"
                raise WallError(f"the layer {zygote.layer} cannot be tried here: {said}")
            return [str(name) for name in report["value"]] + probes.seen(aims)
    except BaseException:
        zygote.close()
        raise
