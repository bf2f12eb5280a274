// Refreshes and their reports in words and tables.

#ifndef MITRA_SERVICES_CLI_COMMANDS_REFRESH_TEXT_H_
#define MITRA_SERVICES_CLI_COMMANDS_REFRESH_TEXT_H_

#include "mitra/v1/refreshes_service.pb.h"

namespace mitra::cli {

bool RunsStill(const v1::Refresh& refresh);

// All to standard output: how it stands and what may be done now, with each of
// its markets; and the whole report.
void PrintRefresh(const v1::Refresh& refresh);
void PrintRefreshReport(const v1::RefreshReport& report);

}  // namespace mitra::cli

#endif  // MITRA_SERVICES_CLI_COMMANDS_REFRESH_TEXT_H_
