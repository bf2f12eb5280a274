// Token buckets, one for each credential, and how gateways share them.

#ifndef MITRA_SERVICES_GATEWAY_EDGE_QUOTA_BOOK_H_
#define MITRA_SERVICES_GATEWAY_EDGE_QUOTA_BOOK_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/gateway/edge/authenticator.h"

namespace mitra::gateway {

// Where gateways tell each other what was spent. Thread-safe.
class QuotaExchange {
 public:
  virtual ~QuotaExchange() = default;
  // Takes `spent` units from the credential's common bucket and gives what is
  // left in it, below 0 if gateways let in too much meanwhile. `done` is called
  // once, on any thread, perhaps before this returns; an error means that the
  // others cannot be reached.
  virtual void Settle(const std::string& credential, const Quota& quota,
                      double spent,
                      std::function<void(absl::StatusOr<double>)> done) = 0;
};

// Decides at once, from what this gateway knows, and settles with the others in
// the background: one exchange for a credential at a time, carrying all that
// was spent since the last, so that no call waits for it. Several gateways
// together may let in too much for the time of one exchange; that is owed and
// flows off the next units. While the others cannot be reached, each gateway
// counts for itself. Thread-safe.
class QuotaBook {
 public:
  // `exchange` may be null; else it must outlive this, and may still call back
  // afterwards.
  explicit QuotaBook(QuotaExchange* exchange);
  ~QuotaBook();

  // OK, or RESOURCE_EXHAUSTED (QUOTA_EXCEEDED) with the wait until the quota
  // reaches. No limit if nothing flows in. A cost above the whole bucket passes
  // when the bucket is full, else it could never run.
  absl::Status Spend(absl::string_view credential, Quota quota, double cost,
                     absl::Time now);

  // No exchange is under way. For tests.
  bool Settled() const;

 private:
  struct State;
  const std::shared_ptr<State> state_;
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_EDGE_QUOTA_BOOK_H_
