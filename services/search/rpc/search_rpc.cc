#include "services/search/rpc/search_rpc.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/ids.h"
#include "common/base/page_token.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "mitra/v1/search_service.pb.h"
#include "services/search/retrieval/facet_counts.h"
#include "services/search/retrieval/retriever.h"
#include "services/search/retrieval/text_search.h"
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace mitra::search {
namespace {

constexpr size_t kMaxQueryBytes = 512;
constexpr int kMaxPageSize = 100;
constexpr int kDefaultPageSize = 20;
constexpr absl::Duration kTokenAge = absl::Minutes(10);

// Where a page begins.
struct PageStart {
  uint64_t list = 0;
  uint64_t offset = 0;
};
static_assert(sizeof(PageStart) == 16);

// Everything that must stay the same from page to page, the asker included.
uint64_t HashOf(const rpc::CallContext& call,
                const v1::SearchProfilesRequest& request) {
  v1::SearchProfilesRequest bound = request;
  bound.clear_page_token();
  bound.clear_page_size();
  bound.clear_min_revision();
  const std::string bytes =
      absl::StrCat(bound.SerializeAsString(), "\n", call.identity.credential,
                   "\n", call.identity.member_id);
  return XXH3_64bits(bytes.data(), bytes.size());
}

absl::Status Validate(const v1::SearchProfilesRequest& request,
                      FieldViolations& violations) {
  if (absl::StripAsciiWhitespace(request.query()).empty()) {
    violations.Add("query", "is required");
  } else if (request.query().size() > kMaxQueryBytes) {
    violations.Add("query",
                   absl::StrCat("must have at most ", kMaxQueryBytes,
                                " bytes, has ", request.query().size()));
  }
  if (request.has_page_size() &&
      (request.page_size() < 1 || request.page_size() > kMaxPageSize)) {
    violations.Add("page_size", absl::StrCat("must be from 1 to ", kMaxPageSize,
                                             ", is ", request.page_size()));
  }
  if (!(request.min_score() >= 0 && request.min_score() <= 1)) {
    violations.Add("min_score", "must be from 0 to 1");
  }
  for (int i = 0; i < request.counted_fields_size(); ++i) {
    const int field = request.counted_fields(i);
    const auto begin = request.counted_fields().begin();
    if (field == v1::COUNTED_FIELD_UNSPECIFIED ||
        !v1::CountedField_IsValid(field)) {
      violations.Add(absl::StrCat("counted_fields[", i, "]"),
                     absl::StrCat("is not a known value, is ", field));
    } else if (std::find(begin, begin + i, field) != begin + i) {
      violations.Add(absl::StrCat("counted_fields[", i, "]"),
                     "stands there twice");
    }
  }
  if (!request.actor_id().empty() && !IsValidId(request.actor_id())) {
    violations.Add("actor_id", "is not a member id");
  }
  return violations.ToStatus();
}

void AddCounts(const IndexView& view, const v1::SearchProfilesRequest& request,
               const std::vector<int>& roles, const MemberFilter& filter,
               v1::SearchProfilesResponse& response) {
  if (request.counted_fields().empty()) return;
  std::vector<v1::CountedField> fields;
  for (int field : request.counted_fields()) {
    fields.push_back(static_cast<v1::CountedField>(field));
  }
  const FacetCounts counts = CountFacets(view, roles, filter, fields);
  response.set_counted_facets(counts.facets);
  for (size_t i = 0; i < fields.size(); ++i) {
    auto& out = *response.add_counts();
    out.set_field(fields[i]);
    for (const ValueCount& counted : counts.fields[i]) {
      auto& value = *out.add_values();
      value.set_value(counted.value);
      value.set_count(counted.count);
    }
  }
}

absl::Status Expired() {
  return MakeError(absl::StatusCode::kInvalidArgument, "PAGE_TOKEN_EXPIRED",
                   "page_token: the list is no longer kept; search again");
}

}  // namespace

SearchRpc::SearchRpc(const IndexState& state, QueryEmbedder& embedder,
                     Gate gate, SearchPlan plan)
    : state_(state),
      embedder_(embedder),
      gate_(std::move(gate)),
      plan_(plan),
      token_key_(NewPageTokenKey()) {}

absl::StatusOr<std::shared_ptr<const ResultList>> SearchRpc::FirstList(
    const IndexView& view, const v1::SearchProfilesRequest& request,
    const std::vector<int>& roles, const MemberFilter& filter) {
  TextSearch search;
  search.text = request.query();
  search.roles = roles;
  search.filter = filter;
  auto vector = embedder_.Embed(view.space, request.query());
  // In a space of callers' vectors only words count.
  if (vector.ok()) search.vector = *std::move(vector);
  MITRA_ASSIGN_OR_RETURN(const std::vector<TextHit> hits,
                         SearchText(view, search, plan_));
  auto list = std::make_shared<ResultList>();
  list->reserve(hits.size());
  for (const TextHit& hit : hits) {
    if (double{hit.score} < request.min_score()) continue;
    list->push_back({hit.member, view.member(hit.member).incarnation(),
                     hit.role, hit.score});
  }
  return std::shared_ptr<const ResultList>(std::move(list));
}

absl::Status SearchRpc::Answer(const rpc::CallContext& call,
                               const v1::SearchProfilesRequest& request,
                               v1::SearchProfilesResponse& response) {
  FieldViolations violations;
  std::vector<int> roles = ReadRoles(request.roles(), "roles", violations);
  MITRA_RETURN_IF_ERROR(Validate(request, violations));
  for (int role = 1; request.roles().empty() && role < kRoles; ++role) {
    roles.push_back(role);
  }
  MITRA_ASSIGN_OR_RETURN(const MemberFilter filter,
                         MemberFilter::FromProto(request.filter(), "filter"));
  const uint64_t query_hash = HashOf(call, request);
  const auto view = state_.Read();
  PageStart start;
  std::shared_ptr<const ResultList> list;
  if (request.page_token().empty()) {
    MITRA_ASSIGN_OR_RETURN(list, FirstList(*view, request, roles, filter));
    AddCounts(*view, request, roles, filter, response);
  } else {
    MITRA_ASSIGN_OR_RETURN(
        const std::string payload,
        DecodePageToken(token_key_, request.page_token(), "page_token",
                        query_hash, absl::Now()));
    if (payload.size() != sizeof(start)) return Expired();
    std::memcpy(&start, payload.data(), sizeof(start));
    list = lists_.Find(start.list);
    if (list == nullptr) return Expired();
  }

  // Checked again on every page: who was hidden meanwhile is not shown.
  absl::flat_hash_map<int, RowFilter> filters;
  const std::vector<uint32_t> excluded =
      view->FindMembers(filter.excluded_ids());
  const auto may_show = [&](const ListedHit& hit) {
    if (hit.member >= view->members.size()) return false;
    const auto& member = view->members[hit.member];
    if (member == nullptr || member->incarnation() != hit.incarnation) {
      return false;
    }
    auto it = filters.find(hit.role);
    if (it == filters.end()) {
      it = filters
               .emplace(hit.role, FilterRole(*view, hit.role, filter, excluded))
               .first;
    }
    for (const FacetRow& facet : member->facets()) {
      if (facet.role == hit.role) return it->second.Passes(facet.row);
    }
    return false;
  };
  const int page_size =
      request.has_page_size() ? request.page_size() : kDefaultPageSize;
  uint64_t next = start.offset;
  for (; next < list->size() && response.hits_size() < page_size; ++next) {
    const ListedHit& hit = (*list)[next];
    if (!may_show(hit)) continue;
    const Member& member = view->member(hit.member);
    auto& out = *response.add_hits();
    out.set_profile_id(std::string(member.id()));
    out.set_display_name(std::string(member.display_name()));
    out.set_role(static_cast<v1::Role>(hit.role));
    out.set_score(double{hit.score});
    out.set_region_code(std::string(member.region_code()));
  }
  if (next < list->size()) {
    if (start.list == 0) start.list = lists_.Keep(list);
    start.offset = next;
    response.set_next_page_token(EncodePageToken(
        token_key_,
        absl::string_view(reinterpret_cast<const char*>(&start), sizeof(start)),
        query_hash, absl::Now() + kTokenAge));
  }
  response.set_revision(view->watermark);
  return absl::OkStatus();
}

rpc::Task<absl::Status> SearchRpc::SearchProfiles(
    rpc::CallContext& call, const v1::SearchProfilesRequest& request,
    v1::SearchProfilesResponse& response) {
  absl::Status entered = co_await Enter(gate_, call, request.min_revision());
  if (!entered.ok()) co_return entered;
  co_return Answer(call, request, response);
}

}  // namespace mitra::search
