#include "services/matching/trust/tie_signals.h"

#include <cmath>
#include <set>

#include "gtest/gtest.h"
#include "mitra/v1/evidence.pb.h"
#include "services/matching/graph/tie_graph.h"
#include "services/matching/trust/tie_model.h"

namespace mitra::matching {
namespace {

constexpr int64_t kNow = 1'764'000'000;
constexpr int64_t kYear = 365 * 86'400;

class TieSignalsTest : public ::testing::Test {
 protected:
  void Tie(MemberIndex a, MemberIndex b, double quality = 1,
           int64_t time = kNow - 1) {
    ++key_;
    graph_.Fold({.key = key_,
                 .author = a,
                 .about = b,
                 .kind = v1::EVIDENCE_KIND_RATING,
                 .event_time = time,
                 .quality = quality,
                 .counts = true,
                 .revision = key_});
  }
  TieSignals Read(MemberIndex subject, MemberIndex target) {
    graph_.Publish(kNow, 20);
    const GraphView view = graph_.view();
    PushWorkspace workspace;
    const TrustVector walk = ForwardPush(view, subject, {}, workspace);
    return TieReader(view, subject, &walk).Of(target);
  }
  static float At(const TieSignals& signals, TieSignal signal) {
    return signals[static_cast<size_t>(signal)];
  }

  TieGraph graph_{TieOptions()};
  uint64_t key_ = 0;
};

TEST_F(TieSignalsTest, EachDirectionOfTwoStepsHasItsOwnSignal) {
  Tie(0, 1);
  Tie(1, 9);  // 0 trusts 1, 1 trusts 9
  TieSignals s = Read(0, 9);
  EXPECT_GT(At(s, TieSignal::kThrough), 0);
  EXPECT_EQ(At(s, TieSignal::kCoTrusting), 0);
  EXPECT_EQ(At(s, TieSignal::kCoTrusted), 0);
  EXPECT_EQ(At(s, TieSignal::kBackwards), 0);
  Tie(9, 1);
  s = Read(0, 9);
  EXPECT_GT(At(s, TieSignal::kCoTrusting), 0);
  EXPECT_EQ(At(s, TieSignal::kBackwards), 0);
  Tie(1, 0);
  s = Read(0, 9);
  EXPECT_GT(At(s, TieSignal::kCoTrusted), 0);
  EXPECT_GT(At(s, TieSignal::kBackwards), 0);
}

TEST_F(TieSignalsTest, WhomMyFriendDistrustsGetsANegativeSign) {
  Tie(0, 1);
  Tie(1, 9, 0);
  const TieSignals s = Read(0, 9);
  EXPECT_LT(At(s, TieSignal::kThroughSign), -.1);
  EXPECT_EQ(At(s, TieSignal::kThrough), 0);
  EXPECT_LT(At(s, TieSignal::kMeanIn), 0);
}

TEST_F(TieSignalsTest, ATieBackCounts) {
  Tie(9, 0);
  const TieSignals liked = Read(0, 9);
  EXPECT_GT(At(liked, TieSignal::kReturned), 0);
  EXPECT_EQ(At(liked, TieSignal::kReturnedAny), 1);
  EXPECT_EQ(At(liked, TieSignal::kUnknown), 1);
}

TEST_F(TieSignalsTest, OldPraiseIsLessFreshThanNew) {
  Tie(3, 8, 1, kNow - 3 * kYear);
  Tie(3, 9);
  EXPECT_GT(At(Read(0, 9), TieSignal::kFreshIn),
            At(Read(0, 8), TieSignal::kFreshIn) + 1);
}

TEST_F(TieSignalsTest, EverySignalOfAnybodyIsFinite) {
  Tie(0, 1, .3);
  Tie(1, 2, 0);
  for (MemberIndex target : {1u, 2u, 15u, 400u}) {
    for (const float value : Read(0, target)) EXPECT_TRUE(std::isfinite(value));
    for (const float value : Read(15, target)) {
      EXPECT_TRUE(std::isfinite(value));
    }
  }
}

TEST(TieModelTest, TheShippedModelsFavourWhatTheyShould) {
  const TieModels& models = TieModels::Default();
  EXPECT_TRUE(models.Validate().ok());
  TieSignals near{}, far{};
  near[static_cast<size_t>(TieSignal::kWalk)] = 10;
  EXPECT_GT(models.forms.Chance(near), models.forms.Chance(far));
  near[static_cast<size_t>(TieSignal::kMeanIn)] = .8f;
  far[static_cast<size_t>(TieSignal::kMeanIn)] = -.8f;
  EXPECT_GT(models.goes_well.Chance(near), models.goes_well.Chance(far));
}

TEST(TieModelTest, RefusesWeightsThatMakeNoSense) {
  TieModels models = TieModels::Default();
  models.goes_well[TieSignal::kReturned] = NAN;
  const absl::Status status = models.Validate();
  EXPECT_FALSE(status.ok());
  EXPECT_NE(status.message().find("goes_well.returned"), std::string::npos);
}

TEST(TieModelTest, SignalsHaveNamesOfTheirOwn) {
  std::set<absl::string_view> names;
  for (const absl::string_view name : TieSignalNames()) {
    EXPECT_FALSE(name.empty());
    names.insert(name);
  }
  EXPECT_EQ(names.size(), kTieSignals);
}

}  // namespace
}  // namespace mitra::matching
