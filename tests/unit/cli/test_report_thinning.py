"""A long course is drawn with fewer points, and no peak is lost."""

from hypothesis import given
from hypothesis import strategies as st

from phoenix_platform.cli.reports.thinning import Point, Stretch, stretches, thinned

COURSES = st.lists(st.one_of(st.none(), st.floats(-1e9, 1e9)), max_size=500).map(
    lambda values: [Point(float(second), value) for second, value in enumerate(values)]
)


@given(course=COURSES, most=st.integers(2, 60))
def test_least_and_most_survive_in_the_order_of_time(course: list[Point], most: int) -> None:
    kept = thinned(course, most=most)
    values = [point.value for point in course if point.value is not None]
    kept_values = [point.value for point in kept if point.value is not None]
    assert len(kept) <= max(most, 2)
    assert set(kept) <= set(course)
    assert [point.seconds for point in kept] == sorted(point.seconds for point in kept)
    assert min(values, default=None) == min(kept_values, default=None)
    assert max(values, default=None) == max(kept_values, default=None)


def test_a_short_course_stays_as_it_is() -> None:
    course = [Point(0, 1.0), Point(1, None), Point(2, 3.0)]
    assert thinned(course, most=3) == course


def test_a_long_gap_stays_a_gap() -> None:
    course = [Point(second, None if 40 <= second < 60 else 1.0) for second in range(100)]
    assert None in [point.value for point in thinned(course, most=20)]


def test_a_stretch_tells_least_mean_and_most_of_what_was_measured() -> None:
    course = [Point(0, 1.0), Point(1, None), Point(2, 5.0), Point(3, None)]
    assert stretches(course, most=2) == [
        Stretch(start=0, end=1, points=1, low=1.0, mean=1.0, high=1.0),
        Stretch(start=2, end=3, points=1, low=5.0, mean=5.0, high=5.0),
    ]
    assert stretches(course, most=1)[0].mean == 3.0


def test_a_stretch_without_a_value_has_no_mean() -> None:
    assert stretches([Point(0, None)], most=1) == [
        Stretch(start=0, end=0, points=0, low=None, mean=None, high=None)
    ]
