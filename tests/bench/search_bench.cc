// Retrieval inside one process against FAISS as packaged and hnswlib, on the
// same vectors, one thread, rounds alternating, recall measured in the run.
//
//   mitra-bench-search SET SIZE [--suffix TEXT] [--rounds N] [--no-peers]
//                      [--graphs FOLDER] [--build-only] [--merge] [--no-graph]
//                      [--links M --build-breadth E --ladder]
//                      [--dimension D]
//
// With --graphs, graphs are built once and kept in FOLDER, the peer's by faster
// arithmetic; then nothing is said of the times of building. With --merge, only
// how long it takes to merge changed rows into our graph. With --no-graph, only
// what filters take by scans. With --ladder, what our graph of M links, built
// with a breadth of E, finds at each breadth.
//
// SET: plain, reciprocal (two independent halves), isolated (separate
// clusters), duplicates (reciprocal, in herds of 2,000 equal rows), words
// (those of --words FILE, see word_vectors.h). D, of one half: 64 for plain and
// isolated, which are then 128 long, 128 for the others.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "services/search/partition/hnsw_partition.h"
#include "services/search/partition/role_search.h"
#include "services/search/partition/walk_calibration.h"
#include "services/search/testing/vector_sets.h"
#include "tests/bench/search_graphs.h"
#include "tests/bench/search_peers.h"
#include "tests/bench/word_vectors.h"

namespace mitra::bench {
namespace {

using search::HnswPartition;
using search::Query;
using search::RowBits;
using search::RowFilter;
using search::ScoredRow;
using search::SearchPlan;
using search::VectorRows;
using search::VectorSet;

constexpr size_t kTop = 100;
// Questions by which our walk is calibrated: as many as a service keeps of
// those that people ask.
constexpr size_t kUnmeasured = 192;

struct Options {
  std::string set = "plain";
  size_t size = 100000;
  std::string suffix;
  int rounds = 5;
  size_t queries = 200;
  bool peers = true;
  bool merge = false;
  bool graph = true;
  bool build_only = false;
  bool ladder = false;
  std::string graphs;
  std::string words;
  int threads = 2;
  size_t dimension = 0;  // of one half; 0: as the set has it
  int links = search::HnswBuildOptions().links;
  int build_breadth = search::HnswBuildOptions().build_breadth;
};

double Now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

// A subject's question in both shapes.
struct Asked {
  std::vector<float> need, offer;
  float weight;
  std::vector<float> joint;
  std::vector<uint32_t> exact;  // the best rows, best first
};

class Bench {
 public:
  // `words` are the set's vectors if it is that of words.
  Bench(const Options& options, std::vector<std::vector<float>> words)
      : options_(options),
        one_sided_(options.set != "reciprocal" && options.set != "duplicates"),
        half_(!words.empty()           ? words[0].size() / 2
              : options.dimension != 0 ? options.dimension
              : one_sided_             ? 64
                                       : 128),
        words_(std::move(words)),
        rows_(half_) {}

  int Run() {
    Fill();
    // What takes longest first.
    if (options_.build_only && options_.peers) BuildPeers();
    if (options_.graph) BuildOurs();
    if (options_.build_only) return 0;
    if (options_.merge) {
      Merge();
      return 0;
    }
    if (options_.ladder) {
      Ask();
      Ladder();
      return 0;
    }
    if (options_.peers && options_.graph) BuildPeers();
    Ask();
    if (options_.graph) Compare();
    Filtered(500, "filter50pct");
    Filtered(100, "filter10pct");
    Filtered(10, "filter1pct");
    Filtered(1, "filter01pct");
    return 0;
  }

 private:
  void Row(const char* name, double value) const {
    const std::string prefix = options_.set == "plain"        ? ""
                               : options_.set == "reciprocal" ? "recip_"
                               : options_.set == "isolated"   ? "clustered_"
                               : options_.set == "words"      ? "words_"
                                                              : "duplicates_";
    std::printf("METRIC search_%s%s%s %.4g\n", prefix.c_str(), name,
                options_.suffix.c_str(), value);
    std::fflush(stdout);
  }

  bool one_sided() const { return one_sided_; }

  // A row's or a query's two halves, as [offer ; need].
  std::vector<float> Draw(VectorSet& first, VectorSet& second) {
    if (!words_.empty()) return words_[next_word_++ % words_.size()];
    std::vector<float> v = first.Next();
    if (one_sided()) {
      // A vector of unit length is two halves; the product is the same.
      return v;
    }
    const std::vector<float> other = second.Next();
    v.insert(v.end(), other.begin(), other.end());
    return v;
  }

  void Fill() {
    const size_t d = one_sided() ? 2 * half_ : half_;
    const bool isolated = options_.set == "isolated";
    VectorSet first(d, isolated, 1);
    VectorSet second(d, isolated, 2);
    const size_t width = 2 * half_;
    values_.reserve(options_.size * width);
    std::vector<float> v;
    // Half of the drawing, on another thread.
    std::vector<std::vector<float>> others;
    std::thread drawer;
    if (!one_sided() && options_.set != "duplicates") {
      others.resize(options_.size);
      drawer = std::thread([&] {
        for (auto& other : others) other = second.Next();
      });
    }
    std::vector<std::vector<float>> ones(others.size());
    for (auto& one : ones) one = first.Next();
    if (drawer.joinable()) drawer.join();
    for (size_t i = 0; i < options_.size; ++i) {
      if (!others.empty()) {
        v = std::move(ones[i]);
        v.insert(v.end(), others[i].begin(), others[i].end());
        others[i] = {};
      } else if (options_.set != "duplicates" || i % 2000 == 0) {
        v = Draw(first, second);
      }
      values_.insert(values_.end(), v.begin(), v.end());
      const auto row = static_cast<uint32_t>(i);
      rows_.Set(row, {v.data(), half_}, {v.data() + half_, half_});
      bits_.Grow(row / RowBits::kRows + 1);
      bits_.Mutable(row / RowBits::kRows).set(row % RowBits::kRows, true);
    }
    for (size_t i = 0; i < options_.queries + kUnmeasured; ++i) {
      Asked asked;
      const std::vector<float> q = Draw(first, second);
      // What the subject needs lies where rows offer.
      const auto middle = q.begin() + static_cast<ptrdiff_t>(half_);
      asked.need.assign(q.begin(), middle);
      asked.offer.assign(middle, q.end());
      asked.weight = one_sided()
                         ? .5F
                         : static_cast<float>(first.random()() % 1001) / 1000;
      for (float x : asked.need) asked.joint.push_back(asked.weight * x);
      for (float x : asked.offer) asked.joint.push_back((1 - asked.weight) * x);
      (i < options_.queries ? asked_ : unmeasured_).push_back(std::move(asked));
    }
    filter_.eligible = bits_.Freeze();
    filter_.eligible_count = options_.size;
    role_.rows = rows_.view();
    role_.outside = std::make_shared<Roaring>();
  }

  void BuildOurs() {
    std::vector<uint32_t> all(options_.size);
    for (uint32_t i = 0; i < all.size(); ++i) all[i] = i;
    const std::string file = GraphFile(
        absl::StrCat("ours-", options_.links, "-", options_.build_breadth));
    std::unique_ptr<HnswPartition> graph = ReadGraph(file, all.size());
    const bool kept = graph != nullptr;
    const double begin = Now();
    if (!kept) {
      auto built =
          HnswPartition::Build(role_.rows, all, nullptr,
                               {.links = options_.links,
                                .build_breadth = options_.build_breadth,
                                .threads = options_.threads});
      our_build_ = Now() - begin;
      if (!built.ok()) {
        std::fprintf(stderr, "%s\n", built.status().ToString().c_str());
        std::exit(1);
      }
      graph = *std::move(built);
      if (!file.empty()) WriteGraph(graph->links().ToParts(), file);
    }
    if (!options_.ladder) Calibrate(*graph);
    graph_ = std::move(graph);
    role_.sealed = graph_;
    const size_t bytes =
        graph_->bytes() / options_.size + role_.rows.row_bytes();
    std::printf("ours: built in %.1f s, %zu bytes a row\n", our_build_, bytes);
    if (!kept) Row("build_s", our_build_);
    Row("bytes_per_row", static_cast<double>(bytes));
  }

  // As the index does after a build, on questions that are not measured.
  void Calibrate(HnswPartition& graph) const {
    const double begin = Now();
    std::vector<Query> sample;
    for (const Asked& asked : unmeasured_) {
      sample.emplace_back(half_, asked.need, asked.offer, asked.weight);
    }
    search::CalibrateCare(graph, role_.rows, sample, {}, nullptr);
    std::printf(
        "ours: care %.2f, leans from pivots %zu, by lists %zu, chosen in "
        "%.1f s\n",
        graph.care(), graph.leans_by(HnswPartition::Way::kPivots),
        graph.leans_by(HnswPartition::Way::kLists), Now() - begin);
  }

  // Recall and time at each breadth of walks, for choosing how graphs are
  // built.
  void Ladder() {
    for (const size_t breadth : {128, 160, 200, 256, 320, 400, 512, 640, 800}) {
      // See WalkBreadth.
      graph_->set_care(static_cast<double>(breadth - kTop) / (kTop / 3 + 150));
      const double recall = OurRecall(kTop);
      std::vector<double> us;
      for (int round = 0; round < options_.rounds; ++round) {
        us.push_back(SecondsOf([&](const Asked& asked) {
                       Ours(asked, kTop, true, filter_);
                     }) *
                     1e6);
      }
      std::printf(
          "links %d, built with %d: breadth %zu, recall@100 %.4f, "
          "%.1f us\n",
          options_.links, options_.build_breadth, breadth, recall, Median(us));
      std::fflush(stdout);
      if (recall >= .995) break;
    }
  }

  // Rows that come to the graph on one thread, as the index merges them. A
  // merge costs a constant for copying the graph and something for each row, so
  // the delta grows until it keeps up.
  void Merge() {
    VectorSet first(half_, false, 3);
    VectorSet second(half_, false, 4);
    for (const size_t count : {size_t{1000}, size_t{4000}, size_t{16000}}) {
      std::vector<uint32_t> fresh;
      for (size_t i = 0; i < count; ++i) {
        fresh.push_back(static_cast<uint32_t>(options_.size + i));
        rows_.Set(fresh.back(), first.Next(), second.Next());
      }
      const double begin = Now();
      const auto merged = HnswPartition::Build(
          rows_.view(), fresh, graph_.get(),
          {.links = options_.links, .build_breadth = options_.build_breadth});
      if (!merged.ok()) std::exit(1);
      const double seconds = Now() - begin;
      std::printf("merged %zu rows in %.2f s\n", count, seconds);
      Row(absl::StrCat("merge_per_s_", count).c_str(),
          static_cast<double>(count) / seconds);
    }
  }

  std::string GraphFile(const std::string& of) const {
    if (options_.graphs.empty()) return "";
    const std::string dimension =
        options_.dimension == 0 ? "" : absl::StrCat("-d", options_.dimension);
    return absl::StrCat(options_.graphs, "/", options_.set, "-", options_.size,
                        dimension, "-", of);
  }

  void BuildPeers() {
    const size_t width = 2 * half_;
    const double begin = Now();
    faiss_ = FaissHnsw(width, 32);
    const std::string file = GraphFile("faiss-32");
    if (!file.empty()) {
      faiss_->BuildOnce(values_.data(), options_.size, 2, file);
      std::printf("faiss: graph at hand after %.1f s\n", Now() - begin);
    } else {
      faiss_->Build(values_.data(), options_.size, 2);
      faiss_build_ = Now() - begin;
      std::printf("faiss: built in %.1f s\n", faiss_build_);
      if (our_build_ > 0) Row("build_speedup", faiss_build_ / our_build_);
    }
    if (options_.set == "plain") {
      hnswlib_ = Hnswlib(width, 16, 100);
      const std::string other = GraphFile("hnswlib-16");
      if (hnswlib_ != nullptr && !other.empty()) {
        hnswlib_->BuildOnce(values_.data(), options_.size, 2, other);
      } else if (hnswlib_ != nullptr) {
        hnswlib_->Build(values_.data(), options_.size, 2);
      } else {
        std::printf("SKIPPED search_speedup_hnswlib%s no hnswlib\n",
                    options_.suffix.c_str());
      }
    }
  }

  std::vector<uint32_t> Ours(const Asked& asked, size_t k, bool walk,
                             const RowFilter& filter) const {
    const Query query(half_, asked.need, asked.offer, asked.weight);
    const SearchPlan plan = walk ? SearchPlan{0, 0, 0}
                                 : SearchPlan{options_.size, options_.size, 0};
    const auto found =
        search::SearchRole(role_, filter, query, k, plan,
                           [](uint32_t a, uint32_t b) { return a < b; });
    std::vector<uint32_t> rows;
    if (!found.ok()) return rows;
    for (const ScoredRow& row : *found) rows.push_back(row.row);
    return rows;
  }

  void Ask() {
    for (Asked& asked : asked_) {
      asked.exact = Ours(asked, kTop, false, filter_);
    }
  }

  template <typename Rows>
  static size_t Common(const Rows& found, const std::vector<uint32_t>& exact,
                       size_t top) {
    const std::set<uint32_t> want(
        exact.begin(),
        exact.begin() + static_cast<ptrdiff_t>(std::min(top, exact.size())));
    size_t common = 0;
    for (const auto row : found) {
      common += want.count(static_cast<uint32_t>(row));
    }
    return common;
  }

  double PeerRecall(const Peer& peer, size_t top, size_t breadth) const {
    size_t common = 0;
    std::vector<int64_t> found;
    for (const Asked& asked : asked_) {
      peer.Search(asked.joint.data(), top, breadth, found);
      common += Common(found, asked.exact, top);
    }
    return static_cast<double>(common) /
           static_cast<double>(top * asked_.size());
  }

  double OurRecall(size_t top) const {
    size_t common = 0;
    for (const Asked& asked : asked_) {
      common += Common(Ours(asked, top, true, filter_), asked.exact, top);
    }
    return static_cast<double>(common) /
           static_cast<double>(top * asked_.size());
  }

  // The smallest breadth of a ladder with which the peer reaches `goal`.
  size_t BreadthFor(const Peer& peer, size_t top, double goal) const {
    for (size_t breadth :
         {32, 48, 64, 100, 128, 160, 200, 256, 320, 400, 512, 640, 800, 1024}) {
      if (breadth < top) continue;
      const double recall = PeerRecall(peer, top, breadth);
      if (recall >= goal || breadth == 1024) {
        std::printf("  peer: breadth %zu, recall@%zu %.4f\n", breadth, top,
                    recall);
        return breadth;
      }
    }
    return 1024;
  }

  template <typename Search>
  double SecondsOf(Search search) const {
    const double begin = Now();
    for (const Asked& asked : asked_) search(asked);
    return (Now() - begin) / static_cast<double>(asked_.size());
  }

  // Median of the ratios of alternating rounds.
  double Ratio(const Peer& peer, size_t top, size_t breadth) {
    std::vector<double> ratios, ours, theirs;
    std::vector<int64_t> found;
    for (int round = 0; round < options_.rounds; ++round) {
      theirs.push_back(SecondsOf([&](const Asked& asked) {
        peer.Search(asked.joint.data(), top, breadth, found);
      }));
      ours.push_back(SecondsOf(
          [&](const Asked& asked) { Ours(asked, top, true, filter_); }));
      ratios.push_back(theirs.back() / ours.back());
    }
    std::printf("  us: peer %.1f, ours %.1f\n", Median(theirs) * 1e6,
                Median(ours) * 1e6);
    return Median(ratios);
  }

  void Compare() {
    std::vector<double> us;
    for (int round = 0; round < options_.rounds; ++round) {
      us.push_back(SecondsOf([&](const Asked& asked) {
                     Ours(asked, kTop, true, filter_);
                   }) *
                   1e6);
    }
    Row("us", Median(us));
    Row("recall100", OurRecall(kTop));
    Row("recall10", OurRecall(10));
    if (faiss_ != nullptr) {
      Row("speedup_stock",
          Ratio(*faiss_, kTop, BreadthFor(*faiss_, kTop, .98)));
    }
    if (hnswlib_ != nullptr) {
      Row("speedup_hnswlib",
          Ratio(*hnswlib_, 10, BreadthFor(*hnswlib_, 10, .99)));
    }
  }

  // A filter that `of_thousand` rows in a thousand pass, by chance.
  void Filtered(uint32_t of_thousand, const std::string& name) {
    std::mt19937 random(9);
    auto matches = std::make_shared<Roaring>();
    for (uint32_t row = 0; row < options_.size; ++row) {
      if (random() % 1000 < of_thousand) matches->add(row);
    }
    matches->runOptimize();
    RowFilter filter = filter_;
    filter.matches = matches;
    const SearchPlan plan;
    const auto search = [&](const Asked& asked) {
      const Query query(half_, asked.need, asked.offer, asked.weight);
      return search::SearchRole(role_, filter, query, 10, plan,
                                [](uint32_t a, uint32_t b) { return a < b; });
    };
    std::vector<double> us;
    for (int round = 0; round < options_.rounds; ++round) {
      us.push_back(SecondsOf([&](const Asked& asked) {
                     if (!search(asked).ok()) std::exit(1);
                   }) *
                   1e6);
    }
    size_t common = 0;
    size_t all = 0;
    for (size_t i = 0; i < std::min<size_t>(asked_.size(), 50); ++i) {
      const auto exact = Ours(asked_[i], 10, false, filter);
      const auto found = search(asked_[i]);
      std::vector<uint32_t> rows;
      for (const ScoredRow& row : *found) rows.push_back(row.row);
      common += Common(rows, exact, 10);
      all += exact.size();
    }
    Row(absl::StrCat(name, "_us").c_str(), Median(us));
    Row(absl::StrCat(name, "_recall").c_str(),
        static_cast<double>(common) / static_cast<double>(all));
  }

  const Options options_;
  const bool one_sided_;
  const size_t half_;
  const std::vector<std::vector<float>> words_;
  size_t next_word_ = 0;
  VectorRows rows_;
  search::RowBitsVector bits_;
  RowFilter filter_;
  search::RolePartitions role_;
  std::vector<float> values_;
  std::vector<Asked> asked_;
  std::vector<Asked> unmeasured_;
  std::shared_ptr<HnswPartition> graph_;
  std::unique_ptr<Peer> faiss_;
  std::unique_ptr<Peer> hnswlib_;
  double our_build_ = 0;
  double faiss_build_ = 0;
};

}  // namespace
}  // namespace mitra::bench

int main(int argc, char** argv) {
  mitra::bench::Options options;
  CLI::App app("retrieval against its peers");
  app.add_option("set", options.set)
      ->check(CLI::IsMember(
          {"plain", "reciprocal", "isolated", "duplicates", "words"}));
  app.add_option("size", options.size);
  app.add_option("--suffix", options.suffix);
  app.add_option("--rounds", options.rounds);
  app.add_option("--queries", options.queries);
  app.add_option("--links", options.links);
  app.add_option("--build-breadth", options.build_breadth);
  app.add_flag("!--no-peers", options.peers);
  app.add_option("--graphs", options.graphs);
  app.add_option("--words", options.words);
  app.add_option("--threads", options.threads);
  app.add_option("--dimension", options.dimension)->check(CLI::Range(8, 1024));
  app.add_flag("--merge", options.merge);
  app.add_flag("!--no-graph", options.graph);
  app.add_flag("--build-only", options.build_only);
  app.add_flag("--ladder", options.ladder);
  CLI11_PARSE(app, argc, argv);
  std::vector<std::vector<float>> words;
  if (options.set == "words") {
    auto read = mitra::bench::ReadWordVectors(options.words);
    const size_t asked = options.queries + mitra::bench::kUnmeasured;
    if (!read.ok() || read->size() < 2 * asked) {
      std::fprintf(
          stderr, "%s\n",
          read.ok() ? "too few words" : read.status().ToString().c_str());
      return 1;
    }
    words = *std::move(read);
    options.size = words.size() - asked;
  }
  return mitra::bench::Bench(options, std::move(words)).Run();
}
