"""`python -m demo.goals`: a goal for one fund of one campaign, so that a first look has a bar."""

from __future__ import annotations

from app import create_app
from config.database import db
from donate.books.goals import set_goal

CAMPAIGN, FUND = "stolen-childhood", "humanitarian-aid"
GOAL = 2_000_000  # cents


def main() -> None:
    """Set it; staff change it at /staff/giving."""
    with create_app().app_context():
        set_goal(CAMPAIGN, FUND, "EUR", GOAL)
        db.session.commit()


if __name__ == "__main__":
    main()
