"""Keys and certificates of one cluster: its own authority, so that every client can check whom it talks to."""

import secrets
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fluxapps.devcluster.ports import LOOPBACK

_LIFETIME = timedelta(days=3650)
_BACKDATED = timedelta(hours=1)
"""For clocks that are set back."""


class Credentials:
    """The files of one folder; made together the first time."""

    def __init__(self, folder: Path) -> None:
        self.authority = folder / "ca.crt"
        """Whom to trust."""
        self.certificate = folder / "server.crt"
        """For every server of this cluster, and for the API server as etcd's client."""
        self.key = folder / "server.key"
        self.account_key = folder / "service-account.key"
        """Signs service account tokens."""
        self.account_public_key = folder / "service-account.pub"
        self.tokens = folder / "tokens.csv"
        """What the API server reads: one line, the administrator."""

    @property
    def token(self) -> str:
        """The administrator's token."""
        return self.tokens.read_text("utf-8").partition(",")[0]

    def make(self) -> None:
        """Make all files, readable by their owner only; nothing happens when they are there."""
        if self.tokens.exists():
            return
        self.authority.parent.mkdir(parents=True, exist_ok=True)
        authority_key = ec.generate_private_key(ec.SECP256R1())
        authority = _certificate("fluxapps dev cluster", authority_key.public_key(), None, authority_key)
        server_key = ec.generate_private_key(ec.SECP256R1())
        server = _certificate("fluxapps dev server", server_key.public_key(), authority.subject, authority_key)
        account_key = ec.generate_private_key(ec.SECP256R1())
        _write(self.authority, authority.public_bytes(serialization.Encoding.PEM))
        _write(self.certificate, server.public_bytes(serialization.Encoding.PEM))
        _write(self.key, _pem(server_key))
        _write(self.account_key, _pem(account_key))
        public = account_key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        _write(self.account_public_key, public)
        # Last: its presence says that the others are whole.
        _write(self.tokens, f'{secrets.token_urlsafe(32)},admin,1,"system:masters"\n'.encode())


def _certificate(
    name: str, key: ec.EllipticCurvePublicKey, issuer: x509.Name | None, signer: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    is_authority = issuer is None
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        # Strict verifiers (Python from 3.13) ask for both identifiers and for key usage.
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
            critical=False,
        )
        .add_extension(_usage(is_authority=is_authority), critical=True)
    )
    if not is_authority:
        names = [
            x509.DNSName("localhost"),
            x509.DNSName("kubernetes.default.svc"),
            x509.IPAddress(ip_address(LOOPBACK)),
        ]
        both = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(both, critical=False)
    return builder.sign(signer, hashes.SHA256())


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(file: Path, content: bytes) -> None:
    file.touch(mode=0o600)
    file.write_bytes(content)
