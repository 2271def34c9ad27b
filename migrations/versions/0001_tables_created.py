"""Create every table of the first version.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_event",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("subject_kind", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_event")),
    )
    with op.batch_alter_table("audit_event", schema=None) as batch_op:
        batch_op.create_index(
            "ix_audit_event_subject", ["subject_kind", "subject_id"], unique=False
        )

    op.create_table(
        "campaign",
        sa.Column("slug", sa.String(length=80), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("fund", sa.String(length=40), nullable=False),
        sa.Column("petition_slug", sa.String(length=80), nullable=False),
        sa.Column("sister_slug", sa.String(length=80), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign")),
        sa.UniqueConstraint("slug", name=op.f("uq_campaign_slug")),
    )
    op.create_table(
        "consent_text",
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("purpose", sa.String(length=40), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_consent_text")),
    )
    op.create_table(
        "contact",
        sa.Column("email_index", sa.LargeBinary(length=16), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("newsletter", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("state IN ('pending', 'confirmed')", name=op.f("ck_contact_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact")),
        sa.UniqueConstraint("email_index", name=op.f("uq_contact_email_index")),
    )
    op.create_table(
        "holder",
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=True),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=True),
        sa.Column("enrolment_tag", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('staff', 'recovery', 'invitation')", name=op.f("ck_holder_kind")
        ),
        sa.CheckConstraint("(salt IS NULL) = (wrapped_key IS NULL)", name=op.f("ck_holder_wrap")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holder")),
        sa.UniqueConstraint("public_key", name=op.f("uq_holder_public_key")),
    )
    op.create_table(
        "outgoing_email",
        sa.Column("idem_key", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("error", sa.String(length=40), nullable=True),
        sa.Column("cap_key", sa.LargeBinary(length=16), nullable=True),
        sa.Column("cap_slot", sa.SmallInteger(), nullable=True),
        sa.Column("blob", sa.LargeBinary(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "state IN ('queued', 'sending', 'failed', 'sent', 'expired', 'unreadable')",
            name=op.f("ck_outgoing_email_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outgoing_email")),
        sa.UniqueConstraint("cap_key", "cap_slot", name=op.f("uq_outgoing_email_cap_key_cap_slot")),
        sa.UniqueConstraint("idem_key", name=op.f("uq_outgoing_email_idem_key")),
    )
    with op.batch_alter_table("outgoing_email", schema=None) as batch_op:
        batch_op.create_index("ix_outgoing_email_state_due_at", ["state", "due_at"], unique=False)

    op.create_table(
        "petition",
        sa.Column("slug", sa.String(length=80), nullable=False),
        sa.Column("campaign_slug", sa.String(length=80), nullable=False),
        sa.Column("goal", sa.Integer(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_petition")),
        sa.UniqueConstraint("slug", name=op.f("uq_petition_slug")),
    )
    op.create_table(
        "sign_in_delay",
        sa.Column("name_hash", sa.LargeBinary(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name_hash", name=op.f("pk_sign_in_delay")),
    )
    op.create_table(
        "stripe_event",
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("type", sa.String(length=80), nullable=False),
        sa.Column("object_id", sa.String(length=255), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stripe_event")),
    )
    op.create_table(
        "tally",
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("facet", sa.String(length=8), nullable=False),
        sa.Column("value", sa.String(length=10), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "subject", "facet", "value", name=op.f("pk_tally")),
    )
    with op.batch_alter_table("tally", schema=None) as batch_op:
        batch_op.create_index("ix_tally_kind_facet", ["kind", "facet"], unique=False)

    op.create_table(
        "tally_delta",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tally_delta")),
    )
    op.create_table(
        "vault",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vault")),
    )
    op.create_table(
        "campaign_text",
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("kicker", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("share", sa.Text(), nullable=False),
        sa.Column("story", sa.Text(), nullable=False),
        sa.Column("thanks_give", sa.Text(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("sources", sa.JSON(), nullable=False),
        sa.Column("calls", sa.JSON(), nullable=False),
        sa.Column("loaded_hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaign.id"], name=op.f("fk_campaign_text_campaign_id_campaign")
        ),
        sa.PrimaryKeyConstraint("campaign_id", "language", name=op.f("pk_campaign_text")),
    )
    op.create_table(
        "consent",
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("deed_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(length=40), nullable=False),
        sa.Column("text_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("is_given", sa.Boolean(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_consent_contact_id_contact")
        ),
        sa.ForeignKeyConstraint(
            ["text_hash"], ["consent_text.hash"], name=op.f("fk_consent_text_hash_consent_text")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    with op.batch_alter_table("consent", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_consent_contact_id"), ["contact_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_consent_deed_id"), ["deed_id"], unique=False)

    op.create_table(
        "donation",
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("fund", sa.String(length=40), nullable=False),
        sa.Column("frequency", sa.String(length=8), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("newsletter_hash", sa.LargeBinary(length=32), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stripe_session_id", sa.String(length=255), nullable=True),
        sa.Column("stripe_payment_intent_id", sa.String(length=255), nullable=True),
        sa.Column("contact_id", sa.Uuid(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "state IN ('created', 'open', 'pending', 'paid', 'failed', 'expired')",
            name=op.f("ck_donation_state"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_donation_amount")),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_donation_contact_id_contact")
        ),
        sa.ForeignKeyConstraint(
            ["newsletter_hash"],
            ["consent_text.hash"],
            name=op.f("fk_donation_newsletter_hash_consent_text"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_donation")),
        sa.UniqueConstraint("stripe_session_id", name=op.f("uq_donation_stripe_session_id")),
    )
    with op.batch_alter_table("donation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_donation_contact_id"), ["contact_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_donation_created_at"), ["created_at"], unique=False)
        batch_op.create_index("ix_donation_day_id", ["day", "id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_donation_stripe_payment_intent_id"),
            ["stripe_payment_intent_id"],
            unique=False,
        )

    op.create_table(
        "petition_text",
        sa.Column("petition_id", sa.Uuid(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("addressee", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("thanks", sa.Text(), nullable=False),
        sa.Column("share", sa.Text(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("sources", sa.JSON(), nullable=False),
        sa.Column("loaded_hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["petition_id"], ["petition.id"], name=op.f("fk_petition_text_petition_id_petition")
        ),
        sa.PrimaryKeyConstraint("petition_id", "language", name=op.f("pk_petition_text")),
    )
    op.create_table(
        "signature",
        sa.Column("petition_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("confirm_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("confirm_note", sa.LargeBinary(), nullable=True),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_signature_contact_id_contact")
        ),
        sa.ForeignKeyConstraint(
            ["petition_id"], ["petition.id"], name=op.f("fk_signature_petition_id_petition")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signature")),
        sa.UniqueConstraint("confirm_hash", name=op.f("uq_signature_confirm_hash")),
    )
    with op.batch_alter_table("signature", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_signature_contact_id"), ["contact_id"], unique=False)
        batch_op.create_index("ix_signature_day_id", ["day", "id"], unique=False)
        batch_op.create_index(
            "uq_signature_confirmed",
            ["petition_id", "contact_id"],
            unique=True,
            sqlite_where=sa.text("state = 'confirmed'"),
            postgresql_where=sa.text("state = 'confirmed'"),
        )

    op.create_table(
        "staff_member",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("role", sa.String(length=12), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=True),
        sa.Column("language", sa.String(length=8), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_sign_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "role IN ('viewer', 'editor', 'contacts', 'admin')", name=op.f("ck_staff_member_role")
        ),
        sa.ForeignKeyConstraint(
            ["holder_id"], ["holder.id"], name=op.f("fk_staff_member_holder_id_holder")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_member")),
        sa.UniqueConstraint("holder_id", name=op.f("uq_staff_member_holder_id")),
        sa.UniqueConstraint("name", name=op.f("uq_staff_member_name")),
    )
    op.create_table(
        "vault_share",
        sa.Column("vault_id", sa.SmallInteger(), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("share", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["holder_id"],
            ["holder.id"],
            name=op.f("fk_vault_share_holder_id_holder"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["vault_id"], ["vault.id"], name=op.f("fk_vault_share_vault_id_vault")
        ),
        sa.PrimaryKeyConstraint("vault_id", "holder_id", name=op.f("pk_vault_share")),
    )
    with op.batch_alter_table("vault_share", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_vault_share_holder_id"), ["holder_id"], unique=False)

    op.create_table(
        "volunteer_signup",
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("confirm_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("confirm_note", sa.LargeBinary(), nullable=True),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "state IN ('pending', 'new', 'contacted', 'active', 'declined')",
            name=op.f("ck_volunteer_signup_state"),
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_volunteer_signup_contact_id_contact")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_volunteer_signup")),
        sa.UniqueConstraint("confirm_hash", name=op.f("uq_volunteer_signup_confirm_hash")),
    )
    with op.batch_alter_table("volunteer_signup", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_volunteer_signup_contact_id"), ["contact_id"], unique=False
        )
        batch_op.create_index("ix_volunteer_signup_day_id", ["day", "id"], unique=False)

    op.create_table(
        "staff_session",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"],
            ["staff_member.id"],
            name=op.f("fk_staff_session_staff_id_staff_member"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_staff_session")),
    )
    with op.batch_alter_table("staff_session", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_staff_session_staff_id"), ["staff_id"], unique=False)

    op.create_table(
        "volunteer_note",
        sa.Column("signup_id", sa.Uuid(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["signup_id"],
            ["volunteer_signup.id"],
            name=op.f("fk_volunteer_note_signup_id_volunteer_signup"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_volunteer_note")),
    )
    with op.batch_alter_table("volunteer_note", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_volunteer_note_signup_id"), ["signup_id"], unique=False
        )



def downgrade() -> None:
    with op.batch_alter_table("volunteer_note", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_volunteer_note_signup_id"))

    op.drop_table("volunteer_note")
    with op.batch_alter_table("staff_session", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_staff_session_staff_id"))

    op.drop_table("staff_session")
    with op.batch_alter_table("volunteer_signup", schema=None) as batch_op:
        batch_op.drop_index("ix_volunteer_signup_day_id")
        batch_op.drop_index(batch_op.f("ix_volunteer_signup_contact_id"))

    op.drop_table("volunteer_signup")
    with op.batch_alter_table("vault_share", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_vault_share_holder_id"))

    op.drop_table("vault_share")
    op.drop_table("staff_member")
    with op.batch_alter_table("signature", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_signature_confirmed",
            sqlite_where=sa.text("state = 'confirmed'"),
            postgresql_where=sa.text("state = 'confirmed'"),
        )
        batch_op.drop_index("ix_signature_day_id")
        batch_op.drop_index(batch_op.f("ix_signature_contact_id"))

    op.drop_table("signature")
    op.drop_table("petition_text")
    with op.batch_alter_table("donation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_donation_stripe_payment_intent_id"))
        batch_op.drop_index("ix_donation_day_id")
        batch_op.drop_index(batch_op.f("ix_donation_created_at"))
        batch_op.drop_index(batch_op.f("ix_donation_contact_id"))

    op.drop_table("donation")
    with op.batch_alter_table("consent", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_consent_deed_id"))
        batch_op.drop_index(batch_op.f("ix_consent_contact_id"))

    op.drop_table("consent")
    op.drop_table("campaign_text")
    op.drop_table("vault")
    op.drop_table("tally_delta")
    with op.batch_alter_table("tally", schema=None) as batch_op:
        batch_op.drop_index("ix_tally_kind_facet")

    op.drop_table("tally")
    op.drop_table("stripe_event")
    op.drop_table("sign_in_delay")
    op.drop_table("petition")
    with op.batch_alter_table("outgoing_email", schema=None) as batch_op:
        batch_op.drop_index("ix_outgoing_email_state_due_at")

    op.drop_table("outgoing_email")
    op.drop_table("holder")
    op.drop_table("contact")
    op.drop_table("consent_text")
    op.drop_table("campaign")
    with op.batch_alter_table("audit_event", schema=None) as batch_op:
        batch_op.drop_index("ix_audit_event_subject")

    op.drop_table("audit_event")
