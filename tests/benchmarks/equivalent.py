"""The status endpoint in FastAPI, SQLAlchemy and pydantic, for the comparison.

The same tables, the same key, the same counting of requests in Redis, the same links, signed by boto3.
`uvicorn tests.benchmarks.equivalent:app` in `.venv-bench`, with the environment of the service.
"""

import hashlib
import os
import time
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import boto3
from botocore.config import Config
from fastapi import Depends, FastAPI, HTTPException, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from limits import parse
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from pydantic import BaseModel, ConfigDict
from sqlalchemy import ForeignKey, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

_LINK_TTL = 3600  # seconds
engine = create_async_engine(os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://"), pool_size=10)
new_session = async_sessionmaker(engine, expire_on_commit=False)
limiter = MovingWindowRateLimiter(RedisStorage(f"async+{os.environ['REDIS_URL']}", implementation="redispy"))
RATE = parse(os.environ["RATE_LIMIT_REQUESTS"])
s3 = boto3.client(
    "s3",
    endpoint_url=os.environ["S3_ENDPOINT_URL"],
    region_name="us-east-1",
    config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
)
app = FastAPI()


class Base(DeclarativeBase):
    """The base of the tables."""


class User(Base):
    __tablename__ = "users"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    role: Mapped[str]
    deleted_at: Mapped[datetime | None]


class ApiKey(Base):
    __tablename__ = "api_keys"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    hash: Mapped[bytes]
    revoked_at: Mapped[datetime | None]


class Process(Base):
    __tablename__ = "processes"
    number: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]


class Job(Base):
    __tablename__ = "jobs"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    process_number: Mapped[str]
    status: Mapped[str]
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]


class Delivery(Base):
    __tablename__ = "deliveries"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    process_number: Mapped[str]
    user_id: Mapped[UUID]
    url: Mapped[str]
    status: Mapped[str]
    attempts: Mapped[int]
    last_error: Mapped[str | None]
    created_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]


class Document(Base):
    __tablename__ = "documents"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    process_number: Mapped[str]
    uuid: Mapped[str]
    instance: Mapped[str]
    position: Mapped[int]
    sequence: Mapped[int | None]
    name: Mapped[str]
    type: Mapped[str]
    secrecy: Mapped[str]
    filed_at: Mapped[datetime | None]
    page_count: Mapped[int | None]
    status: Mapped[str]
    storage_key: Mapped[str | None]
    size: Mapped[int | None]
    sha256: Mapped[str | None]
    mime_type: Mapped[str | None]
    size_mismatch: Mapped[bool]
    attempts: Mapped[int]
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]


class DocumentOut(BaseModel):
    """One document."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    uuid: str
    name: str
    type: str
    status: str
    size: int | None
    mime_type: str | None
    sha256: str | None
    secrecy: str
    instance: str
    sequence: int | None
    page_count: int | None
    filed_at: datetime | None
    size_mismatch: bool
    download_url: str | None = None
    error_code: str | None
    error_message: str | None
    attempts: int
    started_at: datetime | None
    completed_at: datetime | None


class StatusOut(BaseModel):
    """The response."""

    process_number: str
    status: str
    total_documents: int
    completed_documents: int
    failed_documents: int
    progress_percentage: float
    documents: list[DocumentOut]
    job_id: UUID | None
    error_code: str | None
    error_message: str | None
    webhook_url: str | None
    webhook_sent: bool
    webhook_attempts: int
    webhook_last_error: str | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None


async def _session() -> AsyncIterator[AsyncSession]:
    async with new_session() as session:
        yield session


Session = Annotated[AsyncSession, Depends(_session)]


async def _user(
    session: Session, response: Response, bearer: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]
) -> User:
    digest = hashlib.sha256(bearer.credentials.encode()).digest()
    query = select(User).join(ApiKey).where(ApiKey.hash == digest, ApiKey.revoked_at.is_(None))
    user = await session.scalar(query.where(User.deleted_at.is_(None)))
    if user is None:
        raise HTTPException(401)
    allowed = await limiter.hit(RATE, digest.hex())
    left = await limiter.get_window_stats(RATE, digest.hex())
    response.headers["RateLimit-Remaining"] = str(left.remaining)
    response.headers["RateLimit-Reset"] = str(max(1, round(left.reset_time - time.time())))
    if not allowed:
        raise HTTPException(429)
    return user


def _document(document: Document) -> DocumentOut:
    out = DocumentOut.model_validate(document)
    if document.storage_key is not None:
        parameters = {
            "Bucket": os.environ["S3_BUCKET"],
            "Key": document.storage_key,
            "ResponseContentDisposition": f'attachment; filename="{document.id}"',
            "ResponseContentType": document.mime_type,
        }
        out.download_url = s3.generate_presigned_url("get_object", Params=parameters, ExpiresIn=_LINK_TTL)
    return out


@app.get("/api/v1/processes/{number}/status")
async def status(number: str, session: Session, user: Annotated[User, Depends(_user)]) -> StatusOut:
    """The status of a case."""
    digits = "".join(filter(str.isdigit, number))
    process = await session.get(Process, digits)
    if process is None:
        raise HTTPException(404)
    jobs = select(Job).where(Job.process_number == digits).order_by(Job.created_at.desc()).limit(1)
    webhooks = select(Delivery).where(Delivery.process_number == digits, Delivery.user_id == user.id)
    of_case = select(Document).where(Document.process_number == digits)
    job = await session.scalar(jobs)
    webhook = await session.scalar(webhooks.order_by(Delivery.created_at.desc()).limit(1))
    documents = (await session.scalars(of_case.order_by(Document.position, Document.id))).all()
    return _answer(number, process, job, webhook, [_document(each) for each in documents])


def _answer(
    number: str, process: Process, job: Job | None, webhook: Delivery | None, documents: list[DocumentOut]
) -> StatusOut:
    completed = sum(each.status == "available" for each in documents)
    of_webhook: dict[str, Any] = {"webhook_url": None, "webhook_attempts": 0, "webhook_last_error": None}
    if webhook is not None:
        of_webhook = {f"webhook_{name}": getattr(webhook, name) for name in ("url", "attempts", "last_error")}
    return StatusOut(
        process_number=number,
        status=job.status if job else "pending",
        total_documents=len(documents),
        completed_documents=completed,
        failed_documents=sum(each.status == "failed" for each in documents),
        progress_percentage=100.0 * completed / max(1, len(documents)),
        documents=documents,
        job_id=job.id if job else None,
        error_code=job.error_code if job else None,
        error_message=job.error_message if job else None,
        webhook_sent=webhook is not None and webhook.status == "delivered",
        created_at=job.created_at if job else process.created_at,
        started_at=job.started_at if job else None,
        completed_at=job.completed_at if job else None,
        **of_webhook,
    )
