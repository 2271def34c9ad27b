"""The tables of the vault: key pairs, those who hold their private halves, and the shares."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Literal

from sqlalchemy import CheckConstraint, ForeignKey, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, HasId, UTCDateTime

HolderKind = Literal["staff", "recovery", "invitation"]


class VaultPair(Base):
    """A vault: the public half of a key pair. The private half exists only in shares.

    The newest one that is not retired seals; its id stands in front of each sealed box.
    """

    __tablename__ = "vault"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    public_key: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    retired_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    # since when nothing is taken in, until a key holder undoes it
    stopped_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class Holder(HasId, Base):
    """Somebody or something with a key pair of its own, to which vault keys are sealed.

    `salt` and `wrapped_key` are empty where the private key is kept outside: on the printed
    recovery code, or in an invitation's link. `enrolment_tag` can be made only by who holds the
    vault's private key, so that a key slipped into this table never gets a share.
    """

    __tablename__ = "holder"
    __table_args__ = (
        CheckConstraint("kind IN ('staff', 'recovery', 'invitation')", name="kind"),
        CheckConstraint("(salt IS NULL) = (wrapped_key IS NULL)", name="wrap"),
    )

    kind: Mapped[HolderKind] = mapped_column(String(12))
    public_key: Mapped[bytes] = mapped_column(unique=True)
    salt: Mapped[bytes | None]
    wrapped_key: Mapped[bytes | None]
    enrolment_tag: Mapped[bytes]
    # a passphrase of somebody's own choice: taken letter by letter, and never with a share
    is_chosen: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)


class VaultShare(Base):
    """A vault's private key, sealed to one holder's public key."""

    __tablename__ = "vault_share"

    vault_id: Mapped[int] = mapped_column(ForeignKey("vault.id"), primary_key=True)
    holder_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("holder.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    share: Mapped[bytes]
