#include "services/cli/output/yaml.h"

#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace mitra::cli {
namespace {

using Json = nlohmann::ordered_json;

// Whether `text` is a plain scalar that can only be a string: letters, digits
// and harmless marks, a letter first, and none of YAML's own words.
bool IsPlain(absl::string_view text) {
  if (text.empty() || !absl::ascii_isalpha(text[0]) || text.back() == ' ') {
    return false;
  }
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (absl::ascii_isalnum(c) || c >= 0x80) continue;
    if (c == '_' || c == '-' || c == '.' || c == '/' || c == ' ' || c == '~') {
      continue;
    }
    return false;
  }
  const std::string lower = absl::AsciiStrToLower(text);
  for (const char* word : {"null", "true", "false", "yes", "no", "on", "off",
                           "y", "n", "nan", "inf"}) {
    if (lower == word) return false;
  }
  return true;
}

std::string Scalar(const Json& value) {
  if (!value.is_string()) return value.dump();
  const auto& text = value.get_ref<const std::string&>();
  return IsPlain(text) ? text : value.dump();
}

void Write(const Json& value, size_t indent, std::string& out) {
  const std::string margin(indent, ' ');
  const auto child = [&](const Json& inner, bool in_list) {
    if (!inner.is_structured()) {
      absl::StrAppend(&out, " ", Scalar(inner), "\n");
    } else if (inner.empty()) {
      absl::StrAppend(&out, inner.is_array() ? " []\n" : " {}\n");
    } else if (in_list) {
      // The first line of the item stands behind its dash.
      std::string block;
      Write(inner, indent + 2, block);
      absl::StrAppend(&out, " ", block.substr(indent + 2));
    } else {
      absl::StrAppend(&out, "\n");
      Write(inner, indent + 2, out);
    }
  };
  if (value.is_array()) {
    for (const Json& inner : value) {
      absl::StrAppend(&out, margin, "-");
      child(inner, true);
    }
    return;
  }
  for (const auto& [key, inner] : value.items()) {
    absl::StrAppend(&out, margin, IsPlain(key) ? key : Json(key).dump(), ":");
    child(inner, false);
  }
}

}  // namespace

std::string JsonToYaml(absl::string_view json) {
  const Json value = Json::parse(json.begin(), json.end(), nullptr, false);
  if (value.is_discarded()) return std::string(json);
  if (!value.is_structured()) return absl::StrCat(Scalar(value), "\n");
  if (value.empty()) return value.is_array() ? "[]\n" : "{}\n";
  std::string out;
  Write(value, 0, out);
  return out;
}

}  // namespace mitra::cli
