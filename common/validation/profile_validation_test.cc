#include "common/validation/profile_validation.h"

#include <functional>
#include <limits>
#include <string>

#include "common/status/status_matchers.h"
#include "common/validation/profile_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mitra {
namespace {

using ::testing::HasSubstr;

const VectorRules kCallerVectors = {
    .dimension = 4, .from_callers = true, .model = "minilm"};

absl::Status Validate(const v1::Profile& profile,
                      const VectorRules& rules = {}) {
  return ValidateProfile(profile, FieldPath("profile"), rules);
}

TEST(ProfileValidationTest, TakesAGoodProfile) {
  MITRA_EXPECT_OK(Validate(ABakery("warung-1")));
}

TEST(ProfileValidationTest, FieldPathsStartAtTheRequest) {
  v1::Profile profile = ABakery("a");
  profile.set_scale(static_cast<v1::Scale>(77));

  EXPECT_THAT(ValidateProfile(profile, FieldPath("profiles", 3), {}),
              NamesField("profiles[3].scale"));
}

// One change that makes the bakery bad, and the field that must be named.
struct Fault {
  const char* what;
  std::string field;
  std::function<void(v1::Profile&)> make;
};

void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.what; }

class ProfileFaultTest : public ::testing::TestWithParam<Fault> {};

TEST_P(ProfileFaultTest, IsRefusedByTheNameOfItsField) {
  v1::Profile profile = ABakery("a");
  GetParam().make(profile);

  EXPECT_THAT(Validate(profile), NamesField(GetParam().field));
}

// A subject that is only in a request is held to the same, but for what only
// the record needs.
TEST_P(ProfileFaultTest, IsRefusedInADraftAsWell) {
  v1::Profile profile = ABakery("a");
  GetParam().make(profile);
  const absl::string_view what = GetParam().what;
  const bool missing = what == "no id" || what == "no name" ||
                       what == "no kind" || what == "no region";

  const absl::Status status = ValidateDraft(profile, FieldPath("profile"), {});

  if (missing) {
    MITRA_EXPECT_OK(status);
  } else {
    EXPECT_THAT(status, NamesField(GetParam().field));
  }
}

const double kNan = std::numeric_limits<double>::quiet_NaN();

v1::Need& TheNeed(v1::Profile& p) {
  return *p.mutable_facets(0)->mutable_needs(0);
}
v1::Offer& TheOffer(v1::Profile& p) {
  return *p.mutable_facets(0)->mutable_offers(0);
}

INSTANTIATE_TEST_SUITE_P(
    IdsAndTexts, ProfileFaultTest,
    ::testing::ValuesIn(std::vector<Fault>{
        {"no id", "profile.profile_id", [](auto& p) { p.clear_profile_id(); }},
        {"slash in the id", "profile.profile_id",
         [](auto& p) { p.set_profile_id("team/a"); }},
        {"percent in the id", "profile.profile_id",
         [](auto& p) { p.set_profile_id("a%2Fb"); }},
        {"space in the id", "profile.profile_id",
         [](auto& p) { p.set_profile_id("a b"); }},
        {"dots only", "profile.profile_id",
         [](auto& p) { p.set_profile_id(".."); }},
        {"accent in the id", "profile.profile_id",
         [](auto& p) { p.set_profile_id("\xC3\xA9"); }},
        {"id of 65 bytes", "profile.profile_id",
         [](auto& p) { p.set_profile_id(std::string(65, 'a')); }},
        {"no name", "profile.display_name",
         [](auto& p) { p.clear_display_name(); }},
        {"name of spaces", "profile.display_name",
         [](auto& p) { p.set_display_name("   "); }},
        {"long name", "profile.display_name",
         [](auto& p) { p.set_display_name(std::string(201, 'a')); }},
        {"line break in the name", "profile.display_name",
         [](auto& p) { p.set_display_name("a\nb"); }},
        {"broken UTF-8", "profile.about",
         [](auto& p) { p.set_about("ab\xC3\x28"); }},
        {"surrogate", "profile.about",
         [](auto& p) { p.set_about("\xED\xA0\x80"); }},
        {"overlong form", "profile.about",
         [](auto& p) { p.set_about("\xC0\xAF"); }},
        {"NUL", "profile.about",
         [](auto& p) { p.set_about(std::string("a\0b", 3)); }},
        {"long text", "profile.about",
         [](auto& p) { p.set_about(std::string(4001, 'a')); }},
        {"long headline", "profile.facets[0].headline",
         [](auto& p) {
           p.mutable_facets(0)->set_headline(std::string(501, 'a'));
         }},
        {"long need", "profile.facets[0].needs[0].text",
         [](auto& p) { TheNeed(p).set_text(std::string(2001, 'a')); }},
        {"odd need id", "profile.facets[0].needs[0].need_id",
         [](auto& p) { TheNeed(p).set_need_id("a/b"); }},
        {"odd phone", "profile.contact.phone",
         [](auto& p) { p.mutable_contact()->set_phone("0812"); }},
        {"odd mail", "profile.contact.email",
         [](auto& p) { p.mutable_contact()->set_email("a b@c"); }},
        {"unsafe link", "profile.links[0].url",
         [](auto& p) {
           auto* link = p.add_links();
           link->set_kind("website");
           link->set_url("javascript:alert(1)");
         }},
        {"odd language", "profile.languages[1]",
         [](auto& p) { p.add_languages("Indonesian"); }},
        {"huge profile", "profile",
         [](auto& p) {
           for (int i = 0; i < 50; ++i) {
             auto* product = p.add_products();
             product->set_product_id("p" + std::to_string(i));
             product->set_description(std::string(2000, 'a'));
           }
           for (int i = 1; i < 16; ++i) {
             *p.mutable_facets(0)->add_needs() = TheNeed(p);
             p.mutable_facets(0)->mutable_needs(i)->set_text(
                 std::string(2000, 'a'));
             *p.mutable_facets(0)->add_offers() = TheOffer(p);
             p.mutable_facets(0)->mutable_offers(i)->set_text(
                 std::string(2000, 'a'));
           }
         }},
    }));

INSTANTIATE_TEST_SUITE_P(
    CodesAndEnums, ProfileFaultTest,
    ::testing::ValuesIn(std::vector<Fault>{
        {"no kind", "profile.kind", [](auto& p) { p.clear_kind(); }},
        {"unknown kind", "profile.kind",
         [](auto& p) { p.set_kind(static_cast<v1::MemberKind>(99)); }},
        {"unknown role", "profile.facets[0].role",
         [](auto& p) {
           p.mutable_facets(0)->set_role(static_cast<v1::Role>(-5));
         }},
        {"no role", "profile.facets[0].role",
         [](auto& p) { p.mutable_facets(0)->clear_role(); }},
        {"unknown resource", "profile.facets[0].needs[0].resource",
         [](auto& p) {
           TheNeed(p).set_resource(static_cast<v1::Resource>(42));
         }},
        {"unknown region", "profile.region_code",
         [](auto& p) { p.set_region_code("99.99"); }},
        {"a province is too broad", "profile.region_code",
         [](auto& p) { p.set_region_code("33"); }},
        {"no region", "profile.region_code",
         [](auto& p) { p.clear_region_code(); }},
        {"unknown sector", "profile.sectors[0].code",
         [](auto& p) { p.mutable_sectors(0)->set_code("00000"); }},
        {"section letter", "profile.sectors[0].code",
         [](auto& p) { p.mutable_sectors(0)->set_code("C"); }},
        {"unknown edition", "profile.sectors[0].edition",
         [](auto& p) {
           p.mutable_sectors(0)->set_edition(static_cast<v1::KbliEdition>(9));
         }},
        {"unknown accepted norm", "profile.facets[0].acceptance.norms[0]",
         [](auto& p) {
           p.mutable_facets(0)->mutable_acceptance()->add_norms(
               static_cast<v1::NormKind>(88));
         }},
        {"unknown accepted region",
         "profile.facets[0].acceptance.region_codes[0]",
         [](auto& p) {
           p.mutable_facets(0)->mutable_acceptance()->add_region_codes("xx");
         }},
        {"unknown currency", "profile.facets[0].needs[0].money.currency_code",
         [](auto& p) { TheNeed(p).mutable_money()->set_currency_code("Rp"); }},
        {"currency that there is not",
         "profile.facets[0].needs[0].money.currency_code",
         [](auto& p) { TheNeed(p).mutable_money()->set_currency_code("XQX"); }},
        {"absurd money", "profile.facets[0].offers[0].money.units",
         [](auto& p) {
           TheOffer(p).mutable_money()->set_currency_code("IDR");
           TheOffer(p).mutable_money()->set_units(9'000'000'000'000'000'000);
         }},
        {"unknown accepted role", "profile.facets[0].acceptance.roles[0]",
         [](auto& p) {
           p.mutable_facets(0)->mutable_acceptance()->add_roles(
               static_cast<v1::Role>(99));
         }},
        {"slash in a product's id", "profile.products[0].product_id",
         [](auto& p) { p.add_products()->set_product_id("a/b"); }},
        {"odd system", "profile.external_ids[0].system",
         [](auto& p) { p.mutable_external_ids(0)->set_system("NIB!"); }},
        {"verified by nobody", "profile.norms[0].verifier",
         [](auto& p) {
           p.mutable_norms(0)->set_status(v1::NORM_STATUS_VERIFIED);
         }},
    }));

INSTANTIATE_TEST_SUITE_P(
    NumbersAndDates, ProfileFaultTest,
    ::testing::ValuesIn(std::vector<Fault>{
        {"negative amount", "profile.facets[0].needs[0].quantity.amount",
         [](auto& p) {
           TheNeed(p).mutable_quantity()->set_amount(-1);
           TheNeed(p).mutable_quantity()->set_unit("kg");
         }},
        {"absurd amount", "profile.facets[0].needs[0].quantity.amount",
         [](auto& p) { TheNeed(p).mutable_quantity()->set_amount(1e300); }},
        {"amount that is no number",
         "profile.facets[0].offers[0].quantity.amount",
         [](auto& p) { TheOffer(p).mutable_quantity()->set_amount(kNan); }},
        {"unknown unit", "profile.facets[0].needs[0].quantity.unit",
         [](auto& p) { TheNeed(p).mutable_quantity()->set_unit("bushel"); }},
        {"negative money", "profile.facets[0].needs[0].money.units",
         [](auto& p) { TheNeed(p).mutable_money()->set_units(-5); }},
        {"negative term", "profile.facets[0].needs[0].term",
         [](auto& p) { TheNeed(p).mutable_term()->set_seconds(-1); }},
        {"date before 1990", "profile.facets[0].needs[0].expire_time",
         [](auto& p) { TheNeed(p).mutable_expire_time()->set_seconds(0); }},
        {"date after 2100", "profile.facets[0].needs[0].expire_time",
         [](auto& p) {
           TheNeed(p).mutable_expire_time()->set_seconds(
               std::numeric_limits<int64_t>::max());
         }},
        {"date long before our time", "profile.facets[0].needs[0].expire_time",
         [](auto& p) {
           TheNeed(p).mutable_expire_time()->set_seconds(-99'999'999'999);
         }},
        {"norm of the year 3 million", "profile.norms[0].valid_to_time",
         [](auto& p) {
           p.mutable_norms(0)->mutable_valid_to_time()->set_seconds(
               94'670'000'000'000);
         }},
        {"odd nanos", "profile.facets[0].pause_until_time",
         [](auto& p) {
           auto* time = p.mutable_facets(0)->mutable_pause_until_time();
           time->set_seconds(kTestNow);
           time->set_nanos(-1);
         }},
        {"norm that ends before it begins", "profile.norms[0].valid_to_time",
         [](auto& p) {
           p.mutable_norms(0)->mutable_valid_from_time()->set_seconds(kTestNow);
           p.mutable_norms(0)->mutable_valid_to_time()->set_seconds(kTestNow -
                                                                    1);
         }},
        {"more seats taken than there are",
         "profile.facets[0].seats.taken_elsewhere",
         [](auto& p) {
           p.mutable_facets(0)->mutable_seats()->set_total(2);
           p.mutable_facets(0)->mutable_seats()->set_taken_elsewhere(3);
         }},
        {"too many seats", "profile.facets[0].seats.total",
         [](auto& p) {
           p.mutable_facets(0)->mutable_seats()->set_total(100'001);
         }},
        {"seats as far as they count", "profile.facets[0].seats.total",
         [](auto& p) {
           p.mutable_facets(0)->mutable_seats()->set_total(4'000'000'000);
         }},
        {"event without time", "profile.event.start_time",
         [](auto& p) { p.set_kind(v1::MEMBER_KIND_EVENT); }},
    }));

INSTANTIATE_TEST_SUITE_P(
    ListsAndRepeats, ProfileFaultTest,
    ::testing::ValuesIn(std::vector<Fault>{
        {"no facet", "profile.facets", [](auto& p) { p.clear_facets(); }},
        {"five facets", "profile.facets",
         [](auto& p) {
           for (int i = 2; i <= 5; ++i) {
             p.add_facets()->set_role(static_cast<v1::Role>(i));
           }
         }},
        {"a role twice", "profile.facets[1].role",
         [](auto& p) { p.add_facets()->set_role(v1::ROLE_BUSINESS); }},
        {"seventeen needs", "profile.facets[0].needs",
         [](auto& p) {
           for (int i = 0; i < 16; ++i) {
             *p.mutable_facets(0)->add_needs() = TheNeed(p);
           }
         }},
        {"a need id twice", "profile.facets[0].needs[1].need_id",
         [](auto& p) {
           TheNeed(p).set_need_id("n");
           *p.mutable_facets(0)->add_needs() = TheNeed(p);
         }},
        {"an external id twice", "profile.external_ids[1]",
         [](auto& p) { *p.add_external_ids() = p.external_ids(0); }},
        {"norm of an unknown product", "profile.norms[0].product_id",
         [](auto& p) { p.mutable_norms(0)->set_product_id("nothing"); }},
        {"nine sectors", "profile.sectors",
         [](auto& p) {
           for (int i = 0; i < 8; ++i) *p.add_sectors() = p.sectors(0);
         }},
    }));

// A caller's vector of 4 numbers is expected.
struct VectorFault {
  const char* what;
  std::vector<float> values;
  const char* says;
};

void PrintTo(const VectorFault& fault, std::ostream* out) {
  *out << fault.what;
}

class VectorFaultTest : public ::testing::TestWithParam<VectorFault> {};

TEST_P(VectorFaultTest, IsRefusedAndSaysWhy) {
  v1::Profile profile = ABakery("a");
  for (const float value : GetParam().values) {
    profile.mutable_facets(0)->mutable_offer_vector()->add_values(value);
  }
  profile.mutable_facets(0)->mutable_offer_vector()->set_model_id("minilm");

  const absl::Status status = Validate(profile, kCallerVectors);

  EXPECT_THAT(status, NamesField("profile.facets[0].offer_vector"));
  EXPECT_THAT(status.message(), HasSubstr(GetParam().says));
}

const float kFloatNan = std::numeric_limits<float>::quiet_NaN();
const float kFloatInf = std::numeric_limits<float>::infinity();

INSTANTIATE_TEST_SUITE_P(
    Kinds, VectorFaultTest,
    ::testing::Values(
        VectorFault{"not a number", {1, 0, kFloatNan, kFloatNan}, "2"},
        VectorFault{"infinite", {1, kFloatInf, 0, 0}, "1"},
        VectorFault{"all zeros", {0, 0, 0, 0}, "zero"},
        VectorFault{"length underflows", {1e-30f, 1e-30f, 0, 0}, ""},
        VectorFault{"too short", {1, 0, 0}, "3"},
        VectorFault{"too long", {1, 0, 0, 0, 0}, "5"},
        VectorFault{"empty", {}, "0"}));

v1::Profile WithAVector() {
  v1::Profile profile = ABakery("a");
  v1::Vector& vector = *profile.mutable_facets(0)->mutable_need_vector();
  for (int i = 0; i < 4; ++i) vector.add_values(0.5f);
  vector.set_model_id("minilm");
  return profile;
}

TEST(ProfileValidationTest, AVectorOfAnotherModelIsRefused) {
  v1::Profile profile = WithAVector();
  v1::Vector& vector = *profile.mutable_facets(0)->mutable_need_vector();
  for (const char* model : {"", "MiniLM", "other"}) {
    vector.set_model_id(model);
    EXPECT_THAT(Validate(profile, kCallerVectors),
                NamesField("profile.facets[0].need_vector.model_id"));
  }
}

TEST(ProfileValidationTest, RulesFollowFromTheNameOfTheSpace) {
  const VectorRules own = VectorRulesOf("hashing-v1/128/1");
  EXPECT_FALSE(own.from_callers);
  EXPECT_EQ(own.dimension, 128u);
  const VectorRules callers = VectorRulesOf("minilm/4/1");
  EXPECT_TRUE(callers.from_callers);
  MITRA_EXPECT_OK(Validate(WithAVector(), callers));
  EXPECT_FALSE(VectorRulesOf("").from_callers);
  EXPECT_FALSE(VectorRulesOf("minilm/x/1").from_callers);
}

TEST(ProfileValidationTest, ADraftNeedsOnlyAFacet) {
  v1::Profile draft;
  draft.add_facets()->set_role(v1::ROLE_BUSINESS);
  MITRA_EXPECT_OK(ValidateDraft(draft, FieldPath("profile"), {}));
  draft.clear_facets();
  EXPECT_THAT(ValidateDraft(draft, FieldPath("profile"), {}),
              NamesField("profile.facets"));
}

TEST(ProfileValidationTest, TakesAGoodVectorOnlyInACallersSpace) {
  const v1::Profile profile = WithAVector();

  MITRA_EXPECT_OK(Validate(profile, kCallerVectors));
  EXPECT_THAT(Validate(profile, {.dimension = 4, .from_callers = false}),
              NamesField("profile.facets[0].need_vector"));
}

TEST(ProfileValidationTest, NamesAllFieldsThatAreWrongAtOnce) {
  v1::Profile profile = ABakery("a");
  profile.clear_display_name();
  profile.set_region_code("?");

  const absl::Status status = Validate(profile);

  EXPECT_THAT(status, NamesField("profile.display_name"));
  EXPECT_THAT(status, NamesField("profile.region_code"));
}

TEST(ProfileValidationTest, ErrorsNeverQuoteTheContent) {
  v1::Profile profile = ABakery("a");
  profile.mutable_contact()->set_phone("rahasia-saya");

  EXPECT_THAT(std::string(Validate(profile).message()),
              ::testing::Not(HasSubstr("rahasia")));
}

}  // namespace
}  // namespace mitra
