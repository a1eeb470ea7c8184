"""A HubSpot account that checks each request against the documented shapes, and fails as it is told.

Pages of developers.hubspot.com that it follows: crm-contacts-v3 (batch upsert, update, get by idProperty), notes-v3,
crm-associations, error-handling, usage-guidelines. It is answered by `answer`, without a network; `serving` is the same
over HTTP.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from runtime.hooks import Answer, Call
from runtime.hooks.caller import answered

TOKEN = "pat-na1-1234"
PROPERTIES = frozenset(("firstname", "lastname", "email", "phone", "stage", "last", "whatsapp_id"))
_UNIQUE = frozenset(("whatsapp_id",))
_NOTE_UNIQUE = frozenset(("relevo_key",))
_NOTE_PROPERTIES = frozenset(("hs_timestamp", "hs_note_body", "hubspot_owner_id", "hs_attachment_ids", "relevo_key"))
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[a-z]{2,}")
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z|\d{13}")

Fault = int | str
"""A status; `lost`: obeyed, and the answer never comes; `dead`: nobody is there."""


class Refused(Exception):
    """The account's answer to a request that is wrong."""

    def __init__(self, status: int, category: str, message: str = "", **more: Any) -> None:
        super().__init__(f"{status} {category} {message}")
        self.status = status
        self.body = {"status": "error", "message": message, "correlationId": "c-1", "category": category, **more}


class Seen(NamedTuple):
    """A request that was obeyed: of whom, and what was set or noted."""

    person: str
    what: Any


class HubSpotAccount:
    """`contacts` and `notes` by their ids; `seen` is what was obeyed, in order; `wrong` what broke the documented
    shapes. `fault` is asked before each request."""

    def __init__(self, fault: Callable[[Mapping[str, Any]], Fault | None] = lambda request: None) -> None:
        self.contacts: dict[str, dict[str, str]] = {}
        self.notes: dict[str, dict[str, Any]] = {}
        self.seen: list[Seen] = []
        self.wrong: list[str] = []
        self.requests = 0
        self.fault = fault
        self._lock = threading.Lock()

    def by_person(self) -> dict[str, dict[str, str]]:
        """Contacts by the person's id on our side, without it."""
        found = {}
        for contact in self.contacts.values():
            rest = dict(contact)
            found[rest.pop("whatsapp_id", "")] = rest
        return found

    def notes_of(self, person: str) -> list[str]:
        ids = [id for id, contact in self.contacts.items() if contact.get("whatsapp_id") == person]
        return [note["hs_note_body"] for note in self.notes.values() if note["contact"] in ids]

    def answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Any]:
        """Status and JSON; 0 where no answer comes."""
        with self._lock:
            self.requests += 1
            fault = self.fault({"method": method, "url": url, "body": body})
            if fault == "dead":
                return 0, None
            if isinstance(fault, int):
                return fault, _failure(fault)
            try:
                done = self._obey(method, urlsplit(url), headers, body)
            except Refused as refused:
                if refused.status not in (404, 409):
                    self.wrong.append(f"{method} {urlsplit(url).path}: {refused}")
                return refused.status, refused.body
            return (0, None) if fault == "lost" else done

    def _obey(self, method: str, url: Any, headers: Mapping[str, str], body: bytes) -> tuple[int, Any]:
        given = {name.lower(): value for name, value in headers.items()}
        if given.get("authorization") != f"Bearer {TOKEN}":
            raise Refused(401, "INVALID_AUTHENTICATION", "the token is not known")
        if method != "GET" and body and given.get("content-type") != "application/json":
            raise Refused(415, "VALIDATION_ERROR", "no JSON")
        sent = json.loads(body) if body else None
        path = [unquote(part) for part in url.path.removeprefix("/crm/v3/objects/").split("/")]
        match method, path:
            case "POST", ["contacts", "batch", "upsert"]:
                return 200, _batch([self._upsert(one) for one in _inputs(sent, _UNIQUE)])
            case "GET", ["contacts", value]:
                unique = _only(parse_qs(url.query), "idProperty", _UNIQUE)
                id = next((id for id, one in self.contacts.items() if one.get(unique) == value), "")
                return 200, self._shown(id)
            case "PATCH", ["contacts", id]:
                self._shown(id)
                self._set(id, _properties(_exactly(sent, {"properties"})["properties"], PROPERTIES))
                return 200, self._shown(id)
            case "POST", ["notes"]:
                return 201, self._note(sent)
            case "POST", ["notes", "batch", "upsert"]:
                return 200, _batch([self._upsert_note(one) for one in _inputs(sent, _NOTE_UNIQUE)])
            case "PUT", ["notes", note, "associations", "contacts", contact, "202"]:
                self._shown(contact)
                self.notes[note]["contact"] = contact
                return 200, {"id": note}
        raise Refused(405, "METHOD_NOT_ALLOWED", f"{method} {url.path}")

    def _shown(self, id: str) -> dict[str, Any]:
        if id not in self.contacts:
            raise Refused(404, "OBJECT_NOT_FOUND", "resource not found")
        at = "2026-01-01T00:00:00Z"
        return {"id": id, "properties": self.contacts[id], "createdAt": at, "updatedAt": at, "archived": False}

    def _upsert(self, one: dict[str, Any]) -> dict[str, Any]:
        unique, value = one["idProperty"], one["id"]
        properties = _properties(one["properties"], PROPERTIES)
        id = next((id for id, known in self.contacts.items() if known.get(unique) == value), "")
        self._check_email(id, properties)
        new = not id
        if new:
            id = str(100 + len(self.contacts))
            self.contacts[id] = {unique: value}
        self._set(id, properties)
        return self._shown(id) | {"new": new}

    def _set(self, id: str, properties: dict[str, str]) -> None:
        self._check_email(id, properties)
        self.contacts[id] |= properties
        self.seen.append(Seen(self.contacts[id].get("whatsapp_id", ""), dict(properties)))

    def _check_email(self, id: str, properties: dict[str, str]) -> None:
        email = properties.get("email")
        other = next((at for at, one in self.contacts.items() if email and one.get("email") == email), id)
        if other != id:
            raise Refused(409, "CONFLICT", f"Contact already exists. Existing ID: {other}")

    def _note(self, sent: Any) -> dict[str, Any]:
        body = _exactly(sent, {"properties", "associations"})
        properties = _note_properties(body["properties"])
        (association,) = body["associations"]
        to = _exactly(_exactly(association, {"to", "types"})["to"], {"id"})["id"]
        if association["types"] != [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 202}]:
            raise Refused(400, "VALIDATION_ERROR", "a note hangs at a contact by 202")
        self._shown(to)
        id = str(900 + len(self.notes))
        self.notes[id] = properties | {"contact": to}
        self.seen.append(Seen(self.contacts[to].get("whatsapp_id", ""), properties["hs_note_body"]))
        return {"id": id, "properties": properties}

    def _upsert_note(self, one: dict[str, Any]) -> dict[str, Any]:
        properties = _note_properties(one["properties"])
        id = next((id for id, note in self.notes.items() if note.get(one["idProperty"]) == one["id"]), "")
        if not id:
            id = str(900 + len(self.notes))
            self.notes[id] = {"contact": ""}
            self.seen.append(Seen("", properties["hs_note_body"]))
        self.notes[id] |= properties | {one["idProperty"]: one["id"]}
        return {"id": id, "properties": properties}

    async def call(self, call: Call) -> Answer:
        """As the caller of hooks would tell it."""
        status, body = self.answer(call.method, call.url, call.headers, call.body)
        if not status:
            return Answer(outcome="timeout" if call.body else "unreachable", why="gone")
        asked = "1" if status == 503 else ""
        return answered(status, json.dumps(body).encode(), asked, 0)

    @contextmanager
    def serving(self) -> Iterator[str]:
        """The account over HTTP on this machine; yields its address. What is lost or dead hangs up."""
        account = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, found = account.answer(self.command, self.path, dict(self.headers), body)
                if status == 599:
                    time.sleep(3)  # longer than an attempt may take
                if not status or status == 599:
                    self.close_connection = True
                    return
                told = json.dumps(found).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json;charset=utf-8")
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            do_GET = do_POST = do_PATCH = do_PUT = handle_one

            def log_message(self, *args: Any) -> None:
                """Nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join(5)


def _failure(status: int) -> dict[str, Any]:
    if status == 429:
        return {
            "status": "error",
            "message": "You have reached your ten_secondly_rolling limit.",
            "errorType": "RATE_LIMIT",
            "correlationId": "c-2",
            "policyName": "TEN_SECONDLY_ROLLING",
        }
    return {"status": "error", "message": "internal error", "correlationId": "c-3"}


def _batch(results: list[dict[str, Any]]) -> dict[str, Any]:
    at = "2026-01-01T00:00:00Z"
    return {"status": "COMPLETE", "results": results, "startedAt": at, "completedAt": at}


def _exactly(value: Any, names: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict) or value.keys() != names:
        raise Refused(400, "VALIDATION_ERROR", f"needs exactly {sorted(names)}")
    return value


def _inputs(sent: Any, unique: frozenset[str]) -> list[dict[str, Any]]:
    inputs = _exactly(sent, {"inputs"})["inputs"]
    if not isinstance(inputs, list) or not 1 <= len(inputs) <= 100:
        raise Refused(400, "VALIDATION_ERROR", "1 to 100 inputs")
    for one in inputs:
        _exactly(one, {"id", "idProperty", "properties"})
        if one["idProperty"] not in unique or not isinstance(one["id"], str) or not one["id"]:
            raise Refused(400, "VALIDATION_ERROR", "an id of a property with unique values")
    return inputs


def _only(query: dict[str, list[str]], name: str, unique: frozenset[str]) -> str:
    value = query.get(name, [""])[0]
    if value not in unique:
        raise Refused(400, "VALIDATION_ERROR", f"{name} is no property with unique values")
    return value


def _properties(given: Any, known: frozenset[str]) -> dict[str, str]:
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise Refused(400, "VALIDATION_ERROR", "properties are texts")
    wrong = sorted(given.keys() - known)
    if given.get("email") and not _EMAIL.fullmatch(given["email"]):
        wrong.append("email")
    if wrong:
        errors = [
            {"message": f"{name}: not valid: {given[name]}", "context": {"propertyName": [name]}} for name in wrong
        ]
        raise Refused(400, "VALIDATION_ERROR", f"Property values were not valid: {given}", errors=errors)
    return given


def _note_properties(given: Any) -> dict[str, str]:
    found = _properties(given, _NOTE_PROPERTIES)
    if not _ISO.fullmatch(found.get("hs_timestamp", "")):
        raise Refused(400, "VALIDATION_ERROR", "hs_timestamp is required")
    if len(found.get("hs_note_body", "")) > 65_536:
        raise Refused(400, "VALIDATION_ERROR", "hs_note_body is too long")
    return found
