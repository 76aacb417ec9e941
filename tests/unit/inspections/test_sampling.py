"""The draw as a pure function."""

from dekhang.apps.inspections.sampling import Candidate, draw

FRAME = [Candidate(n, f"xa-{n}", "commune", 7 if n == 40 else n % 3) for n in range(1, 61)]
FRAME += [Candidate(100 + n, f"so-{n}", "department", 0) for n in range(5)]


def test_the_same_seed_draws_the_same_units_whatever_the_order_of_the_list():
    quotas = {"commune": (2, 5), "department": (1, 2)}
    once = draw(FRAME, quotas, "hat-giong")
    assert draw(FRAME[::-1], quotas, "hat-giong") == once
    assert [one.rank for one in once] == list(range(1, len(once) + 1))
    assert {one.unit_id for one in draw(FRAME, quotas, "hat-khac")} != {one.unit_id for one in once}


def test_blocks_get_their_numbers_and_risk_is_drawn_first():
    once = draw(FRAME, {"commune": (2, 5), "department": (1, 2)}, "s")
    ways = [(one.block, str(one.way)) for one in once]
    # nobody of the departments has any risk, so nobody is drawn for it
    assert ways == [("commune", "risk")] * 2 + [("commune", "random")] * 5 + [("department", "random")] * 2
    assert once[0].unit_id == 40
    assert once[1].risk == 2
    assert len({one.unit_id for one in once}) == len(once)


def test_every_unit_of_a_block_has_the_same_chance():
    counts = dict.fromkeys(range(100, 105), 0)
    for number in range(2000):
        for one in draw(FRAME, {"department": (0, 2)}, f"{number}"):
            counts[one.unit_id] += 1
    # 2000 draws of 2 out of 5: 800 each, standard deviation 22
    assert all(690 < count < 910 for count in counts.values()), counts


def test_a_block_with_fewer_units_than_wanted_is_drawn_whole():
    assert len(draw(FRAME, {"department": (3, 50)}, "s")) == 5
    assert draw(FRAME, {"department": (0, 0)}, "s") == []
