"""Build transactions: what to pay, bump, cancel or pull along goes in, a draft to review comes out.

check_displaced() is asked before one is sent.
"""

from wallet.spending.basis import Basis, CoinControl
from wallet.spending.cpfp import cpfp
from wallet.spending.displace import check_displaced
from wallet.spending.draft import Change, Draft
from wallet.spending.replace import bump, cancel
from wallet.spending.send import Payment, send, send_all

__all__ = [
    "Basis",
    "Change",
    "CoinControl",
    "Draft",
    "Payment",
    "bump",
    "cancel",
    "check_displaced",
    "cpfp",
    "send",
    "send_all",
]
