"""mpcw wallet: make wallets, look at them, take them elsewhere."""

import json
from pathlib import Path
from typing import Annotated, Final

import typer

from cosigner.cli import show
from cosigner.cli.caps import SHOW_OR_CHANGE, caps, caps_value, shown
from cosigner.cli.chain import RpcCookieOption, RpcUrlOption, chain_settings
from cosigner.cli.command import Invocation, command
from cosigner.cli.show import Line
from cosigner.cli.unlock import PassphraseFiles, new_passphrases
from cosigner.local import LocalWallet
from cosigner.plan import ChainKind, WalletPlan
from protocol.errors import UsageError
from wallet.account import GAP_LIMIT
from wallet.amounts import FeeRate, format_btc, parse_amount
from wallet.coins import Balance
from wallet.fees import FeeCaps
from wallet.history import HistoryEntry, Status
from wallet.labels import LabelType
from wallet.network import MAINNET, network
from wallet.tx import show_txid

app = typer.Typer(no_args_is_help=True)

MAX_GAP: Final = 10_000  # on each branch, all of which are derived: half a minute


@command(
    app,
    wallet=False,
    examples="""
mpcw wallet create treasury
mpcw wallet create savings --no-segwit
mpcw wallet create vault -n 5 -t 3 --network signet --chain bitcoind --rpc-url http://127.0.0.1:38332
""",
)
def create(
    call: Invocation,
    name: Annotated[str, typer.Argument(help="Name of the new wallet.")],
    parties: Annotated[int, typer.Option("--parties", "-n", help="How many parties hold shares.")] = 3,
    threshold: Annotated[int, typer.Option("--threshold", "-t", help="How many of them sign.")] = 2,
    segwit: Annotated[
        bool, typer.Option(help="With a SegWit account (threshold ECDSA) beside the Taproot account (FROST).")
    ] = True,
    network_name: Annotated[
        str, typer.Option("--network", help="regtest, signet, testnet4 or mainnet.")
    ] = "regtest",
    chain: Annotated[ChainKind, typer.Option(help="Where the wallet sees the chain.")] = ChainKind.EMBEDDED,
    rpc_url: RpcUrlOption = "",
    rpc_cookie: RpcCookieOption = None,
    max_fee: Annotated[str, typer.Option(help="The highest fee, in satoshi or as 0.01btc.")] = "1000000",
    max_fee_percent: Annotated[int, typer.Option(help="The highest fee, in percent of what is sent.")] = 10,
    max_fee_rate: Annotated[str, typer.Option(help="The highest fee rate, in sat/vB.")] = "500",
    passphrase_file: PassphraseFiles = None,
    i_understand: Annotated[bool, typer.Option("--i-understand", help="Needed on mainnet.")] = False,
) -> None:
    """Have n parties generate a key of which each holds a share; any t of them sign.

    All parties live in this home for now, each with its own directory, database and passphrase.
    """
    net = network(network_name)
    if net == MAINNET and not i_understand:
        raise UsageError(
            "a mainnet wallet holds real money, and all parties of this one are in one place: "
            "say --i-understand if that is what you want"
        )
    caps = FeeCaps(parse_amount(max_fee), max_fee_percent, FeeRate.parse(max_fee_rate))
    seen = chain_settings(chain, rpc_url, rpc_cookie)
    plan = WalletPlan(net, parties, threshold, seen, caps, segwit=segwit)
    call.place.expect_free(name)  # before anybody types passphrases
    secrets = new_passphrases(passphrase_file or [], parties)
    call.out.note(f"{threshold}-of-{parties} key generation on {net}:")
    with LocalWallet.create(call.place, name, plan, secrets, call.out.step) as made:
        value = describe(made)
        call.out.result(value, _facts(made))
    call.out.hint(f"mpcw address new -w {name}")


def describe(wallet: LocalWallet) -> dict[str, object]:
    """Return the facts of a wallet for scripts."""
    plan = wallet.plan
    return {
        "name": wallet.name,
        "network": plan.network.name,
        "parties": plan.n,
        "threshold": plan.t,
        "chain": plan.chain.kind.value,
        "chain_url": plan.chain.url,
        "birth": plan.birth,
        "accounts": [
            {"name": a.name, "kind": a.kind.value, "descriptor": d}
            for a, d in zip(wallet.accounts, wallet.descriptors(), strict=True)
        ],
        "caps": caps_value(plan.caps),
        "directory": str(wallet.folder.path),
    }


def _facts(wallet: LocalWallet) -> list[Line]:
    plan = wallet.plan
    return show.facts(
        ("wallet", wallet.name),
        ("signers", f"any {plan.t} of {plan.n} parties"),
        ("network", plan.network.name),
        ("chain", plan.chain.kind.value + (f" at {plan.chain.url}" if plan.chain.url else "")),
        ("made", show.when(plan.birth) + " UTC"),
        *((f"{a.name} key", d) for a, d in zip(wallet.accounts, wallet.descriptors(), strict=True)),
        ("fee caps", ", ".join(shown(plan.caps))),
        ("directory", str(wallet.folder.path)),
    )


@command(app, "list", wallet=False, examples="mpcw wallet list --json")
def list_wallets(call: Invocation) -> None:
    """List the wallets of this home."""
    rows = show.Rows("wallet", "signers", "network", "chain")
    values = []
    for name in call.place.wallets():
        with LocalWallet.open(call.place, name) as wallet:
            values.append(describe(wallet))
            plan = wallet.plan
            rows.add(name, f"{plan.t} of {plan.n}", plan.network.name, plan.chain.kind.value)
    call.out.result(values, rows.lines(f"There is no wallet in {call.place.path}."))
    if not values:
        call.out.hint("mpcw wallet create NAME")
        call.out.hint("mpcw demo")


@command(app, "show", examples="mpcw wallet show -w treasury")
def show_wallet(call: Invocation) -> None:
    """Show what a wallet is: signers, network, descriptors, fee caps."""
    with call.open() as wallet:
        call.out.result(describe(wallet), _facts(wallet))


command(app, examples=SHOW_OR_CHANGE)(caps)


@command(app, examples="mpcw wallet balance --json")
def balance(call: Invocation) -> None:
    """Read the chain and show what the wallet owns."""
    with call.open() as wallet:
        wallet.sync()
        ledger = wallet.ledger()
        found = ledger.balance()
        of_account = {a.name: ledger.balance(i) for i, a in enumerate(wallet.accounts)}
        accounts = [{"name": n, **_parts(b), "total": b.total} for n, b in of_account.items()]
        value = {**_parts(found), "total": found.total, "accounts": accounts}
        rows = show.Rows("", " ", "  ", right=(" ", "  "))
        parts = {name.replace("_", " "): part for name, part in _parts(found).items()}
        shares = {f"of it {name}": b.total for name, b in of_account.items() if len(of_account) > 1}
        for name, part in [*parts.items(), ("total", found.total), *shares.items()]:
            if part or name not in parts or name == "confirmed":
                rows.add(name, show.sats(part), f"{format_btc(part)} BTC")
        call.out.result(value, rows.lines()[1:])


def _parts(found: Balance) -> dict[str, int]:
    return {
        "confirmed": found.confirmed,
        "unconfirmed_own": found.unconfirmed_own,
        "unconfirmed_foreign": found.unconfirmed_foreign,
        "immature": found.immature,
        "frozen": found.frozen,
    }


@command(app, examples="mpcw wallet history\nmpcw wallet history --limit 5 --json")
def history(
    call: Invocation,
    limit: Annotated[int, typer.Option(min=0, help="How many of the newest; 0 for all.")] = 20,
) -> None:
    """Read the chain and list the wallet's transactions, the newest first."""
    with call.open() as wallet:
        wallet.sync()
        labels = wallet.labels()
        newest_first = [*wallet.history()][::-1]
        entries = sorted(newest_first, key=_age)[: limit or None]
        rows = show.Rows("when (UTC)", "amount", "fee", "status", "label", right=("amount", "fee"))
        values = []
        for entry in entries:
            txid = show_txid(entry.tx.txid)
            fee = "" if entry.fee is None else show.sats(entry.fee)
            label = labels.get((LabelType.TX, txid), "")
            cells = (show.when(entry.first_seen), show.sats(entry.net), fee, _status(entry), label)
            rows.add(*cells, below=txid)
            values.append(history_value(entry, label))
        call.out.result(values, rows.lines("There are no transactions yet."))


def _age(entry: HistoryEntry) -> tuple[bool, int, bool]:
    """Order what waits first, then the newest, and what was replaced at once behind what took its place."""
    # the time of a block may be ahead of this machine's, and so of a payment that waits for the next
    waits = entry.status in (Status.MEMPOOL, Status.PENDING)
    return not waits, -entry.first_seen, entry.replaced_by is not None


def history_value(entry: HistoryEntry, label: str) -> dict[str, object]:
    """Return a transaction of the wallet for scripts."""
    return {
        "txid": show_txid(entry.tx.txid),
        "status": entry.status.value,
        "net": entry.net,
        "fee": entry.fee,
        "confirmations": entry.confirmations,
        "height": None if entry.block is None else entry.block.height,
        "first_seen": entry.first_seen,
        "own": entry.own,
        "replaced_by": None if entry.replaced_by is None else show_txid(entry.replaced_by),
        "label": label,
    }


def _status(entry: HistoryEntry) -> str:
    return f"{entry.confirmations} conf" if entry.confirmations else entry.status.value


@command(app, examples="mpcw wallet rescan\nmpcw wallet rescan --from 0 --gap 1000")
def rescan(
    call: Invocation,
    from_height: Annotated[int, typer.Option("--from", min=0, help="First block to look at.")] = 0,
    gap: Annotated[
        int,
        typer.Option(min=GAP_LIMIT, max=MAX_GAP, help="How many unused addresses in a row to look beyond."),
    ] = GAP_LIMIT,
) -> None:
    """Look at all blocks again for the wallet's addresses.

    A wallet that was restored from an old copy does not know how many addresses it has handed out since: if
    more than the gap were never paid, those behind them are found with a larger one, and known from then on.
    """
    with call.open() as wallet, call.out.working("looking at the blocks"):
        new, found = wallet.rescan(from_height, gap), wallet.balance()
        total, count = show.amount(found.total), show.count(new, "new transaction")
        call.out.result({"total": found.total, "new_transactions": new}, [f"total {total}, {count}"])


@command(
    app,
    examples="""
mpcw wallet export
mpcw wallet export --format importdescriptors | bitcoin-cli -stdin importdescriptors
""",
)
def export(
    call: Invocation,
    form: Annotated[
        str, typer.Option("--format", help="descriptor, importdescriptors (for Bitcoin Core) or json.")
    ] = "descriptor",
) -> None:
    """Print what lets another program watch this wallet; nothing secret."""
    with call.open() as wallet:
        if form == "descriptor":
            lines = wallet.descriptors()
            call.out.result(list(lines), lines)
        elif form == "importdescriptors":
            text = wallet.import_json()
            call.out.result(json.loads(text), [text])
        elif form == "json":
            value = describe(wallet)
            call.out.result(value, [json.dumps(value, indent=2)])
        else:
            raise UsageError(f"there is no format {form!r}: choose descriptor, importdescriptors or json")


@command(app, "export-labels", examples="mpcw wallet export-labels labels.jsonl")
def export_labels(
    call: Invocation, path: Annotated[Path, typer.Argument(help="File to write; - for standard output.")]
) -> None:
    """Write labels and frozen coins in the format of BIP-329."""
    with call.open() as wallet:
        data = wallet.export_labels()
    records = [json.loads(line) for line in data.splitlines()]
    if str(path) != "-":
        path.write_bytes(data)
        written = f"{show.count(len(records), 'label')} written to {path}"
        call.out.result({"labels": len(records), "path": str(path)}, [written])
    elif call.out.as_json:
        call.out.result(records, [])
    else:
        call.out.raw(data.decode())


@command(app, "import-labels", examples="mpcw wallet import-labels labels.jsonl")
def import_labels(call: Invocation, path: Annotated[Path, typer.Argument(help="A file of BIP-329.")]) -> None:
    """Take labels and frozen coins from a file of BIP-329; lines that are malformed are named."""
    with call.open() as wallet:
        found = wallet.import_labels(path.read_bytes())
    refused = [f"line {number}: {reason}" for number, reason in found.refused]
    value = {"labels": len(found.labels), "refused": refused, "truncated": list(found.truncated)}
    call.out.result(value, [f"{show.count(len(found.labels), 'label')} read", *refused])
