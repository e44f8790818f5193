"""The practice GPU and its clock: what they count, and the words for it."""

from dlcourse.exercises.practice import WORDS, in_words, practice_clock, practice_gpu


def test_what_crosses_is_counted_by_name_and_apart_after_the_last_launch():
    gpu = practice_gpu()
    x = gpu.xp.asarray([1.0, 2.0])
    float(x[0]), (x + x).get(), x.get(), gpu.xp.asnumpy(x)
    assert gpu.crossings() == {"asarray": [1, 0], "float()": [1, 0], "get()": [2, 2], "asnumpy": [1, 1]}
    assert gpu.tally() == [1, 1, 4] and gpu.hidden() == "asarray, asnumpy, float(), get()"


def test_each_way_to_cross_has_words():
    gpu = practice_gpu()
    x, i = gpu.put([1.0, 2.0]), gpu.put([0, 1])
    if x[0] > 0:
        print(x, [x], f"{x[0]:.1f}", int(x[0]), x[0].item(), x.tolist(), gpu.xp.array([1.0]), x[[0]], x[x > 0])
    x[i] = [3.0, 4.0]
    names = gpu.hidden().split(", ")
    assert len(names) == 11 and set(names) <= set(WORDS), names
    assert in_words("unique") == "`unique` makes the host wait, or copies from it"


def test_the_clock_knows_how_often_it_was_read():
    device = practice_clock().Machine(1e-4, [5e-3])
    device.f(), device.clock(), device.wait(), device.clock(), device.clock()
    assert device.seen() == [1, 3]
