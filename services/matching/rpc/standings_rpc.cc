#include "services/matching/rpc/standings_rpc.h"

#include <utility>

#include "common/base/ids.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "common/taxonomy/region.h"
#include "common/taxonomy/sector.h"
#include "services/matching/capital/regional_capital.h"
#include "services/matching/capital/standing.h"
#include "services/matching/explain/standing_sentences.h"
#include "services/matching/rpc/feed_gate.h"
#include "services/matching/rpc/request_reader.h"

namespace mitra::matching {
StandingsRpc::StandingsRpc(std::function<MatchingView()> view, PeerCache& peers,
                           std::function<bool()> ready, const TieOptions& ties)
    : view_(std::move(view)),
      peers_(peers),
      ready_(std::move(ready)),
      ties_(ties) {}

void StandingsRpc::Register(rpc::Server::Builder& builder) {
  builder.Unary("/mitra.v1.Standings/GetStanding", *this,
                &StandingsRpc::GetStanding);
  builder.Unary("/mitra.v1.Standings/DescribeCapital", *this,
                &StandingsRpc::DescribeCapital);
}

rpc::Task<absl::Status> StandingsRpc::GetStanding(
    rpc::CallContext& call, const v1::GetStandingRequest& request,
    v1::GetStandingResponse& response) {
  MITRA_CO_RETURN_IF_ERROR(CheckReady(ready_()));
  if (!IsValidId(request.profile_id())) {
    co_return InvalidField("profile_id", "required; must be a member id");
  }
  MITRA_CO_RETURN_IF_ERROR(CheckActor(call.identity, request.profile_id()));
  MITRA_CO_ASSIGN_OR_RETURN(const Language language,
                            ReadLanguage("language", request.language()));
  const MatchingView view = view_();
  const MemberIndex member = view.FindMeant(request.profile_id());
  if (member == kNoMember) {
    co_return MakeError(absl::StatusCode::kNotFound, "PROFILE_NOT_FOUND",
                        "profile_id: no such member");
  }
  DescribeStanding(
      StandingOf(view.graph, member, view.members.at(member).verified, ties_),
      language, response);
  NameRevision(view, call);
  co_return absl::OkStatus();
}

rpc::Task<absl::Status> StandingsRpc::DescribeCapital(
    rpc::CallContext& call, const v1::DescribeCapitalRequest& request,
    v1::DescribeCapitalResponse& response) {
  MITRA_CO_RETURN_IF_ERROR(CheckReady(ready_()));
  FieldViolations bad;
  taxonomy::RegionNumber region = taxonomy::kNoRegion;
  taxonomy::SectorNumber division = taxonomy::kNoSector;
  if (!request.region_code().empty()) {
    const auto current = taxonomy::CurrentRegion(request.region_code());
    if (current) region = taxonomy::RegionIndex(*current);
    if (region == taxonomy::kNoRegion) {
      bad.Add("region_code", "unknown region");
    }
  }
  if (!request.sector_code().empty()) {
    division = taxonomy::SectorIndex(request.sector_code().substr(0, 2));
    if (division == taxonomy::kNoSector ||
        taxonomy::SectorIndex(request.sector_code()) == taxonomy::kNoSector) {
      bad.Add("sector_code", "unknown sector");
    }
  }
  if (request.region_code().empty() && request.sector_code().empty()) {
    bad.Add("region_code", "required, unless sector_code is given");
  }
  MITRA_CO_RETURN_IF_ERROR(bad.ToStatus());
  if (call.identity.is_member()) {
    co_return MakeError(absl::StatusCode::kPermissionDenied,
                        "METHOD_CLOSED_TO_MEMBERS",
                        "not for member credentials");
  }
  const MatchingView view = view_();
  const auto peers = peers_.Of(view.members);
  const auto capital =
      DescribeRegion(view.members, view.graph, *peers, division, region);
  if (capital) DescribeSpread(*capital, response);
  NameRevision(view, call);
  co_return absl::OkStatus();
}

}  // namespace mitra::matching
