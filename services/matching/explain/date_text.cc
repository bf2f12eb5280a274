#include "services/matching/explain/date_text.h"

#include <array>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace mitra::matching {
namespace {

using Months = std::array<absl::string_view, 12>;
constexpr Months kIndonesian = {
    "Januari", "Februari", "Maret",     "April",   "Mei",      "Juni",
    "Juli",    "Agustus",  "September", "Oktober", "November", "Desember"};
constexpr Months kEnglish = {"January",   "February", "March",    "April",
                             "May",       "June",     "July",     "August",
                             "September", "October",  "November", "December"};

}  // namespace

std::string DateText(Language language, int day) {
  const std::chrono::sys_days point{std::chrono::days(day)};
  const std::chrono::year_month_day date{point};
  const Months& months =
      language == Language::kIndonesian ? kIndonesian : kEnglish;
  return absl::StrCat(static_cast<unsigned>(date.day()), " ",
                      months[static_cast<unsigned>(date.month()) - 1], " ",
                      static_cast<int>(date.year()));
}

}  // namespace mitra::matching
