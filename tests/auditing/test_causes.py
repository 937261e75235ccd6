from __future__ import annotations

from typing import Any

import pytest

from zoo import Catalog, ZooError
from zoo.auditing.audit import PublishedCount, Settings, audit_variant, printed_elsewhere
from zoo.auditing.causes import explain_count, explain_figure
from zoo.auditing.closed_form import ClosedForm, closed_form

CATALOG = Catalog.installed()

AT_H = "position and segment tables at width H"
REPEATED = "shared layers counted each time they run"
UNTIED_DECODER = "output table stored apart from the token table"


def form(name: str) -> ClosedForm:
    return closed_form(CATALOG, CATALOG.variant(name))


def ways(name: str, figure: str) -> list[str]:
    return [f"{way} = {way.count:,}" for way in explain_figure(form(name), figure, form(name).counts)]


def printed() -> dict[tuple[str, str], PublishedCount]:
    audits = [audit_variant(CATALOG, variant, Settings()) for variant in CATALOG.variants.values()]
    counts = [(audit.name, count) for audit in audits for count in audit.sources.published]
    return {(name, count.figure): count for name, count in [*counts, *printed_elsewhere(CATALOG)]}


def test_albert_xxlarge_prints_four_figures_and_two_of_them_can_be_reached() -> None:
    audit = audit_variant(CATALOG, CATALOG.variant("albert-xxlarge-v1"), Settings())
    causes = {count.figure: count.causes for count in audit.sources.published}
    assert causes == {
        "223M": ("encoder + pooler", "rounded to 1M"),
        "225M": ("encoder + pooler", AT_H, "rounded to 1M"),
        "233M": ("unexplained",),
        "235M": ("unexplained",),
    }


@pytest.mark.parametrize(
    ("name", "figure", "way"),
    [
        ("bert-base-uncased", "110M", "all pre-training heads, rounded to 1M = 110,106,428"),
        ("bert-large-uncased", "340M", "encoder + pooler, rounded to 10M = 335,141,888"),
        ("roberta-base", "125M", "encoder + pooler, rounded to 1M = 124,645,632"),
        ("albert-base-v1", "12M", "encoder + pooler, rounded to 1M = 11,683,584"),
        ("albert-xlarge-v1", "60M", f"encoder + pooler, {AT_H}, rounded to 1M = 59,715,584"),
        ("minilm-l6-h384-uncased", "22M", "encoder + pooler, cut to 1M = 22,713,216"),
        ("bert-mini-uncased", "11.3M", "all pre-training heads, rounded to 0.1M = 11,267,900"),
        ("albert-xxlarge-v1", "2.4B", f"encoder, {REPEATED}, rounded to 0.1B = 2,420,992,512"),
        ("bert-base-uncased", "133M", f"encoder + MLM head, {UNTIED_DECODER}, rounded to 1M = 132,955,194"),
    ],
)
def test_a_figure_is_reached_by_a_way_with_a_name(name: str, figure: str, way: str) -> None:
    assert way in ways(name, figure)


@pytest.mark.parametrize(
    ("name", "figure"),
    [("albert-xxlarge-v2", "206.9M"), ("roberta-large", "356M"), ("bert-base-multilingual-cased", "110M")],
)
def test_a_figure_that_nothing_gives_stays_unexplained(name: str, figure: str) -> None:
    assert ways(name, figure) == []


def test_every_row_of_alberts_tables_that_can_be_reached_is_reached(facts: dict[str, Any]) -> None:
    """A row of the fact sheet is explained there by which of three countings rounds to what the paper prints."""
    found = printed()
    unexplained = {figure for (name, figure), count in found.items() if name.startswith("albert") and not count.ways}
    rows = facts["albert_paper_table_audit"]
    assert unexplained == {f"{row['paper_M']}M" for row in rows if not row["rounds_to_paper"]} | {"233M"}
    for row in rows:
        reached = [row[way] for way in row["rounds_to_paper"]]
        counts = [
            int(way.rpartition(" = ")[2].replace(",", ""))
            for (_, figure), count in found.items()
            for way in count.ways
            if figure == f"{row['paper_M']}M" and "Lan" in count.source
        ]
        assert not reached or set(reached) & set(counts), row["row"]


@pytest.mark.parametrize(
    ("name", "definition", "difference", "cause"),
    [
        ("bert-base-uncased", "mlm", 30_522 * 768, UNTIED_DECODER),
        ("bert-base-uncased", "encoder", 512, "int64 position ids counted"),
        ("roberta-base", "encoder", 514, "int64 position ids counted"),
        ("bert-base-uncased", "encoder", 6 * 768, "vocabulary padded to a multiple of 64, 30,528"),
        ("bert-base-uncased", "mlm", 6 * 769, "vocabulary padded to a multiple of 64, 30,528"),
        ("roberta-base", "encoder", -768, "without the one segment row"),
        ("albert-base-v2", "encoder", (512 + 2 + 2) * (768 - 128), AT_H),
        ("albert-base-v2", "encoder", 11 * 7_087_872, REPEATED),
    ],
)
def test_an_exact_difference_has_its_cause(name: str, definition: Any, difference: int, cause: str) -> None:
    counts = form(name).counts.get(definition) or 0
    assert [way.causes for way in explain_count(form(name), definition, counts + difference)] == [(cause,)]


def test_a_difference_without_a_cause_has_none() -> None:
    assert explain_count(form("bert-base-uncased"), "encoder", 108_891_649) == ()


@pytest.mark.parametrize("figure", ["110", "M", "-1M", "1e9M", "110 M", "٣M", "1" * 5_000 + "M"])
def test_what_is_no_figure_is_refused(figure: str) -> None:
    with pytest.raises(ZooError, match="is not a figure"):
        ways("bert-base-uncased", figure)
