"""Facts in lines of sshd, sudo, su, useradd, cron and PAM: who did what from where."""

from __future__ import annotations

import re

from dekhang.pipeline.parse.event import Fields

PROGRAMS = frozenset({
    "sshd", "sshd-session", "sshd-auth", "sudo", "su", "useradd", "userdel", "usermod", "groupadd", "groupdel",
    "gpasswd", "passwd", "chpasswd", "chage", "adduser", "login", "cron", "CRON", "crond", "CROND", "crontab", "anacron", "atd", "systemd-logind",
    "polkitd", "pkexec", "dropbear", "unix_chkpwd", "sssd", "newusers", "vsftpd", "proftpd", "gdm-password", "lightdm",
})  # fmt: skip

# Repetitions are possessive or bounded. A user name is whatever the attacker typed, spaces included: the address is
# what stands last, so "user x from 192.0.2.1 from 192.0.2.9 port 1" comes from 192.0.2.9.
_REPEATED = re.compile(r"message repeated (\d{1,6}) times: \[ ?(.*)\]$", re.DOTALL)
_FROM = re.compile(r" from ([0-9A-Fa-f:.]{2,45}+)(?:%\w{1,16}+)?(?: port (\d{1,5}))?(?= |$|:)")
_LOGIN = re.compile(r"(Failed|Accepted) (\S{1,64}+) for (invalid user |illegal user )?")
_CLOSED = re.compile(
    r"(?:Connection (?:closed|reset) by|Disconnected from|Received disconnect from|Disconnecting)"
    r"(?: (?:(authenticating|invalid) )?user (\S{0,256}+))? ?([0-9A-Fa-f:.]{2,45}+)?(?: port (\d{1,5}))?"
)
_PAM_SESSION = re.compile(
    r"pam_\w{1,32}\(([^:)]{1,64}+):session\): session (opened|closed) for user ([^\s(]{1,256}+)"
    r"(?:\(uid=\d{1,10}\))?(?: by ([^\s(]{0,256}+))?"
)
_PAM_FAILURE = re.compile(r"(?:pam_\w{1,32}\([^)]{1,128}\): |PAM \d{1,6} more )authentication failures?[;:]")
_PAIR = re.compile(r"\b(ruser|rhost|user|logname|tty)=(\S{0,256}+)")
_SUDO = re.compile(r"\s{0,8}([^\s:]{1,256}+) : (.*)", re.DOTALL)
_SUDO_PART = re.compile(r"(?:^|; |\s)(TTY|PWD|USER|GROUP|ENV|TSID)=(.*?)(?= ; |$)")
_SU = re.compile(
    r"(?:(?P<sign>[+-]) \S{1,64} (?P<a>[^\s:]{1,256}):(?P<b>\S{1,256})"
    r"|(?P<word>Successful su|FAILED SU|FAILED su|\(to) (?:for )?(?P<to>\S{1,256})(?: by (?P<by>\S{1,256}))?)"
)
_NEW_USER = re.compile(r"new user: name=([^\s,]{1,256})(?:, UID=(\d{1,10}))?")
_NEW_GROUP = re.compile(r"new group: name=([^\s,]{1,256})")
_DELETED_USER = re.compile(r"delete user ['`]([^']{1,256})'")
_ADDED_TO_GROUP = re.compile(r"add ['`]([^']{1,256})' to (?:shadow )?group ['`]([^']{1,256})'")
_CHANGED = re.compile(r"change user ['`]([^']{1,256})'|password changed for (\S{1,256})")
_CRON = re.compile(
    r"\(([^\s)]{1,256})\) (CMD|RELOAD|BEGIN EDIT|END EDIT|REPLACE|LIST|ORPHAN) \((.*)\)\s{0,4}$", re.DOTALL
)


def facts(program: str, message: str) -> Fields:
    """Fields that the message adds: `action`, `user`, `src_ip`, `src_port`, `command`, …; empty when it tells none."""
    found: Fields = {}
    # most messages are told by how they begin; the expressions are for the few that can match
    if message.startswith("message repeated ") and (repeated := _REPEATED.match(message)) is not None:
        message = repeated[2]
        found["repeated"] = int(repeated[1])
    if program in ("sshd", "sshd-session", "sshd-auth", "dropbear"):
        _sshd(message, found)
    elif program == "sudo":
        _sudo(message, found)
    elif program == "su":
        _su(message, found)
    elif program in ("cron", "crond", "CRON", "CROND", "anacron", "crontab"):
        _cron(message, found)
    else:
        _accounts(message, found)
    if "action" not in found:
        _pam(message, found)
    return found


def _from(message: str, found: Fields, start: int) -> int:
    """Take the last ` from ADDRESS`; returns where it starts, or the end of the message."""
    at = len(message)
    for matched in _FROM.finditer(message, max(0, start - 1)):
        found["src_ip"] = matched[1]
        if matched[2]:
            found["src_port"] = int(matched[2])
        at = matched.start()
    return at


def _sshd(message: str, found: Fields) -> None:
    if message.startswith(("Failed ", "Accepted ")) and (login := _LOGIN.match(message)) is not None:
        end = _from(message, found, login.end())
        found["user"] = message[login.end() : end][:256]
        found["method"] = login[2]
        if login[1] == "Accepted":
            found["action"] = "login_ok"
        else:
            found["action"] = "login_failed"
            if login[3]:
                found["invalid_user"] = True
    elif message.startswith(("Invalid user ", "Illegal user ")):
        end = _from(message, found, 12)
        found["user"] = message[13:end][:256]
        found["action"] = "invalid_user"
    elif message.startswith("User ") and " not allowed because " in message:
        end = _from(message, found, 4)
        found["user"] = message[5:end].split(" ", 1)[0][:256]
        found["action"] = "login_denied"
    elif "maximum authentication attempts exceeded for " in message:
        start = message.index("exceeded for ") + 13
        end = _from(message, found, start)
        found["user"] = message[start:end].removeprefix("invalid user ")[:256]
        found["action"] = "too_many_failures"
    elif message.startswith("Server listening on "):
        found["action"] = "service_started"
    else:
        closed = _CLOSED.match(message)
        if closed is not None:
            found["action"] = "disconnected"
            if closed[2]:
                found["user"] = closed[2]
            if closed[3] and (":" in closed[3] or "." in closed[3]):
                found["src_ip"] = closed[3]
            if closed[4]:
                found["src_port"] = int(closed[4])
        elif message.startswith(
            ("Did not receive identification string", "Bad protocol version", "Unable to negotiate")
        ):
            _from(message.replace(" with ", " from ", 1), found, 0)
            found["action"] = "probe"
        elif message.startswith("Connection from "):
            _from(message, found, 0)
            first = _FROM.search(message)
            if first is not None:
                found["src_ip"] = first[1]
            found["action"] = "connected"
        elif "POSSIBLE BREAK-IN ATTEMPT" in message:
            found["action"] = "probe"


def _sudo(message: str, found: Fields) -> None:
    matched = _SUDO.match(message)
    if matched is None:
        return
    found["user"] = matched[1]
    rest = matched[2]
    head, separator, command = rest.partition("COMMAND=")
    for part in _SUDO_PART.finditer(head[:4_096]):
        found["target_user" if part[1] == "USER" else part[1].lower()] = part[2].strip()
    if separator:
        found["command"] = command
    if (
        "incorrect password attempt" in head
        or "NOT in sudoers" in head
        or "NOT allowed" in head
        or "command not allowed" in head
    ):
        found["action"] = "sudo_failed"
    else:
        found["action"] = "sudo"


def _su(message: str, found: Fields) -> None:
    matched = _SU.search(message[:1_024])
    if matched is None:
        return
    if matched["sign"]:
        found["user"], found["target_user"] = matched["a"], matched["b"]
        found["action"] = "su" if matched["sign"] == "+" else "su_failed"
    else:
        if matched["word"] == "(to":
            who = message[matched.end() :].split()
            found["target_user"] = (matched["to"] or "").rstrip(")")
            found["user"] = who[0] if who else ""
            found["action"] = "su"
        else:
            found["target_user"] = matched["to"]
            found["user"] = matched["by"] or ""
            found["action"] = "su" if matched["word"].startswith("Succ") else "su_failed"


def _cron(message: str, found: Fields) -> None:
    matched = _CRON.match(message)
    if matched is None:
        return
    found["user"] = matched[1]
    if matched[2] == "CMD":
        found["action"], found["command"] = "cron_command", matched[3]
    else:
        found["action"] = "crontab_" + matched[2].lower().replace(" ", "_")


def _accounts(message: str, found: Fields) -> None:
    if (matched := _NEW_USER.search(message)) is not None:
        found["action"], found["user"] = "user_added", matched[1]
        if matched[2]:
            found["uid"] = int(matched[2])
    elif (matched := _NEW_GROUP.search(message)) is not None:
        found["action"], found["group"] = "group_added", matched[1]
    elif (matched := _DELETED_USER.search(message)) is not None:
        found["action"], found["user"] = "user_deleted", matched[1]
    elif (matched := _ADDED_TO_GROUP.search(message)) is not None:
        found["action"], found["user"], found["group"] = "group_member_added", matched[1], matched[2]
    elif (matched := _CHANGED.search(message)) is not None:
        found["action"] = "password_changed" if matched[2] or "password" in message else "user_changed"
        found["user"] = matched[1] or matched[2]
    elif message.startswith("New session ") and " of user " in message:
        found["action"] = "session_opened"
        found["user"] = message.partition(" of user ")[2].rstrip(".")[:256]


def _pam(message: str, found: Fields) -> None:
    session = _PAM_SESSION.search(message[:2_048]) if ":session): session " in message else None
    if session is not None:
        found["action"] = f"session_{session[2]}"
        found["user"] = session[3]
        found["pam_service"] = session[1]
        if session[4]:
            found["by_user"] = session[4]
    elif "authentication failure" in message and _PAM_FAILURE.search(message[:2_048]) is not None:
        pairs = dict(_PAIR.findall(message[:4_096]))
        found["action"] = "auth_failure"  # sshd says "Failed password" too; counting both would double a brute force
        if pairs.get("user"):
            found["user"] = pairs["user"]
        if pairs.get("rhost"):
            found["src_ip"] = pairs["rhost"]
