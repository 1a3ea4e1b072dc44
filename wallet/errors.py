"""The errors of wallet/: each says what was wrong with an input and, where there is one, what to do."""


class WalletError(Exception):
    """Root of the errors of wallet/.

    Attributes:
        hint: what the user can do; empty when the message says it all.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        self.hint = hint
        super().__init__(message)


class MalformedError(WalletError):
    """Bytes or text do not encode what they should: a transaction, PSBT, address or descriptor."""


class NetworkMismatchError(WalletError):
    """An address, key or chain is of another network than the wallet."""


class InsufficientFundsError(WalletError):
    """The coins that may be spent do not pay the amount and its fee.

    Attributes:
        needed: satoshi, with the fee.
        available: satoshi that the selectable coins are worth after the fee of spending them.
    """

    def __init__(self, needed: int, available: int, hint: str = "") -> None:
        self.needed = needed
        self.available = available
        super().__init__(f"{needed} sat are needed and {available} sat can be spent", hint)


class RefusedError(WalletError):
    """A rule that protects money forbids it: dust, a fee cap, an unproven amount, a sighash type.

    Attributes:
        rule: the rule's name, stable for scripts.
    """

    def __init__(self, rule: str, message: str, hint: str = "") -> None:
        self.rule = rule
        super().__init__(message, hint)


class UnknownError(WalletError):
    """A coin, transaction, address or account that was named does not exist in the wallet."""


class SignatureError(WalletError):
    """A signature is malformed, not normalised, or does not hold: it must not leave."""


class ChainError(WalletError):
    """The chain backend failed or cannot be reached."""


class ChainRefusedError(ChainError):
    """The chain backend refused a transaction.

    Attributes:
        reason: in the words of Bitcoin Core's testmempoolaccept, such as "bad-txns-inputs-missingorspent".
    """

    def __init__(self, reason: str, hint: str = "") -> None:
        self.reason = reason
        super().__init__(f"the transaction was refused: {reason}", hint)
