// Search and matching agree on who accepts whom: what search leaves out by the
// rules of both sides is what matching would refuse, no more and no less.

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/status/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mitra/v1/retrieval_service.pb.h"
#include "services/matching/members/eligibility.h"
#include "services/matching/members/testing.h"
#include "services/search/retrieval/retriever.h"
#include "services/search/testing/feed_builder.h"

namespace mitra {
namespace {

constexpr size_t kDimension = 16;
constexpr v1::Role kRoles[] = {v1::ROLE_MENTOR, v1::ROLE_BUSINESS,
                               v1::ROLE_SUPPLIER};
constexpr const char* kRegions[] = {"33.72.01", "33.72.01.1001", "33.72",
                                    "33",       "32.73.01",      "12.71.02"};
constexpr const char* kSectors[] = {"10710", "1071", "56101", "56", "01111"};
constexpr const char* kEveryWord[] = {"",         "33",   "33.72",
                                      "33.72.01", "12.7", "32.73"};

// Both services' view of one random network.
class AcceptanceTest : public ::testing::TestWithParam<int> {
 protected:
  AcceptanceTest()
      : random_(static_cast<uint64_t>(GetParam())), vectors_(kDimension, 1) {
    MITRA_EXPECT_OK(index_.Reset(search::HeaderFor(kDimension)));
  }

  template <typename Values>
  auto Any(const Values& values) {
    return values[random_.Below(std::size(values))];
  }

  v1::AcceptanceRules RandomRules() {
    v1::AcceptanceRules rules;
    if (random_.Chance(kStated)) rules.add_roles(Any(kRoles));
    if (random_.Chance(kStated)) {
      rules.add_scales(v1::SCALE_MICRO);
      rules.add_scales(v1::SCALE_SMALL);
    }
    // One place in four is unknown.
    while (random_.Chance(kStated)) rules.add_region_codes(Any(kEveryWord));
    while (random_.Chance(kStated)) rules.add_sector_codes(Any(kSectors));
    if (random_.Chance(kStated)) rules.add_norms(v1::NORM_KIND_HALAL);
    return rules;
  }

  void Add(const std::string& id) {
    search::ChangeBuilder change(id, ++revision_);
    for (const v1::Role role : kRoles) {
      // Who stands in no role is in no row of search, which then passes the
      // rules over.
      const bool none = change.profile().facets().empty();
      if (!(role == v1::ROLE_SUPPLIER && none) && !random_.Chance(.6)) continue;
      change.Facet(role, vectors_.Next(), vectors_.Next());
      v1::Facet& facet = change.facet(change.profile().facets_size() - 1);
      facet.mutable_seats()->set_total(3);
      *facet.mutable_acceptance() = RandomRules();
    }
    v1::Profile& profile = change.profile();
    if (random_.Chance(.9)) profile.set_region_code(Any(kRegions));
    profile.set_scale(static_cast<v1::Scale>(random_.Below(4)));
    while (random_.Chance(.5)) profile.add_sectors()->set_code(Any(kSectors));
    if (random_.Chance(.5)) {
      v1::Norm& norm = *profile.add_norms();
      norm.set_kind(v1::NORM_KIND_HALAL);
      norm.set_expired(random_.Chance(.3));
    }
    MITRA_ASSERT_OK(index_.Apply(change.change()));
    matching::Put(members_, profile, revision_);
    ids_.push_back(id);
  }

  std::set<std::string> Found(const std::string& subject, v1::Role role) {
    search::Retrieval retrieval;
    retrieval.subject_id = subject;
    retrieval.roles = {role};
    retrieval.k = 1000;
    const auto view = index_.Read();
    const auto found = search::Retrieve(*view, retrieval, {});
    EXPECT_TRUE(found.ok()) << found.status();
    std::set<std::string> ids;
    for (const search::Candidate& one : found->candidates) {
      ids.emplace(view->member(one.member).id());
    }
    EXPECT_EQ(found->eligible, ids.size());
    return ids;
  }

  std::set<std::string> Eligible(const std::string& subject, v1::Role role) {
    const matching::MemberView view = members_.view();
    const matching::EligibilityCheck check(view, view.Find(subject), 0);
    std::set<std::string> ids;
    for (const std::string& id : ids_) {
      if (check(view.Find(id), role) == matching::Eligibility::kEligible) {
        ids.insert(id);
      }
    }
    return ids;
  }

  static constexpr double kStated = .25;
  Random random_;
  search::UnitVectors vectors_;
  search::IndexState index_{search::IndexState::Options()};
  matching::MemberTable members_;
  std::vector<std::string> ids_;
  uint64_t revision_ = 0;
};

TEST_P(AcceptanceTest, SearchLeavesOutExactlyWhomMatchingWouldRefuse) {
  for (int i = 0; i < 150; ++i) Add(absl::StrCat("m", i));
  MITRA_ASSERT_OK(index_.Commit(revision_));
  members_.Publish();
  size_t found = 0;
  for (const std::string& id : ids_) {
    for (const v1::Role role : kRoles) {
      const std::set<std::string> expected = Eligible(id, role);
      ASSERT_EQ(Found(id, role), expected) << id << " role " << role;
      found += expected.size();
    }
  }
  EXPECT_GT(found, ids_.size()) << "the rules refuse everybody";
}

INSTANTIATE_TEST_SUITE_P(Networks, AcceptanceTest, ::testing::Range(1, 6));

}  // namespace
}  // namespace mitra
