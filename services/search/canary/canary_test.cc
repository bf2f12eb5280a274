#include "services/search/canary/canary.h"

#include <atomic>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "services/search/index/index_state.h"
#include "services/search/testing/feed_builder.h"

namespace mitra::search {
namespace {

constexpr size_t kDimension = 16;

class CanaryTest : public testing::Test {
 protected:
  CanaryTest() : state_(IndexState::Options()), vectors_(kDimension, 5) {
    MITRA_EXPECT_OK(state_.Reset(HeaderFor(kDimension)));
    for (int i = 0; i < 500; ++i) {
      MITRA_EXPECT_OK(state_.Apply(
          ChangeBuilder(absl::StrCat("p", i), 1 + i)
              .Facet(v1::ROLE_MENTOR, vectors_.Next(), vectors_.Next())
              .change()));
    }
    MITRA_EXPECT_OK(state_.Commit(500));
  }
  // Asks once and tells the canary, after `spoil` has changed the answer.
  template <typename Spoil>
  void Ask(Canary& canary, Spoil spoil) {
    Retrieval asked;
    asked.need = vectors_.Next();
    asked.roles = {v1::ROLE_MENTOR};
    asked.k = 20;
    const auto view = state_.Read();
    auto answered = Retrieve(*view, asked, {});
    ASSERT_TRUE(answered.ok());
    spoil(answered->candidates);
    canary.Offer(view.shared(), asked, *answered);
  }

  IndexState state_;
  UnitVectors vectors_;
};

TEST_F(CanaryTest, RightAnswersHaveFullRecall) {
  Canary canary({.one_in = 1});
  for (int i = 0; i < 10; ++i) {
    Ask(canary, [](auto&) {});
    canary.Drain();
  }
  const auto figures = canary.figures(v1::ROLE_MENTOR);
  EXPECT_EQ(figures.samples, 10U);
  EXPECT_EQ(figures.recall, 1);
  EXPECT_EQ(figures.worst_recall, 1);
  EXPECT_EQ(figures.fill, 1);
  EXPECT_EQ(canary.figures(v1::ROLE_BUSINESS).samples, 0U);
}

TEST_F(CanaryTest, LostAndMissingCandidatesShow) {
  Canary canary({.one_in = 1});
  // The best five gave way to strangers.
  Ask(canary, [](auto& candidates) {
    for (int i = 0; i < 5; ++i) candidates[i].score = -1;
  });
  canary.Drain();
  EXPECT_DOUBLE_EQ(canary.figures(v1::ROLE_MENTOR).recall, 0.75);
  EXPECT_EQ(canary.figures(v1::ROLE_MENTOR).fill, 1);
  // The last ten were not there.
  Ask(canary, [](auto& candidates) { candidates.resize(10); });
  canary.Drain();
  EXPECT_DOUBLE_EQ(canary.figures(v1::ROLE_MENTOR).recall, (0.75 + 0.5) / 2);
  EXPECT_DOUBLE_EQ(canary.figures(v1::ROLE_MENTOR).worst_recall, 0.5);
  EXPECT_DOUBLE_EQ(canary.figures(v1::ROLE_MENTOR).fill, 0.75);
}

TEST_F(CanaryTest, TakesOneOfManyAndDropsWhatComesTooFast) {
  Canary canary({.one_in = 5});
  for (int i = 0; i < 100; ++i) Ask(canary, [](auto&) {});
  canary.Drain();
  const auto figures = canary.figures(v1::ROLE_MENTOR);
  EXPECT_EQ(figures.samples + canary.dropped(), 20U);
  EXPECT_GT(figures.samples, 0U);
  EXPECT_GT(canary.dropped(), 0U);

  Canary eager({.one_in = 5, .first_one_in = 1});
  for (int i = 0; i < 200; ++i) {
    Ask(eager, [](auto&) {});
    eager.Drain();
  }
  // Each of the first, then one of five.
  const uint64_t samples = eager.figures(v1::ROLE_MENTOR).samples;
  EXPECT_GE(samples, Canary::kFirst + (200 - Canary::kFirst) / 5 - 1);
  EXPECT_LE(samples, Canary::kFirst + (200 - Canary::kFirst) / 5 + 1);

  Canary off({.one_in = 0});
  Ask(off, [](auto&) {});
  off.Drain();
  EXPECT_EQ(off.figures(v1::ROLE_MENTOR).samples, 0U);
}

TEST_F(CanaryTest, HearsAllWhoAskInTurn) {
  Canary canary({.one_in = 5});
  // Ten subjects ask one after the other, and again: each fifth question would
  // be of two of them.
  const auto view = state_.Read();
  std::vector<Retrieval> subjects(10);
  for (Retrieval& asked : subjects) {
    asked.need = vectors_.Next();
    asked.roles = {v1::ROLE_MENTOR};
    asked.k = 20;
  }
  for (int i = 0; i < 500; ++i) {
    const Retrieval& asked = subjects[static_cast<size_t>(i % 10)];
    canary.Offer(view.shared(), asked, *Retrieve(*view, asked, {}));
    canary.Drain();
  }
  std::set<std::vector<int8_t>> heard;
  const auto questions = canary.questions(v1::ROLE_MENTOR);
  EXPECT_EQ(questions.count, 100U);
  for (const Query& query : questions.latest) {
    heard.emplace(query.codes(), query.codes() + query.width());
  }
  EXPECT_EQ(heard.size(), 10U);
}

TEST_F(CanaryTest, QuestionsTuneTheWalksOfAGraph) {
  IndexState state({.roles = {.graph_rows = 100}});
  MITRA_ASSERT_OK(state.Reset(HeaderFor(kDimension)));
  for (int i = 0; i < 500; ++i) {
    MITRA_ASSERT_OK(state.Apply(
        ChangeBuilder(absl::StrCat("p", i), 1 + static_cast<uint64_t>(i))
            .Facet(v1::ROLE_MENTOR, vectors_.Next(), vectors_.Next())
            .change()));
  }
  MITRA_ASSERT_OK(state.Commit(500));
  const std::atomic<bool> stop{false};
  while (state.Maintain(stop)) {
  }
  Canary canary({.one_in = 1});
  const auto tune = [&] {
    const auto asked = canary.questions(v1::ROLE_MENTOR);
    return state.Tune(v1::ROLE_MENTOR, asked.latest, asked.count, stop);
  };
  const auto tuned = [&] {
    return state.figures().roles[v1::ROLE_MENTOR].tuned;
  };
  for (int i = 0; i < 63; ++i) {
    Ask(canary, [](auto&) {});
    canary.Drain();
  }
  EXPECT_FALSE(tune());  // too few
  EXPECT_FALSE(tuned());
  Ask(canary, [](auto&) {});
  canary.Drain();
  EXPECT_TRUE(tune());
  EXPECT_TRUE(tuned());
  EXPECT_FALSE(tune());  // lately done
  EXPECT_EQ(canary.questions(v1::ROLE_MENTOR).count, 64U);
  // Another role has neither questions nor a graph.
  EXPECT_EQ(canary.questions(v1::ROLE_BUSINESS).count, 0U);
  EXPECT_FALSE(state.Tune(v1::ROLE_BUSINESS, {}, 1000, stop));

  for (int i = 0; i < 600; ++i) {
    Ask(canary, [](auto&) {});
    canary.Drain();
  }
  EXPECT_EQ(canary.questions(v1::ROLE_MENTOR).latest.size(),
            Canary::kQuestions);
  EXPECT_TRUE(tune());
}

TEST_F(CanaryTest, AsksByItselfOnceStarted) {
  Canary canary({.one_in = 1});
  canary.Start();
  Ask(canary, [](auto&) {});
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  while (canary.figures(v1::ROLE_MENTOR).samples == 0 &&
         absl::Now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_EQ(canary.figures(v1::ROLE_MENTOR).samples, 1U);
  canary.Stop();
}

}  // namespace
}  // namespace mitra::search
