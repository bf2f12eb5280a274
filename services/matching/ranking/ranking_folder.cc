#include "services/matching/ranking/ranking_folder.h"

#include <filesystem>
#include <sstream>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/security/private_file.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "services/matching/ranking/profile_file.h"
#include "services/matching/ranking/toml_text.h"
#include "toml++/toml.h"

namespace mitra::matching {
namespace {

constexpr char kArms[] = "/arms.toml";

std::string ProfilePath(const std::string& folder, absl::string_view id) {
  return absl::StrCat(folder, "/", id, ".toml");
}

absl::Status InFile(const std::string& path, const absl::Status& status) {
  return absl::Status(status.code(),
                      absl::StrCat(path, ": ", status.message()));
}

absl::StatusOr<RankingArm> ReadArm(size_t i, const toml::node& node) {
  const std::string field = absl::StrCat("arm[", i, "]");
  const toml::table* const table = node.as_table();
  if (table == nullptr) return InvalidField(field, "must be a table");
  for (const auto& [key, value] : *table) {
    if (key.str() != "profile" && key.str() != "share") {
      return InvalidField(absl::StrCat(field, ".", std::string(key.str())),
                          "is neither profile nor share");
    }
  }
  const auto profile = (*table)["profile"].value<std::string>();
  const auto share = (*table)["share"].value<double>();
  if (!profile) return InvalidField(field + ".profile", "must be a string");
  if (!share) return InvalidField(field + ".share", "must be a number");
  return RankingArm{*profile, *share};
}

}  // namespace

absl::StatusOr<std::vector<RankingArm>> ParseRankingArms(
    absl::string_view toml) {
  MITRA_ASSIGN_OR_RETURN(const toml::table table, ParseToml(toml));
  for (const auto& [key, value] : table) {
    if (key.str() != "arm") {
      return InvalidField(std::string(key.str()), "is not a setting");
    }
  }
  const toml::array* const list = table["arm"].as_array();
  if (list == nullptr) return InvalidField("arm", "must be a list of tables");
  std::vector<RankingArm> arms;
  for (const toml::node& node : *list) {
    MITRA_ASSIGN_OR_RETURN(RankingArm arm, ReadArm(arms.size(), node));
    arms.push_back(std::move(arm));
  }
  return arms;
}

std::string RankingArmsToml(const std::vector<RankingArm>& arms) {
  std::string text;
  for (const RankingArm& arm : arms) {
    toml::table table;
    table.insert("profile", arm.profile);
    table.insert("share", arm.share);
    std::ostringstream out;
    out << table;
    absl::StrAppend(&text, "[[arm]]\n", out.str(), "\n\n");
  }
  return text;
}

absl::StatusOr<bool> RankingFolder::Load(RankingBoard& board) {
  if (path_.empty()) return false;
  const absl::StatusOr<std::string> text = ReadWholeFile(path_ + kArms);
  if (!text.ok() || *text == arms_) return false;
  arms_ = *text;
  const auto arms = ParseRankingArms(*text);
  if (!arms.ok()) return InFile(path_ + kArms, arms.status());
  std::vector<RankingProfile> profiles;
  for (const RankingArm& arm : *arms) {
    const std::string file = ProfilePath(path_, arm.profile);
    // Ids are checked before they name a file.
    RankingProfile named = RankingProfile::Default();
    named.id = arm.profile;
    const absl::Status valid = named.Validate();
    if (!valid.ok()) return InFile(path_ + kArms, valid);
    const absl::StatusOr<std::string> toml = ReadWholeFile(file);
    if (!toml.ok()) {
      if (board.Find(arm.profile, "") != nullptr) continue;
      return InFile(file, toml.status());
    }
    auto profile = ParseRankingProfile(*toml);
    if (!profile.ok()) return InFile(file, profile.status());
    profiles.push_back(*std::move(profile));
  }
  const auto applied = board.Apply(profiles, *arms);
  if (!applied.ok()) return InFile(path_ + kArms, applied.status());
  return true;
}

absl::Status RankingFolder::Save(const RankingPlan& plan) {
  if (path_.empty()) return absl::OkStatus();
  std::error_code error;
  std::filesystem::create_directories(path_, error);
  if (error) {
    return absl::UnavailableError(absl::StrCat(path_, ": ", error.message()));
  }
  // Profiles first: whoever sees the arms finds what they name.
  for (const RankingProfile* profile : plan.profiles) {
    MITRA_RETURN_IF_ERROR(ReplacePrivateFile(ProfilePath(path_, profile->id),
                                             RankingProfileToml(*profile)));
  }
  const std::string text = RankingArmsToml(plan.arms);
  MITRA_RETURN_IF_ERROR(ReplacePrivateFile(path_ + kArms, text));
  arms_ = text;
  return absl::OkStatus();
}

}  // namespace mitra::matching
