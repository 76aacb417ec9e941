"""How the page shows a paper."""

from django import template

from dekhang.apps.reports.documents.paper import Block

register = template.Library()


@register.simple_tag
def block_kind(block: Block) -> str:
    """Heading, Text, Field, Table or Code."""
    return type(block).__name__
