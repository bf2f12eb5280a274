#include "services/search/partition/partition.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/search/partition/flat_partition.h"
#include "services/search/partition/hnsw_partition.h"
#include "services/search/partition/role_search.h"
#include "services/search/partition/row_scanner.h"
#include "services/search/partition/walk_calibration.h"
#include "services/search/testing/vector_sets.h"

namespace mitra::search {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

using Vector = std::vector<float>;

// Clustered unit vectors, like those of texts.
class VectorSource {
 public:
  VectorSource(size_t dimension, size_t clusters, uint32_t seed)
      : dimension_(dimension), random_(seed) {
    for (size_t c = 0; c < clusters; ++c) centres_.push_back(Noise());
  }
  Vector Next() {
    Vector v = centres_[random_() % centres_.size()];
    const Vector noise = Noise();
    for (size_t i = 0; i < dimension_; ++i) v[i] += noise[i];
    return Unit(v);
  }
  static Vector Unit(Vector v) {
    float norm = 0;
    for (float x : v) norm += x * x;
    for (float& x : v) x /= std::sqrt(norm);
    return v;
  }

 private:
  Vector Noise() {
    Vector v(dimension_);
    for (float& x : v) x = normal_(random_);
    return Unit(v);
  }
  const size_t dimension_;
  std::mt19937 random_;
  std::normal_distribution<float> normal_{0, 1};
  std::vector<Vector> centres_;
};

// A role with rows 0 to n−1, all of which may be found.
struct TestRole {
  TestRole(size_t n, size_t dimension, uint32_t seed, size_t clusters = 50)
      : source(dimension, clusters, seed), vectors(dimension) {
    auto all = std::make_shared<Roaring>();
    for (uint32_t row = 0; row < n; ++row) {
      vectors.Set(row, source.Next(), source.Next());
      bits.Grow(row / RowBits::kRows + 1);
      bits.Mutable(row / RowBits::kRows).set(row % RowBits::kRows, true);
      all->add(row);
    }
    parts.outside = all;
    Publish(n);
  }
  void Publish(size_t live) {
    parts.rows = vectors.view();
    filter.eligible = bits.Freeze();
    filter.eligible_count = live;
  }
  void Kill(uint32_t row) {
    bits.Mutable(row / RowBits::kRows).set(row % RowBits::kRows, false);
    auto rest = std::make_shared<Roaring>(*parts.outside);
    rest->remove(row);
    parts.outside = rest;
    Publish(filter.eligible_count - 1);
  }
  void Seal() {
    std::vector<uint32_t> rows(parts.outside->cardinality());
    parts.outside->toUint32Array(rows.data());
    auto graph = HnswPartition::Build(parts.rows, rows, nullptr, {});
    ASSERT_TRUE(graph.ok()) << graph.status();
    parts.sealed = *std::move(graph);
    parts.outside = std::make_shared<Roaring>();
  }
  Query Ask(float weight) {
    const Vector need = source.Next();
    const Vector offer = source.Next();
    return Query(vectors.view().dimension(), need, offer, weight);
  }

  VectorSource source;
  VectorRows vectors;
  RowBitsVector bits;
  RolePartitions parts;
  RowFilter filter;
};

bool ByRow(uint32_t a, uint32_t b) { return a < b; }

std::vector<uint32_t> BruteForce(const TestRole& role, const Query& query,
                                 size_t k) {
  std::vector<ScoredRow> all;
  for (uint32_t row = 0; row < role.filter.eligible.size() * RowBits::kRows;
       ++row) {
    if (role.filter.Passes(row)) {
      all.push_back(query.Score(role.parts.rows, row));
    }
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.score != b.score ? a.score > b.score : a.row < b.row;
  });
  std::vector<uint32_t> rows;
  for (size_t i = 0; i < std::min(k, all.size()); ++i) {
    rows.push_back(all[i].row);
  }
  return rows;
}

std::vector<uint32_t> Rows(const std::vector<ScoredRow>& scored) {
  std::vector<uint32_t> rows;
  for (const ScoredRow& s : scored) rows.push_back(s.row);
  return rows;
}

double Recall(const std::vector<uint32_t>& found,
              const std::vector<uint32_t>& want) {
  const std::set<uint32_t> have(found.begin(), found.end());
  size_t hits = 0;
  for (uint32_t row : want) hits += have.count(row);
  return want.empty() ? 1 : static_cast<double>(hits) / want.size();
}

SearchPlan AlwaysWalk() { return {0, 0, 0}; }

TEST(FlatPartitionTest, EqualsBruteForceAtAnySizeAndWeight) {
  for (size_t n : {0, 1, 3, 9, 40, 1023, 1024, 1025, 5000}) {
    TestRole role(n, 24, 11);
    for (float weight : {0.0F, 0.3F, 1.0F}) {
      const Query query = role.Ask(weight);
      for (size_t k : {1, 10, 400}) {
        MITRA_ASSERT_OK_AND_ASSIGN(
            const auto found,
            SearchRole(role.parts, role.filter, query, k, {}, ByRow));
        ASSERT_EQ(Rows(found), BruteForce(role, query, k))
            << n << " rows, weight " << weight << ", k " << k;
      }
    }
  }
}

TEST(QueryTest, AsksOnlyTheSidesThatCount) {
  VectorSource source(64, 5, 21);
  const Vector x = source.Next();
  const Vector y = source.Next();
  const auto part = [](const Query::Part& one) {
    return std::make_pair(one.begin, one.size);
  };
  const auto pair = [](size_t begin, size_t size) {
    return std::make_pair(begin, size);
  };
  EXPECT_EQ(part(Query(64, x, y, 1).asked()), pair(0, 64));
  EXPECT_EQ(part(Query(64, x, {}, 0.5F).asked()), pair(0, 64));
  EXPECT_EQ(part(Query(64, {}, y, 0.5F).asked()), pair(64, 64));
  EXPECT_EQ(part(Query(64, {}, y, 0.5F).second()), pair(0, 0));
  const Query both(64, x, y, 0.3F);
  EXPECT_EQ(part(both.asked()), pair(0, 128));
  EXPECT_EQ(part(both.first()), pair(64, 64));
  EXPECT_EQ(part(both.second()), pair(0, 64));
}

TEST(RowScannerTest, LeavesOutOnlyWhatIsBelowTheFloor) {
  TestRole role(3000, 64, 13);
  std::vector<uint32_t> rows;
  for (uint32_t row = 1; row < 3000; row += 7) rows.push_back(row);
  for (float weight : {0.0F, 0.05F, 0.3F, 0.5F, 0.8F, 0.99F, 1.0F}) {
    const Query query = role.Ask(weight);
    const auto scan = [&](float floor) {
      std::vector<std::pair<uint32_t, float>> found;
      RowScanner(role.parts.rows, query)
          .Scan(
              rows, [&] { return floor; },
              [&](uint32_t row, float estimate) {
                found.emplace_back(row, estimate);
              });
      return found;
    };
    const auto all = scan(-std::numeric_limits<float>::infinity());
    ASSERT_EQ(all.size(), rows.size());
    for (float floor : {-1.0F, 0.0F, 0.2F, 0.4F, 0.6F, 2.0F}) {
      const auto some = scan(floor);
      std::vector<std::pair<uint32_t, float>> expected, reached;
      for (const auto& one : all) {
        if (one.second >= floor) expected.push_back(one);
      }
      for (const auto& one : some) {
        if (one.second >= floor) reached.push_back(one);
      }
      EXPECT_EQ(reached, expected) << weight << ", " << floor;
      // What cannot reach it at all is not looked at on both sides.
      if (floor == 2.0F && query.second().size > 0) {
        EXPECT_TRUE(some.empty());
      }
    }
  }
}

TEST(RowScannerTest, FindsWhomOnlyTheSideReadLastBringsAboveTheFloor) {
  constexpr size_t kSide = 64;
  VectorSource source(kSide, 5, 31);
  const Vector need = source.Next();
  const Vector offer = source.Next();
  Vector opposite = need;
  for (float& x : opposite) x = -x;
  Vector across(kSide);  // at a right angle to what is needed
  across[0] = need[1];
  across[1] = -need[0];
  VectorRows vectors(kSide);
  std::vector<uint32_t> rows;
  for (uint32_t row = 0; row < 600; ++row) {
    // All but one are far off by the side that decides more.
    vectors.Set(row, row == 500 ? VectorSource::Unit(across) : opposite, offer);
    rows.push_back(row);
  }
  const Query query(kSide, need, offer, 0.6F);
  ASSERT_EQ(query.second().begin, kSide);
  std::vector<uint32_t> found;
  RowScanner(vectors.view(), query)
      .Scan(
          rows, [] { return 0.39F; },  // 0.6·0 + 0.4·1 is above
          [&](uint32_t row, float) { found.push_back(row); });
  EXPECT_THAT(found, ElementsAre(500));
}

TEST(FlatPartitionTest, KeepsEqualScoresInTotalOrder) {
  TestRole role(3000, 16, 12);
  const Vector same = role.source.Next();
  for (uint32_t row = 500; row < 2500; ++row) role.vectors.Set(row, same, same);
  role.Publish(3000);
  const Query query(16, same, same, 0.5F);

  MITRA_ASSERT_OK_AND_ASSIGN(
      const auto found,
      SearchRole(role.parts, role.filter, query, 20, {},
                 [](uint32_t a, uint32_t b) { return a > b; }));

  std::vector<uint32_t> want;
  for (uint32_t row = 2499; row > 2479; --row) want.push_back(row);
  EXPECT_EQ(Rows(found), want);
  EXPECT_NEAR(found[0].score, 1, 6e-4);
}

TEST(FlatPartitionTest, FiltersAndExclusionsEqualBruteForce) {
  TestRole role(4000, 32, 13);
  std::mt19937 random(4);
  for (size_t matches : {0, 3, 60, 700, 3999}) {
    auto rows = std::make_shared<Roaring>();
    while (rows->cardinality() < matches) {
      rows->add(static_cast<uint32_t>(random() % 4000));
    }
    role.filter.matches = rows;
    role.filter.excluded.clear();
    if (matches > 3) role.filter.excluded = {rows->minimum(), rows->maximum()};
    const Query query = role.Ask(0.6F);

    MITRA_ASSERT_OK_AND_ASSIGN(
        const auto found,
        SearchRole(role.parts, role.filter, query, 20, {}, ByRow));

    EXPECT_EQ(Rows(found), BruteForce(role, query, 20)) << matches;
  }
}

TEST(FlatPartitionTest, HolesAmongTheRowsAreNeverAnswered) {
  // Few holes, which are scanned over, and many, which are not.
  for (const uint32_t every : {2U, 50U}) {
    TestRole role(2500, 24, 17);
    for (uint32_t row = 0; row < 2500; row += every) role.Kill(row);
    const Query query = role.Ask(0.4F);

    MITRA_ASSERT_OK_AND_ASSIGN(
        const auto found,
        SearchRole(role.parts, role.filter, query, 60, {}, ByRow));

    EXPECT_EQ(Rows(found), BruteForce(role, query, 60)) << every;
  }
}

TEST(FlatPartitionTest, WithALeastScoreAllThatReachItAreFound) {
  TestRole role(6000, 24, 18);
  const Query query = role.Ask(0.6F);
  MITRA_ASSERT_OK_AND_ASSIGN(const auto all, SearchRole(role.parts, role.filter,
                                                        query, 50, {}, ByRow));
  const float least = all[20].score;

  MITRA_ASSERT_OK_AND_ASSIGN(
      const auto found,
      SearchRole(role.parts, role.filter, query, 50, {}, ByRow, least));

  ASSERT_GE(found.size(), 21U);
  for (size_t i = 0; i <= 20; ++i) EXPECT_EQ(found[i].row, all[i].row);
}

TEST(FlatPartitionTest, MissingSidesCountAsZero) {
  VectorRows vectors(4);
  const Vector x = {1, 0, 0, 0};
  vectors.Set(0, x, {});
  vectors.Set(1, {}, x);
  vectors.Set(2, {}, {});
  const Query query(4, x, x, 0.75F);

  const ScoredRow offers = query.Score(vectors.view(), 0);
  const ScoredRow needs = query.Score(vectors.view(), 1);
  const ScoredRow nothing = query.Score(vectors.view(), 2);

  EXPECT_FLOAT_EQ(offers.score, 0.75F);
  EXPECT_FLOAT_EQ(needs.score, 0.25F);
  EXPECT_EQ(nothing.score, 0);
}

TEST(HnswPartitionTest, FindsNearlyWhatBruteForceFindsAtEveryWeight) {
  TestRole role(12000, 32, 14, 200);
  role.Seal();
  for (float weight : {0.0F, 0.5F, 0.8F, 1.0F}) {
    double recall = 0;
    for (int i = 0; i < 30; ++i) {
      const Query query = role.Ask(weight);
      MITRA_ASSERT_OK_AND_ASSIGN(
          const auto found,
          SearchRole(role.parts, role.filter, query, 50, AlwaysWalk(), ByRow));
      ASSERT_EQ(found.size(), 50U);
      recall += Recall(Rows(found), BruteForce(role, query, 50)) / 30;
    }
    EXPECT_GE(recall, 0.95) << "weight " << weight;
  }
}

TEST(HnswPartitionTest, DeadNeighboursDoNotShortenTheAnswer) {
  TestRole role(2000, 16, 15);
  role.Seal();
  const Query query = role.Ask(0.5F);
  for (uint32_t row : BruteForce(role, query, 1000)) role.Kill(row);

  MITRA_ASSERT_OK_AND_ASSIGN(
      const auto found,
      SearchRole(role.parts, role.filter, query, 50, AlwaysWalk(), ByRow));

  EXPECT_EQ(found.size(), 50U);
  EXPECT_GE(Recall(Rows(found), BruteForce(role, query, 50)), 0.9);
}

TEST(HnswPartitionTest, FilteredWalkWidensUntilItHasEnough) {
  TestRole role(5000, 16, 16);
  role.Seal();
  const Query query = role.Ask(0.5F);
  // The 60 rows farthest from the query.
  const std::vector<uint32_t> order = BruteForce(role, query, 5000);
  auto far = std::make_shared<Roaring>();
  for (size_t i = 4940; i < 5000; ++i) far->add(order[i]);
  role.filter.matches = far;

  MITRA_ASSERT_OK_AND_ASSIGN(
      const auto walked,
      SearchRole(role.parts, role.filter, query, 20, AlwaysWalk(), ByRow));
  MITRA_ASSERT_OK_AND_ASSIGN(
      const auto planned,
      SearchRole(role.parts, role.filter, query, 20, {}, ByRow));

  EXPECT_EQ(walked.size(), 20U);
  EXPECT_THAT(Rows(planned), testing::ElementsAreArray(order.begin() + 4940,
                                                       order.begin() + 4960));
}

TEST(HnswPartitionTest, ExtendingAGraphFindsOldAndNewRows) {
  TestRole role(6000, 16, 17);
  std::vector<uint32_t> first, second;
  for (uint32_t row = 0; row < 6000; ++row) {
    (row % 3 == 0 ? second : first).push_back(row);
  }
  MITRA_ASSERT_OK_AND_ASSIGN(
      auto base, HnswPartition::Build(role.parts.rows, first, nullptr, {}));
  MITRA_ASSERT_OK_AND_ASSIGN(
      auto whole,
      HnswPartition::Build(role.parts.rows, second, base.get(), {}));
  EXPECT_EQ(base->size(), 4000U);
  EXPECT_EQ(whole->size(), 6000U);
  role.parts.sealed = std::move(whole);
  role.parts.outside = std::make_shared<Roaring>();

  double recall = 0;
  for (int i = 0; i < 20; ++i) {
    const Query query = role.Ask(0.5F);
    MITRA_ASSERT_OK_AND_ASSIGN(
        const auto found,
        SearchRole(role.parts, role.filter, query, 50, AlwaysWalk(), ByRow));
    recall += Recall(Rows(found), BruteForce(role, query, 50)) / 20;
  }
  EXPECT_GE(recall, 0.95);
}

// 2,000 members who wrote the same words, twice over.
TEST(HnswPartitionTest, HerdsOfEqualRowsAreFoundWhole) {
  TestRole role(3000, 16, 21);
  const Vector need = role.source.Next();
  const Vector offer = role.source.Next();
  for (uint32_t row = 500; row < 2500; ++row) {
    role.vectors.Set(row, offer, need);
  }
  role.Publish(3000);
  std::vector<uint32_t> first, second;
  for (uint32_t row = 0; row < 3000; ++row) {
    (row % 2 == 0 ? first : second).push_back(row);
  }
  MITRA_ASSERT_OK_AND_ASSIGN(
      auto base, HnswPartition::Build(role.parts.rows, first, nullptr, {}));
  MITRA_ASSERT_OK_AND_ASSIGN(
      auto graph,
      HnswPartition::Build(role.parts.rows, second, base.get(), {}));
  EXPECT_EQ(graph->size(), 3000U);
  EXPECT_EQ(graph->links().rows().size(), 1001U);
  role.parts.sealed = std::move(graph);
  role.parts.outside = std::make_shared<Roaring>();
  // The one that stands in the graph for the others is gone; they are not.
  role.Kill(500);

  const Query query(16, offer, need, 0.5F);
  MITRA_ASSERT_OK_AND_ASSIGN(
      const auto found,
      SearchRole(role.parts, role.filter, query, 1999, AlwaysWalk(), ByRow));
  std::vector<uint32_t> herd;
  for (uint32_t row = 501; row < 2500; ++row) herd.push_back(row);
  EXPECT_EQ(Rows(found), herd);

  MITRA_ASSERT_OK_AND_ASSIGN(
      const auto few,
      SearchRole(role.parts, role.filter, query, 10, AlwaysWalk(), ByRow));
  EXPECT_EQ(Rows(few), std::vector<uint32_t>(herd.begin(), herd.begin() + 10));
}

// Of a herd only the first in the order of equals can be answered, and nothing
// else is lost by that: some say nearly the same, some are dead, some hidden.
TEST(HnswPartitionTest, OfAHerdTheFirstInOrderAreAnswered) {
  TestRole role(3000, 16, 23);
  const Vector need = role.source.Next();
  const Vector offer = role.source.Next();
  for (uint32_t row = 500; row < 2500; ++row) {
    Vector nearly = offer;
    if (row % 7 == 0) nearly[row % 16] += 1e-4F * static_cast<float>(row % 5);
    role.vectors.Set(row, nearly, need);
  }
  role.Publish(3000);
  role.Seal();
  const auto* graph = dynamic_cast<const HnswPartition*>(&*role.parts.sealed);
  ASSERT_LT(graph->links().rows().size(), 1600U);
  const auto later = [](uint32_t a, uint32_t b) { return a > b; };

  const auto check = [&](float weight) {
    const Query query(16, offer, need, weight);
    for (const size_t k : {10U, 300U, 1500U}) {
      std::vector<ScoredRow> all;
      for (uint32_t row = 0; row < 3000; ++row) {
        if (!role.filter.Passes(row)) continue;
        all.push_back(query.Score(role.parts.rows, row));
      }
      std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
        return a.score != b.score ? a.score > b.score : a.row > b.row;
      });
      all.resize(k);
      MITRA_ASSERT_OK_AND_ASSIGN(
          const auto found,
          SearchRole(role.parts, role.filter, query, k, AlwaysWalk(), later,
                     -std::numeric_limits<float>::infinity(),
                     /*lasting=*/true));
      EXPECT_EQ(Rows(found), Rows(all)) << "k " << k;
      for (size_t i = 0; i < found.size(); ++i) {
        ASSERT_EQ(found[i].give, all[i].give);
        ASSERT_EQ(found[i].take, all[i].take);
      }
    }
  };
  check(.5F);
  EXPECT_GT(graph->bytes(), graph->links().bytes());
  for (const uint32_t row : {500U, 2499U, 2498U, 1400U, 1407U}) role.Kill(row);
  check(.5F);
  check(.3F);
}

TEST(QueryTest, LeansToTheSideThatDecides) {
  const Vector x = {1, 0, 0, 0};
  EXPECT_EQ(Query(4, x, x, 0.6F).lean(), Lean::kBoth);
  EXPECT_EQ(Query(4, x, x, 0.05F).lean(), Lean::kTake);
  EXPECT_EQ(Query(4, x, x, 1).lean(), Lean::kGive);
  EXPECT_EQ(Query(4, {}, x, 0.6F).lean(), Lean::kTake);
  EXPECT_EQ(Query(4, x, {}, 0.4F).lean(), Lean::kGive);
  EXPECT_EQ(Query(4, {}, {}, 0.5F).lean(), Lean::kBoth);
}

TEST(WalkCalibrationTest, EachLeanHasItsOwnCare) {
  TestRole role(5000, 16, 23);
  std::vector<uint32_t> rows;
  for (uint32_t row = 0; row < 5000; ++row) rows.push_back(row);
  MITRA_ASSERT_OK_AND_ASSIGN(
      auto graph, HnswPartition::Build(role.parts.rows, rows, nullptr, {}));
  std::vector<Query> sample;
  for (int i = 0; i < 10; ++i) sample.push_back(role.Ask(0.5F));
  graph->set_care(7);

  CalibrateCare(*graph, role.parts.rows, sample, {.top100 = 0, .top10 = 0},
                nullptr);

  EXPECT_LT(graph->care(Lean::kBoth), 1);
  // Nobody asked for one side: what is enough for both must do.
  EXPECT_EQ(graph->care(Lean::kGive), graph->care(Lean::kBoth));

  graph->set_care(Lean::kGive, 2);
  EXPECT_GT(graph->Breadth(10, 5000, Lean::kGive),
            graph->Breadth(10, 5000, Lean::kTake));
  MITRA_ASSERT_OK(
      graph->Use(Lean::kGive, HnswPartition::Way::kPivots, role.parts.rows));
  EXPECT_EQ(graph->way(Lean::kGive), HnswPartition::Way::kPivots);
  EXPECT_EQ(graph->way(Lean::kBoth), HnswPartition::Way::kLevels);
}

TEST(WalkCalibrationTest, QuestionsTuneTheirOwnLeanOnly) {
  TestRole role(5000, 16, 24);
  std::vector<uint32_t> rows;
  for (uint32_t row = 0; row < 5000; ++row) rows.push_back(row);
  MITRA_ASSERT_OK_AND_ASSIGN(
      const auto graph,
      HnswPartition::Build(role.parts.rows, rows, nullptr, {}));
  graph->set_care(7);
  const auto copy = graph->Copy();
  std::vector<Query> asked;
  for (int i = 0; i < 30; ++i) asked.push_back(role.Ask(0.5F));
  for (int i = 0; i < 5; ++i) asked.push_back(role.Ask(1));

  EXPECT_TRUE(TuneCare(*copy, role.parts.rows, asked, {}, nullptr));
  EXPECT_LT(copy->care(Lean::kBoth), 7);
  EXPECT_EQ(copy->care(Lean::kGive), 7);  // too few asked so
  EXPECT_EQ(graph->care(Lean::kBoth), 7);
  asked.resize(10, role.Ask(1));
  EXPECT_FALSE(TuneCare(*copy, role.parts.rows, asked, {}, nullptr));
}

TEST(WalkCalibrationTest, WhoOnlyGivesIsASubjectToo) {
  VectorSet set(16, false, 6);
  VectorRows vectors(16);
  std::vector<uint32_t> rows;
  for (uint32_t row = 0; row < 200; ++row) {
    vectors.Set(row, set.Next(), {});
    rows.push_back(row);
  }
  MITRA_ASSERT_OK_AND_ASSIGN(
      const auto graph,
      HnswPartition::Build(vectors.view(), rows, nullptr, {}));
  const auto sample = SampleQueries(*graph, vectors.view(), 9);
  EXPECT_TRUE(std::any_of(sample.begin(), sample.end(), [](const Query& query) {
    return query.lean() == Lean::kGive;
  }));
}

TEST(WalkCalibrationTest, TakesTheLeastCareThatReachesTheGoal) {
  TestRole role(5000, 16, 22);
  std::vector<uint32_t> rows;
  for (uint32_t row = 0; row < 5000; ++row) rows.push_back(row);
  MITRA_ASSERT_OK_AND_ASSIGN(
      auto graph, HnswPartition::Build(role.parts.rows, rows, nullptr, {}));
  const auto sample = SampleQueries(*graph, role.parts.rows, 20);
  ASSERT_EQ(sample.size(), 20U);

  CalibrateCare(*graph, role.parts.rows, sample, {.top100 = 0, .top10 = 0},
                nullptr);
  const double careless = graph->care();
  CalibrateCare(*graph, role.parts.rows, sample, {.top100 = .98, .top10 = .99},
                nullptr);
  const double careful = graph->care();
  CalibrateCare(*graph, role.parts.rows, sample, {.top100 = 2, .top10 = 2},
                nullptr);
  EXPECT_LE(careless, careful);
  EXPECT_LT(careful, graph->care());

  graph->set_care(.77);
  const std::atomic<bool> stop{true};
  CalibrateCare(*graph, role.parts.rows, sample, {}, &stop);
  EXPECT_EQ(graph->care(), .77);
}

TEST(HnswPartitionTest, PivotsFindClustersThatTheUpperLevelsMiss) {
  // Many clusters with nothing between them.
  VectorSet set(32, true, 5);
  VectorRows vectors(16);
  std::vector<uint32_t> rows;
  auto all = std::make_shared<Roaring>();
  for (uint32_t row = 0; row < 20000; ++row) {
    const Vector v = set.Next();
    vectors.Set(row, {v.data(), 16}, {v.data() + 16, 16});
    rows.push_back(row);
    all->add(row);
  }
  RolePartitions parts;
  parts.rows = vectors.view();
  parts.outside = std::make_shared<Roaring>();
  RowFilter filter;
  filter.matches = all;
  MITRA_ASSERT_OK_AND_ASSIGN(
      const std::shared_ptr<HnswPartition> graph,
      HnswPartition::Build(parts.rows, rows, nullptr,
                           {.links = 8, .build_breadth = 16}));
  graph->set_care(0.1);
  parts.sealed = graph;
  const auto recall = [&] {
    VectorSet asked(32, true, 5);
    for (int i = 0; i < 30000; ++i) asked.Next();
    double sum = 0;
    for (int i = 0; i < 100; ++i) {
      const Vector v = asked.Next();
      const Query query(16, {v.data(), 16}, {v.data() + 16, 16}, 0.5F);
      const auto found =
          SearchRole(parts, filter, query, 10, AlwaysWalk(), ByRow);
      const auto exact =
          SearchRole(parts, filter, query, 10, {1000000, 1000000, 0}, ByRow);
      EXPECT_TRUE(found.ok() && exact.ok());
      if (found.ok() && exact.ok()) sum += Recall(Rows(*found), Rows(*exact));
    }
    return sum / 100;
  };
  const double without = recall();
  MITRA_ASSERT_OK(graph->Use(HnswPartition::Way::kPivots, parts.rows));
  const double with = recall();
  EXPECT_LT(without, 0.97);
  // Of what was missed, at most 60 % are missed still.
  EXPECT_LT(1 - with, 0.6 * (1 - without));
}

TEST(HnswPartitionTest, PartsRoundTripAndDamageIsRefused) {
  TestRole role(800, 16, 18);
  role.Seal();
  const auto& graph = static_cast<const HnswPartition&>(*role.parts.sealed);
  const Query query = role.Ask(0.5F);
  MITRA_ASSERT_OK_AND_ASSIGN(
      const auto before,
      SearchRole(role.parts, role.filter, query, 20, AlwaysWalk(), ByRow));

  MITRA_ASSERT_OK_AND_ASSIGN(auto copy,
                             HnswLinks::FromParts(graph.links().ToParts()));
  role.parts.sealed = std::make_shared<HnswPartition>(std::move(copy));
  MITRA_ASSERT_OK_AND_ASSIGN(
      const auto after,
      SearchRole(role.parts, role.filter, query, 20, AlwaysWalk(), ByRow));
  EXPECT_EQ(Rows(before), Rows(after));

  const auto& good = static_cast<const HnswPartition&>(*role.parts.sealed);
  for (const auto& damage : std::vector<std::function<void(HnswParts&)>>{
           [](auto& p) { p.levels.pop_back(); },
           [](auto& p) { p.levels[3] = 0; },
           [](auto& p) { p.levels[3] = 1000; },
           [](auto& p) { p.neighbours[5] = 800; },
           [](auto& p) { p.neighbours[5] = -7; },
           [](auto& p) { p.neighbours.pop_back(); },
           [](auto& p) { p.entry_point = 800; },
           [](auto& p) { p.entry_point = -1; },
           [](auto& p) { p.max_level += 1; },
           [](auto& p) { p.links = 100000; },
           [](auto& p) { p.rows.push_back(9); },
           [](auto& p) { p.twins.push_back(9); },
           [](auto& p) { p.twins = {9}, p.twin_of = {800}; },
           [](auto& p) { p.twins = {9}, p.twin_of = {-1}; },
           [](auto& p) {
             p.twins = {9, 10}, p.twin_of = {5, 4};
           },
       }) {
    HnswParts parts = good.links().ToParts();
    damage(parts);
    EXPECT_THAT(HnswLinks::FromParts(parts),
                StatusIs(absl::StatusCode::kDataLoss));
  }
}

TEST(HnswPartitionTest, StopsABuildWhenAsked) {
  TestRole role(100, 16, 19);
  const std::atomic<bool> stop{true};
  std::vector<uint32_t> rows = {1, 2, 3};

  EXPECT_THAT(
      HnswPartition::Build(role.parts.rows, rows, nullptr, {.stop = &stop}),
      StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace mitra::search
