#include "common/rpc/turn.h"

#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace mitra::rpc {
namespace {

struct Turns {
  bool taken = false;
  std::function<void()> begun;
  std::vector<std::function<void()>> work;
  absl::Time begin;
};

thread_local Turns turns;

}  // namespace

bool AtEndOfTurn(std::function<void()> work) {
  if (!turns.taken) return false;
  const bool first = turns.work.empty();
  turns.work.push_back(std::move(work));
  if (first) {
    turns.begin = absl::Now();
    if (turns.begun) turns.begun();
  }
  return true;
}

void TakeTurns(std::function<void()> begun) {
  turns.taken = true;
  turns.begun = std::move(begun);
}

void LeaveTurns() {
  while (TurnHasWork()) EndTurn();
  turns.taken = false;
  turns.begun = nullptr;
}

bool TurnHasWork() { return !turns.work.empty(); }

bool TurnIsLong() {
  return TurnHasWork() && absl::Now() - turns.begin > kLongTurn;
}

void EndTurn() {
  std::vector<std::function<void()>> works;
  works.swap(turns.work);
  for (const auto& work : works) work();
  works.clear();
  if (turns.work.empty()) turns.work.swap(works);  // keeps the memory
}

}  // namespace mitra::rpc
