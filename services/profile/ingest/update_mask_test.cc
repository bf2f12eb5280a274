#include "services/profile/ingest/update_mask.h"

#include "common/status/status_matchers.h"
#include "common/validation/profile_testing.h"
#include "gtest/gtest.h"
#include "mitra/v1/profiles_service.pb.h"

namespace mitra::profile {
namespace {

TEST(UpdateMaskTest, WithoutAMaskEveryFieldThatIsSetIsChanged) {
  v1::Profile profile = ABakery("a");
  v1::UpdateProfileRequest request;
  request.mutable_profile()->set_profile_id("a");
  request.mutable_profile()->set_display_name("Roti Baru");
  request.mutable_profile()->set_owner("me");

  MITRA_ASSERT_OK(ApplyUpdate(request, profile));

  v1::Profile expected = ABakery("a");
  expected.set_display_name("Roti Baru");
  EXPECT_EQ(profile.SerializeAsString(), expected.SerializeAsString());
}

TEST(UpdateMaskTest, AnEmptyMaskChangesNothing) {
  v1::Profile profile = ABakery("a");
  v1::UpdateProfileRequest request;
  *request.mutable_profile() = ABakery("a");
  request.mutable_profile()->set_display_name("Roti Baru");
  request.mutable_update_mask();

  MITRA_ASSERT_OK(ApplyUpdate(request, profile));

  EXPECT_EQ(profile.display_name(), ABakery("a").display_name());
}

TEST(UpdateMaskTest, ANamedFieldThatIsNotSetIsCleared) {
  v1::Profile profile = ABakery("a");
  v1::UpdateProfileRequest request;
  request.mutable_update_mask()->add_paths("contact");
  request.mutable_update_mask()->add_paths("norms");
  request.mutable_update_mask()->add_paths("about");

  MITRA_ASSERT_OK(ApplyUpdate(request, profile));

  EXPECT_FALSE(profile.has_contact());
  EXPECT_EQ(profile.norms_size(), 0);
  EXPECT_EQ(profile.about(), "");
  EXPECT_EQ(profile.display_name(), ABakery("a").display_name());
}

TEST(UpdateMaskTest, ARepeatedFieldIsReplacedNotAdded) {
  v1::Profile profile = ABakery("a");
  v1::UpdateProfileRequest request;
  request.mutable_profile()->add_languages("jv");
  request.mutable_update_mask()->add_paths("languages");
  request.mutable_update_mask()->add_paths("languages");

  MITRA_ASSERT_OK(ApplyUpdate(request, profile));

  ASSERT_EQ(profile.languages_size(), 1);
  EXPECT_EQ(profile.languages(0), "jv");
}

TEST(UpdateMaskTest, UnknownAndOutputOnlyPathsAreRefused) {
  for (const char* path :
       {"nothing", "facets.role", "", "profile_id", "revision", "owner", "*"}) {
    v1::Profile profile = ABakery("a");
    v1::UpdateProfileRequest request;
    request.mutable_update_mask()->add_paths("about");
    request.mutable_update_mask()->add_paths(path);

    EXPECT_THAT(ApplyUpdate(request, profile),
                NamesField("update_mask.paths[1]"))
        << path;
    EXPECT_EQ(profile.about(), ABakery("a").about());
  }
}

TEST(UpdateMaskTest, TwoMasksNeverTouchOtherFields) {
  v1::Profile profile = ABakery("a");
  v1::UpdateProfileRequest first;
  first.mutable_profile()->set_about("satu");
  first.mutable_profile()->set_hidden(true);
  first.mutable_update_mask()->add_paths("about");
  v1::UpdateProfileRequest second;
  second.mutable_profile()->set_hidden(true);
  second.mutable_profile()->set_about("dua");
  second.mutable_update_mask()->add_paths("hidden");

  MITRA_ASSERT_OK(ApplyUpdate(first, profile));
  EXPECT_FALSE(profile.hidden());
  MITRA_ASSERT_OK(ApplyUpdate(second, profile));

  EXPECT_EQ(profile.about(), "satu");
  EXPECT_TRUE(profile.hidden());
}

}  // namespace
}  // namespace mitra::profile
