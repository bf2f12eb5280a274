// What a slate costs inside matching, without its hops: members and ties from a
// snapshot of the service, candidates at random from those who could be found,
// answers as bytes. One thread, processor time.
//
//   mitra-bench-slate SNAPSHOT [--subjects N] [--rounds N]
//
// The digest is over all that was answered: equal before and after a change
// that only makes slates cheaper.

#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/base/fake_clock.h"
#include "common/base/random.h"
#include "services/matching/slates/slate_server.h"

namespace mitra::matching {
namespace {

// What this thread has used, in microseconds.
double CpuMicros() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 +
         static_cast<double>(now.tv_nsec) / 1e3;
}

uint64_t Mix(uint64_t hash, absl::string_view bytes) {
  for (const char c : bytes) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  }
  return hash;
}

// Who stands in a role that partners have.
std::vector<MemberIndex> PartnersOf(const MemberView& members,
                                    const KindSpec& kind) {
  std::vector<MemberIndex> partners;
  for (MemberIndex i = 0; i < members.size(); ++i) {
    const Member& member = members.at(i);
    if (!member.deleted && (member.role_bits & kind.candidate_roles) != 0) {
      partners.push_back(i);
    }
  }
  return partners;
}

// As many as are asked, the same for the same subject.
class RandomSource final : public CandidateSource {
 public:
  RandomSource(const MemberView& members, std::vector<MemberIndex> partners)
      : members_(members), partners_(std::move(partners)) {}

  rpc::Task<absl::StatusOr<uint64_t>> Reach(rpc::CallContext&,
                                            uint64_t wanted) override {
    co_return wanted;
  }

  rpc::Task<absl::StatusOr<Retrieved>> Retrieve(rpc::CallContext&,
                                                RetrieveQuery query) override {
    Retrieved retrieved;
    retrieved.revision = 1;
    Random random(Mix(1, query.subject_id));
    const auto add = [&](std::string id, bool also_scored) {
      const float give = static_cast<float>(random.Double());
      const float take = static_cast<float>(random.Double());
      retrieved.candidates.push_back(
          {std::move(id), v1::ROLE_BUSINESS, give, take, also_scored});
    };
    for (int i = 0; i < query.k; ++i) {
      const MemberIndex one = partners_[random.Below(partners_.size())];
      add(std::string(members_.at(one).id.view()), false);
    }
    for (std::string& id : query.also_score_ids) add(std::move(id), true);
    co_return retrieved;
  }

 private:
  const MemberView& members_;
  const std::vector<MemberIndex> partners_;
};

// Serves and measures.
class Bench {
 public:
  explicit Bench(MatchingState& state)
      : state_(state),
        view_(state.view()),
        kind_(*FindKind(v1::RECOMMENDATION_KIND_PARTNER)),
        partners_(PartnersOf(view_.members, kind_)),
        source_(view_.members, partners_),
        trust_({.max_bytes = size_t{1} << 30}),
        recommender_(source_, trust_, clock_),
        cache_(nullptr, nullptr, clock_, {}),
        slates_([this] { return ViewWithKey(); }, recommender_, cache_, epochs_,
                timer_) {}

  int Run(size_t subjects, int rounds) {
    if (partners_.empty()) return 1;
    Random random(7);
    std::vector<MemberIndex> asking;
    for (size_t i = 0; i < subjects; ++i) {
      asking.push_back(partners_[random.Below(partners_.size())]);
    }
    uint64_t digest = 0;
    for (const MemberIndex subject : asking) {  // trust is known from here on
      digest = Mix(digest, Serve(subject));
    }
    std::printf("digest %016llx\n", static_cast<unsigned long long>(digest));
    std::vector<double> ranking, serving;
    for (int round = 0; round < rounds; ++round) {
      double start = CpuMicros();
      for (const MemberIndex subject : asking) Rank(subject);
      ranking.push_back((CpuMicros() - start) / static_cast<double>(subjects));
      start = CpuMicros();
      for (const MemberIndex subject : asking) (void)Serve(subject);
      serving.push_back((CpuMicros() - start) / static_cast<double>(subjects));
    }
    std::sort(ranking.begin(), ranking.end());
    std::sort(serving.begin(), serving.end());
    std::printf("METRIC slate_rank_us %.4g\nMETRIC slate_serve_us %.4g\n",
                ranking[ranking.size() / 2], serving[serving.size() / 2]);
    return 0;
  }

 private:
  // A snapshot has no key, and without one no tokens are made.
  MatchingView ViewWithKey() const {
    MatchingView view = state_.view();
    view.token_key = token_key_;
    return view;
  }
  void Rank(MemberIndex index) {
    rpc::CallContext call;
    Subject subject;
    subject.index = index;
    subject.member = &view_.members.at(index);
    RankQuery query;
    query.kind = &kind_;
    query.profile = &RankingProfile::Default();
    (void)rpc::SyncWait(recommender_.Rank(call, view_, subject, query));
  }

  // Without the marks that are new each time.
  std::string Serve(MemberIndex index) {
    rpc::CallContext call;
    SubjectName subject;
    subject.id = std::string(view_.members.at(index).id.view());
    SlateRequest request;
    request.kind = &kind_;
    request.profile = &RankingProfile::Default();
    request.parameters = DefaultParameters();
    request.fresh = true;
    v1::Slate slate;
    const absl::Status served = rpc::SyncWait(slates_.ServeInto(
        call, std::move(subject), std::move(request), slate, nullptr));
    if (!served.ok()) return served.ToString();
    slate.clear_next_page_token();
    for (v1::Recommendation& one : *slate.mutable_recommendations()) {
      one.clear_attribution_token();
    }
    return slate.SerializeAsString();
  }

  const std::shared_ptr<const std::string> token_key_ =
      std::make_shared<const std::string>(32, 'k');
  MatchingState& state_;
  const MatchingView view_;
  const KindSpec& kind_;
  const std::vector<MemberIndex> partners_;
  FakeClock clock_;
  RandomSource source_;
  TrustCache trust_;
  Recommender recommender_;
  SlateCache cache_;
  EpochBoard epochs_;
  Timer timer_;
  SlateServer slates_;
};

int Main(int argc, char** argv) {
  std::string snapshot;
  size_t subjects = 1000;
  int rounds = 7;
  CLI::App app("What a slate costs inside matching");
  app.add_option("snapshot", snapshot)->required();
  app.add_option("--subjects", subjects);
  app.add_option("--rounds", rounds);
  CLI11_PARSE(app, argc, argv);
  MatchingState state({});
  if (const absl::Status loaded = state.Load(snapshot); !loaded.ok()) {
    std::fprintf(stderr, "slate: %s\n", loaded.ToString().c_str());
    return 1;
  }
  return Bench(state).Run(subjects, rounds);
}

}  // namespace
}  // namespace mitra::matching

int main(int argc, char** argv) { return mitra::matching::Main(argc, argv); }
