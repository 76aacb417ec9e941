"""What is seen of lies whose truth is known, and what is not."""

import json

import pytest

from dekhang.simulate.judge import judge
from dekhang.simulate.strategies import STRATEGIES

pytestmark = pytest.mark.django_db
# strategies that nothing we have can see: an honest list, to be shortened by work
UNSEEN = {"paper_drill", "inflated_budget", "hidden_incident", "disguised_firm"}


@pytest.fixture(scope="module")
def verdicts(simulated):
    found = {one.strategy: one for one in judge(simulated)}
    for one in found.values():
        print(json.dumps(one.row, ensure_ascii=False))
    return found


@pytest.mark.parametrize("key", sorted(STRATEGIES.keys() - UNSEEN - {"same_firm"}))
def test_a_lie_that_leaves_signs_is_seen_and_the_signs_are_mostly_right(verdicts, key):
    one = verdicts[key]
    assert one.claims > 0
    caught = one.named if any(sign.startswith("flag:") for sign in one.signals) else one.not_counted
    assert caught / one.claims >= 0.4
    assert one.rightly / one.signalled >= 0.4


@pytest.mark.parametrize("key", sorted(UNSEEN - {"disguised_firm"}))
def test_a_lie_that_leaves_no_sign_is_reported_with_recall_nought(verdicts, key):
    one = verdicts[key]
    assert one.claims > 0
    assert one.signals == ()
    assert one.row["recall_named"] == one.row["recall_not_counted"] == 0.0


def test_what_is_not_counted_is_nearly_always_untrue(verdicts):
    """The proven share may miss lies; it must not punish those who do their duty."""
    whole = verdicts["all: not counted"]
    assert whole.rightly / whole.signalled >= 0.95
    assert whole.not_counted / whole.claims >= 0.6


def test_what_is_named_is_mostly_right_and_honest_oddities_are_the_rest(verdicts):
    named = verdicts["all: named"]
    assert 0.75 <= named.rightly / named.signalled <= 1.0
