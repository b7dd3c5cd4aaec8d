"""/admin: accounts, keys, usage and kept content over HTTP, for who holds the admin key.

What the command line does with the same words. Every call looks the admin key up in the database, so a replaced one
ends at once. Secrets are in the answer that makes them, and in no other.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import msgspec
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from moongate.errors import StorageError, UsageError
from moongate.facts.money import money_from
from moongate.gateway import replies, usage
from moongate.gateway.clerk import Clerk
from moongate.gateway.content import Said
from moongate.gateway.desk import Desk
from moongate.gateway.gate import Gate, RefusedError
from moongate.gateway.keys import KeyRow
from moongate.gateway.limits import NAMES, Limits, limits_from
from moongate.gateway.porter import KEY_MAX_LENGTH
from moongate.gateway.replies import Refusal
from moongate.ledger.table import csv_from

T = TypeVar("T")
Document = dict[str, Any]
Handler = Callable[[Request], Awaitable[Response]]
DAY_S = 86_400
DAYS_MAX = 3_660


class Admin:
    """The routes, over a clerk's desk. `flush` brings what was settled lately into the ledger before it is told."""

    def __init__(self, clerk: Clerk[Desk], gate: Gate, flush: Callable[[], Awaitable[None]] | None = None) -> None:
        self._clerk = clerk
        self._gate = gate
        self._till_flush = flush

    def routes(self) -> list[Route]:
        """Return the routes."""
        handlers: list[tuple[str, str, Handler]] = [
            ("GET", "/admin/accounts", self.accounts),
            ("POST", "/admin/accounts", self.create_account),
            ("POST", "/admin/accounts/{name}/top-up", self.top_up),
            ("GET", "/admin/keys", self.keys),
            ("POST", "/admin/keys", self.create_key),
            ("PATCH", "/admin/keys/{key}", self.limit),
            ("POST", "/admin/keys/{key}/rotate", self.rotate),
            ("DELETE", "/admin/keys/{key}", self.revoke),
            ("GET", "/admin/usage", self.usage),
            ("GET", "/admin/content/{request_id}", self.content),
        ]
        return [Route(path, self._guarded(handler), methods=[method]) for method, path, handler in handlers]

    async def check(self, request: Request) -> None:
        """Raise RefusedError (401) unless a request carries the admin key."""
        secret = _secret_in(request.headers)
        if not await self._ask(lambda desk: desk.is_admin(secret)):
            raise RefusedError(replies.WRONG_KEY)

    async def accounts(self, request: Request) -> Response:
        """Answer GET /admin/accounts."""
        await self._flush()
        found = await self._ask(Desk.accounts)
        return _json({"accounts": [account.document for account in found]})

    async def create_account(self, request: Request) -> Response:
        """Answer POST /admin/accounts: {"name", "balance"?, "currency"?}."""
        given = await self._given(request, "name", "balance", "currency")
        balance = money_from(str(given.get("balance", "0")), _text(given, "currency", "USD"))
        made = await self._ask(lambda desk: desk.create_account(_text(given, "name"), balance))
        return _json(made.document, status=201)

    async def top_up(self, request: Request) -> Response:
        """Answer POST /admin/accounts/NAME/top-up: {"amount"}."""
        given = await self._given(request, "amount")
        name = request.path_params["name"]
        account = await self._found(lambda desk: desk.account(name))
        if "amount" not in given:
            raise UsageError("The amount is missing.", advice='Send {"amount": "2.50"}.')
        amount = money_from(str(given["amount"]), account.currency)
        return _json((await self._ask(lambda desk: desk.top_up(name, amount))).document)

    async def keys(self, request: Request) -> Response:
        """Answer GET /admin/keys, of ?account=NAME or of all."""
        account = request.query_params.get("account")
        found = await self._found(lambda desk: desk.keys(account))
        return _json({"keys": [row.document for row in found]})

    async def create_key(self, request: Request) -> Response:
        """Answer POST /admin/keys: {"account", "name"?, limits…}; the secret is in `key`, this once."""
        given = await self._given(request, "account", "name", *NAMES)
        account, name = _text(given, "account"), _text(given, "name", "")
        limits = {key: value for key, value in given.items() if key not in ("account", "name")}

        def make(desk: Desk) -> tuple[KeyRow, str]:
            return desk.create_key(account, name, _limits(desk, account, limits))

        row, secret = await self._ask(make)
        return _json(row.document | {"key": secret}, status=201)

    async def limit(self, request: Request) -> Response:
        """Answer PATCH /admin/keys/ID: the limits given replace those that are, null lifts one."""
        given = await self._given(request, *NAMES)
        key = await self._key(request)

        def change(desk: Desk) -> KeyRow:
            changed = _limits(desk, key.account, given)
            values = {name: getattr(changed if name in given else key.limits, name) for name in NAMES}
            return desk.limit_key(str(key.id), Limits(**values))

        return _json((await self._ask(change)).document)

    async def rotate(self, request: Request) -> Response:
        """Answer POST /admin/keys/ID/rotate; the new secret is in `key`, this once."""
        key = await self._key(request)
        row, secret = await self._ask(lambda desk: desk.rotate(str(key.id)))
        return _json(row.document | {"key": secret})

    async def revoke(self, request: Request) -> Response:
        """Answer DELETE /admin/keys/ID."""
        key = await self._key(request)
        return _json((await self._ask(lambda desk: desk.revoke(str(key.id)))).document)

    async def usage(self, request: Request) -> Response:
        """Answer GET /admin/usage?by=day,model&days=30&format=json|csv."""
        asked = request.query_params
        groups = usage.groups_from(asked["by"]) if "by" in asked else usage.USUAL
        since = time.time() - _days(asked.get("days", "30")) * DAY_S
        await self._flush()
        rows = [line.document for line in await self._ask(lambda desk: desk.used(groups, since=since))]
        form = asked.get("format", "json")
        if form not in ("json", "csv"):
            raise UsageError(f"Usage is not told as {form[:80]!r}.", advice="It is told as json or csv.")
        if form == "csv":
            return Response(csv_from(rows), media_type="text/csv; charset=utf-8")
        return _json({"usage": rows})

    async def content(self, request: Request) -> Response:
        """Answer GET /admin/content/REQUEST: what was said, where `log_content` was on."""
        said = await self._ask(lambda desk: desk.content(request.path_params["request_id"]))
        if said is None:
            raise RefusedError(_not_found("Nothing is kept of this request"))
        return _json(_said(said))

    async def _flush(self) -> None:
        if self._till_flush is not None:
            await self._till_flush()

    async def _key(self, request: Request) -> KeyRow:
        return await self._found(lambda desk: desk.key(request.path_params["key"]))

    async def _ask(self, do: Callable[[Desk], T]) -> T:
        return await self._clerk.ask(do)

    async def _found(self, do: Callable[[Desk], T]) -> T:
        try:
            return await self._ask(do)
        except StorageError:
            raise
        except UsageError as error:
            raise RefusedError(_not_found(str(error))) from error

    def _guarded(self, handler: Handler) -> Handler:
        async def handled(request: Request) -> Response:
            await self.check(request)
            try:
                return await handler(request)
            except StorageError:
                raise  # nobody's request is to blame for a full disk
            except UsageError as error:
                raise RefusedError(replies.invalid(f"Invalid request: {error}")) from error

        return handled

    async def _given(self, request: Request, *names: str) -> Document:
        """Return the body of a post, an object with some of these names."""
        body = await self._gate.body(request.headers, request.receive)
        try:
            given = msgspec.json.decode(body, type=Document)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise UsageError("The body is not a JSON object.") from None
        unknown = next((name for name in given if name not in names), None)
        if unknown is not None:
            raise UsageError(f"There is no {unknown[:80]!r} here.", advice=f"There is: {', '.join(names)}.")
        return given


def _secret_in(headers: Headers) -> str:
    given = headers.getlist("authorization")
    scheme, _, secret = (given[0] if given else "").partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or not secret:
        raise RefusedError(replies.NO_KEY)
    if len(given) > 1 or len(secret) > KEY_MAX_LENGTH or not secret.isascii():
        raise RefusedError(replies.WRONG_KEY)
    return secret


def _limits(desk: Desk, account: str, given: Mapping[str, Any]) -> Limits:
    return limits_from(given, desk.account(account).currency, now=time.time())


def _text(given: Document, name: str, default: str | None = None) -> str:
    value = given.get(name, default)
    if not isinstance(value, str):
        raise UsageError(f"{name} is {value!r}, expected a text.")
    return value


def _days(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= DAYS_MAX:
        raise UsageError(f"days is {text[:80]!r}, expected a number from 1 to {DAYS_MAX}.")
    return int(text)


def _said(said: Said) -> Document:
    return {
        "request_id": said.request_id,
        "key": said.key_id,
        "request": said.request.decode("utf-8", "replace"),
        "answer": said.answer.decode("utf-8", "replace"),
        "is_cut": said.is_cut,
    }


def _not_found(message: str) -> Refusal:
    return Refusal(status=404, type="resource_not_found_error", message=message)


def _json(value: Any, *, status: int = 200) -> Response:
    headers = {"content-type": "application/json; charset=utf-8", "cache-control": "no-store"}
    return Response(msgspec.json.encode(value), status, headers)
