"""Who is signed in: sessions of browsers, and the one-time codes that begin them, in Redis.

1. A cookie's value is random and is kept nowhere: Redis holds digests, and sealed records that
   nobody can write without the secret of the data folder (see `web.vault`).
2. A session is begun by a one-time code and by nothing else; its id is never one that was sent.
3. What was found good a few seconds ago is believed: a revoked session is gone here at once, and
   within `FRESH_SECONDS` elsewhere.
4. While Redis is away those who were known may go on looking; nothing can be changed then anyway.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, replace

from redis.asyncio import Redis

from web.connection import REDIS_ERRORS, read_members
from web.vault import LONGEST_CHARS, Vault
from web.visitor import Role
from wire.events import EventError, dump, load
from wire.keys import LOGIN_SECONDS, SESSION_SECONDS, Keys

#: At most so many; the oldest ends when there is one more.
SESSIONS_MAX = 500
#: How long an answer of Redis is believed, and how long one may take.
FRESH_SECONDS = 5.0
DEADLINE_SECONDS = 1.0
#: That somebody was seen is written this often at most.
SEEN_SECONDS = 600.0
ID_CHARS = 12


class DoubtError(Exception):
    """Redis does not answer, so it is not known whether there is such a session."""


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that has signed in.  Times are epoch seconds."""

    digest: str
    role: Role
    device: str
    address: str  #: from which it was begun
    created_at: float
    seen_at: float

    @property
    def id(self) -> str:
        """How people name it; it gives no rights."""
        return self.digest[:ID_CHARS]

    @property
    def expires_at(self) -> float:
        """When it ends unless it is used."""
        return self.seen_at + SESSION_SECONDS


class Sessions:
    """The sessions of one Redis."""

    def __init__(self, client: Redis, keys: Keys, vault: Vault) -> None:
        self._client, self._keys, self._vault = client, keys, vault
        self._known: OrderedDict[str, tuple[Session, float]] = OrderedDict()

    async def new_code(self, role: Role) -> str:
        """A code that signs one browser in, within 10 minutes.  Raises what redis-py raises."""
        code = secrets.token_urlsafe(24)
        digest = self._vault.digest("login", code)
        sealed = self._vault.seal(digest, role.value)
        await self._client.set(self._keys.login(digest), sealed, ex=LOGIN_SECONDS)
        return code

    async def take_code(self, code: str) -> Role | None:
        """The role that `code` gives, which it gives once; None when it gives none."""
        digest = self._vault.digest("login", code)
        found = await self._client.getdel(self._keys.login(digest))
        sealed = found.decode("latin-1") if isinstance(found, bytes) else ""
        role = self._vault.unseal(digest, sealed)
        return Role(role) if role else None

    async def begin(self, role: Role, device: str, address: str) -> tuple[str, Session]:
        """A new session, with the value of its cookie."""
        value, now = secrets.token_urlsafe(32), time.time()
        session = Session(self._digest(value), role, device, address, now, now)
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.set(self._keys.session(session.digest), self._sealed(session), ex=SESSION_SECONDS)
            pipe.zadd(self._keys.sessions, {session.digest: now})
            await pipe.execute()
        self._believe(session)
        await self._end_oldest()
        return value, session

    async def find(self, value: str) -> Session | None:
        """The session of a cookie's value, None when there is none.  Raises DoubtError."""
        if not value or len(value) > LONGEST_CHARS:
            return None
        return await self.renew(self._digest(value))

    async def renew(self, digest: str) -> Session | None:
        """The session of that digest, which was used just now.  Raises DoubtError."""
        session, found_at = self._known.get(digest, (None, 0.0))
        if session and time.monotonic() - found_at < FRESH_SECONDS:
            return session
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                session = await self._read(digest)
                if session and time.time() - session.seen_at > SEEN_SECONDS:
                    session = await self._seen(session)
        except (*REDIS_ERRORS, TimeoutError):
            if session is None or session.expires_at < time.time():
                raise DoubtError from None
        if session is None:
            self._known.pop(digest, None)
        else:
            self._believe(session)
        return session

    async def all(self) -> list[Session]:
        """Every session, the newest first."""
        members = await read_members(self._client, self._keys.sessions, 0, -1)
        digests = [raw.decode("latin-1") for raw in reversed(members)]
        if not digests:
            return []
        docs = await self._client.mget([self._keys.session(digest) for digest in digests])
        found = dict(zip(digests, map(self._opened, digests, docs), strict=True))
        expired = [digest for digest, session in found.items() if session is None]
        if expired:
            await self._client.zrem(self._keys.sessions, *expired)
        return [session for session in found.values() if session]

    async def end(self, digest: str) -> bool:
        """End a session; whether there was one."""
        self._known.pop(digest, None)
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.delete(self._keys.session(digest))
            pipe.zrem(self._keys.sessions, digest)
            deleted, _ = await pipe.execute()
        self._known.pop(digest, None)  # somebody may have asked meanwhile
        return bool(deleted)

    async def _read(self, digest: str) -> Session | None:
        return self._opened(digest, await self._client.get(self._keys.session(digest)))

    async def _seen(self, session: Session) -> Session | None:
        """Write that it is in use; None when it was ended meanwhile."""
        seen = replace(session, seen_at=time.time())
        key = self._keys.session(session.digest)
        written = await self._client.set(key, self._sealed(seen), ex=SESSION_SECONDS, xx=True)
        return seen if written else None

    async def _end_oldest(self) -> None:
        excess = await self._client.zcard(self._keys.sessions) - SESSIONS_MAX
        if excess > 0:
            for raw in await read_members(self._client, self._keys.sessions, 0, excess - 1):
                await self.end(raw.decode("latin-1"))

    def _believe(self, session: Session) -> None:
        self._known[session.digest] = session, time.monotonic()
        self._known.move_to_end(session.digest)
        if len(self._known) > SESSIONS_MAX:
            self._known.popitem(last=False)

    def _digest(self, value: str) -> str:
        return self._vault.digest("session", value)

    def _sealed(self, session: Session) -> str:
        return self._vault.seal("record", dump(session))

    def _opened(self, digest: str, doc: bytes | str | None) -> Session | None:
        """The session in a document; None when there is none, or this is not one of ours."""
        try:
            text = self._vault.unseal("record", doc.decode()) if isinstance(doc, bytes) else None
            session = load(Session, text) if text else None
        except (EventError, UnicodeDecodeError):  # of another version, or forged
            return None
        return session if session and session.digest == digest else None
