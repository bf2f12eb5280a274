"""When a read is asked again, and after how long."""

import dataclasses
import random

import grpc

_PASSING = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED)


@dataclasses.dataclass(frozen=True)
class RetryPolicy:
  """How often and how patiently reads are repeated.

  Attributes:
    attempts: calls in all, at least 1.
    first_pause: upper end of the first pause in seconds; doubled each time.
    longest_pause: upper end of every pause in seconds.
  """

  attempts: int = 4
  first_pause: float = 0.05
  longest_pause: float = 2.0

  def pause(self, error, attempt):
    """Seconds until the next attempt; None if there must not be one.

    Args:
      error: the MitraError of the attempt.
      attempt: which one it was, from 1.
    """
    if attempt >= self.attempts or error.code not in _PASSING:
      return None
    if error.retry_delay is not None:
      return error.retry_delay
    # A quota that says nothing of when is not a passing trouble.
    if error.code == grpc.StatusCode.RESOURCE_EXHAUSTED:
      return None
    top = min(self.longest_pause, self.first_pause * 2 ** (attempt - 1))
    return random.uniform(0, top)  # so that clients do not come back together
