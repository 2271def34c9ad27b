"""Work that falls due by the stand-in's clock: sessions expire, debits and charges settle, refunds
leave, subscriptions renew.
"""

from collections.abc import Callable

from demo.stripe import afterwards, debits, disputes, fraud_warnings, renewals
from demo.stripe.account import Account


def _expire_session(account: Account, session_id: str) -> None:
    session = account.ledger.get("checkout.session", session_id)
    if session["status"] == "open":
        afterwards.expire(account, session)


WORK: dict[str, Callable[[Account, str], None]] = {
    "expire": _expire_session,
    "settle": afterwards.settle,
    "debit pays": lambda account, session: debits.finish_debit(account, session, pays=True),
    "debit fails": lambda account, session: debits.finish_debit(account, session, pays=False),
    "refund": afterwards.finish_refund,
    "dispute": disputes.dispute_when_due,
    "warning": fraud_warnings.warn_when_due,
    "refund fails": afterwards.let_refund_fail,
    "renew": renewals.renew_when_due,
    "retry": renewals.retry_when_due,
    "resume": renewals.resume_when_due,
    "renewal debit pays": lambda account, one: renewals.finish_debit(account, one, pays=True),
    "renewal debit fails": lambda account, one: renewals.finish_debit(account, one, pays=False),
}


def run_due(account: Account) -> int:
    """Do all that is due; returns how many things that was."""
    done = 0
    with account.ledger.transaction():
        until = account.ledger.now()
        while job := account.ledger.next_job(until):
            number, kind, subject, due_at = job
            with account.ledger.standing_at(due_at):
                WORK[kind](account, subject)
            account.ledger.finish_job(number)
            done += 1
    return done
