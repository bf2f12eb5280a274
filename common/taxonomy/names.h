// Names of enum values for people, in Indonesian and English, as they stand in
// reasons, tables of the CLI and messages: lower case, singular, no article.
//
// An unknown or unspecified value has the name "lainnya" / "other". The texts
// live as long as the program.

#ifndef MITRA_COMMON_TAXONOMY_NAMES_H_
#define MITRA_COMMON_TAXONOMY_NAMES_H_

#include "absl/strings/string_view.h"

namespace mitra::v1 {
enum MemberKind : int;
enum Role : int;
enum Scale : int;
enum NormKind : int;
enum Resource : int;
enum RecommendationKind : int;
enum EvidenceKind : int;
}  // namespace mitra::v1

namespace mitra::taxonomy {

enum class Language { kIndonesian, kEnglish };

// The language of a BCP 47 tag: English for "en" and "en-…", in any case,
// Indonesian for everything else.
Language LanguageOf(absl::string_view tag);

absl::string_view ResourceName(v1::Resource resource, Language language);
absl::string_view RoleName(v1::Role role, Language language);
absl::string_view KindName(v1::MemberKind kind, Language language);
absl::string_view ScaleName(v1::Scale scale, Language language);
absl::string_view NormName(v1::NormKind kind, Language language);
absl::string_view RecommendationKindName(v1::RecommendationKind kind,
                                         Language language);
absl::string_view EvidenceKindName(v1::EvidenceKind kind, Language language);

}  // namespace mitra::taxonomy

#endif  // MITRA_COMMON_TAXONOMY_NAMES_H_
