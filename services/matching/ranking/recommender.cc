#include "services/matching/ranking/recommender.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "absl/container/flat_hash_map.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "mitra/v1/filter.pb.h"
#include "services/matching/ranking/rerank.h"

namespace mitra::matching {
namespace {

constexpr float kUnknown = std::numeric_limits<float>::quiet_NaN();
// Retrieval grows by this factor until enough are left.
constexpr int kDeeper = 4;
// Members of the walk that are looked at for each that is wanted of it.
constexpr size_t kWalkLookedAt = 12;

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

uint8_t MissingSignals(const MatchingView& view, const Subject& subject) {
  uint8_t missing = 0;
  if (!subject.stored() || view.graph.of(subject.index).size == 0) {
    missing |= kMissingTies;
  }
  if (subject.member->region == taxonomy::kNoRegion) missing |= kMissingRegion;
  if (subject.member->sectors.empty()) missing |= kMissingSectors;
  return missing;
}

v1::Role RecommendableRole(const EligibilityCheck& eligible,
                           const CompiledFilter* filter, const KindSpec& kind,
                           MemberIndex index, const Member& member,
                           v1::Role preferred, Eligibility& cause) {
  cause = Eligibility::kNoSuchRole;
  if (member.deleted) {
    cause = Eligibility::kGone;
    return v1::ROLE_UNSPECIFIED;
  }
  if ((kind.member_kinds >> member.kind & 1) == 0) return v1::ROLE_UNSPECIFIED;
  v1::Role found = v1::ROLE_UNSPECIFIED;
  for (const Facet& facet : member.facets) {
    const v1::Role role = static_cast<v1::Role>(facet.role);
    if ((kind.candidate_roles >> role & 1) == 0) continue;
    const Eligibility verdict = eligible(index, role);
    if (verdict != Eligibility::kEligible) {
      if (cause == Eligibility::kNoSuchRole) cause = verdict;
      continue;
    }
    if (filter != nullptr && !filter->Accepts(member, facet)) {
      if (cause == Eligibility::kNoSuchRole) cause = Eligibility::kEligible;
      continue;
    }
    if (role == preferred) {
      cause = Eligibility::kEligible;
      return role;
    }
    if (found == v1::ROLE_UNSPECIFIED) found = role;
  }
  if (found != v1::ROLE_UNSPECIFIED) cause = Eligibility::kEligible;
  return found;
}

// Everything that one ranking needs, made once.
struct Recommender::Work {
  Work(const MatchingView& the_view, const Subject& the_subject,
       const RankQuery& the_query, std::shared_ptr<const TrustVector> the_trust,
       int64_t now)
      : view(the_view),
        subject(the_subject),
        query(the_query),
        trust(std::move(the_trust)),
        features(
            view.members, view.graph, subject, *query.kind,
            CountingRoles(*subject.member, *query.kind, query.subject_roles),
            trust.get()),
        utility(*query.profile, *query.kind, query.subject_weight,
                subject.member->sectors),
        eligible(subject.stored()
                     ? EligibilityCheck(view.members, subject.index, now)
                     : EligibilityCheck(view.members, *subject.member, now)) {}

  // One candidate on its way in.
  struct Incoming {
    MemberIndex index;
    v1::Role preferred;
    Similarity similarity;
    uint8_t source;
  };

  // Takes in those who may be shown and are not there yet. Loads some members
  // ahead of the one that is scored, and before that where they lie.
  void AddAll(const std::vector<Incoming>& incoming, const Prices* prices) {
    constexpr size_t kPlaces = 16, kAhead = 8;
    for (size_t i = 0; i < incoming.size() + kPlaces; ++i) {
      if (i < incoming.size()) features.PrefetchPlace(incoming[i].index);
      const size_t next = i - (kPlaces - kAhead);
      if (next < incoming.size()) features.Prefetch(incoming[next].index);
      if (i < kPlaces) continue;
      const Incoming& one = incoming[i - kPlaces];
      Add(one.index, one.preferred, one.similarity, one.source, prices);
    }
  }

  // Takes in what search found, and the walk's members that search could not
  // tell about; gives how many search retrieved.
  int TakeIn(const Retrieved& found, const Prices* prices) {
    int retrieved = 0;
    std::vector<Incoming> incoming;
    incoming.reserve(found.candidates.size());
    items.reserve(found.candidates.size() + walked.size());
    seen.reserve(found.candidates.size() + walked.size());
    std::vector<absl::string_view> ids;
    ids.reserve(found.candidates.size());
    for (const auto& candidate : found.candidates) ids.push_back(candidate.id);
    const std::vector<MemberIndex> indexes = view.members.FindAll(ids);
    for (size_t i = 0; i < indexes.size(); ++i) {
      const Retrieved::Candidate& candidate = found.candidates[i];
      if (!candidate.also_scored) ++retrieved;
      const MemberIndex index = indexes[i];
      if (index == kNoMember) continue;
      incoming.push_back(
          {index,
           candidate.role,
           {found.need_missing ? kUnknown : candidate.give,
            found.offer_missing ? kUnknown : candidate.take},
           candidate.also_scored ? uint8_t{0} : uint8_t{kFromEmbedding}});
    }
    AddAll(incoming, prices);
    AddWalked(prices);
    return retrieved;
  }

  void AddWalked(const Prices* prices) {
    std::vector<Incoming> incoming;
    incoming.reserve(walked.size());
    for (const MemberIndex member : walked) {
      if (seen.contains(member)) continue;
      incoming.push_back(
          {member, v1::ROLE_UNSPECIFIED, {kUnknown, kUnknown}, 0});
    }
    AddAll(incoming, prices);
  }

  // Takes in a member if it may be shown and is not there yet.
  void Add(MemberIndex index, v1::Role preferred, Similarity similarity,
           uint8_t source, const Prices* prices) {
    if (index == kNoMember || !seen.insert(index).second) return;
    const Member& member = view.members.at(index);
    if (query.listed != nullptr && query.listed->contains(member.id.view())) {
      return;
    }
    Eligibility cause;
    const v1::Role role = RecommendableRole(
        eligible, query.compiled, *query.kind, index, member, preferred, cause);
    if (role == v1::ROLE_UNSPECIFIED) {
      if (query.trace != nullptr) query.trace->Refuse(cause);
      return;
    }
    items.push_back(ScoreOne(index, member, role, similarity, source, prices));
  }

  Ranked ScoreOne(MemberIndex index, const Member& member, v1::Role role,
                  Similarity similarity, uint8_t source, const Prices* prices) {
    Ranked ranked;
    ranked.member = index;
    ranked.role = role;
    ranked.incarnation = member.incarnation;
    ranked.similarity = similarity;
    ranked.trust = features.TrustIn(index);
    ranked.sources = source;
    if (ranked.trust > 0) ranked.sources |= kFromTrust;
    const FeatureVector vector = features.Of(
        index, member, *member.FacetOf(role), similarity, ranked.trust);
    if (!vector.Missing(Feature::kSameGroup) &&
        vector.Get(Feature::kSameGroup) > 0) {
      ranked.sources |= kFromCommunity;
    }
    ranked.score = utility.Score(
        vector,
        prices != nullptr ? prices->LogPriceOf(query.kind->kind, index) : 0);
    ranked.newcomer = vector.Get(Feature::kNewcomer) > 0;
    ranked.stranger = !vector.Missing(Feature::kSameGroup) &&
                      vector.Get(Feature::kSameGroup) == 0 &&
                      vector.Get(Feature::kCohesion) == 0;
    return ranked;
  }

  const MatchingView& view;
  const Subject& subject;
  const RankQuery& query;
  const std::shared_ptr<const TrustVector> trust;
  const PairFeatures features;
  const JointUtility utility;
  const EligibilityCheck eligible;
  std::vector<MemberIndex> walked;  // candidates from the walk, best first
  absl::flat_hash_set<MemberIndex> seen;
  std::vector<Ranked> items;
};

namespace {

// Members that the walk reached and that stand in a wanted role, best first.
// A member's record costs a cache miss, so only the heaviest are looked at.
std::vector<MemberIndex> WalkCandidates(const MatchingView& view,
                                        const KindSpec& kind,
                                        const TrustVector& trust,
                                        size_t count) {
  constexpr size_t kAhead = 24;
  const size_t looked_at =
      std::min(trust.entries.size(), kWalkLookedAt * count);
  std::vector<TrustEntry> made;
  absl::Span<const TrustEntry> heaviest = trust.heaviest;
  if (heaviest.size() < looked_at) heaviest = made = trust.Top(looked_at);
  heaviest = heaviest.subspan(0, looked_at);
  std::vector<MemberIndex> members;
  members.reserve(count);
  for (size_t i = 0; i < heaviest.size() && members.size() < count; ++i) {
    const size_t begin = i == 0 ? 0 : i + kAhead - 1;
    for (size_t j = begin; j < std::min(i + kAhead, heaviest.size()); ++j) {
      __builtin_prefetch(&view.members.at(heaviest[j].member).role_bits);
    }
    const Member& member = view.members.at(heaviest[i].member);
    if ((member.role_bits & kind.candidate_roles) != 0 && !member.hidden &&
        (kind.member_kinds >> member.kind & 1) != 0) {
      members.push_back(heaviest[i].member);
    }
  }
  return members;
}

}  // namespace

MemberIndex MainGroup(const MatchingView& view, MemberIndex member) {
  const Neighbours neighbours = view.graph.of(member);
  MemberIndex group = kNoMember;
  uint32_t smallest = 0;
  for (uint32_t i = 0; i < neighbours.size; ++i) {
    if ((neighbours.facts[i].out_kind & TieFacts::kGroupFlag) == 0) continue;
    const uint32_t size =
        view.graph.of(neighbours.edges[i].to).node->group_size;
    if (group == kNoMember || size < smallest) {
      group = neighbours.edges[i].to;
      smallest = size;
    }
  }
  return group;
}

uint64_t RerankSeed(const Member& member) {
  uint64_t hash = 0xcbf29ce484222325u ^ member.incarnation;
  for (const char c : member.id.view()) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  }
  return hash ^ static_cast<uint64_t>(member.create_time);
}

namespace {

// What the order goes by: the keys, less what the subject is tired of.
std::vector<float> OrderKeys(const RankingProfile& profile,
                             const std::vector<Ranked>& items,
                             const std::vector<ImpressionBook::Shown>& shown,
                             RankTrace* trace) {
  std::vector<float> keys(items.size());
  for (size_t i = 0; i < items.size(); ++i) keys[i] = items[i].score.key;
  if (shown.empty() || profile.fatigue == 0) return keys;
  absl::flat_hash_map<MemberLife, double> tired;
  for (const auto& one : shown) {
    tired[one.candidate] = FatigueOf(one.times, profile.fatigue);
  }
  uint32_t lowered = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    const auto at =
        tired.find(MemberLife{items[i].member, items[i].incarnation});
    if (at == tired.end() || at->second == 0) continue;
    keys[i] -= static_cast<float>(at->second);
    ++lowered;
  }
  if (trace != nullptr) trace->Add("tired", lowered);
  return keys;
}

}  // namespace

void OrderRanked(const MatchingView& view, const Subject& subject,
                 const OrderRules& rules, std::vector<Ranked>& items) {
  const RankingProfile& profile = *rules.profile;
  RankTrace* const trace = rules.trace;
  const std::vector<float> keys = OrderKeys(profile, items, rules.shown, trace);
  std::vector<uint32_t> by_key(items.size());
  for (uint32_t i = 0; i < by_key.size(); ++i) by_key[i] = i;
  std::sort(by_key.begin(), by_key.end(), [&](uint32_t a, uint32_t b) {
    if (keys[a] != keys[b]) return keys[a] > keys[b];
    return view.members.at(items[a].member).id.view() <
           view.members.at(items[b].member).id.view();
  });
  const size_t depth = std::min<size_t>(100, items.size());
  const bool local = profile.local_shares != RankingProfile().local_shares;
  std::vector<RerankItem> rerank(items.size());
  for (uint32_t i = 0; i < by_key.size(); ++i) {
    const Ranked& item = items[by_key[i]];
    rerank[i].rank = i;
    rerank[i].newcomer = item.newcomer;
    if (i < depth && (profile.group_cap > 0 || profile.bridging_share > 0)) {
      rerank[i].group = MainGroup(view, item.member);
      rerank[i].bridge = item.stranger && rerank[i].group != kNoMember;
    }
    if (i < depth && local) {
      rerank[i].nearness = taxonomy::RegionDistance(
          subject.member->region, view.members.at(item.member).region);
    }
  }
  const RerankResult result =
      Rerank(rerank, RulesOf(profile, RerankSeed(*subject.member), rules.kind,
                             rules.now, depth));
  for (const uint32_t rank : result.introduced) {
    items[by_key[rank]].sources |= kFromNewcomers;
  }
  if (trace != nullptr) {
    trace->Add("newcomers_put_up",
               static_cast<double>(result.introduced.size()));
    trace->Add("bridges_put_up", static_cast<double>(result.bridged.size()));
    trace->Add("capped", result.capped);
    trace->Add("drawn", result.drawn);
  }
  std::vector<Ranked> ordered;
  ordered.reserve(items.size());
  for (const uint32_t rank : result.order) {
    ordered.push_back(items[by_key[rank]]);
    if (ordered.size() <= result.drawn) ordered.back().sources |= kFromRandom;
  }
  items = std::move(ordered);
}

namespace {

void TraceWalk(const TrustVector* trust, size_t candidates, RankTrace& trace) {
  trace.Add("candidates", static_cast<double>(candidates));
  if (trust == nullptr) return;
  trace.Add("edges", trust->edges_pushed);
  trace.Add("reached", trust->touched);
  trace.Add("residual", trust->residual);
  trace.Add("truncated", trust->truncated ? 1 : 0);
}

void TraceRetrieval(int asked, const absl::StatusOr<Retrieved>& found,
                    RankTrace& trace) {
  trace.Add("asked", asked);
  trace.Add("status", static_cast<double>(found.status().code()));
  if (!found.ok()) return;
  trace.Add("found", static_cast<double>(found->candidates.size()));
  trace.Add("eligible", static_cast<double>(found->eligible));
  trace.Add("revision", static_cast<double>(found->revision));
}

void TraceSlate(const Ranking& ranking, size_t wanted, RankTrace& trace) {
  trace.Begin("slate");
  trace.Add("ranked", static_cast<double>(ranking.items.size()));
  trace.Add("exhausted", ranking.exhausted ? 1 : 0);
  const size_t n = std::min(wanted, ranking.items.size());
  if (n > 0) {
    trace.Add("first_key", double{ranking.items[0].score.key});
    trace.Add("last_key", double{ranking.items[n - 1].score.key});
  }
  double trusted = 0, community = 0, newcomers = 0;
  for (size_t i = 0; i < n; ++i) {
    trusted += (ranking.items[i].sources & kFromTrust) != 0;
    community += (ranking.items[i].sources & kFromCommunity) != 0;
    newcomers += ranking.items[i].newcomer;
  }
  trace.Add("from_trust", trusted);
  trace.Add("from_community", community);
  trace.Add("newcomers", newcomers);
  trace.End();
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
