#include "services/search/rpc/retrieval_rpc.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/base/thread_priority.h"
#include "common/embedding/vector.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "common/taxonomy/region.h"
#include "common/taxonomy/sector.h"
#include "mitra/v1/retrieval_service.pb.h"

namespace mitra::search {
namespace {

constexpr int kMaxCandidates = 2000;
constexpr size_t kMaxAlsoScored = 2000;
constexpr size_t kMaxTextBytes = 8000;
constexpr int kMaxBatch = 64;
// From here on a batch is nobody's who waits for a page.
constexpr int kManyRequests = 8;

absl::StatusOr<std::vector<float>> ReadVector(const IndexView& view,
                                              absl::string_view field,
                                              const v1::Vector& vector) {
  std::vector<float> values(vector.values().begin(), vector.values().end());
  MITRA_RETURN_IF_ERROR(
      embedding::ValidateVector(field, values, view.dimension));
  embedding::Normalise(absl::MakeSpan(values));
  return values;
}

// By columns: a batch has thousands of candidates, and a message for each of
// them would cost more than finding it.
void AddColumns(const IndexView& view, const Retrieved& retrieved,
                v1::RetrieveBatchResponse::Answer& answer) {
  std::string& ids = *answer.mutable_profile_ids();
  std::string& roles = *answer.mutable_roles();
  const int count = static_cast<int>(retrieved.candidates.size());
  ids.reserve(retrieved.candidates.size() * 16);
  roles.reserve(retrieved.candidates.size());
  answer.mutable_give()->Reserve(count);
  answer.mutable_take()->Reserve(count);
  uint32_t found = 0;
  std::vector<uint32_t> members;
  members.reserve(retrieved.candidates.size());
  for (const Candidate& candidate : retrieved.candidates) {
    members.push_back(candidate.member);
    roles.push_back(static_cast<char>(candidate.role));
    answer.add_give(candidate.give);
    answer.add_take(candidate.take);
    found += candidate.also_scored ? 0 : 1;
  }
  view.ForEachMember(members, [&](size_t, const Member* member) {
    const absl::string_view id = member->id();
    ids.push_back(static_cast<char>(id.size()));
    ids.append(id.data(), id.size());
  });
  answer.set_retrieved(found);
  answer.set_eligible(retrieved.eligible);
  answer.set_subject_need_missing(retrieved.need_missing);
  answer.set_subject_offer_missing(retrieved.offer_missing);
}

// Adds the ids of `packed`, each after a byte that tells its length.
void ReadPackedIds(absl::string_view packed, std::vector<std::string>& ids,
                   FieldViolations& violations) {
  while (!packed.empty()) {
    const size_t size = static_cast<unsigned char>(packed[0]);
    const absl::string_view id = packed.substr(1, size);
    if (id.size() != size || !IsValidId(id)) {
      violations.Add("packed_score_ids", "are not member ids with lengths");
      return;
    }
    ids.emplace_back(id);
    packed.remove_prefix(1 + size);
  }
}

// Unknown codes are not stated: matching has checked them.
SubjectRules RulesOf(const v1::SubjectFacts& facts) {
  SubjectRules rules;
  for (const int role : facts.roles()) {
    if (role > 0 && role < kRoles) rules.roles |= uint32_t{1} << role;
  }
  rules.facts.scale = static_cast<uint8_t>(facts.scale());
  rules.facts.region = taxonomy::RegionIndex(facts.region_code());
  size_t sectors = 0;
  for (const std::string& code : facts.sector_codes()) {
    if (sectors == rules.facts.sectors.size()) break;
    const uint16_t sector = taxonomy::SectorIndex(code);
    if (sector != taxonomy::kNoSector) rules.facts.sectors[sectors++] = sector;
  }
  for (const int norm : facts.norms()) {
    if (!v1::NormKind_IsValid(norm)) continue;
    rules.facts.norms |= static_cast<uint16_t>(1U << norm);
  }
  for (const v1::AcceptanceRules& one : facts.acceptance()) {
    AppendRules(one, rules.accepts.emplace_back());
  }
  return rules;
}

absl::Status CheckText(absl::string_view field, const std::string& text) {
  if (text.size() <= kMaxTextBytes) return absl::OkStatus();
  return InvalidField(field, absl::StrCat("must have at most ", kMaxTextBytes,
                                          " bytes, has ", text.size()));
}

}  // namespace

absl::StatusOr<Retrieval> RetrievalRpc::FromProto(
    const IndexView& view, const v1::RetrieveRequest& request) {
  FieldViolations violations;
  Retrieval retrieval;
  retrieval.roles = ReadRoles(request.roles(), "roles", violations);
  if (request.roles().empty()) violations.Add("roles", "is required");
  // Written so that NaN fails, too.
  if (!(request.weight() >= 0 && request.weight() <= 1)) {
    violations.Add("weight", "must be from 0 to 1");
  }
  retrieval.weight = request.weight();
  if (request.k() < 1 || request.k() > kMaxCandidates) {
    violations.Add("k", absl::StrCat("must be from 1 to ", kMaxCandidates,
                                     ", is ", request.k()));
  }
  retrieval.k = static_cast<size_t>(request.k());
  if (request.has_min_score()) {
    if (!(request.min_score() >= -1 && request.min_score() <= 1)) {
      violations.Add("min_score", "must be from -1 to 1");
    }
    retrieval.min_score = request.min_score();
  }
  ReadPackedIds(request.packed_score_ids(), retrieval.also_score_ids,
                violations);
  if (retrieval.also_score_ids.size() > kMaxAlsoScored) {
    violations.Add(
        "packed_score_ids",
        absl::StrCat("must have at most ", kMaxAlsoScored, " values, has ",
                     retrieval.also_score_ids.size()));
  }
  retrieval.subject_role = request.subject_role();
  if (!v1::Role_IsValid(request.subject_role())) {
    violations.Add("subject_role", "is not a known role");
  } else if (request.subject_role() != v1::ROLE_UNSPECIFIED &&
             request.subject_case() != v1::RetrieveRequest::kProfileId) {
    violations.Add("subject_role", "is only for a stored subject");
  }
  if (!violations.empty()) return violations.ToStatus();
  if (request.has_filter()) {
    MITRA_ASSIGN_OR_RETURN(retrieval.filter,
                           MemberFilter::FromProto(request.filter(), "filter"));
  }
  if (request.has_subject_facts()) {
    retrieval.rules = RulesOf(request.subject_facts());
  }
  if (!request.space().empty() && request.space() != view.space) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "SPACE_MISMATCH",
                     absl::StrCat("space: vectors here are of ", view.space),
                     {{"space", view.space}});
  }

  switch (request.subject_case()) {
    case v1::RetrieveRequest::kProfileId:
      MITRA_RETURN_IF_ERROR(ValidateId("profile_id", request.profile_id()));
      retrieval.subject_id = request.profile_id();
      break;
    case v1::RetrieveRequest::kVectors: {
      const v1::SubjectVectors& vectors = request.vectors();
      if (!vectors.has_need() && !vectors.has_offer()) {
        return InvalidField("vectors", "must have a need or an offer");
      }
      if (vectors.has_need()) {
        MITRA_ASSIGN_OR_RETURN(
            retrieval.need,
            ReadVector(view, "vectors.need.values", vectors.need()));
      }
      if (vectors.has_offer()) {
        MITRA_ASSIGN_OR_RETURN(
            retrieval.offer,
            ReadVector(view, "vectors.offer.values", vectors.offer()));
      }
      break;
    }
    case v1::RetrieveRequest::kText: {
      const v1::SubjectText& text = request.text();
      MITRA_RETURN_IF_ERROR(CheckText("text.need", text.need()));
      MITRA_RETURN_IF_ERROR(CheckText("text.offer", text.offer()));
      if (text.need().empty() && text.offer().empty()) {
        return InvalidField("text", "must have a need or an offer");
      }
      MITRA_ASSIGN_OR_RETURN(retrieval.need,
                             embedder_.Embed(view.space, text.need()));
      MITRA_ASSIGN_OR_RETURN(retrieval.offer,
                             embedder_.Embed(view.space, text.offer()));
      break;
    }
    case v1::RetrieveRequest::SUBJECT_NOT_SET:
      return InvalidField("subject",
                          "one of profile_id, vectors and text is required");
  }
  return retrieval;
}

absl::Status RetrievalRpc::Answer(const v1::RetrieveRequest& request,
                                  v1::RetrieveResponse& response) {
  const auto view = state_.Read();
  MITRA_ASSIGN_OR_RETURN(const Retrieval retrieval, FromProto(*view, request));
  MITRA_ASSIGN_OR_RETURN(const Retrieved retrieved,
                         search::Retrieve(*view, retrieval, plan_));
  if (canary_ != nullptr) canary_->Offer(view.shared(), retrieval, retrieved);
  response.mutable_candidates()->Reserve(
      static_cast<int>(retrieved.candidates.size()));
  std::vector<uint32_t> members;
  members.reserve(retrieved.candidates.size());
  for (const Candidate& candidate : retrieved.candidates) {
    members.push_back(candidate.member);
  }
  view->ForEachMember(members, [&](size_t i, const Member* member) {
    const Candidate& candidate = retrieved.candidates[i];
    auto& out = *response.add_candidates();
    out.set_profile_id(member->id().data(), member->id().size());
    out.set_role(static_cast<v1::Role>(candidate.role));
    out.set_give(candidate.give);
    out.set_take(candidate.take);
    out.set_also_scored(candidate.also_scored);
  });
  response.set_revision(view->watermark);
  response.set_eligible(retrieved.eligible);
  response.set_space(view->space);
  response.set_subject_need_missing(retrieved.need_missing);
  response.set_subject_offer_missing(retrieved.offer_missing);
  return absl::OkStatus();
}

rpc::Task<absl::Status> RetrievalRpc::Retrieve(
    rpc::CallContext& call, const v1::RetrieveRequest& request,
    v1::RetrieveResponse& response) {
  absl::Status entered =
      co_await EnterShared(call, request.min_revision(), /*requests=*/1);
  if (!entered.ok()) co_return entered;
  co_return Answer(request, response);
}

rpc::Task<absl::Status> RetrievalRpc::EnterShared(rpc::CallContext& call,
                                                  uint64_t revision,
                                                  int requests) {
  absl::Status entered = co_await Enter(gate_, call, revision);
  if (!entered.ok()) co_return entered;
  if (batches_ != nullptr && requests >= kManyRequests) {
    // Not refused when all are busy: the caller bounds what is under way.
    (void)co_await batches_->Enter();
  } else if (crew_ != nullptr) {
    co_await crew_->Enter();
  } else {
    co_return absl::OkStatus();
  }
  co_return call.CheckAlive();
}

rpc::Task<absl::Status> RetrievalRpc::RetrieveBatch(
    rpc::CallContext& call, const v1::RetrieveBatchRequest& request,
    v1::RetrieveBatchResponse& response) {
  if (request.requests_size() > kMaxBatch) {
    co_return InvalidField(
        "requests", absl::StrCat("must have at most ", kMaxBatch,
                                 " values, has ", request.requests_size()));
  }
  uint64_t revision = request.min_revision();
  if (!request.requests().empty()) {
    revision = std::max(revision, request.requests(0).min_revision());
  }
  absl::Status entered =
      co_await EnterShared(call, revision, request.requests_size());
  if (!entered.ok()) co_return entered;
  const auto view = state_.Read();
  std::vector<Retrieval> retrievals;
  std::vector<absl::Status> refusals;
  retrievals.reserve(static_cast<size_t>(request.requests_size()));
  for (const v1::RetrieveRequest& one : request.requests()) {
    absl::StatusOr<Retrieval> retrieval = FromProto(*view, one);
    refusals.push_back(retrieval.status());
    if (retrieval.ok()) retrievals.push_back(*std::move(retrieval));
  }
  const auto found = RetrieveAll(*view, retrievals, plan_);
  size_t next = 0;
  for (const absl::Status& refusal : refusals) {
    GiveWay();
    v1::RetrieveBatchResponse::Answer& answer = *response.add_answers();
    if (!refusal.ok()) {
      *answer.mutable_status() = ToRpcStatus(refusal);
      continue;
    }
    const size_t at = next++;
    if (!found[at].ok()) {
      *answer.mutable_status() = ToRpcStatus(found[at].status());
      continue;
    }
    if (canary_ != nullptr) {
      canary_->Offer(view.shared(), retrievals[at], *found[at]);
    }
    AddColumns(*view, *found[at], answer);
  }
  response.set_revision(view->watermark);
  co_return absl::OkStatus();
}

}  // namespace mitra::search
