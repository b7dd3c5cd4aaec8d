"""The probes as data: bounded, told apart, and no request that the endpoint could read in two ways."""

from __future__ import annotations

from pathlib import Path

import pytest

from moongate.acceptance.judges import seen
from moongate.acceptance.probe import CHAT, Ask, Subject
from moongate.acceptance.probes import UNLISTED, probes
from moongate.wire.calls import encoded
from moongate.wire.peek import models_in
from moongate.wire.replies import Reply

SUBJECTS = [
    Subject(model="kimi-k2.6", family="k2.6"),
    Subject(model="kimi-k3", family="k3"),
    Subject(model="kimi-k2.7-code", family="k2.7-code"),
    Subject(model="kimi-k9", family="unknown"),
]


def _asks(subject: Subject) -> list[tuple[str, Ask]]:
    return [(probe.id, ask) for probe in probes() for ask in probe.build(subject)]


def test_no_two_probes_share_a_name() -> None:
    names = [probe.id for probe in probes()]
    assert len(set(names)) == len(names) >= 28


def test_every_probe_says_what_it_asks_and_what_it_rests_on() -> None:
    for probe in probes():
        assert probe.fact and probe.question and probe.rests_on, probe.id


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.family)
def test_every_chat_is_bounded_by_what_it_sends(subject: Subject) -> None:
    for name, ask in _asks(subject):
        if ask.path != CHAT:
            continue
        assert ask.fields is not None
        limit = ask.fields.get("max_completion_tokens")
        if name == "max-tokens":
            assert limit is None
            assert ask.worst_tokens >= 32_768
        else:
            assert isinstance(limit, int)
            assert ask.worst_tokens >= limit * ask.fields.get("n", 1)


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.family)
def test_only_one_probe_names_an_id_that_is_not_listed(subject: Subject) -> None:
    for probe in probes():
        for ask in probe.build(subject):
            bodies = (
                ask.file.bodies if ask.file else [encoded(ask.fields or {})] if "model" in (ask.fields or {}) else []
            )
            named = [name for body in bodies for name in models_in(body)]
            expected = UNLISTED if probe.unlisted else subject.model
            assert set(named) <= {expected}, probe.id
    assert [probe.id for probe in probes() if probe.unlisted] == ["unknown-model"]


def test_the_made_up_key_and_no_key_never_name_a_model() -> None:
    for name, ask in _asks(SUBJECTS[0]):
        assert ask.key == "own" or ask.fields is None, name


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=404, body=b"<html>not here</html>"),
        Reply(status=200, body=b"[]"),
        Reply(status=200, body=b'{"choices": [null], "usage": 3, "data": []}'),
        Reply(status=400, body=b'{"error": {"message": "something else"}}'),
        Reply(status=200, headers={"content-type": "text/event-stream"}, body=b"data: 3\n\ndata: {oops\n\n"),
    ],
    ids=["page", "array", "strange", "other", "stream"],
)
def test_a_strange_reply_is_judged_without_falling(reply: Reply) -> None:
    for probe in probes():
        status, detail = probe.judge([seen(reply)])
        assert status in ("confirmed", "refuted", "open")
        assert detail


def test_a_refusal_for_another_reason_settles_nothing() -> None:
    other = seen(Reply(status=400, body=b'{"error": {"message": "something else", "type": "x"}}'))
    settled = {probe.id for probe in probes() if probe.judge([other])[0] == "confirmed"}
    assert settled == set()


def test_the_page_names_every_probe() -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "acceptance.md").read_text("utf-8")
    assert [probe.id for probe in probes() if f"`{probe.id}`" not in page] == []
