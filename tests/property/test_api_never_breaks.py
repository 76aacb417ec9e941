"""Whatever is sent to whichever operation: an answer with a sentence, never a fault of ours."""

import json
import re

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dekhang.apps.api.rest.routes import rest
from tests.factories.api import Caller, token_of
from tests.factories.core import UserFactory
from tests.factories.registry import UnitFactory, officer_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen_now", "data")]
SCHEMA = rest.get_openapi_schema(path_prefix="")
OPERATIONS = sorted(
    (method.upper(), path, told["operationId"])
    for path, methods in SCHEMA["paths"].items()
    for method, told in methods.items()
)
TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


def fields_of(path: str, method: str) -> list[str]:
    """Names of the body that the operation describes, so that values get past the first check."""
    text = json.dumps(SCHEMA["paths"][path][method.lower()].get("requestBody", {}))
    names = re.findall(r"#/components/schemas/(\w+)", text)
    return [field for name in names for field in SCHEMA["components"]["schemas"][name].get("properties", {})] or ["x"]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(st.data())
def test_no_call_is_answered_with_a_fault_of_ours(data_of):
    unit = UnitFactory()
    method, path, name = data_of.draw(st.sampled_from(OPERATIONS))
    people = [officer_of(unit), UserFactory(coordinator=True), UserFactory(administrator=True)]
    parts = st.sampled_from([str(unit.pk), "1", "0", "x", "record_attacks", "windows", str(2**63 - 1), "a b", "%00"])
    asked = re.sub(r"\{[^}]*\}", lambda _found: data_of.draw(parts), path)
    query = data_of.draw(
        st.dictionaries(
            st.sampled_from(["q", "day", "limit", "cursor", "unit", "state", "kind", "since"]), TEXT, max_size=3
        )
    )
    with transaction.atomic():
        caller = Caller(token_of(data_of.draw(st.sampled_from(people))))
        if method == "GET":
            answer = caller.get(asked, **query)
        else:
            body = data_of.draw(st.dictionaries(st.sampled_from(fields_of(path, method)), VALUES, max_size=6) | VALUES)
            answer = caller.send(method, asked, json.dumps(body).encode())
        transaction.set_rollback(True)
    assert answer.status_code < 500 or answer.status_code == 503, (name, answer.content)
    if answer.status_code >= 400:
        assert answer.json()["detail"]


def test_the_description_is_openapi_as_its_schema_wants_it(client):
    described = client.get("/api/v1/openapi.json").json()
    assert described["openapi"] == "3.1.0"
    names = [told["operationId"] for methods in described["paths"].values() for told in methods.values()]
    assert len(names) == len(set(names)) == len(OPERATIONS)
    known = described["components"]["schemas"]
    assert set(re.findall(r"#/components/schemas/(\w+)", json.dumps(described))) <= set(known)
    for path, methods in described["paths"].items():
        for told in methods.values():
            given_in_path = {one["name"] for one in told["parameters"] if one["in"] == "path"}
            assert given_in_path == set(re.findall(r"\{(\w+)\}", path)), told["operationId"]
            assert told["summary"] and told["security"] and told["x-scope"]
            assert "default" in told["responses"]
