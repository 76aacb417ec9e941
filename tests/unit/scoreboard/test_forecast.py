from datetime import date, timedelta

import pytest

from dekhang.apps.scoreboard.figures import TrendPoint
from dekhang.apps.scoreboard.forecast import forecast, in_words, weekly_gains
from tests.property.test_forecast_is_a_distribution import TODAY, points_of

YEAR_END = date(2020, 12, 31)


def test_three_weeks_are_too_few_to_say_anything():
    one = forecast(points_of([1, 2, 3, 4]), YEAR_END)
    assert one.too_few and one.chance is None and one.early is None
    assert in_words(one) == "Chưa đủ số liệu để dự báo: mới có 3 tuần, cần ít nhất 4."


def test_steady_progress_gives_a_range_and_a_chance_below_certainty():
    one = forecast(points_of([0, 2, 4, 6, 8, 10]), TODAY + timedelta(weeks=6))
    assert (one.early, one.likely, one.late) == tuple(TODAY + timedelta(weeks=n) for n in (5, 6, 7))
    assert 0.5 < one.chance < 1  # one imaginary week without progress: five even weeks are no certainty
    assert "Đúng hạn 13/07/2020:" in in_words(one)


def test_no_progress_at_all_is_never_reached():
    one = forecast(points_of([5] * 9), YEAR_END)
    assert (one.early, one.late, one.chance) == (None, None, 0.0)
    assert in_words(one) == (
        "Với nhịp 8 tuần qua, hai năm nữa vẫn chưa đạt 100 %. Hạn 31/12/2020 không giữ được hoặc đã qua; còn 15 đơn vị."
    )


def test_a_deadline_that_is_over_is_said_and_counted():
    one = forecast(points_of([1, 2]), TODAY - timedelta(days=1))
    assert one.chance == 0.0
    assert "còn 18 đơn vị" in in_words(one)


def test_everything_proven_needs_no_forecast():
    assert in_words(forecast(points_of([3, 20]), YEAR_END)) == "Mọi đơn vị đã chứng minh."


@pytest.mark.parametrize("points", [[], points_of([0, 0], units=0)])
def test_without_units_there_is_nothing_to_forecast(points):
    assert forecast(points) is None
    assert in_words(None) == "Không có đơn vị nào để đếm."


def test_a_week_in_which_units_were_merged_is_left_out():
    points = points_of([1, 2, 3], units=20)
    merged = [*points[:1], *(TrendPoint(p.day, 19, 19, p.proven, True) for p in points[1:])]
    assert weekly_gains(merged) == [1]


def test_a_week_without_a_number_is_left_out_on_both_sides():
    points = points_of([1, 2, 9, 10, 11])
    assert weekly_gains([point for n, point in enumerate(points) if n != 2]) == [1, 1]
