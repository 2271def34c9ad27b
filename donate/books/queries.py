"""What pages read of the books."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from config.database import db
from contacts import tally
from donate.books.models import Goal


@dataclass(frozen=True)
class GoalNow:
    """A goal and how far it has come: gifts in its currency, less what went back; in minor units.

    Gifts in other currencies come on top: nothing is converted.
    """

    campaign: str  # empty: all gifts to the fund
    fund: str
    currency: str
    goal_minor: int
    raised_minor: int


def goals_of(campaign: str) -> list[GoalNow]:
    """The goals of one campaign, or with "" those of funds as a whole."""
    rows = db.session.execute(
        select(Goal.fund, Goal.currency, Goal.goal_minor)
        .where(Goal.campaign == campaign)
        .order_by(Goal.fund)
    ).all()
    return [
        GoalNow(campaign, fund, currency, goal_minor, raised(campaign, fund, currency))
        for fund, currency, goal_minor in rows
    ]


def goals_beside(campaign: str, fund: str | None) -> list[GoalNow]:
    """What to show beside the form of a gift: the goal of the fund, or all of the campaign's."""
    goals = goals_of(campaign) if campaign or fund else []
    chosen = [goal for goal in goals if goal.fund == fund]
    return chosen or (goals if campaign else [])


def raised(campaign: str, fund: str, currency: str) -> int:
    """What a fund has in one currency, in minor units; never below nothing."""
    subject = f"{campaign}/{fund}" if campaign else fund
    return max(tally.total(f"raised.{currency}", subject), 0)
