#include "tests/bench/word_vectors.h"

#include <algorithm>
#include <fstream>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "common/embedding/vector.h"
#include "nlohmann/json.hpp"

namespace mitra::bench {

absl::StatusOr<std::vector<std::vector<float>>> ReadWordVectors(
    const std::string& file) {
  const auto wrong = [&](const char* what) {
    return absl::InvalidArgumentError(absl::StrCat(file, ": ", what));
  };
  std::ifstream in(file);
  const nlohmann::json json = nlohmann::json::parse(in, nullptr, false);
  if (!json.is_object() || !json.contains("vectors") ||
      !json["vectors"].is_object()) {
    return wrong("has no vectors");
  }
  const auto& dimensions = json.value("dimensions", nlohmann::json());
  if (!dimensions.is_number_unsigned()) return wrong("has no dimensions");
  const auto d = dimensions.get<size_t>();
  if (d == 0 || d % 2 != 0) return wrong("has an odd dimension");
  std::vector<std::vector<float>> vectors;
  for (const auto& [word, numbers] : json["vectors"].items()) {
    if (!numbers.is_array() || numbers.size() < d) return wrong("is cut");
    std::vector<float> vector;
    for (size_t i = 0; i < d; ++i) {
      if (!numbers[i].is_number()) return wrong("holds what is no number");
      vector.push_back(numbers[i].get<float>());
    }
    // A word without direction is nobody's neighbour.
    if (!embedding::Normalise(absl::MakeSpan(vector))) continue;
    vectors.push_back(std::move(vector));
  }
  std::shuffle(vectors.begin(), vectors.end(), std::mt19937(8));
  return vectors;
}

}  // namespace mitra::bench
