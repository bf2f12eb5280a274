#include "common/taxonomy/bands.h"

namespace mitra::taxonomy {
namespace {

struct Band {
  double from;
  absl::string_view indonesian, english;
};

template <size_t n>
absl::string_view NameOf(const Band (&bands)[n], double chance,
                         Language language) {
  const Band* found = &bands[n - 1];
  for (const Band& band : bands) {
    if (chance >= band.from) {
      found = &band;
      break;
    }
  }
  return language == Language::kEnglish ? found->english : found->indonesian;
}

}  // namespace

absl::string_view FitBand(double chance, Language language) {
  static constexpr Band kBands[] = {{.5, "sangat cocok", "very good fit"},
                                    {.25, "cocok", "good fit"},
                                    {.1, "mungkin cocok", "possible fit"},
                                    {0, "kurang cocok", "weak fit"}};
  return NameOf(kBands, chance, language);
}

absl::string_view LikelihoodBand(double chance, Language language) {
  static constexpr Band kBands[] = {{.7, "kemungkinan besar", "likely"},
                                    {.4, "bisa jadi", "open"},
                                    {0, "kemungkinan kecil", "unlikely"}};
  return NameOf(kBands, chance, language);
}

}  // namespace mitra::taxonomy
