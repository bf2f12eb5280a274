#include "services/matching/learning/outcome_line.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "nlohmann/json.hpp"

namespace mitra::matching {
namespace {

using Json = nlohmann::json;

constexpr std::pair<absl::string_view, Answer> kAnswers[] = {
    {"match", Answer::kMatch},          {"declined", Answer::kDeclined},
    {"not_wanted", Answer::kNotWanted}, {"unrequited", Answer::kUnrequited},
    {"neither", Answer::kNeither},      {"missed", Answer::kMissed},
};

absl::Status ReadAnswer(const std::string& text, Outcome& outcome) {
  for (const auto& [name, answer] : kAnswers) {
    if (name != text) continue;
    outcome.pair.answer = answer;
    return absl::OkStatus();
  }
  return InvalidField("answer", absl::StrCat("\"", text, "\" is not known"));
}

absl::Status ReadKind(const std::string& text, Outcome& outcome) {
  for (const KindSpec& spec : AllKinds()) {
    if (spec.name != text) continue;
    outcome.kind = spec.kind;
    return absl::OkStatus();
  }
  return InvalidField("kind", absl::StrCat("\"", text, "\" is not known"));
}

absl::Status ReadFeatures(const Json& features, FeatureVector& vector) {
  if (!features.is_object()) {
    return InvalidField("features", "must be an object");
  }
  for (const auto& [name, value] : features.items()) {
    const std::string field = absl::StrCat("features.", name);
    const auto info =
        std::find_if(AllFeatures().begin(), AllFeatures().end(),
                     [&](const FeatureInfo& i) { return i.name == name; });
    if (info == AllFeatures().end()) {
      return InvalidField(field, "is not a feature");
    }
    if (value.is_null()) continue;
    if (!value.is_number() || !(std::abs(value.get<double>()) <= 1e6)) {
      return InvalidField(field, "must be a number within 1e6 of 0");
    }
    vector.Set(info->feature, value.get<float>());
  }
  return absl::OkStatus();
}

absl::Status ReadField(const std::string& name, const Json& value,
                       Outcome& outcome) {
  if (name == "features") return ReadFeatures(value, outcome.pair.features);
  if (name == "propensity") {
    if (!value.is_number() || !(value.get<double>() > 0) ||
        value.get<double>() > 1) {
      return InvalidField(name, "must be a number in (0, 1]");
    }
    outcome.pair.weight = std::min(kMaxOutcomeWeight, 1 / value.get<double>());
    outcome.has_propensity = true;
    return absl::OkStatus();
  }
  if (name == "position") {
    if (!value.is_number_unsigned() || value.get<uint64_t>() > 1'000'000) {
      return InvalidField(name, "must be a whole number from 0 to 1000000");
    }
    outcome.position = value.get<uint32_t>();
    return absl::OkStatus();
  }
  if (name == "randomised") {
    if (!value.is_boolean()) return InvalidField(name, "must be true or false");
    outcome.randomised = value.get<bool>();
    return absl::OkStatus();
  }
  if (name != "candidate" && name != "time" && name != "kind" &&
      name != "list" && name != "answer") {
    return InvalidField(name, "is not known");
  }
  if (!value.is_string()) return InvalidField(name, "must be a string");
  const auto text = value.get<std::string>();
  if (name == "list") {
    outcome.list = text;
    return absl::OkStatus();
  }
  if (name == "candidate") {
    outcome.candidate = text;
    return absl::OkStatus();
  }
  if (name == "kind") return ReadKind(text, outcome);
  if (name == "answer") return ReadAnswer(text, outcome);
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, text, &outcome.time, &error)) {
    return InvalidField(name, "must be a time such as 2026-03-01T10:00:00Z");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Outcome> ParseOutcome(absl::string_view json) {
  const Json object = Json::parse(json.begin(), json.end(), nullptr,
                                  /*allow_exceptions=*/false);
  if (!object.is_object()) {
    return absl::InvalidArgumentError("is not a JSON object");
  }
  for (const char* required : {"time", "kind", "answer", "features"}) {
    if (!object.contains(required)) return InvalidField(required, "is missing");
  }
  Outcome outcome;
  for (const auto& [name, value] : object.items()) {
    MITRA_RETURN_IF_ERROR(ReadField(name, value, outcome));
  }
  return outcome;
}

}  // namespace mitra::matching
