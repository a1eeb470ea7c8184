"""Messages in a row and opt-out words on a genuine Kafka: one answer each, whatever is killed between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.clock import now_ms
from schemas import ids, keys
from schemas.session import Text
from schemas.tenant import Line, Routing, Rule
from tests.builders.conversations import Source, posted, tenant
from tests.builders.pipeline import Pipeline, killed, until
from tests.builders.webhooks import cloud, cloud_text, cloud_value

pytestmark = pytest.mark.timeout(180)
DID, OTHER, TENANT = "56911180001", "56911180002", "inarow"
ODD = "odd=tests.builders.odd_agents:odd"
TALKERS = [f"5692228{n:04}" for n in range(8)]
LEAVERS = [f"5692229{n:04}" for n in range(8)]
SAID = ["hola", "quiero", "un", "café"]


@pytest.fixture
def pipeline(broker: str, tmp_path: Path) -> Iterator[Pipeline]:
    made = Pipeline(broker, tmp_path)
    lines = [Line(did=did, sends="main", templates="main") for did in (DID, OTHER)]
    routing = Routing(route=[Rule(to="odd")], also=["echo"])
    agents = {"odd": {"debounce": {"quiet_s": 2, "max_s": 20}}}
    made.tenant(tenant(tenant=TENANT, lines=lines, routing=routing, agents=agents, optout={"lines": "all"}))
    yield made
    made.stop()


def said(contact: str, text: str, wamid: str) -> Source:
    message = cloud_text(text, wamid=wamid, sender=contact, at_s=now_ms() // 1000)
    one = posted(cloud(cloud_value(did=DID, messages=[message])), did=DID, contact=contact, at_ms=now_ms())
    return one._replace(headers=[(k, TENANT.encode() if k == "tenant" else v) for k, v in one.headers])


def texts(pipeline: Pipeline, contact: str) -> list[str]:
    found = [one for one in pipeline.replies(DID) if one.contact == contact]
    return [one.content.body for one in found if isinstance(one.content, Text)]


def wishes(pipeline: Pipeline, did: str) -> set[str]:
    """Who does not want anything from a line."""
    standing = {one.key(): one.value() for one in pipeline.read("optouts")}
    return {keys.split(key, 2)[1] for key, value in standing.items() if value and key.startswith(did.encode())}


def test_each_row_and_each_wish_is_answered_once_though_all_are_killed_in_the_middle(pipeline: Pipeline) -> None:
    pipeline.feed(
        *(said(who, text, f"wamid.{who}.{n}") for n, text in enumerate(SAID) for who in TALKERS),
        *(said(who, "¡Baja!", f"wamid.{who}.{n}") for n in range(2) for who in LEAVERS),
    )
    killed(pipeline.conversations("rows-c", "chunk_processed=kill:2"))
    pipeline.conversations("rows-c")
    killed(pipeline.agent(ODD, "rows-a", "held_submitted=kill:3"))  # while they are told
    assert sum(map(len, (texts(pipeline, who) for who in TALKERS))) < len(TALKERS), "it was killed in the middle"
    pipeline.agent(ODD, "rows-a")
    until(lambda: all(texts(pipeline, who) for who in TALKERS), "an answer for each row")
    until(lambda: wishes(pipeline, OTHER) == set(LEAVERS), "the wishes on the other line")
    for who in TALKERS:
        assert texts(pipeline, who) == ["1: " + "\n".join(SAID)]
    replies = pipeline.replies(DID)
    for who in LEAVERS:
        [told] = [one for one in replies if one.contact == who]
        assert (told.id, told.agent) == (ids.message_id(DID, f"wamid.{who}.0", "conversations", 0), "conversations")
        assert told.window_expires_ms > now_ms()
    assert wishes(pipeline, DID) == set(LEAVERS)
    heard = Counter((one.contact, one.kind) for one in pipeline.events("echo", DID) if one.contact in LEAVERS)
    assert heard == Counter({(who, kind): n for who in LEAVERS for kind, n in (("message", 2), ("opted_out", 1))})
    own = Counter((one.contact, one.kind) for one in pipeline.events("odd", DID))
    assert own == Counter(
        {(who, "opted_out"): 2 for who in LEAVERS}
        | {(who, "message"): 4 for who in TALKERS}
        | {(who, "timer"): own[who, "timer"] for who in TALKERS}
    )
    assert not [one for one in pipeline.read("agents.odd.dlq") if (one.key() or b"").startswith(DID.encode())]
    assert not [
        one for one in pipeline.read("inbound.conversations.dlq") if (one.key() or b"").startswith(DID.encode())
    ]
