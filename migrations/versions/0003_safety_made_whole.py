"""Make room for invitations, second factors, the chain of the audit log, and people's own pages.

Sessions end: their rows get an id and a mark.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_chain",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_chain")),
    )
    op.create_table(
        "keyed_work",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("left", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_keyed_work")),
    )
    op.create_table(
        "address_change",
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("email_index", sa.LargeBinary(length=16), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_address_change_contact_id_contact")
        ),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_address_change")),
    )
    with op.batch_alter_table("address_change", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_address_change_contact_id"), ["contact_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_address_change_expires_at"), ["expires_at"], unique=False
        )

    op.create_table(
        "copy_request",
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=True),
        sa.Column("blob", sa.LargeBinary(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_copy_request_contact_id_contact")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_copy_request")),
        sa.UniqueConstraint("hash", name=op.f("uq_copy_request_hash")),
    )
    with op.batch_alter_table("copy_request", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_copy_request_contact_id"), ["contact_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_copy_request_expires_at"), ["expires_at"], unique=False
        )

    op.create_table(
        "correction",
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_correction_contact_id_contact")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_correction")),
    )
    with op.batch_alter_table("correction", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_correction_contact_id"), ["contact_id"], unique=False)

    op.create_table(
        "invitation",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["holder_id"], ["holder.id"], name=op.f("fk_invitation_holder_id_holder")
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"],
            ["staff_member.id"],
            name=op.f("fk_invitation_staff_id_staff_member"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_invitation")),
    )
    with op.batch_alter_table("invitation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_invitation_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_invitation_staff_id"), ["staff_id"], unique=False)

    op.create_table(
        "known_browser",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"],
            ["staff_member.id"],
            name=op.f("fk_known_browser_staff_id_staff_member"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_known_browser")),
    )
    with op.batch_alter_table("known_browser", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_known_browser_staff_id"), ["staff_id"], unique=False)

    with op.batch_alter_table("audit_event", schema=None) as batch_op:
        batch_op.add_column(sa.Column("hash", sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column("mac", sa.LargeBinary(), nullable=True))

    with op.batch_alter_table("contact", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("is_discreet", sa.Boolean(), nullable=False, server_default=sa.false())
        )

    with op.batch_alter_table("donation", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("is_discreet", sa.Boolean(), nullable=False, server_default=sa.false())
        )

    with op.batch_alter_table("holder", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("is_chosen", sa.Boolean(), nullable=False, server_default=sa.false())
        )

    with op.batch_alter_table("petition", schema=None) as batch_op:
        batch_op.add_column(sa.Column("closes_on", sa.Date(), nullable=True))

    with op.batch_alter_table("private_link", schema=None) as batch_op:
        batch_op.add_column(sa.Column("address", sa.LargeBinary(), nullable=True))

    with op.batch_alter_table("recurring_donation", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("is_discreet", sa.Boolean(), nullable=False, server_default=sa.false())
        )

    with op.batch_alter_table("staff_member", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("state", sa.String(length=12), nullable=False, server_default="active")
        )
        batch_op.add_column(sa.Column("totp_step", sa.BigInteger(), nullable=True))
        batch_op.create_check_constraint(
            batch_op.f("ck_staff_member_state"), "state IN ('invited', 'active', 'removed')"
        )

    op.execute("DELETE FROM staff_session")
    with op.batch_alter_table("staff_session", schema=None) as batch_op:
        batch_op.add_column(sa.Column("id", sa.Uuid(), nullable=False))
        batch_op.add_column(sa.Column("stepped_up_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("browser", sa.String(length=40), nullable=False))
        batch_op.add_column(sa.Column("mark", sa.LargeBinary(), nullable=False))
        batch_op.create_unique_constraint(batch_op.f("uq_staff_session_id"), ["id"])

    with op.batch_alter_table("vault", schema=None) as batch_op:
        batch_op.add_column(sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True))

    with op.batch_alter_table("volunteer_signup", schema=None) as batch_op:
        batch_op.add_column(sa.Column("reviewed_on", sa.Date(), nullable=True))

    for table, column in (  # what was there has its value now; new rows say theirs
        ("contact", "is_discreet"),
        ("donation", "is_discreet"),
        ("holder", "is_chosen"),
        ("recurring_donation", "is_discreet"),
        ("staff_member", "state"),
    ):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.alter_column(column, server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("volunteer_signup", schema=None) as batch_op:
        batch_op.drop_column("reviewed_on")

    with op.batch_alter_table("vault", schema=None) as batch_op:
        batch_op.drop_column("stopped_at")

    with op.batch_alter_table("staff_session", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_staff_session_id"), type_="unique")
        batch_op.drop_column("mark")
        batch_op.drop_column("browser")
        batch_op.drop_column("stepped_up_at")
        batch_op.drop_column("id")

    with op.batch_alter_table("staff_member", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_staff_member_state"), type_="check")
        batch_op.drop_column("totp_step")
        batch_op.drop_column("state")

    with op.batch_alter_table("recurring_donation", schema=None) as batch_op:
        batch_op.drop_column("is_discreet")

    with op.batch_alter_table("private_link", schema=None) as batch_op:
        batch_op.drop_column("address")

    with op.batch_alter_table("petition", schema=None) as batch_op:
        batch_op.drop_column("closes_on")

    with op.batch_alter_table("holder", schema=None) as batch_op:
        batch_op.drop_column("is_chosen")

    with op.batch_alter_table("donation", schema=None) as batch_op:
        batch_op.drop_column("is_discreet")

    with op.batch_alter_table("contact", schema=None) as batch_op:
        batch_op.drop_column("is_discreet")

    with op.batch_alter_table("audit_event", schema=None) as batch_op:
        batch_op.drop_column("mac")
        batch_op.drop_column("hash")

    with op.batch_alter_table("known_browser", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_known_browser_staff_id"))

    op.drop_table("known_browser")
    with op.batch_alter_table("invitation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_invitation_staff_id"))
        batch_op.drop_index(batch_op.f("ix_invitation_expires_at"))

    op.drop_table("invitation")
    with op.batch_alter_table("correction", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_correction_contact_id"))

    op.drop_table("correction")
    with op.batch_alter_table("copy_request", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_copy_request_expires_at"))
        batch_op.drop_index(batch_op.f("ix_copy_request_contact_id"))

    op.drop_table("copy_request")
    with op.batch_alter_table("address_change", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_address_change_expires_at"))
        batch_op.drop_index(batch_op.f("ix_address_change_contact_id"))

    op.drop_table("address_change")
    op.drop_table("keyed_work")
    op.drop_table("audit_chain")
