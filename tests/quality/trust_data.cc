#include "tests/quality/trust_data.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/support/shared_data.h"

namespace mitra::quality {
namespace {

using Cells = std::vector<absl::string_view>;
// False for a line that is no vote, such as a heading.
using ReadCells = std::function<bool(const Cells&, Vote&)>;
// The name of whom a line is about, where it is not the second cell.
using NameAbout = std::function<std::string(const Cells&)>;

std::optional<Network> ReadLines(absl::string_view name, char separator,
                                 const ReadCells& read,
                                 const NameAbout& about = nullptr) {
  const auto path = testing::SharedData(name);
  if (!path) return std::nullopt;
  std::ifstream in(*path);
  Network network;
  absl::flat_hash_map<std::string, uint32_t> ids;
  absl::flat_hash_set<uint64_t> seen;
  const auto id_of = [&](absl::string_view id) {
    const auto next = static_cast<uint32_t>(ids.size());
    return ids.try_emplace(std::string(id), next).first->second;
  };
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    const Cells cells = absl::StrSplit(
        line, absl::ByAnyChar(std::string(1, separator)), absl::SkipEmpty());
    Vote vote;
    if (cells.size() < 2 || !read(cells, vote)) continue;
    if (about == nullptr && cells[0] == cells[1]) continue;
    vote.from = id_of(cells[0]);
    vote.to = about == nullptr ? id_of(cells[1]) : id_of(about(cells));
    const uint64_t pair = (uint64_t{vote.from} << 32) | vote.to;
    if (!seen.insert(pair).second) continue;
    network.votes.push_back(vote);
  }
  network.members = static_cast<uint32_t>(ids.size());
  return network;
}

bool Number(absl::string_view cell, double& value) {
  return absl::SimpleAtod(cell, &value);
}

}  // namespace

std::optional<Network> ReadEpinions() {
  return ReadLines("epinions/trust_ts.tsv", '\t',
                   [](const Cells& cells, Vote& vote) {
                     double slice;
                     if (cells.size() < 3 || !Number(cells[2], slice)) {
                       return false;
                     }
                     vote.slice = static_cast<int>(slice);
                     vote.time = vote.slice * kYear;
                     return true;
                   });
}

std::optional<Network> ReadBitcoinOtc() {
  return ReadLines("bitcoin/soc-sign-bitcoinotc.csv", ',',
                   [](const Cells& cells, Vote& vote) {
                     double rating, time;
                     if (cells.size() < 4 || !Number(cells[2], rating) ||
                         !Number(cells[3], time)) {
                       return false;
                     }
                     vote.quality = (rating + 10) / 20;
                     vote.time = static_cast<int64_t>(std::floor(time));
                     return true;
                   });
}

std::optional<Network> ReadAdvogato() {
  return ReadLines("advogato/out.advogato", ' ',
                   [](const Cells& cells, Vote& vote) {
                     return cells.size() == 3 && cells[0] != "%" &&
                            Number(cells[2], vote.quality);
                   });
}

std::optional<Network> ReadTrustList(absl::string_view path, char separator) {
  return ReadLines(path, separator, [](const Cells& cells, Vote&) {
    double id;
    return Number(cells[0], id);
  });
}

std::optional<Network> ReadRatings(absl::string_view path, char separator,
                                   const RatingColumns& columns) {
  return ReadLines(
      path, separator,
      [&](const Cells& cells, Vote& vote) {
        double value;
        if (cells.size() <= std::max(columns.to, columns.value) ||
            !Number(cells[columns.value], value)) {
          return false;
        }
        vote.quality = std::clamp(
            (value - columns.lowest) / (columns.highest - columns.lowest), 0.,
            1.);
        return true;
      },
      [&](const Cells& cells) {
        return absl::StrCat("thing ", cells[columns.to]);
      });
}

std::unique_ptr<matching::TieGraph> GraphOf(absl::Span<const Vote> votes,
                                            uint32_t members, int kind,
                                            int64_t now) {
  auto graph = std::make_unique<matching::TieGraph>(matching::TieOptions());
  matching::EvidenceKey key = 0;
  for (const Vote& vote : votes) {
    ++key;
    graph->Fold({.key = key,
                 .author = vote.from,
                 .about = vote.to,
                 .kind = kind,
                 .event_time = vote.time,
                 .quality = vote.quality,
                 .counts = true,
                 .revision = key});
  }
  graph->Publish(now, members);
  return graph;
}

}  // namespace mitra::quality
