#include "services/matching/explain/catalogue.h"

#include <array>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "services/matching/members/codes.h"

namespace mitra::matching {
namespace {

// The columns of every table: Indonesian, English.
struct Both {
  absl::string_view id;
  absl::string_view en;
  absl::string_view In(Language language) const {
    return language == Language::kEnglish ? en : id;
  }
};

struct PhraseRow {
  Phrase phrase;
  Both text;
};

constexpr PhraseRow kPhrases[] = {
    {Phrase::kOfferMeetsNeed,
     {"{name} menawarkan {resource} yang Anda cari.",
      "{name} offers {resource}, which you are looking for."}},
    {Phrase::kOfferCoversAmount,
     {"{name} menawarkan {resource} hingga {amount}, sesuai kebutuhan Anda.",
      "{name} offers {resource} up to {amount}, which fits your need."}},
    {Phrase::kNeedMetBySubject,
     {"{name} mencari {resource}, dan Anda menawarkannya.",
      "{name} is looking for {resource}, which you offer."}},
    {Phrase::kSameSector,
     {"Bidang usahanya sama dengan Anda: {sector}.",
      "Works in the same line of business as you: {sector}."}},
    {Phrase::kSameSectorUnnamed,
     {"Bidang usahanya dekat dengan bidang Anda.",
      "Works in a line of business close to yours."}},
    {Phrase::kSameDistrict,
     {"Berada di kecamatan yang sama dengan Anda: {region}.",
      "Is in the same district as you: {region}."}},
    {Phrase::kSameRegency,
     {"Berada di kabupaten atau kota yang sama dengan Anda: {region}.",
      "Is in the same regency or city as you: {region}."}},
    {Phrase::kSameProvince,
     {"Berada di provinsi yang sama dengan Anda: {region}.",
      "Is in the same province as you: {region}."}},
    {Phrase::kDirectTie,
     {"Anda dan {name} sudah saling mengenal.",
      "You and {name} already know each other."}},
    {Phrase::kTrustPath,
     {"{name} dipercaya oleh orang yang Anda percaya.",
      "{name} is trusted by people whom you trust."}},
    {Phrase::kReputation,
     {"{name} dipercaya banyak anggota jaringan.",
      "{name} is trusted by many members of the network."}},
    {Phrase::kSharedNorms,
     {"Anda berdua sama-sama memenuhi {norms}.", "You both keep {norms}."}},
    {Phrase::kSameGroup,
     {"Anda berdua anggota {group}.", "You are both members of {group}."}},
    {Phrase::kSameGroupUnnamed,
     {"Anda berdua anggota komunitas yang sama.",
      "You are both members of the same community."}},
    {Phrase::kCommonTies,
     {"Anda berdua punya {count} kenalan yang sama.",
      "Acquaintances that you share: {count}."}},
    {Phrase::kSeatsFree,
     {"{name} masih bisa menerima {count} lagi.",
      "{name} can still take {count} more."}},
    {Phrase::kResponsive,
     {"{name} biasanya menjawab permintaan.",
      "{name} usually answers requests."}},
    {Phrase::kSameLanguage,
     {"Anda berdua berbahasa {language}.", "You both speak {language}."}},
    {Phrase::kNewcomer,
     {"{name} baru bergabung dan layak diberi kesempatan.",
      "{name} has just joined and deserves a chance."}},
    {Phrase::kSimilarWords,
     {"Yang ditawarkan {name} mirip dengan yang Anda cari.",
      "What {name} offers is close to what you are looking for."}},

    {Phrase::kForCandidateNear,
     {"Lokasi Anda dekat dengan {name}.", "You are close to {name}."}},
    {Phrase::kForCandidateSector,
     {"{name} berpengalaman di bidang usaha Anda.",
      "{name} knows your line of business."}},
    {Phrase::kForCandidateReputation,
     {"Reputasi baik Anda memberi {name} rasa aman.",
      "Your good reputation gives {name} confidence."}},
    {Phrase::kForCandidateNorms,
     {"Anda memenuhi {norms}, seperti halnya {name}.",
      "You keep {norms}, as {name} does."}},
    {Phrase::kForCandidateTrust,
     {"Anda dan {name} terhubung lewat orang yang dipercaya.",
      "You and {name} are linked by people who are trusted."}},
    {Phrase::kForCandidateSimilarWords,
     {"Yang Anda tawarkan mirip dengan yang dicari {name}.",
      "What you offer is close to what {name} is looking for."}},

    {Phrase::kPathDirect,
     {"Anda sudah terhubung langsung dengan {candidate}: {tie}.",
      "You are directly linked to {candidate}: {tie}."}},
    {Phrase::kPathOne,
     {"Anda terhubung dengan {candidate} melalui {first}.",
      "You are linked to {candidate} through {first}."}},
    {Phrase::kPathTwo,
     {"Anda terhubung dengan {candidate} melalui {first}, lalu {second}.",
      "You are linked to {candidate} through {first}, then {second}."}},
    {Phrase::kPathNone,
     {"Belum ada jalur kepercayaan ke {candidate}; penilaian ini hanya "
      "berdasarkan reputasi umum.",
      "There is no trust path to {candidate} yet; this rests on general "
      "reputation only."}},
    {Phrase::kPathNoneKnown,
     {"Belum ada jalur kepercayaan ke {candidate}, dan reputasinya belum "
      "terbentuk; penilaian ini berdasarkan kecocokan profil.",
      "There is no trust path to {candidate} yet and no reputation so far; "
      "this rests on how well the profiles fit."}},
    {Phrase::kPathSeveral,
     {"{path} Jumlah jalur terpisah: {count}.",
      "{path} Separate paths: {count}."}},

    {Phrase::kFellowMember,
     {"sesama anggota koperasi Anda", "a fellow member of your cooperative"}},
    {Phrase::kAnonymous,
     {"seorang anggota jaringan", "a member of the network"}},

    {Phrase::kWhyNotInSlate,
     {"Anggota ini ada dalam rekomendasi, di urutan ke-{rank}.",
      "This member is among the recommendations, at rank {rank}."}},
    {Phrase::kWhyNotNotAvailable,
     {"Anggota ini tidak tersedia.", "This member is not available."}},
    {Phrase::kWhyNotWrongRole,
     {"Anggota ini tidak terdaftar sebagai {kind}.",
      "This member is not registered as {kind}."}},
    {Phrase::kWhyNotFull,
     {"Anggota ini sudah penuh sebagai {kind}.",
      "This member has no free place as {kind}."}},
    {Phrase::kWhyNotEngaged,
     {"Sudah ada permintaan atau kerja sama dengan anggota ini sebagai {kind}.",
      "There is a request to or work with this member as {kind} already."}},
    {Phrase::kWhyNotLowerRank,
     {"Anggota lain lebih cocok; anggota ini di urutan ke-{rank}.",
      "Others fit better; this member is at rank {rank}."}},
    {Phrase::kWhyNotLowerRankUnknown,
     {"Banyak anggota lain lebih cocok.", "Many others fit better."}},
    {Phrase::kWhyNotTerm,
     {"Anggota lain lebih cocok, terutama dalam hal {term}; anggota ini di "
      "urutan ke-{rank}.",
      "Others fit better, mostly in this: {term}; this member is at rank "
      "{rank}."}},
    {Phrase::kWhyNotTermUnknown,
     {"Banyak anggota lain lebih cocok, terutama dalam hal {term}.",
      "Many others fit better, mostly in this: {term}."}},
    {Phrase::kWhyNotHidden,
     {"Anggota ini menyembunyikan profilnya.",
      "This member has hidden the profile."}},
    {Phrase::kWhyNotPaused,
     {"Anggota ini sedang tidak menerima rekomendasi.",
      "This member has paused recommendations."}},
    {Phrase::kWhyNotBlocked,
     {"Salah satu pihak memblokir pihak lainnya.",
      "One of the two has blocked the other."}},
    {Phrase::kWhyNotRules,
     {"Syarat yang ditetapkan anggota ini belum terpenuhi.",
      "The conditions that this member has set are not met."}},

    {Phrase::kBondingLow,
     {"Ikatan di dalam komunitas sendiri masih lemah: lebih kuat dari "
      "{percent}% usaha serupa.",
      "Ties inside your own community are still weak: stronger than {percent}% "
      "of similar businesses."}},
    {Phrase::kBondingMiddle,
     {"Ikatan di dalam komunitas sendiri cukup: lebih kuat dari {percent}% "
      "usaha serupa.",
      "Ties inside your own community are fair: stronger than {percent}% of "
      "similar businesses."}},
    {Phrase::kBondingHigh,
     {"Ikatan di dalam komunitas sendiri kuat: melebihi {percent}% usaha "
      "serupa.",
      "Ties inside your own community are strong: above {percent}% of similar "
      "businesses."}},
    {Phrase::kBridgingLow,
     {"Hubungan dengan komunitas lain masih sedikit: melebihi {percent}% usaha "
      "serupa.",
      "You have few ties to other communities: more than {percent}% of similar "
      "businesses."}},
    {Phrase::kBridgingMiddle,
     {"Hubungan dengan komunitas lain cukup: melebihi {percent}% usaha serupa.",
      "You have a fair number of ties to other communities: more than "
      "{percent}% of similar businesses."}},
    {Phrase::kBridgingHigh,
     {"Hubungan dengan komunitas lain luas: melebihi {percent}% usaha serupa.",
      "You have many ties to other communities: more than {percent}% of "
      "similar businesses."}},
    {Phrase::kLinkingLow,
     {"Hubungan dengan lembaga, investor, dan usaha besar masih sedikit: "
      "melebihi {percent}% usaha serupa.",
      "You have few ties to institutions, investors and large firms: more than "
      "{percent}% of similar businesses."}},
    {Phrase::kLinkingMiddle,
     {"Hubungan dengan lembaga, investor, dan usaha besar cukup: melebihi "
      "{percent}% usaha serupa.",
      "You have a fair number of ties to institutions, investors and large "
      "firms: more than {percent}% of similar businesses."}},
    {Phrase::kLinkingHigh,
     {"Hubungan dengan lembaga, investor, dan usaha besar luas: melebihi "
      "{percent}% usaha serupa.",
      "You have many ties to institutions, investors and large firms: more "
      "than {percent}% of similar businesses."}},
    {Phrase::kTrustLow,
     {"Kepercayaan yang Anda peroleh masih perlu dibangun: melebihi {percent}% "
      "usaha serupa.",
      "The trust that you have earned can still grow: above {percent}% of "
      "similar businesses."}},
    {Phrase::kTrustMiddle,
     {"Kepercayaan yang Anda peroleh cukup baik: melebihi {percent}% usaha "
      "serupa.",
      "The trust that you have earned is fair: above {percent}% of similar "
      "businesses."}},
    {Phrase::kTrustHigh,
     {"Anda sangat dipercaya: melebihi {percent}% usaha serupa.",
      "You are highly trusted: above {percent}% of similar businesses."}},
    {Phrase::kNormsLow,
     {"Izin dan sertifikat Anda masih sedikit: melebihi {percent}% usaha "
      "serupa.",
      "You hold few permits and certificates: more than {percent}% of similar "
      "businesses."}},
    {Phrase::kNormsMiddle,
     {"Izin dan sertifikat Anda cukup: melebihi {percent}% usaha serupa.",
      "You hold a fair number of permits and certificates: more than "
      "{percent}% of similar businesses."}},
    {Phrase::kNormsHigh,
     {"Izin dan sertifikat Anda lengkap: melebihi {percent}% usaha serupa.",
      "Your permits and certificates are extensive: more than {percent}% of "
      "similar businesses."}},
    {Phrase::kCohesionLow,
     {"Kenalan Anda jarang saling mengenal: lebih erat dari {percent}% usaha "
      "serupa.",
      "Those you know rarely know each other: closer than {percent}% of "
      "similar businesses."}},
    {Phrase::kCohesionMiddle,
     {"Sebagian kenalan Anda saling mengenal: lebih erat dari {percent}% usaha "
      "serupa.",
      "Some of those you know also know each other: closer than {percent}% of "
      "similar businesses."}},
    {Phrase::kCohesionHigh,
     {"Kenalan Anda saling mengenal dengan erat: melebihi {percent}% usaha "
      "serupa.",
      "Those you know are closely knit: above {percent}% of similar "
      "businesses."}},

    {Phrase::kStepJoinGroup, {"Bergabunglah dengan {name}.", "Join {name}."}},
    {Phrase::kStepAttendEvent, {"Ikuti kegiatan {name}.", "Attend {name}."}},
    {Phrase::kStepMeetAcross,
     {"Jalin hubungan dengan {name}, di luar komunitas Anda sendiri.",
      "Build a tie with {name}, outside your own community."}},
    {Phrase::kStepAskIntroduction,
     {"Mintalah {introducer} memperkenalkan Anda kepada {name}.",
      "Ask {introducer} to introduce you to {name}."}},
    {Phrase::kStepAskSomeIntroduction,
     {"Mintalah seorang kenalan memperkenalkan Anda kepada {name}.",
      "Ask somebody you know to introduce you to {name}."}},
    {Phrase::kStepAskReference,
     {"Mintalah referensi dari {name}, yang pernah bekerja sama dengan Anda.",
      "Ask {name}, with whom you have worked, for a reference."}},
    {Phrase::kStepNorm, {"Urus {norm}.", "Obtain {norm}."}},
    {Phrase::kStepConnectNeighbours,
     {"Pertemukan {name} dengan {other}; keduanya kenalan Anda.",
      "Bring {name} and {other} together; you know both."}},

    {Phrase::kStandingNew,
     {"Anda masih baru: belum cukup catatan tentang kerja sama Anda.",
      "You are new: there are too few records of how you work with others."}},
    {Phrase::kStandingLow,
     {"Kepercayaan kepada Anda masih rendah.", "Trust in you is low so far."}},
    {Phrase::kStandingFair,
     {"Kepercayaan kepada Anda cukup.", "Trust in you is fair."}},
    {Phrase::kStandingGood,
     {"Anda dipercaya dengan baik.", "You are well trusted."}},
    {Phrase::kStandingHigh,
     {"Anda sangat dipercaya.", "You are highly trusted."}},
    {Phrase::kStandingRaises,
     {"Menaikkan kepercayaan: {tie} ({count} catatan).",
      "Raises trust: {tie} (records: {count})."}},
    {Phrase::kStandingLowers,
     {"Menurunkan kepercayaan: {tie} ({count} catatan).",
      "Lowers trust: {tie} (records: {count})."}},
    {Phrase::kStandingSlight,
     {"Hampir tidak berpengaruh: {tie} ({count} catatan).",
      "Hardly matters: {tie} (records: {count})."}},
    {Phrase::kStandingEnds,
     {"Keluhan tidak dihitung lagi mulai {date}.",
      "Complaints no longer count from {date} on."}},
    {Phrase::kStandingCollaborate,
     {"Selesaikan satu kerja sama dengan baik.",
      "Complete one collaboration well."}},
    {Phrase::kStandingAskReference,
     {"Mintalah satu referensi dari mitra yang dipercaya.",
      "Ask a trusted partner for one reference."}},
    {Phrase::kStandingContest,
     {"Ajukan keberatan atas keluhan yang tidak benar.",
      "Contest complaints that are not true."}},
    {Phrase::kStandingGetVerified,
     {"Minta platform memverifikasi usaha Anda, agar pendapat Anda ikut "
      "dihitung.",
      "Ask your platform to verify your business, so that your own word "
      "counts."}},
    {Phrase::kStandingHowToContest,
     {"Catatan yang tidak benar dapat Anda bantah lewat platform; selama belum "
      "diputuskan, catatan itu tidak dihitung.",
      "You can contest a record that is not true through your platform; until "
      "it is decided, it does not count."}},
};

static_assert(std::size(kPhrases) == static_cast<size_t>(Phrase::kCount),
              "every phrase needs its sentence");

constexpr bool InOrder() {
  for (size_t i = 0; i < std::size(kPhrases); ++i) {
    if (static_cast<size_t>(kPhrases[i].phrase) != i) return false;
  }
  return true;
}
static_assert(InOrder(), "sentences stand in the order of the enum");

// Indexed by v1::Resource.
constexpr Both kResources[] = {
    {"bantuan", "help"},
    {"modal usaha", "business capital"},
    {"bahan baku", "raw material"},
    {"sarana usaha", "premises, machines or logistics"},
    {"akses pasar", "market access"},
    {"pengetahuan usaha", "business know-how"},
    {"bimbingan mentor", "mentoring"},
    {"pelatihan", "training"},
    {"bantuan perizinan", "help with permits"},
    {"kerja sama usaha", "business collaboration"},
    {"perkenalan", "introductions"},
};

// Indexed by v1::NormKind.
constexpr Both kNorms[] = {
    {"standar usaha", "business standards"},
    {"sertifikat halal", "the halal certificate"},
    {"SPP-IRT", "the SPP-IRT household food permit"},
    {"izin edar BPOM MD", "the BPOM MD distribution permit"},
    {"izin edar BPOM ML", "the BPOM ML distribution permit"},
    {"SNI", "the SNI standard"},
    {"BPJS Ketenagakerjaan", "BPJS Ketenagakerjaan cover"},
    {"ikrar etika usaha", "the business ethics pledge"},
    {"ketentuan pembayaran", "agreed payment terms"},
};

// Indexed by v1::EvidenceKind.
constexpr Both kTies[] = {
    {"saling terhubung", "linked"},
    {"pernah memberi dukungan keahlian", "has endorsed a skill"},
    {"pernah memberi referensi", "has given a reference"},
    {"pernah bekerja sama", "have worked together"},
    {"pernah menjalani pendampingan", "have completed a mentoring"},
    {"pernah bertransaksi", "have done business"},
    {"pernah ada pinjaman yang dilunasi", "a loan was repaid"},
    {"pernah memberi penilaian", "has given a rating"},
    {"keanggotaan kelompok", "membership of a group"},
    {"pernah hadir di kegiatan", "has attended an event"},
    {"saling mengenal", "know each other"},
    {"pernah tidak hadir", "a missed appointment"},
    {"pernah berselisih", "a dispute"},
    {"pernah ada laporan", "a report"},
};

struct NamedBoth {
  absl::string_view key;
  Both text;
};

constexpr NamedBoth kKindWords[] = {
    {"mentor", {"mentor", "a mentor"}},
    {"partner", {"mitra usaha", "a business partner"}},
    {"peer", {"rekan usaha", "a fellow business"}},
    {"supplier", {"pemasok", "a supplier"}},
    {"buyer", {"pembeli", "a buyer"}},
    {"investor", {"pemberi modal", "an investor"}},
    {"programme", {"program", "a programme"}},
    {"community", {"komunitas", "a community"}},
    {"event", {"kegiatan", "an event"}},
    {"facilitator", {"pendamping", "a facilitator"}},
};

// Indonesian and the larger regional languages.
constexpr NamedBoth kLanguageWords[] = {
    {"id", {"Indonesia", "Indonesian"}},
    {"en", {"Inggris", "English"}},
    {"jv", {"Jawa", "Javanese"}},
    {"su", {"Sunda", "Sundanese"}},
    {"mad", {"Madura", "Madurese"}},
    {"min", {"Minangkabau", "Minangkabau"}},
    {"ban", {"Bali", "Balinese"}},
    {"bug", {"Bugis", "Buginese"}},
    {"mak", {"Makassar", "Makassarese"}},
    {"bjn", {"Banjar", "Banjarese"}},
    {"ace", {"Aceh", "Acehnese"}},
    {"bbc", {"Batak Toba", "Toba Batak"}},
    {"sas", {"Sasak", "Sasak"}},
    {"ms", {"Melayu", "Malay"}},
    {"zh", {"Mandarin", "Mandarin"}},
    {"ar", {"Arab", "Arabic"}},
};

template <size_t N>
absl::string_view Word(const Both (&table)[N], Language language, int row) {
  if (row < 0 || row >= static_cast<int>(N)) row = 0;
  return table[row].In(language);
}

template <size_t N>
absl::string_view Word(const NamedBoth (&table)[N], Language language,
                       absl::string_view key) {
  for (const NamedBoth& row : table) {
    if (row.key == key) return row.text.In(language);
  }
  return "";
}

}  // namespace

std::optional<Language> ParseLanguage(absl::string_view tag) {
  if (tag.empty() || tag == "id") return Language::kIndonesian;
  if (tag == "en") return Language::kEnglish;
  return std::nullopt;
}

absl::string_view Template(Language language, Phrase phrase) {
  return kPhrases[static_cast<size_t>(phrase)].text.In(language);
}

std::string Say(Language language, Phrase phrase,
                std::initializer_list<Fill> fills) {
  absl::string_view rest = Template(language, phrase);
  std::string text;
  text.reserve(rest.size() + 48);
  while (true) {
    const size_t open = rest.find('{');
    const size_t close = rest.find('}', open);
    if (open == absl::string_view::npos || close == absl::string_view::npos) {
      absl::StrAppend(&text, rest);
      break;
    }
    absl::StrAppend(&text, rest.substr(0, open));
    const absl::string_view name = rest.substr(open + 1, close - open - 1);
    for (const Fill& fill : fills) {
      if (fill.placeholder == name) absl::StrAppend(&text, fill.value);
    }
    rest.remove_prefix(close + 1);
  }
  return text;
}

absl::string_view ResourceWord(Language language, v1::Resource resource) {
  return Word(kResources, language, resource);
}

absl::string_view NormWord(Language language, v1::NormKind norm) {
  return Word(kNorms, language, norm);
}

absl::string_view TieWord(Language language, v1::EvidenceKind kind) {
  return Word(kTies, language, kind);
}

absl::string_view KindWord(Language language, absl::string_view kind_name) {
  return Word(kKindWords, language, kind_name);
}

absl::string_view LanguageWord(Language language, absl::string_view tag) {
  return Word(kLanguageWords, language, tag);
}

absl::string_view SharedLanguage(Language language, uint64_t bits) {
  for (const NamedBoth& row : kLanguageWords) {
    if ((LanguageBit(row.key) & bits) != 0) return row.text.In(language);
  }
  return "";
}

std::string Enumerate(Language language,
                      absl::Span<const absl::string_view> words) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i > 0) {
      const bool last = i + 1 == words.size();
      absl::StrAppend(&text, !last                            ? ", "
                             : language == Language::kEnglish ? " and "
                                                              : " dan ");
    }
    absl::StrAppend(&text, words[i]);
  }
  return text;
}

}  // namespace mitra::matching
