// An index with a bit of everything, and what it answers, for tests of what
// becomes of it on disk.

#ifndef MITRA_SERVICES_SEARCH_TESTING_SAMPLE_INDEX_H_
#define MITRA_SERVICES_SEARCH_TESTING_SAMPLE_INDEX_H_

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "mitra/v1/filter.pb.h"
#include "services/search/index/index_state.h"
#include "services/search/retrieval/retriever.h"
#include "services/search/retrieval/text_search.h"
#include "services/search/testing/feed_builder.h"

namespace mitra::search {

// Small roles get graphs, too.
inline IndexState::Options SampleOptions() {
  return {.roles = {.graph_rows = 100, .delta_rows = 50}};
}

// Writes members p0 … and deletes some, revision by revision: the same calls
// make the same index.
class SampleIndex {
 public:
  static constexpr size_t kDimension = 16;

  explicit SampleIndex(uint32_t seed) : vectors_(kDimension, seed) {}

  uint64_t revision() const { return revision_; }
  // Goes on after what an index has seen.
  void set_revision(uint64_t revision) { revision_ = revision; }

  void Put(IndexState& state, int member) {
    ChangeBuilder change(absl::StrCat("p", member), ++revision_);
    change.Facet(v1::ROLE_MENTOR, vectors_.Next(), vectors_.Next());
    if (member % 3 == 0) {
      change.Facet(v1::ROLE_BUSINESS, vectors_.Next(), {});
    }
    v1::Offer& offer = *change.facet(0).add_offers();
    offer.set_resource(v1::RESOURCE_CAPITAL);
    offer.mutable_money()->set_currency_code("IDR");
    offer.mutable_money()->set_units(1000 * member);
    change.profile().set_region_code("33.72.01");
    change.profile().add_languages("id");
    change.profile().set_hidden(member % 11 == 0);
    MITRA_ASSERT_OK(state.Apply(change.change()));
  }
  void Delete(IndexState& state, int member) {
    MITRA_ASSERT_OK(
        state.Apply(DeletionOf(absl::StrCat("p", member), ++revision_)));
  }
  void Commit(IndexState& state) { MITRA_ASSERT_OK(state.Commit(revision_)); }

  // Members p0 … with two roles for some, after deletions and updates, with a
  // graph and rows outside it.
  void Fill(IndexState& state, int members) {
    MITRA_ASSERT_OK(state.Reset(HeaderFor(kDimension)));
    for (int i = 0; i < members; ++i) Put(state, i);
    Commit(state);
    Settle(state);
    for (int i = 0; i < members; i += 7) Put(state, i);
    for (int i = 0; i < members; i += 13) Delete(state, i);
    Commit(state);
  }

 private:
  UnitVectors vectors_;
  uint64_t revision_ = 0;
};

// What a few questions are answered, as text. Exact, so that it depends on what
// is in the index only.
inline std::string AnswersOf(const IndexState& state) {
  constexpr size_t kAll = 1000000;
  const auto view = state.Read();
  UnitVectors vectors(SampleIndex::kDimension, 99);
  std::string answers = absl::StrCat("members ", view->live_members, "\n");
  v1::MemberFilter filter;
  filter.add_region_codes("33.72");
  filter.add_languages("id");
  auto& amount = *filter.add_offer_amounts();
  amount.set_resource(v1::RESOURCE_CAPITAL);
  amount.set_currency_code("IDR");
  amount.set_min(20000);
  for (int i = 0; i < 5; ++i) {
    Retrieval retrieval;
    retrieval.need = vectors.Next();
    retrieval.offer = vectors.Next();
    retrieval.k = 40;
    retrieval.roles = {v1::ROLE_MENTOR, v1::ROLE_BUSINESS};
    if (i > 2) retrieval.filter = *MemberFilter::FromProto(filter, "filter");
    const auto retrieved = Retrieve(*view, retrieval, {kAll, kAll, kAll});
    EXPECT_TRUE(retrieved.ok()) << retrieved.status();
    if (!retrieved.ok()) return "";
    for (const Candidate& c : retrieved->candidates) {
      absl::StrAppend(&answers, view->member(c.member).id(), " ", c.role, " ",
                      c.score, "\n");
    }
  }
  TextSearch search;
  search.text = "name of p17";
  search.roles = {v1::ROLE_MENTOR};
  const auto hits = SearchText(*view, search, {});
  EXPECT_TRUE(hits.ok());
  for (size_t i = 0; hits.ok() && i < std::min<size_t>(hits->size(), 3); ++i) {
    absl::StrAppend(&answers, view->member((*hits)[i].member).id(), "\n");
  }
  return answers;
}

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_TESTING_SAMPLE_INDEX_H_
