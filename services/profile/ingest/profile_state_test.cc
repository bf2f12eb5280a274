#include "services/profile/ingest/profile_state.h"

#include "common/status/status_matchers.h"
#include "common/validation/profile_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mitra/v1/profile.pb.h"

namespace mitra::profile {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const absl::Time kNow = absl::FromUnixSeconds(kTestNow);

v1::Profile Given(v1::Profile profile) {
  NormaliseGiven(profile);
  return profile;
}

Entity Stored(const v1::Profile& given, absl::Time now) {
  const ProfileState state = DeriveState(given, now);
  Entity entity;
  entity.key = given.profile_id();
  entity.revision = 7;
  entity.owner = "platform";
  entity.create_time = now;
  entity.update_time = now;
  entity.body = state.body;
  entity.secret = state.secret;
  return entity;
}

TEST(ProfileStateTest, DropsOutputOnlyFieldsAndNumbersItems) {
  v1::Profile profile = ABakery("a");
  profile.set_owner("somebody");
  profile.set_revision(99);
  profile.mutable_facets(0)->mutable_needs(0)->set_expired(true);
  profile.mutable_facets(0)->add_needs()->set_need_id("need-2");
  profile.mutable_facets(0)->add_needs();

  const v1::Profile given = Given(profile);

  EXPECT_EQ(given.owner(), "");
  EXPECT_EQ(given.revision(), 0u);
  EXPECT_FALSE(given.facets(0).needs(0).expired());
  EXPECT_EQ(given.facets(0).needs(0).need_id(), "need-1");
  EXPECT_EQ(given.facets(0).needs(1).need_id(), "need-2");
  EXPECT_EQ(given.facets(0).needs(2).need_id(), "need-3");
  EXPECT_EQ(Given(given).SerializeAsString(), given.SerializeAsString());
}

TEST(ProfileStateTest, FollowersSeeNeitherContactNorDocumentNumbers) {
  const Entity entity = Stored(Given(ABakery("a")), kNow);

  EXPECT_THAT(entity.body, Not(HasSubstr("+628123")));
  EXPECT_THAT(entity.body, Not(HasSubstr("2063372010001")));
  EXPECT_THAT(entity.body, Not(HasSubstr("nib-of-a")));
}

TEST(ProfileStateTest, TheOwnerSeesAllAndOthersNothingPrivate) {
  const Entity entity = Stored(Given(ABakery("a")), kNow);

  MITRA_ASSERT_OK_AND_ASSIGN(const v1::Profile own, ViewOf(entity, 1, true));
  MITRA_ASSERT_OK_AND_ASSIGN(const v1::Profile other, ViewOf(entity, 1, false));

  EXPECT_EQ(own.contact().phone(), "+6281234567890");
  EXPECT_EQ(own.norms(0).number(), "2063372010001-26");
  EXPECT_EQ(own.external_ids_size(), 1);
  EXPECT_EQ(own.revision(), 7u);
  EXPECT_EQ(own.etag(), "00000001-7");
  EXPECT_FALSE(other.has_contact());
  EXPECT_EQ(other.norms(0).number(), "");
  EXPECT_EQ(other.external_ids_size(), 0);
  EXPECT_EQ(other.owner(), "");
}

TEST(ProfileStateTest, TheGivenFormComesBackWhole) {
  v1::Profile profile = ABakery("a");
  profile.mutable_sectors(0)->set_edition(v1::KBLI_EDITION_2015);
  v1::Need& need = *profile.mutable_facets(0)->mutable_needs(0);
  need.mutable_expire_time()->set_seconds(kTestNow - 5);
  const v1::Profile given = Given(profile);

  MITRA_ASSERT_OK_AND_ASSIGN(const v1::Profile back,
                             GivenOf(Stored(given, kNow)));

  EXPECT_EQ(back.SerializeAsString(), given.SerializeAsString());
}

TEST(ProfileStateTest, FollowersSeeTodaysSectorsAndOwnersTheirOwn) {
  v1::Profile profile = ABakery("a");
  profile.mutable_sectors(0)->set_edition(v1::KBLI_EDITION_2015);
  const Entity entity = Stored(Given(profile), kNow);

  v1::Profile shown;
  ASSERT_TRUE(shown.ParseFromString(entity.body));
  EXPECT_EQ(shown.sectors(0).edition(), v1::KBLI_EDITION_2020);
  MITRA_ASSERT_OK_AND_ASSIGN(const v1::Profile own, ViewOf(entity, 1, true));
  EXPECT_EQ(own.sectors(0).edition(), v1::KBLI_EDITION_2015);
}

TEST(ProfileStateTest, ExpiryIsMarkedWhenItsTimeHasComeAndTheNextOneIsKnown) {
  v1::Profile profile = ABakery("a");
  v1::Facet& facet = *profile.mutable_facets(0);
  facet.mutable_needs(0)->mutable_expire_time()->set_seconds(kTestNow);
  facet.mutable_offers(0)->mutable_expire_time()->set_seconds(kTestNow + 60);
  profile.mutable_norms(0)->mutable_valid_to_time()->set_seconds(kTestNow + 90);
  const v1::Profile given = Given(profile);

  v1::Profile shown;
  const ProfileState state = DeriveState(given, kNow, &shown);

  EXPECT_TRUE(shown.facets(0).needs(0).expired());
  EXPECT_FALSE(shown.facets(0).offers(0).expired());
  EXPECT_EQ(state.next_expiry, kNow + absl::Seconds(60));
  EXPECT_EQ(DeriveState(given, kNow + absl::Seconds(60)).next_expiry,
            kNow + absl::Seconds(90));
  EXPECT_EQ(DeriveState(given, kNow + absl::Seconds(90)).next_expiry,
            std::nullopt);
}

TEST(ProfileStateTest, APauseEndsByItselfAndAnEventIsOverByItself) {
  v1::Profile profile = ABakery("a");
  profile.mutable_facets(0)->set_paused(true);
  profile.mutable_facets(0)->mutable_pause_until_time()->set_seconds(kTestNow +
                                                                     10);
  const v1::Profile paused = Given(profile);
  v1::Profile event = ABakery("b");
  event.set_kind(v1::MEMBER_KIND_EVENT);
  event.mutable_event()->mutable_start_time()->set_seconds(kTestNow);
  event.mutable_event()->mutable_end_time()->set_seconds(kTestNow + 10);
  const v1::Profile given_event = Given(event);

  v1::Profile before, after;
  DeriveState(paused, kNow, &before);
  DeriveState(paused, kNow + absl::Seconds(10), &after);
  EXPECT_TRUE(before.facets(0).paused());
  EXPECT_FALSE(after.facets(0).paused());
  DeriveState(given_event, kNow, &before);
  DeriveState(given_event, kNow + absl::Seconds(10), &after);
  EXPECT_FALSE(before.facets(0).paused());
  EXPECT_TRUE(after.facets(0).paused());
  MITRA_ASSERT_OK_AND_ASSIGN(
      const v1::Profile back,
      GivenOf(Stored(given_event, kNow + absl::Seconds(10))));
  EXPECT_FALSE(back.facets(0).paused()) << "the owner never said so";
}

TEST(ProfileStateTest, BytesThatCannotBeReadAreAnErrorNotAProfile) {
  Entity entity = Stored(Given(ABakery("a")), kNow);
  entity.body = "\xFF\xFF\xFF";
  EXPECT_THAT(ViewOf(entity, 1, true), HasReason("DAMAGED_RECORD"));
  entity.damaged = true;
  EXPECT_THAT(GivenOf(entity), HasReason("DAMAGED_RECORD"));
}

}  // namespace
}  // namespace mitra::profile
