// Which text of a profile can be found by words.

#ifndef MITRA_SERVICES_SEARCH_LEXICAL_PROFILE_TEXT_H_
#define MITRA_SERVICES_SEARCH_LEXICAL_PROFILE_TEXT_H_

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

namespace mitra::v1 {
class Profile;
}

namespace mitra::search {

enum class TextField { kName, kProductName, kBody };

// Calls `text` for the member's name, headlines, products, and the needs and
// offers that have not expired.
void ForEachText(const v1::Profile& profile,
                 absl::FunctionRef<void(TextField, absl::string_view)> text);

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_LEXICAL_PROFILE_TEXT_H_
