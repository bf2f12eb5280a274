#include "services/matching/ranking/ranking_board.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"

namespace mitra::matching {
namespace {

constexpr double kSumTolerance = 1e-6;

bool SameSide(const SideWeights& a, const SideWeights& b) {
  return a.bias == b.bias && a.weight == b.weight;
}

// Where a subject stands in [0, 1): the same in every process and for ever.
// FNV-1a, spread by Stafford's mix 13, because ids that count up differ in
// their last bytes only.
double PlaceOf(absl::string_view subject) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : subject) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  }
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9u;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebu;
  hash ^= hash >> 31;
  return static_cast<double>(hash >> 11) * 0x1p-53;
}

const RankingProfile* AddedAs(const std::vector<RankingProfile>& added,
                              absl::string_view id) {
  const auto found =
      std::find_if(added.begin(), added.end(),
                   [&](const RankingProfile& one) { return one.id == id; });
  return found == added.end() ? nullptr : &*found;
}

absl::Status Exists(size_t i, absl::string_view id) {
  return MakeError(
      absl::StatusCode::kAlreadyExists, "RANKING_PROFILE_EXISTS",
      absl::StrCat("profiles[", i, "]: other weights are known as ", id,
                   "; give these another id"));
}

}  // namespace

bool SameWeights(const RankingProfile& a, const RankingProfile& b) {
  for (int kind = 0; kind < kKindRows; ++kind) {
    if (!SameSide(a.kinds[kind].wants, b.kinds[kind].wants) ||
        !SameSide(a.kinds[kind].accepts, b.kinds[kind].accepts)) {
      return false;
    }
  }
  const auto same_ties = [](const SectorTies& x, const SectorTies& y) {
    return x.sector == y.sector && x.strong == y.strong && x.weak == y.weak;
  };
  return std::equal(a.ties.begin(), a.ties.end(), b.ties.begin(), b.ties.end(),
                    same_ties) &&
         a.local_shares == b.local_shares && a.random_share == b.random_share &&
         a.beta == b.beta && a.newcomer_share == b.newcomer_share &&
         a.bridging_share == b.bridging_share && a.fatigue == b.fatigue &&
         a.group_cap == b.group_cap;
}

const RankingProfile& RankingArms::Of(absl::string_view subject) const {
  if (subject.empty() || served_.size() == 1) return *served_.front().profile;
  const double place = PlaceOf(subject);
  for (const Served& arm : served_) {
    if (place < arm.until) return *arm.profile;
  }
  return *served_.back().profile;  // rounding of the sum
}

bool RankingArms::Any(
    absl::FunctionRef<bool(const RankingProfile&)> is_so) const {
  return std::any_of(served_.begin(), served_.end(),
                     [&](const Served& arm) { return is_so(*arm.profile); });
}

RankingBoard::RankingBoard() {
  const RankingProfile& shipped = RankingProfile::Default();
  absl::MutexLock lock(&mutex_);
  const auto at = profiles_.emplace(
      shipped.id, std::make_unique<const RankingProfile>(shipped));
  arms_ = {{shipped.id, 1}};
  served_ = RankingArms(*at.first->second);
}

const RankingProfile* RankingBoard::FindLocked(absl::string_view id) const {
  const auto found = profiles_.find(std::string(id));
  return found == profiles_.end() ? nullptr : found->second.get();
}

absl::Status RankingBoard::CheckArms(
    const std::vector<RankingProfile>& added,
    const std::vector<RankingArm>& arms) const {
  FieldViolations bad;
  if (arms.empty() || arms.size() > kMaxArms) {
    bad.Add("arms", absl::StrCat("must have 1 to ", kMaxArms, " elements"));
  }
  double sum = 0;
  for (size_t i = 0; i < arms.size(); ++i) {
    const std::string field = absl::StrCat("arms[", i, "].");
    const std::string& id = arms[i].profile;
    if (FindLocked(id) == nullptr && AddedAs(added, id) == nullptr) {
      bad.Add(field + "ranking_profile_id", "no such profile");
    }
    for (size_t j = 0; j < i; ++j) {
      if (arms[j].profile == id) {
        bad.Add(field + "ranking_profile_id", "has an arm already");
      }
    }
    if (!(arms[i].share > 0 && arms[i].share <= 1)) {
      bad.Add(field + "share", "must be more than 0 and at most 1");
    }
    sum += arms[i].share;
  }
  if (!arms.empty() && !(std::abs(sum - 1) <= kSumTolerance)) {
    bad.Add("arms", absl::StrCat("shares must add up to 1, do to ", sum));
  }
  return bad.ToStatus();
}

absl::StatusOr<RankingPlan> RankingBoard::Apply(
    const std::vector<RankingProfile>& profiles,
    const std::vector<RankingArm>& arms, bool check_only) {
  for (size_t i = 0; i < profiles.size(); ++i) {
    const absl::Status valid = profiles[i].Validate();
    if (!valid.ok()) {
      return InvalidField(absl::StrCat("profiles[", i, "]"), valid.message());
    }
  }
  absl::MutexLock lock(&mutex_);
  size_t new_ones = 0;
  for (size_t i = 0; i < profiles.size(); ++i) {
    const RankingProfile* known = FindLocked(profiles[i].id);
    if (known == nullptr) known = AddedAs(profiles, profiles[i].id);
    if (!SameWeights(*known, profiles[i])) return Exists(i, profiles[i].id);
    new_ones += known == &profiles[i];
  }
  if (profiles_.size() + new_ones > kMaxProfiles) {
    return MakeError(absl::StatusCode::kResourceExhausted,
                     "RANKING_PROFILES_FULL",
                     absl::StrCat("profiles: at most ", kMaxProfiles,
                                  " are known until the process starts anew"));
  }
  MITRA_RETURN_IF_ERROR(CheckArms(profiles, arms));
  if (check_only) {
    RankingPlan would_be;
    for (const auto& [id, profile] : profiles_) {
      would_be.profiles.push_back(profile.get());
    }
    would_be.arms = arms;
    return would_be;
  }
  for (const RankingProfile& profile : profiles) {
    profiles_.try_emplace(profile.id,
                          std::make_unique<const RankingProfile>(profile));
  }
  arms_ = arms;
  served_ = *ResolveLocked(arms);
  RankingPlan plan;
  for (const auto& [id, profile] : profiles_) {
    plan.profiles.push_back(profile.get());
  }
  plan.arms = arms_;
  return plan;
}

const RankingProfile* RankingBoard::Find(absl::string_view id,
                                         absl::string_view subject) const {
  absl::ReaderMutexLock lock(&mutex_);
  return id.empty() ? &served_.Of(subject) : FindLocked(id);
}

absl::StatusOr<RankingArms> RankingBoard::ResolveLocked(
    const std::vector<RankingArm>& arms) const {
  RankingArms resolved;
  resolved.served_.clear();
  double until = 0;
  for (const RankingArm& arm : arms) {
    const RankingProfile* const profile = FindLocked(arm.profile);
    if (profile == nullptr) {
      return MakeError(
          absl::StatusCode::kFailedPrecondition, "RANKING_PROFILE_UNKNOWN",
          absl::StrCat("ranking profile ", arm.profile, " is not known here"));
    }
    until += arm.share;
    resolved.served_.push_back({profile, until});
  }
  return arms.empty() ? RankingArms() : resolved;
}

absl::StatusOr<RankingArms> RankingBoard::Resolve(
    const std::vector<RankingArm>& arms) const {
  absl::ReaderMutexLock lock(&mutex_);
  return ResolveLocked(arms);
}

RankingPlan RankingBoard::plan() const {
  absl::ReaderMutexLock lock(&mutex_);
  RankingPlan plan;
  for (const auto& [id, profile] : profiles_) {
    plan.profiles.push_back(profile.get());
  }
  plan.arms = arms_;
  return plan;
}

}  // namespace mitra::matching
