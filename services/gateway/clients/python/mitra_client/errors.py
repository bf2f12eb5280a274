"""Errors of the API as exceptions, one class for each gRPC code."""

import grpc
from google.rpc import error_details_pb2, status_pb2


class MitraError(Exception):
  """A call that failed.

  Attributes:
    code: the grpc.StatusCode.
    message: what went wrong, for people.
    reason: what went wrong, for programs: 'PROFILE_NOT_FOUND'; '' if unknown.
    fields: (field, description) of every wrong field.
    retry_delay: seconds to wait before asking again, None if not said.
    request_id: names the call in the cluster's logs, '' if unknown.
  """

  def __init__(self, code, message, reason='', fields=(), retry_delay=None,
               request_id=''):
    super().__init__(f'{reason or code.name}: {message}')
    self.code = code
    self.message = message
    self.reason = reason
    self.fields = list(fields)
    self.retry_delay = retry_delay
    self.request_id = request_id


class InvalidArgument(MitraError):
  """A field is missing or out of range; `fields` names it."""


class NotFound(MitraError):
  """There is no such thing, or not for this credential."""


class AlreadyExists(MitraError):
  """The id, external id or request id is taken."""


class Aborted(MitraError):
  """The etag is no longer current: read again."""


class FailedPrecondition(MitraError):
  """The state of the thing does not allow it."""


class Unauthenticated(MitraError):
  """The key is missing, unknown, expired or revoked."""


class PermissionDenied(MitraError):
  """The key lacks the scope."""


class ResourceExhausted(MitraError):
  """The quota is used up, or the cluster sheds load; see `retry_delay`."""


class Unavailable(MitraError):
  """Nobody answers, or not yet."""


class DeadlineExceeded(MitraError):
  """It took longer than the deadline."""


class Unimplemented(MitraError):
  """Not in this version."""


class Internal(MitraError):
  """The cluster's fault; quote `request_id`."""


_CLASSES = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidArgument,
    grpc.StatusCode.OUT_OF_RANGE: InvalidArgument,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.ALREADY_EXISTS: AlreadyExists,
    grpc.StatusCode.ABORTED: Aborted,
    grpc.StatusCode.FAILED_PRECONDITION: FailedPrecondition,
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDenied,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ResourceExhausted,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
    grpc.StatusCode.UNIMPLEMENTED: Unimplemented,
    grpc.StatusCode.INTERNAL: Internal,
}


def from_rpc_error(error):
  """The MitraError that a grpc.RpcError means."""
  details = {'reason': '', 'fields': [], 'retry_delay': None, 'request_id': ''}
  for key, value in error.trailing_metadata() or ():
    if key != 'grpc-status-details-bin':
      continue
    status = status_pb2.Status()
    status.ParseFromString(value)
    for detail in status.details:
      _read_detail(detail, details)
  kind = _CLASSES.get(error.code(), MitraError)
  return kind(error.code(), error.details() or '', **details)


def _read_detail(detail, out):
  info = error_details_pb2.ErrorInfo()
  wrong = error_details_pb2.BadRequest()
  retry = error_details_pb2.RetryInfo()
  request = error_details_pb2.RequestInfo()
  if detail.Unpack(info):
    out['reason'] = info.reason
  elif detail.Unpack(wrong):
    out['fields'] = [(v.field, v.description) for v in wrong.field_violations]
  elif detail.Unpack(retry):
    out['retry_delay'] = (
        retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9)
  elif detail.Unpack(request):
    out['request_id'] = request.request_id
