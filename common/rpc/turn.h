// Turns of threads that serve an event loop: what many calls want done leaves
// together once the events that wait are handled.

#ifndef MITRA_COMMON_RPC_TURN_H_
#define MITRA_COMMON_RPC_TURN_H_

#include <coroutine>
#include <functional>

#include "absl/time/time.h"

namespace mitra::rpc {

// On a thread that takes turns: runs `work` when what has happened up to now is
// handled, before the thread waits again. False on all other threads; then
// nothing happens.
bool AtEndOfTurn(std::function<void()> work);

// Lets a coroutine that does the work of many calls in one go give way between
// them: it goes on at the end of the turn, at once on threads without turns.
// (An alarm for now would ring within a millisecond, by way of another thread.)
inline auto Yield() {
  struct Awaiter {
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> caller) {
      return AtEndOfTurn([caller] { caller.resume(); });
    }
    void await_resume() const noexcept {}
  };
  return Awaiter();
}

// For the loops themselves. This thread takes turns from now on. `begun`, which
// may be empty, is called when the first work of a turn has come; a loop that
// does not look by itself then sees to it that EndTurn() is called soon.
void TakeTurns(std::function<void()> begun);
// No more; what waits is run.
void LeaveTurns();
// How long work waits at most, although more events wait to be handled. A batch
// costs both sides of a stream some 60 us, whatever is in it: turns of 100 us
// ended with 7 calls of the edge in a batch, these with 12 and more.
inline constexpr absl::Duration kLongTurn = absl::Microseconds(200);

// Whether work waits, and whether it has waited for long enough although more
// events wait to be handled.
bool TurnHasWork();
bool TurnIsLong();
// Runs the work of this turn; what it asks for belongs to the next.
void EndTurn();

}  // namespace mitra::rpc

#endif  // MITRA_COMMON_RPC_TURN_H_
