"""An import's changes put into the roster, or taken out again, by a few statements whatever their number.

Raw SQL, because each statement moves a hundred thousand rows from one table into another without any of them passing
through Python: the lock on the records is held for seconds, not for a minute. Read the same by SQLite and PostgreSQL.
"""

from django.db import connection
from django.db.models import ForeignObjectRel
from django.utils.translation import gettext as _

from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.registry.enums import ChangeKind
from dekhang.apps.registry.models import Person, RosterImport

ARRIVALS = (ChangeKind.JOIN.value, ChangeKind.MOVE.value)

# people who are new: one for each code, also when several rows name them
MAKE_PEOPLE = """
    INSERT INTO registry_person (code, name, email, phone, search_text)
    SELECT code, name, email, phone, search_text FROM registry_rosterchange
    WHERE id IN (SELECT min(id) FROM registry_rosterchange WHERE roster_import_id = %s AND makes_person GROUP BY code)
"""
KNOW_PEOPLE = """
    UPDATE registry_rosterchange
    SET person_id = (SELECT id FROM registry_person WHERE registry_person.code = registry_rosterchange.code)
    WHERE roster_import_id = %s AND makes_person
"""
CLOSE = """
    UPDATE registry_employment SET valid_to = %s
    WHERE valid_to IS NULL AND valid_from < %s
    AND id IN (SELECT employment_id FROM registry_rosterclosing WHERE roster_import_id = %s)
"""
CORRECT_PEOPLE = """
    UPDATE registry_person SET name = c.name, email = c.email, phone = c.phone, search_text = c.search_text
    FROM registry_rosterchange AS c
    WHERE c.person_id = registry_person.id AND c.roster_import_id = %s AND NOT c.makes_person AND c.code <> ''
"""
CORRECT_TITLES = """
    UPDATE registry_employment SET title = c.title FROM registry_rosterchange AS c
    WHERE c.employment_id = registry_employment.id AND c.roster_import_id = %s AND c.kind = %s
"""
EMPLOY = """
    INSERT INTO registry_employment (person_id, unit_id, title, valid_from)
    SELECT person_id, unit_id, title, starts FROM registry_rosterchange
    WHERE roster_import_id = %s AND kind IN (%s, %s)
"""
# one open employment of a person at a unit: a constraint of the table
KNOW_EMPLOYMENTS = """
    UPDATE registry_rosterchange SET employment_id = (
        SELECT id FROM registry_employment AS e
        WHERE e.person_id = registry_rosterchange.person_id AND e.unit_id = registry_rosterchange.unit_id
        AND e.valid_to IS NULL)
    WHERE roster_import_id = %s AND kind IN (%s, %s)
"""
STALE = """
    SELECT code FROM registry_rosterchange WHERE roster_import_id = %s AND kind IN (%s, %s) AND EXISTS (
        SELECT 1 FROM registry_employment AS e
        WHERE e.person_id = registry_rosterchange.person_id AND e.unit_id = registry_rosterchange.unit_id
        AND e.valid_to IS NULL)
    LIMIT 1
"""
TAKEN = """
    SELECT code FROM registry_rosterchange WHERE roster_import_id = %s AND makes_person AND EXISTS (
        SELECT 1 FROM registry_person WHERE registry_person.code = registry_rosterchange.code)
    LIMIT 1
"""


def put_in(one: RosterImport) -> None:
    """Apply every change, in the caller's transaction.

    Raises:
        ActionDenied: the roster has changed since the preview; the transaction must not stand.
    """
    with connection.cursor() as cursor:
        for check, values in ((TAKEN, [one.pk]), (STALE, [one.pk, *ARRIVALS])):
            cursor.execute(check, values)
            if (row := cursor.fetchone()) is not None:
                raise _changed(row[0])
        cursor.execute(MAKE_PEOPLE, [one.pk])
        cursor.execute(KNOW_PEOPLE, [one.pk])
        cursor.execute("SELECT count(*) FROM registry_rosterclosing WHERE roster_import_id = %s", [one.pk])
        (wanted,) = cursor.fetchone()
        cursor.execute(CLOSE, [one.day, one.day, one.pk])
        if cursor.rowcount != wanted:
            raise _changed("")
        cursor.execute(CORRECT_PEOPLE, [one.pk])
        cursor.execute(CORRECT_TITLES, [one.pk, ChangeKind.CORRECT.value])
        cursor.execute(EMPLOY, [one.pk, *ARRIVALS])
        cursor.execute(KNOW_EMPLOYMENTS, [one.pk, *ARRIVALS])


def _changed(code: str) -> ActionDenied:
    who = _(" (ví dụ: mã %(code)s)") % {"code": code} if code else ""
    return ActionDenied(
        _("Danh sách đã thay đổi từ lúc xem trước%(who)s. Chưa nạp gì; hãy nạp lại tệp.") % {"who": who}
    )


FORGET_EMPLOYMENTS = """
    UPDATE registry_rosterchange SET employment_id = NULL WHERE roster_import_id = %s AND kind IN (%s, %s)
"""
REOPEN = """
    UPDATE registry_employment SET valid_to = NULL
    WHERE id IN (SELECT employment_id FROM registry_rosterclosing WHERE roster_import_id = %s)
"""
RESTORE_TITLES = """
    UPDATE registry_employment SET title = c.old_title FROM registry_rosterchange AS c
    WHERE c.employment_id = registry_employment.id AND c.roster_import_id = %s AND c.kind = %s
"""
RESTORE_PEOPLE = """
    UPDATE registry_person SET name = c.old_name, email = c.old_email, phone = c.old_phone, search_text = c.old_search_text
    FROM registry_rosterchange AS c
    WHERE c.person_id = registry_person.id AND c.roster_import_id = %s AND NOT c.makes_person AND c.code <> ''
"""
# of every import: others that were undone may name the same people
FORGET_PEOPLE = """
    UPDATE registry_rosterchange SET person_id = NULL WHERE person_id IN (
        SELECT person_id FROM registry_rosterchange WHERE roster_import_id = %s AND makes_person AND person_id IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM registry_employment AS e WHERE e.person_id = registry_rosterchange.person_id)
"""
UNMAKE_PEOPLE = """
    DELETE FROM registry_person WHERE user_id IS NULL AND code IN (
        SELECT code FROM registry_rosterchange WHERE roster_import_id = %s AND makes_person AND person_id IS NULL)
"""


def _unmake_people() -> str:
    """Without those that anything else points at: what they attended or passed is not undone with the list."""
    pointers = [
        f"{relation.related_model._meta.db_table} AS t WHERE t.{relation.field.column}"
        for relation in Person._meta.get_fields(include_hidden=True)
        if isinstance(relation, ForeignObjectRel)
    ]
    return UNMAKE_PEOPLE + " ".join(
        f"AND NOT EXISTS (SELECT 1 FROM {pointer} = registry_person.id)"  # noqa: S608 - names of our tables
        for pointer in pointers
    )


def take_out(one: RosterImport) -> None:
    """Bring back what was before the import, in the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(RESTORE_TITLES, [one.pk, ChangeKind.CORRECT.value])
        # the employments are forgotten before they go: nothing may point at what is no more
        ids = "SELECT employment_id FROM registry_rosterchange WHERE roster_import_id = %s AND kind IN (%s, %s)"
        cursor.execute(ids, [one.pk, *ARRIVALS])
        made = [row[0] for row in cursor.fetchall() if row[0] is not None]
        cursor.execute(FORGET_EMPLOYMENTS, [one.pk, *ARRIVALS])
        for start in range(0, len(made), 500):
            part = made[start : start + 500]
            marks = ", ".join(["%s"] * len(part))
            cursor.execute(f"DELETE FROM registry_rosterclosing WHERE employment_id IN ({marks})", part)  # noqa: S608 - marks
            cursor.execute(f"DELETE FROM registry_employment WHERE id IN ({marks})", part)  # noqa: S608 - marks
        cursor.execute(REOPEN, [one.pk])
        cursor.execute(RESTORE_PEOPLE, [one.pk])
        cursor.execute(FORGET_PEOPLE, [one.pk])
        cursor.execute(_unmake_people(), [one.pk])
