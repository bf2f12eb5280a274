"""Client of Mitra; see README.md."""

from mitra_client.client import Client
from mitra_client.errors import (
    Aborted, AlreadyExists, DeadlineExceeded, FailedPrecondition, Internal,
    InvalidArgument, MitraError, NotFound, PermissionDenied, ResourceExhausted,
    Unauthenticated, Unavailable, Unimplemented)
from mitra_client.retries import RetryPolicy

__all__ = [
    'Aborted', 'AlreadyExists', 'Client', 'DeadlineExceeded',
    'FailedPrecondition', 'Internal', 'InvalidArgument', 'MitraError',
    'NotFound', 'PermissionDenied', 'ResourceExhausted', 'RetryPolicy',
    'Unauthenticated', 'Unavailable', 'Unimplemented']
