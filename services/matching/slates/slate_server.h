// Serves slates: from the cache, or computed, and in either case checked
// against the roster of now, topped up, explained and cut into pages.

#ifndef MITRA_SERVICES_MATCHING_SLATES_SLATE_SERVER_H_
#define MITRA_SERVICES_MATCHING_SLATES_SLATE_SERVER_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/rpc/call_context.h"
#include "common/rpc/task.h"
#include "mitra/v1/filter.pb.h"
#include "services/matching/explain/catalogue.h"
#include "services/matching/ranking/recommender.h"
#include "services/matching/slates/single_flight.h"
#include "services/matching/slates/slate_cache.h"

namespace mitra::matching {

// The epochs that are published for each kind. Thread-safe.
class EpochBoard {
 public:
  // The newest; 0: none.
  uint64_t Of(v1::RecommendationKind kind) const {
    absl::ReaderMutexLock lock(&mutex_);
    const auto& epochs = epochs_[static_cast<size_t>(kind)];
    return epochs.empty() ? 0 : epochs[0];
  }
  // All, newest first: who has no slate in one may have one in the next.
  std::vector<uint64_t> AllOf(v1::RecommendationKind kind) const {
    absl::ReaderMutexLock lock(&mutex_);
    return epochs_[static_cast<size_t>(kind)];
  }
  void Replace(v1::RecommendationKind kind, std::vector<uint64_t> epochs) {
    absl::MutexLock lock(&mutex_);
    epochs_[static_cast<size_t>(kind)] = std::move(epochs);
  }
  // One epoch instead of what stood before, unless that is newer.
  void Set(v1::RecommendationKind kind, uint64_t epoch) {
    if (Of(kind) < epoch) Replace(kind, {epoch});
  }

 private:
  mutable absl::Mutex mutex_;
  std::array<std::vector<uint64_t>, kKindRows> epochs_ ABSL_GUARDED_BY(mutex_);
};

// Whom a slate is for, before it is looked up in a view.
struct SubjectName {
  // A stored member, or empty.
  std::string id;
  // One that is only in the request.
  std::shared_ptr<const Member> owned;
  std::shared_ptr<const TransientVoice> voice;
};

// The subject in `view`; NOT_FOUND (reason PROFILE_NOT_FOUND) if it is not
// there, or not any more.
absl::StatusOr<Subject> FindSubject(const MatchingView& view,
                                    const SubjectName& name);

struct SlateRequest {
  const KindSpec* kind = nullptr;
  const RankingProfile* profile = nullptr;
  size_t page_size = 10;
  std::string page_token;
  std::shared_ptr<const v1::MemberFilter> filter;  // may be null
  std::shared_ptr<const CompiledFilter> compiled;
  double subject_weight = .6;
  uint32_t subject_roles = 0;  // RoleBit()s
  v1::ExplanationLevel explanation = v1::EXPLANATION_LEVEL_REASONS;
  Language language = Language::kIndonesian;
  uint64_t min_revision = 0;
  bool stale = false;  // min_revision was waited for in vain
  bool fresh = false;
  // Hash of everything that changes the order besides kind, profile and
  // subject; binds tokens and keys.
  uint64_t parameters = 0;
};

// SlateRequest::parameters of what a caller asks: the same in every process.
// `filter` and `profile` are serialised messages, empty without; `wanted_roles`
// is 0 for all that the kind means.
uint64_t HashParameters(absl::string_view filter, double subject_weight,
                        uint32_t subject_roles, absl::string_view profile,
                        uint32_t wanted_roles = 0);

// Of a request that names nothing: what a refresh computes.
inline uint64_t DefaultParameters() { return HashParameters("", .6, 0, ""); }

// What an answer shows, for those who may send it again.
struct Shown {
  // The same would be made again now, as long as the members below, the view's
  // ties and the epoch stay the same.
  bool repeatable = true;
  // When it is too old in any case.
  absl::Time until = absl::InfiniteFuture();
  // Whom it is for, shows or names; the same may be there twice.
  std::vector<MemberIndex> members;
  // Of the oldest view that a slate was verified against.
  uint64_t revision = UINT64_MAX;
  uint64_t record_incarnation = 0;
  std::vector<std::pair<v1::RecommendationKind, uint64_t>> epochs;
  std::vector<v1::SlateSource> sources;
};

// Thread-safe. Everything that it is made from must outlive it.
class SlateServer {
 public:
  SlateServer(std::function<MatchingView()> views, Recommender& recommender,
              SlateCache& cache, EpochBoard& epochs, Timer& timer);

  // One page. Errors: NOT_FOUND, BAD_PAGE_TOKEN, PAGE_TOKEN_EXPIRED, those of
  // the call.
  rpc::Task<absl::StatusOr<v1::Slate>> Serve(rpc::CallContext& call,
                                             SubjectName subject,
                                             SlateRequest request);
  // The same into `out`, which is empty; notes in `shown`, if that is not null,
  // what is in it.
  rpc::Task<absl::Status> ServeInto(rpc::CallContext& call, SubjectName subject,
                                    SlateRequest request, v1::Slate& out,
                                    Shown* shown);
  // Counts slates that were sent again.
  static void CountRepeated(const std::vector<v1::SlateSource>& sources);
  uint64_t EpochOf(v1::RecommendationKind kind) const {
    return epochs_.Of(kind);
  }

  // The key under which the slate of a stored subject is cached.
  std::string KeyOf(const MatchingView& view, absl::string_view subject_id,
                    const SlateRequest& request, uint64_t epoch) const;

  // Computes a slate of `entries` candidates; not cached.
  rpc::Task<absl::StatusOr<SharedSlate>> Compute(rpc::CallContext& call,
                                                 SubjectName subject,
                                                 SlateRequest request,
                                                 size_t entries);

  // The slate of the first `entries` items of a ranking in order.
  std::shared_ptr<Slate> MakeSlate(const MatchingView& view,
                                   const Subject& subject,
                                   const Ranking& ranking, size_t entries);

  // One recommendation of an eligible candidate, without reasons.
  void Describe(const MatchingView& view, const Subject& subject,
                const SlateRequest& request, const Ranked& ranked,
                uint64_t slate_id, size_t position,
                v1::Recommendation& recommendation) const;

  MatchingView view() const { return views_(); }
  SlateCache& cache() { return cache_; }

 private:
  void Note(const MatchingView& view, const Subject& subject,
            const SlateRequest& request, const Slate& slate,
            const v1::Slate& out, uint64_t epoch, Shown& shown) const;
  rpc::Task<absl::StatusOr<SharedSlate>> Shared(rpc::CallContext& call,
                                                SubjectName subject,
                                                SlateRequest request,
                                                std::string key);
  rpc::Task<absl::StatusOr<SharedSlate>> Extend(rpc::CallContext& call,
                                                SubjectName subject,
                                                SlateRequest request,
                                                SharedSlate base,
                                                std::string key);

  const std::function<MatchingView()> views_;
  Recommender& recommender_;
  SlateCache& cache_;
  EpochBoard& epochs_;
  SingleFlight<SharedSlate> flights_;
  std::atomic<uint64_t> next_slate_id_;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_SLATES_SLATE_SERVER_H_
