"""The client: every public method of the API, found in the descriptors."""

import importlib
import pkgutil
import re
import threading
import time

import grpc
import mitra.v1
from google.protobuf import descriptor_pb2
from google.protobuf import message_factory
from google.protobuf import symbol_database
from mitra.v1 import options_pb2

from mitra_client import errors
from mitra_client import retries

_MAX_MESSAGE_BYTES = 64 << 20


def _snake(name):
  return re.sub(r'(?<=[a-z0-9])(?=[A-Z])', '_', name).lower()


def _message_class(descriptor):
  factory = symbol_database.Default()
  if hasattr(factory, 'GetPrototype'):
    return factory.GetPrototype(descriptor)
  return message_factory.GetMessageClass(descriptor)


def _services():
  """The descriptors of all services of the API."""
  for module in pkgutil.iter_modules(mitra.v1.__path__):
    if module.name.endswith('_pb2'):
      file = importlib.import_module('mitra.v1.' + module.name).DESCRIPTOR
      yield from file.services_by_name.values()


class Method:
  """One method, called with a request message or with its fields by name.

  `timeout` is in seconds; without it the cluster's own deadline holds.
  Raises MitraError.
  """

  def __init__(self, client, descriptor, client_streams, server_streams):
    self._client = client
    self._descriptor = descriptor
    self._policy = descriptor.GetOptions().Extensions[options_pb2.policy]
    self._request = _message_class(descriptor.input_type)
    self._client_streams = client_streams
    self._server_streams = server_streams
    kind = '_'.join('stream' if streams else 'unary'
                    for streams in (client_streams, server_streams))
    self._call = getattr(client.channel, kind)(
        f'/{descriptor.containing_service.full_name}/{descriptor.name}',
        request_serializer=self._request.SerializeToString,
        response_deserializer=_message_class(
            descriptor.output_type).FromString)
    self.__doc__ = f'{descriptor.full_name}; scope {self._policy.scope}'

  @property
  def reads_only(self):
    return self._policy.idempotency == options_pb2.IDEMPOTENCY_READ_ONLY

  def __call__(self, request=None, *, timeout=None, **fields):
    if self._client_streams:
      if fields:
        raise TypeError('a stream of requests has no fields')
      return self._stream(request, timeout)
    if request is None:
      request = self._request(**fields)
    elif fields:
      raise TypeError('either a request or its fields')
    if self._server_streams:
      return self._stream(request, timeout)
    return self._unary(request, timeout)

  def _unary(self, request, timeout):
    end = None if timeout is None else time.monotonic() + timeout
    if ('min_revision' in request.DESCRIPTOR.fields_by_name and
        request.min_revision < self._client.last_revision):
      given, request = request, self._request()
      request.CopyFrom(given)
      request.min_revision = self._client.last_revision
    attempt = 0
    while True:
      attempt += 1
      left = None if end is None else max(0.001, end - time.monotonic())
      try:
        response, call = self._call.with_call(
            request, timeout=left, metadata=self._client.metadata)
        if not self.reads_only:
          self._client.remember(call.trailing_metadata())
        return response
      except grpc.RpcError as rpc_error:
        error = errors.from_rpc_error(rpc_error)
        pause = (self._client.retry_policy.pause(error, attempt)
                 if self.reads_only else None)
        if pause is None or (end is not None and
                             time.monotonic() + pause >= end):
          raise error from rpc_error
        time.sleep(pause)

  def _stream(self, request, timeout):
    try:
      yield from self._call(request, timeout=timeout,
                            metadata=self._client.metadata)
    except grpc.RpcError as rpc_error:
      raise errors.from_rpc_error(rpc_error) from rpc_error


class Service:
  """The methods of one service, as `GetProfile` and as `get_profile`."""

  def __init__(self, methods):
    for name, method in methods.items():
      setattr(self, name, method)
      setattr(self, _snake(name), method)


class Client:
  """A connection to a cluster; safe for use by several threads.

  Services are attributes: `client.profiles`, `client.recommendations`, ….

  Args:
    target: the gateway's gRPC address, 'host:port' or 'unix:/path'.
    api_key: the key; None where the gateway asks for none.
    credentials: grpc.ChannelCredentials, where TLS ends in front of the
      gateway; None for plain text, which is for loopback.
    retry_policy: how reads are repeated.
  """

  def __init__(self, target, api_key=None, credentials=None,
               retry_policy=retries.RetryPolicy()):
    options = [('grpc.max_receive_message_length', _MAX_MESSAGE_BYTES)]
    self.channel = (
        grpc.insecure_channel(target, options) if credentials is None
        else grpc.secure_channel(target, credentials, options))
    self.metadata = () if api_key is None else (
        ('authorization', 'Bearer ' + api_key),)
    self.retry_policy = retry_policy
    self.last_revision = 0
    self._incarnation = ''
    self._lock = threading.Lock()
    for service in _services():
      methods = self._methods(service)
      if methods:
        setattr(self, _snake(service.name), Service(methods))

  def _methods(self, service):
    # Which sides stream stands only in the file's serialised form.
    proto = descriptor_pb2.ServiceDescriptorProto()
    service.CopyToProto(proto)
    methods = {}
    for method, form in zip(service.methods, proto.method):
      if method.GetOptions().Extensions[options_pb2.policy].internal:
        continue
      methods[method.name] = Method(self, method, form.client_streaming,
                                    form.server_streaming)
    return methods

  def pages(self, method, **fields):
    """All items of a method that gives pages, one by one.

    Asks for the next page when the last one is used up, so that leaving the
    loop early costs nothing.
    """
    token = ''
    while True:
      response = method(**fields, page_token=token)
      items = next(f for f in response.DESCRIPTOR.fields
                   if f.label == f.LABEL_REPEATED)
      yield from getattr(response, items.name)
      token = response.next_page_token
      if not token:
        return

  def remember(self, trailing_metadata):
    """Keeps the record's revision after a write of this client.

    Reads that can wait for a revision then ask for it, so that a program sees
    what it wrote, through whichever gateway.
    """
    for key, value in trailing_metadata or ():
      if key != 'mitra-revision':
        continue
      incarnation, _, number = value.rpartition('-')
      if not number.isdigit():
        continue
      with self._lock:
        # A record that was set up anew counts from the beginning.
        same = incarnation == self._incarnation
        self._incarnation = incarnation
        self.last_revision = max(self.last_revision if same else 0,
                                 int(number))

  def close(self):
    self.channel.close()

  def __enter__(self):
    return self

  def __exit__(self, *unused):
    self.close()
