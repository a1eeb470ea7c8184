"""What is judged for many at once is what the gate says of each of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from egress.lines.campaigns.recipients import take
from egress.lines.gate import asking, routes
from egress.lines.gate.alike import COMMON, OWN, Alike
from egress.lines.gate.gate import RULES, Question, judge
from egress.lines.receipts.wishes import Wish
from schemas.campaign import Chunk, ChunkRef, Contents, Definition, Recipient
from schemas.journal import PlannedMessage
from schemas.optout import Optout
from schemas.session import Template, TemplateButton
from schemas.tenant import ButtonSpec, TemplateSpec
from schemas.tenant import Line as LineConfig
from tests.builders.gate import NIGHT, order, otp, question, terms
from tests.builders.line_model import Model
from tests.builders.lines import DID, WALL, message, promo, rules, tenant

ALL = Optout(tenant="acme", since_ms=1, why="word")
MARKETING = Optout(tenant="acme", since_ms=1, why="word", categories=["marketing"])
SPECS = [
    TemplateSpec(name="promo", language="es", category="marketing", body=1),
    TemplateSpec(name="order", language="es", category="utility", body=1, buttons=[ButtonSpec(index=0)]),
    TemplateSpec(name="code", language="es", category="otp", body=1),
    TemplateSpec(
        name="photo", language="es", category="marketing", body=2, header="image", body_chars=1000,
        buttons=[ButtonSpec(index=0), ButtonSpec(index=2, type="copy_code")],
    ),
    TemplateSpec(name="off", language="es", enabled=False),
]  # fmt: skip
TERMS = [
    terms(templates=SPECS, **fields)
    for fields in (
        {},
        {"quiet": NIGHT},
        {"quiet": NIGHT, "limits": {"paid_per_day": 10, "zone": "America/Santiago"}},
        {"zone": "Moon/Sea"},
    )
]
NUMBERS = ["56911111112", "34600111222", "+54 9 11 2233-4455", "12125551234", "US.abc", "777", DID, "", "+", "5O911"]
WORDS = st.sampled_from(
    ["x", "", "a" * 30, "b" * 3000, "two  words", "five     spaces", "a\nb", "a\tb", "ñ\u00a0ü", "|"]
)
CONTENTS = st.builds(
    lambda name, body, header, kind, buttons: Template(
        name=name, language="es", body=body, header=header, header_kind=kind, buttons=buttons
    ),
    st.sampled_from([spec.name for spec in SPECS] + ["none"]),
    st.lists(WORDS, max_size=3),
    st.sampled_from([[], ["https://x/y.jpg"], ["x"], ["https://" + "y" * 2000]]),
    st.sampled_from(["text", "image"]),
    st.lists(
        st.builds(TemplateButton, st.sampled_from([0, 2]), WORDS, st.sampled_from(["url", "copy_code"])), max_size=3
    ),
)
GOOD = st.sampled_from([promo("p", "5691").content, order().content, otp().content])


@st.composite
def questions(draw: st.DrawFn) -> list[Question]:
    """About messages of one template, class and call."""
    of, kind = draw(st.sampled_from(TERMS)), draw(st.sampled_from(["otp", "utility", "marketing"]))
    shared: dict[str, Any] = {
        "campaign": draw(st.booleans()),
        "stopped": draw(st.sampled_from([{}, {"promo/es": "132015"}])),
        "check_numbers": draw(st.booleans()),
        "paid": draw(st.sampled_from([0, 7, 8, 9, 10])),
    }
    now_ms = WALL + 60_000 * draw(st.integers(0, 60 * 24 * 370))
    first = draw(GOOD | CONTENTS)
    contents = draw(st.lists((GOOD | CONTENTS | st.just(first)).filter(lambda c: c.name == first.name), max_size=2))
    return [
        question(
            message("m", draw(st.sampled_from(NUMBERS)), content, send_class=kind, expires_ms=expires),
            now_ms,
            of,
            **shared | {"optout": draw(st.sampled_from([None, None, ALL, MARKETING]))},
        )
        for content in (first, *contents)
        for expires in [draw(st.sampled_from([0, 0, now_ms, now_ms + 1, now_ms + 10**9]))]
    ]


def test_each_rule_is_either_asked_once_or_of_each() -> None:
    assert sorted((*COMMON, *OWN, "24-hour window")) == sorted(RULES)  # which is no matter of templates


@given(questions())
def test_what_passes_together_passes_alone_and_the_other_way_round(asked: list[Question]) -> None:
    alike = Alike.of(asked[0], len(asked))
    for ahead, one in enumerate(asked):
        alone = judge(one._replace(paid=one.paid + ahead)) is None
        if alike is not None:
            assert alike.lets(one.message, one.optout) == alone
        elif alone:
            # Only for the cap, which those behind this one would pass, all have to be asked.
            assert one.terms.cap is not None


@given(questions(), st.booleans())
def test_when_all_pass_at_one_look_each_passes_whose_person_does_not_mind(asked: list[Question], plain: bool) -> None:
    if plain:  # as most are
        fits = msgspec.structs.replace(asked[0].message, content=order("m", "56911111112").content, expires_ms=0)
        asked = [one._replace(message=msgspec.structs.replace(fits, to=one.message.to)) for one in asked]
    alike = Alike.of(asked[0], len(asked))
    if alike is None:
        return
    at_one_look = alike.let_all([one.message for one in asked])
    for one in asked if at_one_look else []:
        assert alike.lets(one.message, one.optout) == (not alike.minds(one.optout))
    usual = {one.message.to for one in asked} <= {"56911111112", "34600111222", "12125551234"}
    if plain and usual and asked[0].terms.hours is None:
        assert at_one_look, "what is usual takes one look"


@given(questions())
def test_parameters_of_which_a_short_look_finds_nothing_are_right(asked: list[Question]) -> None:
    for one in asked:
        content, shape = one.message.content, None
        if isinstance(content, Template):
            shape = one.terms.shape(content)
        if shape is None or not isinstance(content, Template):
            continue
        plain = shape.takes(content) and shape.fits(content.body, [button.parameter for button in content.buttons])
        assert not plain or shape.wrong(content) is None
        odd = "\u00a0" in "".join(content.body) or any(len(button.parameter) > 20 for button in content.buttons)
        assert plain or odd or shape.wrong(content) is not None or sum(map(len, content.body)) > 10


# -- a campaign

ROWS = [
    Recipient("56911111112", ["Ana"], ["a"]),
    Recipient("56911111113", ["Ana"], ["a", "too many"]),
    Recipient("56911111114"),
    Recipient("56911111115", ["two", "words"], ["a"]),
    Recipient("56911111116", ["a\nb"], ["a"]),
    Recipient("56911111117", ["Ana"], [""]),
    Recipient("56911111118", ["Ana"], ["a"], ["a header"]),
    Recipient("56911111119", ["Ana"], ["a"]),
    Recipient("56911111120", ["Ana"], ["a"]),
    Recipient("+56 9 1111-1121", ["Ana"], ["a"]),
    Recipient("541122334455", ["Ana"], ["a"]),
    Recipient("5215512345678", ["Ana"], ["a"]),
    Recipient("CL.abc", ["Ana"], ["a"]),
    Recipient("+", ["Ana"], ["a"]),
    Recipient("", ["Ana"], ["a"]),
    Recipient("777", ["Ana"], ["a"]),
    Recipient(DID, ["Ana"], ["a"]),
    Recipient("34600111222", ["Ana"], ["a"]),
    Recipient("56911111122", ["Zoë \u00a0"], ["b" * 300]),
]


def sent(which: Sequence[Recipient], **fields: Any) -> Model:
    """A campaign to these rows, and what became of it."""
    line = LineConfig(did=DID, sends="isv", templates="hsm", rate=10_000, batch_max=8)
    made = Model(rules(tenant(lines=[line], **fields), check_numbers=True))
    template = Template(name="order", language="es", body=["usual"], buttons=[TemplateButton(0, "u")])
    made.chunks.append(Chunk(campaign="c", did=DID, index=0, first=0, recipients=list(which), digest=""))
    definition = Definition(campaign="c", tenant="acme", did=DID, template=template, created_ms=1, send_class="utility")
    refs = [ChunkRef(0, len(which))]
    contents = Contents(campaign="c", did=DID, total=len(which), chunks=refs, digest="", committed_ms=1)
    made.put("optouts", ALL, key=f"{DID}|56911111119".encode())
    made.put("optouts", MARKETING, key=f"{DID}|56911111112".encode())
    made.partition.line(DID, made.now).wishes.add(Wish("acme", "56911111120", "m"), None)
    made.put("campaigns", definition, contents)
    for _ in range(8):
        made.step("accept", 1.0)
    return made


@pytest.mark.parametrize(
    ("fields", "told"), [({}, 9), ({"quiet": NIGHT}, 8), ({"limits": {"paid_per_day": 5}}, 5), ({"active": False}, 0)]
)
def test_a_campaign_comes_out_the_same_as_if_each_were_judged_alone(
    fields: dict[str, Any], told: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = sent(ROWS, **fields)
    assert len(together.accepted) == told
    monkeypatch.setattr(asking, "clear", lambda line, items, now: [False] * len(items))
    alone = sent(ROWS, **fields)
    assert together.plans() == alone.plans()  # with the digests of their bodies
    assert together.topics == alone.topics


SINGLES = [
    Template(name="order", language="es", body=row.body or ["x"], buttons=[TemplateButton(0, "u")], header=row.header)
    for row in ROWS
]


@pytest.mark.parametrize("plain", [False, True])
def test_single_messages_come_out_the_same_as_if_each_were_judged_alone(
    plain: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sent_singly() -> Model:
        line = LineConfig(did=DID, sends="isv", templates="hsm", rate=10_000, batch_max=8)
        made = Model(rules(tenant(lines=[line]), check_numbers=True))
        made.put("optouts", ALL, key=f"{DID}|56911111119".encode())
        made.put("optouts", MARKETING, key=f"{DID}|56911111112".encode())
        made.partition.line(DID, made.now).wishes.add(Wish("acme", "56911111120", "m"), None)
        which = [n for n, row in enumerate(ROWS) if not plain or (row.to.startswith("569111111") and row.to != DID)]
        content = [SINGLES[0] if plain else SINGLES[n] for n in which]
        every = [message(f"s{n}", ROWS[n].to, one, send_class="utility") for n, one in zip(which, content, strict=True)]
        made.put("outbound.templates", *every)
        for _ in range(8):
            made.step("accept", 1.0)
        return made

    looks: list[bool] = []
    let_all = Alike.let_all
    monkeypatch.setattr(Alike, "let_all", lambda self, every: looks.append(let_all(self, every)) or looks[-1])
    together = sent_singly()
    assert all(looks) == plain
    assert together.accepted
    monkeypatch.setattr(asking, "clear", lambda line, items, now: [False] * len(items))
    assert together.topics == sent_singly().topics


def test_rows_are_the_messages_that_they_stand_for() -> None:
    made = sent(ROWS)
    campaign = made.partition.line(DID, made.now).campaigns.get("c")
    assert campaign is not None
    campaign.chunk = campaign.position = 0
    campaign.chunks[0] = made.chunks[0]
    rows = take(campaign, len(ROWS), 0.0)
    items = list(rows)
    assert rows.ids == [item.id for item in items]
    assert rows.contacts == [item.contact for item in items]
    assert rows.planned() == [PlannedMessage(i.id, i.contact, i.message.to, *i.place) for i in items]
    channel = routes.Channel("batch", tenant().accounts["hsm"])
    assert routes.destinations(channel, rows) == routes.destinations(channel, items)
    assert [item.id for item in rows.at([3, 1])] == [items[3].id, items[1].id]
    assert [item.id for item in rows[2:5]] == [item.id for item in items[2:5]]
