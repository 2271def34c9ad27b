"""Vigil, put together: `create_app` alone knows every room."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

from flask import Flask
from flask_migrate import Migrate
from flask_wtf import CSRFProtect
from pydantic import ValidationInfo, field_validator
from werkzeug.middleware.proxy_fix import ProxyFix

import campaigns.cli
import campaigns.queries
import campaigns.views
import contacts.cli
import contacts.my_data.views
import contacts.retention
import contacts.views
import donate.books.models
import donate.cli
import donate.giving.views
import donate.giving.views_recurring
import donate.guard.models
import donate.guard.views
import donate.offline.views
import donate.parts
import donate.retention
import donate.views
import donate.webhooks
import petitions.parts
import petitions.retention
import petitions.services
import petitions.views
import safety.cli
import safety.machine
import safety.views
import staff.cli
import staff.log.cli_audit
import staff.views
import volunteers.parts
import volunteers.retention
import volunteers.services
import volunteers.views
from config.commands import told
from config.database import db, forget_deleted_rows, prepare_engine
from config.keys import form_keys
from config.languages import init_languages
from config.logging import init_logging
from config.rewriting import rewrite_small_database
from config.settings import LOOPBACK_HOSTS, ROOT, Settings, SettingsError, load_settings
from contacts import links, tally, wishes
from contacts.jobs import keep_to_times
from contacts.my_data import copies
from contacts.my_data import services as my_data
from donate import repeats
from donate.books.reconcile import compare_now, reconcile_now
from donate.books.refunds import end_refused, send_refunds
from donate.currencies import read_limit
from donate.gateway import init_gateway
from donate.giving.services import PURPOSE, link_purpose
from donate.guard.services import drop_old
from donate.guard.worker import watch
from donate.offline.services import drop_announced
from mail.cli import mail_commands
from mail.letter import parse_author
from mail.outbox import purge
from mail.transport import MailServer
from mail.worker import Job
from staff.door.sessions import clear_out
from staff.log.alerts import mail_head, watch_vault
from staff.team.invitations import drop_outdated
from staff.work.archiving import Archiving
from staff.work.confirmations_anew import WritingAnew
from staff.work.indexing import Indexing
from staff.work.keyed_thread import init_keyed_work
from staff.work.resealing import Resealing
from vault.services import init_vault
from web.bodies import init_body_limit
from web.errors import init_errors
from web.filters import init_filters
from web.headers import init_headers
from web.origin import init_origin_check
from web.page_cache import PageCache
from web.pages import machines, pages
from web.public import SlugConverter, push_language
from web.quick_exit import quick_exit
from web.stopped import init_stopped
from web.throttle import init_throttle

__version__ = "0.1.0"
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class CheckedSettings(Settings):
    """The settings, with what only rooms above `config` can check, all faults in one message."""

    @field_validator("mail_url", "mail_from", "discreet_from")
    @classmethod
    def _as_the_worker_reads_it(cls, value: str, info: ValidationInfo) -> str:
        read = MailServer.from_url if info.field_name == "mail_url" else parse_author
        try:
            if value:
                read(value)
        except SettingsError as fault:
            raise ValueError(str(fault).partition(": ")[2]) from None
        return value

    @field_validator("gift_limits")
    @classmethod
    def _as_stripe_counts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            read_limit(entry)
        return value


def create_app(settings: Settings | None = None) -> Flask:
    """Make the application. Raises SettingsError, which names every fault of the settings."""
    settings = settings or load_settings(CheckedSettings)
    init_logging()
    safety.machine.keep_memory_private()
    app = Flask(__name__, instance_path=str(ROOT / "instance"), static_folder=None)
    app.extensions["vigil_settings"] = settings
    _configure(app, settings)
    _init_parts(app, settings)
    _register_rooms(app, settings)
    app.extensions["vigil_confirmations"] = (
        petitions.services.confirmation,
        volunteers.services.confirmation,
    )
    app.extensions["vigil_parts"] = (
        petitions.parts.part,
        volunteers.parts.part,
        donate.parts.part,
    )
    init_keyed_work(app, (Indexing(), WritingAnew(), Resealing(), Archiving()))
    # The contacts themselves last: what goes before may be all that kept them.
    app.extensions["vigil_retention"] = (
        contacts.retention.UNCONFIRMED,
        petitions.retention.step,
        volunteers.retention.step,
        *donate.retention.steps,
        *contacts.retention.EXPIRED,
        contacts.retention.CONTACTS,
    )
    app.extensions["vigil_causes"] = campaigns.queries.find_cause
    app.extensions["vigil_is_discreet"] = wishes.is_discreet
    app.extensions["vigil_link_purposes"] = {
        PURPOSE: link_purpose,
        my_data.PURPOSE: my_data.link_purpose,
    }
    app.extensions["vigil_jobs"] = [
        Job("fold tallies", timedelta(seconds=2), tally.fold),
        Job("answer link requests", timedelta(seconds=1), links.answer_requests),
        Job("drop old links", HOUR, links.drop_old, forget_deleted_rows),
        Job("drop old copies", HOUR, copies.drop_old, forget_deleted_rows),
        Job("keep to the times", HOUR, keep_to_times, forget_deleted_rows, is_free=True),
        Job("rewrite the database", HOUR, rewrite_small_database, is_free=True),
        Job("drop transfers that never came", HOUR, drop_announced, forget_deleted_rows),
        Job("forget first clicks", timedelta(minutes=10), repeats.drop_old, forget_deleted_rows),
        Job("send refunds", timedelta(seconds=2), send_refunds, is_free=True),
        Job("end what was refused", timedelta(seconds=10), end_refused, is_free=True),
        Job("reconcile", timedelta(minutes=15), reconcile_now, is_free=True),
        Job("compare the books", DAY, compare_now, is_free=True),
        Job("watch giving", timedelta(seconds=30), watch, is_free=True),
        Job("drop spent proofs", HOUR, drop_old),
        Job("watch the vault", timedelta(seconds=30), watch_vault),
        Job("mail the mark of the audit log", HOUR, mail_head),
        Job("end sessions", timedelta(minutes=10), clear_out),
        Job("drop old invitations", HOUR, drop_outdated),
        Job("clear the outbox", timedelta(minutes=10), purge, forget_deleted_rows),
    ]
    _wrap(app, settings)
    return app


def _configure(app: Flask, settings: Settings) -> None:
    host = urlsplit(settings.base_url).hostname or ""
    if app.debug and host not in LOOPBACK_HOSTS:
        raise SettingsError("FLASK_DEBUG: must not be set where others reach the service")
    keys = form_keys(settings)
    app.extensions["vigil_form_keys"] = keys
    app.config.update(
        SECRET_KEY=keys[-1],
        SECRET_KEY_FALLBACKS=keys[:-1],
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS={"hide_parameters": True},  # an error's text quotes them else
        MAX_CONTENT_LENGTH=settings.max_body_bytes,
        MAX_FORM_MEMORY_SIZE=settings.max_body_bytes,
        TRUSTED_HOSTS=[host, *(LOOPBACK_HOSTS if host in LOOPBACK_HOSTS else ())],
        # Flask's own session carries only the form token of staff pages
        SESSION_COOKIE_NAME="__Host-vigil_form" if settings.is_secure else "vigil_form",
        SESSION_COOKIE_PATH="/",  # as __Host- demands; public pages never ask for it
        SESSION_COOKIE_SECURE=settings.is_secure,
        SESSION_COOKIE_SAMESITE="Strict",
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_SSL_STRICT=False,
    )


def _init_parts(app: Flask, settings: Settings) -> None:
    db.init_app(app)
    with app.app_context():
        prepare_engine(db.engine)
    Migrate(app, db, directory=str(ROOT / "migrations"), compare_type=True, render_as_batch=True)
    CSRFProtect(app)
    init_languages(app, settings.supported_languages)
    init_vault(app, settings)
    init_gateway(app, settings)
    init_throttle(app, settings)
    init_headers(app, settings)
    init_stopped(app)
    init_origin_check(app)
    init_body_limit(app)
    init_filters(app, settings)
    init_errors(app)


def _register_rooms(app: Flask, settings: Settings) -> None:
    prefix = f"/<any({', '.join(settings.supported_languages)}):language>"
    app.url_defaults(push_language)
    app.url_map.converters["slug"] = SlugConverter
    app.register_blueprint(machines)
    app.register_blueprint(quick_exit)
    app.register_blueprint(campaigns.views.site)
    for public in (
        campaigns.views.campaigns,
        petitions.views.petitions,
        volunteers.views.volunteers,
        donate.views.donate,
        donate.giving.views.giving,
        donate.guard.views.guard,
        donate.offline.views.offline,
        contacts.views.contacts,
        contacts.my_data.views.my_data,
        pages,
    ):
        app.register_blueprint(public, url_prefix=prefix)
    app.register_blueprint(donate.webhooks.webhooks)
    app.register_blueprint(staff.views.staff, url_prefix="/staff")
    commands = campaigns.cli.campaigns, mail_commands, staff.cli.staff, staff.cli.init
    for group in (
        *commands,
        donate.cli.donate_commands,
        *safety.cli.commands,
        contacts.cli.retention,
    ):
        app.cli.add_command(told(group))


def _wrap(app: Flask, settings: Settings) -> None:
    """What stands in front of Flask, innermost first."""
    inner = app.wsgi_app
    if settings.trusted_proxies:
        n = settings.trusted_proxies
        inner = ProxyFix(inner, x_for=n, x_proto=n, x_host=n)
    app.wsgi_app = PageCache(inner, settings.page_cache_seconds)  # type: ignore[method-assign]
