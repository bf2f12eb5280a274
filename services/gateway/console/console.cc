#include "services/gateway/console/console.h"

#include "common/status/status_macros.h"
#include "services/gateway/console/console_data.h"

namespace mitra::gateway {

absl::Status AddConsole(const std::string& folder, const std::string& d3,
                        Documents& documents) {
  constexpr char kJson[] = "application/json";
  MITRA_RETURN_IF_ERROR(documents.AddFolder("/console/", folder));
  MITRA_RETURN_IF_ERROR(documents.AddFile("/console/vendor/d3.min.js", d3));
  documents.Add("/console/data/names.json", kJson, NamesJson());
  documents.Add("/console/data/regions.json", kJson, RegionsJson());
  documents.Add("/console/data/sectors.json", kJson, SectorsJson());
  documents.AddRedirect("/console", "/console/");
  return absl::OkStatus();
}

}  // namespace mitra::gateway
