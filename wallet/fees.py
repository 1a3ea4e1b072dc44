"""What a transaction may pay: its weight before it is signed, change that is not worth keeping, caps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from wallet.amounts import FeeRate, Sats
from wallet.errors import ChainError, MalformedError, RefusedError
from wallet.network import MAINNET, Network
from wallet.script import INPUT_WEIGHT, ScriptType, dust_threshold, output_size

# What a coin costs to spend one day, when there is time to wait (Bitcoin Core, -consolidatefeerate).
LONG_TERM_RATE: Final = FeeRate(10_000)
# BIP-125 rule 4 (Bitcoin Core, -incrementalrelayfee): a replacement pays that much more for its own bytes.
INCREMENTAL_RATE: Final = FeeRate(1000)
# Where coins have no value and nothing else is in the blocks.
FALLBACK_RATE: Final = FeeRate(2000)

_WITNESS_SCALE: Final = 4
_ABSOLUTE_CAP: Final = Sats(1_000_000)
_RATE_CAP: Final = FeeRate(500_000)


@dataclass(frozen=True, slots=True)
class FeeCaps:
    """Limits that a fee must keep; each protects against another mistake.

    Args:
        absolute: satoshi. The default, 0.01 BTC, is 20 inputs at 500 sat/vB.
        relative: percent of the amount sent. 0 allows no fee at all.
        rate: over the virtual bytes of the signed transaction.

    Raises:
        MalformedError: a limit is negative.
    """

    absolute: Sats = _ABSOLUTE_CAP
    relative: int = 10
    rate: FeeRate = _RATE_CAP

    def __post_init__(self) -> None:
        if self.absolute < 0 or self.relative < 0:
            raise MalformedError("a fee cap must not be negative")

    def check(self, fee: int, amount: int, vsize: int) -> None:
        """Refuse a fee above a cap; one that is equal passes.

        Args:
            fee: satoshi.
            amount: satoshi that leave the wallet without the fee; where none do (consolidation, cancel,
                CPFP), those that come back to it.
            vsize: virtual bytes of the signed transaction, estimated or real.

        Raises:
            RefusedError: "fee-absolute", "fee-relative" or "fee-rate".
        """
        if fee > self.absolute:
            raise RefusedError(
                "fee-absolute",
                f"the fee of {fee} sat is above the cap of {self.absolute} sat",
                "lower the fee rate, spend fewer coins, or have the cap raised",
            )
        if fee * 100 > self.relative * amount:
            raise RefusedError(
                "fee-relative",
                f"the fee of {fee} sat is above {self.relative} percent of the amount of {amount} sat",
                "lower the fee rate, send more at once, or have the cap raised",
            )
        if fee > self.rate.fee(vsize):
            raise RefusedError(
                "fee-rate",
                f"the fee rate of {FeeRate.of(fee, vsize)} is above the cap of {self.rate}",
                "lower the fee rate, or have the cap raised",
            )


def estimated_rate(network: Network, estimate: FeeRate | None, minimum: FeeRate) -> FeeRate:
    """Return the rate to pay when the user names none.

    Args:
        network: where the fee is paid.
        estimate: what the backend estimates; None when it cannot.
        minimum: the lowest rate that its mempool takes now.

    Returns:
        The estimate, not below the minimum; on a test network without an estimate FALLBACK_RATE.

    Raises:
        ChainError: there is no estimate on mainnet.
    """
    if estimate is None:
        if network is MAINNET:
            raise ChainError("the chain backend cannot estimate a fee rate now", "name one in sat/vB")
        estimate = FALLBACK_RATE
    return max(estimate, minimum)


def transaction_weight(inputs: Sequence[ScriptType], outputs: Sequence[bytes]) -> int:
    """Return the most that a signed transaction can weigh (BIP-141).

    Args:
        inputs: P2WPKH or P2TR (key path), for each input what it spends.
        outputs: their scripts.

    Returns:
        Weight units.
    """
    # version, locktime and the two counts count fourfold; marker and flag are witness
    base = 4 + 4 + _count_size(len(inputs)) + _count_size(len(outputs)) + sum(map(output_size, outputs))
    return _WITNESS_SCALE * base + 2 + sum(INPUT_WEIGHT[kind] for kind in inputs)


def to_vsize(weight: int) -> int:
    """Return virtual bytes, rounded up (BIP-141)."""
    return -(-weight // _WITNESS_SCALE)


def weight_fee(weight: int, rate: FeeRate) -> Sats:
    """Return the fee of so many weight units in satoshi, rounded up."""
    return Sats(-(-rate.sat_per_kvb * weight // (1000 * _WITNESS_SCALE)))


def input_fee(kind: ScriptType, rate: FeeRate) -> Sats:
    """Return what it costs to spend a coin of a kind, in satoshi rounded up."""
    return weight_fee(INPUT_WEIGHT[kind], rate)


def fee_without_inputs(outputs: Sequence[bytes], rate: FeeRate) -> Sats:
    """Return what a transaction pays for all but its inputs.

    Returns:
        Satoshi: with input_fee() of each of up to 65535 inputs never less than the rate over the virtual
        bytes of the whole, though each of them is rounded by itself.
    """
    # up to 3 weight units fill the last virtual byte; 253 inputs and more are counted in 2 more bytes
    return weight_fee(transaction_weight([], outputs) + 3 + 2 * _WITNESS_SCALE, rate)


def _count_size(count: int) -> int:
    """Return the bytes of a CompactSize number."""
    return 1 if count < 0xFD else 3 if count <= 0xFFFF else 5


@dataclass(frozen=True, slots=True)
class ChangeCost:
    """What change costs, and when it is dropped.

    Args:
        create: satoshi for the bytes of the output at the rate of the transaction.
        spend: satoshi for spending it at the long-term rate.
        least: satoshi below which the change is left to the fee: dust, or not worth its spending.
    """

    create: Sats
    spend: Sats
    least: Sats

    @classmethod
    def of(cls, kind: ScriptType, script: bytes, rate: FeeRate) -> Self:
        """Return the costs of a change output at the rate of its transaction.

        Args:
            kind: P2WPKH or P2TR.
            script: of the change; one of the same length will do.
            rate: what the transaction pays.
        """
        spend = input_fee(kind, LONG_TERM_RATE)
        return cls(rate.fee(output_size(script)), spend, max(dust_threshold(script), spend))
