"""Writes of briefings: planning, inviting, giving out, writing down who came, reading, questions."""

from dekhang.apps.briefings.services.attendance import confirm, restore, strike, write_down
from dekhang.apps.briefings.services.materials import add_material, confirm_read, note_opened, withdraw_material
from dekhang.apps.briefings.services.planning import change, invite, move, plan, uninvite
from dekhang.apps.briefings.services.questions import answer, ask
from dekhang.apps.briefings.services.sheets import apply_sheet, drop_sheet, read_sheet, undo_sheet

__all__ = [
    "add_material",
    "answer",
    "apply_sheet",
    "ask",
    "change",
    "confirm",
    "confirm_read",
    "drop_sheet",
    "invite",
    "move",
    "note_opened",
    "plan",
    "read_sheet",
    "restore",
    "strike",
    "undo_sheet",
    "uninvite",
    "withdraw_material",
    "write_down",
]
