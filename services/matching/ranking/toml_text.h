// TOML as Status, for the files of this folder. Internal.

#ifndef MITRA_SERVICES_MATCHING_RANKING_TOML_TEXT_H_
#define MITRA_SERVICES_MATCHING_RANKING_TOML_TEXT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "toml++/toml.h"

namespace mitra::matching {

// INVALID_ARGUMENT with the line of what is wrong.
inline absl::StatusOr<toml::table> ParseToml(absl::string_view text) {
  try {
    return toml::parse(std::string(text));
  } catch (const toml::parse_error& error) {
    return absl::InvalidArgumentError(
        absl::StrCat("line ", error.source().begin.line, ": ",
                     std::string(error.description())));
  }
}

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RANKING_TOML_TEXT_H_
