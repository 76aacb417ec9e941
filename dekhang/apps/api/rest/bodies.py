"""What is sent is checked by the very forms of the pages: one place says what a text may be, in which words it is refused."""

from functools import cache
from typing import Annotated, Any

from django import forms
from ninja import Schema
from pydantic import Field, create_model

from dekhang.apps.api.rest.problems import Invalid


@cache
def body_of(form: type[forms.Form], name: str = "", *, without: frozenset[str] = frozenset()) -> type[Schema]:
    """The JSON shape of a form. Files are no part of it; `without` names fields that the path gives.

    Texts, choices and limits are checked by the form: here stands only what a caller must know to write a body.
    """
    fields: dict[str, Any] = {
        key: _typed(field)
        for key, field in form.base_fields.items()
        if key not in without and not isinstance(field, forms.FileField)
    }
    return create_model(name or form.__name__.removesuffix("Form"), __base__=Schema, **fields)


def _typed(field: forms.Field) -> tuple[Any, Any]:
    kind: Any = str
    if isinstance(field, forms.BooleanField):
        kind = bool
    elif isinstance(field, forms.MultipleChoiceField | forms.ModelMultipleChoiceField):
        kind = list[int | str]
    elif isinstance(field, forms.IntegerField):  # also FloatField and DecimalField
        kind = int if type(field) is forms.IntegerField else float
    elif isinstance(field, forms.TypedChoiceField | forms.ModelChoiceField):
        kind = int | str
    about: dict[str, Any] = {"description": " ".join(str(part) for part in (field.label, field.help_text) if part)}
    choices = [] if callable(getattr(field, "_choices", None)) else getattr(field, "choices", [])
    if isinstance(field, forms.ChoiceField) and isinstance(choices, list) and choices:
        about["json_schema_extra"] = {"x-choices": {str(value): str(label) for value, label in choices}}
    if isinstance(field, forms.DateField):
        about["json_schema_extra"] = {"format": "date"}
    if field.required and field.initial is None:
        return Annotated[kind, Field(**about)], ...
    return Annotated[kind | None, Field(**about)], None


def checked(form: forms.Form) -> dict[str, Any]:
    """What the form makes of it.

    Raises:
        Invalid: 422, with the sentences that the page would show beside its fields.
    """
    if not form.is_valid():
        raise Invalid.of(form)
    return form.cleaned_data


def typed(body: Schema) -> dict[str, Any]:
    """A body as the data of a form: what was left out stays out."""
    return {name: value for name, value in body.dict().items() if value is not None}
