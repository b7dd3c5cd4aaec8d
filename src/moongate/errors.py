"""Every exception moongate raises, and what each of them means for whoever called.

    MoongateError                       exit code
    ├── UsageError                          2   what was asked, or how things are configured, cannot work
    │   ├── BusyError                       2   another process works on the same thing
    │   ├── ConfigError                     2
    │   │   ├── KeyMissingError             2
    │   │   ├── KeyMalformedError           2
    │   │   ├── BaseUrlError                2
    │   │   ├── ProviderChoiceError         2
    │   │   └── UntrustedProjectError       2
    │   ├── UnknownRouteError               2   the base url has no such route
    │   ├── NotOfferedError                 2   this provider has nothing of the kind
    │   ├── MissingExtraError               2   an optional part is not installed
    │   └── StorageError                    2   a file or database here cannot be read or written
    ├── ModelRefusedError                   1   the guard's no: nothing was sent
    ├── RequestRefusedError                 2   the guard cannot tell what the body says: nothing was sent
    ├── AnswerError                         1   an answer came, but does not fit the schema that was asked for
    ├── ProviderError                       3   the provider answered, and the answer is no
    │   ├── AuthenticationError             3
    │   │   └── WrongRegionError            3
    │   ├── PermissionDeniedError           3
    │   ├── ModelNotPermittedError          3
    │   ├── InsufficientBalanceError        3
    │   └── BadRequestError                 3
    │       ├── ContentFilterError          3
    │       └── ContextOverflowError        3
    └── UnavailableError                    4   no usable answer could be had
        ├── ListUnavailableError            4
        ├── RateLimitedError                4
        ├── OverloadedError                 4
        ├── ServerError                     4
        ├── UnreachableError                4
        ├── TimedOutError                   4
        ├── NotJsonError                    4
        ├── TooLargeError                   4
        ├── BrokenStreamError               4
        └── EngineError                     4   the embedded model did not start or its weights are not to be had

A message says what happened and why; `advice` says what to do next. Neither ever holds a key.
"""

from __future__ import annotations

from typing import ClassVar


class MoongateError(Exception):
    """Something went wrong that moongate can explain.

    `status` is the HTTP status of the answer that caused it, if there was one; `provider_message` is the
    provider's own wording, redacted; `request_id` is what a provider's support asks for. `sent` is False where
    it is certain that the provider never saw the request, so that it cannot have been charged. `retryable` is what
    the provider itself says of sending the same again, None where it says nothing; `retry_after_s` how long it asks
    to wait before. `partial` is the text of an answer that had arrived when a stream ended in this error.
    """

    kind: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1
    sent: bool = True
    retryable: bool | None = None
    retry_after_s: float | None = None
    partial: str = ""

    def __init__(
        self,
        message: str = "",
        *,
        advice: str = "",
        suggestions: tuple[str, ...] = (),
        status: int | None = None,
        provider_message: str | None = None,
        request_id: str | None = None,
    ) -> None:
        self.message = message or (type(self).__doc__ or "").split("\n", 1)[0]
        self.advice = advice
        self.suggestions = suggestions
        self.status = status
        self.provider_message = provider_message
        self.request_id = request_id
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message} {self.advice}".strip()


class UsageError(MoongateError):
    """The call cannot work as it was made."""

    kind = "usage"
    exit_code = 2


class BusyError(UsageError):
    """Another process works on it."""

    kind = "busy"


class ConfigError(UsageError):
    """The configuration cannot work."""

    kind = "config"


class KeyMissingError(ConfigError):
    """There is no key for this provider."""

    kind = "no_key"


class KeyMalformedError(ConfigError):
    """The key cannot be sent as it is."""

    kind = "bad_key"


class BaseUrlError(ConfigError):
    """The base url cannot be used."""

    kind = "bad_url"


class ProviderChoiceError(ConfigError):
    """It is not clear which provider is meant."""

    kind = "provider"


class UntrustedProjectError(ConfigError):
    """A project file asks for something that only its user may decide."""

    kind = "untrusted_project"


class UnknownRouteError(UsageError):
    """The endpoint has no such route."""

    kind = "unknown_route"


class NotOfferedError(UsageError):
    """This provider does not offer that."""

    kind = "not_offered"


class MissingExtraError(UsageError):
    """An optional part of moongate is not installed."""

    kind = "missing_extra"


class StorageError(UsageError):
    """A file or a database on this machine cannot be used."""

    kind = "storage"


class ModelRefusedError(MoongateError):
    """The endpoint does not list this model id, so nothing was sent."""

    kind = "model_refused"
    exit_code = 1

    def __init__(
        self,
        message: str = "",
        *,
        reason: str | None = None,
        belongs_to: tuple[str, ...] = (),
        advice: str = "",
        suggestions: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, advice=advice, suggestions=suggestions)
        self.reason = reason
        self.belongs_to = belongs_to


class RequestRefusedError(MoongateError):
    """The request body could be read in more than one way, so nothing was sent."""

    kind = "request_refused"
    exit_code = 2


class AnswerError(MoongateError):
    """The answer came, but is not what was asked for.

    `content` is its text.
    """

    kind = "unfit_answer"
    content: str = ""


class ProviderError(MoongateError):
    """The provider refused the call."""

    kind = "provider_refused"
    exit_code = 3


class AuthenticationError(ProviderError):
    """The provider does not accept this key."""

    kind = "wrong_key"


class WrongRegionError(AuthenticationError):
    """The key belongs to another region or product of the same vendor."""

    kind = "wrong_region"


class PermissionDeniedError(ProviderError):
    """The key is good, but it may not do this."""

    kind = "permission_denied"


class ModelNotPermittedError(ProviderError):
    """The id is listed, yet the endpoint answers that it is not found or not permitted."""

    kind = "model_not_permitted"


class InsufficientBalanceError(ProviderError):
    """The account has no money left."""

    kind = "no_money"


class BadRequestError(ProviderError):
    """The provider does not accept the request."""

    kind = "bad_request"


class ContentFilterError(BadRequestError):
    """The provider's content filter rejected the request."""

    kind = "content_filter"


class ContextOverflowError(BadRequestError):
    """Prompt and answer together do not fit the model's context window."""

    kind = "context_overflow"


class UnavailableError(MoongateError):
    """No usable answer could be had."""

    kind = "unavailable"
    exit_code = 4


class ListUnavailableError(UnavailableError):
    """The endpoint's model list could not be had, so no id can be checked."""

    kind = "list_unavailable"


class RateLimitedError(UnavailableError):
    """The provider asks to send less.

    `scope` is the limit that was reached as the provider names it: "concurrency", "rpm", "tpm", "tpd", or None.
    """

    kind = "rate_limited"

    def __init__(
        self,
        message: str = "",
        *,
        retry_after_s: float | None = None,
        scope: str | None = None,
        **more: object,
    ) -> None:
        super().__init__(message, **more)  # type: ignore[arg-type]
        self.retry_after_s = retry_after_s
        self.scope = scope


class OverloadedError(RateLimitedError):
    """The provider's engine is overloaded; it is not this account's limit."""

    kind = "overloaded"


class ServerError(UnavailableError):
    """The provider failed."""

    kind = "server_error"


class UnreachableError(UnavailableError):
    """The provider could not be reached."""

    kind = "unreachable"


class TimedOutError(UnavailableError):
    """The provider did not answer in time."""

    kind = "timed_out"


class NotJsonError(UnavailableError):
    """The answer is not JSON; something between here and the provider may have replaced it."""

    kind = "not_json"


class TooLargeError(UnavailableError):
    """The answer is larger than moongate reads."""

    kind = "too_large"


class BrokenStreamError(UnavailableError):
    """The stream ended before the provider said it was done."""

    kind = "broken_stream"


class EngineError(UnavailableError):
    """The embedded model cannot run."""

    kind = "engine"
