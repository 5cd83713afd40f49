"""One scrape for two variants: the union of what their receivers would scrape, and what each must not see.

The trial scrapes once. Whatever a variant's own receiver would have left out is taken out again before its
first processor, exactly, or the trial is refused. Called by `variants`; settings come from `host_metrics`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from phoenix_platform.core.errors import InvalidInputError
from phoenix_platform.pipelines.documents import Value
from phoenix_platform.pipelines.environment import escaped
from phoenix_platform.pipelines.host_metrics import (
    DEFAULT_OPTIONS,
    PROCESS,
    AttributeSettings,
    HostMetrics,
    Place,
    Scraper,
    attribute_patterns,
    name_patterns,
)
from phoenix_platform.pipelines.relaying import COLLECTION_INTERVAL
from phoenix_platform.pipelines.scalars import parse_go_duration, show_go_duration

NAME_ATTRIBUTE: Final = "process.executable.name"
IDENTITY_ATTRIBUTES: Final = ("process.pid", NAME_ATTRIBUTE)
"""The meter tells processes apart by these, so the source has them even if neither variant wants them."""


_MUTE: Final = "mute_process_all_errors"


@dataclass(frozen=True, slots=True)
class Reading:
    """What one pipeline of one variant would receive from its `host_metrics` receivers."""

    variant: str
    pipeline: str
    scrapers: Mapping[str, Scraper]


@dataclass(frozen=True, slots=True)
class StandIn:
    """What must be taken out of a scrape before a pipeline sees it."""

    conditions: tuple[str, ...] = ()
    """OTTL conditions in the metric context; what matches one is dropped."""
    attributes: tuple[str, ...] = ()
    """Resource attributes that are deleted, after the conditions were looked at."""
    drops_processes: bool = False
    """Whether a condition may drop a whole process, as `include` and `exclude` do."""


@dataclass(frozen=True, slots=True)
class Scrape:
    receiver: Mapping[str, Value]
    """Settings of the source's receiver, ready to be written."""
    stand_ins: Mapping[tuple[str, str], StandIn]
    """By variant and pipeline."""
    ignored: tuple[str, ...]
    """Differences that `--ignore` accepted, one sentence each."""


def plan_scrape(
    receivers: Sequence[HostMetrics],
    readings: Sequence[Reading],
    *,
    interval: timedelta,
    ignore: frozenset[str],
) -> Scrape:
    """Join the settings of all readings.

    Args:
        receivers: All receivers of both variants, the baseline's first.
        readings: One per pipeline that a receiver feeds, the baseline's first.
        interval: How often the source scrapes.
        ignore: Names of options whose difference is accepted; the first value is taken then.

    Raises:
        InvalidInputError: On a difference that cannot be reproduced exactly; names the option, both places
            and the fix.
    """
    union = _Union(ignore)
    options = union.agreed_options([(receiver.others, receiver.place) for receiver in receivers])
    scrapers = {
        type_: union.scraper(
            type_, [reading.scrapers[type_] for reading in readings if type_ in reading.scrapers]
        )
        for type_ in sorted({type_ for reading in readings for type_ in reading.scrapers})
    }
    receiver: dict[str, Value] = {
        COLLECTION_INTERVAL: show_go_duration(interval),
        "initial_delay": "0s",
        **options,
        "scrapers": {type_: source.settings for type_, source in scrapers.items()},
    }
    stand_ins = {
        (reading.variant, reading.pipeline): _stand_in(scrapers, reading) for reading in readings
    }
    written = escaped(receiver)
    assert isinstance(written, Mapping)
    return Scrape(written, stand_ins, tuple(union.ignored))


@dataclass(frozen=True, slots=True)
class _SourceScraper:
    settings: Mapping[str, Value]
    metrics: frozenset[str]
    """Names that some variant mentions and the source emits."""
    attributes: frozenset[str]
    filters_names: bool
    """Whether the source's own include and exclude are the variants'."""
    filters_attributes: frozenset[str]
    """Attributes whose metrics_include and metrics_exclude the source applies for everybody."""


@dataclass(slots=True)
class _Union:
    ignore: frozenset[str]
    ignored: list[str] = field(default_factory=list[str])

    def scraper(self, type_: str, scrapers: Sequence[Scraper]) -> _SourceScraper:
        settings = self.agreed_options([(scraper.others, scraper.place) for scraper in scrapers])
        if type_ == PROCESS:
            # Muting changes the log only; at the trial's rate unmuted errors would be the source's main work.
            settings[_MUTE] = True
        filters_names = len({(repr(one.include), repr(one.exclude)) for one in scrapers}) == 1
        if filters_names:
            settings |= {
                key: value
                for key, value in (
                    ("include", scrapers[0].include),
                    ("exclude", scrapers[0].exclude),
                )
                if value is not None
            }
        metrics = self._metrics(scrapers)
        attributes, filters_attributes = self._attributes(type_, scrapers)
        if metrics:
            settings["metrics"] = metrics
        if attributes:
            settings["resource_attributes"] = attributes
        return _SourceScraper(
            settings,
            _enabled(metrics),
            _enabled(attributes),
            filters_names,
            filters_attributes,
        )

    def agreed_options(
        self, sources: Sequence[tuple[Mapping[str, Value], Place]]
    ) -> dict[str, Value]:
        """Options that all must share: the value of each, absent ones left out."""
        agreed: dict[str, Value] = {}
        for key in dict.fromkeys(key for options, _ in sources for key in options):
            entries = [
                (_written_or_default(options, key), place.below(key)) for options, place in sources
            ]
            agreed[key] = self._agreed(key, entries)
        return {key: value for key, value in agreed.items() if value is not None}

    def _agreed(self, key: str, entries: Sequence[tuple[Value, Place]]) -> Value:
        first, first_place = entries[0]
        for value, place in entries[1:]:
            if not _is_same(first, value):
                difference = f"{key}: {_shown(first)} at {first_place}, {_shown(value)} at {place}"
                if not self._accepts(key, place):
                    raise InvalidInputError(
                        f"{difference}: one scrape cannot have both, and no processor makes up for it exactly; "
                        f"write the same in both, or accept the first with --ignore {key}"
                    )
                self.ignored.append(f"{difference}; both ran with the first")
                break
        return first

    def _accepts(self, key: str, place: Place) -> bool:
        path = ".".join(map(str, place.path))
        return any(name in (key, path) or path.endswith(f".{name}") for name in self.ignore)

    def _metrics(self, scrapers: Sequence[Scraper]) -> dict[str, Value]:
        settings: dict[str, Value] = {}
        for name in _mentioned(scraper.metrics for scraper in scrapers):
            others = self.agreed_options(
                [
                    (
                        scraper.metrics[name].others if name in scraper.metrics else {},
                        scraper.place.below("metrics", name),
                    )
                    for scraper in scrapers
                ]
            )
            flags = [
                (scraper.emits(name), scraper.place.below("metrics", name)) for scraper in scrapers
            ]
            # `metric@v1` is another shape of a metric that a feature gate switches, not a metric of its own.
            settings[name] = {**self._enabled(flags, needs_equal="@" in name), **others}
        return settings

    def _attributes(
        self, type_: str, scrapers: Sequence[Scraper]
    ) -> tuple[dict[str, Value], frozenset[str]]:
        settings: dict[str, Value] = {}
        filtering: set[str] = set()
        forced = IDENTITY_ATTRIBUTES if type_ == PROCESS else ()
        for name in dict.fromkeys(
            (*forced, *_mentioned(scraper.attributes for scraper in scrapers))
        ):
            entries = [scraper.attributes.get(name, _NO_SETTINGS) for scraper in scrapers]
            places = [scraper.place.below("resource_attributes", name) for scraper in scrapers]
            others = self.agreed_options(
                [(one.others, place) for one, place in zip(entries, places, strict=True)]
            )
            flags = [
                (one.has_attribute(name), place)
                for one, place in zip(scrapers, places, strict=True)
            ]
            enabled = (
                {"enabled": True} if name in forced else self._enabled(flags, needs_equal=False)
            )
            filters = {repr((one.include, one.exclude)) for one in entries}
            # The receiver looks at values only where the attribute is there.
            if len(filters) == 1 and all(flag for flag, _ in flags):
                filtering.add(name)
                others |= {
                    key: value
                    for key, value in (
                        ("metrics_include", entries[0].include),
                        ("metrics_exclude", entries[0].exclude),
                    )
                    if value is not None
                }
            settings[name] = {**enabled, **others}
        return settings, frozenset(filtering)

    def _enabled(
        self, flags: Sequence[tuple[bool | None, Place]], *, needs_equal: bool
    ) -> dict[str, Value]:
        """`enabled` of the source: true if one variant wants it. Nothing where nobody wrote it."""
        values = {flag for flag, _ in flags}
        if len(values) == 1 or needs_equal or None in values:
            agreed = self._agreed("enabled", flags)
            return {} if agreed is None else {"enabled": agreed}
        return {"enabled": True}


_NO_SETTINGS: Final = AttributeSettings(None, None, None, {})


def _stand_in(sources: Mapping[str, _SourceScraper], reading: Reading) -> StandIn:
    conditions: list[str] = []
    attributes: list[str] = []
    by_name: list[str] = []
    for type_, source in sources.items():
        scraper = reading.scrapers.get(type_)
        if scraper is None:
            conditions.append(_of_scraper(type_))
            continue
        conditions += [
            f'name == "{name}"' for name in sorted(source.metrics) if scraper.emits(name) is False
        ]
        if not source.filters_names:
            by_name += _name_conditions(scraper)
        by_name += _value_conditions(scraper, source.filters_attributes)
        attributes += [
            name for name in sorted(source.attributes) if scraper.has_attribute(name) is False
        ]
    return StandIn((*conditions, *by_name), tuple(attributes), drops_processes=bool(by_name))


def _name_conditions(scraper: Scraper) -> list[str]:
    conditions: list[str] = []
    value = f'resource.attributes["{NAME_ATTRIBUTE}"]'
    for key, setting in (("include", scraper.include), ("exclude", scraper.exclude)):
        patterns = (
            list(name_patterns(setting, scraper.place.below(key))) if setting is not None else []
        )
        if patterns:  # an empty list of names filters nothing
            conditions.append(_condition(scraper.type, value, patterns, keeps=key == "include"))
    return conditions


def _value_conditions(scraper: Scraper, done: frozenset[str]) -> list[str]:
    conditions: list[str] = []
    for name, settings in scraper.attributes.items():
        if name in done or not scraper.has_attribute(name):
            continue
        place = scraper.place.below("resource_attributes", name)
        value = f'String(resource.attributes["{name}"])'
        for key, setting in (
            ("metrics_include", settings.include),
            ("metrics_exclude", settings.exclude),
        ):
            if setting is not None:
                patterns = list(attribute_patterns(setting, place.below(key)))
                conditions.append(
                    _condition(scraper.type, value, patterns, keeps=key == "metrics_include")
                )
    return conditions


def _condition(
    scraper_type: str, value: str, patterns: Sequence[tuple[str, bool]], *, keeps: bool
) -> str:
    tests = [
        f"IsMatch({value}, {_quoted(pattern)})" if is_regexp else f"{value} == {_quoted(pattern)}"
        for pattern, is_regexp in patterns
    ]
    matched = " or ".join(tests) or "false"
    return f"{_of_scraper(scraper_type)} and {'not ' if keeps else ''}({matched})"


def _of_scraper(type_: str) -> str:
    # The scope is the scraper's Go package; releases before 0.104 wrote otelcol/hostmetricsreceiver/process.
    pattern = f"hostmetricsreceiver/(internal/scraper/)?{type_}(scraper)?$"
    return f"IsMatch(instrumentation_scope.name, {_quoted(pattern)})"


def _quoted(text: str) -> str:
    """A text literal of OTTL, which knows Go's escapes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _written_or_default(options: Mapping[str, Value], key: str) -> Value:
    value = options.get(key)  # null leaves the default, as in the collector
    return DEFAULT_OPTIONS.get(key) if value is None else value


def _mentioned(mappings: Iterable[Mapping[str, object]]) -> Iterable[str]:
    return dict.fromkeys(name for mapping in mappings for name in mapping)


def _enabled(settings: Mapping[str, Value]) -> frozenset[str]:
    return frozenset(
        name
        for name, value in settings.items()
        if isinstance(value, Mapping) and value.get("enabled") is True
    )


def _is_same(first: Value, second: Value) -> bool:
    if first == second:
        return True
    try:
        return parse_go_duration(first, field="") == parse_go_duration(second, field="")
    except InvalidInputError:
        return False


def _shown(value: Value) -> str:
    return "nothing" if value is None else repr(value)
