"""Units, posts, contacts, systems and providers, all effective-dated: any date can be asked.

A dated row is in force on `day` when `valid_from <= day` and (`valid_to` is null or `day < valid_to`).
"""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from dekhang.apps.registry.enums import (
    ChangeKind,
    ContactKind,
    ImportSource,
    ImportState,
    NameKind,
    PostKind,
    ReorganisationKind,
    UnitKind,
)


class DatedQuerySet(models.QuerySet["DatedModel"]):
    def in_force(self, day):
        """Rows in force on `day` (a date)."""
        return self.filter(Q(valid_to__isnull=True) | Q(valid_to__gt=day), valid_from__lte=day)


class DatedModel(models.Model):
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True, help_text="first day on which it is no longer in force")

    objects = DatedQuerySet.as_manager()

    class Meta:
        abstract = True


class Unit(models.Model):
    """A unit's identity through renames and changes of type. Names, codes and parents are in its versions."""

    key = models.SlugField(max_length=120, unique=True)

    def __str__(self) -> str:
        return getattr(self, "name", "") or self.key


class UnitVersion(DatedModel):
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="versions")
    code = models.CharField(max_length=20, blank=True, help_text="statistics office's code; reused over time")
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=20, choices=UnitKind.choices)
    subtype = models.CharField(max_length=40, blank=True, help_text="Xã, Phường, Thị trấn, Sở, Ban …")
    parent = models.ForeignKey(Unit, null=True, blank=True, on_delete=models.PROTECT, related_name="child_versions")
    is_coordinator = models.BooleanField(default=False, help_text="Sở TT&TT: coordinates the province's work")
    basis = models.CharField(max_length=300, blank=True)
    tile_column = models.IntegerField(null=True)
    tile_row = models.IntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["unit", "valid_from"], name="one_version_of_a_unit_a_day"),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gt=F("valid_from")), name="unit_version_lasts"
            ),
        ]
        ordering = ["kind", "code", "name"]

    def __str__(self) -> str:
        return self.name


class Reorganisation(models.Model):
    """One dated event by which units changed; `successions` say who followed whom.

    Its rows in the registry are written when it is planned, dated ahead, and taken back by `undo` until the date. On the
    date it gets its `turn`: other apps follow in that order what has come into force, and move what is theirs.
    """

    date = models.DateField()
    kind = models.CharField(max_length=20, choices=ReorganisationKind.choices)
    basis = models.CharField(max_length=300)
    note = models.CharField(max_length=500, blank=True)
    planned_at = models.DateTimeField(null=True, help_text="null: part of the record that was loaded")
    planned_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    undone_at = models.DateTimeField(null=True)
    undone_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    turn = models.PositiveIntegerField(null=True, unique=True, help_text="1, 2, 3 … in the order of coming into force")
    undo = models.JSONField(default=dict, help_text="what taking it back removes and restores")

    class Meta:
        indexes = [models.Index(fields=["date"])]
        constraints = [
            models.CheckConstraint(
                condition=Q(undone_at__isnull=True) | Q(turn__isnull=True), name="undone_reorganisation_never_came"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.date:%d/%m/%Y}"


class Succession(models.Model):
    reorganisation = models.ForeignKey(Reorganisation, on_delete=models.CASCADE, related_name="successions")
    predecessor = models.ForeignKey(Unit, null=True, on_delete=models.PROTECT, related_name="followed_by")
    successor = models.ForeignKey(Unit, null=True, on_delete=models.PROTECT, related_name="follows")
    extent = models.CharField(max_length=10, default="full", help_text="full or part")
    main = models.BooleanField(default=True, help_text="the one that takes what nobody gave to another by hand")


class PostHolding(DatedModel):
    """A person holds a post of a unit over some time."""

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="holdings")
    kind = models.CharField(max_length=20, choices=PostKind.choices)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="holdings")
    decision = models.CharField(max_length=200, blank=True, help_text="number and date of the decision that named them")


class Contact(DatedModel):
    """Where a unit is reached. `last_answered_at`: a person there last confirmed being on duty."""

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="contacts")
    kind = models.CharField(max_length=10, choices=ContactKind.choices)
    value = models.CharField(max_length=300)
    label = models.CharField(max_length=200, blank=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    last_answered_at = models.DateTimeField(null=True)


class Provider(DatedModel):
    """An Internet or hosting provider (ISP) that serves units of the province.

    `unit` is its identity as a bearer of duties (kind `isp`): contacts, evidence and contests hang there as any unit's do.
    """

    unit = models.OneToOneField(Unit, null=True, on_delete=models.PROTECT, related_name="provider")
    name = models.CharField(max_length=200)
    duty_phone = models.CharField(max_length=100, blank=True)
    duty_email = models.EmailField(blank=True)
    last_answered_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def desk(self) -> str:
        """The address at which it is called."""
        return self.duty_email or self.duty_phone


class System(DatedModel):
    """An information system (hệ thống thông tin) that a unit operates."""

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="systems")
    name = models.CharField(max_length=200)
    level = models.PositiveSmallIntegerField(null=True, blank=True, help_text="1–5 as decided; null: not decided")
    public_facing = models.BooleanField(default=False)
    provider = models.ForeignKey(Provider, null=True, blank=True, on_delete=models.PROTECT, related_name="systems")
    follows = models.ForeignKey(
        "self",
        null=True,
        on_delete=models.SET_NULL,
        related_name="followed_by",
        help_text="the same under another unit",
    )

    def __str__(self) -> str:
        return self.name


class SystemName(DatedModel):
    """A name by which a system shows in logs: a machine's, or a domain that it serves."""

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="names")
    kind = models.CharField(max_length=10, choices=NameKind.choices)
    name = models.CharField(max_length=255, help_text="lower case, without a dot at the end")

    class Meta:
        indexes = [models.Index(fields=["kind", "name"])]
        constraints = [
            models.UniqueConstraint(
                fields=["system", "kind", "name"], condition=Q(valid_to__isnull=True), name="one_open_name_of_a_system"
            )
        ]
        ordering = ["kind", "name"]

    def __str__(self) -> str:
        return self.name


class Network(DatedModel):
    """A range of addresses that a unit's machines have, and whose line it is: who sends from there is the unit's."""

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="networks")
    cidr = models.CharField(max_length=50, help_text="192.0.2.0/24, 2001:db8::/48: the network's own spelling")
    label = models.CharField(max_length=200, blank=True)
    provider = models.ForeignKey(Provider, null=True, blank=True, on_delete=models.PROTECT, related_name="networks")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["unit", "cidr"], condition=Q(valid_to__isnull=True), name="one_open_network_of_a_unit"
            )
        ]
        ordering = ["unit_id", "cidr"]

    def __str__(self) -> str:
        return self.cidr


class Person(models.Model):
    """An official on the roster. No more is kept than duties need; `code` is the employer's, never an identity card."""

    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=200)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=40, blank=True)
    search_text = models.CharField(max_length=300, blank=True, help_text="name and code, lower case, without accents")
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="person", help_text="their account"
    )
    account_closed_for = models.DateField(
        null=True, help_text="the leaving for which the account was closed; once, or reopening it would not last"
    )

    class Meta:
        ordering = ["name", "code"]

    def __str__(self) -> str:
        return self.name


class Employment(DatedModel):
    """A person works at a unit over some time; two units at once happen (biệt phái)."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="employments")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="employments")
    title = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [models.Index(fields=["unit", "valid_from"]), models.Index(fields=["person", "valid_from"])]
        constraints = [
            models.UniqueConstraint(
                fields=["person", "unit"], condition=Q(valid_to__isnull=True), name="one_open_employment_at_a_unit"
            ),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gt=F("valid_from")), name="employment_lasts"
            ),
        ]


class Directory(models.Model):
    """How the province's LDAP directory is asked; one row. The server and its account are settings of the machine."""

    base = models.CharField(max_length=300)
    filter = models.CharField(max_length=500)
    code_attribute = models.CharField(max_length=61)
    name_attribute = models.CharField(max_length=61)
    unit_attribute = models.CharField(max_length=61, blank=True, help_text="empty: by the nearest OU that is a unit's")
    title_attribute = models.CharField(max_length=61, blank=True)
    email_attribute = models.CharField(max_length=61, blank=True)
    phone_attribute = models.CharField(max_length=61, blank=True)
    every_hours = models.PositiveIntegerField(default=24)
    brake_percent = models.PositiveIntegerField(default=5)
    is_complete = models.BooleanField(default=False)
    applies_itself = models.BooleanField(default=False)
    is_on = models.BooleanField(default=False)
    changed_at = models.DateTimeField()
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    last_run_at = models.DateTimeField(null=True)
    last_problem = models.CharField(max_length=500, blank=True)

    def __str__(self) -> str:
        return self.base


class RosterImport(models.Model):
    """A list of people: read, shown with what it would change, applied as a whole or not at all, undone likewise."""

    unit = models.ForeignKey(
        Unit, null=True, on_delete=models.PROTECT, related_name="+", help_text="whose list; null: the whole province's"
    )
    file_name = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    is_complete = models.BooleanField(help_text="who is not in it has left the units that it names")
    day = models.DateField(help_text="changes are in force from this day on")
    state = models.CharField(max_length=10, choices=ImportState.choices, default=ImportState.WAITING)
    source = models.CharField(max_length=10, choices=ImportSource.choices, default=ImportSource.WORKBOOK)
    progress = models.PositiveIntegerField(default=0, help_text="rows done of the present work")
    problem = models.CharField(max_length=500, blank=True)
    rows = models.PositiveIntegerField(default=0)
    joins = models.PositiveIntegerField(default=0)
    moves = models.PositiveIntegerField(default=0)
    corrections = models.PositiveIntegerField(default=0)
    leaves = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    faults = models.JSONField(default=list)
    uploaded_at = models.DateTimeField()
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    applied_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-uploaded_at"]

    def __str__(self) -> str:
        return self.file_name


class RosterChange(models.Model):
    """One change that an import will make, or has made: what the list says, and what `old_*` brings back.

    Columns and no JSON, so that a hundred thousand are applied by a few statements (people/writing.py).
    """

    roster_import = models.ForeignKey(RosterImport, on_delete=models.CASCADE, related_name="changes")
    row = models.PositiveIntegerField(help_text="in the list; 0: somebody who is not in it")
    kind = models.CharField(max_length=12, choices=ChangeKind.choices)
    person = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    makes_person = models.BooleanField(default=False)
    unit = models.ForeignKey(Unit, null=True, on_delete=models.PROTECT, related_name="+")
    employment = models.ForeignKey(
        Employment,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="the one corrected; of a joiner or mover the one that applying it made",
    )
    code = models.CharField(max_length=40, blank=True)
    name = models.CharField(max_length=200, blank=True)
    email = models.CharField(max_length=254, blank=True)
    phone = models.CharField(max_length=40, blank=True)
    title = models.CharField(max_length=200, blank=True)
    search_text = models.CharField(max_length=300, blank=True)
    starts = models.DateField(null=True)
    old_name = models.CharField(max_length=200, blank=True)
    old_email = models.CharField(max_length=254, blank=True)
    old_phone = models.CharField(max_length=40, blank=True)
    old_title = models.CharField(max_length=200, blank=True)
    old_search_text = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["roster_import", "kind"])]


class RosterClosing(models.Model):
    """An employment that an import ends: of somebody who moved or left."""

    roster_import = models.ForeignKey(RosterImport, on_delete=models.CASCADE, related_name="closings")
    employment = models.ForeignKey(Employment, on_delete=models.CASCADE, related_name="+")
