"""Where a node's JSON-RPC listens, and what it wants to know us by."""

import ipaddress
import re
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self
from urllib.parse import unquote, urlsplit

from wallet.errors import ChainError, MalformedError
from wallet.network import MAINNET, Network

_HOST = re.compile(r"[0-9A-Za-z._:-]{1,253}")
_MAX_COOKIE: Final = 4096


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A node's JSON-RPC.

    Args:
        network: the network that it should serve.
        host: name or address; bitcoind speaks plain HTTP, so anything but this machine needs allow_remote.
        port: TCP port.
        cookie: the file in which bitcoind writes new credentials at every start; None with a password.
        user, password: as rpcauth of bitcoin.conf has them; empty with a cookie.
        allow_remote: whether the password may cross a network in the clear.

    Raises:
        MalformedError: host or port are none, or there is neither a cookie nor a user.
        ChainError: the host is another machine, and allow_remote is not set.

    Security:
        A password is not shown by repr and must not reach a log.
    """

    network: Network
    host: str
    port: int
    cookie: Path | None = None
    user: str = ""
    password: str = field(default="", repr=False)
    allow_remote: bool = False

    def __post_init__(self) -> None:
        if not _HOST.fullmatch(self.host) or not 0 < self.port < 65536:
            raise MalformedError(f"{self.host!r} and {self.port} are no host and port of a node")
        if (self.cookie is None) == (not self.user) or ":" in self.user:
            raise MalformedError("a node is reached with a cookie file, or with a user and a password")
        if not self.allow_remote and not _is_loopback(self.host):
            raise ChainError(
                f"{self.host} is another machine, and bitcoind would be sent its password in the clear",
                f"run ssh -L {self.port}:127.0.0.1:{self.port} {self.host}, and use 127.0.0.1",
            )

    @property
    def url(self) -> str:
        """Its URL, without credentials."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @classmethod
    def local(cls, network: Network, datadir: Path | None = None, port: int | None = None) -> Self:
        """Return the node of this user on this machine, known by its cookie.

        Args:
            network: which of the user's nodes.
            datadir: bitcoind's -datadir; ~/.bitcoin if None.
            port: bitcoind's -rpcport; the network's own if None.
        """
        return cls(network, "127.0.0.1", port or network.rpc_port, cookie_file(network, datadir))

    @classmethod
    def parse(
        cls, url: str, network: Network, cookie: Path | None = None, *, allow_remote: bool = False
    ) -> Self:
        """Read http://[user:password@]host[:port].

        Args:
            url: with a user, or without: then the cookie is used.
            network: its default port is used if the URL has none.
            cookie: the cookie's file; the one in ~/.bitcoin if None.
            allow_remote: whether the password may cross a network in the clear.

        Raises:
            MalformedError: it is another thing. The URL is not repeated, since it may hold a password.
            ChainError: the host is another machine, and allow_remote is not set.
        """
        hint = "write http://127.0.0.1:8332 or http://user:password@127.0.0.1:8332"
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise MalformedError("the URL of the node is malformed", hint) from None
        if parts.scheme != "http":
            raise MalformedError("the URL of the node must begin with http://: bitcoind has no TLS", hint)
        if not parts.hostname or parts.path not in ("", "/") or parts.query or parts.fragment:
            raise MalformedError("the URL of the node is malformed", hint)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        file = None if user else cookie or cookie_file(network)
        return cls(network, parts.hostname, port or network.rpc_port, file, user, password, allow_remote)

    def authorization(self) -> str:
        """Return the Authorization header; a cookie is read anew, as it changes when bitcoind starts.

        Raises:
            ChainError: the cookie cannot be read.
        """
        if self.cookie is None:
            credentials = f"{self.user}:{self.password}".encode()
        else:
            credentials = self._read_cookie(self.cookie)
        return "Basic " + b64encode(credentials).decode()

    def _read_cookie(self, path: Path) -> bytes:
        try:
            with path.open("rb") as file:
                cookie = file.read(_MAX_COOKIE)
        except FileNotFoundError as e:
            raise ChainError(f"bitcoind does not run: it has left no {path}", self.start_hint()) from e
        except OSError as e:
            raise ChainError(
                f"bitcoind's cookie {path} cannot be read: {e.strerror}", "run as the user that runs bitcoind"
            ) from e
        return cookie.strip()

    def start_hint(self) -> str:
        """Return what to do when nothing listens."""
        return f"start it with: {start_command(self.network)}"


def start_command(network: Network) -> str:
    """Return the command that starts a node of a network."""
    return " ".join(["bitcoind", *([] if network == MAINNET else [f"-{network.core_name}"]), "-daemon"])


def cookie_file(network: Network, datadir: Path | None = None) -> Path:
    """Return where bitcoind keeps its cookie, in a directory for each network but the main one."""
    datadir = datadir or Path.home() / ".bitcoin"
    return (datadir if network == MAINNET else datadir / network.core_name) / ".cookie"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
