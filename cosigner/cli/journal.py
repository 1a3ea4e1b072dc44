"""What a process that goes on tells: one line per event, and on a terminal a last line that changes."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Final

from rich.text import Text

from cosigner.cli import show
from cosigner.cli.output import Output, public_facts
from cosigner.cli.refill import trouble_text
from cosigner.daemon import Incident
from cosigner.exit_codes import classify
from cosigner.keeper import Refilling, Waiting
from cosigner.pools import PoolFigures
from cosigner.steps import Deed, Step
from cosigner.trouble import Trouble
from presig_pool.state import Stock
from protocol.ids import PartyId

_OF_REFILLS: Final = (Deed.PRESIGNATURES_MADE, Deed.PRESIGNATURES_READY)


class Journal:
    """Writes events, from any thread."""

    def __init__(self, out: Output) -> None:
        """Write to the output of a command."""
        self._out, self._guard = out, threading.Lock()
        self._status = ""
        self._waits: dict[Stock, str] = {}
        self._troubles: dict[PartyId, str] = {}

    def event(self, name: str, text: str, facts: Mapping[str, Any], style: str = "") -> None:
        """Write an event.

        Args:
            name: of it, for scripts.
            text: for people.
            facts: for scripts.
            style: of the text.
        """
        now = int(time.time())
        clock = datetime.fromtimestamp(now, UTC).strftime("%H:%M:%S")
        line = Text.assemble((f"{clock}  ", "dim"), (text, style))
        with self._guard, self._unharmed():
            self._out.event({"event": name, "time": now, **facts}, line)
            if self._status:
                self._out.live(self._status)

    def status(self, found: PoolFigures) -> None:
        """Show on a terminal what there is of presignatures; write who can make none, once."""
        for party in found.parties:
            self._trouble(party.party, party.trouble)
        stocks = [
            f"{'+'.join(map(str, stock.signers))}: {stock.ready} ready"
            + (f", {_short(stock.doing)}" if isinstance(stock.doing, Refilling) else "")
            for stock in found.stocks
        ]
        with self._guard, self._unharmed():
            self._status = "serving   " + ("; ".join(stocks) or "no presignatures yet")
            self._out.live(self._status)

    def _trouble(self, party: PartyId, trouble: Trouble | None) -> None:
        known = self._troubles.get(party)
        if trouble is None and known is not None:
            del self._troubles[party]
            self.event("recovered", f"party {party} can make presignatures again", {"party": party}, "green")
        elif trouble is not None and trouble.reason != known:
            self._troubles[party] = trouble.reason
            facts = {"party": party, "until": trouble.until, "reason": trouble.reason}
            self.event("trouble", trouble_text(party, trouble), facts, "red")

    def quiet(self) -> None:
        """Show no status any more."""
        with self._guard, self._unharmed():
            self._status = ""
            self._out.settle()

    @contextmanager
    def _unharmed(self) -> Iterator[None]:
        """Go on when nobody reads any more: a party that tells would fail in the midst of signing."""
        with suppress(OSError, SystemExit):  # rich ends the program on a broken pipe
            yield

    def step(self, step: Step) -> None:
        """Write what a party did, but for what the record of a refill says, too."""
        if not step.deed.passing and step.deed not in _OF_REFILLS:
            facts = {"party": int(step.actor), "deed": step.deed.name.lower(), "detail": step.detail}
            self.event("deed", str(step), facts)

    def refill(self, record: Refilling | Waiting) -> None:
        """Write that a batch is done, or what a refill waits for, once."""
        signers = list(record.stock.signers)
        names = " and ".join(map(str, signers))
        if isinstance(record, Waiting):
            if self._waits.get(record.stock) == record.reason:
                return
            self._waits[record.stock] = record.reason
            until = f"until {show.when(record.until)} UTC" if record.peers else "for another leader"
            facts = {"signers": signers, "peers": list(record.peers), "until": record.until}
            text = f"refill of {names} waits {until}: {record.reason}"
            self.event("waiting", text, {**facts, "reason": record.reason}, "yellow" if record.peers else "")
        elif record.batch:
            self._waits.pop(record.stock, None)
            facts = {"signers": signers, "made": record.made, "wanted": record.wanted}
            text = f"refill of {names}: {_short(record)}, {record.per_second:.1f} per second"
            self.event("refill", text, {**facts, "seconds": round(record.seconds, 3)})

    def incident(self, incident: Incident) -> None:
        """Write what went wrong with a party, and who is named."""
        code, name = classify(incident.error)
        who = "" if incident.party is None else f"party {incident.party}, "
        facts = {"party": incident.party, "what": incident.what, "name": name, "message": str(incident.error)}
        text = f"{who}{incident.what}: {incident.error}"
        self.event("error", text, {**public_facts(incident.error), **facts, "code": int(code)}, "yellow")


def _short(record: Refilling) -> str:
    return f"{record.made} of {record.wanted} made"
