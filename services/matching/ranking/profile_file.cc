#include "services/matching/ranking/profile_file.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "services/matching/ranking/recommendation_kinds.h"
#include "services/matching/ranking/toml_text.h"
#include "toml++/toml.h"

namespace mitra::matching {
namespace {

const KindSpec* KindNamed(absl::string_view name) {
  for (const KindSpec& spec : AllKinds()) {
    if (spec.name == name) return &spec;
  }
  return nullptr;
}

float* WeightNamed(absl::string_view name, SideWeights& side) {
  if (name == "bias") return &side.bias;
  for (const FeatureInfo& info : AllFeatures()) {
    if (info.name == name) return &side[info.feature];
  }
  return nullptr;
}

std::string KeyText(const toml::key& key) { return std::string(key.str()); }

template <typename T>
absl::Status ReadNumber(const std::string& field, const toml::node& node,
                        T& target) {
  const auto value = node.value<double>();
  if (!node.is_number() || !value.has_value()) {
    return InvalidField(field, "must be a number");
  }
  target = static_cast<T>(*value);
  return absl::OkStatus();
}

absl::Status ReadSide(const std::string& field, const toml::node& node,
                      SideWeights& side) {
  const toml::table* const table = node.as_table();
  if (table == nullptr) return InvalidField(field, "must be a table");
  side = SideWeights();
  for (const auto& [key, value] : *table) {
    const std::string name = absl::StrCat(field, ".", KeyText(key));
    float* const weight = WeightNamed(KeyText(key), side);
    if (weight == nullptr) return InvalidField(name, "is not a feature");
    MITRA_RETURN_IF_ERROR(ReadNumber(name, value, *weight));
  }
  return absl::OkStatus();
}

absl::Status ReadKind(const std::string& kind, const toml::node& node,
                      RankingProfile& profile) {
  const KindSpec* const spec = KindNamed(kind);
  if (spec == nullptr) {
    return InvalidField(kind, "is neither a setting nor a kind");
  }
  const toml::table* const table = node.as_table();
  if (table == nullptr) return InvalidField(kind, "must be a table");
  KindWeights& weights = profile.kinds[spec->kind];
  for (const auto& [key, value] : *table) {
    const std::string side = KeyText(key);
    const std::string field = absl::StrCat(kind, ".", side);
    if (side != "wants" && side != "accepts") {
      return InvalidField(field, "is neither wants nor accepts");
    }
    MITRA_RETURN_IF_ERROR(ReadSide(
        field, value, side == "wants" ? weights.wants : weights.accepts));
  }
  return absl::OkStatus();
}

constexpr const char* kLocalNames[kLocalLevels] = {"district", "regency",
                                                   "province"};

absl::Status ReadLocalShares(const toml::node& node, RankingProfile& profile) {
  const toml::table* const table = node.as_table();
  if (table == nullptr) return InvalidField("local_shares", "must be a table");
  profile.local_shares = {};
  for (const auto& [key, value] : *table) {
    const std::string field = absl::StrCat("local_shares.", KeyText(key));
    const auto* const level =
        std::find(std::begin(kLocalNames), std::end(kLocalNames), KeyText(key));
    if (level == std::end(kLocalNames)) {
      return InvalidField(field, "is no level");
    }
    MITRA_RETURN_IF_ERROR(ReadNumber(
        field, value,
        profile.local_shares[static_cast<size_t>(level - kLocalNames)]));
  }
  return absl::OkStatus();
}

absl::Status ReadTies(const toml::node& node, RankingProfile& profile) {
  const toml::array* const list = node.as_array();
  if (list == nullptr) return InvalidField("ties", "must be tables");
  profile.ties.clear();
  for (const toml::node& one : *list) {
    const std::string at = absl::StrCat("ties[", profile.ties.size(), "].");
    const toml::table* const table = one.as_table();
    if (table == nullptr) return InvalidField("ties", "must be tables");
    SectorTies& ties = profile.ties.emplace_back();
    for (const auto& [key, value] : *table) {
      const std::string name = KeyText(key);
      if (name == "sector") {
        ties.sector = value.value<std::string>().value_or("");
      } else if (name == "strong" || name == "weak") {
        MITRA_RETURN_IF_ERROR(ReadNumber(
            at + name, value, name == "weak" ? ties.weak : ties.strong));
      } else {
        return InvalidField(at + name, "is neither sector, strong nor weak");
      }
    }
    ties.range = taxonomy::SectorsUnder(ties.sector);
  }
  return absl::OkStatus();
}

absl::Status ReadTopLevel(const std::string& key, const toml::node& value,
                          RankingProfile& profile) {
  if (key == "id") {
    const auto id = value.value<std::string>();
    if (!value.is_string()) return InvalidField(key, "must be a string");
    profile.id = *id;
    return absl::OkStatus();
  }
  if (key == "beta") return ReadNumber(key, value, profile.beta);
  if (key == "newcomer_share") {
    return ReadNumber(key, value, profile.newcomer_share);
  }
  if (key == "bridging_share") {
    return ReadNumber(key, value, profile.bridging_share);
  }
  if (key == "random_share") {
    return ReadNumber(key, value, profile.random_share);
  }
  if (key == "local_shares") return ReadLocalShares(value, profile);
  if (key == "ties") return ReadTies(value, profile);
  if (key == "fatigue") return ReadNumber(key, value, profile.fatigue);
  if (key == "group_cap") {
    const auto cap = value.value<int64_t>();
    if (!value.is_integer()) return InvalidField(key, "must be an integer");
    if (*cap < 0 || *cap > 10) return InvalidField(key, "must be in [0, 10]");
    profile.group_cap = static_cast<int>(*cap);
    return absl::OkStatus();
  }
  return ReadKind(key, value, profile);
}

// The shortest text that reads back as `value`, with a point or exponent.
template <typename T>
std::string Text(T value) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value).ptr;
  std::string text(buffer, end);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

void WriteSide(absl::string_view kind, absl::string_view name,
               const SideWeights& side, std::string& out) {
  absl::StrAppend(&out, "\n[", kind, ".", name, "]\n");
  absl::StrAppend(&out, "bias = ", Text(side.bias), "\n");
  for (const FeatureInfo& info : AllFeatures()) {
    if (side[info.feature] == 0) continue;
    absl::StrAppend(&out, info.name, " = ", Text(side[info.feature]), "\n");
  }
}

}  // namespace

absl::StatusOr<RankingProfile> ParseRankingProfile(absl::string_view toml) {
  MITRA_ASSIGN_OR_RETURN(const toml::table table, ParseToml(toml));
  RankingProfile profile = RankingProfile::Default();
  profile.id.clear();
  for (const auto& [key, value] : table) {
    MITRA_RETURN_IF_ERROR(ReadTopLevel(KeyText(key), value, profile));
  }
  MITRA_RETURN_IF_ERROR(profile.Validate());
  return profile;
}

std::string RankingProfileToml(const RankingProfile& profile) {
  std::string out =
      absl::StrCat("id = \"", profile.id, "\"\nbeta = ", Text(profile.beta),
                   "\nnewcomer_share = ", Text(profile.newcomer_share),
                   "\nbridging_share = ", Text(profile.bridging_share),
                   "\nrandom_share = ", Text(profile.random_share),
                   "\nfatigue = ", Text(profile.fatigue),
                   "\ngroup_cap = ", profile.group_cap, "\n");
  if (profile.local_shares != RankingProfile().local_shares) {
    out += "\n[local_shares]\n";
    for (size_t i = 0; i < kLocalLevels; ++i) {
      absl::StrAppend(&out, kLocalNames[i], " = ",
                      Text(profile.local_shares[i]), "\n");
    }
  }
  for (const SectorTies& one : profile.ties) {
    absl::StrAppend(&out, "\n[[ties]]\nsector = \"", one.sector,
                    "\"\nstrong = ", Text(one.strong),
                    "\nweak = ", Text(one.weak), "\n");
  }
  for (const KindSpec& spec : AllKinds()) {
    WriteSide(spec.name, "wants", profile.kinds[spec.kind].wants, out);
    WriteSide(spec.name, "accepts", profile.kinds[spec.kind].accepts, out);
  }
  return out;
}

}  // namespace mitra::matching
