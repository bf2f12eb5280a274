#include "common/taxonomy/names.h"

#include "absl/strings/match.h"
#include "mitra/v1/evidence.pb.h"
#include "mitra/v1/member.pb.h"
#include "mitra/v1/need_offer.pb.h"
#include "mitra/v1/recommendation.pb.h"

namespace mitra::taxonomy {
namespace {

struct Name {
  absl::string_view indonesian;
  absl::string_view english;
};

// By enum value; [0] is the unspecified one.
constexpr Name kOther = {"lainnya", "other"};

constexpr Name kResources[] = {
    kOther,
    {"modal", "capital"},
    {"bahan baku", "raw material"},
    {"sarana usaha", "infrastructure"},
    {"akses pasar", "market access"},
    {"pengetahuan", "knowledge"},
    {"bimbingan mentor", "mentoring"},
    {"pelatihan", "training"},
    {"bantuan perizinan", "licence help"},
    {"kerja sama", "collaboration"},
    {"perkenalan", "referral"},
};
static_assert(std::size(kResources) == v1::Resource_ARRAYSIZE);

constexpr Name kRoles[] = {
    kOther,
    {"pelaku usaha", "business"},
    {"mentor", "mentor"},
    {"pemodal", "investor"},
    {"pemasok", "supplier"},
    {"usaha besar", "enterprise"},
    {"instansi pemerintah", "government"},
    {"lembaga pendidikan", "education"},
    {"komunitas", "community"},
    {"pendamping", "facilitator"},
};
static_assert(std::size(kRoles) == v1::Role_ARRAYSIZE);

constexpr Name kKinds[] = {
    kOther,
    {"perorangan", "person"},
    {"usaha", "business"},
    {"organisasi", "organisation"},
    {"kelompok", "group"},
    {"acara", "event"},
    {"program", "programme"},
};
static_assert(std::size(kKinds) == v1::MemberKind_ARRAYSIZE);

constexpr Name kScales[] = {
    kOther,
    {"mikro", "micro"},
    {"kecil", "small"},
    {"menengah", "medium"},
    {"besar", "large"},
};
static_assert(std::size(kScales) == v1::Scale_ARRAYSIZE);

constexpr Name kNorms[] = {
    kOther,
    {"sertifikat halal", "halal certificate"},
    {"SPP-IRT", "SPP-IRT household food permit"},
    {"izin edar BPOM MD", "BPOM permit for domestic food (MD)"},
    {"izin edar BPOM ML", "BPOM permit for imported food (ML)"},
    {"SNI", "SNI national standard"},
    {"BPJS Ketenagakerjaan", "BPJS workers' insurance"},
    {"ikrar etika usaha", "business ethics pledge"},
    {"tenggat pembayaran yang jelas", "stated payment terms"},
};
static_assert(std::size(kNorms) == v1::NormKind_ARRAYSIZE);

constexpr Name kRecommendationKinds[] = {
    kOther,
    {"mentor", "mentor"},
    {"mitra usaha", "partner"},
    {"rekan usaha", "peer"},
    {"pemasok", "supplier"},
    {"pembeli", "buyer"},
    {"pemodal", "investor"},
    {"program", "programme"},
    {"komunitas", "community"},
    {"acara", "event"},
    {"pendamping", "facilitator"},
};
static_assert(std::size(kRecommendationKinds) ==
              v1::RecommendationKind_ARRAYSIZE);

constexpr Name kEvidenceKinds[] = {
    kOther,
    {"dukungan keahlian", "endorsement"},
    {"rekomendasi tertulis", "reference"},
    {"kerja sama selesai", "completed collaboration"},
    {"bimbingan selesai", "completed mentoring"},
    {"transaksi", "transaction"},
    {"pelunasan", "repayment"},
    {"penilaian", "rating"},
    {"keanggotaan", "membership"},
    {"kehadiran", "attendance"},
    {"saling kenal", "acquaintance"},
    {"tidak hadir", "no-show"},
    {"sengketa", "dispute"},
    {"laporan pelanggaran", "report of misconduct"},
};
static_assert(std::size(kEvidenceKinds) == v1::EvidenceKind_ARRAYSIZE);

template <size_t n>
absl::string_view Pick(const Name (&names)[n], int value, Language language) {
  const Name& name =
      value > 0 && value < static_cast<int>(n) ? names[value] : kOther;
  return language == Language::kEnglish ? name.english : name.indonesian;
}

}  // namespace

Language LanguageOf(absl::string_view tag) {
  return absl::EqualsIgnoreCase(tag, "en") ||
                 absl::StartsWithIgnoreCase(tag, "en-")
             ? Language::kEnglish
             : Language::kIndonesian;
}

absl::string_view ResourceName(v1::Resource resource, Language language) {
  return Pick(kResources, resource, language);
}
absl::string_view RoleName(v1::Role role, Language language) {
  return Pick(kRoles, role, language);
}
absl::string_view KindName(v1::MemberKind kind, Language language) {
  return Pick(kKinds, kind, language);
}
absl::string_view ScaleName(v1::Scale scale, Language language) {
  return Pick(kScales, scale, language);
}
absl::string_view NormName(v1::NormKind kind, Language language) {
  return Pick(kNorms, kind, language);
}
absl::string_view RecommendationKindName(v1::RecommendationKind kind,
                                         Language language) {
  return Pick(kRecommendationKinds, kind, language);
}
absl::string_view EvidenceKindName(v1::EvidenceKind kind, Language language) {
  return Pick(kEvidenceKinds, kind, language);
}

}  // namespace mitra::taxonomy
