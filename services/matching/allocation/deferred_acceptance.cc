#include "services/matching/allocation/deferred_acceptance.h"

#include <algorithm>
#include <cmath>
#include <queue>

namespace mitra::matching {
namespace {

// SplitMix64's last step.
uint64_t Mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// One member's opinion of another; totally ordered.
struct Rank {
  float value;
  uint64_t lottery;
  uint32_t pair;
};
bool Better(const Rank& a, const Rank& b) {
  if (a.value != b.value) return a.value > b.value;
  if (a.lottery != b.lottery) return a.lottery > b.lottery;
  return a.pair < b.pair;
}
struct WorstOnTop {
  bool operator()(const Rank& a, const Rank& b) const { return Better(a, b); }
};

// Both sides' ranks of a pair. A lottery of its own for each side: else a
// pair that is lucky on one side would be on the other.
class Ranks {
 public:
  explicit Ranks(const SeatMarket& market) : market_(market) {}
  Rank OfRightBy(uint32_t left, uint32_t right, uint32_t pair) const {
    return {market_.left_value[pair], Lottery(left, right, 1), pair};
  }
  Rank OfLeftBy(uint32_t right, uint32_t left, uint32_t pair) const {
    return {market_.right_value[pair], Lottery(left, right, 2), pair};
  }
  bool BothAccept(uint32_t pair) const {
    return market_.left_value[pair] > market_.acceptable &&
           market_.right_value[pair] > market_.acceptable;
  }

 private:
  uint64_t Lottery(uint32_t left, uint32_t right, uint64_t side) const {
    return Mix(Mix(market_.lottery_seed + side) +
               (uint64_t{left} << 32 | right));
  }
  const SeatMarket& market_;
};

absl::Status Check(const SeatMarket& market) {
  const PairLists& pairs = *market.pairs;
  if (pairs.one_population()) {
    return absl::InvalidArgumentError("pairs of one population");
  }
  if (market.left_value.size() != pairs.size() ||
      market.right_value.size() != pairs.size() ||
      market.wanted_left.size() != pairs.lefts() ||
      market.seats_right.size() != pairs.rights()) {
    return absl::InvalidArgumentError("values or places of another size");
  }
  const auto finite = [](float value) { return std::isfinite(value); };
  if (!std::all_of(market.left_value.begin(), market.left_value.end(),
                   finite) ||
      !std::all_of(market.right_value.begin(), market.right_value.end(),
                   finite)) {
    return absl::InvalidArgumentError("a value is not finite");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<uint32_t>> AllocateSeats(const SeatMarket& market) {
  if (const absl::Status status = Check(market); !status.ok()) return status;
  const PairLists& pairs = *market.pairs;
  const Ranks ranks(market);
  std::vector<uint32_t> right_of(pairs.size());
  std::vector<uint32_t> left_of(pairs.size());
  // Each proposer's list, best first, and how far it has proposed.
  std::vector<std::vector<Rank>> lists(pairs.lefts());
  for (uint32_t l = 0; l < pairs.lefts(); ++l) {
    pairs.OfLeft(l, [&](uint32_t r, uint32_t p) {
      right_of[p] = r;
      left_of[p] = l;
      if (ranks.BothAccept(p)) lists[l].push_back(ranks.OfRightBy(l, r, p));
    });
    std::sort(lists[l].begin(), lists[l].end(), Better);
  }
  std::vector<size_t> next(pairs.lefts(), 0);
  std::vector<uint32_t> held_by_left(pairs.lefts(), 0);
  using Held = std::priority_queue<Rank, std::vector<Rank>, WorstOnTop>;
  std::vector<Held> held(pairs.rights());
  std::vector<uint32_t> waiting;
  for (uint32_t l = pairs.lefts(); l-- > 0;) waiting.push_back(l);
  while (!waiting.empty()) {
    const uint32_t l = waiting.back();
    waiting.pop_back();
    while (held_by_left[l] < market.wanted_left[l] &&
           next[l] < lists[l].size()) {
      const uint32_t p = lists[l][next[l]++].pair;
      const uint32_t r = right_of[p];
      if (market.seats_right[r] == 0) continue;
      held[r].push(ranks.OfLeftBy(r, l, p));
      ++held_by_left[l];
      if (held[r].size() <= market.seats_right[r]) continue;
      const uint32_t loser = left_of[held[r].top().pair];
      held[r].pop();
      --held_by_left[loser];
      if (loser != l) waiting.push_back(loser);
    }
  }
  std::vector<uint32_t> given;
  for (Held& seats : held) {
    for (; !seats.empty(); seats.pop()) given.push_back(seats.top().pair);
  }
  std::sort(given.begin(), given.end());
  return given;
}

uint64_t CountBlockingPairs(const SeatMarket& market,
                            absl::Span<const uint32_t> given) {
  const PairLists& pairs = *market.pairs;
  const Ranks ranks(market);
  std::vector<uint8_t> has_place(pairs.size(), 0);
  for (const uint32_t p : given) has_place[p] = 1;
  // The worst that each got, and how many.
  std::vector<Rank> worst_left(pairs.lefts()), worst_right(pairs.rights());
  std::vector<uint32_t> got_left(pairs.lefts(), 0),
      got_right(pairs.rights(), 0);
  const auto note = [](const Rank& rank, Rank& worst, uint32_t& got) {
    if (got++ == 0 || Better(worst, rank)) worst = rank;
  };
  for (uint32_t l = 0; l < pairs.lefts(); ++l) {
    pairs.OfLeft(l, [&](uint32_t r, uint32_t p) {
      if (has_place[p] == 0) return;
      note(ranks.OfRightBy(l, r, p), worst_left[l], got_left[l]);
      note(ranks.OfLeftBy(r, l, p), worst_right[r], got_right[r]);
    });
  }
  const auto would_take = [](const Rank& offer, const Rank& worst, uint32_t got,
                             uint32_t places) {
    return places > 0 && (got < places || Better(offer, worst));
  };
  uint64_t blocking = 0;
  for (uint32_t l = 0; l < pairs.lefts(); ++l) {
    pairs.OfLeft(l, [&](uint32_t r, uint32_t p) {
      if (has_place[p] != 0 || !ranks.BothAccept(p)) return;
      blocking += would_take(ranks.OfRightBy(l, r, p), worst_left[l],
                             got_left[l], market.wanted_left[l]) &&
                  would_take(ranks.OfLeftBy(r, l, p), worst_right[r],
                             got_right[r], market.seats_right[r]);
    });
  }
  return blocking;
}

}  // namespace mitra::matching
