"""Let no row of the ledger of consents be changed: neither words nor who said yes to them when.

A person's consents may still hang on another contact (merging) and go with the person (erasure).
Whoever rebuilds one of the tables has to make its triggers again.

Revision ID: 0004
Revises: 0003
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# What the trigger is called, and which change it refuses.
REFUSED = {
    "consent_text_is_not_changed": "UPDATE ON consent_text",
    "consent_text_is_not_deleted": "DELETE ON consent_text",
    "consent_is_not_changed": (
        "UPDATE OF id, deed_id, purpose, text_hash, is_given, day ON consent"
    ),
}


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'consents are kept as they were given'; END $$"
        )
        doing = "EXECUTE FUNCTION refuse_change()"
    else:
        doing = "BEGIN SELECT RAISE(ABORT, 'consents are kept as they were given'); END"
    for name, change in REFUSED.items():
        op.execute(f"CREATE TRIGGER {name} BEFORE {change} FOR EACH ROW {doing}")


def downgrade() -> None:
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    for name, change in REFUSED.items():
        table = change.rpartition(" ")[2]
        op.execute(f"DROP TRIGGER {name}" + (f" ON {table}" if is_postgresql else ""))
    if is_postgresql:
        op.execute("DROP FUNCTION refuse_change()")
