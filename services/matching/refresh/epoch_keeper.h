// Which epoch is current, in this process, on its disk and for all processes.
//
// One value in Redis tells for every kind which epochs are served and which
// prices belong to them; a process takes it over once it has the prices, so
// that slates and prices change together. Values are ordered by the fencing
// number of who wrote them: a process that lost its lease cannot put an old
// value over a newer one. The last two states stay on disk with their prices:
// after a restart the current one stands again, and the one before can be
// brought back.
//
// Without Redis each process has its own current epoch. When Redis comes back
// empty, who published last writes it again.

#ifndef MITRA_SERVICES_MATCHING_REFRESH_EPOCH_KEEPER_H_
#define MITRA_SERVICES_MATCHING_REFRESH_EPOCH_KEEPER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/redis/client.h"
#include "services/matching/refresh/price_board.h"
#include "services/matching/slates/slate_server.h"

namespace mitra::matching {

// What is current. A plain value.
struct EpochState {
  struct Kind {
    // Newest first: a slate that the first has not is sought in the next.
    std::vector<uint64_t> epochs;
    // Names the prices; 0: none.
    uint64_t prices = 0;
    friend bool operator==(const Kind&, const Kind&) = default;
  };
  // Fencing number of who made it current.
  uint64_t order = 0;
  std::map<v1::RecommendationKind, Kind> kinds;

  friend bool operator==(const EpochState&, const EpochState&) = default;
};

// Text and back; nothing for anything else.
std::string EncodeEpochs(const EpochState& state);
bool DecodeEpochs(absl::string_view text, EpochState& state);

// Thread-safe. Methods may wait for Redis; not for threads that serve calls,
// except where said.
class EpochKeeper {
 public:
  struct Options {
    // Where states and prices are kept; made if it is missing.
    std::string directory;
    absl::Duration redis_timeout = absl::Seconds(2);
  };
  // `redis` may be null.
  EpochKeeper(EpochBoard& board, PriceBoard& prices, redis::Client* redis,
              Options options);

  // Brings back what is on disk. Call when `members` has caught up.
  void Restore(const MemberView& members);

  // Takes over what others have made current, and writes what this process
  // made current where it is missing.
  void Poll(const MemberView& members);

  // Keeps prices under a number, for Flip.
  absl::Status KeepPrices(uint64_t number, const PricesByKind& prices,
                          const MemberView& members);

  // Makes `next` current. FAILED_PRECONDITION (LEASE_LOST) if somebody with a
  // higher order has been before; then nothing is changed. UNAVAILABLE if
  // Redis is configured and does not say; then nothing is changed here.
  absl::Status Flip(const EpochState& next, const MemberView& members);

  // May be called anywhere.
  EpochState current() const;
  // What stood before; order 0 if nothing is known.
  EpochState previous() const;

 private:
  std::string PricesPath(uint64_t number) const;
  absl::StatusOr<std::string> ReadPrices(uint64_t number) const;
  absl::StatusOr<std::string> FetchPrices(uint64_t number) const;
  absl::Status WriteShared(const EpochState& state);
  void Apply(const EpochState& state, const PricesByKind& prices);
  // The prices of `state`, from disk or Redis; empty lists for kinds without.
  absl::StatusOr<PricesByKind> PricesOf(const EpochState& state,
                                        const MemberView& members) const;
  void Save(const EpochState& current, const EpochState& previous) const;
  void Become(const EpochState& next, const PricesByKind& prices, bool own);

  EpochBoard& board_;
  PriceBoard& prices_;
  redis::Client* const redis_;
  const Options options_;
  // Held over a whole change, Redis included.
  absl::Mutex changing_;
  mutable absl::Mutex mutex_;
  EpochState current_ ABSL_GUARDED_BY(mutex_);
  EpochState previous_ ABSL_GUARDED_BY(mutex_);
  // This process made the current state current: it sees to it that Redis has
  // it.
  bool own_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Time written_ ABSL_GUARDED_BY(changing_) = absl::InfinitePast();
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_REFRESH_EPOCH_KEEPER_H_
