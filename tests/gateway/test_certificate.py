"""Certificates: what can be used, what is wrong with what cannot, and which one is shown."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from moongate.errors import ConfigError
from moongate.gateway.certificate import Certificate, Shown

CA = trustme.CA()


@pytest.fixture
def leaf() -> trustme.LeafCert:
    return CA.issue_cert("127.0.0.1")


def in_one(leaf: trustme.LeafCert, folder: Path) -> Certificate:
    leaf.private_key_and_cert_chain_pem.write_to_path(str(folder / "both.pem"))
    return Certificate(cert=str(folder / "both.pem"))


def in_two(leaf: trustme.LeafCert, folder: Path) -> Certificate:
    leaf.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    leaf.private_key_pem.write_to_path(str(folder / "key.pem"))
    return Certificate(cert=str(folder / "cert.pem"), key=str(folder / "key.pem"))


def shown_by(context: ssl.SSLContext) -> bytes:
    """Return the certificate that a client sees."""
    trusting = ssl.create_default_context()
    CA.configure_trust(trusting)
    mine, yours = socket.socketpair()
    with mine, yours:
        server = threading.Thread(target=lambda: context.wrap_socket(yours, server_side=True).close())
        server.start()
        with trusting.wrap_socket(mine, server_hostname="127.0.0.1") as client:
            seen = client.getpeercert(binary_form=True)
        server.join()
    assert seen is not None
    return seen


def test_key_and_certificate_may_be_in_one_file_or_in_two(leaf: trustme.LeafCert, tmp_path: Path) -> None:
    assert shown_by(in_one(leaf, tmp_path).context()) == shown_by(in_two(leaf, tmp_path).context())


def test_another_one_is_shown_without_a_new_server(leaf: trustme.LeafCert, tmp_path: Path) -> None:
    context = in_one(leaf, tmp_path).context()
    shown, before = Shown(context), shown_by(context)
    shown.use(in_one(CA.issue_cert("127.0.0.1", key_type=trustme.KeyType.RSA), tmp_path))  # of another kind, too
    after = shown_by(context)
    assert after != before
    (tmp_path / "both.pem").write_text("rubbish")
    with pytest.raises(ConfigError):
        shown.use(Certificate(cert=str(tmp_path / "both.pem")))
    assert shown_by(context) == after


def test_what_cannot_be_used_is_named(leaf: trustme.LeafCert, tmp_path: Path) -> None:
    good = in_two(leaf, tmp_path)
    with pytest.raises(ConfigError, match=r"'/no/such\.pem' cannot be read: No such file"):
        Certificate(cert="/no/such.pem", key=good.key).context()
    with pytest.raises(ConfigError, match=r"cannot be used"):
        Certificate(cert=good.cert).context()  # there is no key in it
    CA.issue_cert("127.0.0.1").private_key_pem.write_to_path(str(tmp_path / "other.pem"))
    with pytest.raises(ConfigError, match=r"other\.pem' is not that of the certificate"):
        Certificate(cert=good.cert, key=str(tmp_path / "other.pem")).context()


def test_nobody_is_asked_for_a_passphrase(leaf: trustme.LeafCert, tmp_path: Path) -> None:
    good = in_two(leaf, tmp_path)
    key = load_pem_private_key(leaf.private_key_pem.bytes(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    (tmp_path / "locked.pem").write_bytes(locked)
    with pytest.raises(ConfigError, match=r"locked\.pem' is encrypted"):
        Certificate(cert=good.cert, key=str(tmp_path / "locked.pem")).context()
