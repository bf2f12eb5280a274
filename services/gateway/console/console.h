// The web console at /console/: files of one folder, the library it draws with
// and the words of the taxonomy.

#ifndef MITRA_SERVICES_GATEWAY_CONSOLE_CONSOLE_H_
#define MITRA_SERVICES_GATEWAY_CONSOLE_CONSOLE_H_

#include <string>

#include "absl/status/status.h"
#include "services/gateway/http/documents.h"

namespace mitra::gateway {

// Reads everything into `documents` once: what is not there now is never
// served. `d3` is the file d3.min.js. NOT_FOUND if a file cannot be read.
absl::Status AddConsole(const std::string& folder, const std::string& d3,
                        Documents& documents);

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_CONSOLE_CONSOLE_H_
