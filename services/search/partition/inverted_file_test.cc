#include "services/search/partition/inverted_file.h"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <set>
#include <vector>

#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/search/partition/hnsw_partition.h"
#include "services/search/partition/role_search.h"
#include "services/search/partition/row_clusters.h"
#include "services/search/partition/walk_calibration.h"
#include "services/search/testing/vector_sets.h"

namespace mitra::search {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;
using Way = HnswPartition::Way;

constexpr size_t kSide = 16;
constexpr SearchPlan kWalk = {0, 0, 0};
constexpr SearchPlan kScan = {1000000, 1000000, 0};

bool ByRow(uint32_t a, uint32_t b) { return a < b; }

Query Ask(const std::vector<float>& v) {
  return Query(kSide, {v.data(), kSide}, {v.data() + kSide, kSide}, 0.5F);
}

// Clusters with nothing between them, in a graph too poor to find them all.
class ClustersTest : public testing::Test {
 protected:
  explicit ClustersTest(size_t size = 20000) : vectors_(kSide) {
    for (uint32_t row = 0; row < size; ++row) Add(set_.Next());
    parts_.outside = std::make_shared<Roaring>();
    graph_ = Build(rows_, nullptr);
  }

  uint32_t Add(const std::vector<float>& v) {
    const auto row = static_cast<uint32_t>(rows_.size());
    vectors_.Set(row, {v.data(), kSide}, {v.data() + kSide, kSide});
    rows_.push_back(row);
    matches_->add(row);
    parts_.rows = vectors_.view();
    return row;
  }
  std::shared_ptr<HnswPartition> Build(absl::Span<const uint32_t> rows,
                                       const HnswPartition* base) {
    auto graph = HnswPartition::Build(parts_.rows, rows, base,
                                      {.links = 4, .build_breadth = 8});
    EXPECT_TRUE(graph.ok()) << graph.status();
    (*graph)->set_care(0.1);
    return *std::move(graph);
  }

  std::vector<uint32_t> Find(const Query& query, size_t k,
                             const SearchPlan& plan) {
    RowFilter filter;
    filter.matches = matches_;
    parts_.sealed = graph_;
    const auto found = SearchRole(parts_, filter, query, k, plan, ByRow);
    EXPECT_TRUE(found.ok()) << found.status();
    std::vector<uint32_t> rows;
    for (const ScoredRow& row : *found) rows.push_back(row.row);
    return rows;
  }
  double Recall() {
    constexpr int kQuestions = 60;
    size_t common = 0;
    for (int i = 0; i < kQuestions; ++i) {
      const Query query = Ask(set_.Next());
      const std::vector<uint32_t> exact = Find(query, 10, kScan);
      const std::set<uint32_t> want(exact.begin(), exact.end());
      for (uint32_t row : Find(query, 10, kWalk)) common += want.count(row);
    }
    return static_cast<double>(common) / (10 * kQuestions);
  }

  VectorSet set_{2 * kSide, /*isolated=*/true, 5};
  VectorRows vectors_;
  std::vector<uint32_t> rows_;
  std::shared_ptr<Roaring> matches_ = std::make_shared<Roaring>();
  RolePartitions parts_;
  std::shared_ptr<HnswPartition> graph_;
};

TEST(InvertedFileTest, RowsOfTheNearestListsComeFirst) {
  VectorRows vectors(2);
  const std::vector<float> east = {1, 0};
  const std::vector<float> north = {0, 1};
  vectors.Set(0, east, north);
  vectors.Set(1, north, east);
  vectors.Set(2, east, north);
  vectors.Set(3, north, {});
  const std::vector<float> centroids = {1, 0, 0, 1, 0, 1, 1, 0};
  const std::vector<uint32_t> rows = {0, 1, 2};

  const InvertedFile file(centroids, rows, vectors.view());
  EXPECT_EQ(file.lists(), 2U);
  EXPECT_EQ(file.size(), 3U);
  std::vector<uint32_t> found;
  // Who needs what the east offers.
  file.Nearest(Query(2, east, {}, 1), 1, found);
  EXPECT_THAT(found, ElementsAre(0, 2));
  file.Nearest(Query(2, east, {}, 1), 3, found);
  EXPECT_THAT(found, ElementsAre(0, 2, 1));
  file.Nearest(Query(2, north, {}, 1), 1, found);
  EXPECT_THAT(found, ElementsAre(1));

  const std::vector<uint32_t> more = {3};
  const InvertedFile extended(file, more, vectors.view());
  extended.Nearest(Query(2, north, {}, 1), 1, found);
  EXPECT_THAT(found, UnorderedElementsAre(1, 3));
  extended.Nearest(Query(2, north, {}, 1), 100, found);
  EXPECT_THAT(found, UnorderedElementsAre(0, 1, 2, 3));
  EXPECT_EQ(extended.trained_size(), 3U);
}

TEST(InvertedFileTest, EmptyListsAreNoneTheLess) {
  VectorRows vectors(2);
  const std::vector<float> east = {1, 0};
  const std::vector<float> north = {0, 1};
  vectors.Set(0, north, north);
  const std::vector<float> centroids = {1, 0, 1, 0, 0, 1, 0, 1};
  const std::vector<uint32_t> rows = {0};

  const InvertedFile file(centroids, rows, vectors.view());
  std::vector<uint32_t> found;
  file.Nearest(Query(2, east, east, .5F), 1, found);
  EXPECT_THAT(found, ElementsAre(0));
}

TEST_F(ClustersTest, ListsFindWhatWalksMiss) {
  const double walked = Recall();
  MITRA_ASSERT_OK(graph_->Use(Way::kLists, parts_.rows));
  const double listed = Recall();
  EXPECT_LT(walked, 0.9);
  EXPECT_GT(listed, 0.98);
}

TEST_F(ClustersTest, CalibrationTakesListsWhereWalksFail) {
  std::vector<Query> sample;
  for (int i = 0; i < 20; ++i) sample.push_back(Ask(set_.Next()));
  CalibrateCare(*graph_, parts_.rows, sample, {.top100 = .99, .top10 = .995},
                nullptr);
  EXPECT_EQ(graph_->way(Lean::kBoth), Way::kLists);
  EXPECT_GT(Recall(), 0.98);

  CalibrateCare(*graph_, parts_.rows, sample, {.top100 = .1, .top10 = .1},
                nullptr);
  EXPECT_NE(graph_->way(Lean::kBoth), Way::kLists);
}

TEST_F(ClustersTest, ListsHoldTwinsAndKnowTheFilter) {
  const std::vector<float> v = set_.Next();
  for (int i = 0; i < 40; ++i) Add(v);
  graph_ = Build(rows_, nullptr);
  MITRA_ASSERT_OK(graph_->Use(Way::kLists, parts_.rows));

  EXPECT_EQ(Find(Ask(v), 30, kWalk), Find(Ask(v), 30, kScan));
  matches_ = std::make_shared<Roaring>(*matches_);
  for (uint32_t row = 20000; row < 20020; ++row) matches_->remove(row);
  const std::vector<uint32_t> found = Find(Ask(v), 20, kWalk);
  EXPECT_EQ(found, Find(Ask(v), 20, kScan));
  EXPECT_EQ(found.front(), 20020U);
}

TEST_F(ClustersTest, MergedRowsJoinTheLists) {
  MITRA_ASSERT_OK(graph_->Use(Way::kLists, parts_.rows));
  std::vector<uint32_t> more;
  std::vector<std::vector<float>> asked;
  for (int i = 0; i < 50; ++i) {
    asked.push_back(set_.Next());
    more.push_back(Add(asked.back()));
  }
  graph_ = Build(more, graph_.get());

  EXPECT_EQ(graph_->leans_by(Way::kLists), kLeans);
  for (size_t i = 0; i < asked.size(); ++i) {
    EXPECT_THAT(Find(Ask(asked[i]), 1, kWalk), ElementsAre(more[i]));
  }
}

TEST_F(ClustersTest, ClustersAreTheSameForTheSameRowsAndCanBeStopped) {
  MITRA_ASSERT_OK_AND_ASSIGN(const auto one,
                             ClusterRows(parts_.rows, rows_, nullptr));
  MITRA_ASSERT_OK_AND_ASSIGN(const auto two,
                             ClusterRows(parts_.rows, rows_, nullptr));
  EXPECT_EQ(one, two);
  EXPECT_EQ(one.size() % (2 * kSide), 0U);

  const std::atomic<bool> stop{true};
  EXPECT_THAT(ClusterRows(parts_.rows, rows_, &stop),
              StatusIs(absl::StatusCode::kCancelled));
  // A stopped one leaves the way as it was.
  EXPECT_FALSE(graph_->Use(Lean::kBoth, Way::kLists, parts_.rows, &stop).ok());
  EXPECT_EQ(graph_->way(Lean::kBoth), Way::kLevels);
  MITRA_ASSERT_OK_AND_ASSIGN(
      const auto few,
      ClusterRows(parts_.rows, absl::MakeConstSpan(rows_).subspan(0, 1),
                  nullptr));
  EXPECT_EQ(few.size(), 2 * kSide);
}

}  // namespace
}  // namespace mitra::search
