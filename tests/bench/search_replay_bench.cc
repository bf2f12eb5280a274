// What retrievals of a running network cost, without a network: restores a
// snapshot of the search service and asks as matching does.
//
//   mitra-bench-search-replay SNAPSHOT [--k N] [--also N] [--calls N]
//                             [--weight W] [--ladder] [--planned-only]
//                             [--refresh] [--message N] [--by-id]
//
// SNAPSHOT is search/search.snapshot under a cluster's folder. Subjects are
// businesses drawn at random; candidates are those of partners: businesses,
// enterprises and suppliers. Times are of this thread's processor time, medians
// of five rounds. --ladder tries walks of several breadths, with and without
// pivots, and lists. --refresh asks as a refresh does: members trade by trade,
// mentors and then partners, --message questions at once.

#include <malloc.h>
#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "mitra/v1/filter.pb.h"
#include "mitra/v1/member.pb.h"
#include "services/search/partition/walk_calibration.h"
#include "services/search/retrieval/retriever.h"
#include "services/search/snapshot/index_snapshot.h"

namespace mitra::bench {
namespace {

using search::HnswPartition;
using search::IndexState;
using search::IndexView;
using search::Query;
using search::Retrieval;
using search::RoleView;
using search::ScoredRow;
using search::SearchPlan;
using search::VectorRows;

constexpr size_t kAll = size_t{1} << 40;
constexpr SearchPlan kScan = {kAll, kAll, 0};
constexpr SearchPlan kWalk = {0, 0, 0};

struct Options {
  std::string snapshot;
  size_t k = 160;
  size_t also = 64;
  size_t calls = 1000;
  double weight = .6;
  bool ladder = false;
  bool planned_only = false;
  bool refresh = false;
  size_t message = 16;
  bool by_id = false;
};

double ThreadUs() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 +
         static_cast<double>(now.tv_nsec) * 1e-3;
}

// What the restored index takes, by the system's account and by its own.
void PrintMemory(const IndexState& state) {
  malloc_trim(0);
  double resident = 0;
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("RssAnon:", 0) == 0) {
      resident = std::strtod(line.c_str() + 8, nullptr) * 1024;
    }
  }
  const IndexState::Figures figures = state.figures();
  const auto per_member = [&](double bytes) {
    return bytes / static_cast<double>(figures.members);
  };
  std::printf("members %zu; bytes a member: %.0f resident, %.0f counted",
              figures.members, per_member(resident),
              per_member(static_cast<double>(figures.bytes)));
  for (size_t role = 1; role < figures.roles.size(); ++role) {
    std::printf(
        ", role %zu %.0f", role,
        per_member(static_cast<double>(figures.roles[role].bytes.sum())));
  }
  std::printf("\n");
}

class Replay {
 public:
  Replay(const Options& options, const IndexView& view)
      : options_(options), view_(view) {
    std::vector<uint32_t> subjects;
    for (uint32_t i = 0; i < view.members.size(); ++i) {
      if (view.members[i] == nullptr) continue;
      for (const search::FacetRow& facet : view.member(i).facets()) {
        if (facet.role == v1::ROLE_BUSINESS) subjects.push_back(i);
      }
    }
    std::mt19937 random(7);
    const auto any = [&] {
      return std::string(
          view.member(subjects[random() % subjects.size()]).id());
    };
    for (size_t i = 0; i < std::min<size_t>(options.calls, 1000); ++i) {
      Retrieval& asked = asked_.emplace_back();
      asked.subject_id = any();
      asked.subject_role = v1::ROLE_BUSINESS;
      asked.roles = {v1::ROLE_BUSINESS, v1::ROLE_SUPPLIER, v1::ROLE_ENTERPRISE};
      asked.weight = options.weight;
      asked.k = options.k;
      for (size_t j = 0; j < options.also; ++j) {
        asked.also_score_ids.push_back(any());
      }
    }
  }

  void Run() {
    if (options_.refresh) return Refresh();
    Time("planned", {});
    if (options_.planned_only) return;
    Time("scanned", kScan);
    Time("walked", kWalk);
    if (options_.ladder) Ladder();
  }

 private:
  void Time(const char* name, const SearchPlan& plan) {
    constexpr size_t kSample = 100;
    double recall = 0;
    for (size_t i = 0; i < std::min(kSample, asked_.size()); ++i) {
      Retrieval asked = asked_[i];
      asked.also_score_ids.clear();
      const auto exact = search::Retrieve(view_, asked, kScan);
      const auto found = search::Retrieve(view_, asked, plan);
      if (!exact.ok() || !found.ok()) continue;
      const auto& all = exact->candidates;
      size_t met = 0;
      for (const auto& c : found->candidates) {
        met += c.score >= all.back().score;
      }
      recall += static_cast<double>(std::min(met, all.size())) /
                static_cast<double>(all.size() * kSample);
    }
    std::vector<double> us;
    for (int round = 0; round < 5; ++round) {
      const double begin = ThreadUs();
      for (size_t i = 0; i < options_.calls; ++i) {
        (void)search::Retrieve(view_, asked_[i % asked_.size()], plan);
      }
      us.push_back((ThreadUs() - begin) / static_cast<double>(options_.calls));
    }
    std::sort(us.begin(), us.end());
    std::printf("%s: %.1f us, recall@%zu %.4f\n", name, us[2], options_.k,
                recall);
    std::fflush(stdout);
  }

  // As refresh/member_order.h does, by the vectors instead of the words.
  void SortByTrade(std::vector<std::string>& ids) const {
    const RoleView& role = view_.roles[v1::ROLE_BUSINESS];
    std::vector<std::tuple<uint16_t, size_t, std::string>> keyed;
    for (std::string& id : ids) {
      const uint32_t row = view_.member(view_.FindMember(id)).facets()[0].row;
      const auto* codes =
          reinterpret_cast<const char*>(role.partitions.rows.codes(row));
      const size_t words =
          std::hash<std::string_view>()({codes, role.partitions.rows.width()});
      keyed.emplace_back(role.columns.attributes[row].sectors[0], words,
                         std::move(id));
    }
    std::sort(keyed.begin(), keyed.end());
    for (size_t i = 0; i < ids.size(); ++i) ids[i] = std::get<2>(keyed[i]);
  }

  // What the two lists of everybody cost, each kind by itself.
  void Refresh() {
    std::vector<std::string> ids;
    for (uint32_t i = 0; i < view_.members.size(); ++i) {
      if (view_.members[i] == nullptr) continue;
      const auto facets = view_.member(i).facets();
      if (facets.empty() || facets[0].role != v1::ROLE_BUSINESS) continue;
      ids.emplace_back(view_.member(i).id());
    }
    std::sort(ids.begin(), ids.end());
    if (!options_.by_id) SortByTrade(ids);
    ids.resize(std::min(ids.size(), options_.calls));
    std::mt19937 random(7);
    v1::MemberFilter seats;
    seats.set_seats_free(true);
    const auto free = *search::MemberFilter::FromProto(seats, "filter");
    for (const bool mentors : {true, false}) {
      std::vector<Retrieval> asked(ids.size());
      for (size_t i = 0; i < ids.size(); ++i) {
        asked[i].subject_id = ids[i];
        asked[i].subject_role = v1::ROLE_BUSINESS;
        asked[i].roles =
            mentors ? std::vector<int>{v1::ROLE_MENTOR}
                    : std::vector<int>{v1::ROLE_BUSINESS, v1::ROLE_SUPPLIER,
                                       v1::ROLE_ENTERPRISE};
        if (mentors) asked[i].filter = free;
        asked[i].weight = options_.weight;
        asked[i].k = 48;
        for (size_t j = 0; j < 16; ++j) {
          asked[i].also_score_ids.push_back(ids[random() % ids.size()]);
        }
      }
      std::vector<double> us;
      size_t found = 0;
      uint64_t sum = 0;
      for (int round = 0; round < 3; ++round) {
        const double begin = ThreadUs();
        const size_t message = options_.message;
        for (size_t i = 0; i < asked.size(); i += message) {
          const auto answers = search::RetrieveAll(
              view_, absl::MakeConstSpan(asked).subspan(i, message),
              SearchPlan());
          for (const auto& answer : answers) {
            if (!answer.ok()) continue;
            found += answer->candidates.size();
            for (const auto& c : answer->candidates) {
              sum = sum * 31 + c.member * 7 +
                    static_cast<uint64_t>(static_cast<int64_t>(c.score * 1e6F));
            }
          }
        }
        us.push_back((ThreadUs() - begin) / static_cast<double>(asked.size()));
      }
      std::sort(us.begin(), us.end());
      std::printf(
          "%s: %.1f us a list, %zu lists, %.1f candidates, sum %lx\n",
          mentors ? "mentors" : "partners", us[1], asked.size(),
          static_cast<double>(found) / static_cast<double>(3 * asked.size()),
          sum);
      std::fflush(stdout);
    }
  }

  // The graph of businesses alone, on the same questions.
  void Ladder() {
    const RoleView& role = view_.roles[v1::ROLE_BUSINESS];
    if (role.graph == nullptr) return;
    const VectorRows::View& rows = role.partitions.rows;
    std::vector<Query> queries;
    for (const Retrieval& asked : asked_) {
      for (const auto& facet :
           view_.member(view_.FindMember(asked.subject_id)).facets()) {
        if (facet.role != v1::ROLE_BUSINESS) continue;
        queries.emplace_back(rows.dimension(),
                             rows.Read(facet.row, VectorRows::kNeed),
                             rows.Read(facet.row, VectorRows::kOffer),
                             static_cast<float>(options_.weight));
      }
      if (queries.size() == 200) break;
    }
    search::RolePartitions partitions = role.partitions;
    search::RowFilter filter;
    filter.eligible = role.eligible;
    filter.eligible_count = role.eligible_count;
    const auto find = [&](const Query& query, const SearchPlan& plan) {
      return *search::SearchRole(partitions, filter, query, options_.k, plan,
                                 [](uint32_t a, uint32_t b) { return a < b; });
    };
    std::vector<float> least;
    for (const Query& query : queries) {
      least.push_back(find(query, kScan).back().score);
    }
    using Way = HnswPartition::Way;
    std::printf(
        "graph: %zu rows, %zu twins, care %.2f, leans from pivots %zu, "
        "by lists %zu\n",
        role.graph->links().rows().size(), role.graph->links().twins().size(),
        role.graph->care(), role.graph->leans_by(Way::kPivots),
        role.graph->leans_by(Way::kLists));
    for (const Way way : {Way::kLevels, Way::kPivots, Way::kLists}) {
      const auto base = role.graph->Copy();
      const double making = ThreadUs();
      if (!base->Use(way, rows).ok()) continue;
      std::printf("made in %.1f s\n", (ThreadUs() - making) * 1e-6);
      for (const double care : {.1, .2, .3, .45, .6, 1., 1.4, 2., 3.}) {
        const auto graph = base->Copy();
        graph->set_care(care);
        partitions.sealed = graph;
        size_t met = 0;
        for (size_t i = 0; i < queries.size(); ++i) {
          for (const ScoredRow& row : find(queries[i], kWalk)) {
            met += row.score >= least[i];
          }
        }
        std::vector<double> us;
        for (int round = 0; round < 3; ++round) {
          const double begin = ThreadUs();
          for (const Query& query : queries) (void)find(query, kWalk);
          us.push_back((ThreadUs() - begin) /
                       static_cast<double>(queries.size()));
        }
        std::sort(us.begin(), us.end());
        std::printf("care %.2f %s: breadth %zu, %.1f us, recall %.4f\n", care,
                    way == Way::kLists    ? "lists"
                    : way == Way::kPivots ? "pivots"
                                          : "levels",
                    graph->Breadth(options_.k, filter.eligible_count,
                                   queries[0].lean()),
                    us[1],
                    static_cast<double>(met) /
                        static_cast<double>(queries.size() * options_.k));
        std::fflush(stdout);
      }
    }
  }

  const Options options_;
  const IndexView& view_;
  std::vector<Retrieval> asked_;
};

}  // namespace
}  // namespace mitra::bench

int main(int argc, char** argv) {
  mitra::bench::Options options;
  CLI::App app("retrievals from a snapshot of the search service");
  app.add_option("snapshot", options.snapshot)->required();
  app.add_option("--k", options.k);
  app.add_option("--also", options.also);
  app.add_option("--calls", options.calls);
  app.add_option("--weight", options.weight);
  app.add_flag("--ladder", options.ladder);
  app.add_flag("--planned-only", options.planned_only);
  app.add_flag("--refresh", options.refresh);
  app.add_option("--message", options.message, "Questions of one kind");
  app.add_flag("--by-id", options.by_id, "Members in the order of ids");
  CLI11_PARSE(app, argc, argv);
  mitra::search::IndexState state({});
  if (mitra::search::RestoreIndexSnapshot(state, options.snapshot).watermark ==
      0) {
    std::fprintf(stderr, "%s: nothing to restore\n", options.snapshot.c_str());
    return 1;
  }
  mitra::bench::PrintMemory(state);
  const auto view = state.Read();
  mitra::bench::Replay(options, *view).Run();
  return 0;
}
