"""Make room for recurring gifts, the ledger, refunds, disputes, private links, the guard.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("tally", "tally_delta"):  # a campaign and its fund
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.alter_column(
                "subject", existing_type=sa.String(length=80), type_=sa.String(length=125)
            )
    op.create_table(
        "begun_gift",
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("gift_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_begun_gift")),
    )
    with op.batch_alter_table("begun_gift", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_begun_gift_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "decline",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("gift_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decline")),
    )
    with op.batch_alter_table("decline", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_decline_at"), ["at"], unique=False)
        batch_op.create_index(batch_op.f("ix_decline_gift_id"), ["gift_id"], unique=False)

    op.create_table(
        "goal",
        sa.Column("campaign", sa.String(length=80), nullable=False),
        sa.Column("fund", sa.String(length=40), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("goal_minor", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_goal")),
        sa.UniqueConstraint("campaign", "fund", name=op.f("uq_goal_campaign_fund")),
    )
    op.create_table(
        "guard_state",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("lifted_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("alerted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guard_state")),
    )
    op.create_table(
        "link_request",
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("blob", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link_request")),
    )
    with op.batch_alter_table("link_request", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_link_request_created_at"), ["created_at"], unique=False
        )

    op.create_table(
        "reconciliation",
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("cursor_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ran_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("differences", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_reconciliation")),
    )
    op.create_table(
        "spent_proof",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_spent_proof")),
    )
    with op.batch_alter_table("spent_proof", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_spent_proof_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "private_link",
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_private_link_contact_id_contact")
        ),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_private_link")),
    )
    with op.batch_alter_table("private_link", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_private_link_contact_id"), ["contact_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_private_link_expires_at"), ["expires_at"], unique=False
        )

    op.create_table(
        "recurring_donation",
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.String(length=16), nullable=False),
        sa.Column("next_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("stripe_subscription_id", sa.String(length=255), nullable=True),
        sa.Column("stripe_customer_id", sa.String(length=255), nullable=True),
        sa.Column("trouble_invoice_id", sa.String(length=255), nullable=True),
        sa.Column("reminders", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("fee_cover_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("fund", sa.String(length=40), nullable=False),
        sa.Column("campaign", sa.String(length=80), nullable=False),
        sa.Column("frequency", sa.String(length=8), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("newsletter_hash", sa.LargeBinary(length=32), nullable=True),
        sa.Column("dedication", sa.LargeBinary(), nullable=True),
        sa.Column("dedication_note", sa.LargeBinary(), nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stripe_session_id", sa.String(length=255), nullable=True),
        sa.Column("contact_id", sa.Uuid(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "state IN ('created', 'open', 'active', 'at-risk', 'paused', 'ended', 'expired')",
            name=op.f("ck_recurring_donation_state"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_recurring_donation_amount")),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_recurring_donation_contact_id_contact")
        ),
        sa.ForeignKeyConstraint(
            ["newsletter_hash"],
            ["consent_text.hash"],
            name=op.f("fk_recurring_donation_newsletter_hash_consent_text"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recurring_donation")),
        sa.UniqueConstraint(
            "stripe_session_id", name=op.f("uq_recurring_donation_stripe_session_id")
        ),
        sa.UniqueConstraint(
            "stripe_subscription_id", name=op.f("uq_recurring_donation_stripe_subscription_id")
        ),
    )
    with op.batch_alter_table("recurring_donation", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_recurring_donation_contact_id"), ["contact_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_recurring_donation_created_at"), ["created_at"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_recurring_donation_stripe_customer_id"),
            ["stripe_customer_id"],
            unique=False,
        )

    op.create_table(
        "dispute",
        sa.Column("donation_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("stripe_dispute_id", sa.String(length=255), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["donation_id"], ["donation.id"], name=op.f("fk_dispute_donation_id_donation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute")),
        sa.UniqueConstraint("stripe_dispute_id", name=op.f("uq_dispute_stripe_dispute_id")),
    )
    with op.batch_alter_table("dispute", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_dispute_donation_id"), ["donation_id"], unique=False)

    op.create_table(
        "ledger_line",
        sa.Column("donation_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("gross_minor", sa.BigInteger(), nullable=False),
        sa.Column("fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("stripe_balance_transaction_id", sa.String(length=255), nullable=True),
        sa.Column("stripe_source_id", sa.String(length=255), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('gift', 'gift-returned', 'refund', 'refund-returned', 'dispute', 'dispute-returned')",
            name=op.f("ck_ledger_line_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["donation_id"], ["donation.id"], name=op.f("fk_ledger_line_donation_id_donation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_line")),
        sa.UniqueConstraint(
            "stripe_balance_transaction_id",
            name=op.f("uq_ledger_line_stripe_balance_transaction_id"),
        ),
    )
    with op.batch_alter_table("ledger_line", schema=None) as batch_op:
        batch_op.create_index("ix_ledger_line_day_id", ["day", "id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_ledger_line_donation_id"), ["donation_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_ledger_line_stripe_source_id"), ["stripe_source_id"], unique=False
        )

    op.create_table(
        "refund",
        sa.Column("donation_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("code", sa.String(length=80), nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=True),
        sa.Column("stripe_refund_id", sa.String(length=255), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "state IN ('requested', 'pending', 'succeeded', 'failed', 'canceled', 'refused')",
            name=op.f("ck_refund_state"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_refund_amount")),
        sa.ForeignKeyConstraint(
            ["donation_id"], ["donation.id"], name=op.f("fk_refund_donation_id_donation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund")),
        sa.UniqueConstraint("stripe_refund_id", name=op.f("uq_refund_stripe_refund_id")),
    )
    with op.batch_alter_table("refund", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_refund_donation_id"), ["donation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_refund_state"), ["state"], unique=False)

    with op.batch_alter_table("donation", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("method", sa.String(length=10), nullable=False, server_default="online")
        )
        batch_op.add_column(
            sa.Column("review", sa.String(length=10), nullable=False, server_default="")
        )
        batch_op.add_column(sa.Column("recurring_id", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("reference", sa.String(length=25), nullable=True))
        batch_op.add_column(
            sa.Column("card_country", sa.String(length=2), nullable=False, server_default="")
        )
        batch_op.add_column(sa.Column("stripe_invoice_id", sa.String(length=255), nullable=True))
        batch_op.add_column(sa.Column("stripe_charge_id", sa.String(length=255), nullable=True))
        batch_op.add_column(
            sa.Column("fee_cover_minor", sa.BigInteger(), nullable=False, server_default="0")
        )
        batch_op.add_column(
            sa.Column("campaign", sa.String(length=80), nullable=False, server_default="")
        )
        batch_op.add_column(sa.Column("dedication", sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column("dedication_note", sa.LargeBinary(), nullable=True))
        batch_op.create_index(batch_op.f("ix_donation_paid_at"), ["paid_at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_donation_recurring_id"), ["recurring_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_donation_review"), ["review"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_donation_stripe_charge_id"), ["stripe_charge_id"], unique=False
        )
        batch_op.create_unique_constraint(batch_op.f("uq_donation_reference"), ["reference"])
        batch_op.create_unique_constraint(
            batch_op.f("uq_donation_stripe_invoice_id"), ["stripe_invoice_id"]
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_donation_recurring_id_recurring_donation"),
            "recurring_donation",
            ["recurring_id"],
            ["id"],
        )
        batch_op.create_check_constraint(
            batch_op.f("ck_donation_method"), "method IN ('online', 'transfer', 'cash')"
        )
        batch_op.create_check_constraint(
            batch_op.f("ck_donation_review"), "review IN ('', 'held', 'released')"
        )
    # the defaults were for the rows that are there already
    with op.batch_alter_table("donation", schema=None) as batch_op:
        for column in ("method", "review", "card_country", "fee_cover_minor", "campaign"):
            batch_op.alter_column(column, server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("donation", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_donation_method"), type_="check")
        batch_op.drop_constraint(batch_op.f("ck_donation_review"), type_="check")
        batch_op.drop_constraint(
            batch_op.f("fk_donation_recurring_id_recurring_donation"), type_="foreignkey"
        )
        batch_op.drop_constraint(batch_op.f("uq_donation_stripe_invoice_id"), type_="unique")
        batch_op.drop_constraint(batch_op.f("uq_donation_reference"), type_="unique")
        batch_op.drop_index(batch_op.f("ix_donation_stripe_charge_id"))
        batch_op.drop_index(batch_op.f("ix_donation_review"))
        batch_op.drop_index(batch_op.f("ix_donation_recurring_id"))
        batch_op.drop_index(batch_op.f("ix_donation_paid_at"))
        batch_op.drop_column("dedication_note")
        batch_op.drop_column("dedication")
        batch_op.drop_column("campaign")
        batch_op.drop_column("fee_cover_minor")
        batch_op.drop_column("stripe_charge_id")
        batch_op.drop_column("stripe_invoice_id")
        batch_op.drop_column("card_country")
        batch_op.drop_column("reference")
        batch_op.drop_column("recurring_id")
        batch_op.drop_column("review")
        batch_op.drop_column("method")

    with op.batch_alter_table("refund", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_refund_state"))
        batch_op.drop_index(batch_op.f("ix_refund_donation_id"))

    op.drop_table("refund")
    with op.batch_alter_table("ledger_line", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ledger_line_stripe_source_id"))
        batch_op.drop_index(batch_op.f("ix_ledger_line_donation_id"))
        batch_op.drop_index("ix_ledger_line_day_id")

    op.drop_table("ledger_line")
    with op.batch_alter_table("dispute", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dispute_donation_id"))

    op.drop_table("dispute")
    with op.batch_alter_table("recurring_donation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_recurring_donation_stripe_customer_id"))
        batch_op.drop_index(batch_op.f("ix_recurring_donation_created_at"))
        batch_op.drop_index(batch_op.f("ix_recurring_donation_contact_id"))

    op.drop_table("recurring_donation")
    with op.batch_alter_table("private_link", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_private_link_expires_at"))
        batch_op.drop_index(batch_op.f("ix_private_link_contact_id"))

    op.drop_table("private_link")
    with op.batch_alter_table("spent_proof", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_spent_proof_expires_at"))

    op.drop_table("spent_proof")
    op.drop_table("reconciliation")
    with op.batch_alter_table("link_request", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_link_request_created_at"))

    op.drop_table("link_request")
    op.drop_table("guard_state")
    op.drop_table("goal")
    with op.batch_alter_table("decline", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_decline_gift_id"))
        batch_op.drop_index(batch_op.f("ix_decline_at"))

    op.drop_table("decline")
    op.drop_table("begun_gift")
    for table in ("tally", "tally_delta"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.alter_column(
                "subject", existing_type=sa.String(length=125), type_=sa.String(length=80)
            )
