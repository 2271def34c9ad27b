"""The yardsticks: the barest Flask page, and the barest Flask post with one durable INSERT."""

from __future__ import annotations

import os

from flask import Flask, request
from sqlalchemy import create_engine, text

from config.database import prepare_engine


def make_table(url: str) -> None:
    """Make its one table, before the workers start."""
    engine = create_engine(url)
    prepare_engine(engine)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE bare (name TEXT, email TEXT)"))
    engine.dispose()


def create_app() -> Flask:
    """GET / says hello; POST / writes one row and commits it."""
    app = Flask(__name__)
    engine = create_engine(os.environ["BARE_DATABASE_URL"], pool_size=8)
    prepare_engine(engine)  # durable in the same way as ours

    @app.get("/")
    def hello() -> str:
        return "hello"

    @app.post("/")
    def insert() -> tuple[str, int]:
        values = {"name": request.form["name"], "email": request.form["email"]}
        with engine.begin() as connection:
            connection.execute(text("INSERT INTO bare VALUES (:name, :email)"), values)
        return "", 303

    return app
