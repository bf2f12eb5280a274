#include "services/gateway/console/console_data.h"

#include <nlohmann/json.hpp>

#include "common/taxonomy/names.h"
#include "common/taxonomy/region.h"
#include "common/taxonomy/sector.h"
#include "mitra/v1/evidence.pb.h"
#include "mitra/v1/member.pb.h"
#include "mitra/v1/need_offer.pb.h"
#include "mitra/v1/recommendation.pb.h"

namespace mitra::gateway {
namespace {

using Json = nlohmann::ordered_json;  // enums in their order
using taxonomy::Language;

// The words of one enum; `name` gives them for a value and a language.
template <typename Enum>
Json WordsOf(const google::protobuf::EnumDescriptor& type,
             absl::string_view (*name)(Enum, Language)) {
  Json words = Json::object();
  for (int i = 0; i < type.value_count(); ++i) {
    const auto value = static_cast<Enum>(type.value(i)->number());
    words[type.value(i)->name()] = {
        std::string(name(value, Language::kIndonesian)),
        std::string(name(value, Language::kEnglish))};
  }
  return words;
}

}  // namespace

std::string NamesJson() {
  const Json names = {
      {"Resource", WordsOf(*v1::Resource_descriptor(), taxonomy::ResourceName)},
      {"Role", WordsOf(*v1::Role_descriptor(), taxonomy::RoleName)},
      {"MemberKind", WordsOf(*v1::MemberKind_descriptor(), taxonomy::KindName)},
      {"Scale", WordsOf(*v1::Scale_descriptor(), taxonomy::ScaleName)},
      {"NormKind", WordsOf(*v1::NormKind_descriptor(), taxonomy::NormName)},
      {"RecommendationKind", WordsOf(*v1::RecommendationKind_descriptor(),
                                     taxonomy::RecommendationKindName)},
      {"EvidenceKind",
       WordsOf(*v1::EvidenceKind_descriptor(), taxonomy::EvidenceKindName)}};
  return names.dump();
}

std::string RegionsJson() {
  Json regions = Json::object();
  for (size_t i = 1; i <= taxonomy::RegionCount(); ++i) {
    const absl::string_view code =
        taxonomy::RegionCodeAt(static_cast<taxonomy::RegionNumber>(i));
    regions[std::string(code)] = std::string(taxonomy::RegionName(code));
  }
  return regions.dump();
}

std::string SectorsJson() {
  Json sectors = Json::object();
  for (size_t i = 1; i <= taxonomy::SectorCount(); ++i) {
    const absl::string_view code =
        taxonomy::SectorCodeAt(static_cast<taxonomy::SectorNumber>(i));
    sectors[std::string(code)] = std::string(taxonomy::SectorTitle(code));
  }
  return sectors.dump();
}

}  // namespace mitra::gateway
