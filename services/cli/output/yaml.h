// JSON as YAML, for people who read what programs wrote.

#ifndef MITRA_SERVICES_CLI_OUTPUT_YAML_H_
#define MITRA_SERVICES_CLI_OUTPUT_YAML_H_

#include <string>

#include "absl/strings/string_view.h"

namespace mitra::cli {

// The same value in YAML 1.2 block style, keys in their order, with a newline
// at the end. Texts that YAML could read as anything else are quoted as in
// JSON. `json` must be one well-formed value; else it is returned as it is.
std::string JsonToYaml(absl::string_view json);

}  // namespace mitra::cli

#endif  // MITRA_SERVICES_CLI_OUTPUT_YAML_H_
