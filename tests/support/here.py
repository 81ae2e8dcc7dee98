"""A store with the real corpus in it, and how each part of the program is asked to use it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from api.settings import Settings
from graph.remote_store import Connection, RemoteStore
from graph.store_address import StoreAddress, discover
from graph.stores import Store, open_store
from queries.engine import Limits, QueryEngine
from queries.remote_engine import RemoteEngine


@dataclass
class Here:
    """A store with the real corpus in it."""

    name: str
    build: Path
    data: Path
    address: StoreAddress | None = None
    engines: list[QueryEngine] = field(default_factory=list)

    @property
    def connection(self) -> Connection:
        assert self.address is not None
        return Connection(discover(self.address))

    @property
    def store(self) -> Store:
        return open_store(self.build / "store") if self.address is None else RemoteStore(self.connection)

    def engine(self) -> QueryEngine:
        limits = Limits(seconds=60)
        if self.address is None:
            return QueryEngine(self.build / "store", limits=limits)
        return RemoteEngine(self.connection, build=self.build.name, limits=limits)

    @property
    def settings(self) -> Settings:
        if self.address is None:
            return Settings(data=self.data, query_seconds=60)
        password = self.address.password
        return Settings.model_validate(
            {
                "data": self.data,
                "query_seconds": 60,
                "store": self.address.base,
                "store_user": self.address.user,
                "store_password": password,
                "store_seconds": 60,
            }
        )
