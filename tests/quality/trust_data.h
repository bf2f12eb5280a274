// Trust networks that lie outside the source tree, as evidence for the
// product's tie graph.

#ifndef MITRA_TESTS_QUALITY_TRUST_DATA_H_
#define MITRA_TESTS_QUALITY_TRUST_DATA_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "services/matching/graph/tie_graph.h"

namespace mitra::quality {

// One member says something of another.
struct Vote {
  uint32_t from = 0;
  uint32_t to = 0;
  double quality = 1;  // 0 to 1
  int64_t time = 0;    // Unix seconds
  int slice = 0;       // of data in time slices
};

struct Network {
  uint32_t members = 0;     // dense, from 0
  std::vector<Vote> votes;  // in the file's order, without self-votes; each
                            // ordered pair once, its first vote
};

// Members may be votes' sources only, targets only, or both. Nothing if the
// file is not there.
// Epinions: slices become years.
std::optional<Network> ReadEpinions();
// Quality is (rating + 10) / 20.
std::optional<Network> ReadBitcoinOtc();
// Quality is the level: .6, .8, 1.
std::optional<Network> ReadAdvogato();
// FilmTrust, CiaoDVD, Ciao: who trusts whom.
std::optional<Network> ReadTrustList(absl::string_view path, char separator);

// Ratings of things: who rates (column `from`), what (`to`), how (`value`, from
// `lowest` to `highest`). Things are members that rate nobody; times are all
// the same.
struct RatingColumns {
  size_t from = 0, to = 1, value = 2;
  double lowest = 1, highest = 5;
};
std::optional<Network> ReadRatings(absl::string_view path, char separator,
                                   const RatingColumns& columns);

// The product's graph of some votes, published at `now`; votes after `now` are
// the caller's mistake. `kind` is a v1::EvidenceKind.
std::unique_ptr<matching::TieGraph> GraphOf(absl::Span<const Vote> votes,
                                            uint32_t members, int kind,
                                            int64_t now);

inline constexpr int64_t kYear = 365 * 86'400;

}  // namespace mitra::quality

#endif  // MITRA_TESTS_QUALITY_TRUST_DATA_H_
