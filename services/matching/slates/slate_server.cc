#include "services/matching/slates/slate_server.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "common/base/attribution_token.h"
#include "common/base/page_token.h"
#include "common/base/random.h"
#include "common/observability/metrics.h"
#include "common/redis/keys.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "services/matching/explain/explanation.h"

namespace mitra::matching {
namespace {

// FNV-1a over texts with an end mark. Not absl::Hash, whose seed is the
// process's: tokens and keys are read by others.
constexpr uint64_t kFnvBasis = 0xcbf29ce484222325u;
uint64_t Mix(uint64_t hash, absl::string_view text) {
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  }
  return (hash ^ 0x1ff) * 0x100000001b3u;
}

// What a slate rests on of its subject: the record, who may not meet it, and
// who works with it already. The same in every process. Without the blocks
// somebody who was unblocked would be missing until the slate is made anew; so
// would be whose engagement has ended.
uint64_t StateOf(const MemberView& members, const Subject& subject) {
  uint64_t state = subject.member->revision;
  if (!subject.stored()) return state;
  for (const MemberIndex other : members.BlockedWith(subject.index)) {
    state += Mix(kFnvBasis, members.at(other).id.view());
  }
  for (const Engaged& one : members.EngagedWith(subject.index)) {
    state += Mix(kFnvBasis ^ one.hidden_roles, members.at(one.other).id.view());
  }
  return state;
}

struct Bookmark {
  uint64_t slate_id = 0;
  uint32_t offset = 0;
};

std::string EncodeBookmark(const Bookmark& bookmark) {
  std::string bytes(12, '\0');
  std::memcpy(bytes.data(), &bookmark.slate_id, 8);
  std::memcpy(bytes.data() + 8, &bookmark.offset, 4);
  return bytes;
}

std::optional<Bookmark> DecodeBookmark(absl::string_view bytes) {
  if (bytes.size() != 12) return std::nullopt;
  Bookmark bookmark;
  std::memcpy(&bookmark.slate_id, bytes.data(), 8);
  std::memcpy(&bookmark.offset, bytes.data() + 8, 4);
  return bookmark;
}

// What a page token belongs to.
uint64_t QueryHash(const SubjectName& subject, const SlateRequest& request) {
  uint64_t hash = kFnvBasis ^ request.parameters;
  hash = Mix(hash, subject.id);
  hash = Mix(hash, request.kind->name);
  return Mix(hash, request.profile->id);
}

void AddSources(uint8_t bits, v1::Recommendation& out) {
  static constexpr std::pair<uint8_t, const char*> kNames[] = {
      {kFromEmbedding, "embedding"}, {kFromTrust, "trust"},
      {kFromCommunity, "community"}, {kFromNewcomers, "newcomer"},
      {kFromRoster, "roster"},       {kFromRandom, "random"},
  };
  for (const auto& [bit, name] : kNames) {
    if ((bits & bit) != 0) out.add_sources(name);
  }
}

void AddMissing(uint8_t bits, v1::Slate& out) {
  static constexpr std::pair<uint8_t, const char*> kNames[] = {
      {kMissingVectors, "vectors"},
      {kMissingTies, "ties"},
      {kMissingRegion, "region"},
      {kMissingSectors, "sectors"},
  };
  for (const auto& [bit, name] : kNames) {
    if ((bits & bit) != 0) out.add_missing_signals(name);
  }
}

void CountServed(v1::SlateSource source) {
  static constexpr const char* kSources[] = {"other", "computed", "cached",
                                             "published"};
  static Counter* const served[] = {
      &Metrics().GetCounter("mitra_slates_served_total", "Slates served.",
                            {{"source", kSources[0]}}),
      &Metrics().GetCounter("mitra_slates_served_total", "Slates served.",
                            {{"source", kSources[1]}}),
      &Metrics().GetCounter("mitra_slates_served_total", "Slates served.",
                            {{"source", kSources[2]}}),
      &Metrics().GetCounter("mitra_slates_served_total", "Slates served.",
                            {{"source", kSources[3]}})};
  served[source >= 0 && source < 4 ? source : 0]->Increment();
}

// Counts what was served and how.
void CountServed(const v1::Slate& slate) {
  CountServed(slate.source());
  for (const int reason : slate.degraded()) {
    Metrics()
        .GetCounter("mitra_slates_degraded_total",
                    "Slates that were less than they could be.",
                    {{"reason", v1::DegradedReason_Name(reason)}})
        .Increment();
  }
}

// The candidates of a slate from `offset` on that may be shown now.
struct Verified {
  std::vector<Ranked> items;
  size_t next = 0;  // after the last of them
};

Verified Verify(const MatchingView& view, const Subject& subject,
                const SlateRequest& request, const Slate& slate, size_t offset,
                size_t count, int64_t now) {
  const EligibilityCheck eligible =
      subject.stored() ? EligibilityCheck(view.members, subject.index, now)
                       : EligibilityCheck(view.members, *subject.member, now);
  Verified verified;
  verified.next = std::min(offset, slate.entries.size());
  while (verified.next < slate.entries.size() &&
         verified.items.size() < count) {
    const SlateEntry& entry = slate.entries[verified.next++];
    Ranked ranked = RankedOf(view.members, entry);
    if (ranked.member == kNoMember) continue;
    const Member& member = view.members.at(ranked.member);
    if (eligible(ranked.member, ranked.role, entry.incarnation) !=
        Eligibility::kEligible) {
      continue;
    }
    if (request.compiled != nullptr &&
        !request.compiled->Accepts(member, *member.FacetOf(ranked.role))) {
      continue;
    }
    verified.items.push_back(ranked);
  }
  return verified;
}

// Says how many seats there are where that changes what is shown; true if
// nobody is, since the kind pauses where the subject is.
bool DescribeSupply(const MatchingView& view, const Subject& subject,
                    const KindSpec& kind, v1::Slate& out) {
  const int role = GuideOf(kind);
  if (role == 0) return false;
  const SeatSupply& supply = view.members.supply();
  const SeatBalance balance = supply.For(*subject.member, role);
  const bool pauses = supply.Pauses(*subject.member, role);
  const bool standby =
      balance.standby > 0 && supply.WantsStandby(*subject.member, role);
  if (!pauses && !standby) return false;
  v1::SeatSupply& says = *out.mutable_supply();
  says.set_region_code(SeatSupply::PlaceOf(*subject.member));
  says.set_seats_per_seeker(balance.per_seeker());
  says.set_seats_per_seeker_with_standby(balance.with_standby());
  says.set_standby_below(supply.levels().standby_below);
  says.set_pause_below(supply.levels().pause_below);
  says.set_paused(pauses);
  return pauses;
}

}  // namespace

uint64_t HashParameters(absl::string_view filter, double subject_weight,
                        uint32_t subject_roles, absl::string_view profile,
                        uint32_t wanted_roles) {
  uint64_t hash = Mix(kFnvBasis, filter);
  hash = Mix(hash, absl::StrCat(subject_weight, "/", subject_roles));
  if (wanted_roles != 0) hash = Mix(hash, absl::StrCat("/", wanted_roles));
  return Mix(hash, profile);
}

absl::StatusOr<Subject> FindSubject(const MatchingView& view,
                                    const SubjectName& name) {
  Subject subject;
  if (name.owned != nullptr) {
    subject.member = name.owned.get();
    subject.owned = name.owned;
    subject.voice = name.voice;
    return subject;
  }
  subject.index = view.FindMeant(name.id);
  if (subject.index == kNoMember) {
    return MakeError(absl::StatusCode::kNotFound, "PROFILE_NOT_FOUND",
                     "profile_id: no such member");
  }
  subject.member = &view.members.at(subject.index);
  return subject;
}

SlateServer::SlateServer(std::function<MatchingView()> views,
                         Recommender& recommender, SlateCache& cache,
                         EpochBoard& epochs, Timer& timer)
    : views_(std::move(views)),
      recommender_(recommender),
      cache_(cache),
      epochs_(epochs),
      flights_(timer),
      next_slate_id_(RandomSeed()) {}

std::string SlateServer::KeyOf(const MatchingView& view,
                               absl::string_view subject_id,
                               const SlateRequest& request,
                               uint64_t epoch) const {
  return redis::SlateKey({.subject = subject_id,
                          .kind = request.kind->name,
                          .epoch = epoch,
                          .ranking_version = request.profile->id,
                          .embedding_space = *view.space,
                          .parameters = request.parameters});
}

rpc::Task<absl::StatusOr<SharedSlate>> SlateServer::Compute(
    rpc::CallContext& call, SubjectName name, SlateRequest request,
    size_t entries) {
  const MatchingView view = views_();
  MITRA_CO_ASSIGN_OR_RETURN(const Subject subject, FindSubject(view, name));
  RankQuery query;
  query.kind = request.kind;
  query.profile = request.profile;
  query.wanted = entries;
  query.filter = request.filter.get();
  query.compiled = request.compiled.get();
  query.subject_weight = request.subject_weight;
  query.subject_roles = request.subject_roles;
  query.min_revision = request.min_revision;
  auto ranking = co_await recommender_.Rank(call, view, subject, query);
  if (!ranking.ok()) co_return ranking.status();

  co_return SharedSlate(MakeSlate(view, subject, *ranking, entries));
}

std::shared_ptr<Slate> SlateServer::MakeSlate(const MatchingView& view,
                                              const Subject& subject,
                                              const Ranking& ranking,
                                              size_t entries) {
  auto slate = std::make_shared<Slate>();
  slate->slate_id = next_slate_id_.fetch_add(1, std::memory_order_relaxed);
  slate->subject_state = StateOf(view.members, subject);
  slate->subject_incarnation = subject.member->incarnation;
  slate->revision = ranking.revision;
  slate->compute_time = recommender_.clock().Now();
  slate->missing = ranking.missing;
  slate->degraded = ranking.degraded;
  const size_t kept = std::min(ranking.items.size(), entries);
  slate->exhausted = ranking.exhausted && kept == ranking.items.size();
  slate->entries.reserve(kept);
  for (size_t i = 0; i < kept; ++i) {
    slate->entries.push_back(EntryOf(view.members, ranking.items[i]));
  }
  return slate;
}

rpc::Task<absl::StatusOr<SharedSlate>> SlateServer::Shared(
    rpc::CallContext& call, SubjectName subject, SlateRequest request,
    std::string key) {
  const bool alone = key.empty() || request.fresh;
  const size_t entries = std::max(kFirstEntries, request.page_size + 1);
  if (!alone) {
    auto joined = co_await flights_.Join(call, key);
    if (joined.has_value()) co_return *std::move(joined);
  }
  absl::StatusOr<SharedSlate> slate =
      co_await Compute(call, std::move(subject), std::move(request), entries);
  if (slate.ok()) {
    // A degraded slate continues its own pages, and is nobody else's.
    cache_.Put(key, *slate, !key.empty() && (*slate)->degraded == 0);
  }
  if (!alone) flights_.Finish(key, slate);
  co_return slate;
}

rpc::Task<absl::StatusOr<SharedSlate>> SlateServer::Extend(
    rpc::CallContext& call, SubjectName name, SlateRequest request,
    SharedSlate base, std::string key) {
  const MatchingView view = views_();
  MITRA_CO_ASSIGN_OR_RETURN(const Subject subject, FindSubject(view, name));
  absl::flat_hash_set<std::string> listed;
  for (const SlateEntry& entry : base->entries) listed.insert(entry.id);
  RankQuery query;
  query.kind = request.kind;
  query.profile = request.profile;
  query.wanted = 3 * base->entries.size() + request.page_size + 1;
  query.filter = request.filter.get();
  query.compiled = request.compiled.get();
  query.subject_weight = request.subject_weight;
  query.subject_roles = request.subject_roles;
  query.listed = &listed;
  auto ranking = co_await recommender_.Rank(call, view, subject, query);
  if (!ranking.ok()) co_return ranking.status();
  // Somebody else may have gone on with the same ranking meanwhile.
  if (SharedSlate other = cache_.FindRanking(base->slate_id);
      other != nullptr && other->entries.size() > base->entries.size()) {
    co_return other;
  }
  auto longer = std::make_shared<Slate>(*base);
  longer->degraded |= ranking->degraded;
  const size_t kept = std::min(ranking->items.size(), query.wanted);
  longer->exhausted = ranking->exhausted && kept == ranking->items.size();
  for (size_t i = 0; i < kept; ++i) {
    longer->entries.push_back(EntryOf(view.members, ranking->items[i]));
  }
  cache_.Put(key, longer, !key.empty() && longer->degraded == 0);
  co_return SharedSlate(std::move(longer));
}

void SlateServer::Describe(const MatchingView& view, const Subject& subject,
                           const SlateRequest& request, const Ranked& ranked,
                           uint64_t slate_id, size_t position,
                           v1::Recommendation& out) const {
  const Member& member = view.members.at(ranked.member);
  out.set_profile_id(std::string(member.id.view()));
  out.set_display_name(std::string(member.display_name.view()));
  out.set_role(ranked.role);
  out.set_kind(static_cast<v1::MemberKind>(member.kind));
  out.set_score(ranked.score.match);
  out.set_subject_wants(ranked.score.wants);
  out.set_candidate_accepts(ranked.score.accepts);
  out.set_trust(ranked.trust);
  out.set_region_code(std::string(member.region_code.view()));
  AddSources(ranked.sources, out);
  if (const Facet* facet = member.FacetOf(ranked.role);
      facet != nullptr && facet->seats_counted) {
    out.set_seats_free(facet->seats_free);
  }
  Attribution attribution;
  if (subject.stored()) {
    attribution.subject_id = std::string(subject.member->id.view());
    attribution.subject_incarnation = subject.member->incarnation;
  }
  attribution.candidate_id = std::string(member.id.view());
  attribution.candidate_incarnation = member.incarnation;
  attribution.kind = request.kind->kind;
  attribution.slate_id = slate_id;
  attribution.position = static_cast<uint32_t>(position);
  attribution.ranking_profile = request.profile->id;
  attribution.randomised = (ranked.sources & kFromRandom) != 0;
  out.set_attribution_token(EncodeAttribution(view.tokens(), attribution,
                                              recommender_.clock().Now()));
}

void SlateServer::CountRepeated(const std::vector<v1::SlateSource>& sources) {
  for (const v1::SlateSource source : sources) CountServed(source);
}

void SlateServer::Note(const MatchingView& view, const Subject& subject,
                       const SlateRequest& request, const Slate& slate,
                       const v1::Slate& out, uint64_t epoch,
                       Shown& shown) const {
  // Events and programmes open and close by the clock.
  constexpr uint32_t kTimed =
      KindBit(v1::MEMBER_KIND_EVENT) | KindBit(v1::MEMBER_KIND_PROGRAMME);
  shown.repeatable &= subject.stored() && request.page_token.empty() &&
                      !request.fresh && out.degraded_size() == 0 &&
                      out.source() != v1::SLATE_SOURCE_COMPUTED &&
                      (request.kind->member_kinds & kTimed) == 0;
  if (!slate.published) {
    shown.until = std::min(shown.until, slate.compute_time + cache_.ttl());
  }
  shown.members.push_back(subject.index);
  shown.revision = std::min(shown.revision, view.revision);
  shown.record_incarnation = view.record_incarnation;
  shown.epochs.emplace_back(request.kind->kind, epoch);
  shown.sources.push_back(out.source());
}

rpc::Task<absl::StatusOr<v1::Slate>> SlateServer::Serve(rpc::CallContext& call,
                                                        SubjectName name,
                                                        SlateRequest request) {
  v1::Slate out;
  auto pending =
      ServeInto(call, std::move(name), std::move(request), out, nullptr);
  absl::Status status = co_await std::move(pending);
  if (!status.ok()) co_return status;
  co_return out;
}

rpc::Task<absl::Status> SlateServer::ServeInto(rpc::CallContext& call,
                                               SubjectName name,
                                               SlateRequest request,
                                               v1::Slate& out, Shown* shown) {
  MatchingView view = views_();
  MITRA_CO_ASSIGN_OR_RETURN(Subject subject, FindSubject(view, name));
  // The name may be that of a member that was merged into this one.
  if (subject.stored()) name.id = std::string(subject.member->id.view());
  if (DescribeSupply(view, subject, *request.kind, out)) {
    out.set_kind(request.kind->kind);
    out.set_source(v1::SLATE_SOURCE_COMPUTED);
    out.set_revision(view.revision);
    out.set_eligible(0);
    if (shown != nullptr) shown->repeatable = false;
    co_return absl::OkStatus();
  }
  const uint64_t epoch = epochs_.Of(request.kind->kind);
  std::string key;
  if (subject.stored()) key = KeyOf(view, name.id, request, epoch);
  SlateDemand demand;
  demand.subject_state = StateOf(view.members, subject);
  demand.subject_incarnation = subject.member->incarnation;
  demand.min_revision = request.stale ? 0 : request.min_revision;

  const uint64_t query_hash = QueryHash(name, request);
  const absl::Time now = recommender_.clock().Now();
  SharedSlate slate;
  size_t offset = 0;
  v1::SlateSource source = v1::SLATE_SOURCE_CACHED;
  if (!request.page_token.empty()) {
    MITRA_CO_ASSIGN_OR_RETURN(const std::string payload,
                              DecodePageToken(view.tokens(), request.page_token,
                                              "page_token", query_hash, now));
    const std::optional<Bookmark> bookmark = DecodeBookmark(payload);
    if (!bookmark) {
      co_return MakeError(absl::StatusCode::kInvalidArgument, "BAD_PAGE_TOKEN",
                          "page_token: malformed");
    }
    offset = bookmark->offset;
    slate = cache_.FindRanking(bookmark->slate_id);
    if (slate == nullptr && !key.empty()) {
      SharedSlate shared = co_await cache_.Get(key, demand);
      if (shared != nullptr && shared->slate_id == bookmark->slate_id) {
        slate = std::move(shared);
      }
    }
    if (slate == nullptr) {
      co_return MakeError(absl::StatusCode::kInvalidArgument,
                          "PAGE_TOKEN_EXPIRED",
                          "page_token: the list it belongs to is gone");
    }
  } else if (!request.fresh && !key.empty()) {
    slate = co_await cache_.Get(key, demand);
    // A refresh of a part leaves the others their slates of before.
    const std::vector<uint64_t> epochs = epochs_.AllOf(request.kind->kind);
    for (size_t i = 1; i < epochs.size() && slate == nullptr; ++i) {
      std::string older = KeyOf(view, name.id, request, epochs[i]);
      SharedSlate found = co_await cache_.Get(std::move(older), demand);
      if (found != nullptr && found->published) slate = std::move(found);
    }
    if (slate != nullptr && slate->published) {
      source = v1::SLATE_SOURCE_PUBLISHED;
    }
  }
  if (slate == nullptr) {
    source = v1::SLATE_SOURCE_COMPUTED;
    auto computed = co_await Shared(call, name, request, key);
    if (!computed.ok()) co_return computed.status();
    slate = *std::move(computed);
  }

  Verified verified;
  while (true) {
    // The roster of now, not of when the slate was made or waited for.
    view = views_();
    absl::StatusOr<Subject> found = FindSubject(view, name);
    if (!found.ok()) co_return found.status();
    subject = *std::move(found);
    verified = Verify(view, subject, request, *slate, offset, request.page_size,
                      absl::ToUnixSeconds(now));
    const bool last = verified.next >= slate->entries.size();
    if (slate->exhausted ||
        (verified.items.size() == request.page_size && !last)) {
      break;
    }
    auto longer = co_await Extend(call, name, request, slate, key);
    if (!longer.ok()) co_return longer.status();
    slate = *std::move(longer);
  }

  out.set_kind(request.kind->kind);
  out.set_source(source);
  out.set_revision(slate->revision);
  out.mutable_compute_time()->set_seconds(
      absl::ToUnixSeconds(slate->compute_time));
  AddMissing(slate->missing, out);
  const PairFeatures features(
      view.members, view.graph, subject, *request.kind,
      CountingRoles(*subject.member, *request.kind, request.subject_roles),
      nullptr);
  const JointUtility utility(*request.profile, *request.kind,
                             request.subject_weight, subject.member->sectors);
  std::vector<MemberIndex>* const members =
      shown != nullptr ? &shown->members : nullptr;
  const Explainer explainer(view, subject, *request.kind, features, utility,
                            request.language, members);
  for (size_t i = 0; i < verified.items.size(); ++i) {
    v1::Recommendation& recommendation = *out.add_recommendations();
    Describe(view, subject, request, verified.items[i], slate->slate_id,
             offset + i, recommendation);
    explainer.Explain(verified.items[i], request.explanation, recommendation);
  }
  if (verified.next < slate->entries.size()) {
    Bookmark bookmark;
    bookmark.slate_id = slate->slate_id;
    bookmark.offset = static_cast<uint32_t>(verified.next);
    out.set_next_page_token(
        EncodePageToken(view.tokens(), EncodeBookmark(bookmark), query_hash,
                        now + absl::Minutes(10)));
  }
  if (verified.items.size() < request.page_size) {
    const Verified all =
        Verify(view, subject, request, *slate, 0, slate->entries.size(),
               absl::ToUnixSeconds(now));
    out.set_eligible(static_cast<uint32_t>(all.items.size()));
  }
  DegradedBits degraded = slate->degraded;
  if (cache_.degraded()) {
    degraded |= DegradedBit(v1::DEGRADED_REASON_CACHE_UNAVAILABLE);
  }
  if (request.stale) degraded |= DegradedBit(v1::DEGRADED_REASON_STALE);
  for (int reason = 1; reason <= v1::DegradedReason_MAX; ++reason) {
    if ((degraded >> reason & 1) != 0) {
      out.add_degraded(static_cast<v1::DegradedReason>(reason));
    }
  }
  CountServed(out);
  if (shown != nullptr)
    Note(view, subject, request, *slate, out, epoch, *shown);
  co_return absl::OkStatus();
}

}  // namespace mitra::matching
