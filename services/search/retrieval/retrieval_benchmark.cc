// Measures ingestion, retrieval under filters (processor time) and memory of
// the index in this process, from the feed's changes on.
//
//   mitra-bench-retrieval [FACETS] [DIMENSION] [lowdim|clustered]
//
// Reciprocal vectors of two independent halves, the hardest case.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "mitra/v1/filter.pb.h"
#include "services/search/retrieval/retriever.h"
#include "services/search/testing/feed_builder.h"
#include "services/search/testing/vector_sets.h"

namespace mitra::search {
namespace {

double Seconds(absl::Time since) {
  return absl::ToDoubleSeconds(absl::Now() - since);
}

// Of this thread, so that other programs disturb less.
double ThreadSeconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) +
         static_cast<double>(now.tv_nsec) * 1e-9;
}

int Run(size_t facets, size_t dimension, bool clustered) {
  VectorSet source(dimension, clustered, 1);
  IndexState state({.roles = {.graph_rows = 1000}});
  if (!state.Reset(HeaderFor(dimension)).ok()) return 1;
  const char* regions[] = {"33.72.01", "33.72.02", "33.01.01", "11.01.01"};
  double applying = 0;
  for (size_t i = 0; i < facets; ++i) {
    ChangeBuilder change(absl::StrCat("member-", i), i + 1);
    change.Facet(v1::ROLE_BUSINESS, source.Next(), source.Next());
    v1::Profile& profile = change.profile();
    profile.set_region_code(regions[i % 4]);
    profile.add_sectors()->set_code(i % 3 == 0 ? "10710" : "56101");
    profile.add_languages(i % 100 == 0 ? "jv" : "id");
    profile.set_scale(v1::SCALE_MICRO);
    v1::Offer& offer = *change.facet(0).add_offers();
    offer.set_resource(static_cast<v1::Resource>(1 + i % 10));
    offer.set_text(absl::StrCat("menjual barang nomor ", i % 5000,
                                " dengan harga baik untuk toko"));
    v1::Need& need = *change.facet(0).add_needs();
    need.set_resource(static_cast<v1::Resource>(1 + i % 7));
    need.set_text("mencari pembeli tetap dan bahan baku murah");
    const absl::Time start = absl::Now();
    if (!state.Apply(change.change()).ok()) return 1;
    if (i % 250 == 249 && !state.Commit(i + 1).ok()) return 1;
    applying += Seconds(start);
  }
  if (!state.Commit(facets).ok()) return 1;
  std::printf("facets %zu, d = 2x%zu\n", facets, dimension);
  std::printf("ingest: %.0f facets/s (apply and commit)\n",
              static_cast<double>(facets) / applying);
  absl::Time start = absl::Now();
  Settle(state);
  std::printf("graph: %.2f s, 1 thread\n", Seconds(start));
  const auto figures = state.figures();
  std::printf("memory: %.0f bytes/facet\n",
              static_cast<double>(figures.bytes) / static_cast<double>(facets));

  const auto view = state.Read();
  const SearchPlan scan = {facets, facets, 0};
  const SearchPlan walk = {0, 0, 0};
  const auto measure = [&](const char* name, size_t k, const SearchPlan& plan,
                           const v1::MemberFilter& proto) {
    constexpr int kQueries = 200;
    const MemberFilter filter = *MemberFilter::FromProto(proto, "filter");
    std::vector<double> times;
    double recall = 0;
    for (int i = 0; i < kQueries; ++i) {
      Retrieval retrieval;
      retrieval.need = source.Next();
      retrieval.offer = source.Next();
      retrieval.weight = 0.5;
      retrieval.k = k;
      retrieval.roles = {v1::ROLE_BUSINESS};
      retrieval.filter = filter;
      const double begin = ThreadSeconds();
      const auto found = Retrieve(*view, retrieval, plan);
      times.push_back((ThreadSeconds() - begin) * 1e6);
      if (!found.ok()) return;
      if (i >= 50) continue;
      std::set<uint32_t> hits;
      for (const Candidate& c : found->candidates) hits.insert(c.member);
      const auto exact = Retrieve(*view, retrieval, scan);
      size_t common = 0;
      for (const Candidate& c : exact->candidates) {
        common += hits.count(c.member);
      }
      recall +=
          static_cast<double>(common) /
          static_cast<double>(std::max<size_t>(exact->candidates.size(), 1)) /
          50;
    }
    std::sort(times.begin(), times.end());
    std::printf("%-22s k %4zu: p50 %7.0f us, p99 %7.0f us, recall %.4f\n", name,
                k, times[kQueries / 2], times[kQueries * 99 / 100], recall);
  };
  for (size_t k : {10, 100, 400}) {
    measure("planned", k, {}, {});
    measure("scan", k, scan, {});
    if (figures.roles[v1::ROLE_BUSINESS].graph > 0) {
      measure("walk", k, walk, {});
    }
    v1::MemberFilter one_percent;
    one_percent.add_languages("jv");
    measure("filter 1 %", k, {}, one_percent);
    v1::MemberFilter quarter;
    quarter.add_region_codes("33.72.01");
    measure("filter 25 %", k, {}, quarter);
    v1::MemberFilter three_quarters;
    three_quarters.add_region_codes("33");
    measure("filter 75 %", k, {}, three_quarters);
  }
  return 0;
}

}  // namespace
}  // namespace mitra::search

int main(int argc, char** argv) {
  const long facets = argc > 1 ? std::atol(argv[1]) : 100000;
  const long dimension = argc > 2 ? std::atol(argv[2]) : 128;
  if (facets <= 0 || dimension <= 0) {
    std::fprintf(stderr,
                 "usage: mitra-bench-retrieval [FACETS] [DIMENSION] [DATA]\n");
    return 2;
  }
  return mitra::search::Run(static_cast<size_t>(facets),
                            static_cast<size_t>(dimension),
                            argc > 3 && std::string(argv[3]) == "clustered");
}
