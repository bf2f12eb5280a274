// What the sample network's members make, need and talk about: one entry per
// trade, in Indonesian.

#ifndef MITRA_SERVICES_CLI_SAMPLE_TRADE_H_
#define MITRA_SERVICES_CLI_SAMPLE_TRADE_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace mitra::cli {

struct Trade {
  absl::string_view sector;                  // KBLI 2020, 5 digits
  absl::string_view name;                    // "roti dan kue"
  std::vector<absl::string_view> brands;     // parts of business names
  std::vector<absl::string_view> products;   // what is made
  std::vector<absl::string_view> materials;  // what is bought
  std::vector<absl::string_view> skills;     // what a mentor can teach
  absl::string_view supplier_sector;  // KBLI 2020 of who sells the materials
  bool food = false;
};

// All trades of the sample.
absl::Span<const Trade> Trades();

}  // namespace mitra::cli

#endif  // MITRA_SERVICES_CLI_SAMPLE_TRADE_H_
