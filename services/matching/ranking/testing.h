// A small network in memory, and a source of candidates that does as it is
// told.

#ifndef MITRA_SERVICES_MATCHING_RANKING_TESTING_H_
#define MITRA_SERVICES_MATCHING_RANKING_TESTING_H_

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "common/base/fake_clock.h"
#include "mitra/v1/evidence.pb.h"
#include "mitra/v1/filter.pb.h"
#include "services/matching/graph/tie_graph.h"
#include "services/matching/members/testing.h"
#include "services/matching/ranking/candidate_source.h"
#include "services/matching/ranking/member_filter.h"
#include "services/matching/ranking/recommender.h"

namespace mitra::matching {

// Members and ties; every change is published at once.
class World {
 public:
  World() : graph_(TieOptions()) {}

  MemberIndex Add(const v1::Profile& profile, uint64_t incarnation = 1) {
    const MemberIndex index = Put(members_, profile, ++revision_, incarnation);
    Publish();
    return index;
  }
  // A mentor with free seats and the same trade and town as AProfile.
  MemberIndex AddMentor(const std::string& id) {
    return Add(AProfile(id, v1::ROLE_MENTOR));
  }
  void Delete(const std::string& id) {
    members_.Delete(TestHash(id), 1, ++revision_);
    Publish();
  }
  void Block(const std::string& blocker, const std::string& blocked,
             bool present = true) {
    ++revision_;
    members_.SetBlock(members_.Find(blocker), members_.Find(blocked), present);
    Publish();
  }
  // `provider` is asked in a role, or the engagement is over.
  void Engage(const std::string& seeker, const std::string& provider,
              v1::Role role, bool open = true) {
    ++revision_;
    const uint64_t key = absl::HashOf(seeker, provider, static_cast<int>(role));
    if (open) {
      members_.engaged().Open(key, {members_.Find(seeker),
                                    members_.Find(provider), role, revision_});
    } else {
      members_.engaged().Close(key, revision_);
    }
    Publish();
  }
  void Consent(const std::string& id, v1::ConsentPurpose purpose) {
    ++revision_;
    members_.SetConsent(members_.Find(id), purpose, true);
    Publish();
  }
  void Tie(const std::string& author, const std::string& about,
           v1::EvidenceKind kind = v1::EVIDENCE_KIND_COLLABORATION,
           int pieces = 1) {
    for (int i = 0; i < pieces; ++i) {
      EvidencePiece piece;
      piece.key = ++evidence_;
      piece.author = members_.Find(author);
      piece.about = members_.Find(about);
      piece.kind = kind;
      piece.event_time = absl::ToUnixSeconds(clock.Now()) - 86400;
      piece.quality = 1;
      piece.revision = ++revision_;
      graph_.Fold(piece);
    }
    Publish();
  }

  // After the clock was moved: all ties as they are now.
  void Refresh() {
    graph_.Refresh(absl::ToUnixSeconds(clock.Now()), members_.size());
    Publish();
  }

  MatchingView view() const {
    absl::MutexLock lock(&mutex_);
    return view_;
  }
  Subject SubjectOf(const MatchingView& view, const std::string& id) const {
    Subject subject;
    subject.index = view.members.Find(id);
    subject.member = &view.members.at(subject.index);
    return subject;
  }
  uint64_t revision() const { return revision_; }

  FakeClock clock{absl::FromUnixSeconds(1'780'000'000)};

 private:
  void Publish() {
    members_.Publish();
    graph_.Publish(absl::ToUnixSeconds(clock.Now()), members_.size());
    MatchingView view;
    view.members = members_.view();
    view.graph = graph_.view();
    view.revision = revision_;
    view.changed = revision_;
    view.record_incarnation = 1;
    view.space = std::make_shared<const std::string>("hashing-v1/8/1");
    view.token_key = token_key_;
    absl::MutexLock lock(&mutex_);
    view_ = std::move(view);
  }

  const std::shared_ptr<const std::string> token_key_ =
      std::make_shared<const std::string>(32, 'k');
  MemberTable members_;
  TieGraph graph_;
  uint64_t revision_ = 0;
  uint64_t evidence_ = 0;
  mutable absl::Mutex mutex_;
  MatchingView view_;
};

// Gives the members of a world that stand in the wanted roles, in the order of
// their similarity, as search does; knows nothing of blocks and hiding.
class FakeCandidateSource final : public CandidateSource {
 public:
  explicit FakeCandidateSource(const World& world) : world_(world) {}

  // Similarities by member id; others get `common`.
  absl::flat_hash_map<std::string, std::pair<float, float>> similarity;
  std::pair<float, float> common = {.3f, .3f};
  bool need_missing = false;
  bool offer_missing = false;
  // Answers with this instead.
  absl::Status failure;
  // The source has not read further than this.
  uint64_t has_read = UINT64_MAX;
  // Runs before each answer.
  std::function<void()> before_answer;
  // Runs when it is asked how far it has read.
  std::function<void(uint64_t wanted)> before_reach;
  std::vector<int> asked;  // k of each call

  rpc::Task<absl::StatusOr<uint64_t>> Reach(rpc::CallContext&,
                                            uint64_t wanted) override {
    if (before_reach) before_reach(wanted);
    if (!failure.ok()) co_return failure;
    co_return std::min(world_.view().revision, has_read);
  }

  rpc::Task<absl::StatusOr<Retrieved>> Retrieve(rpc::CallContext& call,
                                                RetrieveQuery query) override {
    asked.push_back(query.k);
    if (!failure.ok()) co_return failure;
    const MatchingView view = world_.view();
    const CompiledFilter filter = query.filter != nullptr
                                      ? CompiledFilter(*query.filter)
                                      : CompiledFilter();
    Retrieved retrieved;
    for (MemberIndex i = 0; i < view.members.size(); ++i) {
      const Member& member = view.members.at(i);
      if (member.deleted || member.id.view() == query.subject_id) continue;
      for (const Facet& facet : member.facets) {
        if ((query.roles >> facet.role & 1) == 0) continue;
        if (!filter.Accepts(member, facet)) continue;
        Retrieved::Candidate candidate;
        candidate.id = std::string(member.id.view());
        candidate.role = static_cast<v1::Role>(facet.role);
        const auto at = similarity.find(candidate.id);
        std::tie(candidate.give, candidate.take) =
            at != similarity.end() ? at->second : common;
        retrieved.candidates.push_back(std::move(candidate));
        break;
      }
    }
    std::stable_sort(
        retrieved.candidates.begin(), retrieved.candidates.end(),
        [&](const auto& a, const auto& b) {
          return query.weight * a.give + (1 - query.weight) * a.take >
                 query.weight * b.give + (1 - query.weight) * b.take;
        });
    retrieved.eligible = retrieved.candidates.size();
    const size_t k = static_cast<size_t>(query.k);
    std::vector<Retrieved::Candidate> also;
    for (size_t i = k; i < retrieved.candidates.size(); ++i) {
      const auto& ids = query.also_score_ids;
      if (std::find(ids.begin(), ids.end(), retrieved.candidates[i].id) !=
          ids.end()) {
        also.push_back(retrieved.candidates[i]);
        also.back().also_scored = true;
      }
    }
    if (retrieved.candidates.size() > k) retrieved.candidates.resize(k);
    for (auto& candidate : also) {
      retrieved.candidates.push_back(std::move(candidate));
    }
    retrieved.revision = std::min(view.revision, has_read);
    retrieved.need_missing = need_missing;
    retrieved.offer_missing = offer_missing;
    if (before_answer) before_answer();
    co_return retrieved;
  }

 private:
  const World& world_;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RANKING_TESTING_H_
