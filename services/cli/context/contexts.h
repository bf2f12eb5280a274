// Contexts: the clusters that a user works with, by name.
//
//   current = "solo"
//   [context.solo]
//   server = "127.0.0.1:8080"
//   api_key_file = "/home/siti/.config/mitra/solo.key"
//   lang = "id"
//   tls_ca = "/home/siti/.config/mitra/solo.pem"

#ifndef MITRA_SERVICES_CLI_CONTEXT_CONTEXTS_H_
#define MITRA_SERVICES_CLI_CONTEXT_CONTEXTS_H_

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mitra::cli {

// One cluster. Empty values are not set. Keys stand in files of their own.
struct Context {
  std::string server;
  std::string api_key_file;
  std::string language;
  // Who signs the gateway's certificate (a file, or "system"), and our own.
  std::string tls_ca;
  std::string tls_cert;
  std::string tls_key;
};

struct Contexts {
  std::string current;  // empty: none
  std::map<std::string, Context> by_name;

  // `name`, or the current one if it is empty; an empty context if there is
  // none at all. NOT_FOUND if a context of that name is missing.
  absl::StatusOr<Context> Pick(const std::string& name) const;
};

// $MITRA_CONFIG, else mitra/config.toml below $XDG_CONFIG_HOME or ~/.config.
// Empty if there is no home.
std::string ContextsPath();

// The file's contexts; none if there is no file. INVALID_ARGUMENT with line and
// column if it is not understood.
absl::StatusOr<Contexts> LoadContexts(const std::string& path);

// Replaces the file at once, with mode 0600, making its folder.
absl::Status SaveContexts(const Contexts& contexts, const std::string& path);

// Letters, digits, '-' and '_', 1 to 64.
bool IsContextName(absl::string_view name);

}  // namespace mitra::cli

#endif  // MITRA_SERVICES_CLI_CONTEXT_CONTEXTS_H_
