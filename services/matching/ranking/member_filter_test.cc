#include "services/matching/ranking/member_filter.h"

#include "common/status/status_matchers.h"
#include "gtest/gtest.h"
#include "mitra/v1/filter.pb.h"
#include "services/matching/members/testing.h"

namespace mitra::matching {
namespace {

class MemberFilterTest : public testing::Test {
 protected:
  MemberFilterTest() {
    profile_ = AProfile("sari");
    v1::Offer* offer = profile_.mutable_facets(0)->add_offers();
    offer->set_offer_id("o1");
    offer->set_resource(v1::RESOURCE_KNOWLEDGE);
    profile_.add_languages("jv");
  }
  bool Accepts() {
    const OwnedMember member =
        MakeMember(profile_, {.incarnation = 1, .revision = 1});
    return CompiledFilter(filter_).Accepts(*member, member->facets[0]);
  }

  v1::Profile profile_;
  v1::MemberFilter filter_;
};

TEST_F(MemberFilterTest, AcceptsEverybodyWhenEmpty) { EXPECT_TRUE(Accepts()); }

TEST_F(MemberFilterTest, RegionsAndSectorsHoldByPrefix) {
  filter_.add_region_codes("33");
  filter_.add_sector_codes("10");
  EXPECT_TRUE(Accepts());
  filter_.clear_region_codes();
  filter_.add_region_codes("32");
  EXPECT_FALSE(Accepts());
}

TEST_F(MemberFilterTest, EveryFieldMustHold) {
  filter_.add_kinds(v1::MEMBER_KIND_BUSINESS);
  filter_.add_scales(v1::SCALE_MICRO);
  filter_.add_offers(v1::RESOURCE_KNOWLEDGE);
  filter_.add_languages("jv");
  EXPECT_TRUE(Accepts());
  filter_.set_verified(true);
  EXPECT_FALSE(Accepts());
  filter_.set_verified(false);
  filter_.add_offers(v1::RESOURCE_CAPITAL);
  EXPECT_FALSE(Accepts());
}

TEST_F(MemberFilterTest, LeavesOutWhomTheCallerExcludes) {
  filter_.add_exclude_ids("sari");
  EXPECT_FALSE(Accepts());
}

TEST_F(MemberFilterTest, NamesEveryBadValue) {
  filter_.add_region_codes("33");
  filter_.add_region_codes("00");
  filter_.add_sector_codes("99999");
  filter_.add_exclude_ids("no spaces");
  filter_.add_kinds(static_cast<v1::MemberKind>(77));
  filter_.add_languages("EN");

  const absl::Status status = ValidateFilter(filter_, "filter");

  EXPECT_THAT(status, NamesField("filter.region_codes[1]"));
  EXPECT_THAT(status, NamesField("filter.sector_codes[0]"));
  EXPECT_THAT(status, NamesField("filter.exclude_ids[0]"));
  EXPECT_THAT(status, NamesField("filter.kinds[0]"));
  EXPECT_THAT(status, NamesField("filter.languages[0]"));
  EXPECT_THAT(status, testing::Not(NamesField("filter.region_codes[0]")));
}

TEST_F(MemberFilterTest, RefusesTooManyExclusions) {
  for (int i = 0; i < 1001; ++i) filter_.add_exclude_ids("x");
  EXPECT_THAT(ValidateFilter(filter_, "filter"),
              NamesField("filter.exclude_ids"));
}

}  // namespace
}  // namespace mitra::matching
