#include "services/search/partition/hnsw_links.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"

namespace mitra::search {
namespace {

absl::Status Damaged(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("graph: ", what));
}

// FAISS draws levels with a probability of 1/links each; nobody stands here.
constexpr int32_t kMaxLevels = 64;

// Where the lists of each position begin, and the end of all.
absl::StatusOr<std::vector<size_t>> Offsets(const HnswParts& parts) {
  const size_t size = parts.rows.size();
  if (parts.links < 2 || parts.links > int32_t{HnswLinks::kMaxLinks}) {
    return Damaged("links");
  }
  if (parts.levels.size() != size || size > INT32_MAX) return Damaged("levels");
  const auto links = static_cast<size_t>(parts.links);
  std::vector<size_t> offsets = {0};
  offsets.reserve(size + 1);
  for (int32_t level : parts.levels) {
    if (level < 1 || level > kMaxLevels) return Damaged("levels");
    offsets.push_back(offsets.back() +
                      (static_cast<size_t>(level) + 1) * links);
  }
  if (offsets.back() != parts.neighbours.size()) return Damaged("neighbours");
  return offsets;
}

// A link must lead to a position that stands on the link's level.
bool LinksLead(const HnswParts& parts, const std::vector<size_t>& offsets) {
  const size_t size = parts.rows.size();
  const auto links = static_cast<size_t>(parts.links);
  for (size_t i = 0; i < size; ++i) {
    for (size_t at = offsets[i]; at < offsets[i + 1]; ++at) {
      const size_t slot = at - offsets[i];
      const auto level =
          static_cast<int32_t>(slot < 2 * links ? 0 : slot / links - 1);
      const int32_t to = parts.neighbours[at];
      if (to == -1) continue;
      if (to < 0 || static_cast<size_t>(to) >= size ||
          parts.levels[static_cast<size_t>(to)] <= level) {
        return false;
      }
    }
  }
  return true;
}

bool EntryStands(const HnswParts& parts) {
  if (parts.rows.empty()) return parts.entry_point == -1;
  return parts.entry_point >= 0 &&
         static_cast<size_t>(parts.entry_point) < parts.rows.size() &&
         parts.max_level ==
             parts.levels[static_cast<size_t>(parts.entry_point)] - 1 &&
         parts.max_level + 1 ==
             *std::max_element(parts.levels.begin(), parts.levels.end());
}

bool TwinsFit(const HnswParts& parts) {
  if (parts.twins.size() != parts.twin_of.size()) return false;
  const auto size = static_cast<int32_t>(parts.rows.size());
  int32_t last = 0;
  for (int32_t of : parts.twin_of) {
    if (of < last || of >= size) return false;
    last = of;
  }
  return true;
}

}  // namespace

absl::StatusOr<HnswLinks> HnswLinks::FromParts(const HnswParts& parts) {
  const auto offsets = Offsets(parts);
  if (!offsets.ok()) return offsets.status();
  if (!LinksLead(parts, *offsets)) return Damaged("neighbours");
  if (!EntryStands(parts)) return Damaged("entry point");

  if (!TwinsFit(parts)) return Damaged("twins");

  HnswLinks graph;
  graph.rows_ = parts.rows;
  graph.twins_ = parts.twins;
  for (uint32_t i = 0; i < parts.twins.size(); ++i) {
    const auto of = static_cast<size_t>(parts.twin_of[i]);
    const auto group = static_cast<uint32_t>(graph.twins_of_.size());
    ++graph.twins_of_.try_emplace(parts.rows[of], Twins{i, 0, group})
          .first->second.count;
  }
  graph.levels_.assign(parts.levels.begin(), parts.levels.end());
  graph.links_ = static_cast<size_t>(parts.links);
  const size_t size = parts.rows.size();
  if (size == 0) return graph;
  graph.row_end_ =
      size_t{*std::max_element(parts.rows.begin(), parts.rows.end())} + 1;
  if (graph.row_end_ > (size_t{1} << 31)) return Damaged("rows");
  if (!graph.twins_.empty()) {
    graph.weights_.resize(graph.row_end_, 1);
    for (const auto& [row, twins] : graph.twins_of_) {
      graph.weights_[row] =
          static_cast<uint8_t>(std::min<uint32_t>(1 + twins.count, 255));
    }
  }
  graph.entry_ = parts.rows[static_cast<size_t>(parts.entry_point)];
  const size_t width = graph.width();
  graph.lists_ = HugePages<uint32_t>(graph.row_end_ * width);
  std::fill_n(graph.lists_.get(), graph.row_end_ * width, kNone);

  std::vector<uint32_t> upper;  // positions, higher ones first
  for (uint32_t i = 0; i < size; ++i) {
    if (parts.levels[i] > 1) upper.push_back(i);
    const int32_t* from = parts.neighbours.data() + (*offsets)[i];
    uint32_t* to = graph.lists_.get() + size_t{parts.rows[i]} * width;
    for (size_t j = 0; j < width && from[j] >= 0; ++j) {
      to[j] = parts.rows[static_cast<size_t>(from[j])];
    }
  }
  const auto entry = static_cast<uint32_t>(parts.entry_point);
  std::stable_sort(upper.begin(), upper.end(), [&](uint32_t a, uint32_t b) {
    if (parts.levels[a] != parts.levels[b]) {
      return parts.levels[a] > parts.levels[b];
    }
    return (a == entry) > (b == entry);
  });
  std::vector<uint32_t> number_of(size, kNone);
  for (uint32_t i = 0; i < upper.size(); ++i) number_of[upper[i]] = i;
  for (uint32_t position : upper) {
    graph.upper_rows_.push_back(parts.rows[position]);
  }
  for (int32_t level = 1; level <= parts.max_level; ++level) {
    std::vector<uint32_t> lists;
    for (uint32_t position : upper) {
      if (parts.levels[position] <= level) break;
      const int32_t* from = parts.neighbours.data() + (*offsets)[position] +
                            (static_cast<size_t>(level) + 1) * graph.links_;
      bool ended = false;
      for (size_t j = 0; j < graph.links_; ++j) {
        ended = ended || from[j] < 0;
        lists.push_back(ended ? kNone
                              : number_of[static_cast<size_t>(from[j])]);
      }
    }
    graph.upper_.push_back(std::move(lists));
  }
  return graph;
}

HnswParts HnswLinks::ToParts() const {
  HnswParts parts;
  parts.rows = rows_;
  parts.levels.assign(levels_.begin(), levels_.end());
  parts.links = static_cast<int32_t>(links_);
  parts.max_level = static_cast<int32_t>(top());
  if (rows_.empty()) {
    parts.max_level = -1;
    return parts;
  }
  std::vector<uint32_t> position_of(row_end_);
  for (uint32_t i = 0; i < rows_.size(); ++i) position_of[rows_[i]] = i;
  std::vector<uint32_t> number_of(rows_.size());
  for (uint32_t i = 0; i < upper_rows_.size(); ++i) {
    number_of[position_of[upper_rows_[i]]] = i;
  }
  parts.entry_point = static_cast<int32_t>(position_of[entry_]);
  for (uint32_t i = 0; i < rows_.size(); ++i) {
    for (uint32_t twin : twins_of(rows_[i])) {
      parts.twins.push_back(twin);
      parts.twin_of.push_back(static_cast<int32_t>(i));
    }
  }
  for (uint32_t i = 0; i < rows_.size(); ++i) {
    const uint32_t* lowest = list(rows_[i]);
    for (size_t j = 0; j < width(); ++j) {
      parts.neighbours.push_back(
          lowest[j] == kNone ? -1
                             : static_cast<int32_t>(position_of[lowest[j]]));
    }
    for (size_t level = 1; level < levels_[i]; ++level) {
      const uint32_t* upper = upper_list(level, number_of[i]);
      for (size_t j = 0; j < links_; ++j) {
        parts.neighbours.push_back(
            upper[j] == kNone
                ? -1
                : static_cast<int32_t>(position_of[upper_rows_[upper[j]]]));
      }
    }
  }
  return parts;
}

size_t HnswLinks::bytes() const {
  size_t bytes = rows_.capacity() * sizeof(uint32_t) + levels_.capacity() +
                 row_end_ * width() * sizeof(uint32_t) +
                 twins_.capacity() * sizeof(uint32_t) + weights_.capacity() +
                 twins_of_.capacity() * (sizeof(uint32_t) + sizeof(Twins)) +
                 upper_rows_.capacity() * sizeof(uint32_t);
  for (const auto& lists : upper_) bytes += lists.capacity() * sizeof(uint32_t);
  return bytes;
}

}  // namespace mitra::search
