"""What staff hope to raise: one goal for each campaign and fund."""

from __future__ import annotations

import uuid

from sqlalchemy import delete, select

from config.database import db, insert_or_update
from donate.books.models import Goal
from donate.books.queries import GoalNow, raised


def set_goal(campaign: str, fund: str, currency: str, goal_minor: int) -> uuid.UUID:
    """Set or change a goal, in minor units; its id. Flushes."""
    values = {"currency": currency, "goal_minor": goal_minor}
    statement = insert_or_update(Goal).values(
        id=uuid.uuid4(), campaign=campaign, fund=fund, **values
    )
    statement = statement.on_conflict_do_update(index_elements=["campaign", "fund"], set_=values)
    goal_id: uuid.UUID = db.session.execute(statement.returning(Goal.id)).scalar_one()
    return goal_id


def remove_goal(goal_id: uuid.UUID) -> tuple[str, str] | None:
    """Take a goal away; its campaign and fund, None where it has gone already. Flushes."""
    gone = delete(Goal).where(Goal.id == goal_id).returning(Goal.campaign, Goal.fund)
    row = db.session.execute(gone).first()
    return (row.campaign, row.fund) if row else None


def all_goals() -> list[tuple[uuid.UUID, GoalNow]]:
    """Every goal with what was raised, those of funds as a whole first."""
    rows = db.session.execute(
        select(Goal.id, Goal.campaign, Goal.fund, Goal.currency, Goal.goal_minor).order_by(
            Goal.campaign, Goal.fund
        )
    ).all()
    return [
        (goal_id, GoalNow(campaign, fund, currency, hoped, raised(campaign, fund, currency)))
        for goal_id, campaign, fund, currency, hoped in rows
    ]
