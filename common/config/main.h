// The common beginning and end of every service's main().

#ifndef MITRA_COMMON_CONFIG_MAIN_H_
#define MITRA_COMMON_CONFIG_MAIN_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/config/schema.h"

namespace mitra {

// Adds log.level, reads the configuration, starts logging and, behind OTEL_*
// variables, the export of spans, calls `run` and
// turns its status into the exit code: 0 good, 1 `run` failed (the error is
// logged), 2 the configuration is wrong (the error is printed to stderr).
// Handles --help, --version, --check-config and --print-config by itself.
int RunMain(int argc, char** argv, absl::string_view service, Schema& schema,
            const std::function<absl::Status()>& run);

}  // namespace mitra

#endif  // MITRA_COMMON_CONFIG_MAIN_H_
