// What filters can ask of a facet, as one small record per row.

#ifndef MITRA_SERVICES_SEARCH_FILTER_ROW_ATTRIBUTES_H_
#define MITRA_SERVICES_SEARCH_FILTER_ROW_ATTRIBUTES_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "services/search/filter/row_figures.h"
#include "services/search/persistent/cow_vector.h"

namespace mitra::search {

// Attributes of the member are repeated in each of its facets. Enum values are
// those of the protos; 0 is "not stated".
struct RowAttributes {
  // As many seats as anybody asks for.
  static constexpr uint16_t kUnlimitedSeats = UINT16_MAX;

  uint32_t member = 0;
  uint16_t region = 0;                  // taxonomy::RegionIndex
  uint16_t village = 0;                 // last four digits of a village code
  std::array<uint16_t, 8> sectors{};    // taxonomy::SectorIndex, 0 at the end
  std::array<uint16_t, 8> languages{};  // PackLanguage, 0 at the end
  uint16_t norms = 0;                   // bit n: norm kind n is valid
  uint16_t offers = 0;                  // bit n: resource n is offered
  uint16_t needs = 0;                   // bit n: resource n is sought
  uint8_t kind = 0;
  uint8_t scale = 0;
  // How many seats are free.
  uint16_t free_seats = 0;
  bool verified = false;

  friend bool operator==(const RowAttributes&, const RowAttributes&) = default;
};

using AttributeVector = CowVector<RowAttributes, 32>;

// A primary language tag (2 or 3 letters, whatever follows a '-') as a number;
// 0 if it is none.
uint16_t PackLanguage(absl::string_view tag);
std::string UnpackLanguage(uint16_t packed);

// Names one value of one attribute: what a posting list stands under.
using AttributeKey = uint64_t;

AttributeKey KindKey(int kind);
AttributeKey ScaleKey(int scale);
// For regions of the upper three levels, and 0 for none.
AttributeKey RegionKey(uint16_t region);
AttributeKey VillageKey(uint16_t district, uint16_t village);
AttributeKey SectorKey(uint16_t sector);
AttributeKey LanguageKey(uint16_t language);
AttributeKey NormKey(int norm);
AttributeKey OfferKey(int resource);
AttributeKey NeedKey(int resource);
AttributeKey SeatsFreeKey();
// For exactly `seats` of them, or at least so many if it is kMostSeatsKey; for
// 1 to kMostSeatsKey.
inline constexpr uint16_t kMostSeatsKey = 32;
AttributeKey FreeSeatsKey(uint16_t seats);
// For rows with a figure of this scale in this step.
AttributeKey FigureKey(const Figure& scale, uint32_t step);
// For all rows.
AttributeKey AnyRowKey();

// Whom a facet accepts (acceptance.h), each a list of values of the other side:
// v1::Role, v1::Scale, RegionIndex, SectorIndex, v1::NormKind. One of them must
// be met, of the norms all.
enum class Rule : uint8_t { kRole = 1, kScale, kRegion, kSector, kNorm };
inline constexpr Rule kRules[] = {Rule::kRole, Rule::kScale, Rule::kRegion,
                                  Rule::kSector, Rule::kNorm};
// For rows that have any rule, a rule of that kind, and one that names `value`.
AttributeKey AnyRuleKey();
AttributeKey HasRuleKey(Rule rule);
AttributeKey RuleKey(Rule rule, uint16_t value);

// Calls `visit` for a region, or a sector, and each that it lies in.
void ForEachRegionAbove(uint16_t region,
                        absl::FunctionRef<void(uint16_t)> visit);
void ForEachSectorAbove(uint16_t sector,
                        absl::FunctionRef<void(uint16_t)> visit);

// Which attributes facets can be counted by.
enum class CountedAttribute {
  kKind,
  kScale,
  kRegion,
  kSector,
  kLanguage,
  kNorm,
  kOffer,
  kNeed,
};
// The value in `key` if it is one of that attribute; nothing if not.
std::optional<uint64_t> ValueOf(CountedAttribute attribute, AttributeKey key);
AttributeKey VerifiedKey();

// The number in a village code "33.72.01.1001" (1001); 0 if `code` is none.
uint16_t VillageNumber(absl::string_view code);

// All keys under which a row stands, sorted, each once: a region and a sector
// stand under their ancestors too.
void KeysOf(const RowAttributes& attributes, absl::Span<const Figure> figures,
            std::vector<AttributeKey>& keys);

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_FILTER_ROW_ATTRIBUTES_H_
