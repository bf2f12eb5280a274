// Random operations on the index of search against a plain model of what it
// should hold.

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "mitra/v1/filter.pb.h"
#include "services/search/snapshot/index_snapshot.h"
#include "services/search/testing/sample_index.h"
#include "tests/support/campaign.h"
#include "tests/support/temp_dir.h"

namespace mitra::search {
namespace {

constexpr size_t kDimension = SampleIndex::kDimension;
constexpr int kIds = 400;
constexpr v1::Role kPlayed[] = {v1::ROLE_MENTOR, v1::ROLE_BUSINESS};
// Scores are of values of 12 bits.
constexpr double kNear = 1e-3;

struct Facet {
  std::vector<float> offer, need;
};
struct Life {
  bool alive = false;
  uint64_t incarnation = 0;
  bool hidden = false;
  bool verified = false;
  int language = 0;
  int64_t money = -1;
  std::map<int, Facet> facets;  // by role
};

class ModelTest : public ::testing::Test {
 protected:
  ModelTest()
      : random_(mitra::testing::CampaignSeed()), vectors_(kDimension, 1) {
    path_ = folder_.File("index");
    NewState();
    MITRA_EXPECT_OK(state_->Reset(HeaderFor(kDimension)));
    committed_ = model_;
  }

  uint64_t Below(uint64_t end) { return random_() % end; }
  void NewState() {
    state_ = std::make_unique<IndexState>(IndexState::Options{
        .roles = {.graph_rows = 120, .delta_rows = 30, .dead_share = 0.2},
        // Most of the time went into it.
        .calibration_rows = 9});
  }
  static std::string Id(uint64_t n) { return absl::StrCat("p", n); }

  v1::Change ChangeOf(const std::string& id, const Life& life,
                      uint64_t revision) {
    ChangeBuilder change(id, revision, life.incarnation);
    for (const auto& [role, facet] : life.facets) {
      change.Facet(static_cast<v1::Role>(role), facet.offer, facet.need);
    }
    for (v1::Facet& facet : *change.profile().mutable_facets()) {
      if (life.money < 0) continue;
      v1::Need& need = *facet.add_needs();
      need.set_resource(v1::RESOURCE_CAPITAL);
      need.mutable_money()->set_currency_code("IDR");
      need.mutable_money()->set_units(life.money);
    }
    change.profile().set_hidden(life.hidden);
    change.profile().add_languages(life.language == 0 ? "id" : "jv");
    if (life.verified) change.profile().set_verified_by("x");
    return change.change();
  }

  void Apply(const v1::Change& change) {
    MITRA_ASSERT_OK(state_->Apply(change));
    last_ = change;
  }

  Facet NewFacet() {
    // Some vectors are everybody's, and some sides are missing.
    if (Below(12) == 0) return {common_, common_};
    Facet facet{vectors_.Next(), vectors_.Next()};
    if (Below(10) == 0) facet.need.clear();
    if (Below(20) == 0) facet.offer.clear();
    return facet;
  }

  void Upsert() {
    const std::string id = Id(Below(kIds));
    Life& life = model_[id];
    if (!life.alive) {
      life = {};
      life.alive = true;
      life.incarnation = revision_ + 1;
    }
    const bool all = life.facets.empty() || Below(3) == 0;
    for (v1::Role role : kPlayed) {
      if (!all && Below(2) == 0) continue;
      if (Below(4) == 0) {
        life.facets.erase(role);
      } else {
        life.facets[role] = NewFacet();
      }
    }
    Attributes(life);
    Apply(ChangeOf(id, life, ++revision_));
  }
  void Attributes(Life& life) {
    life.hidden = Below(12) == 0;
    life.verified = Below(3) == 0;
    life.language = static_cast<int>(Below(2));
    life.money = Below(2) == 0 ? -1 : static_cast<int64_t>(Below(1000));
  }
  void ChangeAttributes() {
    const std::string id = Id(Below(kIds));
    Life& life = model_[id];
    if (!life.alive) return;
    Attributes(life);
    Apply(ChangeOf(id, life, ++revision_));
  }
  void Delete() {
    const std::string id = Id(Below(kIds));
    Life& life = model_[id];
    const uint64_t incarnation = life.incarnation;
    life.alive = false;
    Apply(DeletionOf(id, ++revision_, incarnation));
  }
  void Repeat() {
    if (!last_.has_value()) return;
    MITRA_ASSERT_OK(state_->Apply(*last_));
  }
  void Commit() {
    MITRA_ASSERT_OK(state_->Commit(revision_));
    committed_ = model_;
  }
  void Restart() {
    Commit();
    MITRA_ASSERT_OK(WriteIndexSnapshot(*state_, path_));
    NewState();
    ASSERT_EQ(RestoreIndexSnapshot(*state_, path_).watermark, revision_);
    MITRA_ASSERT_OK(state_->SetHeader(HeaderFor(kDimension)));
  }

  // What the model says of one facet; nothing if it may not be answered.
  static double Dot(const std::vector<float>& a, const std::vector<float>& b) {
    double sum = 0;
    for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
      sum += double{a[i]} * double{b[i]};
    }
    return sum;
  }

  void Search() {
    Retrieval asked;
    asked.need = vectors_.Next();
    if (Below(2) == 0) asked.offer = vectors_.Next();
    asked.weight = static_cast<double>(Below(11)) / 10;
    asked.k = 1 + Below(Below(4) == 0 ? 600 : 20);
    asked.roles = {kPlayed[Below(2)]};
    if (Below(3) == 0) asked.roles = {kPlayed[0], kPlayed[1]};
    v1::MemberFilter filter;
    const auto parts = Below(16);
    if (parts & 1) filter.add_languages("jv");
    if (parts & 2) filter.set_verified(true);
    int64_t least = 0;
    if (parts & 4) {
      auto& amount = *filter.add_need_amounts();
      amount.set_resource(v1::RESOURCE_CAPITAL);
      amount.set_currency_code("IDR");
      least = static_cast<int64_t>(Below(1000));
      amount.set_min(static_cast<double>(least));
    }
    if (parts & 8) filter.add_none_of()->add_languages("id");
    MITRA_ASSERT_OK_AND_ASSIGN(asked.filter,
                               MemberFilter::FromProto(filter, "filter"));

    std::map<std::string, double> want;  // best score by member
    uint64_t eligible = 0;
    for (const auto& [id, life] : committed_) {
      if (!life.alive || life.hidden) continue;
      if ((parts & 9) != 0 && life.language != 1) continue;
      if ((parts & 2) != 0 && !life.verified) continue;
      if ((parts & 4) != 0 && life.money < least) continue;
      for (int role : asked.roles) {
        const auto facet = life.facets.find(role);
        if (facet == life.facets.end()) continue;
        ++eligible;
        const double score =
            asked.weight * Dot(asked.need, facet->second.offer) +
            (1 - asked.weight) * Dot(asked.offer, facet->second.need);
        const auto [at, fresh] = want.try_emplace(id, score);
        if (!fresh) at->second = std::max(at->second, score);
      }
    }
    const bool walk = Below(3) == 0;
    const auto view = state_->Read();
    MITRA_ASSERT_OK_AND_ASSIGN(
        const Retrieved found,
        Retrieve(*view, asked, walk ? SearchPlan{0, 0, 0} : SearchPlan()));

    ASSERT_EQ(found.eligible, eligible);
    // A walk for facets of several roles may bring a member's weaker one.
    const bool exact = !walk;
    const size_t count = std::min<size_t>(asked.k, want.size());
    if (exact || asked.roles.size() == 1) {
      ASSERT_EQ(found.candidates.size(), count);
    }
    std::set<std::string> seen;
    double last = 2;
    for (const Candidate& c : found.candidates) {
      const std::string id(view->member(c.member).id());
      ASSERT_TRUE(seen.insert(id).second) << id << " came twice";
      const auto expected = want.find(id);
      ASSERT_NE(expected, want.end()) << id << " may not be answered";
      ASSERT_LE(c.score, last);
      last = double{c.score};
      ASSERT_LE(c.score, expected->second + kNear);
      if (!exact) continue;
      ASSERT_NEAR(c.score, expected->second, kNear);
    }
    if (!exact || count == 0) return;
    std::vector<double> scores;
    for (const auto& [id, score] : want) scores.push_back(score);
    std::nth_element(scores.begin(),
                     scores.begin() + static_cast<ptrdiff_t>(count - 1),
                     scores.end(), std::greater<>());
    ASSERT_NEAR(last, scores[count - 1], kNear);
  }

  std::mt19937_64 random_;
  UnitVectors vectors_;
  mitra::testing::TempDir folder_;
  std::string path_;
  std::unique_ptr<IndexState> state_;
  const std::vector<float> common_ = vectors_.Next();
  std::map<std::string, Life> model_;
  std::map<std::string, Life> committed_;
  uint64_t revision_ = 0;
  std::optional<v1::Change> last_;
};

TEST_F(ModelTest, RandomOperationsAgreeWithThePlainModel) {
  const uint64_t operations = mitra::testing::CampaignCases(15000);
  const std::atomic<bool> stop{false};
  std::map<std::string, uint64_t> done;
  for (uint64_t n = 0; n < operations && !HasFatalFailure(); ++n) {
    SCOPED_TRACE(absl::StrCat("operation ", n));
    const uint64_t dice = Below(1000);
    if (dice < 430) {
      ++done["upserts"];
      Upsert();
    } else if (dice < 520) {
      ++done["attribute changes"];
      ChangeAttributes();
    } else if (dice < 620) {
      ++done["deletions"];
      Delete();
    } else if (dice < 660) {
      ++done["repetitions"];
      Repeat();
    } else if (dice < 780) {
      ++done["commits"];
      Commit();
    } else if (dice < 985) {
      ++done["searches"];
      Search();
    } else if (dice < 999) {
      ++done["maintenance"];
      state_->Maintain(stop);
    } else if (Below(10) == 0) {
      ++done["restarts"];
      Restart();
    }
  }
  for (const auto& [what, count] : done) {
    std::printf("model: %llu %s\n", static_cast<unsigned long long>(count),
                what.c_str());
  }
  EXPECT_GT(state_->figures().roles[v1::ROLE_MENTOR].graph, 0U);
}

}  // namespace
}  // namespace mitra::search
