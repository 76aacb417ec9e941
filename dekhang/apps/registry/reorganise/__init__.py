"""Merging, splitting, renaming, moving and closing units: planned with a preview, in force on a date, undoable until then."""

from dekhang.apps.registry.reorganise.faults import faults
from dekhang.apps.registry.reorganise.plans import Outcome, Plan
from dekhang.apps.registry.reorganise.preview import Preview, preview
from dekhang.apps.registry.reorganise.writing import come_into_force, schedule, undo

__all__ = ["Outcome", "Plan", "Preview", "come_into_force", "faults", "preview", "schedule", "undo"]
