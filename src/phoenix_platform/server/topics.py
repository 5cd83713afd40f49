"""What can be watched, and who may: each topic asks for the permission that reading its noun asks for."""

from collections.abc import Mapping
from typing import Final

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.domain.actors import Actor
from phoenix_platform.domain.permissions import Permission

PERMISSION_OF: Final[Mapping[str, Permission]] = {
    "experiment": Permission.EXPERIMENTS_READ,
    "host": Permission.HOSTS_READ,
    "pipeline": Permission.PIPELINES_READ,
    "load": Permission.LOADS_READ,
    "tenant": Permission.TENANTS_READ,
    "user": Permission.USERS_READ,
    "service-account": Permission.USERS_READ,
    "api-key": Permission.API_KEYS_MANAGE,
    "session": Permission.USERS_READ,
}
"""By noun: `hosts` is the topic of all, `host:<id>` of one."""

MAX_TOPICS: Final = 100


def watched_topics(text: str, actor: Actor) -> frozenset[str]:
    """The topics of a list such as `hosts,experiment:0197…`, if the actor may watch all of them.

    A topic of a thing that does not exist, or belongs to another tenant, is no error: nothing ever happens on it.

    Raises:
        InvalidInputError: If there is none, too many, or one of an unknown noun.
        ForbiddenError: If the actor may not.
    """
    topics = frozenset(part.strip() for part in text.split(",") if part.strip())
    if not topics:
        raise InvalidInputError("topics: none given; write topics=hosts,experiments")
    if len(topics) > MAX_TOPICS:
        raise InvalidInputError(f"topics: {len(topics)} given, at most {MAX_TOPICS} are taken")
    for topic in sorted(topics):
        actor.require(permission_of(topic))
    return topics


def permission_of(topic: str) -> Permission:
    """What watching this topic asks for.

    Raises:
        InvalidInputError: If there is no such topic.
    """
    noun, colon, of_one = topic.partition(":")
    if topic == "audit":
        return Permission.AUDIT_READ
    singular = noun if colon else noun.removesuffix("s")
    is_form_right = bool(of_one) if colon else noun.endswith("s")
    if not is_form_right or singular not in PERMISSION_OF:
        known = ", ".join(f"{noun}s" for noun in PERMISSION_OF)
        raise InvalidInputError(
            f"topics: no topic {topic!r}; there are {known}, audit, and one thing each, such as host:<id>"
        )
    return PERMISSION_OF[singular]
