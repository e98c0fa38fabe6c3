"""What dashboards are made of: panels that ask Prometheus, built with Grafana's own types."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    LegendDisplayMode,
    LegendPlacement,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    Threshold,
    ThresholdsMode,
    VariableRefresh,
)

TALL: Final = 8
LOW: Final = 4
WHOLE: Final = 24
"""The grid is so wide."""
SOURCE: Final = DataSourceRef("prometheus", "${source}")
"""The data source that is chosen at the top of each dashboard."""


@dataclass(frozen=True, slots=True)
class Query:
    """One expression of PromQL, and how its series are called."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One question that a panel answers."""

    title: str
    what: str
    """What it shows, and what to do about it where that is not plain."""
    queries: Sequence[Query]
    unit: str = "short"
    number: bool = False
    """The latest value, large, in place of a graph."""
    bad_from: float | None = None
    """From here on it is red."""
    good_from: float | None = None
    """Below this it is red."""
    width: int = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Panels that belong together."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """One dashboard."""

    uid: str
    title: str
    what: str
    variables: Sequence[tuple[str, str]]
    """Names of labels to choose by, each with the metric that has them all."""
    rows: Sequence[Row]

    def panels(self) -> Iterator[Panel]:
        """All of them, in their order."""
        for row in self.rows:
            yield from row.panels

    def render(self) -> str:
        """As Grafana imports it."""
        built = (
            dashboard.Dashboard(self.title)
            .uid(self.uid)
            .description(self.what)
            .tags(["ringfence"])
            .time("now-1h", "now")
            .refresh("15s")
            .timezone("browser")
            .with_variable(dashboard.DatasourceVariable("source").type("prometheus"))
            .annotation(
                dashboard.AnnotationQuery()
                .name("Alerts")
                .datasource(SOURCE)
                .enable(enable=True)
                .icon_color("red")
                .expr(ALERTS)
            )
        )
        for label, metric in self.variables:
            built.with_variable(_variable(label, metric))
        ids = itertools.count(1)
        for row in self.rows:
            built.with_row(dashboard.Row(row.title).id(next(ids)))
            for panel in row.panels:
                built.with_panel(_built(panel).id(next(ids)))
        return json.dumps(built.build(), cls=JSONEncoder, indent=2) + "\n"


ALERTS: Final = 'ALERTS{alertname=~"Ringfence.+", alertstate="firing"}'


def quantiles(histogram: str, by: str = "", where: str = "") -> list[Query]:
    """The median and the 99th percentile of a histogram, by a label's values if one is given."""
    labels = f"le, {by}" if by else "le"
    legend = f" {{{{{by}}}}}" if by else ""
    return [
        Query(
            f"histogram_quantile({share}, sum by ({labels}) "
            f"(rate({histogram}_bucket{where}[$__rate_interval])))",
            f"{name}{legend}",
        )
        for share, name in ((0.5, "median"), (0.99, "99 %"))
    ]


def rate(counter: str, *by: str, where: str = "", legend: str = "") -> Query:
    """How often a second something was counted, by the values of labels."""
    expr = f"rate({counter}{where}[$__rate_interval])"
    named = " ".join(f"{{{{{each}}}}}" for each in by)
    return Query(f"sum by ({', '.join(by)}) ({expr})" if by else f"sum({expr})", legend or named)


def expressions(document: Any) -> Iterator[str]:
    """Every expression of a rendered dashboard, wherever it stands."""
    if isinstance(document, dict):
        for name, value in document.items():
            if name == "expr":
                yield value
            else:
                yield from expressions(value)
    elif isinstance(document, list):
        for each in document:
            yield from expressions(each)


def asked(expr: str, interval: str) -> str:
    """An expression as Grafana asks it: with all lines, all gateways, and this interval."""
    return (
        expr.replace("$__rate_interval", interval).replace("$line", ".*").replace("$gateway", ".*")
    )


def _variable(label: str, metric: str) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(label)
        .label(label)
        .datasource(SOURCE)
        .query(f"label_values({metric}, {label})")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(multi=True)
        .include_all(include_all=True)
        .all_value(".*")
    )


def _built(panel: Panel) -> stat.Panel | timeseries.Panel:
    made: stat.Panel | timeseries.Panel
    if panel.number:
        made = (
            stat.Panel()
            .color_mode(BigValueColorMode.VALUE)
            .graph_mode(BigValueGraphMode.AREA)
            .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
            .height(LOW)
        )
    else:
        made = (
            timeseries.Panel()
            .height(TALL)
            .min(0)
            .fill_opacity(8)
            .show_points(VisibilityMode.NEVER)
            .legend(
                common.VizLegendOptions()
                .display_mode(LegendDisplayMode.LIST)
                .placement(LegendPlacement.BOTTOM)
                .show_legend(show_legend=True)
            )
        )
    made.title(panel.title).description(panel.what).datasource(SOURCE)
    made.unit(panel.unit).span(panel.width).no_value("none")
    made.thresholds(_thresholds(panel))
    for letter, query in zip("ABCDEFGH", panel.queries, strict=False):
        made.with_target(
            prometheus.Dataquery()
            .ref_id(letter)
            .datasource(SOURCE)
            .expr(query.expr)
            .legend_format(query.legend or "__auto")
            .range()
        )
    return made


def _thresholds(panel: Panel) -> dashboard.ThresholdsConfig:
    steps = [Threshold(value=None, color="green")]
    if panel.bad_from is not None:
        steps.append(Threshold(value=panel.bad_from, color="red"))
    if panel.good_from is not None:
        steps = [
            Threshold(value=None, color="red"),
            Threshold(value=panel.good_from, color="green"),
        ]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)
