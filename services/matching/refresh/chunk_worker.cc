#include "services/matching/refresh/chunk_worker.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "common/base/thread_priority.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"

namespace mitra::matching {
namespace {

// Members of one message to search at most, who share what it reads: with 32
// search takes an eighth less than with 16, with 64 no less.
constexpr size_t kBatchMembers = 32;
// Messages under way.
constexpr size_t kAhead = 2;

size_t MembersOfMessage(size_t kinds) {
  return std::clamp<size_t>(kMaxBatch / std::max<size_t>(kinds, 1), 1,
                            kBatchMembers);
}

// The best by key, best first; equal keys by id, whatever the numbers are.
void KeepBest(const MemberView& members, size_t kept,
              std::vector<MarketCandidate>& candidates) {
  const auto better = [&](const MarketCandidate& a, const MarketCandidate& b) {
    if (a.key != b.key) return a.key > b.key;
    return a.member != b.member &&
           members.at(a.member).id.view() < members.at(b.member).id.view();
  };
  kept = std::min(candidates.size(), kept);
  const auto end = candidates.begin() + static_cast<ptrdiff_t>(kept);
  if (end != candidates.end()) {
    std::nth_element(candidates.begin(), end, candidates.end(), better);
  }
  std::sort(candidates.begin(), end, better);
  candidates.resize(kept);
}

absl::Status SearchIsAway() {
  return MakeError(absl::StatusCode::kUnavailable, "SEARCH_UNAVAILABLE",
                   "search did not answer during the refresh");
}

}  // namespace

absl::Status SearchIsBehind(uint64_t has_read, uint64_t wanted) {
  return MakeError(
      absl::StatusCode::kUnavailable, "SEARCH_BEHIND",
      absl::StrCat("search has read the record up to revision ", has_read,
                   " only, the refresh began at ", wanted));
}

size_t KeptFor(size_t slate_size) {
  return std::clamp<size_t>(3 * slate_size, 32, 100);
}

// Some members and what search is asked of them.
struct ChunkWorker::Batch {
  std::vector<Subject> subjects;   // those that are there
  std::vector<RankQuery> queries;  // by subject, then kind
  std::vector<MarketQuestion> questions;
  std::vector<bool> present;  // by member of the batch
  rpc::CallContext call;
  std::vector<absl::StatusOr<Retrieved>> answers;
  absl::Notification answered;
};

// One chunk on its way.
class ChunkWorker::Run {
 public:
  Run(ChunkWorker& worker, const MatchingView& view, const ChunkPlan& plan)
      : worker_(worker), view_(view), plan_(plan) {
    result_.kinds.resize(plan.kinds.size());
    result_.first_revision = result_.last_revision = view.revision;
  }
  // Answers may still come: they must find their batch.
  ~Run() {
    for (const auto& batch : under_way_) batch->answered.WaitForNotification();
  }

  void Ask(absl::Span<const std::string> members) {
    auto batch = std::make_shared<Batch>();
    Batch& b = *batch;
    b.subjects.reserve(members.size());
    b.queries.reserve(members.size() * plan_.kinds.size());
    b.questions.reserve(members.size() * plan_.kinds.size());
    std::vector<RetrieveQuery> queries;
    for (const std::string& id : members) {
      Subject subject;
      subject.index = view_.members.Find(id);
      b.present.push_back(subject.index != kNoMember);
      if (subject.index == kNoMember) continue;
      subject.member = &view_.members.at(subject.index);
      b.subjects.push_back(std::move(subject));
      GiveWay();
      Prepare(b, queries);
    }
    under_way_.push_back(batch);
    if (queries.empty()) {
      b.answered.Notify();
      return;
    }
    b.call.deadline = absl::Now() + plan_.timeout;
    rpc::Spawn(Send(worker_.source_, std::move(batch), std::move(queries)));
  }

  size_t under_way() const { return under_way_.size(); }

  absl::Status TakeOldest() {
    const std::shared_ptr<Batch> batch = under_way_.front();
    batch->answered.WaitForNotification();
    under_way_.pop_front();
    size_t subject = 0;
    for (const bool present : batch->present) {
      if (!present) {
        result_.subject_revisions.push_back(0);
        for (CandidateLists& lists : result_.kinds) lists.Add({}, 0);
        continue;
      }
      result_.subject_revisions.push_back(
          batch->subjects[subject].member->revision);
      for (size_t k = 0; k < plan_.kinds.size(); ++k) {
        GiveWay();
        MITRA_RETURN_IF_ERROR(
            TakeOne(*batch, subject * plan_.kinds.size() + k, k));
      }
      ++subject;
    }
    return absl::OkStatus();
  }

  ChunkResult TakeResult() { return std::move(result_); }

 private:
  static rpc::Task<> Send(CandidateSource& source, std::shared_ptr<Batch> batch,
                          std::vector<RetrieveQuery> queries) {
    auto pending = source.RetrieveMany(batch->call, std::move(queries));
    batch->answers = co_await std::move(pending);
    batch->answered.Notify();
  }

  // Adds the questions of the batch's last subject.
  void Prepare(Batch& b, std::vector<RetrieveQuery>& queries) {
    const Subject& subject = b.subjects.back();
    const auto trust = worker_.trust_.Get(view_.graph, subject.index,
                                          subject.member->incarnation,
                                          worker_.recommender_.clock().Now());
    for (const KindSpec* kind : plan_.kinds) {
      RankQuery query;
      query.kind = kind;
      query.profile = &plan_.arms.Of(subject.member->id.view());
      query.wanted = plan_.kept;
      query.min_revision = plan_.min_revision;
      query.for_market = true;
      b.queries.push_back(query);
      b.questions.push_back(worker_.recommender_.AskForMarket(
          view_, subject, b.queries.back(), trust, plan_.depth));
      // All but its k, which the answer is weighed by.
      queries.push_back(std::move(b.questions.back().retrieval));
    }
  }

  // The ranking of one member and kind: from search's answer, or by the whole
  // pipeline where that was not enough or search has not heard of the member.
  absl::StatusOr<Ranking> RankingOf(Batch& batch, size_t at) {
    const absl::StatusOr<Retrieved>& answer = batch.answers[at];
    const RankQuery& query = batch.queries[at];
    if (answer.ok()) {
      Ranking ranking = Recommender::RankMarket(batch.questions[at], *answer);
      if (ranking.exhausted || ranking.items.size() >= query.wanted) {
        return ranking;
      }
    } else if (!absl::IsNotFound(answer.status())) {
      return answer.status();
    }
    rpc::CallContext call;
    call.deadline = absl::Now() + plan_.timeout;
    return rpc::SyncWait(worker_.recommender_.Rank(
        call, view_, batch.subjects[at / plan_.kinds.size()], query));
  }

  absl::Status TakeOne(Batch& batch, size_t at, size_t kind) {
    absl::StatusOr<Ranking> ranking = RankingOf(batch, at);
    absl::Status failure = ranking.status();
    if (ranking.ok() &&
        (ranking->degraded &
         DegradedBit(v1::DEGRADED_REASON_SEARCH_UNAVAILABLE)) != 0) {
      failure = absl::UnavailableError("search is away");
    }
    // What search could not tell is no slate to keep for a day.
    if (!failure.ok()) return SearchIsAway();
    if (ranking->revision < plan_.min_revision) {
      return SearchIsBehind(ranking->revision, plan_.min_revision);
    }
    list_.clear();
    for (const Ranked& ranked : ranking->items) {
      list_.push_back(CandidateOf(ranked));
    }
    KeepBest(view_.members, plan_.kept, list_);
    uint8_t flags = static_cast<uint8_t>(ranking->missing << kMissingShift);
    if (ranking->exhausted) flags |= kListExhausted;
    result_.kinds[kind].Add(list_, flags);
    result_.first_revision =
        std::min(result_.first_revision, ranking->revision);
    return absl::OkStatus();
  }

  ChunkWorker& worker_;
  const MatchingView& view_;
  const ChunkPlan& plan_;
  ChunkResult result_;
  std::deque<std::shared_ptr<Batch>> under_way_;
  std::vector<MarketCandidate> list_;
};

absl::StatusOr<ChunkResult> ChunkWorker::Compute(
    const MatchingView& view, absl::Span<const std::string> members,
    const ChunkPlan& plan, const std::atomic<bool>& stop) {
  Run run(*this, view, plan);
  const size_t together = MembersOfMessage(plan.kinds.size());
  for (size_t at = 0; at < members.size(); at += together) {
    if (stop) return absl::CancelledError("stopped");
    run.Ask(members.subspan(at, together));
    if (run.under_way() > kAhead) MITRA_RETURN_IF_ERROR(run.TakeOldest());
  }
  while (run.under_way() > 0) MITRA_RETURN_IF_ERROR(run.TakeOldest());
  return run.TakeResult();
}

absl::StatusOr<uint64_t> ChunkWorker::Reach(uint64_t wanted,
                                            absl::Duration timeout) {
  rpc::CallContext call;
  call.deadline = absl::Now() + timeout;
  const absl::StatusOr<uint64_t> reached =
      rpc::SyncWait(source_.Reach(call, wanted));
  if (!reached.ok()) return SearchIsAway();
  return reached;
}

absl::StatusOr<MarketCandidate> ChunkWorker::ScorePair(
    const MatchingView& view, const std::string& member, const KindSpec& kind,
    MemberIndex candidate, const ChunkPlan& plan) {
  Subject subject;
  subject.index = view.members.Find(member);
  if (subject.index == kNoMember) {
    return MakeError(absl::StatusCode::kNotFound, "PROFILE_NOT_FOUND",
                     "profile_id: no such profile");
  }
  subject.member = &view.members.at(subject.index);
  RankQuery query;
  query.kind = &kind;
  query.profile = &plan.arms.Of(member);
  query.for_market = true;
  rpc::CallContext call;
  call.deadline = absl::Now() + plan.timeout;
  MITRA_ASSIGN_OR_RETURN(
      const Ranking ranking,
      rpc::SyncWait(recommender_.ScoreGiven(
          call, view, subject, query,
          {std::string(view.members.at(candidate).id.view())})));
  if (ranking.items.empty() || ranking.items[0].role == 0) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "NOT_AVAILABLE",
                     "candidate_id: may not be shown to the member");
  }
  return CandidateOf(ranking.items[0]);
}

}  // namespace mitra::matching
