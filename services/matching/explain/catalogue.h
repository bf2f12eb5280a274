// Every sentence that people read, in Indonesian and English, in one table.
//
// Sentences are whole: code fills placeholders such as {name} and never joins
// fragments of language. To change a wording, or to add a language, change the
// table in catalogue.cc and nothing else.

#ifndef MITRA_SERVICES_MATCHING_EXPLAIN_CATALOGUE_H_
#define MITRA_SERVICES_MATCHING_EXPLAIN_CATALOGUE_H_

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/taxonomy/names.h"
#include "mitra/v1/evidence.pb.h"
#include "mitra/v1/member.pb.h"
#include "mitra/v1/need_offer.pb.h"

namespace mitra::matching {

using taxonomy::Language;

// "id" or empty is Indonesian, "en" English; nothing for any other.
std::optional<Language> ParseLanguage(absl::string_view tag);

// Sentences. The comment names the placeholders.
enum class Phrase : uint8_t {
  // Reasons, said to the subject.
  kOfferMeetsNeed,     // {name} {resource}
  kOfferCoversAmount,  // {name} {resource} {amount}
  kNeedMetBySubject,   // {name} {resource}
  kSameSector,         // {sector}
  kSameSectorUnnamed,  //
  kSameDistrict,       // {region}
  kSameRegency,        // {region}
  kSameProvince,       // {region}
  kDirectTie,          // {name}
  kTrustPath,          // {name}
  kReputation,         // {name}
  kSharedNorms,        // {norms}
  kSameGroup,          // {group}
  kSameGroupUnnamed,   //
  kCommonTies,         // {count}
  kSeatsFree,          // {name} {count}
  kResponsive,         // {name}
  kSameLanguage,       // {language}
  kNewcomer,           // {name}
  kSimilarWords,       // {name}
  // Reasons of the candidate, said to the subject.
  kForCandidateNear,          // {name}
  kForCandidateSector,        // {name}
  kForCandidateReputation,    // {name}
  kForCandidateNorms,         // {name} {norms}
  kForCandidateTrust,         // {name}
  kForCandidateSimilarWords,  // {name}
  // Trust paths.
  kPathDirect,     // {candidate} {tie}
  kPathOne,        // {first} {candidate}
  kPathTwo,        // {first} {second} {candidate}
  kPathNone,       // {candidate}
  kPathNoneKnown,  // {candidate}
  kPathSeveral,    // {path} {count}
  // How somebody on a path is called.
  kFellowMember,  //
  kAnonymous,     //
  // Why somebody is not in a slate.
  kWhyNotInSlate,           // {rank}
  kWhyNotNotAvailable,      //
  kWhyNotWrongRole,         // {kind}
  kWhyNotFull,              // {kind}
  kWhyNotEngaged,           // {kind}
  kWhyNotLowerRank,         // {rank}
  kWhyNotLowerRankUnknown,  //
  kWhyNotTerm,              // {term} {rank}
  kWhyNotTermUnknown,       // {term}
  kWhyNotHidden,            //
  kWhyNotPaused,            //
  kWhyNotBlocked,           //
  kWhyNotRules,             //
  // Capital: what a dimension means at the bottom, in the middle, at the top.
  // All fill {percent}.
  kBondingLow,
  kBondingMiddle,
  kBondingHigh,
  kBridgingLow,
  kBridgingMiddle,
  kBridgingHigh,
  kLinkingLow,
  kLinkingMiddle,
  kLinkingHigh,
  kTrustLow,
  kTrustMiddle,
  kTrustHigh,
  kNormsLow,
  kNormsMiddle,
  kNormsHigh,
  kCohesionLow,
  kCohesionMiddle,
  kCohesionHigh,
  // Capital: steps.
  kStepJoinGroup,            // {name}
  kStepAttendEvent,          // {name}
  kStepMeetAcross,           // {name}
  kStepAskIntroduction,      // {introducer} {name}
  kStepAskSomeIntroduction,  // {name}
  kStepAskReference,         // {name}
  kStepNorm,                 // {norm}
  kStepConnectNeighbours,    // {name} {other}
  // Standing: what each band means, in the order of StandingBand.
  kStandingNew,
  kStandingLow,
  kStandingFair,
  kStandingGood,
  kStandingHigh,
  // Standing: what it rests on.
  kStandingRaises,  // {tie} {count}
  kStandingLowers,  // {tie} {count}
  kStandingSlight,  // {tie} {count}
  kStandingEnds,    // {date}: of complaints
  // Standing: what would raise it, and how to contest.
  kStandingCollaborate,
  kStandingAskReference,
  kStandingContest,
  kStandingGetVerified,
  kStandingHowToContest,
  kCount,
};

// A value for a placeholder. Both views must outlive the call.
struct Fill {
  absl::string_view placeholder;
  absl::string_view value;
};

// The sentence with its placeholders filled. A placeholder that is not given
// stays empty; tests see to it that none is.
std::string Say(Language language, Phrase phrase,
                std::initializer_list<Fill> fills = {});

// The sentence as it stands in the table.
absl::string_view Template(Language language, Phrase phrase);

// Words. Unknown values give the general word ("bantuan", "help", …).
absl::string_view ResourceWord(Language language, v1::Resource resource);
absl::string_view NormWord(Language language, v1::NormKind norm);
// What a tie rests on, "pernah bekerja sama".
absl::string_view TieWord(Language language, v1::EvidenceKind kind);
// The kind of recommendation by its name in the table of kinds, "mentor".
absl::string_view KindWord(Language language, absl::string_view kind_name);
// A spoken language by its tag, "bahasa Jawa"; empty for tags without a word.
absl::string_view LanguageWord(Language language, absl::string_view tag);

// The word of the first language in a set of LanguageBit()s; empty for none.
absl::string_view SharedLanguage(Language language, uint64_t bits);

// "a, b dan c" / "a, b and c".
std::string Enumerate(Language language,
                      absl::Span<const absl::string_view> words);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_EXPLAIN_CATALOGUE_H_
