"""The page and its charts: colors, alternative texts, policy, sizes."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from itertools import combinations
from xml.etree import ElementTree

import numpy as np
import pytest

from zoo.document import Axis, Chart, Document, Figure, Notes, Panel, Point, Section, Series, Table, html, svg
from zoo.document.charts import described, number
from zoo.document.labels import Box, placed, text_width
from zoo.document.scales import scale

HOSTILE = ["<script>alert(1)</script>", "\"' onmouseover='x", "</style><style>*{display:none}", "]]>-->", "$x_1$ & co"]

STYLE = svg.STYLE.read_text()
LIGHT, DARK = (dict(re.findall(r"--([\w]+): (#[0-9a-f]{6})", part)) for part in STYLE.split("@media", 1))

SERIES = ("c0", "c1", "c2", "c3", "c4", "base")


def linear(color: str) -> np.ndarray:
    """Linear light of an sRGB color (IEC 61966-2-1)."""
    parts = np.array([int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2.2."""
    dark, light = sorted(float(linear(color) @ [0.2126, 0.7152, 0.0722]) for color in (one, other))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_and_charts_have_the_contrast_of_wcag(theme: dict[str, str]) -> None:
    for name in ("ink", "soft", "accent"):
        assert contrast(theme[name], theme["paper"]) >= 4.5, name
        assert contrast(theme[name], theme["wash"]) >= 4.5, name
    for name in SERIES:
        assert contrast(theme[name], theme["paper"]) >= 3.0, name


SEEN_AS = {
    "all": np.eye(3),
    # Machado et al. 2009, table 1, severity 1.0
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}


def lab(light: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of linear light, under D65."""
    to_xyz = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]]
    )
    xyz = to_xyz @ light / np.array([0.95047, 1.0, 1.08883])
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("eye", SEEN_AS)
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_no_two_colors_look_alike_whatever_colors_an_eye_can_see(theme: dict[str, str], eye: str) -> None:
    seen = {name: lab(np.clip(np.array(SEEN_AS[eye]) @ linear(theme[name]), 0, 1)) for name in SERIES}
    distances = {pair: float(np.linalg.norm(seen[pair[0]] - seen[pair[1]])) for pair in combinations(SERIES, 2)}
    assert min(distances.values()) > 12, min(distances, key=lambda pair: distances[pair])


def chart(name: str = "a") -> Chart:
    points = Point(1.0, 50.0, (0.8, 1.3), (40.0, 60.0)), Point(3.0, 70.0, mark="hollow")
    panel = Panel(name, (Series(name, points), Series("b", points, "line")), Axis("cost", from_zero=True), Axis(name))
    return Chart((panel,), (name, "b"))


class Reader(HTMLParser):
    """All elements and attributes of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_becomes_markup_in_any_place(name: str) -> None:
    table = Table((name, name), ((name, name),), title=name, words={name})
    blocks = Notes((name,), lead=True), Notes((name,)), table, Figure(name, chart(name), table)
    page = html.render(Document(name, tuple(Section(f"s{n}", name, blocks) for n in range(5)), files={name: name}))
    plain = html.render(Document("a", tuple(Section(f"s{n}", "a", _plain(blocks)) for n in range(5)), files={"a": "a"}))
    read = Reader(page)
    assert sorted(read.tags) == sorted(Reader(plain).tags)
    assert not [key for key, _ in read.attributes if key.startswith("on") or key == "style"]
    assert name in read.text


def _plain(blocks: tuple[object, ...]) -> tuple[Notes | Table | Figure, ...]:
    table = Table(("a", "a"), (("a", "a"),), title="a", words={"a"})
    return Notes(("a",), lead=True), Notes(("a",)), table, Figure("a", chart(), table)


def test_the_policy_allows_the_pages_own_script_and_style_by_their_hashes_and_nothing_else() -> None:
    page = html.render(Document("a", ()))
    (policy,) = re.findall(r'Content-Security-Policy" content="(.*?)"', page)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        (content,) = re.findall(rf"<{tag}[^>]*>(.*?)</{tag}>", page, flags=re.S)
        assert rules[rule] == f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'"
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert not re.findall(r"https?:|url\(|@import|\bfetch\b|innerHTML|\beval\b", page)


def test_a_page_without_data_is_small() -> None:
    assert len(html.render(Document("a", ()))) < 16_000


def test_every_chart_has_an_alternative_text_with_its_values() -> None:
    page = html.render(Document("a", (Section("s", "S", (Figure("Score against cost", chart()),)),)))
    svgs = re.findall(r"<svg[^>]*>", page)
    assert all('role="img" aria-label="' in one or 'aria-hidden="true"' in one for one in svgs)
    assert described(chart(), "Score against cost") == (
        "Score against cost. a: a against cost. a: 50 (40 to 60) at 1 (0.8 to 1.3), 70 at 3; "
        "b: 50 (40 to 60) at 1 (0.8 to 1.3), 70 at 3."
    )


def test_a_long_curve_is_described_by_its_range() -> None:
    points = tuple(Point(float(n), 100.0 - n) for n in range(50))
    panel = Panel("", (Series("a", points, "line"),), Axis("step"), Axis("loss"))
    assert (
        described(Chart((panel,)), "Loss") == "Loss. loss against step. a: 50 points, x from 0 to 49, y from 51 to 100."
    )


def test_no_two_of_twenty_series_look_alike() -> None:
    names = tuple(f"n{n}" for n in range(20))
    dots = Chart((Panel("", tuple(Series(n, (Point(0, 0),)) for n in names), Axis(""), Axis("")),), names)
    lines = Chart((Panel("", tuple(Series(n, (Point(0, 0),), "line") for n in names), Axis(""), Axis("")),), names)
    for drawn in (dots, lines):
        assert len({svg.swatch(drawn, name) for name in names}) == 20
    # Told apart by more than color: those of one color have different shapes and dashes.
    for place in range(15):
        one, other = names[place], names[place + 5]
        assert re.sub(r"s\d", "", svg.swatch(dots, one)) != re.sub(r"s\d", "", svg.swatch(dots, other))


def test_a_file_is_a_whole_svg_that_needs_nothing_else() -> None:
    text = svg.standalone(chart("<&>"), "A & B")
    root = ElementTree.fromstring(text)
    assert root.tag.endswith("svg") and root.get("aria-label", "").startswith("A & B.")
    assert text == svg.standalone(chart("<&>"), "A & B")
    assert "href" not in text and "url(" not in text


@pytest.mark.parametrize(
    ("values", "axis", "low", "high"),
    [
        ((670.0, 678.0), Axis("MB", from_zero=True), 0.0, 760.0),  # noise is one place
        ((80.0, 80.1), Axis("score", least_span=10.0), 74.4, 85.7),
        ((20.0, 90.0), Axis("score", least_span=10.0), 15.8, 94.2),
        ((5.0, 5.0), Axis("score"), 4.99, 5.01),
        ((0.0, 0.0), Axis("score"), -0.56, 0.56),
    ],
)
def test_an_axis_does_not_blow_up_noise(values: tuple[float, float], axis: Axis, low: float, high: float) -> None:
    made = scale(axis, values, 0.0, 100.0)
    assert (made.low, made.high) == (pytest.approx(low, rel=0.02, abs=0.01), pytest.approx(high, rel=0.02, abs=0.01))
    assert 2 <= len(made.ticks()) <= 7


def test_costs_of_other_magnitudes_have_a_logarithmic_axis() -> None:
    made = scale(Axis("parameters", from_zero=True), (4e6, 340e6), 0.0, 100.0)
    assert (made.logarithmic and made.ticks() == pytest.approx([1e7, 1e8])) or len(made.ticks()) >= 2
    assert made(40e6) - made(4e6) == pytest.approx(made(340e6) - made(34e6))
    assert not scale(Axis("parameters", from_zero=True), (4e6, 34e6), 0.0, 100.0).logarithmic


def test_learning_curves_have_a_logarithmic_axis_where_points_differ_by_a_factor_of_three() -> None:
    made = scale(Axis("tokens", logarithmic=True), (1e5, 3e5, 1e6), 0.0, 100.0)
    assert made(3e5) - made(1e5) == pytest.approx((made(1e6) - made(1e5)) * np.log10(3))
    assert made.ticks() == pytest.approx([1e5, 2e5, 5e5, 1e6])
    assert not scale(Axis("seconds", logarithmic=True), (50.0, 60.0), 0.0, 100.0).logarithmic


def test_intervals_at_one_place_stand_beside_each_other_unless_names_do() -> None:
    names = ("a", "b")
    panel = Panel("", tuple(Series(n, (Point(1, 5, y_range=(4, 6)), Point(2, 5))) for n in names), Axis(""), Axis(""))
    places = [float(x) for x in re.findall(r'class="range" d="M([\d.]+) ', svg.panels(Chart((panel,), names), "")[0])]
    assert places[1] - places[0] == pytest.approx(svg.BESIDE)
    labelled = svg.panels(Chart((panel,), names, labelled=True), "")[0]
    assert len(set(re.findall(r'class="range" d="M([\d.]+) ', labelled))) == 1


def test_a_compared_value_is_named_at_the_end_where_no_point_is() -> None:
    for x, kind in ((0.0, "tick end"), (9.0, "tick")):
        points = (Point(x, 50.0), Point(4.5, 90.0), Point(9.0 - x, 90.0))
        panel = Panel("", (Series("a", points),), Axis(""), Axis(""), y_lines={"floor": 50.0})
        assert re.search(rf'<text class="{kind}"[^>]*>floor<', svg.panels(Chart((panel,), ("a",)), "")[0])


def test_names_of_points_cover_no_other_name_or_point() -> None:
    points = [(f"variant-{n}", 100.0 + 9 * n, 100.0 + 3 * n) for n in range(12)]
    labels = placed(points, Box(0, 0, 400, 250))
    assert sum(label is not None for label in labels) >= 3
    boxes = []
    for (name, *_), label in zip(points, labels, strict=True):
        if label:
            shift = {"start": 0.0, "middle": 0.5, "end": 1.0}[label.anchor] * text_width(name)
            boxes.append(Box(label.x - shift, label.y - 8, label.x - shift + text_width(name), label.y))
    assert not [pair for pair in combinations(boxes, 2) if pair[0].meets(pair[1])]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (515_968, "516k"), (1_234_567, "1.235M"), (9_999, "9,999"), (0.0312, "0.0312"), (-2.5, "-2.5")],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert number(value) == text


def test_a_chart_stands_beside_the_table_that_it_follows_and_no_other() -> None:
    table, figure = Table(("a", "b"), (("c", "1"),)), Figure("a", chart())
    for blocks, beside in (((table, figure), True), ((figure, table), False), ((table, Notes(("a",)), figure), False)):
        page = html.render(Document("a", (Section("s", "S", blocks),)))
        assert ('class="first pair"' in page) == beside
