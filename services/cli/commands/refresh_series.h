// What refreshes were worth, one after the other: a table that a page or a
// spreadsheet draws as it is.

#ifndef MITRA_SERVICES_CLI_COMMANDS_REFRESH_SERIES_H_
#define MITRA_SERVICES_CLI_COMMANDS_REFRESH_SERIES_H_

#include <string>
#include <vector>

#include "mitra/v1/refreshes_service.pb.h"

namespace mitra::cli {

// A row for each kind of each refresh that has been computed, oldest first.
class RefreshSeries {
 public:
  explicit RefreshSeries(const v1::ListRefreshesResponse& refreshes);

  // With a line of names; times are RFC 3339 in UTC, shares are 0 to 1.
  std::string AsCsv() const;
  // An array of objects with the same names; figures are numbers.
  std::string AsJson() const;

 private:
  struct Row {
    std::string time, refresh_id, state, kind;
    std::vector<double> figures;
  };
  std::vector<Row> rows_;
};

}  // namespace mitra::cli

#endif  // MITRA_SERVICES_CLI_COMMANDS_REFRESH_SERIES_H_
