"""Which templates are shipped, and which one is used for a new report."""

from dekhang.apps.reports.documents import version1
from dekhang.apps.reports.documents.paper import Paper
from dekhang.apps.reports.gathering import Inputs

CURRENT = version1.VERSION
SHIPPED = {version1.VERSION: version1.BUILDERS}


class TemplateGone(LookupError):
    """The version that a report was made with is no longer shipped."""


def build(inputs: Inputs, version: int) -> Paper:
    """The paper of frozen inputs.

    Raises:
        TemplateGone: no such version of this kind of paper is shipped.
    """
    builder = SHIPPED.get(version, {}).get(str(inputs["kind"]))
    if builder is None:
        raise TemplateGone(f"{inputs['kind']}, version {version}")
    return builder(inputs)
