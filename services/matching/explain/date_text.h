// Dates for people.

#ifndef MITRA_SERVICES_MATCHING_EXPLAIN_DATE_TEXT_H_
#define MITRA_SERVICES_MATCHING_EXPLAIN_DATE_TEXT_H_

#include <string>

#include "services/matching/explain/catalogue.h"

namespace mitra::matching {

// The day with that many days since 1970 (UTC): "1 Maret 2029" / "1 March
// 2029".
std::string DateText(Language language, int day);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_EXPLAIN_DATE_TEXT_H_
