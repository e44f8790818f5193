"""13.5 Taking a claim apart: what was compared with what?"""

from __future__ import annotations

import numpy as np

from ..exercise import Exercise, Wrong, call

NAMES = ("cpu_s", "cpu_images", "gpu_s", "gpu_images", "wait_s", "copy_s", "best_cpu_s")


def take_apart(claim):
    """What is left of a speed-up, one objection after the other
    claim {cpu_s, cpu_images, gpu_s, gpu_images, wait_s, copy_s, best_cpu_s} -> five ratios, CPU by GPU"""
    many, few = claim["cpu_images"], claim["gpu_images"]
    cpu, best, gpu = claim["cpu_s"] / many, claim["best_cpu_s"] / many, claim["gpu_s"] / few
    waited = gpu + claim["wait_s"] / few
    copied = waited + claim["copy_s"] / few
    advertised = claim["cpu_s"] / claim["gpu_s"]
    return [advertised, cpu / gpu, cpu / waited, cpu / copied, best / copied]


def claims(cpu_s, cpu_images, gpu_s, gpu_images, wait_s, copy_s, best_cpu_s):
    """A claim, its numbers by their names."""
    return dict(zip(NAMES, (cpu_s, cpu_images, gpu_s, gpu_images, wait_s, copy_s, best_cpu_s)))


def cases(rng):
    yield call("take_apart", claims(80.0, 1000, 0.0002, 100, 0.0006, 0.0008, 0.5))
    yield call("take_apart", claims(12.0, 600, 0.001, 600, 0.004, 0.005, 0.03), tag="as many images on both sides")
    yield call("take_apart", claims(5.0, 100, 0.01, 400, 0.0001, 0.02, 0.5), tag="a clock that had almost waited")
    yield call("take_apart", claims(5.0, 100, 0.01, 400, 0.03, 0.0002, 0.5), tag="data that are soon there")
    yield call("take_apart", claims(2.0, 64, 0.05, 32, 0.1, 0.3, 0.001), tag="a GPU that loses")
    for _ in range(2):
        cpu_s, best = (rng.integers(20, 90) / 10).item(), (rng.integers(10, 90) / 100).item()
        gpu_s, wait_s, copy_s = (rng.permutation(np.arange(1, 40))[:3] / 10_000).tolist()
        images = (rng.permutation([10, 30, 50, 70, 110])[:2] * 10).tolist()
        yield call("take_apart", claims(cpu_s, images[0], gpu_s, images[1], wait_s, copy_s, best))


# ---------------------------------------------------------------- other right answers
def one_by_one(claim):
    seconds = claim["gpu_s"]
    per_image = claim["gpu_images"] / claim["cpu_images"]
    found = [claim["cpu_s"] / seconds, claim["cpu_s"] / seconds * per_image]
    for more in ("wait_s", "copy_s"):
        seconds += claim[more]
        found.append(claim["cpu_s"] / seconds * per_image)
    print(found)
    return found + [claim["best_cpu_s"] / seconds * per_image]


def as_array(claim):
    c = claim
    gpu = np.array([c["gpu_s"], c["gpu_s"], c["gpu_s"] + c["wait_s"], *2 * [c["gpu_s"] + c["wait_s"] + c["copy_s"]]])
    cpu = np.array([*4 * [c["cpu_s"]], c["best_cpu_s"]])
    return cpu / gpu * np.where(np.arange(5) > 0, c["gpu_images"] / c["cpu_images"], 1)


def by_rates(claim):
    def rate(images, *seconds):
        return images / sum(seconds)

    slow, fast = rate(claim["cpu_images"], claim["cpu_s"]), rate(claim["cpu_images"], claim["best_cpu_s"])
    n, asked, wait, copy = (claim[k] for k in ("gpu_images", "gpu_s", "wait_s", "copy_s"))
    honest = rate(n, asked, wait, copy)
    return (
        claim["cpu_s"] / asked,
        rate(n, asked) / slow,
        rate(n, asked, wait) / slow,
        honest / slow,
        honest / fast,
    )


# ---------------------------------------------------------------- wrong ones
def by_both(c):
    """Both times by their images: what a ratio of the times is multiplied by."""
    return c["gpu_images"] / c["cpu_images"]


def varied(images=by_both, times=None, told=list, first=False, shares=None):
    """`take_apart` with one thing done otherwise: the factors for images, or the five times of the GPU and the CPU."""

    def take_apart(c):
        asked, wait, copy = c["gpu_s"], c["wait_s"], c["copy_s"]
        gpu = [asked, asked, asked + wait, asked + wait + copy, asked + wait + copy]
        cpu = [c["cpu_s"]] * 4 + [c["best_cpu_s"]]
        gpu, cpu = times(c, gpu, cpu) if times else (gpu, cpu)
        share = shares(c) if shares else [images(c) if first else 1.0] + [images(c)] * 4
        return told([a / b * s for a, b, s in zip(cpu, gpu, share)])

    return take_apart


def last_alone(c, image):
    """The factors for images, with another one in the last ratio."""
    return [1.0, *3 * [by_both(c)], image]


def added_to_one_image(c, gpu, cpu):
    """The wait and the copies of all images, on top of the seconds for one."""
    n = c["gpu_images"]
    return [gpu[0], gpu[0], *(gpu[0] + n * (g - gpu[0]) for g in gpu[2:])], cpu


def replaced(third, fourth, fifth):
    """Other seconds of the GPU in the last three ratios, each of (asked, wait, copy)."""

    def times(c, gpu, cpu):
        parts = c["gpu_s"], c["wait_s"], c["copy_s"]
        return gpu[:2] + [f(*parts) for f in (third, fourth, fifth)], cpu

    return varied(times=times)


def waited(asked, wait, copy):
    return asked + wait


def everything(asked, wait, copy):
    return asked + wait + copy


def wait_alone(asked, wait, copy):
    return wait


def copy_alone(asked, wait, copy):
    return copy


def without_asking(asked, wait, copy):
    return wait + copy


def of_the_text(digits):
    """The answer to the advertisement of the lesson, typed in."""
    found = take_apart(claims(90, 60_000, 18e-6, 64, 82e-6, 100e-6, 0.06))
    return lambda claim: [round(f, digits) for f in found]


EXERCISE = Exercise(
    id="13.5",
    title="Take a claim apart",
    reference={"take_apart": take_apart},
    cases=cases,
    right=[
        {"take_apart": one_by_one},
        {"take_apart": as_array},
        {"take_apart": by_rates},
        {"take_apart": varied()},
    ],
    wrong=[
        Wrong(
            "different work",
            varied(images=lambda c: 1.0),
            "The CPU worked on other images than the GPU, and more or fewer of them. From the second ratio on, "
            "divide each time by its number of images.",
            source="https://github.com/huytd/opencl-benchmark/issues/4",
        ),
        Wrong(
            "images in one ratio",
            varied(shares=lambda c: [1.0, by_both(c), 1.0, 1.0, 1.0]),
            "Only your second ratio is for one image. All that follow are for one image as well.",
        ),
        Wrong(
            "the CPU alone for one image",
            varied(images=lambda c: 1 / c["cpu_images"]),
            "The CPU's time is for one image, the GPU's for all of its images. Divide the GPU's time by `gpu_images` "
            "as well.",
            source="https://github.com/jcjohnson/cnn-benchmarks/issues/12",
        ),
        Wrong(
            "the GPU alone for one image",
            varied(images=lambda c: c["gpu_images"]),
            "The GPU's time is for one image, the CPU's for all of its images. Divide the CPU's time by `cpu_images` "
            "as well.",
        ),
        Wrong(
            "the best CPU for all images",
            varied(shares=lambda c: last_alone(c, c["gpu_images"])),
            "In the last ratio `best_cpu_s` is not divided by `cpu_images`. It is the time for all the CPU's images: "
            "divide it as you do `cpu_s`.",
            also=(varied(shares=lambda c: last_alone(c, 1.0)),),
        ),
        Wrong(
            "all waits on top of one image",
            varied(times=added_to_one_image),
            "`wait_s` and `copy_s` are for all the GPU's images, and you add them to the time of one. Divide them by "
            "`gpu_images` as well.",
            source="https://github.com/mobilint/mblt-model-zoo/pull/71",
        ),
        Wrong(
            "the advertisement's own numbers",
            of_the_text(12),
            "You give the numbers of the advertisement in the text, whatever claim is handed over. Compute them from "
            "`claim`.",
            also=tuple(of_the_text(digits) for digits in (0, 1, 2)),
        ),
        Wrong(
            "images upside down",
            varied(images=lambda c: c["cpu_images"] / c["gpu_images"]),
            "The images count the wrong way round: seconds are divided by images, on both sides, and then the ratio is "
            "taken.",
        ),
        Wrong(
            "per image from the start",
            varied(first=True),
            "The first ratio is the claim as it was advertised: the two times as they stand. The images come second.",
        ),
        Wrong(
            "upside down",
            varied(told=lambda found: [1 / f for f in found]),
            "Your ratios stand upside down: it is the CPU's time by that of the GPU, so that a fast GPU gives a large "
            "number.",
            source="https://github.com/pyk/bench/issues/19",
        ),
        Wrong(
            "the wait alone",
            replaced(wait_alone, without_asking, without_asking),
            "From the third ratio on the time for asking is lost. The wait and the copies come on top of it.",
            also=(replaced(wait_alone, copy_alone, copy_alone),),
        ),
        Wrong(
            "the wait alone, once",
            replaced(wait_alone, everything, everything),
            "In the third ratio the GPU's time is the wait alone. The wait comes on top of `gpu_s`.",
        ),
        Wrong(
            "the copies alone",
            replaced(waited, copy_alone, copy_alone),
            "The copies stand alone where they should come on top: from the fourth ratio on it is asking, waiting and "
            "copying, all three.",
            also=(replaced(waited, copy_alone, everything),),
        ),
        Wrong(
            "copies without the wait",
            varied(times=lambda c, gpu, cpu: (gpu[:3] + [c["gpu_s"] + c["copy_s"]] * 2, cpu)),
            "In the last two ratios the wait is missing. Each objection is added to those before it.",
        ),
        Wrong(
            "copies forgotten at the end",
            varied(times=lambda c, gpu, cpu: (gpu[:4] + gpu[2:3], cpu)),
            "In the last ratio the copies are missing. Each objection is added to those before it.",
            source="https://github.com/Idein/py-videocore/issues/17",
        ),
        Wrong(
            "only asked, against the best",
            varied(times=lambda c, gpu, cpu: (gpu[:4] + gpu[:1], cpu)),
            "In the last ratio the GPU is asked and not waited for. Each objection is added to those before it.",
            source="https://github.com/cdeterman/gpuR/issues/44",
        ),
        Wrong(
            "copies not counted",
            varied(times=lambda c, gpu, cpu: (gpu[:3] + gpu[2:3] * 2, cpu)),
            "The copies are never counted. The data have to get there: they belong to the fourth ratio and the last.",
            source="https://github.com/shogun-toolbox/shogun/pull/2806",
        ),
        Wrong(
            "the best CPU from the start",
            varied(times=lambda c, gpu, cpu: (gpu, [c["best_cpu_s"]] * 5)),
            "The best program for the CPU comes last. The four ratios before it use the CPU's time of the claim.",
        ),
        Wrong(
            "the slow CPU to the end",
            varied(times=lambda c, gpu, cpu: (gpu, [c["cpu_s"]] * 5)),
            "The last ratio still uses the slow program. `best_cpu_s` takes its place there.",
            source="https://github.com/DavideNardone/MTSS-Multivariate-Time-Series-Software/issues/7",
        ),
        Wrong(
            "the last one alone",
            varied(told=lambda found: found[-1]),
            "You give what is left in the end. All five ratios are wanted, from the claim on.",
        ),
        Wrong(
            "without the best program",
            varied(told=lambda found: found[:4]),
            "You give four ratios, and five are wanted. The last is missing: like the fourth, but with `best_cpu_s` "
            "for the CPU.",
        ),
        Wrong(
            "without the claim",
            varied(told=lambda found: found[1:]),
            "The claim itself is missing: it is the first of the five.",
        ),
        Wrong(
            "whole numbers",
            varied(told=lambda found: [round(f) for f in found]),
            "Your ratios are rounded to whole numbers, and the last can lie below 1. Leave them as they are.",
            source="https://github.com/jdx/usage/pull/996",
        ),
    ],
    hints=(
        "Every ratio is seconds of the CPU by seconds of the GPU; from the second on, seconds for one image.",
        "Two running numbers are enough: the GPU's seconds, which grow, and the CPU's, which change once, at the end.",
        "`gpu_s`, then with `wait_s`, then with `copy_s` as well: by how many images is each of these divided?",
    ),
)
