#include "services/matching/rpc/rankings_rpc.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/observability/log.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "services/matching/ranking/profile_file.h"

namespace mitra::matching {
namespace {

constexpr int kMaxAdded = 8;
constexpr size_t kMaxToml = 64 << 10;

std::string Method(absl::string_view name) {
  return absl::StrCat("/mitra.v1.Rankings/", name);
}

void Describe(const RankingPlan& plan, v1::Ranking& out) {
  for (const RankingArm& arm : plan.arms) {
    v1::RankingArm& one = *out.add_arms();
    one.set_ranking_profile_id(arm.profile);
    one.set_share(arm.share);
  }
  for (const RankingProfile* profile : plan.profiles) {
    out.add_ranking_profile_ids(profile->id);
  }
}

absl::StatusOr<std::vector<RankingProfile>> ReadProfiles(
    const v1::ActivateRankingRequest& request) {
  if (request.profiles_size() > kMaxAdded) {
    return InvalidField("profiles", "at most 8");
  }
  std::vector<RankingProfile> profiles;
  for (int i = 0; i < request.profiles_size(); ++i) {
    const std::string field = absl::StrCat("profiles[", i, "].toml");
    const std::string& toml = request.profiles(i).toml();
    if (toml.size() > kMaxToml) return InvalidField(field, "at most 64 KiB");
    auto profile = ParseRankingProfile(toml);
    if (!profile.ok()) return InvalidField(field, profile.status().message());
    profiles.push_back(*std::move(profile));
  }
  return profiles;
}

}  // namespace

void RankingsRpc::Register(rpc::Server::Builder& builder) {
  builder.Unary<v1::GetRankingRequest, v1::Ranking>(
      Method("GetRanking"),
      [this](rpc::CallContext&, const v1::GetRankingRequest&,
             v1::Ranking& response) -> rpc::Task<absl::Status> {
        co_return Get(response);
      });
  builder.Unary<v1::GetRankingProfileRequest, v1::RankingProfileText>(
      Method("GetRankingProfile"),
      [this](rpc::CallContext&, const v1::GetRankingProfileRequest& request,
             v1::RankingProfileText& response) -> rpc::Task<absl::Status> {
        co_return GetProfile(request, response);
      });
  builder.Unary<v1::ActivateRankingRequest, v1::Ranking>(
      Method("ActivateRanking"),
      [this](rpc::CallContext&, const v1::ActivateRankingRequest& request,
             v1::Ranking& response) -> rpc::Task<absl::Status> {
        co_return Activate(request, response);
      });
}

void RankingsRpc::Poll() {
  absl::MutexLock lock(&mutex_);
  const absl::StatusOr<bool> loaded = folder_.Load(board_);
  if (!loaded.ok()) {
    LogWarning("ranking not used", {{"reason", loaded.status().ToString()}});
  } else if (*loaded) {
    LogInfo("ranking taken over", {});
  }
}

absl::Status RankingsRpc::Get(v1::Ranking& response) const {
  Describe(board_.plan(), response);
  return absl::OkStatus();
}

absl::Status RankingsRpc::GetProfile(
    const v1::GetRankingProfileRequest& request,
    v1::RankingProfileText& response) const {
  if (request.ranking_profile_id().empty()) {
    return InvalidField("ranking_profile_id", "required");
  }
  const RankingProfile* const profile =
      board_.Find(request.ranking_profile_id(), "");
  if (profile == nullptr) {
    return MakeError(absl::StatusCode::kNotFound, "RANKING_PROFILE_NOT_FOUND",
                     "ranking_profile_id: no such profile");
  }
  response.set_toml(RankingProfileToml(*profile));
  return absl::OkStatus();
}

absl::Status RankingsRpc::Activate(const v1::ActivateRankingRequest& request,
                                   v1::Ranking& response) {
  MITRA_ASSIGN_OR_RETURN(const std::vector<RankingProfile> profiles,
                         ReadProfiles(request));
  std::vector<RankingArm> arms;
  for (const v1::RankingArm& arm : request.arms()) {
    arms.push_back({arm.ranking_profile_id(), arm.share()});
  }
  absl::MutexLock lock(&mutex_);
  MITRA_ASSIGN_OR_RETURN(RankingPlan plan,
                         board_.Apply(profiles, arms, /*check_only=*/true));
  if (!request.validate_only()) {
    // On disk before it is served; profiles that only the request has are kept
    // as well.
    for (const RankingProfile& profile : profiles) {
      if (board_.Find(profile.id, "") == nullptr) {
        plan.profiles.push_back(&profile);
      }
    }
    MITRA_RETURN_IF_ERROR(folder_.Save(plan));
    MITRA_ASSIGN_OR_RETURN(plan, board_.Apply(profiles, arms));
    LogInfo("ranking activated", {{"arms", RankingArmsToml(plan.arms)}});
  }
  Describe(plan, response);
  return absl::OkStatus();
}

}  // namespace mitra::matching
