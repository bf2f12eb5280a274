#include "services/matching/ranking/recommender.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "mitra/v1/filter.pb.h"
#include "services/matching/ranking/rank_trace_stages.h"
#include "services/matching/ranking/recommender_work.h"

namespace mitra::matching {
namespace {

// Retrieval grows by this factor until enough are left.
constexpr int kDeeper = 4;

// Kinds of member among which hardly any are of another kind than wanted;
// search need not be asked to filter.
constexpr uint32_t kParties = KindBit(v1::MEMBER_KIND_PERSON) |
                              KindBit(v1::MEMBER_KIND_BUSINESS) |
                              KindBit(v1::MEMBER_KIND_ORGANISATION);

bool IsAway(const absl::Status& status) {
  return status.code() == absl::StatusCode::kUnavailable ||
         status.code() == absl::StatusCode::kDeadlineExceeded ||
         status.code() == absl::StatusCode::kResourceExhausted ||
         status.code() == absl::StatusCode::kUnimplemented;
}

}  // namespace

Recommender::Recommender(CandidateSource& source, TrustCache& trust,
                         const Clock& clock, const Prices* prices,
                         Options options)
    : source_(source),
      trust_(trust),
      clock_(clock),
      prices_(prices),
      options_(options) {}

std::shared_ptr<const TrustVector> Recommender::TrustOf(
    const MatchingView& view, const Subject& subject) {
  if (!subject.stored()) return nullptr;
  return trust_
      .Get(view.graph, subject.index, subject.member->incarnation, clock_.Now())
      .trust;
}

RetrieveQuery Recommender::QuestionOf(const Work& work, int k,
                                      bool also_score) {
  const KindSpec& kind = *work.query.kind;
  RetrieveQuery query;
  if (work.subject.stored()) {
    query.subject_id = std::string(work.subject.member->id.view());
  } else {
    query.voice = work.subject.voice;
  }
  const uint32_t roles =
      CountingRoles(*work.subject.member, kind, work.query.subject_roles);
  if (std::popcount(roles) == 1) {
    query.subject_role = static_cast<v1::Role>(std::countr_zero(roles));
  }
  query.roles = kind.candidate_roles;
  if ((kind.member_kinds & kParties) != kParties)
    query.kinds = kind.member_kinds;
  query.filter = work.query.filter;
  query.seats_free =
      kind.pool == CapacityPool::kFacetSeats &&
      (kind.candidate_roles &
       (RoleBit(v1::ROLE_MENTOR) | RoleBit(v1::ROLE_FACILITATOR))) != 0;
  query.weight = work.query.subject_weight;
  query.k = std::clamp(k, 1, kMaxRetrieved);
  query.min_revision = work.query.min_revision;
  if (also_score) {
    query.also_score_ids.reserve(work.walked.size());
    for (const MemberIndex member : work.walked) {
      query.also_score_ids.emplace_back(work.view.members.at(member).id.view());
    }
  }
  return query;
}

rpc::Task<absl::StatusOr<Retrieved>> Recommender::AskSearch(
    rpc::CallContext& call, const Work& work, int k, bool also_score) {
  RetrieveQuery query = QuestionOf(work, k, also_score);
  // The rest of the budget belongs to scoring and to the answer itself.
  const absl::Time deadline = call.deadline;
  call.deadline = std::min(
      deadline, absl::Now() + call.remaining() * options_.retrieval_share);
  absl::StatusOr<Retrieved> found =
      co_await source_.Retrieve(call, std::move(query));
  call.deadline = deadline;
  co_return found;
}

rpc::Task<absl::StatusOr<Ranking>> Recommender::Rank(rpc::CallContext& call,
                                                     const MatchingView& view,
                                                     const Subject& subject,
                                                     RankQuery query) {
  const Prices* const prices = query.for_market ? nullptr : prices_;
  RankTrace* const trace = query.trace;
  MITRA_CO_RETURN_IF_ERROR(call.CheckAlive());
  if (trace != nullptr) trace->Begin("walk");
  Ranking ranking;
  ranking.revision = view.revision;
  ranking.missing = MissingSignals(view, subject);
  Work work(view, subject, query, TrustOf(view, subject),
            absl::ToUnixSeconds(clock_.Now()));
  if (work.trust != nullptr) {
    if (work.trust->truncated) {
      ranking.degraded |= DegradedBit(v1::DEGRADED_REASON_TRUST_TRUNCATED);
    }
    work.walked = WalkCandidates(view, *query.kind, *work.trust,
                                 options_.trust_candidates);
  }
  if (trace != nullptr) TraceWalk(work.trust.get(), work.walked.size(), *trace);

  const size_t listed = query.listed != nullptr ? query.listed->size() : 0;
  int k = std::clamp(std::max(options_.first_retrieval,
                              static_cast<int>(std::min<size_t>(
                                  kMaxRetrieved, 2 * (query.wanted + listed)))),
                     1, kMaxRetrieved);
  while (true) {
    if (trace != nullptr) trace->Begin("retrieval");
    absl::StatusOr<Retrieved> found =
        co_await AskSearch(call, work, k, /*also_score=*/work.seen.empty());
    MITRA_CO_RETURN_IF_ERROR(call.CheckAlive());
    if (trace != nullptr) TraceRetrieval(k, found, *trace);
    if (!found.ok()) {
      if (found.status().code() == absl::StatusCode::kNotFound &&
          subject.stored()) {
        // Search has not heard of the subject yet, or it is gone already.
        ranking.degraded |= DegradedBit(v1::DEGRADED_REASON_STALE);
      } else if (IsAway(found.status())) {
        ranking.degraded |= DegradedBit(v1::DEGRADED_REASON_SEARCH_UNAVAILABLE);
      } else {
        co_return found.status();
      }
      work.AddWalked(prices);
      ranking.exhausted = true;
      break;
    }
    ranking.revision = std::min(ranking.revision, found->revision);
    if (found->partial) {
      ranking.degraded |= DegradedBit(v1::DEGRADED_REASON_PARTIAL);
    }
    if (query.min_revision > found->revision) {
      ranking.degraded |= DegradedBit(v1::DEGRADED_REASON_STALE);
    }
    if (found->need_missing && found->offer_missing) {
      ranking.missing |= kMissingVectors;
    }
    if (trace != nullptr) trace->Begin("score");
    const int retrieved = work.TakeIn(*found, prices);
    ranking.exhausted = retrieved < k;
    if (ranking.exhausted || work.items.size() >= query.wanted) break;
    if (k >= kMaxRetrieved) {
      for (MemberIndex i = 0; i < view.members.size(); ++i) {
        if ((view.members.at(i).role_bits & query.kind->candidate_roles) != 0) {
          work.Add(i, v1::ROLE_UNSPECIFIED, {kUnknown, kUnknown}, kFromRoster,
                   prices);
        }
      }
      ranking.exhausted = true;
      break;
    }
    k = std::min(kMaxRetrieved, k * kDeeper);
  }
  if (trace != nullptr) {
    trace->AddRefused();
    trace->Begin("rerank");
    trace->Add("scored", static_cast<double>(work.items.size()));
  }
  if (!query.for_market) {
    OrderRules rules;
    rules.profile = query.profile;
    rules.kind = query.kind->kind;
    rules.now = absl::ToUnixSeconds(clock_.Now());
    rules.trace = trace;
    if (options_.impressions != nullptr && subject.stored()) {
      rules.shown = options_.impressions->Of(
          {subject.index, subject.member->incarnation}, rules.now);
    }
    OrderRanked(view, subject, rules, work.items);
  }
  ranking.items = std::move(work.items);
  if (trace != nullptr) TraceSlate(ranking, query.wanted, *trace);
  co_return ranking;
}

MarketQuestion Recommender::AskForMarket(
    const MatchingView& view, const Subject& subject, const RankQuery& query,
    std::shared_ptr<const TrustVector> trust, const MarketDepth& depth) {
  MarketQuestion question;
  question.work = std::make_shared<Work>(view, subject, query, std::move(trust),
                                         absl::ToUnixSeconds(clock_.Now()));
  Work& work = *question.work;
  if (work.trust != nullptr) {
    work.walked =
        WalkCandidates(view, *query.kind, *work.trust, depth.trust_candidates);
  }
  question.retrieval = QuestionOf(work, depth.retrieved, /*also_score=*/true);
  return question;
}

Ranking Recommender::RankMarket(const MarketQuestion& question,
                                const Retrieved& found) {
  Work& work = *question.work;
  Ranking ranking;
  ranking.revision = std::min(work.view.revision, found.revision);
  ranking.missing = MissingSignals(work.view, work.subject);
  if (work.trust != nullptr && work.trust->truncated) {
    ranking.degraded |= DegradedBit(v1::DEGRADED_REASON_TRUST_TRUNCATED);
  }
  if (found.need_missing && found.offer_missing) {
    ranking.missing |= kMissingVectors;
  }
  const int retrieved = work.TakeIn(found, nullptr);
  ranking.exhausted = retrieved < question.retrieval.k;
  ranking.items = std::move(work.items);
  return ranking;
}

rpc::Task<absl::StatusOr<Ranking>> Recommender::ScoreGiven(
    rpc::CallContext& call, const MatchingView& view, const Subject& subject,
    RankQuery query, std::vector<std::string> candidate_ids) {
  MITRA_CO_RETURN_IF_ERROR(call.CheckAlive());
  Ranking ranking;
  ranking.revision = view.revision;
  ranking.missing = MissingSignals(view, subject);
  Work work(view, subject, query, TrustOf(view, subject),
            absl::ToUnixSeconds(clock_.Now()));
  std::vector<MemberIndex> members;
  members.reserve(candidate_ids.size());
  for (const std::string& id : candidate_ids) {
    members.push_back(view.members.Find(id));
    if (members.back() != kNoMember) work.walked.push_back(members.back());
  }
  absl::flat_hash_map<MemberIndex, Similarity> similarities;
  if (!work.walked.empty()) {
    absl::StatusOr<Retrieved> found =
        co_await AskSearch(call, work, 1, /*also_score=*/true);
    MITRA_CO_RETURN_IF_ERROR(call.CheckAlive());
    if (found.ok()) {
      ranking.revision = std::min(ranking.revision, found->revision);
      for (const Retrieved::Candidate& candidate : found->candidates) {
        similarities[view.members.Find(candidate.id)] = {
            found->need_missing ? kUnknown : candidate.give,
            found->offer_missing ? kUnknown : candidate.take};
      }
    } else if (IsAway(found.status()) ||
               found.status().code() == absl::StatusCode::kNotFound) {
      ranking.degraded |= DegradedBit(v1::DEGRADED_REASON_SEARCH_UNAVAILABLE);
    } else {
      co_return found.status();
    }
  }
  for (const MemberIndex index : members) {
    Ranked none;
    none.member = index;
    if (index == kNoMember) {
      ranking.items.push_back(none);
      continue;
    }
    const Member& member = view.members.at(index);
    Eligibility cause;
    const v1::Role role =
        RecommendableRole(work.eligible, query.compiled, *query.kind, index,
                          member, v1::ROLE_UNSPECIFIED, cause);
    if (role == v1::ROLE_UNSPECIFIED) {
      ranking.items.push_back(none);
      continue;
    }
    const auto at = similarities.find(index);
    ranking.items.push_back(work.ScoreOne(
        index, member, role,
        at != similarities.end() ? at->second : Similarity{kUnknown, kUnknown},
        0, prices_));
  }
  ranking.exhausted = true;
  co_return ranking;
}

}  // namespace mitra::matching
