// Configuration of a program: fields of a struct, bound to keys.
//
//   struct SearchConfig { std::string feed_target; … } config;
//   Schema schema("search");
//   schema.Add("feed.target", &config.feed_target,
//              "Where the change feed is: host:port or unix:/path.");
//
// Sources, later ones win: the defaults in the struct, a TOML file
// (--config=FILE), environment variables (MITRA_FEED_TARGET, or
// MITRA_FEED_TARGET_FILE for a file that holds the value), flags
// (--feed.target=VALUE). A key that nobody knows, a value of the wrong type or
// out of range is an error that names it; the program does not start.

#ifndef MITRA_COMMON_CONFIG_SCHEMA_H_
#define MITRA_COMMON_CONFIG_SCHEMA_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

namespace mitra {

// Not thread-safe; used once, at start.
class Schema {
 public:
  using Target = std::variant<std::string*, bool*, int*, int64_t*, double*,
                              absl::Duration*, std::vector<std::string>*>;

  // One bound field; its setters narrow what is allowed.
  class Field {
   public:
    Field& Secret() { return secret_ = true, *this; }
    // For numbers, and for durations in seconds.
    Field& Range(double low, double high);
    Field& OneOf(std::vector<std::string> values);

   private:
    friend class Schema;
    std::string key_;
    Target target_;
    std::string help_;
    bool secret_ = false;
    bool ranged_ = false;
    double low_ = 0, high_ = 0;
    std::vector<std::string> allowed_;
  };

  explicit Schema(std::string service) : service_(std::move(service)) {}

  // `key` is "section.name" or "name", lower-case with underscores. `target`
  // must outlive the schema and holds the default.
  Field& Add(std::string key, Target target, std::string help);

  enum class Action { kRun, kHelp, kVersion, kCheck, kPrint };

  // Reads all sources. `environment` maps names to values.
  absl::StatusOr<Action> Load(
      absl::Span<const std::string> arguments,
      const std::map<std::string, std::string>& environment);

  // All keys with help and defaults.
  std::string Help() const;
  // The values now, as a TOML file; secrets masked.
  std::string Print() const;

 private:
  absl::Status LoadFile(const std::string& path);
  absl::Status LoadEnvironment(
      const std::map<std::string, std::string>& environment);
  absl::Status SetText(Field& field, absl::string_view text,
                       absl::string_view source);
  absl::Status Check(const Field& field, absl::string_view source) const;
  Field* Find(absl::string_view key);

  std::string service_;
  std::vector<std::unique_ptr<Field>> fields_;
};

}  // namespace mitra

#endif  // MITRA_COMMON_CONFIG_SCHEMA_H_
